//! Sysmon's process GUID: machine, start time and a per-boot number in one identifier.

use bartizan_contract::time::ticks_from_unix_seconds;

/// A process GUID in canonical form: lower case, no braces.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let shaped = text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    let zero = text.bytes().all(|b| matches!(b, b'0' | b'-'));
    (shaped && !zero).then(|| text.to_ascii_lowercase())
}

/// The start of the process, in ticks, whole seconds. Groups 2 and 3 of the GUID are the low and
/// the high half of the Unix time.
#[must_use]
pub fn start_ticks(canonical: &str) -> Option<i64> {
    let low = u32::from_str_radix(canonical.get(9..13)?, 16).ok()?;
    let high = u32::from_str_radix(canonical.get(14..18)?, 16).ok()?;
    let seconds = i64::from(high << 16 | low);
    // A zero or absurd value comes from processes that were there before Sysmon.
    (seconds > 0).then(|| ticks_from_unix_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_contract::time::format_iso8601;

    #[test]
    fn start_time_is_inside() {
        let guid = canonical("{3ddc5665-b1b5-5f69-4a00-000000000400}").unwrap();
        assert_eq!(guid, "3ddc5665-b1b5-5f69-4a00-000000000400");
        assert_eq!(
            format_iso8601(start_ticks(&guid).unwrap()),
            "2020-09-22T08:11:33.0000000Z"
        );
    }

    #[test]
    fn nonsense_is_none() {
        assert_eq!(canonical("{00000000-0000-0000-0000-000000000000}"), None);
        assert_eq!(canonical("-"), None);
        assert_eq!(canonical("{3ddc5665-b1b5-5f69-4a00-0000000004é0}"), None);
    }
}
