//! The wrappers that OData puts around entities.

use serde::{Deserialize, Serialize};

/// A page of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collection<T> {
    /// `https://host/api/$metadata#Incidents`; echoes the host that was called.
    #[serde(
        rename = "@odata.context",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub context: Option<String>,
    /// All rows, when `$count=true` asked for it.
    #[serde(
        rename = "@odata.count",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub count: Option<i64>,
    /// The rows of this page.
    pub value: Vec<T>,
    /// Where the next page is; absent on the last.
    #[serde(
        rename = "@odata.nextLink",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub next_link: Option<String>,
}

/// A single entity with its context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity<T> {
    /// `https://host/api/$metadata#Alerts/$entity`
    #[serde(
        rename = "@odata.context",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub context: Option<String>,
    /// The entity's own fields.
    #[serde(flatten)]
    pub entity: T,
}
