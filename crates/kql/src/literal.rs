//! The values of literal tokens.

use crate::ast::Literal;
use crate::lexer::{Quote, escape, string_form};
use crate::time::{parse_datetime, parse_timespan};
use crate::token::TypedLiteral;

/// The text that a string literal stands for, and whether it is hidden (`h'…'`). An unterminated literal stands
/// for what is there; an unknown escape for its last character.
pub(crate) fn string_value(text: &str) -> (String, bool) {
    let Some(form) = string_form(text) else {
        return (String::new(), false);
    };
    let body = &text[form.prefix..];
    let value = match form.quote {
        Quote::Multiline(quote) => body.strip_suffix(quote).unwrap_or(body).to_owned(),
        Quote::Verbatim(quote) => {
            let doubled: String = [quote, quote].iter().collect();
            // A closing quote is the odd one at the end.
            let quotes = body.len() - body.trim_end_matches(quote).len();
            let content = if quotes % 2 == 1 {
                &body[..body.len() - 1]
            } else {
                body
            };
            content.replace(&doubled, &quote.to_string())
        }
        Quote::Escaped(quote) => unescape(body, quote),
    };
    (value, form.hidden)
}

fn unescape(body: &str, quote: char) -> String {
    let mut value = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find([quote, '\\']) {
        value.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with(quote) {
            return value;
        }
        let (character, length) =
            escape(rest).map_or((None, 1), |(character, length)| (Some(character), length));
        value.extend(character);
        rest = &rest[length..];
    }
    value.push_str(rest);
    value
}

/// The value of a whole number, decimal or hexadecimal; `None` when it does not fit 64 bits.
/// Hexadecimal numbers of 64 bits wrap to negative ones.
pub(crate) fn long_value(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
        None => text.parse().ok(),
    }
}

/// The value of a typed literal token such as `int(null)`; `None` when what stands in the brackets is no value of
/// the type.
pub(crate) fn typed_value(kind: TypedLiteral, text: &str) -> Option<Literal> {
    let (_, inner) = text.split_once('(')?;
    let inner = inner.strip_suffix(')').unwrap_or(inner).trim();
    if inner.eq_ignore_ascii_case("null") {
        return Some(null(kind));
    }
    let value = unquoted(inner);
    let value = value.trim();
    Some(match kind {
        TypedLiteral::Bool => Literal::Bool(Some(bool_value(value)?)),
        TypedLiteral::Int => Literal::Int(Some(i32::try_from(signed_long(value)?).ok()?)),
        TypedLiteral::Long => Literal::Long(Some(signed_long(value)?)),
        TypedLiteral::Real => Literal::Real(Some(real_value(value)?)),
        TypedLiteral::Decimal => Literal::Decimal(Some(decimal_value(value)?)),
        TypedLiteral::DateTime => Literal::DateTime(Some(datetime_value(value)?)),
        TypedLiteral::TimeSpan => Literal::TimeSpan(Some(parse_timespan(value)?)),
        TypedLiteral::Guid => Literal::Guid(Some(guid_value(value)?)),
    })
}

/// The ticks since midnight of `datetime("09:00")`, which means today.
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    let (_, inner) = text.split_once('(')?;
    let inner = inner.strip_suffix(')').unwrap_or(inner).trim();
    crate::time::parse_time_of_day(&unquoted(inner))
}

fn null(kind: TypedLiteral) -> Literal {
    match kind {
        TypedLiteral::Bool => Literal::Bool(None),
        TypedLiteral::Int => Literal::Int(None),
        TypedLiteral::Long => Literal::Long(None),
        TypedLiteral::Real => Literal::Real(None),
        TypedLiteral::Decimal => Literal::Decimal(None),
        TypedLiteral::DateTime => Literal::DateTime(None),
        TypedLiteral::TimeSpan => Literal::TimeSpan(None),
        TypedLiteral::Guid => Literal::Guid(None),
    }
}

/// `datetime("2026-01-01")` is read like `datetime(2026-01-01)`.
fn unquoted(text: &str) -> String {
    if string_form(text).is_some() {
        string_value(text).0
    } else {
        text.to_owned()
    }
}

/// `true`, `false`, in any case, or a number.
fn bool_value(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        number => signed_long(number).map(|number| number != 0),
    }
}

fn signed_long(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        // Parsed with its sign, so that the smallest number fits.
        Some(rest) if rest.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Some(rest) => long_value(rest.trim_start())?.checked_neg(),
        None => long_value(text.strip_prefix('+').unwrap_or(text)),
    }
}

/// A real number, `nan`, `inf`, `-inf`.
fn real_value(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Some(sign * f64::INFINITY);
    }
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    unsigned
        .parse::<f64>()
        .ok()
        .filter(|_| numeric)
        .map(|value| sign * value)
}

/// Decimal digits with an optional sign and point; exponents are written out.
fn decimal_value(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest.trim_start()),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent: i32 = exponent
        .parse()
        .ok()
        .filter(|exponent: &i32| exponent.abs() <= 38)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let (whole, fraction) = place_point(&digits, point);
    let (whole, fraction) = (
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
    );
    if whole.len() + fraction.len() > 34 {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if whole == "0" && fraction.is_empty() {
        ""
    } else {
        sign
    };
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

/// The digits before and after a point that stands `point` digits from the left.
fn place_point(digits: &str, point: i32) -> (String, String) {
    let at = usize::try_from(point).unwrap_or(0);
    let before = usize::try_from(-point).unwrap_or(0);
    let padded = format!("{}{digits}", "0".repeat(before));
    let padded = format!("{padded:0<at$}");
    (padded[..at].to_owned(), padded[at..].to_owned())
}

/// A datetime text, or the numbers of `datetime(2026, 3, 1)`.
fn datetime_value(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() == 3
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return parse_datetime(&parts.join("-"));
    }
    // `datetime(0)` is the first moment of the calendar, as hunts write it for a time before all others.
    if text == "0" {
        return Some(0);
    }
    parse_datetime(text).or_else(|| {
        // `2025 - 06 - 14` is a date, too.
        let parts: Vec<&str> = text.split('-').map(str::trim).collect();
        (parts.len() == 3).then(|| parse_datetime(&parts.join("-")))?
    })
}

/// A GUID in lower case with hyphens; braces are dropped.
fn guid_value(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(text);
    let digits: String = bare
        .chars()
        .filter(|c| *c != '-')
        .collect::<String>()
        .to_ascii_lowercase();
    let shaped = bare.len() == 32
        || [8, 13, 18, 23]
            .iter()
            .all(|at| bare.as_bytes().get(*at) == Some(&b'-'));
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || !shaped {
        return None;
    }
    let groups = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    Some(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_lose_their_quotes_and_escapes() {
        for (text, value) in [
            (r#"'it\'s'"#, "it's"),
            (r#""a\tb\\c\x41\u00e9\101""#, "a\tb\\c\u{41}éA"),
            (r"@'c:\dir'", r"c:\dir"),
            ("@\"a\"\"b\"", "a\"b"),
            ("@''''", "'"),
            ("@''", ""),
            ("```x\n'y'```", "x\n'y'"),
            ("'open", "open"),
            (r"'a\qb'", "aqb"),
        ] {
            assert_eq!(string_value(text), (value.to_owned(), false), "{text}");
        }
        assert_eq!(string_value("h@'x\\y'"), ("x\\y".to_owned(), true));
    }

    #[test]
    fn typed_literals() {
        use TypedLiteral as T;
        for (kind, text, value) in [
            (T::Int, "int(5)", Some(Literal::Int(Some(5)))),
            (T::Int, "int(-0x10)", Some(Literal::Int(Some(-16)))),
            (T::Int, "int(3000000000)", None),
            (T::Int, "int(null)", Some(Literal::Int(None))),
            (
                T::Long,
                "long(-9223372036854775808)",
                Some(Literal::Long(Some(i64::MIN))),
            ),
            (
                T::Real,
                "real(+inf)",
                Some(Literal::Real(Some(f64::INFINITY))),
            ),
            (
                T::Real,
                "double( -1e3 )",
                Some(Literal::Real(Some(-1000.0))),
            ),
            (T::Bool, "bool(TRUE)", Some(Literal::Bool(Some(true)))),
            (T::Bool, "bool(x)", None),
            (
                T::Decimal,
                "decimal(-001.500)",
                Some(Literal::Decimal(Some("-1.5".to_owned()))),
            ),
            (
                T::Decimal,
                "decimal(1.5e3)",
                Some(Literal::Decimal(Some("1500".to_owned()))),
            ),
            (
                T::Decimal,
                "decimal(1e-3)",
                Some(Literal::Decimal(Some("0.001".to_owned()))),
            ),
            (
                T::DateTime,
                "datetime(2025, 3, 1)",
                Some(Literal::DateTime(Some(638_763_840_000_000_000))),
            ),
            (
                T::DateTime,
                "date('2025-03-01')",
                Some(Literal::DateTime(Some(638_763_840_000_000_000))),
            ),
            (
                T::TimeSpan,
                "time(1.00:00:00)",
                Some(Literal::TimeSpan(Some(864_000_000_000))),
            ),
            (T::Guid, "guid({74BE27DE-1E4E-49D9-B579-FE0B331D3642})", {
                Some(Literal::Guid(Some(
                    "74be27de-1e4e-49d9-b579-fe0b331d3642".to_owned(),
                )))
            }),
            (T::Guid, "guid(74be)", None),
        ] {
            assert_eq!(typed_value(kind, text), value, "{text}");
        }
        let Some(Literal::Real(Some(nan))) = typed_value(T::Real, "real(nan)") else {
            panic!("no real")
        };
        assert!(nan.is_nan());
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(long_value("9223372036854775807"), Some(i64::MAX));
        assert_eq!(long_value("9223372036854775808"), None);
        assert_eq!(long_value("0xffffffffffffffff"), Some(-1));
    }
}
