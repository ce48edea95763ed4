//! Discovery: documents, keys, instances, user realms.

use axum::response::Response;
use bartizan_identity::discovery::{
    DocumentTenant, InstanceRequest, instance_discovery, openid_configuration, user_realm,
};
use bartizan_identity::{Refusal, TenantPath, Version};
use bartizan_store::tenants;

use super::{Request, respond};

/// The OpenID configuration of a tenant, or of `common` and its like.
pub(super) async fn configuration(
    request: &Request<'_>,
    version: Version,
    tenant: &str,
) -> Response {
    let tenant = match document_tenant(request, tenant).await {
        Ok(tenant) => tenant,
        Err(refusal) => return respond::error(&refusal.answer_at("discovery", &request.trace)),
    };
    let base = &request.site.base;
    let userinfo = if request.site.alias {
        "https://graph.microsoft.com"
    } else {
        base
    };
    let issuers = request.app.keys.issuers();
    respond::document(&openid_configuration(
        version, base, userinfo, &tenant, issuers,
    ))
}

async fn document_tenant(request: &Request<'_>, segment: &str) -> Result<DocumentTenant, Refusal> {
    let path = TenantPath::parse(segment)?;
    let name = match &path {
        TenantPath::Common => return Ok(DocumentTenant::Common),
        TenantPath::Organizations => return Ok(DocumentTenant::Organizations),
        TenantPath::Consumers => return Ok(DocumentTenant::Consumers),
        TenantPath::Id(_) | TenantPath::Domain(_) => path.word(),
    };
    let found = async {
        let mut tx = request.app.store.read().await?;
        tenants::resolve(&mut tx, &name).await
    };
    let found = found.await.map_err(|error| {
        tracing::error!(%error, "discovery: the tenant could not be read");
        Refusal::Fault
    })?;
    let tenant = found.ok_or(Refusal::TenantUnknown { tenant: name })?;
    Ok(DocumentTenant::Tenant(tenant.id, tenant.region))
}

/// The key set: the same under every tenant.
pub(super) async fn keys(request: &Request<'_>, version: Version) -> Response {
    // Whoever meets a new key asks any of the servers for it.
    if let Err(error) = request.app.keys.catch_up(&request.app.store).await {
        tracing::error!(%error, "the signing keys could not be read anew");
    }
    respond::document(&request.app.keys.document(version))
}

/// Instance discovery.
pub(super) fn instance(request: &Request<'_>) -> Response {
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    let answer = instance_discovery(InstanceRequest {
        authorization_endpoint: request.query("authorization_endpoint"),
        own_origins: &own_origins,
    });
    match answer {
        Ok(body) => respond::document(&body),
        Err(refusal) => respond::error(&refusal.answer_at("instance", &request.trace)),
    }
}

/// The realm of a user's domain. It says whether a domain is served here, not whether a user exists.
pub(super) async fn realm(request: &Request<'_>, user: &str) -> Response {
    let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
    let known = async {
        let mut tx = request.app.store.read().await?;
        tenants::resolve(&mut tx, domain).await
    };
    match known.await {
        Ok(tenant) => respond::json(http::StatusCode::OK, &user_realm(user, tenant.is_some())),
        Err(error) => {
            tracing::error!(%error, "user realm: the domain could not be read");
            respond::error(&Refusal::Fault.answer(&request.trace))
        }
    }
}
