//! Parquet: columns by name, their values converted as those of stored files are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringViewBuilder};
use arrow::datatypes::DataType;
use bartizan_kql::types::Type;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::mapping::{Source, Step, walk};
use super::texts::{Table, converted};
use super::{BATCH_ROWS, Batches};
use crate::functions::{convert_stored, null_of};
use crate::local::kql_type;

pub(super) fn batches(table: Table, file: Bytes, skip_first: bool) -> Result<Batches, String> {
    let broken = |error: &dyn std::fmt::Display| format!("it is no Parquet file: {error}");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| {
            builder
                .with_batch_size(BATCH_ROWS)
                .with_offset(usize::from(skip_first))
                .build()
        })
        .map_err(|error| broken(&error))?;
    Ok(Box::new(reader.map(move |batch| {
        let batch = batch.map_err(|error| format!("it is no Parquet file: {error}"))?;
        let arrays = table.columns.iter().map(|(ty, source)| match source {
            Source::Path(steps) => value(&batch, steps, *ty),
            source => table.fixed(*ty, source, batch.num_rows()),
        });
        table.finish(arrays.collect::<Result<_, _>>()?, batch.num_rows())
    })))
}

/// The values at a path: its first step is a column.
fn value(batch: &RecordBatch, steps: &[Step], ty: Type) -> Result<ArrayRef, String> {
    let nulls = || {
        null_of(ty)
            .to_array_of_size(batch.num_rows())
            .map_err(|error| error.to_string())
    };
    let Some((Step::Member(name), inner)) = steps.split_first() else {
        return nulls();
    };
    let Some(stored) = batch.column_by_name(name) else {
        return nulls();
    };
    let found = if inner.is_empty() {
        whole(stored, ty)
    } else {
        inside(stored, inner, ty)
    };
    // Types that have nothing to do with each other.
    found.or_else(|_| nulls())
}

fn whole(stored: &ArrayRef, ty: Type) -> Result<ArrayRef, String> {
    let convert = |ty| convert_stored(stored, ty).map_err(|error| error.to_string());
    match kql_type(stored.data_type()) {
        own if own == ty || own == Type::String => convert(ty),
        own => converted(&convert(own)?, own, ty),
    }
}

fn inside(stored: &ArrayRef, steps: &[Step], ty: Type) -> Result<ArrayRef, String> {
    let json = whole(stored, Type::Dynamic)?;
    let texts = arrow::compute::cast(&json, &DataType::Utf8View).map_err(|e| e.to_string())?;
    let texts = arrow::array::AsArray::as_string_view(&texts);
    let mut found = StringViewBuilder::with_capacity(texts.len());
    for text in texts {
        let value = text.and_then(|text| walk(text, steps));
        found.append_option(value.filter(|value| *value != "null"));
    }
    converted(&(Arc::new(found.finish()) as ArrayRef), Type::Dynamic, ty)
}
