//! The types of a hunting table's columns in the engine and in files.
//!
//! | KQL | engine | file |
//! |---|---|---|
//! | `datetime` | Int64, ticks of 100 ns since year 1 | Timestamp(ns, UTC) |
//! | `timespan` | Int64, ticks | the same |
//! | `string` | Utf8View, never null | UTF8, required |
//! | `guid`, `dynamic` | Utf8View | UTF8 |
//! | `int`, `long`, `real`, `bool` | Int32, Int64, Float64, Boolean | the same |
//! | `decimal` | Decimal256(76, 18) | the same |
//!
//! A file's timestamps reach from 1677-09-21 to 2262-04-11, which is what nanoseconds in 64 bits
//! hold and what every reader of Parquet knows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bartizan_contract::KqlType;
use bartizan_contract::hunting::{Column, Table};
use bartizan_contract::time::UNIX_EPOCH_TICKS;

/// The column that says when an event happened, in every table that has events.
pub const TIMESTAMP: &str = "Timestamp";

/// Nanoseconds in a tick.
const NANOS_PER_TICK: i64 = 100;

/// The engine's type for a KQL type.
#[must_use]
pub fn engine_type(ty: KqlType) -> DataType {
    match ty {
        KqlType::Bool => DataType::Boolean,
        KqlType::Int => DataType::Int32,
        KqlType::Long | KqlType::DateTime | KqlType::TimeSpan => DataType::Int64,
        KqlType::Real => DataType::Float64,
        KqlType::Decimal => DataType::Decimal256(76, 18),
        KqlType::String | KqlType::Guid | KqlType::Dynamic => DataType::Utf8View,
    }
}

/// A table as the engine sees it: what [`super::EventStore::provider`] answers with.
#[must_use]
pub fn engine_schema(table: &Table) -> SchemaRef {
    let field = |c: &Column| Field::new(c.name, engine_type(c.ty), c.ty != KqlType::String);
    Arc::new(Schema::new(
        table.columns.iter().map(field).collect::<Vec<_>>(),
    ))
}

/// A table as files hold it, in the types that reading gives.
#[must_use]
pub fn file_schema(table: &Table) -> SchemaRef {
    let field = |c: &Column| Field::new(c.name, file_type(c.ty), c.ty != KqlType::String);
    Arc::new(Schema::new(
        table.columns.iter().map(field).collect::<Vec<_>>(),
    ))
}

/// The type of a column in files.
pub(super) fn file_type(ty: KqlType) -> DataType {
    match ty {
        KqlType::DateTime => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        other => engine_type(other),
    }
}

/// Nanoseconds since 1970 of a moment in ticks; `None` outside what a file can hold.
pub(super) const fn nanos_from_ticks(ticks: i64) -> Option<i64> {
    match ticks.checked_sub(UNIX_EPOCH_TICKS) {
        Some(since) => since.checked_mul(NANOS_PER_TICK),
        None => None,
    }
}

/// Ticks of a moment in nanoseconds since 1970; parts of a tick are cut off downwards.
pub(super) const fn ticks_from_nanos(nanos: i64) -> i64 {
    nanos.div_euclid(NANOS_PER_TICK) + UNIX_EPOCH_TICKS
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_contract::time::MAX_TICKS;

    #[test]
    fn moments_read_back_and_the_ends_of_the_calendar_do_not_fit() {
        for ticks in [
            UNIX_EPOCH_TICKS,
            637_350_004_170_000_001,
            UNIX_EPOCH_TICKS - 1,
        ] {
            assert_eq!(nanos_from_ticks(ticks).map(ticks_from_nanos), Some(ticks));
        }
        assert_eq!(nanos_from_ticks(0), None);
        assert_eq!(nanos_from_ticks(MAX_TICKS), None);
        assert_eq!(ticks_from_nanos(-1), UNIX_EPOCH_TICKS - 1);
    }
}
