//! Graph's `Timespan`: an ISO 8601 duration or interval (`P30D`, `2024-02-01T08:00:00Z/2024-02-15T08:00:00Z`,
//! `P3D/2024-02-15Z`, `2024-02-01/PT12H`), in .NET ticks.

use std::time::Duration;

use bartizan_contract::time::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND, parse_iso8601,
};

/// A text that is no timespan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a timespan: give an ISO 8601 duration such as P7D or PT12H, or an interval start/end, duration/end or start/duration"
)]
pub struct TimespanError(String);

/// Start and end in ticks; a bare duration ends `now`.
///
/// # Errors
/// [`TimespanError`].
pub fn parse(text: &str, now: i64) -> Result<(i64, i64), TimespanError> {
    let wrong = || TimespanError(text.to_owned());
    let interval = match text.trim().split_once('/') {
        None => duration(text.trim()).and_then(|d| Some((now.checked_sub(d)?, now))),
        Some((first, second)) => match (duration(first), duration(second)) {
            (Some(d), None) => instant(second).and_then(|end| Some((end.checked_sub(d)?, end))),
            (None, Some(d)) => {
                instant(first).and_then(|start| Some((start, start.checked_add(d)?)))
            }
            (None, None) => instant(first).zip(instant(second)),
            (Some(_), Some(_)) => None,
        },
    };
    interval
        .filter(|(start, end)| start <= end)
        .ok_or_else(wrong)
}

fn instant(text: &str) -> Option<i64> {
    parse_iso8601(text.trim())
}

/// Days, hours, minutes and seconds; years and months have no fixed length and weeks stand alone.
fn duration(text: &str) -> Option<i64> {
    let body = text.trim().strip_prefix(['P', 'p'])?;
    let (date, time) = match body.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (body, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = parts(date, &[('W', 7 * TICKS_PER_DAY), ('D', TICKS_PER_DAY)])?;
    let units = [
        ('H', TICKS_PER_HOUR),
        ('M', TICKS_PER_MINUTE),
        ('S', TICKS_PER_SECOND),
    ];
    date.checked_add(parts(time, &units)?)
}

fn parts(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0i64;
    let mut units = units.iter();
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = text[..end]
            .replace(',', ".")
            .parse()
            .ok()
            .filter(|n| *n >= 0.0)?;
        let letter = text[end..].chars().next()?.to_ascii_uppercase();
        // Units come in falling order, each once.
        let (_, ticks) = units.find(|(unit, _)| *unit == letter)?;
        let ticks = number * *ticks as f64;
        if ticks > 1e17 {
            return None;
        }
        sum = sum.checked_add(ticks as i64)?;
        text = &text[end + 1..];
    }
    Some(sum)
}

/// `hh:mm:ss.fffffff`, as statistics of a hunt print a length of time.
#[must_use]
pub fn clock(length: Duration) -> String {
    let seconds = length.as_secs();
    format!(
        "{:02}:{:02}:{:02}.{:07}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        length.subsec_nanos() / 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * TICKS_PER_DAY;

    #[test]
    fn a_duration_ends_now() {
        assert_eq!(parse("P7D", NOW), Ok((NOW - 7 * TICKS_PER_DAY, NOW)));
        assert_eq!(
            parse("PT1H30M", NOW),
            Ok((NOW - 90 * TICKS_PER_MINUTE, NOW))
        );
        assert_eq!(parse("P1W", NOW), Ok((NOW - 7 * TICKS_PER_DAY, NOW)));
    }

    #[test]
    fn intervals_come_in_three_forms() {
        let day = parse_iso8601("2024-02-01T00:00:00Z").expect("a time");
        let next = day + TICKS_PER_DAY;
        for text in [
            "2024-02-01T00:00:00Z/2024-02-02T00:00:00Z",
            "2024-02-01T00:00:00Z/P1D",
            "P1D/2024-02-02T00:00:00Z",
        ] {
            assert_eq!(parse(text, NOW), Ok((day, next)), "{text}");
        }
    }

    #[test]
    fn what_is_no_timespan_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "7D",
            "P1M",
            "P1D/P1D",
            "P-1D",
            "PT1S1H",
            "2024-02-02T00:00:00Z/2024-02-01T00:00:00Z",
            "P99999999999D",
        ] {
            assert!(parse(text, NOW).is_err(), "{text}");
        }
    }
}
