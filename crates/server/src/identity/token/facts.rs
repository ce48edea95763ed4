//! Facts of the directory as the decisions want them.

use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_identity::grant::client_credentials::{ApplicationFact, ResourceFact, TenantFact};
use bartizan_identity::resource::{ResourceName, is_own_origin, look_ups};
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::service_principals::look_up_name;
use bartizan_store::directory::token_facts::{self, ResourceFacts};
use bartizan_store::tenants::Tenant;
use bartizan_store::{ReadTx, StoreError};

use super::super::client;

/// Microseconds of the store in a second of tokens.
pub(super) const MICROS: i64 = 1_000_000;

/// The tenant.
pub(super) fn tenant(tenant: &Tenant) -> TenantFact {
    TenantFact {
        id: tenant.id,
        region: tenant.region.clone(),
        created: tenant.created.div_euclid(MICROS),
        domains: tenant.domains.iter().map(|d| d.name.clone()).collect(),
    }
}

/// The application with its credentials.
pub(super) fn application(
    application: &Application,
    credentials: &ApplicationCredentials,
) -> ApplicationFact {
    ApplicationFact {
        app_id: application.app_id,
        home: application.tenant,
        display_name: application.display_name.clone(),
        multi_tenant: is_multi_tenant(&application.sign_in_audience),
        credentials: client::credentials(credentials),
    }
}

/// Whether other tenants than its home may use an application of this `signInAudience`.
pub(super) fn is_multi_tenant(audience: &str) -> bool {
    audience != "AzureADMyOrg"
}

/// What a request asks for, whichever of its spellings was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    /// Every API of this server.
    OwnOrigin,
    /// The resource of this name, in the form that the directory compares.
    Named(String),
}

impl Wanted {
    /// Of a name as it was sent.
    pub(super) fn of(name: &ResourceName, own_origins: &[String]) -> Self {
        if is_own_origin(name.as_str(), own_origins) {
            Self::OwnOrigin
        } else {
            Self::Named(look_up_name(name.as_str()))
        }
    }
}

/// The resource of a name, or all of them for an own origin.
pub(super) async fn resources(
    tx: &mut ReadTx,
    tenant: TenantId,
    wanted: &Wanted,
    client: Option<ObjectId>,
) -> Result<Vec<ResourceFacts>, StoreError> {
    let name = match wanted {
        Wanted::Named(name) => name,
        Wanted::OwnOrigin => {
            let mut found = Vec::new();
            for resource in RESOURCES {
                let id = resource.app_id.to_string();
                found.extend(token_facts::resource_facts(tx, tenant, &id, client).await?);
            }
            return Ok(found);
        }
    };
    for name in look_ups(name) {
        if let Some(facts) = token_facts::resource_facts(tx, tenant, name, client).await? {
            return Ok(vec![facts]);
        }
    }
    Ok(Vec::new())
}

/// A resource.
pub(super) fn resource(facts: &ResourceFacts) -> ResourceFact {
    ResourceFact {
        app_id: facts.app_id,
        enabled: facts.enabled,
        assignment_required: facts.assignment_required,
        client_is_assigned: facts.client_is_assigned,
        roles: facts.roles.clone(),
        access_token_version: facts.access_token_version,
    }
}
