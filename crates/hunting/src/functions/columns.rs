//! Typed views of whole columns, for the aggregates.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::Argument;
use super::conversion::{Number, cast_array, push_json};
use crate::json;

/// The JSON text of a column's values by row.
pub(crate) fn json_column(column: &ArrayRef, ty: Type) -> impl FnMut(usize) -> Result<String> {
    let argument = Argument {
        ty,
        array: column.clone(),
        constant: false,
    };
    move |row| {
        if ty == Type::Dynamic && argument.array.is_valid(row) {
            let text = argument.array.as_string_view().value(row);
            return Ok(match json::compact(text) {
                Cow::Borrowed(text) => text.to_owned(),
                Cow::Owned(text) => text,
            });
        }
        let mut out = String::new();
        push_json(&argument, row, &mut out)?;
        Ok(out)
    }
}

/// A numeric column whatever its width.
pub(crate) struct NumberColumn(Argument);

/// A view of a numeric column.
pub(crate) fn number_column(column: &ArrayRef, ty: Type) -> Result<NumberColumn> {
    let argument = Argument {
        ty,
        array: column.clone(),
        constant: false,
    };
    Number::of(&argument)?;
    Ok(NumberColumn(argument))
}

impl NumberColumn {
    /// The value as a whole number.
    pub(crate) fn long(&self, row: usize) -> Option<i64> {
        Number::of(&self.0).ok()?.long(row)
    }

    /// The value as a real.
    pub(crate) fn real(&self, row: usize) -> Option<f64> {
        Number::of(&self.0).ok()?.real(row)
    }
}

/// Reals as a column of type `ty` (real or decimal).
pub(crate) fn number_array(values: Vec<Option<f64>>, ty: Type) -> Result<ArrayRef> {
    let reals: ArrayRef = Arc::new(Float64Array::from(values));
    if ty == Type::Decimal {
        return cast_array(&reals, Type::Real, ty);
    }
    Ok(reals)
}

/// Whole numbers as a column of type `ty` (int, long or a time).
pub(crate) fn long_array(values: Vec<Option<i64>>, ty: Type) -> Result<ArrayRef> {
    Ok(match ty {
        Type::Int => Arc::new(
            values
                .into_iter()
                .map(|v| v.and_then(|v| i32::try_from(v).ok()))
                .collect::<Int32Array>(),
        ),
        _ => Arc::new(Int64Array::from(values)),
    })
}
