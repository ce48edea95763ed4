//! A scalar value of the hunting language, and a row of a hunting table.

use crate::hunting::Table;
use crate::kql_type::KqlType;

/// One scalar value. Times and lengths of time are .NET ticks of 100 ns (see [`crate::time`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value. A null string column reads as the empty text.
    #[default]
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i32),
    /// `long`
    Long(i64),
    /// `real`
    Real(f64),
    /// `string`
    String(String),
    /// `datetime`: ticks since 0001-01-01T00:00:00Z.
    DateTime(i64),
    /// `timespan`: ticks, negative allowed.
    TimeSpan(i64),
    /// `guid`: lower case with hyphens.
    Guid(String),
    /// `dynamic`: JSON text, valid by construction of whoever made it.
    Dynamic(String),
}

impl Value {
    /// The value's type, `None` for null.
    #[must_use]
    pub const fn ty(&self) -> Option<KqlType> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => KqlType::Bool,
            Self::Int(_) => KqlType::Int,
            Self::Long(_) => KqlType::Long,
            Self::Real(_) => KqlType::Real,
            Self::String(_) => KqlType::String,
            Self::DateTime(_) => KqlType::DateTime,
            Self::TimeSpan(_) => KqlType::TimeSpan,
            Self::Guid(_) => KqlType::Guid,
            Self::Dynamic(_) => KqlType::Dynamic,
        })
    }

    /// Whether this is [`Value::Null`].
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a string, guid or dynamic value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) | Self::Guid(s) | Self::Dynamic(s) => Some(s),
            _ => None,
        }
    }

    /// The number of an `int` or `long`.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(v) => Some(*v as i64),
            Self::Long(v) => Some(*v),
            _ => None,
        }
    }
}

/// A row of a hunting table: one value per column, in the table's column order.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The table the row belongs to.
    pub table: &'static Table,
    /// As many values as the table has columns.
    pub values: Vec<Value>,
}

impl Row {
    /// A row with every column null.
    #[must_use]
    pub fn empty(table: &'static Table) -> Self {
        Self {
            table,
            values: vec![Value::Null; table.columns.len()],
        }
    }

    /// The value of a column; `None` when the table has no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.table
            .column_index(column)
            .and_then(|i| self.values.get(i))
    }

    /// The row's own time, in ticks; `None` when the table has no `Timestamp` or it is null.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        match self.get("Timestamp") {
            Some(Value::DateTime(ticks)) => Some(*ticks),
            _ => None,
        }
    }

    /// Moves every time of the row by so many ticks; a time that would leave the calendar stays.
    pub fn shift(&mut self, ticks: i64) {
        for value in &mut self.values {
            if let Value::DateTime(time) = value
                && let Some(moved) = time.checked_add(ticks)
                && (0..=crate::time::MAX_TICKS).contains(&moved)
            {
                *time = moved;
            }
        }
    }

    /// Sets a column. Returns false, changing nothing, when the table has no such column or the
    /// value is of another type than the column's.
    pub fn set(&mut self, column: &str, value: Value) -> bool {
        let Some(index) = self.table.column_index(column) else {
            return false;
        };
        if value
            .ty()
            .is_some_and(|ty| ty != self.table.columns[index].ty)
        {
            return false;
        }
        self.values[index] = value;
        true
    }
}
