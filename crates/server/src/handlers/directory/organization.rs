//! `GET /organization` and `/organization/{id}`: the caller's tenant.

use axum::response::Response;
use bartizan_contract::graph::Organization;
use bartizan_contract::odata::Collection;
use bartizan_store::tenants::Tenant;
use bartizan_store::{StoreError, tenants};
use http::StatusCode;

use super::{missing, query, wire};
use crate::call::{Call, json};
use crate::error::ApiError;

/// The tenant, as a collection of one.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let tenant = own(&call).await?;
    let body: Collection<Organization> = Collection {
        context: call.context(),
        count: None,
        value: vec![wire::organization(&tenant)],
        next_link: None,
    };
    json(StatusCode::OK, &body)
}

/// The tenant by its id; any other is not there for the caller.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let tenant = own(&call).await?;
    if call.param("id").parse() != Ok(tenant.id) {
        return Err(missing(call.param("id")));
    }
    let object = serde_json::json!(wire::organization(&tenant));
    query::entity(&call, StatusCode::OK, object, &[])
}

async fn own(call: &Call) -> Result<Tenant, ApiError> {
    let mut tx = call.app.store.read().await?;
    let tenant = tenants::by_id(&mut tx, call.tenant()).await?;
    Ok(tenant.ok_or(StoreError::Missing("tenant"))?)
}
