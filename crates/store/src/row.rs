//! Reading columns of a result row as the types they hold.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::StoreError;

/// Typed access to a row's columns by name.
pub(crate) trait Columns {
    /// A text that is not null.
    fn text(&self, column: &str) -> Result<String, StoreError>;
    /// A text or null.
    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError>;
    /// A whole number that is not null.
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    /// A whole number or null.
    fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError>;

    /// A flag: 0 or 1.
    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// A text that parses: an id.
    fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?
            .parse()
            .map_err(|e: T::Err| corrupt(column, &e))
    }

    /// A word of a closed set.
    fn word<T>(&self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| corrupt(column, &format!("unknown word '{text}'")))
    }

    /// A word of a closed set, or null.
    fn maybe_word<T>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.maybe_text(column)? else {
            return Ok(None);
        };
        parse(&text)
            .map(Some)
            .ok_or_else(|| corrupt(column, &format!("unknown word '{text}'")))
    }

    /// JSON text.
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|e| corrupt(column, &e))
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }
}

fn corrupt(column: &str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        column: column.to_owned(),
        reason: reason.to_string(),
    }
}

/// A value as JSON text for a column.
pub(crate) fn to_json<T: serde::Serialize + ?Sized>(
    column: &'static str,
    value: &T,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| corrupt(column, &e))
}
