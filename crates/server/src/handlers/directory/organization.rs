//! `GET /organization`: the caller's tenant.

use axum::response::Response;
use bartizan_contract::graph::Organization;
use bartizan_contract::odata::Collection;
use bartizan_store::{StoreError, tenants};
use http::StatusCode;

use super::wire;
use crate::call::{Call, json};
use crate::error::ApiError;

/// The tenant, as a collection of one.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let tenant = tenants::by_id(&mut tx, call.tenant()).await?;
    let tenant = tenant.ok_or(StoreError::Missing("tenant"))?;
    let body: Collection<Organization> = Collection {
        context: call.context(),
        count: None,
        value: vec![wire::organization(&tenant)],
        next_link: None,
    };
    json(StatusCode::OK, &body)
}
