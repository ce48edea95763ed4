//! The tenant as Graph shows it.

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::time::Timestamp;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// The tenant's id.
    pub id: TenantId,
    /// When it was deleted softly.
    pub deleted_date_time: Option<Timestamp>,
    /// Creation.
    pub created_date_time: Option<Timestamp>,
    /// Name.
    pub display_name: Option<String>,
    /// `AAD`, or `AAD B2C`.
    pub tenant_type: Option<String>,
    /// Domains that it owns.
    #[serde(default)]
    pub verified_domains: Vec<VerifiedDomain>,
}

/// A domain of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedDomain {
    /// Services that use it.
    pub capabilities: Option<String>,
    /// Whether new users get it.
    pub is_default: Option<bool>,
    /// Whether it is the first, `….onmicrosoft.com`.
    pub is_initial: Option<bool>,
    /// The domain.
    pub name: Option<String>,
    /// `Managed` or `Federated`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}
