//! From the types that files use to the engine's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use bartizan_kql::time::TICKS_PER_DAY;
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;

use super::call::Call;
use super::conversion::cast_array;
use super::function::KqlFunction;
use crate::types::data_type;

/// 1970-01-01 in ticks.
const UNIX_EPOCH: i64 = 719_162 * TICKS_PER_DAY;

/// The name of the function that reads a stored column as a datetime.
pub(crate) const READS_DATETIME: &str = "read_datetime";

/// The name of the function that reads a stored column as a string.
pub(crate) const READS_STRING: &str = "read_string";

/// The name of the function that reads a stored text as a dynamic.
pub(super) const READS_JSON_TEXT: &str = "read_json_text";

/// A stored column as a column of the engine.
pub(crate) fn from_storage(value: Expr, stored: &DataType, ty: Type) -> Expr {
    if *stored == data_type(ty) && ty != Type::String && ty != Type::Dynamic {
        return value;
    }
    let kernel = move |call: &Call| {
        let argument = call.arg(0)?;
        convert_stored(&argument.array, ty)
    };
    let name = match (ty, stored) {
        (Type::Dynamic, DataType::Utf8View) => READS_JSON_TEXT.to_owned(),
        _ => format!("read_{ty}"),
    };
    KqlFunction::call(
        &name,
        String::new(),
        Arc::new(kernel),
        vec![(value, Type::Dynamic)],
        ty,
    )
}

/// Converts a stored array.
pub(crate) fn convert_stored(array: &ArrayRef, ty: Type) -> Result<ArrayRef> {
    let stored = array.data_type();
    let text = matches!(
        stored,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
    );
    match ty {
        Type::String => {
            let texts = cast(array, &DataType::Utf8View)?;
            cast_array(&texts, Type::String, Type::String)
        }
        // JSON text stays as it is; other text is a JSON string.
        Type::Dynamic if text => super::parse_json_array(&cast(array, &DataType::Utf8View)?),
        Type::Dynamic => nested(array),
        _ if text => cast_array(&cast(array, &DataType::Utf8View)?, Type::String, ty),
        Type::DateTime | Type::TimeSpan => ticks(array, ty),
        _ => Ok(cast(array, &data_type(ty))?),
    }
}

/// Times of any unit as ticks.
fn ticks(array: &ArrayRef, ty: Type) -> Result<ArrayRef> {
    let (array, unit) = match array.data_type() {
        DataType::Timestamp(unit, _) | DataType::Duration(unit) | DataType::Time64(unit) => {
            (array.clone(), *unit)
        }
        DataType::Time32(_) => (
            cast(array, &DataType::Time64(TimeUnit::Microsecond))?,
            TimeUnit::Microsecond,
        ),
        DataType::Date32 | DataType::Date64 => (
            cast(array, &DataType::Timestamp(TimeUnit::Second, None))?,
            TimeUnit::Second,
        ),
        _ => return Ok(cast(array, &DataType::Int64)?),
    };
    let epoch = if ty == Type::DateTime { UNIX_EPOCH } else { 0 };
    let longs = cast(&array, &DataType::Int64)?;
    let values = longs.as_primitive::<Int64Type>();
    let convert = |value: i64| match unit {
        TimeUnit::Second => value.checked_mul(10_000_000)?.checked_add(epoch),
        TimeUnit::Millisecond => value.checked_mul(10_000)?.checked_add(epoch),
        TimeUnit::Microsecond => value.checked_mul(10)?.checked_add(epoch),
        TimeUnit::Nanosecond => Some(value.div_euclid(100) + epoch),
    };
    Ok(Arc::new(match unit {
        // What files have most; no value of it is beyond the calendar's reach in ticks and overflows.
        TimeUnit::Nanosecond => values.unary::<_, Int64Type>(|v| v.div_euclid(100) + epoch),
        _ => values.unary_opt::<_, Int64Type>(convert),
    }))
}

/// Lists, structs and maps as JSON.
fn nested(array: &ArrayRef) -> Result<ArrayRef> {
    use arrow::array::RecordBatch;
    use arrow::datatypes::{Field, Schema};
    let field = Field::new("v", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array.clone()])?;
    let mut writer = arrow::json::writer::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    let mut builder = StringViewBuilder::with_capacity(array.len());
    for line in text.lines() {
        builder.append_option(crate::json::member(line, "v").filter(|v| *v != "null"));
    }
    Ok(Arc::new(builder.finish()))
}
