//! What has been consented to: app role assignments and delegated permission grants.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::ObjectId;
use crate::time::Timestamp;

/// An app role given to a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAssignment {
    /// Opaque.
    pub id: String,
    /// When it was deleted softly.
    pub deleted_date_time: Option<Timestamp>,
    /// The role; all zeros means default access.
    pub app_role_id: Uuid,
    /// Creation.
    pub created_date_time: Option<Timestamp>,
    /// The principal's name.
    pub principal_display_name: Option<String>,
    /// Who has the role.
    pub principal_id: ObjectId,
    /// `User`, `Group` or `ServicePrincipal`.
    pub principal_type: Option<String>,
    /// The resource's name.
    pub resource_display_name: Option<String>,
    /// The service principal that offers the role.
    pub resource_id: ObjectId,
}

/// The body of `POST …/appRoleAssignments` and `…/appRoleAssignedTo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAppRoleAssignment {
    /// Who gets the role.
    pub principal_id: ObjectId,
    /// The service principal that offers it.
    pub resource_id: ObjectId,
    /// The role.
    pub app_role_id: Uuid,
}

/// For whom a delegated permission is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsentType {
    /// For everybody in the tenant.
    AllPrincipals,
    /// For one user.
    Principal,
}

/// Delegated permissions granted to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2PermissionGrant {
    /// The client's service principal.
    pub client_id: ObjectId,
    /// For whom.
    pub consent_type: ConsentType,
    /// Opaque.
    pub id: String,
    /// The user, for [`ConsentType::Principal`].
    pub principal_id: Option<ObjectId>,
    /// The resource's service principal.
    pub resource_id: ObjectId,
    /// Words separated by spaces; grants made by the portal start with one.
    pub scope: Option<String>,
}

/// The body of `POST /oauth2PermissionGrants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOAuth2PermissionGrant {
    /// The client's service principal.
    pub client_id: ObjectId,
    /// For whom.
    pub consent_type: ConsentType,
    /// The user, for [`ConsentType::Principal`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<ObjectId>,
    /// The resource's service principal.
    pub resource_id: ObjectId,
    /// Words separated by spaces.
    pub scope: String,
}
