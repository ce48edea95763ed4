//! `decimal`: whole numbers of units of 10^-18 in 256 bits. There are 58 digits before the point; the longest number that
//! functions make, `parse_version("1.2.3.4")`, has 32.

use std::fmt::Write;

use arrow::datatypes::i256;

use crate::types::DECIMAL_SCALE;

/// 1.
pub(crate) const UNIT: i256 = i256::from_i128(10i128.pow(DECIMAL_SCALE as u32));

/// A decimal without trailing zeros of its fraction.
pub(crate) fn push_decimal(out: &mut String, value: i256) {
    if value.is_negative() {
        out.push('-');
    }
    let (whole, fraction) = parts(value.wrapping_abs());
    let _ = write!(out, "{whole}");
    if fraction != i256::ZERO {
        let digits = format!("{:0>18}", fraction.to_string());
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}

fn parts(value: i256) -> (i256, i256) {
    (value.wrapping_div(UNIT), value.wrapping_rem(UNIT))
}

/// A decimal from its text: `-12.5`, `1e3`; digits beyond the scale are cut off.
pub(crate) fn parse_decimal(text: &str) -> Option<i256> {
    let text = text.trim();
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let ten = i256::from(10i64);
    let mut value = i256::ZERO;
    let mut scale = exponent.checked_add(i32::from(DECIMAL_SCALE))?;
    for (digit, in_fraction) in whole
        .bytes()
        .map(|b| (b, false))
        .chain(fraction.bytes().map(|b| (b, true)))
    {
        if !digit.is_ascii_digit() {
            return None;
        }
        if in_fraction && scale <= 0 {
            continue;
        }
        let digit = i256::from(i64::from(digit - b'0'));
        value = value.checked_mul(ten)?.checked_add(digit)?;
        scale -= i32::from(in_fraction);
    }
    let factor = ten.checked_pow(scale.unsigned_abs())?;
    let value = if scale >= 0 {
        value.checked_mul(factor)?
    } else {
        value.checked_div(factor)?
    };
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// A whole number.
pub(crate) fn of_long(value: i64) -> i256 {
    i256::from(value).wrapping_mul(UNIT)
}

/// The nearest real, or one beside it.
pub(crate) fn real(value: i256) -> f64 {
    match value.to_i128() {
        Some(value) => value as f64 / 1e18,
        None => {
            let mut text = String::new();
            push_decimal(&mut text, value);
            text.parse().unwrap_or(f64::NAN)
        }
    }
}

/// The whole part.
pub(crate) fn long(value: i256) -> Option<i64> {
    i64::try_from(value.wrapping_div(UNIT).to_i128()?).ok()
}

/// What remains of a division by a number that is not 0, never negative.
pub(crate) fn remainder(value: i256, by: i256) -> i256 {
    let rest = value.wrapping_rem(by);
    if rest.is_negative() {
        rest.wrapping_add(by.wrapping_abs())
    } else {
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: i256) -> String {
        let mut out = String::new();
        push_decimal(&mut out, value);
        out
    }

    #[test]
    fn texts_and_back() {
        for (read, written) in [
            ("0", "0"),
            ("-12.50", "-12.5"),
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            (".25", "0.25"),
            ("0.0000000000000000019", "0.000000000000000001"),
            ("1000000020000000300000004", "1000000020000000300000004"),
            ("-0.000000000000000001", "-0.000000000000000001"),
        ] {
            assert_eq!(text(parse_decimal(read).unwrap()), written);
        }
        for wrong in ["", ".", "x", "1.2.3", "1e", "1e100", "1e2147483647"] {
            assert_eq!(parse_decimal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_numbers() {
        let value = parse_decimal("-12.75").unwrap();
        assert_eq!((real(value), long(value)), (-12.75, Some(-12)));
        assert_eq!(real(parse_decimal("1e40").unwrap()), 1e40);
        assert_eq!(long(parse_decimal("1e19").unwrap()), None);
        assert_eq!(text(of_long(-7)), "-7");
        assert_eq!(text(remainder(of_long(-7), of_long(3))), "2");
    }
}
