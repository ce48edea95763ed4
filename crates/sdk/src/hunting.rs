//! Advanced hunting over the three wires, answered in one form.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::cloud::Service;
use crate::error::Error;

/// Rows of an answer at most, over every wire (Microsoft's page on the limits of advanced hunting); further rows are cut
/// off, and nothing in a cloud's answer says so.
pub const MOST_ROWS: usize = 100_000;

/// The header of an answer whose rows were cut off at the server's limit. This project's own servers send it, whatever
/// their limit is.
pub const CUT_OFF: &str = "bartizan-rows-cut-off";

/// The wire that carries a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wire {
    /// `POST /v1.0/security/runHuntingQuery`: the one that stays after 2027-02-01.
    Graph,
    /// `POST /api/advancedhunting/run`
    #[default]
    Xdr,
    /// `POST /api/advancedqueries/run`: endpoint tables only.
    Mde,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its name.
    #[serde(alias = "Name")]
    pub name: String,
    /// The type as the wire names it (`DateTime`, `String`, …).
    #[serde(rename = "type", alias = "Type")]
    pub ty: String,
}

/// A further table of an answer, of a query that ends with `fork` or `facet`; this project's own servers give them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Table {
    /// Its name; another may have the same.
    #[serde(alias = "Name")]
    pub name: String,
    /// Columns in order.
    #[serde(alias = "Schema")]
    pub schema: Vec<Column>,
    /// Rows.
    #[serde(alias = "Results")]
    pub results: Vec<Map<String, Value>>,
}

/// An answer: rows are objects by column name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    /// Columns in order.
    #[serde(alias = "Schema")]
    pub schema: Vec<Column>,
    /// Rows.
    #[serde(alias = "Results")]
    pub results: Vec<Map<String, Value>>,
    /// Resource usage; not on Graph.
    #[serde(default, rename = "Stats", alias = "stats")]
    pub stats: Option<Value>,
    /// The name of the table in `schema` and `results`, where there are several.
    #[serde(default, rename = "tableName", alias = "TableName")]
    pub name: Option<String>,
    /// The further tables; usually none.
    #[serde(default, alias = "Tables")]
    pub tables: Vec<Table>,
    /// There may be more rows: the server says so, or there are as many as an answer of Microsoft's clouds has at most.
    #[serde(skip)]
    pub cut_off: bool,
}

impl Answer {
    /// Rows of all tables: the limit is for them together.
    fn rows(&self) -> usize {
        let further = self.tables.iter().map(|table| table.results.len());
        self.results.len() + further.sum::<usize>()
    }

    /// Whether there are as many rows as a cloud's answer has at most. A server of one's own may give more, and says so
    /// itself when it leaves some out.
    fn is_full(&self) -> bool {
        self.rows() >= MOST_ROWS
    }
}

/// Calls to advanced hunting.
#[derive(Debug, Clone, Copy)]
pub struct Hunting<'a>(pub(crate) &'a Client);

impl Hunting<'_> {
    /// Runs a query. `timespan` (ISO 8601) narrows it on Graph and is refused by the other wires.
    ///
    /// # Errors
    /// Every variant of [`Error`]; an error in the query is [`Error::Api`] with status 400.
    pub async fn run(
        &self,
        wire: Wire,
        query: &str,
        timespan: Option<&str>,
    ) -> Result<Answer, Error> {
        if timespan.is_some() && wire != Wire::Graph {
            return Err(Error::Configuration(
                "a timespan is only understood by Graph; put it into the query instead".to_owned(),
            ));
        }
        let (service, path) = match wire {
            Wire::Graph => (Service::Graph, "/v1.0/security/runHuntingQuery"),
            Wire::Xdr => (Service::Xdr, "/api/advancedhunting/run"),
            Wire::Mde => (Service::Mde, "/api/advancedqueries/run"),
        };
        let mut body = json!({ "Query": query });
        if let Some(timespan) = timespan {
            body["Timespan"] = Value::from(timespan);
        }
        let answer = self.0.raw(service, Method::POST, path, Some(&body)).await?;
        let mut found: Answer = answer.json()?;
        let told = answer.headers.contains_key(CUT_OFF);
        found.cut_off = told || self.0.cloud().is_microsofts() && found.is_full();
        Ok(found)
    }
}
