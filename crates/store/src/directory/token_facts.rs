//! Everything a token decision needs, read from one consistent state.

use bartizan_contract::{AppId, TenantId};

use super::applications::{self, Application};
use super::assignments;
use super::credentials::{self, ApplicationCredentials};
use super::service_principals::{self, ServicePrincipal};
use crate::error::StoreError;
use crate::tenants::{self, Tenant};
use crate::transaction::ReadTx;

/// The facts behind a `client_credentials` request. What is not there is `None`: which error that
/// makes is for the identity crate to decide.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientCredentialsFacts {
    /// The tenant that the path names.
    pub tenant: Option<Tenant>,
    /// The application with the client id, in whatever home tenant.
    pub application: Option<Application>,
    /// By what that application may prove itself, expired secrets and certificates too.
    pub credentials: ApplicationCredentials,
    /// The application's presence in the tenant.
    pub client: Option<ServicePrincipal>,
    /// The resource that the request names, if the tenant knows it.
    pub resource: Option<ResourceFacts>,
}

/// The resource of a token request, as the client's tenant knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceFacts {
    /// Its presence in the tenant.
    pub service_principal: ServicePrincipal,
    /// `requestedAccessTokenVersion` of its registration; none for Microsoft's resources.
    pub access_token_version: Option<i64>,
    /// Values of the enabled app roles that the client holds of it, sorted: the `roles` claim.
    pub roles: Vec<String>,
    /// Whether the client is assigned anything of it, be it access without a role.
    pub client_is_assigned: bool,
}

/// Reads the facts for a request to the tenant named `tenant` (id or domain), by the client
/// `client_id`, for the resource named `resource` (identifier URI or client id).
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn client_credentials(
    tx: &mut ReadTx,
    tenant: &str,
    client_id: AppId,
    resource: Option<&str>,
) -> Result<ClientCredentialsFacts, StoreError> {
    let mut facts = ClientCredentialsFacts {
        tenant: tenants::resolve(tx, tenant).await?,
        ..Default::default()
    };
    facts.application = applications::anywhere(tx, client_id).await?;
    if let Some(app) = &facts.application {
        facts.credentials = credentials::of(tx, app.tenant, app.id).await?;
    }
    let Some(tenant) = facts.tenant.as_ref().map(|t| t.id) else {
        return Ok(facts);
    };
    facts.client = service_principals::by_app_id(tx, tenant, client_id).await?;
    if let Some(name) = resource {
        facts.resource = resource_facts(tx, tenant, name, facts.client.as_ref()).await?;
    }
    Ok(facts)
}

/// Reads what `client` holds of the resource named `name` in a tenant; `None` when the tenant does
/// not know the resource.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn resource_facts(
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &str,
    client: Option<&ServicePrincipal>,
) -> Result<Option<ResourceFacts>, StoreError> {
    let Some(resource) = service_principals::by_name(tx, tenant, name).await? else {
        return Ok(None);
    };
    let registration = applications::anywhere(tx, resource.app_id).await?;
    let assigned = match client {
        Some(client) => assignments::of_principal(tx, tenant, client.id).await?,
        None => Vec::new(),
    };
    let ids: Vec<_> = assigned
        .iter()
        .filter(|a| a.resource == resource.id)
        .map(|a| a.app_role_id)
        .collect();
    let held = resource
        .app_roles
        .iter()
        .filter(|r| r.is_enabled && ids.contains(&r.id));
    let mut roles: Vec<String> = held.filter_map(|r| r.value.clone()).collect();
    roles.sort();
    roles.dedup();
    Ok(Some(ResourceFacts {
        access_token_version: registration.and_then(|r| r.requested_access_token_version),
        roles,
        client_is_assigned: !ids.is_empty(),
        service_principal: resource,
    }))
}
