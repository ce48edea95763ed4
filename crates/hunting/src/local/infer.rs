//! The types of columns from their values.

use bartizan_kql::time::parse_datetime;
use bartizan_kql::types::Type;

use crate::json::{self, Kind};

/// The narrowest type that holds all values of a column; string for none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inference {
    seen: u8,
}

const BOOL: u8 = 1;
const LONG: u8 = 2;
const REAL: u8 = 4;
const TIME: u8 = 8;
const TEXT: u8 = 16;
const OTHER: u8 = 32;
/// Beside `LONG`: an integer of more digits than a real keeps.
const WIDE: u8 = 64;
/// An integer that 64 bits do not hold.
const HUGE: u8 = 128;

/// So many decimal digits come back from a real as they were.
const REAL_DIGITS: usize = 15;

impl Inference {
    /// Looks at a value of a CSV file.
    pub(super) fn text(&mut self, value: &str) {
        if value.is_empty() {
            return;
        }
        self.seen |= if let Some(seen) = integer(value) {
            seen
        } else if is_decimal(value) {
            REAL
        } else if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
            BOOL
        } else if is_time(value) {
            TIME
        } else {
            TEXT
        };
    }

    /// Looks at a JSON value.
    pub(super) fn json(&mut self, value: &str) {
        self.seen |= match json::kind(value) {
            None | Some(Kind::Null) => return,
            Some(Kind::Bool) => BOOL,
            Some(Kind::Number) if is_whole(value.trim()) => integer(value.trim()).unwrap_or(HUGE),
            Some(Kind::Number) => REAL,
            Some(Kind::String) if is_time(&json::string_value(value)) => TIME,
            Some(Kind::String) => TEXT,
            Some(Kind::Array | Kind::Object) => OTHER,
        };
    }

    /// The type; `mixed` for values of several kinds.
    pub(super) fn ty(self, mixed: Type) -> Type {
        match self.seen {
            0 | TEXT => Type::String,
            BOOL => Type::Bool,
            seen if seen & !WIDE == LONG => Type::Long,
            REAL => Type::Real,
            TIME => Type::DateTime,
            seen if seen == LONG | REAL => Type::Real,
            seen if seen == TIME | TEXT => Type::String,
            seen if seen & HUGE != 0 && seen & !(HUGE | WIDE | LONG | REAL | TEXT) == 0 => {
                Type::String
            }
            _ => mixed,
        }
    }
}

/// An integer that a long holds and prints as it is written, which `007` and `+1` are not.
fn integer(value: &str) -> Option<u8> {
    let number: i64 = value.parse().ok()?;
    let wide = digits(value) > REAL_DIGITS;
    (number.to_string() == value).then_some(if wide { LONG | WIDE } else { LONG })
}

/// Digits with at most a minus before them.
fn is_whole(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Digits, a point and digits without leading zeros, of which a real keeps each but zeros at the end. An exponent has a
/// sign, as programs write it: `1e5` may be an identifier.
fn is_decimal(value: &str) -> bool {
    let (mantissa, exponent) = match value.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (value, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, part) = match unsigned.split_once('.') {
        Some(parts) => parts,
        None if exponent.is_some() => (unsigned, "0"),
        None => return false,
    };
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let led = whole.len() > 1 && whole.starts_with('0');
    exponent_fits && !led && plain(whole) && plain(part) && is_kept(value, mantissa)
}

/// Whether a number's digits are those that a real prints.
fn is_kept(value: &str, mantissa: &str) -> bool {
    let Some(number) = value.parse::<f64>().ok().filter(|n| n.is_finite()) else {
        return false;
    };
    let printed = format!("{number:e}");
    let printed = printed.split('e').next().unwrap_or_default();
    significant(printed) == significant(mantissa)
}

/// The digits of a number without zeros before and behind them.
fn significant(mantissa: &str) -> String {
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

fn digits(value: &str) -> usize {
    value.bytes().filter(u8::is_ascii_digit).count()
}

/// An ISO 8601 date with a time: anything looser would turn version numbers into dates.
fn is_time(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b' ')
        && parse_datetime(value).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_count() {
        let of = |values: &[&str]| {
            let mut inference = Inference::default();
            values.iter().for_each(|v| inference.text(v));
            inference.ty(Type::String)
        };
        assert_eq!(of(&["1", "", "2"]), Type::Long);
        assert_eq!(of(&["1", "2.5"]), Type::Real);
        assert_eq!(of(&["1", "x"]), Type::String);
        assert_eq!(of(&["2026-01-02T03:04:05Z"]), Type::DateTime);
        assert_eq!(of(&["2026-01-02T03:04:05Z", "never"]), Type::String);
        assert_eq!(of(&["10.0.17763.1"]), Type::String);
        assert_eq!(of(&["True", "false"]), Type::Bool);
        assert_eq!(of(&["-9223372036854775808", "0"]), Type::Long);
        assert_eq!(of(&["-0.5", "12.50"]), Type::Real);
        assert_eq!(
            of(&["0.1234567890123456", "0.30000000000000004"]),
            Type::Real
        );
        assert_eq!(of(&["1", "1e-05", "-2.5E+10", "0.0"]), Type::Real);
        for text in [
            "007",
            "+5",
            "-0",
            "1e5",
            "00.5",
            ".5",
            "5.",
            "inf",
            "NaN",
            "1.-5",
            "--1",
            "12345678901234567890",
            "0.12345678901234567891",
            "1e-",
            "1.5e5",
            "1e+999",
            "1e-999",
        ] {
            assert_eq!(of(&["1", text]), Type::String, "{text}");
        }
        // As a real, the first would be another number.
        assert_eq!(of(&["9007199254740993", "0.5"]), Type::String);
    }

    #[test]
    fn json_integers_are_not_rounded() {
        let of = |values: &[&str]| {
            let mut inference = Inference::default();
            values.iter().for_each(|v| inference.json(v));
            inference.ty(Type::Dynamic)
        };
        assert_eq!(of(&["1", "-7", "null"]), Type::Long);
        assert_eq!(of(&["1", "1e5"]), Type::Real);
        assert_eq!(of(&["1", "12345678901234567890"]), Type::String);
        assert_eq!(of(&["9007199254740993", "0.5"]), Type::Dynamic);
    }
}
