//! Records of texts, or of JSON, as batches of the declared columns. What does not fit a column's type is null.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::datatypes::SchemaRef;
use bartizan_kql::types::Type;
use bytes::Bytes;

use super::mapping::{Source, walk};
use crate::functions::{cast_array, null_of, parse_json_array};

/// The columns that are filled, and from what.
pub(super) struct Table {
    schema: SchemaRef,
    pub(super) columns: Vec<(Type, Source)>,
    builders: Vec<StringViewBuilder>,
    rows: usize,
}

impl Table {
    /// No rows yet.
    pub(super) fn new(schema: SchemaRef, types: &[Type], sources: Vec<Source>) -> Self {
        Self {
            schema,
            builders: types.iter().map(|_| StringViewBuilder::new()).collect(),
            columns: types.iter().copied().zip(sources).collect(),
            rows: 0,
        }
    }

    /// Rows that wait for a batch.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A record of fields.
    pub(super) fn fields<'a>(&mut self, field: impl Fn(usize) -> Option<&'a str>) {
        for ((_, source), builder) in self.columns.iter().zip(&mut self.builders) {
            match source {
                Source::Field(place) => builder.append_option(field(*place)),
                _ => builder.append_null(),
            }
        }
        self.rows += 1;
    }

    /// A record of JSON.
    pub(super) fn json(&mut self, record: &str) {
        for ((_, source), builder) in self.columns.iter().zip(&mut self.builders) {
            match source {
                Source::Path(steps) => {
                    builder.append_option(walk(record, steps).filter(|value| *value != "null"));
                }
                _ => builder.append_null(),
            }
        }
        self.rows += 1;
    }

    /// The rows so far as a batch, from texts (`held` is string) or JSON (dynamic).
    pub(super) fn batch(&mut self, held: Type) -> Result<RecordBatch, String> {
        let rows = std::mem::take(&mut self.rows);
        let values = self
            .builders
            .iter_mut()
            .map(|builder| Arc::new(builder.finish()) as ArrayRef);
        let values: Vec<ArrayRef> = values.collect();
        let arrays = self.columns.iter().zip(values);
        let arrays = arrays.map(|((ty, source), values)| match source {
            Source::Constant(_) | Source::Nothing => self.fixed(*ty, source, rows),
            _ => converted(&values, held, *ty),
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        self.finish(arrays, rows)
    }

    /// A column whose records are all alike.
    pub(super) fn fixed(&self, ty: Type, source: &Source, rows: usize) -> Result<ArrayRef, String> {
        let Source::Constant(text) = source else {
            return null_of(ty)
                .to_array_of_size(rows)
                .map_err(|error| error.to_string());
        };
        let mut builder = StringViewBuilder::with_capacity(rows);
        (0..rows).for_each(|_| builder.append_value(text));
        converted(&(Arc::new(builder.finish()) as ArrayRef), Type::String, ty)
    }

    /// A batch of finished columns.
    pub(super) fn finish(&self, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| error.to_string())
    }
}

/// Texts as values of a type.
pub(super) fn converted(values: &ArrayRef, held: Type, ty: Type) -> Result<ArrayRef, String> {
    if held == Type::String && ty == Type::Dynamic {
        // JSON text stays as it is; other text is a JSON string.
        parse_json_array(values)
    } else {
        cast_array(values, held, ty)
    }
    .map_err(|error| error.to_string())
}

/// The file as UTF-8 without a byte order mark; UTF-16 is known by its own. What is not valid becomes U+FFFD.
pub(super) fn utf8(file: Bytes) -> Bytes {
    let wide = |decode: fn([u8; 2]) -> u16| {
        let units = file[2..]
            .chunks_exact(2)
            .map(|pair| decode([pair[0], pair[1]]));
        let text: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        Bytes::from(text)
    };
    match &file[..] {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => {
            let start = if file.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            };
            match String::from_utf8_lossy(&file[start..]) {
                std::borrow::Cow::Borrowed(_) => file.slice(start..),
                std::borrow::Cow::Owned(text) => text.into(),
            }
        }
    }
}
