//! The operations of the APIs: who may call what, where, how often, and what comes back.
//!
//! A route exists only as a row of these tables. [`OPERATIONS`] holds the documented security
//! APIs, [`SUPPORT_OPERATIONS`] the directory calls of Graph and the operations of Bartizan's own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::DefenderPermission;
pub use crate::generated::operations::{OPERATIONS, OperationId, SUPPORT_OPERATIONS};
use crate::permissions::canonical;
pub use crate::route::{Match, find, methods_at};
use crate::served;

/// The API an operation belongs to, which decides the resource its tokens must be for and the
/// form of its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Microsoft Defender XDR (`Microsoft Threat Protection`).
    Xdr,
    /// Microsoft Defender for Endpoint (`WindowsDefenderATP`).
    Mde,
    /// Microsoft Graph.
    Graph,
    /// What Bartizan adds of its own under `/bartizan/`: its tokens are for the resource
    /// `api://bartizan`, its errors have Graph's form.
    Bartizan,
}

impl Api {
    /// The short name used in tables and profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xdr => "xdr",
            Self::Mde => "mde",
            Self::Graph => "graph",
            Self::Bartizan => "bartizan",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An HTTP method of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// The method as HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// The method with this name; HTTP method names are case-sensitive.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Get, Self::Post, Self::Patch, Self::Put, Self::Delete]
            .into_iter()
            .find(|m| m.as_str() == text)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How often an operation may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Calls in a minute.
    pub per_minute: Option<u32>,
    /// Calls in ten minutes.
    pub per_10_minutes: Option<u32>,
    /// Calls in an hour.
    pub per_hour: Option<u32>,
    /// Calls at the same time.
    pub concurrent: Option<u32>,
}

/// Which properties `$filter` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// `$filter` is not documented.
    None,
    /// Documented without a list of properties.
    Any,
    /// Exactly these; letter case does not matter.
    Fields(&'static [&'static str]),
}

/// A documented field of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestField {
    /// The field's name; case-sensitive.
    pub name: &'static str,
    /// The documented type (`string`, `string[]`, `enum`, …).
    pub ty: &'static str,
    /// Whether it must be present.
    pub required: bool,
    /// The values of an enumeration; empty when not listed.
    pub values: &'static [&'static str],
}

/// A documented parameter of the query string (beyond OData's own).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryParam {
    /// The parameter's name.
    pub name: &'static str,
    /// The documented type.
    pub ty: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// The default of a number.
    pub default: Option<i64>,
    /// The largest value of a number.
    pub max: Option<i64>,
}

/// One operation: a row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// The stable name in code.
    pub id: OperationId,
    /// The API it belongs to.
    pub api: Api,
    /// The section of the documentation.
    pub group: &'static str,
    /// What it does, in words.
    pub name: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Path with `{parameters}`, from the root of the host (`/v1.0/…` on Graph).
    pub path: &'static str,
    /// Documented hosts; Bartizan's own origins serve every row too.
    pub hosts: &'static [&'static str],
    /// App roles of which any one suffices.
    pub app_permissions: &'static [&'static str],
    /// Delegated scopes of which any one suffices.
    pub delegated_permissions: &'static [&'static str],
    /// The role in the portal that a user needs beside the scope.
    pub user_permission: Option<&'static str>,
    /// Permissions of the portal of which a user needs any one beside the scope; empty where the directory decides.
    pub user_needs: &'static [DefenderPermission],
    /// Directory roles of which a user needs any one beside the scope; empty where every member may.
    pub user_roles: &'static [&'static str],
    /// Whether a user sees only the device groups he has access to.
    pub device_group_scoped: bool,
    /// `$filter`.
    pub filter: Filter,
    /// Whether `$top` is documented.
    pub top: bool,
    /// Whether `$skip` is documented.
    pub skip: bool,
    /// Whether `$count=true` or a `/$count` segment is documented.
    pub count: bool,
    /// What `$expand` may name.
    pub expand: &'static [&'static str],
    /// Rows in a page when nothing is asked.
    pub page_size: Option<u32>,
    /// The largest `$top`.
    pub max_top: Option<u32>,
    /// How often it may be called; `None` when nothing is documented.
    pub rate: Option<Rate>,
    /// Fields of the body.
    pub request_fields: &'static [RequestField],
    /// Further query parameters.
    pub query_params: &'static [QueryParam],
    /// The entity that comes back.
    pub response_type: Option<&'static str>,
    /// Whether it comes back as a collection.
    pub response_collection: bool,
    /// `@odata.context` after the service root (`$metadata#Incidents`).
    pub odata_context: Option<&'static str>,
    /// Documented statuses and when they occur.
    pub statuses: &'static [(u16, &'static str)],
    /// The public page it was read from.
    pub source: &'static str,
}

impl Operation {
    /// Whether the server implements this row (see [`crate::served`]).
    #[must_use]
    pub fn served(&self) -> bool {
        served::SERVED.contains(&self.id)
    }

    /// Whether an application's token with these `roles` may call it. Any one listed permission
    /// suffices; names that the documentation misspells are understood.
    pub fn allowed_by<S: AsRef<str>>(&self, roles: &[S]) -> bool {
        permits(self.app_permissions, roles.iter().map(AsRef::as_ref))
    }

    /// Whether a user's token with this space-separated `scp` may call it, as far as the scope
    /// goes: the user's role and device groups narrow it further.
    #[must_use]
    pub fn allowed_by_scopes(&self, scp: &str) -> bool {
        permits(self.delegated_permissions, scp.split_ascii_whitespace())
    }

    /// The smallest documented success status.
    #[must_use]
    pub fn success_status(&self) -> u16 {
        self.statuses
            .iter()
            .map(|s| s.0)
            .filter(|s| (200..300).contains(s))
            .min()
            .unwrap_or(200)
    }

    /// The public page that documents it; `None` for what Bartizan adds and for what was read elsewhere.
    #[must_use]
    pub fn documentation(&self) -> Option<String> {
        const LEARN: &str = "https://learn.microsoft.com/en-us";
        let page = self.source.strip_suffix(".md")?;
        let graph = page.strip_prefix("api-reference/v1.0/api/");
        if let Some(name) = graph.filter(|name| !name.contains('/')) {
            return Some(format!("{LEARN}/graph/api/{name}?view=graph-rest-1.0"));
        }
        if let Some(name) = page.strip_prefix("concepts/") {
            return Some(format!("{LEARN}/graph/{name}"));
        }
        let defender = ["defender-endpoint/", "defender-xdr/"];
        let known = defender.iter().any(|folder| page.starts_with(folder));
        known.then(|| format!("{LEARN}/{page}"))
    }

    /// Whether it lists directory objects of any kind, which a cast narrows to one.
    #[must_use]
    pub fn is_castable(&self) -> bool {
        self.method == Method::Get && self.odata_context == Some("$metadata#directoryObjects")
    }

    /// The `@odata.context` text for a service root such as `https://api.security.microsoft.com/api`
    /// or `https://graph.microsoft.com/v1.0` (no trailing slash).
    #[must_use]
    pub fn context_url(&self, service_root: &str) -> Option<String> {
        self.odata_context
            .map(|context| format!("{service_root}/{context}"))
    }
}

fn permits<'a>(wanted: &[&str], held: impl Iterator<Item = &'a str>) -> bool {
    let mut held = held.map(canonical);
    held.any(|role| wanted.iter().any(|w| canonical(w) == role))
}

/// Every row: the documented operations, then the supporting ones.
pub fn all() -> impl Iterator<Item = &'static Operation> + Clone {
    OPERATIONS.iter().chain(SUPPORT_OPERATIONS)
}

/// The row with this id.
#[must_use]
pub fn get(id: OperationId) -> &'static Operation {
    // The generator numbers the ids in the order of `all()`, which a test holds.
    let index = id as usize;
    OPERATIONS
        .get(index)
        .unwrap_or_else(|| &SUPPORT_OPERATIONS[index - OPERATIONS.len()])
}

impl OperationId {
    /// The row of this operation.
    #[must_use]
    pub fn operation(self) -> &'static Operation {
        get(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_rows_numbers() {
        for (i, operation) in all().enumerate() {
            assert_eq!(operation.id as usize, i);
            assert_eq!(get(operation.id), operation);
        }
        assert_eq!(OPERATIONS.len(), 137);
    }

    #[test]
    fn pages_are_named_by_their_addresses() {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/?=".contains(c);
        let pages: Vec<String> = all().filter_map(Operation::documentation).collect();
        assert!(pages.len() > 200, "{}", pages.len());
        assert!(
            pages.iter().all(|page| page.chars().all(plain)),
            "{pages:?}"
        );
        assert_eq!(
            get(OperationId::XdrListIncidents)
                .documentation()
                .as_deref(),
            Some("https://learn.microsoft.com/en-us/defender-xdr/api-list-incidents")
        );
        assert_eq!(
            get(OperationId::BartizanIngestTelemetry).documentation(),
            None
        );
    }

    #[test]
    fn a_role_that_the_page_misspells_is_the_real_one() {
        let update = get(OperationId::MdeUpdateAlert);
        assert!(update.allowed_by(&["Alerts.ReadWrite.All"]));
        assert!(update.allowed_by(&["Machine.Read.All", "Alert.ReadWrite.All"]));
        assert!(!update.allowed_by(&["Alert.Read.All"]));
        assert!(!update.allowed_by::<&str>(&[]));
        assert!(update.allowed_by_scopes("User.Read Alert.ReadWrite"));
        assert!(!update.allowed_by_scopes("Alert.ReadWrite.All"));
    }

    #[test]
    fn contexts_name_the_service_root() {
        let list = get(OperationId::XdrListIncidents);
        assert_eq!(
            list.context_url("https://api.security.microsoft.com/api")
                .as_deref(),
            Some("https://api.security.microsoft.com/api/$metadata#Incidents")
        );
        assert_eq!(get(OperationId::MdeIsolate).success_status(), 201);
    }

    #[test]
    fn what_is_served_is_listed_once() {
        let mut ids = served::SERVED.to_vec();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), served::SERVED.len());
        assert!(get(OperationId::XdrGetIncident).served());
        assert!(!get(OperationId::MdeIsolate).served());
    }
}
