//! Conversions between the ten types: `tostring`, `toint`, `todatetime`, `todynamic`…

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};
use arrow::datatypes::i256;
use bartizan_kql::time::{parse_datetime, parse_timespan};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call};
use crate::decimal::{self, parse_decimal, push_decimal};
use crate::json::{self, Kind, push_json_string, push_real, push_real_text};
use crate::text::{push_datetime, push_timespan};

/// Converts an array. Strings come out without nulls, also from strings.
pub(crate) fn cast_array(array: &ArrayRef, from: Type, to: Type) -> Result<ArrayRef> {
    if from == to && to != Type::String {
        return Ok(array.clone());
    }
    let argument = Argument {
        ty: from,
        array: array.clone(),
        constant: false,
    };
    cast_argument(&Call::of(vec![argument], array.len()), to)
}

/// Null strings become "".
pub(super) fn null_to_empty(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    if argument.array.null_count() == 0 && !argument.constant {
        return Ok(argument.array.clone());
    }
    let texts = argument.texts()?;
    call.make_slices(|row| Some(texts.get(row)))
}

/// Converts the first argument.
pub(super) fn cast_argument(call: &Call, to: Type) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    match to {
        Type::String => to_string(call, argument),
        Type::Dynamic => to_dynamic(call, argument),
        _ if matches!(argument.ty, Type::String | Type::Guid | Type::Dynamic) => {
            from_text(call, argument, to)
        }
        _ => from_number(call, argument, to),
    }
}

/// Appends the text of a value; false when it is null.
pub(super) fn push_text(argument: &Argument, row: usize, out: &mut String) -> Result<bool> {
    if argument.is_null(row) {
        return Ok(false);
    }
    match argument.ty {
        Type::String | Type::Guid => out.push_str(argument.texts()?.get(row)),
        Type::Dynamic => out.push_str(&json::to_text(argument.texts()?.get(row))),
        Type::Bool => out.push_str(if argument.bools()?.get(row) == Some(true) {
            "true"
        } else {
            "false"
        }),
        Type::Int => {
            let _ = write!(out, "{}", argument.ints()?.get(row).unwrap_or(0));
        }
        Type::Long => {
            let _ = write!(out, "{}", argument.longs()?.get(row).unwrap_or(0));
        }
        Type::Real => push_real_text(out, argument.reals()?.get(row).unwrap_or(0.0)),
        Type::Decimal => push_decimal(out, argument.decimals()?.get(row).unwrap_or(i256::ZERO)),
        Type::DateTime => push_datetime(out, argument.longs()?.get(row).unwrap_or(0)),
        Type::TimeSpan => push_timespan(out, argument.longs()?.get(row).unwrap_or(0)),
    }
    Ok(true)
}

/// Appends a value as JSON, `null` for null.
pub(crate) fn push_json(argument: &Argument, row: usize, out: &mut String) -> Result<()> {
    if argument.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match argument.ty {
        Type::String => push_json_string(out, argument.texts()?.get(row)),
        Type::Dynamic => json::push_compact(out, argument.texts()?.get(row)),
        Type::Real => push_real(out, argument.reals()?.get(row).unwrap_or(0.0)),
        Type::Guid | Type::DateTime | Type::TimeSpan => {
            out.push('"');
            push_text(argument, row, out)?;
            out.push('"');
        }
        Type::Bool | Type::Int | Type::Long | Type::Decimal => {
            push_text(argument, row, out)?;
        }
    }
    Ok(())
}

fn to_string(call: &Call, argument: &Argument) -> Result<ArrayRef> {
    match argument.ty {
        Type::String | Type::Guid => null_to_empty(call),
        Type::Dynamic => {
            let texts = argument.texts()?;
            let mut builder = StringViewBuilder::with_capacity(call.rows);
            for row in 0..call.rows {
                builder.append_value(json::to_text(texts.get(row)));
            }
            Ok(Arc::new(builder.finish()))
        }
        _ => {
            let mut failed = None;
            let made = call.make_texts(|row, out| {
                if let Err(e) = push_text(argument, row, out) {
                    failed = Some(e);
                }
                true
            });
            failed.map_or(made, Err)
        }
    }
}

fn to_dynamic(call: &Call, argument: &Argument) -> Result<ArrayRef> {
    if argument.ty == Type::Dynamic {
        return Ok(argument.array.clone());
    }
    let mut failed = None;
    let made = call.make_texts(|row, out| {
        if argument.is_null(row) {
            return false;
        }
        if let Err(e) = push_json(argument, row, out) {
            failed = Some(e);
        }
        true
    });
    failed.map_or(made, Err)
}

/// Converts text, or what a dynamic holds.
fn from_text(call: &Call, argument: &Argument, to: Type) -> Result<ArrayRef> {
    let texts = argument.texts()?;
    let dynamic = argument.ty == Type::Dynamic;
    // The text to read, and whether it was written as a number or boolean.
    let text = |row: usize| -> Option<std::borrow::Cow<'_, str>> {
        let text = texts.some(row)?;
        Some(if dynamic {
            json::to_text(text)
        } else {
            text.into()
        })
    };
    match to {
        Type::Bool => call.make_bools(|row| parse_bool(&text(row)?)),
        Type::Int => {
            call.make_ints(|row| i32::try_from(long_of(&text(row)?, dynamic, texts.get(row))?).ok())
        }
        Type::Long => call.make_longs(|row| long_of(&text(row)?, dynamic, texts.get(row))),
        Type::Real => call.make_reals(|row| parse_real(&text(row)?)),
        Type::Decimal => call.make_decimals(|row| parse_decimal(&text(row)?)),
        Type::DateTime => call.make_longs(|row| {
            let is_text = !dynamic || json::kind(texts.get(row)) == Some(Kind::String);
            let text = text(row)?;
            if is_text {
                parse_datetime(text.trim())
            } else {
                text.trim().parse().ok()
            }
        }),
        Type::TimeSpan => call.make_longs(|row| parse_timespan(text(row)?.trim())),
        Type::Guid => call.make_texts(|row, out| text(row).is_some_and(|t| push_guid(out, &t))),
        Type::String | Type::Dynamic => Ok(argument.array.clone()),
    }
}

/// A whole number: decimal or hexadecimal. A dynamic number may have a fraction, which is cut off, and a dynamic
/// boolean counts as 0 or 1.
fn long_of(text: &str, dynamic: bool, raw: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(value) = parse_long(text) {
        return Some(value);
    }
    match dynamic.then(|| json::kind(raw)).flatten() {
        Some(Kind::Number) => real_to_long(text.parse().ok()?),
        Some(Kind::Bool) => parse_bool(text).map(i64::from),
        _ => None,
    }
}

/// `-12`, `0x1F`.
pub(super) fn parse_long(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()?),
        None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<i128>().ok()?,
        None => return None,
    };
    let value = if negative { -magnitude } else { magnitude };
    match i64::try_from(value) {
        Ok(value) => Some(value),
        // A hexadecimal number may fill all 64 bits.
        Err(_) if digits.starts_with("0x") || digits.starts_with("0X") => Some(value as u64 as i64),
        Err(_) => None,
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        parse_long(text).map(|n| n != 0)
    }
}

fn parse_real(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|v| v as f64);
    }
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => text.parse().ok(),
    }
}

/// A guid in its usual form; also with fewer hyphens, and in braces.
pub(super) fn push_guid(out: &mut String, text: &str) -> bool {
    let text = text
        .trim()
        .trim_start_matches(['{', '('])
        .trim_end_matches(['}', ')']);
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    for (i, c) in hex.chars().enumerate() {
        if matches!(i, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    true
}

fn real_to_long(value: f64) -> Option<i64> {
    (value.is_finite() && value.abs() < 9.223_372_036_854_776e18).then_some(value as i64)
}

/// Converts between numbers, times and booleans.
fn from_number(call: &Call, argument: &Argument, to: Type) -> Result<ArrayRef> {
    let number = Number::of(argument)?;
    match to {
        Type::Bool => call.make_bools(|row| match number {
            Number::Real(_) => number.real(row).map(|v| v != 0.0),
            _ => number.long(row).map(|v| v != 0),
        }),
        Type::Int => call.make_ints(|row| number.long(row).and_then(|v| i32::try_from(v).ok())),
        Type::Real => call.make_reals(|row| number.real(row)),
        Type::Decimal => call.make_decimals(|row| number.decimal(row)),
        _ => call.make_longs(|row| number.long(row)),
    }
}

/// A numeric argument, whatever its width.
#[derive(Clone, Copy)]
pub(super) enum Number<'a> {
    Bool(super::call::Values<'a, arrow::array::BooleanArray>),
    Int(super::call::Values<'a, arrow::array::Int32Array>),
    Long(super::call::Values<'a, arrow::array::Int64Array>),
    Real(super::call::Values<'a, arrow::array::Float64Array>),
    Decimal(super::call::Values<'a, arrow::array::Decimal256Array>),
}

impl<'a> Number<'a> {
    /// The numbers of an argument.
    pub(super) fn of(argument: &'a Argument) -> Result<Self> {
        Ok(match argument.ty {
            Type::Bool => Self::Bool(argument.bools()?),
            Type::Int => Self::Int(argument.ints()?),
            Type::Real => Self::Real(argument.reals()?),
            Type::Decimal => Self::Decimal(argument.decimals()?),
            _ => Self::Long(argument.longs()?),
        })
    }

    /// As a whole number; fractions are cut off.
    pub(super) fn long(&self, row: usize) -> Option<i64> {
        match self {
            Self::Bool(v) => v.get(row).map(i64::from),
            Self::Int(v) => v.get(row).map(i64::from),
            Self::Long(v) => v.get(row),
            Self::Real(v) => v.get(row).and_then(real_to_long),
            Self::Decimal(v) => v.get(row).and_then(decimal::long),
        }
    }

    /// As a real.
    pub(super) fn real(&self, row: usize) -> Option<f64> {
        match self {
            Self::Real(v) => v.get(row),
            Self::Decimal(v) => v.get(row).map(decimal::real),
            _ => self.long(row).map(|v| v as f64),
        }
    }

    /// As a decimal.
    pub(super) fn decimal(&self, row: usize) -> Option<i256> {
        match self {
            Self::Decimal(v) => v.get(row),
            Self::Real(v) => v.get(row).and_then(|r| {
                let mut text = String::new();
                push_real_text(&mut text, r);
                parse_decimal(&text)
            }),
            _ => self.long(row).map(decimal::of_long),
        }
    }
}
