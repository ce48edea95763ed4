//! `/oauth2PermissionGrants`: consent to delegated permissions, of everybody or of one user.

use axum::response::Response;
use bartizan_contract::graph::{self, ConsentType, NewOAuth2PermissionGrant};
use bartizan_store::ReadTx;
use bartizan_store::directory::permission_grants::{self, PermissionGrant};
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::users as accounts;
use http::StatusCode;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::body::{Body, required};
use super::query::{self, Query};
use super::{changes, missing, record, refused, service_principals as principals, users};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// What `$filter` may name in a short list of grants.
const FILTERED: &[&str] = &[
    "id",
    "clientId",
    "consentType",
    "principalId",
    "resourceId",
    "scope",
];

/// Lists grants of the tenant.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let query = Query::read(&call, &query::PERMISSION_GRANTS)?;
    let mut tx = call.read().await?;
    let tenant = call.tenant();
    let listing = permission_grants::list(&mut tx, tenant, &query.search()).await?;
    let count = match query.counted {
        true => Some(permission_grants::count(&mut tx, tenant, query.filter.as_ref()).await?),
        false => None,
    };
    let value = listing.items.iter().map(|g| json!(wire(g))).collect();
    query.answer(&call, value, &[], listing.next, count)
}

/// Grants of a client's service principal.
pub(crate) async fn of_client(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let client = principals::find(&mut tx, &call).await?;
    let found = permission_grants::of_client(&mut tx, call.tenant(), client.id).await?;
    answer(&call, &found)
}

/// Grants for a user; `/me` is the caller.
pub(crate) async fn of_user(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let person = users::find(&mut tx, &call).await?;
    let found = permission_grants::of_principal(&mut tx, call.tenant(), person.user.id).await?;
    answer(&call, &found)
}

/// Grants scopes of a resource to a client.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let new: NewOAuth2PermissionGrant = call.json().await?;
    let tenant = call.tenant();
    let mut tx = call.app.store.write().await?;
    let client = service_principals::by_id(&mut tx, tenant, new.client_id).await?;
    let client = client.ok_or_else(|| missing(new.client_id))?;
    let resource = service_principals::by_id(&mut tx, tenant, new.resource_id).await?;
    let resource = resource.ok_or_else(|| missing(new.resource_id))?;
    let principal = match (new.consent_type, new.principal_id) {
        (ConsentType::AllPrincipals, None) => None,
        (ConsentType::Principal, Some(id)) => {
            let user = accounts::by_id(&mut tx, tenant, id).await?;
            Some(user.ok_or_else(|| missing(id))?.id)
        }
        _ => {
            return Err(ApiError::new(
                Kind::InvalidInput,
                "principalId is given with consentType Principal, and only then.",
            ));
        }
    };
    let grant = PermissionGrant {
        id: Uuid::new_v4().simple().to_string(),
        client: client.id,
        resource: resource.id,
        principal,
        scope: checked(&new.scope, &resource)?,
        created: call.app.clock.unix_micros(),
    };
    permission_grants::create(&mut tx, tenant, &grant)
        .await
        .map_err(|error| match error {
            bartizan_store::StoreError::Exists(_) => ApiError::new(
                Kind::Conflict,
                "Permission entry already exists: change it with PATCH, which replaces its scope.",
            ),
            other => refused(other),
        })?;
    let details = json!({
        "client": client.display_name,
        "resource": resource.display_name,
        "scope": grant.scope,
        "principal": grant.principal,
    });
    record(
        &mut tx,
        &call,
        "oauth2PermissionGrant.create",
        &grant.id,
        details,
    )
    .await?;
    tx.commit().await?;
    query::entity(&call, StatusCode::CREATED, json!(wire(&grant)), &[])
}

/// One grant.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let grant = find(&mut tx, &call).await?;
    query::entity(&call, StatusCode::OK, json!(wire(&grant)), &[])
}

/// Replaces the scopes of a grant.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let scope: String = required(&body, "scope", "OAuth2PermissionGrant")?;
    let mut tx = call.app.store.write().await?;
    let grant = find(&mut tx, &call).await?;
    let resource = service_principals::by_id(&mut tx, call.tenant(), grant.resource).await?;
    let resource = resource.ok_or_else(|| missing(grant.resource))?;
    let scope = checked(&scope, &resource)?;
    permission_grants::set_scope(&mut tx, call.tenant(), &grant.id, &scope).await?;
    let details = json!({
        "displayName": resource.display_name,
        "before": grant.scope,
        "scope": scope,
        changes::KEY: changes::between(&json!({ "scope": grant.scope }), &json!({ "scope": scope })),
    });
    record(
        &mut tx,
        &call,
        "oauth2PermissionGrant.update",
        &grant.id,
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Takes a grant away; the next token lacks its scopes.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let grant = find(&mut tx, &call).await?;
    permission_grants::delete(&mut tx, call.tenant(), &grant.id).await?;
    let details = json!({ "scope": grant.scope });
    record(
        &mut tx,
        &call,
        "oauth2PermissionGrant.delete",
        &grant.id,
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

async fn find(tx: &mut ReadTx, call: &Call) -> Result<PermissionGrant, ApiError> {
    let id = call.param("id");
    let found = permission_grants::by_id(tx, call.tenant(), id).await?;
    found.ok_or_else(|| missing(id))
}

/// The words of a scope, once each; all must be scopes that the resource offers.
fn checked(scope: &str, resource: &ServicePrincipal) -> Result<String, ApiError> {
    let mut words: Vec<&str> = Vec::new();
    for word in scope.split_ascii_whitespace() {
        let offered = resource
            .oauth2_scopes
            .iter()
            .any(|s| s.is_enabled && s.value.as_deref() == Some(word));
        if !offered {
            return Err(ApiError::new(
                Kind::InvalidInput,
                format!(
                    "The scope '{word}' is not one of the delegated permissions of {}.",
                    resource.display_name
                ),
            ));
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words.join(" "))
}

fn answer(call: &Call, grants: &[PermissionGrant]) -> Result<Response, ApiError> {
    let value: Vec<Json> = grants.iter().map(|grant| json!(wire(grant))).collect();
    query::all(call, value, &[], FILTERED)
}

fn wire(grant: &PermissionGrant) -> graph::OAuth2PermissionGrant {
    graph::OAuth2PermissionGrant {
        client_id: grant.client,
        consent_type: match grant.principal {
            Some(_) => ConsentType::Principal,
            None => ConsentType::AllPrincipals,
        },
        id: grant.id.clone(),
        principal_id: grant.principal,
        resource_id: grant.resource,
        scope: Some(grant.scope.clone()),
    }
}
