//! The tables and functions of advanced hunting.

use std::collections::HashMap;
use std::sync::LazyLock;

pub use crate::generated::hunting::{FUNCTIONS, TABLES};
use crate::kql_type::KqlType;

/// A column of a hunting table. Names are case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The documented name.
    pub name: &'static str,
    /// Its type.
    pub ty: KqlType,
}

/// A hunting table with its columns in documented order.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// The documented name; case-sensitive.
    pub name: &'static str,
    /// The product area (`endpoint`, `email`, `identity`, …).
    pub area: &'static str,
    /// Whether the table is documented as a preview.
    pub preview: bool,
    /// Whether the streaming API offers it.
    pub streaming: bool,
    /// The table that replaces this one.
    pub superseded_by: Option<&'static str>,
    /// Columns in documented order.
    pub columns: &'static [Column],
}

impl Table {
    /// The column with this exact name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.column_index(name).map(|i| &self.columns[i])
    }

    /// The position of the column with this exact name.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        COLUMN_INDEX.get(&(self.name, name)).copied()
    }

    /// The columns' names, in order.
    pub fn column_names(&self) -> impl ExactSizeIterator<Item = &'static str> + '_ {
        self.columns.iter().map(|c| c.name)
    }
}

/// A function of the hunting schema (`FileProfile`, `DeviceFromIP`, …).
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// The documented name; case-sensitive.
    pub name: &'static str,
    /// How it is called.
    pub kind: FunctionKind,
    /// Its syntax in one line.
    pub syntax: &'static str,
    /// Parameters in order.
    pub params: &'static [Param],
    /// The columns it gives, or adds to its input.
    pub columns: &'static [Column],
}

/// How a hunting function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// `T | invoke F(…)`
    TabularInvoke,
    /// `F(…)` as a source.
    Tabular,
}

/// A parameter of a hunting function.
#[derive(Debug, PartialEq, Eq)]
pub struct Param {
    /// The parameter's name in its documentation.
    pub name: &'static str,
    /// The documented type, in words.
    pub ty: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// The text of the default.
    pub default: Option<&'static str>,
}

static TABLE_INDEX: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    TABLES
        .iter()
        .enumerate()
        .map(|(i, t)| (t.name, i))
        .collect()
});

static COLUMN_INDEX: LazyLock<HashMap<(&'static str, &'static str), usize>> = LazyLock::new(|| {
    TABLES
        .iter()
        .flat_map(|t| {
            t.columns
                .iter()
                .enumerate()
                .map(move |(i, c)| ((t.name, c.name), i))
        })
        .collect()
});

/// The table with this exact name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLE_INDEX.get(name).map(|&i| &TABLES[i])
}

/// The table whose name is nearest to one that no table has; `None` when no name is near enough to help.
#[must_use]
pub fn nearest_table(name: &str) -> Option<&'static str> {
    nearest(name, TABLES.iter().map(|t| t.name))
}

/// The known name with the fewest edits, letter case aside, if half of it is right.
#[must_use]
pub fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    /// No name of the schema is longer.
    const LONGEST: usize = 80;
    if name.len() > LONGEST {
        return None;
    }
    let (edits, best) = known.map(|k| (distance(name, k), k)).min()?;
    (edits <= best.len() / 2).then_some(best)
}

/// Edits between two names, letter case aside.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let mut line: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = line[0];
        line[0] = i + 1;
        for (j, cb) in b.chars().enumerate() {
            let replace = diagonal + usize::from(ca != cb);
            diagonal = line[j + 1];
            line[j + 1] = replace.min(diagonal + 1).min(line[j] + 1);
        }
    }
    line[b.chars().count()]
}

/// The function with this exact name.
#[must_use]
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Row, Value};

    #[test]
    fn tables_and_columns_are_found_by_exact_name() {
        let table = table("DeviceProcessEvents").unwrap();
        assert_eq!(table.column("ProcessId").unwrap().ty, KqlType::Long);
        assert_eq!(table.columns[0].name, "Timestamp");
        assert!(table.column("processid").is_none());
        assert!(super::table("deviceprocessevents").is_none());
        assert_eq!(TABLES.len(), 65);
        assert_eq!(TABLES.iter().map(|t| t.columns.len()).sum::<usize>(), 1618);
    }

    #[test]
    fn a_row_refuses_foreign_columns_and_types() {
        let mut row = Row::empty(table("AlertInfo").unwrap());
        assert!(row.set("AlertId", Value::String("da1".into())));
        assert!(!row.set("AlertID", Value::String("da1".into())));
        assert!(!row.set("Timestamp", Value::String("2026-01-01".into())));
        assert!(row.set("Timestamp", Value::Null));
        assert_eq!(row.get("AlertId").and_then(Value::as_str), Some("da1"));
    }

    #[test]
    fn functions_are_found() {
        let f = function("FileProfile").unwrap();
        assert_eq!(f.kind, FunctionKind::TabularInvoke);
        assert_eq!(f.params[1].default, Some("100"));
        assert_eq!(FUNCTIONS.len(), 10);
    }
}
