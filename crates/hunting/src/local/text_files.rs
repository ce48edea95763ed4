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
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .map_err(|e| LocalError::content(path, e))?;
    let header = reader
        .headers()
        .map_err(|e| LocalError::content(path, e))?
        .clone();
    let mut columns: Vec<Column> = header
        .iter()
        .map(|name| Column::new(name.trim_start_matches('\u{feff}'), 0))
        .collect();
    for record in reader.records() {
        let record = record.map_err(|e| LocalError::content(path, e))?;
        for (i, column) in columns.iter_mut().enumerate() {
            let value = record.get(i).unwrap_or("");
            column.inference.text(value);
            column.values.append_value(value);
        }
    }
    finish(path, columns, Type::String, wanted)
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
