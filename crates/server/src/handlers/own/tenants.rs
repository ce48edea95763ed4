//! `/bartizan/v1/tenants`: the operator's view of the server.
//!
//! The permission alone is not enough: an administrator of any tenant could grant it there. The caller must be the
//! operator's application, in its own tenant.

use std::sync::Arc;

use axum::response::Response;
use bartizan_contract::TenantId;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_store::audit::{self, AuditEvent};
use bartizan_store::{StoreError, tenants as stored};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operator_only;
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::record;
use crate::tenants::{self, TenantError};

/// The body of a creation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewTenant {
    display_name: String,
    initial_domain: Option<String>,
}

/// Lists tenants.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    operator_only(&call, "Tenants are")?;
    let mut tx = call.app.store.read().await?;
    let value = stored::list(&mut tx).await?.iter().map(wire).collect();
    let body: Collection<Value> = Collection {
        context: call.context(),
        count: None,
        value,
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// Makes a tenant.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    operator_only(&call, "Tenants are")?;
    let new: NewTenant = call.json().await?;
    let domain = new
        .initial_domain
        .unwrap_or_else(|| tenants::proposed_domain(&new.display_name));
    let now = call.app.clock.unix_micros();
    let mut tx = call.app.store.write().await?;
    let id = TenantId(Uuid::new_v4());
    let tenant = tenants::create(&mut tx, id, &new.display_name, &domain, now).await?;
    let event = AuditEvent {
        id: Uuid::now_v7(),
        occurred: now,
        actor: call.caller.actor(),
        action: "tenant.create".to_owned(),
        target: id.to_string(),
        outcome: "success".to_owned(),
        request_id: Some(call.request_id.to_string()),
        details: json!({ "displayName": tenant.display_name, "domain": domain }),
    };
    // In both trails: the operator's, and the first entry of the tenant's own.
    audit::append(&mut tx, call.tenant(), &event).await?;
    audit::append(
        &mut tx,
        id,
        &AuditEvent {
            id: Uuid::now_v7(),
            ..event
        },
    )
    .await?;
    tx.commit().await?;
    answer(StatusCode::CREATED, &wire(&tenant))
}

/// Deletes a tenant with everything in it. Its telemetry can no longer be hunted when this answers, and its files go when
/// no hunt reads them any more.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    operator_only(&call, "Tenants are")?;
    let name = call.param("id");
    let mut tx = call.app.store.write().await?;
    let Some(tenant) = stored::resolve(&mut tx, name).await? else {
        return Err(ApiError::not_found("Tenant", name));
    };
    if tenant.id == call.tenant() {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "The operator's own tenant cannot be deleted: everything is managed from it.",
        ));
    }
    stored::delete(&mut tx, tenant.id).await?;
    let details = json!({ "displayName": tenant.display_name, "domain": tenant.default_domain() });
    record(&mut tx, &call, "tenant.delete", tenant.id, details).await?;
    let app = Arc::clone(&call.app);
    // A task of its own, which goes on when the caller leaves: without the tenant nobody could ask for the rest again.
    let deletion = tokio::spawn(async move {
        tx.commit().await?;
        // After the commit: a tenant that is still there must not lose its rows. What fails here is done again by a worker
        // and at the next start.
        let deleted = app.events.delete_tenant(tenant.id).await;
        deleted.map_err(ApiError::internal)
    });
    deletion.await.map_err(ApiError::internal)??;
    Ok(no_content())
}

fn wire(tenant: &stored::Tenant) -> Value {
    json!({
        "id": tenant.id,
        "displayName": tenant.display_name,
        "defaultDomain": tenant.default_domain(),
        "domains": tenant.domains.iter().map(|domain| &domain.name).collect::<Vec<_>>(),
        "createdDateTime": Timestamp::from_unix_micros(tenant.created),
    })
}

impl From<TenantError> for ApiError {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Store(StoreError::Exists(what)) => {
                Self::new(Kind::Conflict, format!("The {what} is taken."))
            }
            TenantError::Store(error) => error.into(),
            TenantError::Domain(_) | TenantError::DisplayName => {
                Self::new(Kind::InvalidInput, error.to_string())
            }
        }
    }
}
