//! Records of texts, or of JSON, as batches of the declared columns. What does not fit a column's type is null.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringViewArray, StringViewBuilder,
    UInt32Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use bartizan_kql::types::Type;
use bytes::Bytes;

use super::mapping::{Source, walk};
use super::{BATCH_ROWS, MOST_BYTES};
use crate::functions::{cast_array, null_of, parse_json_array};

/// Bytes of texts that a batch is made of: what a hunt keeps is counted, and others have their turn, that often.
const BATCH_BYTES: usize = 8 << 20;
/// Bytes that the JSON of one record may take to go through, each column once.
const MOST_WORK: usize = 2 << 30;
/// What a value takes beside its text.
const VIEW: usize = 16;

/// The columns that are filled, and from what.
pub(super) struct Table {
    schema: SchemaRef,
    pub(super) columns: Vec<(Type, Source)>,
    /// Of each column that is alike in all records, its value.
    constants: Vec<Option<ArrayRef>>,
    builders: Vec<StringViewBuilder>,
    rows: usize,
    /// Bytes that the waiting rows take.
    bytes: usize,
    /// Bytes that were gone through for them.
    work: usize,
}

impl Table {
    /// No rows yet. A constant is converted once, and its text is there once, however many records have it.
    pub(super) fn new(
        schema: SchemaRef,
        types: &[Type],
        sources: Vec<Source>,
    ) -> Result<Self, String> {
        let columns: Vec<(Type, Source)> = types.iter().copied().zip(sources).collect();
        let constants = columns.iter().map(|(ty, source)| match source {
            Source::Constant(text) => {
                let one: ArrayRef = Arc::new(StringViewArray::from_iter_values([text]));
                converted(&one, Type::String, *ty).map(Some)
            }
            _ => Ok(None),
        });
        Ok(Self {
            constants: constants.collect::<Result<_, _>>()?,
            schema,
            builders: types.iter().map(|_| StringViewBuilder::new()).collect(),
            columns,
            rows: 0,
            bytes: 0,
            work: 0,
        })
    }

    /// Rows that wait for a batch.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the waiting rows are enough for a batch.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES || self.work >= BATCH_BYTES * 8
    }

    /// Fields of a record that any column reads, from the first on.
    pub(super) fn width(&self) -> usize {
        let places = self.columns.iter().map(|(_, source)| match source {
            Source::Field(place) => place.saturating_add(1),
            _ => 0,
        });
        places.max().unwrap_or(0)
    }

    /// A record of fields.
    pub(super) fn fields<'a>(
        &mut self,
        field: impl Fn(usize) -> Option<&'a str>,
    ) -> Result<(), String> {
        for ((_, source), builder) in self.columns.iter().zip(&mut self.builders) {
            if let Source::Field(place) = source {
                let value = field(*place);
                self.bytes = grown(self.bytes, value)?;
                builder.append_option(value);
            } else {
                self.bytes += VIEW;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// A record of JSON.
    pub(super) fn json(&mut self, record: &str) -> Result<(), String> {
        let work = record.len().saturating_mul(self.columns.len());
        if work > MOST_WORK {
            return Err(too_long());
        }
        self.work += work;
        for ((_, source), builder) in self.columns.iter().zip(&mut self.builders) {
            if let Source::Path(steps) = source {
                let value = walk(record, steps).filter(|value| *value != "null");
                self.bytes = grown(self.bytes, value)?;
                builder.append_option(value);
            } else {
                self.bytes += VIEW;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows so far as a batch, from texts (`held` is string) or JSON (dynamic).
    pub(super) fn batch(&mut self, held: Type) -> Result<RecordBatch, String> {
        let rows = std::mem::take(&mut self.rows);
        (self.bytes, self.work) = (0, 0);
        // A builder that goes on takes ever larger blocks, even for a few short texts.
        let values: Vec<ArrayRef> = self
            .builders
            .iter_mut()
            .map(|builder| Arc::new(std::mem::take(builder).finish()) as ArrayRef)
            .collect();
        let arrays = self.columns.iter().zip(values).enumerate();
        let arrays = arrays.map(|(place, ((ty, source), values))| match source {
            Source::Constant(_) | Source::Nothing => self.fixed(place, rows),
            _ => converted(&values, held, *ty).map(compact),
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        self.finish(arrays, rows)
    }

    /// A column whose records are all alike: its constant, or null.
    pub(super) fn fixed(&self, place: usize, rows: usize) -> Result<ArrayRef, String> {
        match self.constants.get(place) {
            // The rows share the text.
            Some(Some(one)) => arrow::compute::take(one, &UInt32Array::from(vec![0; rows]), None)
                .map_err(|error| error.to_string()),
            _ => {
                let ty = self.columns.get(place).map_or(Type::String, |(ty, _)| *ty);
                null_of(ty)
                    .to_array_of_size(rows)
                    .map_err(|error| error.to_string())
            }
        }
    }

    /// A batch of finished columns.
    pub(super) fn finish(&self, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| error.to_string())
    }
}

/// What a batch takes with one more value, which may be refused: one record can be long, and its columns many.
fn grown(bytes: usize, value: Option<&str>) -> Result<usize, String> {
    let bytes = bytes + VIEW + value.map_or(0, str::len);
    if bytes > MOST_BYTES + BATCH_BYTES {
        return Err(too_long());
    }
    Ok(bytes)
}

fn too_long() -> String {
    "its records are too long for so many columns".to_owned()
}

/// Texts with a copy of their own where that is smaller than the blocks that they are in: a block is as large for one text
/// as for hundreds.
pub(super) fn compact(array: ArrayRef) -> ArrayRef {
    let Some(texts) = array.as_string_view_opt() else {
        return array;
    };
    let held: usize = texts.data_buffers().iter().map(Buffer::capacity).sum();
    if texts.total_buffer_bytes_used() < held {
        Arc::new(texts.gc())
    } else {
        array
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::mapping::Step;

    fn table(sources: Vec<Source>) -> Table {
        let names: Vec<String> = (0..sources.len()).map(|n| format!("c{n}")).collect();
        let columns = names.iter().map(|name| (name.as_str(), Type::String));
        let types = vec![Type::String; names.len()];
        Table::new(crate::types::schema(columns), &types, sources).expect("a table")
    }

    #[test]
    fn the_rows_of_a_batch_share_a_constant() {
        let text = "x".repeat(100_000);
        let mut table = table(vec![Source::Constant(text.clone()), Source::Field(0)]);
        while !table.is_full() {
            table.fields(|_| Some("a")).expect("a row");
        }
        let batch = table.batch(Type::String).expect("a batch");
        assert_eq!(batch.num_rows(), BATCH_ROWS);
        assert!(batch.get_array_memory_size() < 1_000_000);
        let values = arrow::array::AsArray::as_string_view(batch.column(0));
        assert_eq!(values.value(BATCH_ROWS - 1), text);
    }

    #[test]
    fn a_few_texts_of_many_columns_take_no_more_than_they_are() {
        let of = |n: usize| Source::Path(vec![Step::Member(format!("c{n}"))]);
        let mut wide = table((0..500).map(of).collect());
        let members: Vec<String> = (0..500)
            .map(|n| format!("\"c{n}\":\"a text of some length {n}\""))
            .collect();
        wide.json(&format!("{{{}}}", members.join(",")))
            .expect("a row");
        let batch = wide.batch(Type::Dynamic).expect("a batch");
        let texts = AsArray::as_string_view(batch.column(499));
        assert_eq!(texts.value(0), "a text of some length 499");
        // As a text, as its view and as what holds both.
        let size = batch.get_array_memory_size();
        assert!(size < 500 * 1_000, "{size}");
    }

    #[test]
    fn a_batch_ends_with_its_bytes_too() {
        let rows = |table: &mut Table, row: &dyn Fn(&mut Table)| {
            let mut rows = 0;
            while !table.is_full() {
                row(table);
                rows += 1;
            }
            table.batch(Type::String).expect("a batch");
            assert!(!table.is_full());
            rows
        };
        let mut long = table(vec![Source::Field(0)]);
        let text = "x".repeat(1 << 20);
        let row = |table: &mut Table| table.fields(|_| Some(&text)).expect("a row");
        assert_eq!(rows(&mut long, &row), 8);
        let mut wide = table(vec![Source::Nothing; 1024]);
        let row = |table: &mut Table| table.fields(|_| None).expect("a row");
        assert_eq!(rows(&mut wide, &row), 512);
        let gone = Source::Path(vec![Step::Member("gone".to_owned())]);
        let mut searched = table(vec![gone; 64]);
        let record = format!("{{\"a\":\"{text}\"}}");
        let row = |table: &mut Table| table.json(&record).expect("a row");
        assert_eq!(rows(&mut searched, &row), 1);
    }

    #[test]
    fn one_record_is_not_copied_without_end() {
        let text = "x".repeat(1 << 20);
        let mut wide = table(vec![Source::Field(0); 200]);
        assert_eq!(wide.fields(|_| Some(&text)), Err(too_long()));
        let mut wide = table(vec![Source::Path(Vec::new()); 2000]);
        let record = format!("\"{}\"", "x".repeat(2 << 20));
        assert_eq!(wide.json(&record), Err(too_long()));
    }
}
