//! The shapes of the spec files. Unknown keys are refused where a missed key would lose a fact.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An operation of `endpoints.json` or `support.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// `xdr`, `mde`, `graph`, `bartizan`
    pub api: String,
    /// Section of the documentation.
    pub group: String,
    /// What it does.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// Path, without Graph's version.
    pub path: String,
    /// Hosts; Graph's carry the version.
    pub hosts: Vec<String>,
    /// App roles.
    pub app_permissions: Vec<String>,
    /// Scopes.
    pub delegated_permissions: Vec<String>,
    /// Role of the user in the portal.
    #[serde(default)]
    pub rbac_user_permission: Option<String>,
    /// Directory roles of which a user needs any one.
    #[serde(default)]
    pub user_roles: Vec<String>,
    /// Whether device groups narrow it.
    #[serde(default)]
    pub device_group_scoped: bool,
    /// OData options by name.
    #[serde(default)]
    pub query_options: Map<String, Value>,
    /// Further query parameters.
    #[serde(default)]
    pub query_params: Map<String, Value>,
    /// Fields of the body.
    #[serde(default)]
    pub request_fields: Map<String, Value>,
    /// Default page.
    #[serde(default)]
    pub page_size: Option<u32>,
    /// Largest `$top`.
    #[serde(default)]
    pub max_top: Option<u32>,
    /// Rates.
    #[serde(default)]
    pub rate_limit: Option<Rate>,
    /// Entity in the answer.
    #[serde(default)]
    pub response_type: Option<String>,
    /// Whether a collection.
    #[serde(default)]
    pub response_collection: bool,
    /// `@odata.context` after the service root.
    #[serde(default)]
    pub odata_context: Option<String>,
    /// Statuses and when.
    pub status_codes: BTreeMap<u16, String>,
    /// Remarks.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Page it was read from.
    pub source: String,
}

/// Rates of an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls in a minute.
    pub per_minute: Option<u32>,
    /// Calls in ten minutes.
    pub per_10_minutes: Option<u32>,
    /// Calls in an hour.
    pub per_hour: Option<u32>,
    /// Calls at once.
    pub concurrent: Option<u32>,
    /// Who shares the budget, in words.
    pub scope: Option<String>,
    /// Further bounds, in words.
    pub runtime: Option<String>,
}

/// `permissions.json`
#[derive(Debug, Deserialize)]
pub struct Permissions {
    /// Resource applications.
    pub resources: Vec<Resource>,
    /// Misspelt name to real name.
    pub doc_aliases: BTreeMap<String, String>,
}

/// A resource application.
#[derive(Debug, Deserialize)]
pub struct Resource {
    /// Application id.
    #[serde(rename = "appId")]
    pub app_id: String,
    /// Name in the portal.
    pub display_name: String,
    /// API it guards.
    pub api: String,
    /// URIs in token requests.
    pub identifier_uris: Vec<String>,
    /// Accepted audiences.
    pub audiences: Vec<String>,
    /// Roles and scopes.
    pub permissions: Vec<Permission>,
}

/// A permission.
#[derive(Debug, Deserialize)]
pub struct Permission {
    /// Claim value.
    pub name: String,
    /// `application` or `delegated`
    pub kind: String,
    /// GUID.
    pub id: String,
    /// Whether an administrator must consent.
    pub admin_consent: bool,
    /// What it allows.
    pub text: String,
}

/// `support.json`
#[derive(Debug, Deserialize)]
pub struct Support {
    /// Directory calls and our own.
    pub operations: Vec<Operation>,
    /// More permissions of known resources, by API.
    pub permissions: BTreeMap<String, Vec<Permission>>,
    /// Resource applications of our own.
    pub resources: Vec<Resource>,
}

/// `hunting-schema.json`
#[derive(Debug, Deserialize)]
pub struct Hunting {
    /// Tables by name, in the file's order.
    #[serde(deserialize_with = "in_order")]
    pub tables: Vec<(String, Table)>,
    /// Functions by name, in the file's order.
    #[serde(deserialize_with = "in_order")]
    pub functions: Vec<(String, Function)>,
}

/// The entries of an object in the order of the file.
fn in_order<'de, D, T>(deserializer: D) -> Result<Vec<(String, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let read = |(name, value)| match serde_json::from_value(value) {
        Ok(entry) => Ok((name, entry)),
        Err(e) => Err(D::Error::custom(format_args!("{name}: {e}"))),
    };
    Map::<String, Value>::deserialize(deserializer)?
        .into_iter()
        .map(read)
        .collect()
}

/// A hunting table.
#[derive(Debug, Deserialize)]
pub struct Table {
    /// Product area.
    pub area: String,
    /// Preview.
    pub preview: bool,
    /// Offered by the streaming API.
    pub streaming_api: bool,
    /// Replacement.
    #[serde(default)]
    pub superseded_by: Option<String>,
    /// Columns in order.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Deserialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// KQL type.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A hunting function.
#[derive(Debug, Deserialize)]
pub struct Function {
    /// `tabular` or `tabular-invoke`
    pub kind: String,
    /// One line.
    pub syntax: String,
    /// Parameters.
    pub args: Vec<Param>,
    /// Columns it gives.
    #[serde(default)]
    pub columns: Vec<Column>,
}

/// A parameter of a hunting function.
#[derive(Debug, Deserialize)]
pub struct Param {
    /// Name.
    pub name: String,
    /// Type in words.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// Default; JSON null means none.
    #[serde(default)]
    pub default: Value,
}

/// `identity-errors.json`
#[derive(Debug, Deserialize)]
pub struct IdentityErrors {
    /// How many.
    pub count: usize,
    /// The rows.
    pub errors: Vec<IdentityError>,
}

/// An AADSTS code.
#[derive(Debug, Deserialize)]
pub struct IdentityError {
    /// Number.
    pub code: u32,
    /// Symbolic name.
    pub name: Option<String>,
    /// OAuth error.
    pub error: String,
    /// Status.
    pub http: u16,
    /// Suberror.
    pub suberror: Option<String>,
    /// Message with placeholders.
    pub message: String,
    /// Endpoints.
    pub endpoint: Vec<String>,
    /// When.
    pub when: String,
    /// Other forms.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// Another form of a code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// OAuth error.
    pub error: Option<String>,
    /// Status.
    pub http: Option<u16>,
    /// Suberror.
    pub suberror: Option<String>,
    /// Endpoints.
    #[serde(default)]
    pub endpoint: Vec<String>,
    /// When.
    pub note: Option<String>,
}

/// `entities.json`
#[derive(Debug, Deserialize)]
pub struct Entities {
    /// Entities by name.
    pub entities: Map<String, Value>,
    /// Graph's enumerations by name.
    pub graph_enums: Map<String, Value>,
}
