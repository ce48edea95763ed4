//! Constants of the bound tree as Arrow values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use bartizan_kql::bound::Value;
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};

use super::call::Call;
use crate::decimal::parse_decimal;
use crate::error::HuntError;
use crate::types::{DECIMAL_PRECISION, DECIMAL_SCALE, data_type};

/// A constant as a value of the engine.
pub(crate) fn scalar(value: &Value, ty: Type) -> ScalarValue {
    let text = |t: &str| ScalarValue::Utf8View(Some(t.to_owned()));
    match value {
        Value::Null => null_of(ty),
        Value::Bool(b) => ScalarValue::Boolean(Some(*b)),
        Value::Int(i) => ScalarValue::Int32(Some(*i)),
        Value::Long(i) if ty == Type::Int => ScalarValue::Int32(i32::try_from(*i).ok()),
        Value::Long(i) if ty == Type::Real => ScalarValue::Float64(Some(*i as f64)),
        Value::Long(i) | Value::DateTime(i) | Value::TimeSpan(i) => ScalarValue::Int64(Some(*i)),
        Value::Real(r) => ScalarValue::Float64(Some(*r)),
        Value::Decimal(d) => {
            ScalarValue::Decimal256(parse_decimal(d), DECIMAL_PRECISION, DECIMAL_SCALE)
        }
        Value::Dynamic(d) if d.trim() == "null" || d.trim().is_empty() => null_of(Type::Dynamic),
        Value::String(s) | Value::Guid(s) | Value::Dynamic(s) => text(s),
    }
}

/// The null of a type; "" for strings, which have none.
pub(crate) fn null_of(ty: Type) -> ScalarValue {
    if ty == Type::String {
        return ScalarValue::Utf8View(Some(String::new()));
    }
    ScalarValue::try_from(&data_type(ty)).unwrap_or(ScalarValue::Null)
}

/// Values of a type as an array.
pub(crate) fn array_of(values: Vec<ScalarValue>, ty: Type) -> Result<ArrayRef, HuntError> {
    if values.is_empty() {
        return Ok(new_empty_array(&data_type(ty)));
    }
    Ok(ScalarValue::iter_to_array(values)?)
}

/// A field of a struct argument.
pub(super) fn struct_field(call: &Call, index: usize) -> Result<ArrayRef> {
    let array = &call.arg(0)?.array;
    let fields = array.as_struct_opt().ok_or_else(|| {
        DataFusionError::Internal("a field of something that is no struct".into())
    })?;
    let field = fields
        .columns()
        .get(index)
        .ok_or_else(|| DataFusionError::Internal(format!("no field {index}")))?;
    if call.arg(0)?.constant && call.rows != 1 {
        let first = Arc::clone(field);
        return ScalarValue::try_from_array(&first, 0)?.to_array_of_size(call.rows);
    }
    match fields.nulls() {
        // A null struct has null fields.
        Some(nulls) if nulls.null_count() > 0 => {
            let invalid = arrow::array::BooleanArray::new(!nulls.inner(), None);
            Ok(arrow::compute::nullif(field, &invalid)?)
        }
        _ => Ok(Arc::clone(field)),
    }
}
