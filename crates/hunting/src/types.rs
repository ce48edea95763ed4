//! How KQL's ten types are held in Arrow arrays.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bartizan_kql::types::Type;
use std::sync::Arc;

/// Digits of a `decimal` in memory.
pub const DECIMAL_PRECISION: u8 = 76;
/// Digits after the point of a `decimal` in memory.
pub const DECIMAL_SCALE: i8 = 18;

/// The Arrow type of the engine's values of a KQL type.
///
/// Strings are never null: "" stands for what is missing. A datetime is the ticks of 100 ns since
/// 0001-01-01T00:00:00Z, a timespan signed ticks. A dynamic is JSON text, null where it is missing.
#[must_use]
pub fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int32,
        Type::Long | Type::DateTime | Type::TimeSpan => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Decimal => DataType::Decimal256(DECIMAL_PRECISION, DECIMAL_SCALE),
        Type::String | Type::Guid | Type::Dynamic => DataType::Utf8View,
    }
}

/// The Arrow schema of columns in engine types; all nullable.
#[must_use]
pub fn schema<'a>(columns: impl IntoIterator<Item = (&'a str, Type)>) -> SchemaRef {
    let fields: Vec<Field> = columns
        .into_iter()
        .map(|(name, ty)| Field::new(name, data_type(ty), true))
        .collect();
    Arc::new(Schema::new(fields))
}
