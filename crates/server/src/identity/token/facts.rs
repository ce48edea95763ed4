//! Facts of the directory as the decisions want them.

use bartizan_contract::TenantId;
use bartizan_contract::permissions::RESOURCES;
use bartizan_identity::grant::client_credentials::{ApplicationFact, ResourceFact, TenantFact};
use bartizan_identity::resource::{ResourceName, is_own_origin};
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::service_principals::ServicePrincipal;
use bartizan_store::directory::token_facts::{self, ResourceFacts};
use bartizan_store::tenants::Tenant;
use bartizan_store::{ReadTx, StoreError};

use super::super::{Request, client};

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
        multi_tenant: application.sign_in_audience != "AzureADMyOrg",
        credentials: client::credentials(credentials),
    }
}

/// The resource of a name, or all of them when the name is an own origin.
pub(super) async fn resources(
    request: &Request<'_>,
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &ResourceName,
    client: Option<&ServicePrincipal>,
) -> Result<Vec<ResourceFact>, StoreError> {
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    if is_own_origin(name.as_str(), &own_origins) {
        let mut found = Vec::new();
        for resource in RESOURCES {
            let id = resource.app_id.to_string();
            let facts = token_facts::resource_facts(tx, tenant, &id, client).await?;
            found.extend(facts.as_ref().map(resource_fact));
        }
        return Ok(found);
    }
    for name in name.look_ups() {
        if let Some(facts) = token_facts::resource_facts(tx, tenant, name, client).await? {
            return Ok(vec![resource_fact(&facts)]);
        }
    }
    Ok(Vec::new())
}

fn resource_fact(facts: &ResourceFacts) -> ResourceFact {
    ResourceFact {
        app_id: facts.service_principal.app_id,
        enabled: facts.service_principal.enabled,
        assignment_required: facts.service_principal.assignment_required,
        client_is_assigned: facts.client_is_assigned,
        roles: facts.roles.clone(),
        access_token_version: facts.access_token_version,
    }
}
