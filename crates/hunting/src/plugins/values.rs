//! Values of columns and constants as kernels take them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};

use crate::error::evaluation;
use crate::functions::cast_array;

/// A constant as a whole number: ticks for times.
pub(super) fn whole(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(v) => *v,
        ScalarValue::Int32(v) => v.map(i64::from),
        ScalarValue::Float64(v) => v.map(|v| v as i64),
        _ => None,
    }
}

/// A constant as a real.
pub(super) fn real(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(v) => *v,
        other => whole(other).map(|v| v as f64),
    }
}

/// A constant as a text.
pub(super) fn text(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Utf8View(Some(v))
        | ScalarValue::Utf8(Some(v))
        | ScalarValue::LargeUtf8(Some(v)) => v.clone(),
        _ => String::new(),
    }
}

/// A column as whole numbers: ticks for times.
pub(super) fn points(array: &ArrayRef) -> Result<Vec<Option<i64>>> {
    Ok(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>().iter();
            values.map(|v| v.map(i64::from)).collect()
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().iter();
            values.map(|v| v.map(|v| v as i64)).collect()
        }
        other => {
            return Err(evaluation(format!(
                "a column of numbers or times is needed, not {other}"
            )));
        }
    })
}

/// Whole numbers as a column of a type.
pub(super) fn of_points(values: Vec<i64>, ty: Type) -> ArrayRef {
    match ty {
        Type::Int => Arc::new(
            values
                .into_iter()
                .map(|v| i32::try_from(v).ok())
                .collect::<Int32Array>(),
        ),
        Type::Real => Arc::new(Float64Array::from_iter_values(
            values.into_iter().map(|v| v as f64),
        )),
        _ => Arc::new(Int64Array::from(values)),
    }
}

/// Counts as a column.
pub(super) fn counts(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

/// Reals as a column.
pub(super) fn reals(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// Texts of a column; null is "".
pub(super) fn strings(array: &ArrayRef) -> Vec<&str> {
    let texts = array.as_string_view();
    (0..texts.len())
        .map(|row| {
            if texts.is_valid(row) {
                texts.value(row)
            } else {
                ""
            }
        })
        .collect()
}

/// Some rows of a column, or nothing: null, and "" for texts.
pub(super) fn picked(array: &ArrayRef, rows: &[Option<u32>], ty: Type) -> Result<ArrayRef> {
    let rows: UInt32Array = rows.iter().copied().collect();
    let taken = take(array, &rows, None)?;
    if ty == Type::String {
        return cast_array(&taken, ty, ty);
    }
    Ok(taken)
}

/// Bytes of the rows that a lookup may make of those that it is given at once.
const MOST_LOOKED_UP: usize = 1 << 30;

/// Rows that a lookup may make at once of the rows that it is given, where each has so many columns.
pub(super) fn most_matches(columns: usize) -> usize {
    // What stands for a text in each column, and which rows of the two sides it is.
    MOST_LOOKED_UP / (16 * columns + 16)
}

/// The error where there would be more.
pub(super) fn too_many_matches() -> DataFusionError {
    DataFusionError::ResourcesExhausted("too many rows of a lookup's table match".into())
}

/// `value` rounded down to a multiple of `step` from `origin`; the least number where that is out of range.
pub(super) fn bin(value: i64, origin: i64, step: i64) -> i64 {
    let step = step.max(1);
    let rest = match value.checked_sub(origin) {
        Some(from) => from.rem_euclid(step),
        None => {
            let from = i128::from(value) - i128::from(origin);
            // Less than the step.
            from.rem_euclid(i128::from(step)) as i64
        }
    };
    value.saturating_sub(rest)
}

/// A constant that must be there and more than 0.
pub(super) fn positive(
    constants: &[ScalarValue],
    at: usize,
    what: &str,
) -> std::result::Result<i64, crate::error::HuntError> {
    match constants.get(at).and_then(whole) {
        Some(value) if value > 0 => Ok(value),
        _ => Err(crate::error::HuntError::Evaluation(format!(
            "{what} must be more than 0"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::bin;

    #[test]
    fn bins_at_the_ends_of_what_a_long_holds() {
        assert_eq!((bin(7, 0, 5), bin(-1, 0, 5), bin(7, 3, 5)), (5, -5, 3));
        assert_eq!(bin(i64::MAX, i64::MIN, i64::MAX), i64::MAX - 1);
        assert_eq!(bin(i64::MIN, i64::MAX, 10), i64::MIN);
        assert_eq!(bin(i64::MIN + 1, 0, i64::MAX), i64::MIN + 1);
        assert_eq!(bin(i64::MIN, 0, i64::MAX), i64::MIN);
    }
}
