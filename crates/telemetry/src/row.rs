//! Filling a row of a hunting table column by column.

use bartizan_contract::hunting::{Table, table};
use bartizan_contract::kql_type::KqlType;
use bartizan_contract::value::{Row, Value};

/// A row under construction. Text that says "nothing" (`-`, empty) is left out, numbers are put in
/// the width that the column has.
#[derive(Debug)]
pub struct RowBuilder {
    row: Row,
}

impl RowBuilder {
    /// A row of a table that the contract names; `None` for any other name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        table(name).map(|table| Self {
            row: Row::empty(table),
        })
    }

    /// A row of a table.
    #[must_use]
    pub fn of(table: &'static Table) -> Self {
        Self {
            row: Row::empty(table),
        }
    }

    /// Sets a text column, or a dynamic one to already serialised JSON. Ignored when the table
    /// lacks the column: shared groups of columns differ a little from table to table.
    pub fn text(&mut self, column: &str, value: impl AsRef<str>) -> &mut Self {
        let value = value.as_ref();
        if value.is_empty() || value == "-" {
            return self;
        }
        let value = match self.row.table.column(column).map(|c| c.ty) {
            Some(KqlType::Dynamic) => Value::Dynamic(value.to_owned()),
            Some(KqlType::String) => Value::String(value.to_owned()),
            _ => return self,
        };
        self.row.set(column, value);
        self
    }

    /// Sets a text column when there is a text.
    pub fn maybe(&mut self, column: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(column, value),
            None => self,
        }
    }

    /// Sets a text column in lower case, as the service writes account names, domains and hashes.
    pub fn lower(&mut self, column: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(column, value.to_lowercase()),
            None => self,
        }
    }

    /// Sets an `int` or `long` column; a number outside an `int` column's range is left out.
    pub fn number(&mut self, column: &str, value: Option<i64>) -> &mut Self {
        let Some(value) = value else { return self };
        let value = match self.row.table.column(column).map(|c| c.ty) {
            Some(KqlType::Long) => Value::Long(value),
            Some(KqlType::Int) => match i32::try_from(value) {
                Ok(value) => Value::Int(value),
                Err(_) => return self,
            },
            Some(KqlType::String) => Value::String(value.to_string()),
            _ => return self,
        };
        self.row.set(column, value);
        self
    }

    /// Sets a `bool` column.
    pub fn flag(&mut self, column: &str, value: Option<bool>) -> &mut Self {
        if let Some(value) = value {
            self.row.set(column, Value::Bool(value));
        }
        self
    }

    /// Sets a `datetime` column to ticks.
    pub fn time(&mut self, column: &str, ticks: Option<i64>) -> &mut Self {
        if let Some(ticks) = ticks {
            self.row.set(column, Value::DateTime(ticks));
        }
        self
    }

    /// Sets `AdditionalFields` to a JSON object, unless it is empty.
    pub fn additional(&mut self, fields: &AdditionalFields) -> &mut Self {
        if fields.0.is_empty() {
            return self;
        }
        let text = serde_json::Value::Object(fields.0.clone()).to_string();
        self.text("AdditionalFields", text)
    }

    /// The finished row.
    #[must_use]
    pub fn finish(self) -> Row {
        self.row
    }
}

/// The members of an `AdditionalFields` object, in the order they were put in.
#[derive(Debug, Clone, Default)]
pub struct AdditionalFields(serde_json::Map<String, serde_json::Value>);

impl AdditionalFields {
    /// No members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text member unless the text is missing, empty or `-`.
    #[must_use]
    pub fn text(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value.filter(|v| !v.is_empty() && *v != "-") {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Adds any JSON member.
    #[must_use]
    pub fn json(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a number when there is one.
    #[must_use]
    pub fn number(mut self, name: &str, value: Option<i64>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }
}
