//! The directory: applications and their secrets, service principals, app role assignments,
//! users; and the facts that a token decision needs, read in one transaction.
//!
//! The parts of objects (app roles, scopes, required accesses) are kept as the JSON of Microsoft
//! Graph, because Graph's API is how they come and go.

pub mod applications;
pub mod assignments;
pub mod certificates;
pub mod credentials;
pub mod federations;
pub mod passwords;
pub mod permission_grants;
pub mod service_principals;
pub mod token_facts;
pub mod users;

pub use bartizan_contract::graph::{AppRole, PermissionScope, RequiredResourceAccess};
use serde::{Deserialize, Serialize};

/// Where an application's answers may be sent, by kind of client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectUris {
    /// Of confidential web applications.
    pub web: Vec<String>,
    /// Of single-page applications.
    pub spa: Vec<String>,
    /// Of native applications.
    pub public_client: Vec<String>,
}
