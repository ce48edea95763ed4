//! The directory: applications and their secrets, service principals, app role assignments,
//! users; and the facts that a token decision needs, read in one transaction.
//!
//! Names and JSON shapes of the parts follow Microsoft Graph, because Graph's API shows them.

pub mod applications;
pub mod assignments;
pub mod passwords;
pub mod service_principals;
pub mod token_facts;
pub mod users;

use bartizan_contract::AppId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A permission that a resource offers to applications (Graph `appRole`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// By this id it is assigned.
    pub id: Uuid,
    /// The word in `roles`.
    pub value: Option<String>,
    /// Its name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// What it allows.
    #[serde(default)]
    pub description: Option<String>,
    /// `Application`, `User`.
    pub allowed_member_types: Vec<String>,
    /// Whether it can be assigned.
    pub is_enabled: bool,
}

/// A permission that a resource offers to users' clients (Graph `permissionScope`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionScope {
    /// By this id it is asked for.
    pub id: Uuid,
    /// The word in `scp`.
    pub value: Option<String>,
    /// `User` or `Admin`: who may consent.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// Whether it can be asked for.
    pub is_enabled: bool,
    /// Title for administrators.
    #[serde(default)]
    pub admin_consent_display_name: Option<String>,
    /// Text for administrators.
    #[serde(default)]
    pub admin_consent_description: Option<String>,
    /// Title for users.
    #[serde(default)]
    pub user_consent_display_name: Option<String>,
    /// Text for users.
    #[serde(default)]
    pub user_consent_description: Option<String>,
}

/// What an application says it needs of one resource (Graph `requiredResourceAccess`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredResourceAccess {
    /// The resource.
    pub resource_app_id: AppId,
    /// Its permissions.
    pub resource_access: Vec<ResourceAccess>,
}

/// One permission needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceAccess {
    /// The permission's id.
    pub id: Uuid,
    /// App role or scope.
    #[serde(rename = "type")]
    pub kind: AccessKind,
}

/// Which kind of permission is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKind {
    /// An app role.
    Role,
    /// A delegated scope.
    Scope,
}

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
