//! Literals.

use super::Printer;
use crate::ast::{Dynamic, Literal};
use crate::time::{format_datetime, format_timespan};

impl Printer {
    pub(super) fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Bool(value) => {
                self.maybe_null("bool", value.as_ref(), |value| value.to_string())
            }
            Literal::Int(value) => match value {
                Some(value) => self.push(&format!("int({value})")),
                None => self.push("int(null)"),
            },
            Literal::Long(Some(value)) if *value < 0 => self.push(&format!("long({value})")),
            Literal::Long(value) => {
                self.maybe_null("long", value.as_ref(), |value| value.to_string())
            }
            Literal::Real(value) => self.maybe_null("real", value.as_ref(), |value| real(*value)),
            Literal::Decimal(Some(value)) => self.push(&format!("decimal({value})")),
            Literal::Decimal(None) => self.push("decimal(null)"),
            Literal::String { value, hidden } => {
                if *hidden {
                    self.push("h");
                }
                self.string(value);
            }
            Literal::DateTime(Some(ticks)) => {
                self.push(&format!("datetime({})", format_datetime(*ticks)))
            }
            Literal::DateTime(None) => self.push("datetime(null)"),
            Literal::TimeOfDay(ticks) => self.push(&format!("datetime({})", clock(*ticks))),
            Literal::TimeSpan(value) => {
                self.maybe_null("timespan", value.as_ref(), |ticks| format_timespan(*ticks))
            }
            Literal::Guid(Some(value)) => self.push(&format!("guid({value})")),
            Literal::Guid(None) => self.push("guid(null)"),
            Literal::Dynamic(value) => {
                self.push("dynamic(");
                self.dynamic(value);
                self.push(")");
            }
        }
    }

    fn maybe_null<T>(&mut self, ty: &str, value: Option<&T>, text: impl Fn(&T) -> String) {
        match value {
            Some(value) => self.push(&text(value)),
            None => self.push(&format!("{ty}(null)")),
        }
    }

    /// A string literal: verbatim when it has backslashes and nothing that needs an escape.
    pub(super) fn string(&mut self, value: &str) {
        let control = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
        if value.contains('\\') && !value.contains('"') && !value.contains(control) {
            self.push("@\"");
            self.push(value);
            self.push("\"");
        } else {
            self.escaped_string(value);
        }
    }

    fn escaped_string(&mut self, value: &str) {
        self.push("\"");
        for c in value.chars() {
            match c {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                '\n' => self.push("\\n"),
                '\r' => self.push("\\r"),
                '\t' => self.push("\\t"),
                c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                    self.push(&format!("\\u{:04x}", u32::from(c)));
                }
                c => self.out.push(c),
            }
        }
        self.push("\"");
    }

    fn dynamic(&mut self, value: &Dynamic) {
        match value {
            Dynamic::Null => self.push("null"),
            Dynamic::Bool(value) => self.push(if *value { "true" } else { "false" }),
            Dynamic::Long(value) => self.push(&value.to_string()),
            Dynamic::Real(value) => self.push(&format!("{value:?}")),
            Dynamic::String(value) => self.escaped_string(value),
            Dynamic::DateTime(ticks) => {
                self.push(&format!("datetime({})", format_datetime(*ticks)))
            }
            Dynamic::TimeSpan(ticks) => self.push(&format_timespan(*ticks)),
            Dynamic::Guid(value) => self.push(&format!("guid({value})")),
            Dynamic::Array(values) => {
                self.push("[");
                self.list(values, |printer, value| printer.dynamic(value));
                self.push("]");
            }
            Dynamic::Object(pairs) => {
                self.push("{");
                self.list(pairs, |printer, (key, value)| {
                    printer.escaped_string(key);
                    printer.push(": ");
                    printer.dynamic(value);
                });
                self.push("}");
            }
        }
    }
}

/// A real number so that it is read as one: with a point or an exponent, or in `real(…)`.
fn real(value: f64) -> String {
    if value.is_nan() {
        "real(nan)".to_owned()
    } else if value.is_infinite() {
        format!("real({}inf)", if value < 0.0 { "-" } else { "+" })
    } else if value.is_sign_negative() {
        format!("real({value:?})")
    } else {
        format!("{value:?}")
    }
}

/// A time of a day, without what is zero at its end.
fn clock(ticks: i64) -> String {
    const SECOND: i64 = 10_000_000;
    let (minutes, rest) = (ticks / (60 * SECOND), ticks % (60 * SECOND));
    let clock = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    match (rest / SECOND, rest % SECOND) {
        (0, 0) => clock,
        (seconds, 0) => format!("{clock}:{seconds:02}"),
        (seconds, ticks) => format!("{clock}:{seconds:02}.{ticks:07}"),
    }
}
