//! Statements whose text depends on what is asked: text and parameters grow together.
//!
//! Both databases take numbered parameters (`$1`), so that is the one spelling used everywhere.

use std::fmt::Write as _;

use sqlx::Any;
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::query::Query;

use crate::error::StoreError;
use crate::transaction::{Backend, ReadTx};

/// A parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    /// TEXT
    Text(String),
    /// TEXT or null
    MaybeText(Option<String>),
    /// BIGINT or INTEGER
    Int(i64),
}

impl From<Option<String>> for Bind {
    fn from(value: Option<String>) -> Self {
        Self::MaybeText(value)
    }
}

impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bartizan_contract::TenantId> for Bind {
    fn from(value: bartizan_contract::TenantId) -> Self {
        Self::Text(value.to_string())
    }
}

/// A statement under construction. Only string constants of this crate become its text; every
/// value of a caller becomes a parameter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sql {
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    /// Starts with a piece of text.
    pub(crate) fn new(text: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Appends a piece of text.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a parameter.
    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        let _ = write!(self.text, "${}", self.binds.len());
        self
    }

    /// Appends parameters with commas in between. At least one, or the SQL is not valid.
    pub(crate) fn bind_list<T: Into<Bind>>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Appends another statement's text and parameters, renumbered.
    pub(crate) fn append(&mut self, other: &Self) -> &mut Self {
        let mut rest = other.text.as_str();
        while let Some(at) = rest.find('$') {
            self.text.push_str(&rest[..at]);
            let digits = rest[at + 1..].find(|c: char| !c.is_ascii_digit());
            let end = digits.map_or(rest.len(), |d| at + 1 + d);
            if let Ok(number) = rest[at + 1..end].parse::<usize>()
                && let Some(value) = other.binds.get(number - 1)
            {
                self.bind(value.clone());
            }
            rest = &rest[end..];
        }
        self.text.push_str(rest);
        self
    }

    fn query(self, backend: Backend) -> Query<'static, Any, AnyArguments> {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(spelled(self.text, backend)));
        for value in self.binds {
            query = match value {
                Bind::Text(text) => query.bind(text),
                Bind::MaybeText(text) => query.bind(text),
                Bind::Int(number) => query.bind(number),
            };
        }
        query
    }

    /// Runs it for its rows.
    pub(crate) async fn fetch_all(self, tx: &mut ReadTx) -> Result<Vec<AnyRow>, StoreError> {
        let query = self.query(tx.backend());
        Ok(query.fetch_all(tx.connection()).await?)
    }

    /// Runs it for its only row.
    pub(crate) async fn fetch_one(self, tx: &mut ReadTx) -> Result<AnyRow, StoreError> {
        let query = self.query(tx.backend());
        Ok(query.fetch_one(tx.connection()).await?)
    }

    /// Runs it for its effect.
    pub(crate) async fn execute(self, tx: &mut ReadTx) -> Result<AnyQueryResult, StoreError> {
        let query = self.query(tx.backend());
        Ok(query.execute(tx.connection()).await?)
    }

    /// Runs an insertion of `what`; see [`StoreError::on_insert`].
    pub(crate) async fn execute_insert(
        self,
        tx: &mut ReadTx,
        what: &'static str,
    ) -> Result<AnyQueryResult, StoreError> {
        let done = self.query(tx.backend()).execute(tx.connection()).await;
        done.map_err(|e| StoreError::on_insert(e, what))
    }
}

/// Begins what stands for the elements of a list that is kept as JSON, of a column (`json_elements[column]`) or of a
/// member of one (`json_elements[column/name]`): the one thing that the two databases have no common word for. Each
/// element is `value`. Only constants of this crate hold it, never a value: those are parameters.
const ELEMENTS: &str = "json_elements[";

/// Begins what stands for the text of a member of an object that is kept as JSON (`json_text[column/name]`), null where it
/// is absent.
const TEXT: &str = "json_text[";

/// The text as a database spells it.
fn spelled(text: String, backend: Backend) -> String {
    members(elements(text, backend), backend)
}

fn members(text: String, backend: Backend) -> String {
    if !text.contains(TEXT) {
        return text;
    }
    let mut parts = text.split(TEXT);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (member, rest) = part.split_once(']').unwrap_or((part, ""));
        let (column, name) = member.split_once('/').unwrap_or((member, ""));
        let _ = match backend {
            Backend::Sqlite => write!(whole, "json_extract({column}, '$.{name}')"),
            Backend::Postgres => write!(whole, "(cast({column} as json) ->> '{name}')"),
        };
        whole.push_str(rest);
    }
    whole
}

fn elements(text: String, backend: Backend) -> String {
    if !text.contains(ELEMENTS) {
        return text;
    }
    let mut parts = text.split(ELEMENTS);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (list, rest) = part.split_once(']').unwrap_or((part, ""));
        let _ = match (backend, list.split_once('/')) {
            (Backend::Sqlite, None) => write!(whole, "json_each({list})"),
            (Backend::Sqlite, Some((column, name))) => {
                write!(whole, "json_each({column}, '$.{name}')")
            }
            (Backend::Postgres, None) => {
                write!(whole, "json_array_elements_text(cast({list} as json))")
            }
            (Backend::Postgres, Some((column, name))) => write!(
                whole,
                "json_array_elements_text(case json_typeof(cast({column} as json) -> '{name}') when 'array' \
                 then cast({column} as json) -> '{name}' else cast('[]' as json) end)"
            ),
        };
        whole.push_str(rest);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appended_parameters_are_renumbered() {
        let mut inner = Sql::new("x = ");
        inner
            .bind(1)
            .push(" or y in (")
            .bind_list(["a", "b"])
            .push(")");
        let mut outer = Sql::new("t = ");
        outer.bind("tenant").push(" and (").append(&inner).push(")");
        assert_eq!(outer.text, "t = $1 and (x = $2 or y in ($3, $4))");
        assert_eq!(outer.binds.len(), 4);
    }

    #[test]
    fn members_of_json_objects_are_spelled_for_each_database() {
        let text = "coalesce(json_text[t.p/kind], 'x') = $1";
        assert_eq!(
            spelled(text.to_owned(), Backend::Sqlite),
            "coalesce(json_extract(t.p, '$.kind'), 'x') = $1"
        );
        assert_eq!(
            spelled(text.to_owned(), Backend::Postgres),
            "coalesce((cast(t.p as json) ->> 'kind'), 'x') = $1"
        );
    }

    #[test]
    fn elements_of_json_lists_are_spelled_for_each_database() {
        let text = "from json_elements[t.a] e, json_elements[t.p/tags] f where x = $1";
        assert_eq!(
            spelled(text.to_owned(), Backend::Sqlite),
            "from json_each(t.a) e, json_each(t.p, '$.tags') f where x = $1"
        );
        let postgres = spelled(text.to_owned(), Backend::Postgres);
        assert!(postgres.starts_with("from json_array_elements_text(cast(t.a as json)) e,"));
        assert!(postgres.ends_with("end) f where x = $1"), "{postgres}");
    }
}
