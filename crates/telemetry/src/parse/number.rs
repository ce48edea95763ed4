//! Numbers that sources write as JSON numbers or as decimal or hexadecimal text.

/// Reads `1234`, `0x4d2` or ` 1234 `. Process ids, logon ids, ports and masks all come this way.
/// Values above `i64::MAX` (a few handles and keywords) wrap to negative as the service shows them.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(u64::cast_signed);
    }
    text.parse::<i64>()
        .ok()
        .or_else(|| text.parse::<u64>().ok().map(u64::cast_signed))
}

/// Reads `true`, `false`, `1`, `0`, `yes`, `no` in any letter case.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_both_bases() {
        assert_eq!(integer("0x1600"), Some(5632));
        assert_eq!(integer("5632"), Some(5632));
        assert_eq!(integer("0x3719fb"), Some(3_611_131));
        assert_eq!(
            integer("-9214364837600034816"),
            Some(-9_214_364_837_600_034_816)
        );
        assert_eq!(
            integer("0x8020000000000000"),
            Some(-9_214_364_837_600_034_816)
        );
        assert_eq!(integer("-"), None);
        assert_eq!(integer("12a"), None);
        assert_eq!(integer("0x"), None);
    }

    #[test]
    fn booleans() {
        assert_eq!(boolean("True"), Some(true));
        assert_eq!(boolean("0"), Some(false));
        assert_eq!(boolean("-"), None);
    }
}
