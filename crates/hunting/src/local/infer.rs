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

impl Inference {
    /// Looks at a value of a CSV file.
    pub(super) fn text(&mut self, value: &str) {
        if value.is_empty() {
            return;
        }
        self.seen |= if value.parse::<i64>().is_ok() {
            LONG
        } else if value.parse::<f64>().is_ok() {
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
            Some(Kind::Number) if value.trim().parse::<i64>().is_ok() => LONG,
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
            LONG => Type::Long,
            REAL => Type::Real,
            TIME => Type::DateTime,
            seen if seen == LONG | REAL => Type::Real,
            seen if seen == TIME | TEXT => Type::String,
            _ => mixed,
        }
    }
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
    }
}
