//! CSV, JSON and JSON lines, read into memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewBuilder};
use bartizan_kql::types::Type;
use datafusion::datasource::MemTable;
use serde_json::value::RawValue;

use super::infer::Inference;
use super::{LocalError, Opened};
use crate::functions::cast_array;
use crate::types::schema;

/// The values of a column while a file is read.
struct Column {
    name: String,
    values: StringViewBuilder,
    inference: Inference,
}

impl Column {
    fn new(name: &str, missing: usize) -> Self {
        let mut values = StringViewBuilder::new();
        (0..missing).for_each(|_| values.append_null());
        Self {
            name: name.to_owned(),
            values,
            inference: Inference::default(),
        }
    }
}

/// A CSV file with a header.
pub(super) fn csv(path: &Path, wanted: Option<&[(String, Type)]>) -> Result<Opened, LocalError> {
    let bytes = std::fs::read(path).map_err(|e| LocalError::io(path, e))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let fail = |message: String| LocalError::content(path, message);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|e| fail(e.to_string()))?.clone();
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for name in &header {
        if columns.iter().any(|column| column.name == name) {
            return Err(fail(format!("the header has the column '{name}' twice")));
        }
        columns.push(Column::new(name, 0));
    }
    let mut last = 0;
    for record in reader.records() {
        let record = record.map_err(|e| fail(e.to_string()))?;
        last = record.position().map_or(0, |place| {
            usize::try_from(place.byte()).unwrap_or(usize::MAX)
        });
        if record.len() != header.len() {
            closed_quotes(bytes, last).map_err(fail)?;
            let (line, _) = line_at(bytes, last);
            return Err(fail(format!(
                "line {line}: {} fields, where the header has {}",
                record.len(),
                header.len()
            )));
        }
        for (i, column) in columns.iter_mut().enumerate() {
            let value = record.get(i).unwrap_or("");
            column.inference.text(value);
            column.values.append_value(value);
        }
    }
    // A quote that does not end takes all that follows into its record: only the last can have one.
    closed_quotes(bytes, last).map_err(fail)?;
    finish(path, columns, Type::String, wanted)
}

/// The line of the record that is read from `start` on, and what is left from there; lines without anything come before it.
fn line_at(bytes: &[u8], start: usize) -> (usize, &[u8]) {
    let rest = bytes.get(start..).unwrap_or_default();
    let empty = rest
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    let before = &bytes[..bytes.len() - rest.len() + empty];
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    (line, &rest[empty..])
}

/// Whether every quote of the records from `start` on ends before the file does.
fn closed_quotes(bytes: &[u8], start: usize) -> Result<(), String> {
    #[derive(PartialEq)]
    enum Place {
        Start,
        Plain,
        Quoted,
        /// After a quote that ends the field, unless another one follows.
        Ended,
    }
    let (line, rest) = line_at(bytes, start);
    let mut place = Place::Start;
    for byte in rest {
        place = match (place, byte) {
            (Place::Start | Place::Ended, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Ended,
            (Place::Quoted, _) => Place::Quoted,
            (_, b',' | b'\n' | b'\r') => Place::Start,
            _ => Place::Plain,
        };
    }
    if place == Place::Quoted {
        return Err(format!(
            "line {line}: a quote of the record that begins here does not end"
        ));
    }
    Ok(())
}

/// One JSON object per line.
pub(super) fn json_lines(
    path: &Path,
    wanted: Option<&[(String, Type)]>,
) -> Result<Opened, LocalError> {
    let text = std::fs::read_to_string(path).map_err(|e| LocalError::io(path, e))?;
    let mut table = JsonTable::default();
    for (number, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            table
                .add(line)
                .map_err(|e| LocalError::content(path, format!("line {}: {e}", number + 1)))?;
        }
    }
    finish(path, table.columns, Type::Dynamic, wanted)
}

/// An array of objects, or an answer of the hunting API with its `Results` or `results`.
pub(super) fn json(path: &Path, wanted: Option<&[(String, Type)]>) -> Result<Opened, LocalError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(alias = "results")]
        #[serde(rename = "Results")]
        results: Vec<Box<RawValue>>,
    }
    let text = std::fs::read_to_string(path).map_err(|e| LocalError::io(path, e))?;
    let rows = match serde_json::from_str::<Vec<Box<RawValue>>>(&text) {
        Ok(rows) => rows,
        Err(no_array) => match serde_json::from_str::<Answer>(&text) {
            Ok(answer) => answer.results,
            Err(_) => return Err(LocalError::content(path, no_array)),
        },
    };
    let mut table = JsonTable::default();
    for (i, row) in rows.iter().enumerate() {
        table
            .add(row.get())
            .map_err(|e| LocalError::content(path, format!("element {i}: {e}")))?;
    }
    finish(path, table.columns, Type::Dynamic, wanted)
}

/// Rows of JSON objects by column; columns appear as they are first seen.
#[derive(Default)]
struct JsonTable {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    rows: usize,
}

impl JsonTable {
    fn add(&mut self, text: &str) -> Result<(), String> {
        if !crate::json::is_valid(text) {
            return Err("not JSON".into());
        }
        if crate::json::kind(text) != Some(crate::json::Kind::Object) {
            return Err("not a JSON object".into());
        }
        for (key, value) in crate::json::members(text) {
            let name = crate::json::string_value(key);
            let index = match self.by_name.get(name.as_ref()) {
                Some(index) => *index,
                None => {
                    self.columns.push(Column::new(&name, self.rows));
                    self.by_name
                        .insert(name.into_owned(), self.columns.len() - 1);
                    self.columns.len() - 1
                }
            };
            let column = &mut self.columns[index];
            // A repeated key keeps its first value.
            if arrow::array::ArrayBuilder::len(&column.values) == self.rows {
                column.inference.json(value);
                column
                    .values
                    .append_option((value != "null").then_some(value));
            }
        }
        self.rows += 1;
        for column in &mut self.columns {
            if arrow::array::ArrayBuilder::len(&column.values) < self.rows {
                column.values.append_null();
            }
        }
        Ok(())
    }
}

/// Converts the columns from texts (`held` is string or dynamic) to their types.
fn finish(
    path: &Path,
    columns: Vec<Column>,
    held: Type,
    wanted: Option<&[(String, Type)]>,
) -> Result<Opened, LocalError> {
    let mut names = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut rows = 0;
    let fail = |e: &dyn std::fmt::Display| LocalError::content(path, e.to_string());
    for mut column in columns {
        let documented = wanted.and_then(|w| w.iter().find(|(name, _)| *name == column.name));
        let mixed = if held == Type::Dynamic {
            Type::Dynamic
        } else {
            Type::String
        };
        let ty = documented.map_or_else(|| column.inference.ty(mixed), |(_, ty)| *ty);
        let values: ArrayRef = Arc::new(column.values.finish());
        rows = values.len();
        let array = if held == Type::String && ty == Type::Dynamic {
            // A dynamic in a CSV file is its JSON text.
            crate::functions::parse_json_array(&values)
        } else {
            cast_array(&values, held, ty)
        };
        arrays.push(array.map_err(|e| fail(&e))?);
        names.push((column.name, ty));
    }
    for (name, ty) in wanted.unwrap_or_default() {
        if !names.iter().any(|(n, _)| n == name) {
            let missing = crate::functions::null_of(*ty).to_array_of_size(rows);
            arrays.push(missing.map_err(|e| fail(&e))?);
            names.push((name.clone(), *ty));
        }
    }
    let schema = schema(names.iter().map(|(n, t)| (n.as_str(), *t)));
    let batches = if names.is_empty() {
        Vec::new()
    } else {
        vec![RecordBatch::try_new(schema.clone(), arrays).map_err(|e| fail(&e))?]
    };
    let provider = MemTable::try_new(schema, vec![batches]).map_err(|e| fail(&e))?;
    let columns = in_documented_order(names, wanted);
    Ok(Opened {
        columns,
        provider: Arc::new(provider),
    })
}

/// Documented columns first, in their order.
pub(super) fn in_documented_order(
    mut names: Vec<(String, Type)>,
    wanted: Option<&[(String, Type)]>,
) -> Vec<(String, Type)> {
    if let Some(wanted) = wanted {
        names.sort_by_key(|(name, _)| {
            wanted
                .iter()
                .position(|(w, _)| w == name)
                .unwrap_or(usize::MAX)
        });
    }
    names
}
