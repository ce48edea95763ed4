//! What a query can name from outside: the tables.

use std::collections::BTreeMap;

use crate::types::Type;

/// The tables that a query may read. Names are case-sensitive.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    tables: BTreeMap<String, Vec<(String, Type)>>,
}

impl Scope {
    /// A scope without tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table, or replaces the one of that name.
    pub fn add_table(&mut self, name: impl Into<String>, columns: Vec<(String, Type)>) {
        self.tables.insert(name.into(), columns);
    }

    /// The same scope with one more table.
    #[must_use]
    pub fn with_table(mut self, name: &str, columns: &[(&str, Type)]) -> Self {
        self.add_table(
            name,
            columns
                .iter()
                .map(|(name, ty)| ((*name).to_owned(), *ty))
                .collect(),
        );
        self
    }

    /// The columns of a table, in order.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&[(String, Type)]> {
        self.tables.get(name).map(Vec::as_slice)
    }

    /// The names of all tables, sorted.
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }
}
