//! OData query options of the Defender and Graph APIs, and filters as SQL.

use crate::sql::Sql;

/// A filter as a SQL condition over one table, with its values as parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlFilter {
    table: &'static str,
    sql: Sql,
}

impl SqlFilter {
    /// The table that it was made for.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// The condition.
    pub(crate) const fn sql(&self) -> &Sql {
        &self.sql
    }
}
