//! What a query can name from outside: tables and functions.

use std::collections::BTreeMap;

use crate::saved::SavedFunction;
use crate::types::Type;

/// Says what is wrong with a regular expression, if anything is.
pub type ExpressionCheck = fn(&str) -> Option<String>;

/// The tables that a query may read and the functions that it may call. Names are case-sensitive.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    expression_check: Option<ExpressionCheck>,
    tables: BTreeMap<String, Vec<(String, Type)>>,
    /// The names of the tables as they were added: wildcards and `search` read them in this order.
    order: Vec<String>,
    functions: BTreeMap<String, SavedFunction>,
}

impl Scope {
    /// A scope without tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has constant regular expressions looked at. Which are valid is for the engine to say; without its word none is wrong.
    pub fn check_expressions(&mut self, check: ExpressionCheck) {
        self.expression_check = Some(check);
    }

    /// What looks at constant regular expressions.
    #[must_use]
    pub fn expression_check(&self) -> Option<ExpressionCheck> {
        self.expression_check
    }

    /// Adds a table, or replaces the one of that name.
    pub fn add_table(&mut self, name: impl Into<String>, columns: Vec<(String, Type)>) {
        let name = name.into();
        if self.tables.insert(name.clone(), columns).is_none() {
            self.order.push(name);
        }
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

    /// The names of all tables in the order in which they were added.
    pub(super) fn tables_in_order(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// Adds a function, or replaces the one of that name.
    pub fn add_function(&mut self, name: impl Into<String>, function: SavedFunction) {
        self.functions.insert(name.into(), function);
    }

    /// The function of a name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&SavedFunction> {
        self.functions.get(name)
    }

    /// All functions with their names, sorted.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &SavedFunction)> {
        self.functions
            .iter()
            .map(|(name, function)| (name.as_str(), function))
    }
}
