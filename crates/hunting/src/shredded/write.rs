//! The texts at the ends of paths, column by column.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringViewBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use bartizan_contract::KqlType;
use bartizan_contract::hunting::Table;

use super::KeyPath;
use crate::json::{self, Kind};

/// Adds to rows what stands at the ends of some paths.
pub(crate) struct ShreddedWriter {
    schema: SchemaRef,
    columns: Vec<Column>,
}

/// Paths in one column.
struct Column {
    index: usize,
    /// Whether texts need not be JSON.
    in_text: bool,
    paths: usize,
    root: Branch,
}

/// Keys that paths go through, at most as many as a mask has bits.
#[derive(Default)]
struct Branch(Vec<Key>);

struct Key {
    key: String,
    /// The path that ends here.
    path: Option<usize>,
    then: Branch,
}

impl ShreddedWriter {
    /// For rows of a table in a schema; the paths of a column have to follow each other.
    pub(crate) fn new(table: &Table, schema: &SchemaRef, paths: &[KeyPath]) -> Self {
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        let mut columns: Vec<Column> = Vec::new();
        let runs = paths.chunk_by(|a, b| a.column == b.column);
        for run in runs {
            let Some(index) = table.column_index(&run[0].column) else {
                continue;
            };
            let mut root = Branch::default();
            for (number, path) in run.iter().enumerate() {
                root.insert(&path.keys, number);
                fields.push(Arc::new(Field::new(
                    path.stored(),
                    DataType::Utf8View,
                    true,
                )));
            }
            columns.push(Column {
                index,
                in_text: table.columns[index].ty == KqlType::String,
                paths: run.len(),
                root,
            });
        }
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns,
        }
    }

    /// The schema of what is written.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Rows with the columns of paths behind those that they have.
    ///
    /// # Errors
    /// When the rows are of another schema.
    pub(crate) fn add(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.columns.is_empty() {
            return Ok(rows.clone());
        }
        let mut columns = rows.columns().to_vec();
        for column in &self.columns {
            columns.extend(column.texts(rows.column(column.index)));
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

impl Column {
    fn texts(&self, whole: &ArrayRef) -> Vec<ArrayRef> {
        let builder = || StringViewBuilder::with_capacity(whole.len());
        let mut builders: Vec<_> = (0..self.paths).map(|_| builder()).collect();
        let mut found: Vec<Option<&str>> = vec![None; self.paths];
        for text in whole.as_string_view() {
            found.fill(None);
            // As a path in a text is walked: from what is JSON as a whole, without the space around it.
            let value = if self.in_text {
                text.map(json::trim).filter(|t| json::is_valid(t))
            } else {
                text
            };
            if let Some(value) = value {
                self.root.walk(value, &mut found);
            }
            for (builder, text) in builders.iter_mut().zip(&found) {
                builder.append_option(*text);
            }
        }
        let arrays = builders.into_iter();
        arrays.map(|mut b| Arc::new(b.finish()) as _).collect()
    }
}

impl Branch {
    fn insert(&mut self, keys: &[String], path: usize) {
        let Some((first, rest)) = keys.split_first() else {
            return;
        };
        let at = self.0.iter().position(|k| k.key == *first);
        let at = at.unwrap_or_else(|| {
            self.0.push(Key {
                key: first.clone(),
                path: None,
                then: Self::default(),
            });
            self.0.len() - 1
        });
        let key = &mut self.0[at];
        if rest.is_empty() {
            key.path = Some(path);
        } else {
            key.then.insert(rest, path);
        }
    }

    /// Finds what [`json::member`] after [`json::member`] finds: of equal keys the first counts.
    fn walk<'t>(&self, value: &'t str, found: &mut [Option<&'t str>]) {
        let mut left = self.0.len();
        let mut taken = 0_u64;
        for (key, value) in json::members(value) {
            let is = |(at, k): &(usize, &Key)| taken >> at & 1 == 0 && json::key_is(key, &k.key);
            let Some((at, wanted)) = self.0.iter().enumerate().find(is) else {
                continue;
            };
            taken |= 1 << at;
            if let Some(path) = wanted.path {
                let is_null = matches!(json::kind(value), None | Some(Kind::Null));
                found[path] = (!is_null).then_some(value);
            }
            wanted.then.walk(value, found);
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
}
