//! Parquet: columns by name, their values converted as those of stored files are.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};
use bartizan_kql::types::Type;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::mapping::{Source, Step, walk};
use super::texts::{Table, compact, converted};
use super::{BATCH_ROWS, Batches};
use crate::functions::{convert_stored, null_of};
use crate::local::{kql_type, unless_it_panics};

/// Rows that are read at once where a column has values inside values: their texts are copied for each.
const NESTED_ROWS: usize = 1024;
/// Bytes of texts that are converted at once; rows that share a text have their own after a conversion.
const PIECE_BYTES: usize = 8 << 20;

pub(super) fn batches(table: Table, file: Bytes, skip_first: bool) -> Result<Batches, String> {
    let reader = open(&table, file, skip_first).map_err(|error| broken(&error))?;
    let pieces = reader.flat_map(|batch| match batch {
        Ok(batch) => pieces(&batch),
        Err(error) => vec![Err(broken(&error))],
    });
    Ok(Box::new(pieces.map(move |batch| {
        let batch = batch?;
        let arrays = table.columns.iter().enumerate();
        let arrays = arrays.map(|(place, (ty, source))| match source {
            // A page of the file stays whole for one text of it.
            Source::Path(steps) => value(&batch, steps, *ty).map(compact),
            _ => table.fixed(place, batch.num_rows()),
        });
        table.finish(arrays.collect::<Result<_, _>>()?, batch.num_rows())
    })))
}

fn broken(error: &dyn std::fmt::Display) -> String {
    format!("it is no Parquet file: {error}")
}

/// A reader of the columns that are wanted, whose texts are views: rows with the same text share it, as in the file.
fn open(
    table: &Table,
    file: Bytes,
    skip_first: bool,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let load = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
    let stored = unless_it_panics(load)?;
    let options = ArrowReaderOptions::new().with_schema(views(stored.schema()));
    let viewed = ArrowReaderMetadata::try_new(stored.metadata().clone(), options);
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, viewed.unwrap_or(stored));
    let names: HashSet<&str> = table
        .columns
        .iter()
        .filter_map(|(_, source)| match source {
            Source::Path(steps) => match steps.first() {
                Some(Step::Member(name)) => Some(name.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let fields = builder.schema().fields().iter().enumerate();
    let wanted: Vec<_> = fields
        .filter(|(_, field)| names.contains(field.name().as_str()))
        .collect();
    let nested = wanted
        .iter()
        .any(|(_, field)| field.data_type().is_nested());
    let roots = wanted.iter().map(|(place, _)| *place);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder
        .with_projection(mask)
        .with_batch_size(if nested { NESTED_ROWS } else { BATCH_ROWS })
        .with_offset(usize::from(skip_first))
        .build()
}

/// The same columns, texts and bytes as views.
fn views(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let held = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            held => held,
        };
        let view = match held {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            _ => return field.clone(),
        };
        Arc::new(field.as_ref().clone().with_data_type(view))
    });
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Fields>(),
        schema.metadata().clone(),
    ))
}

/// A batch in pieces with so much text that each can be converted by itself.
fn pieces(batch: &RecordBatch) -> Vec<Result<RecordBatch, String>> {
    let texts = batch.columns().iter().map(|array| match array.data_type() {
        DataType::Utf8View => array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => array.as_binary_view().total_buffer_bytes_used(),
        _ => 0,
    });
    let parts = texts.sum::<usize>().div_ceil(PIECE_BYTES).max(1);
    let rows = batch.num_rows();
    let size = rows.div_ceil(parts).max(1);
    (0..rows)
        .step_by(size)
        .map(|start| Ok(batch.slice(start, size.min(rows - start))))
        .collect()
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
    let texts = texts.as_string_view();
    let mut found = StringViewBuilder::with_capacity(texts.len());
    for text in texts {
        let value = text.and_then(|text| walk(text, steps));
        found.append_option(value.filter(|value| *value != "null"));
    }
    converted(&(Arc::new(found.finish()) as ArrayRef), Type::Dynamic, ty)
}
