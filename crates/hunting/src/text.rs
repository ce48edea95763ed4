//! How values are written as text by `tostring()` and in answers.

use std::fmt::Write;

use bartizan_kql::time::{MAX_DATETIME_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, date_from_days};

use crate::types::DECIMAL_SCALE;

/// `2026-03-01T10:00:00.0000000Z`.
pub(crate) fn push_datetime(out: &mut String, ticks: i64) {
    let ticks = ticks.clamp(0, MAX_DATETIME_TICKS);
    let (year, month, day) = date_from_days(ticks / TICKS_PER_DAY);
    let (seconds, fraction) = (
        ticks % TICKS_PER_DAY / TICKS_PER_SECOND,
        ticks % TICKS_PER_SECOND,
    );
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{fraction:07}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
}

/// `[-][d.]hh:mm:ss[.fffffff]`, as .NET's "c" format.
pub(crate) fn push_timespan(out: &mut String, ticks: i64) {
    let magnitude = ticks.unsigned_abs();
    let (day, second) = (TICKS_PER_DAY as u64, TICKS_PER_SECOND as u64);
    if ticks < 0 {
        out.push('-');
    }
    if magnitude >= day {
        let _ = write!(out, "{}.", magnitude / day);
    }
    let (seconds, fraction) = (magnitude % day / second, magnitude % second);
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        let _ = write!(out, ".{fraction:07}");
    }
}

/// A decimal without trailing zeros of its fraction.
pub(crate) fn push_decimal(out: &mut String, value: i128) {
    let unit = 10i128.pow(DECIMAL_SCALE as u32).unsigned_abs();
    let magnitude = value.unsigned_abs();
    if value < 0 {
        out.push('-');
    }
    let _ = write!(out, "{}", magnitude / unit);
    let fraction = magnitude % unit;
    if fraction != 0 {
        let digits = format!("{fraction:018}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}

/// A decimal from its text: `-12.5`, `1e3`; digits beyond the scale are cut off.
pub(crate) fn parse_decimal(text: &str) -> Option<i128> {
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
    let mut value: i128 = 0;
    let mut scale = exponent + i32::from(DECIMAL_SCALE);
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
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
        scale -= i32::from(in_fraction);
    }
    let value = if scale >= 0 {
        value.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?
    } else {
        value / 10i128.checked_pow(scale.unsigned_abs())?
    };
    Some(if negative { -value } else { value })
}
