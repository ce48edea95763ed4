//! Service principals: an application's instance in a tenant, on which grants hang.

use serde::{Deserialize, Serialize};

use crate::graph::application::{AppRole, KeyCredential, PasswordCredential, PermissionScope};
use crate::ids::{AppId, ObjectId, TenantId};
use crate::time::Timestamp;

/// An application's instance in a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// Object id.
    pub id: ObjectId,
    /// When it was deleted softly.
    pub deleted_date_time: Option<Timestamp>,
    /// Whether it may sign in and be signed in to.
    #[serde(default)]
    pub account_enabled: Option<bool>,
    /// Further names, of managed identities.
    #[serde(default)]
    pub alternative_names: Vec<String>,
    /// The application's name.
    pub app_display_name: Option<String>,
    /// Client id.
    pub app_id: AppId,
    /// The application's home tenant.
    pub app_owner_organization_id: Option<TenantId>,
    /// Whether a token needs an assigned role.
    #[serde(default)]
    pub app_role_assignment_required: bool,
    /// Creation.
    pub created_date_time: Option<Timestamp>,
    /// Free text.
    pub description: Option<String>,
    /// Name.
    pub display_name: Option<String>,
    /// Home page.
    pub homepage: Option<String>,
    /// Where signing out is announced.
    pub logout_url: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// Redirect URIs.
    #[serde(default)]
    pub reply_urls: Vec<String>,
    /// Client id and resource URIs: what a token request may name.
    #[serde(default)]
    pub service_principal_names: Vec<String>,
    /// `Application`, `ManagedIdentity`, `Legacy` or `SocialIdp`.
    pub service_principal_type: Option<String>,
    /// Who may sign in.
    pub sign_in_audience: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Roles that it offers.
    #[serde(default)]
    pub app_roles: Vec<AppRole>,
    /// Delegated permissions that it offers.
    #[serde(default)]
    pub oauth2_permission_scopes: Vec<PermissionScope>,
    /// Secrets of its own.
    #[serde(default)]
    pub password_credentials: Vec<PasswordCredential>,
    /// Certificates of its own.
    #[serde(default)]
    pub key_credentials: Vec<KeyCredential>,
}

/// The body of `POST /servicePrincipals` and `PATCH /servicePrincipals/{id}`: what is absent
/// stays. Properties that are not listed here are ignored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePrincipalUpdate {
    /// Client id; required when creating, ignored when updating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<AppId>,
    /// Whether it may sign in and be signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_enabled: Option<bool>,
    /// Whether a token needs an assigned role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_role_assignment_required: Option<bool>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}
