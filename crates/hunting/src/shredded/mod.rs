//! Paths of keys within `dynamic` columns, and within texts that hold JSON, kept in files as columns of their own.
//!
//! A large file has a column beside those of its table for each of a few paths that many of its first rows have, with short
//! values: the JSON text at the end of the path, or null. The name says which: `AdditionalFields["Process"]["Name"]`.
//! Nothing about values or types changes by it; it only saves reading and walking the whole text.
//!
//! Files differ in what they have. A hunt is given for each path what is *stored*, and whether that is so; and for each
//! column with paths the *whole* text, unless a file has all of them ([`Extra`]).
//!
//! Which paths a file keeps is chosen from its first rows ([`choose`]), what they hold is written beside them
//! ([`write`]), plans are told to read them ([`rule`]), and each file gives what it has ([`adapter`]).

mod adapter;
mod choose;
mod rule;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};

use crate::json;

pub(crate) use adapter::ShreddedFiles;
pub(crate) use choose::{SAMPLE_BYTES, SAMPLE_ROWS, choose};
pub(crate) use rule::ShreddedPaths;
pub(crate) use write::ShreddedWriter;

/// Keys of a path that a column is kept for.
pub(crate) const MOST_KEYS: usize = 3;

/// A path of keys in a column of JSON texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyPath {
    /// The table's column.
    pub(crate) column: String,
    /// The keys, outermost first; at most [`MOST_KEYS`].
    pub(crate) keys: Vec<String>,
}

impl KeyPath {
    /// The column of a file that holds the text at the end of the path, where the file has it.
    pub(crate) fn stored(&self) -> String {
        self.keys_after(self.column.clone())
    }

    /// What a scan calls whether a row's file has that column.
    pub(crate) fn is_stored(&self) -> String {
        self.keys_after(format!("{} has ", self.column))
    }

    /// What a scan calls the column's whole text, which may be null where every path of it is stored.
    pub(crate) fn whole(&self) -> String {
        whole(&self.column)
    }

    fn keys_after(&self, mut name: String) -> String {
        for key in &self.keys {
            name.push('[');
            json::push_json_string(&mut name, key);
            name.push(']');
        }
        name
    }
}

fn whole(column: &str) -> String {
    format!("{column} whole")
}

/// Whether a scan reads a column's whole text for paths in it.
pub(crate) fn has_whole(scan: &Schema, column: &str) -> bool {
    scan.column_with_name(&whole(column)).is_some()
}

/// A column of a scan behind those of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extra {
    /// The whole text of a column.
    Whole(String),
    /// What is stored at the end of a path.
    Stored(KeyPath),
    /// Whether something may be stored there.
    IsStored(KeyPath),
}

impl Extra {
    /// The columns for some paths: those for the first of them are the first, whatever follows.
    pub(crate) fn of(paths: &[KeyPath]) -> Vec<Self> {
        let mut extras = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            if !paths[..at].iter().any(|p| p.column == path.column) {
                extras.push(Self::Whole(path.column.clone()));
            }
            extras.extend([Self::Stored(path.clone()), Self::IsStored(path.clone())]);
        }
        extras
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Whole(column) => whole(column),
            Self::Stored(path) => path.stored(),
            Self::IsStored(path) => path.is_stored(),
        }
    }

    /// What rows give for it that have the table's columns of a schema, and of `paths` those that are stored; none for what
    /// is stored, which has a column of its own.
    ///
    /// # Errors
    /// When the schema lacks the column that it is about.
    pub(crate) fn given(
        &self,
        paths: &[KeyPath],
        is_stored: impl Fn(&KeyPath) -> bool,
        schema: &Schema,
    ) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let null = ScalarValue::Utf8View(None);
        let value = match self {
            Self::Whole(column) => {
                let mut own = paths.iter().filter(|path| path.column == *column);
                if !own.all(is_stored) {
                    return Ok(Some(Arc::new(Column::new_with_schema(column, schema)?)));
                }
                null
            }
            Self::Stored(path) if is_stored(path) => return Ok(None),
            Self::Stored(_) => null,
            Self::IsStored(path) => ScalarValue::Boolean(Some(is_stored(path))),
        };
        Ok(Some(Arc::new(Literal::new(value))))
    }

    fn field(&self) -> Field {
        let ty = match self {
            Self::Whole(_) | Self::Stored(_) => DataType::Utf8View,
            Self::IsStored(_) => DataType::Boolean,
        };
        Field::new(self.name(), ty, true)
    }
}

/// A table's columns, and those for paths behind them.
pub(crate) fn with_extras(schema: &SchemaRef, paths: &[KeyPath]) -> SchemaRef {
    if paths.is_empty() {
        return schema.clone();
    }
    let extras = Extra::of(paths);
    let fields = schema.fields().iter().cloned();
    let fields = fields.chain(extras.iter().map(|extra| Arc::new(extra.field())));
    Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()))
}

/// Whether a file's column is one of a path in another of its columns.
pub(crate) fn is_stored_path(name: &str, is_column: impl FnOnce(&str) -> bool) -> bool {
    name.ends_with("\"]")
        && name
            .split_once("[\"")
            .is_some_and(|(column, _)| is_column(column))
}
