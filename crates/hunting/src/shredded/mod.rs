//! Paths of keys within `dynamic` columns, kept in files as columns of their own.
//!
//! A large file has a column beside those of its table for each path that many of its rows have: the JSON text at the end
//! of the path, or null. The name says which: `AdditionalFields["Process"]["Name"]`. Nothing about values or types changes
//! by it; it only saves reading and walking the whole text. Files differ in what they have, so a hunt is given two texts
//! for each path that it follows: the *stored* one, and the *whole* text where a file has no such column ([`KeyPath`]).
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

    /// What a scan calls the whole text of rows in files that do not have the path.
    pub(crate) fn whole(&self) -> String {
        self.keys_after(format!("{} without ", self.column))
    }

    fn keys_after(&self, mut name: String) -> String {
        for key in &self.keys {
            name.push('[');
            json::push_json_string(&mut name, key);
            name.push(']');
        }
        name
    }

    /// The field of a stored column.
    pub(crate) fn field(&self) -> Field {
        Field::new(self.stored(), DataType::Utf8View, true)
    }
}

/// A table's columns, and behind them two for each path: what is stored at its end, and the whole text.
pub(crate) fn with_columns_of(schema: &SchemaRef, paths: &[KeyPath]) -> SchemaRef {
    if paths.is_empty() {
        return schema.clone();
    }
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    for path in paths {
        let whole = Field::new(path.whole(), DataType::Utf8View, true);
        fields.extend([Arc::new(path.field()), Arc::new(whole)]);
    }
    Arc::new(Schema::new(fields))
}

/// Whether a file's column is one of a path in another of its columns.
pub(crate) fn is_stored_path(name: &str, is_column: impl FnOnce(&str) -> bool) -> bool {
    name.ends_with("\"]")
        && name
            .split_once("[\"")
            .is_some_and(|(column, _)| is_column(column))
}
