//! Tests for missing values, and choices between values.

use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call};
use crate::json::{self, Kind};

/// Whether a value is null, or an empty text.
fn is_missing(argument: &Argument, row: usize) -> bool {
    match argument.ty {
        Type::String => argument.texts().is_ok_and(|t| t.get(row).is_empty()),
        _ => argument.is_null(row),
    }
}

pub(super) fn is_empty(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    if argument.ty == Type::String {
        let texts = argument.texts()?;
        return call.make_bools(|row| Some(texts.get(row).is_empty()));
    }
    if argument.ty == Type::Dynamic {
        let texts = argument.texts()?;
        return call
            .make_bools(|row| Some(texts.some(row).is_none_or(|t| t.is_empty() || t == "\"\"")));
    }
    call.make_bools(|row| Some(argument.is_null(row)))
}

pub(super) fn is_null(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    call.make_bools(|row| Some(argument.is_null(row)))
}

/// The first argument that is there.
pub(super) fn coalesce(call: &Call) -> Result<ArrayRef> {
    choose(call, |row| {
        (0..call.args.len()).find(|i| !is_missing(&call.args[*i], row))
    })
}

pub(super) fn min_of(call: &Call) -> Result<ArrayRef> {
    extreme(call, std::cmp::Ordering::Less)
}

pub(super) fn max_of(call: &Call) -> Result<ArrayRef> {
    extreme(call, std::cmp::Ordering::Greater)
}

/// The least or greatest argument; nulls are skipped.
fn extreme(call: &Call, wanted: std::cmp::Ordering) -> Result<ArrayRef> {
    let compare = |a: usize, b: usize, row: usize| -> std::cmp::Ordering {
        compare_values(&call.args[a], &call.args[b], row).unwrap_or(std::cmp::Ordering::Equal)
    };
    choose(call, |row| {
        let mut best: Option<usize> = None;
        for i in (0..call.args.len()).filter(|i| !call.args[*i].is_null(row)) {
            if best.is_none_or(|b| compare(i, b, row) == wanted) {
                best = Some(i);
            }
        }
        best
    })
}

fn compare_values(a: &Argument, b: &Argument, row: usize) -> Option<std::cmp::Ordering> {
    use super::conversion::Number;
    match a.ty {
        Type::String | Type::Guid | Type::Dynamic => {
            Some(a.texts().ok()?.get(row).cmp(b.texts().ok()?.get(row)))
        }
        Type::Real => Number::of(a)
            .ok()?
            .real(row)?
            .partial_cmp(&Number::of(b).ok()?.real(row)?),
        Type::Decimal => Some(
            Number::of(a)
                .ok()?
                .decimal(row)?
                .cmp(&Number::of(b).ok()?.decimal(row)?),
        ),
        _ => Some(
            Number::of(a)
                .ok()?
                .long(row)?
                .cmp(&Number::of(b).ok()?.long(row)?),
        ),
    }
}

/// For every row the value of one argument; without a choice the last one's, which is then null or "".
fn choose(call: &Call, mut which: impl FnMut(usize) -> Option<usize>) -> Result<ArrayRef> {
    let last = call.args.len().saturating_sub(1);
    let indices: Vec<(usize, usize)> = (0..call.rows)
        .map(|row| {
            let argument = which(row).unwrap_or(last);
            let constant = call.args.get(argument).is_some_and(|a| a.constant);
            (argument, if constant { 0 } else { row })
        })
        .collect();
    let arrays: Vec<&dyn Array> = call.args.iter().map(|a| a.array.as_ref()).collect();
    Ok(interleave(&arrays, &indices)?)
}

/// `gettype`: the type at run time.
pub(super) fn get_type(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    if argument.ty != Type::Dynamic {
        return call.make_slices(|row| {
            Some(if argument.is_null(row) {
                "null"
            } else {
                argument.ty.name()
            })
        });
    }
    let texts = argument.texts()?;
    call.make_slices(|row| {
        let Some(text) = texts.some(row) else {
            return Some("null");
        };
        Some(match json::kind(text) {
            None | Some(Kind::Null) => "null",
            Some(Kind::Bool) => "bool",
            Some(Kind::Number) if text.contains(['.', 'e', 'E']) => "double",
            Some(Kind::Number) => "long",
            Some(Kind::String) => "string",
            Some(Kind::Array) => "array",
            Some(Kind::Object) => "dictionary",
        })
    })
}
