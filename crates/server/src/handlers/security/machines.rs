//! `GET /api/machines`, `GET /api/machines/{id}` (Defender for Endpoint).

use axum::response::Response;
use bartizan_contract::DeviceId;
use bartizan_contract::odata::Entity;
use bartizan_store::machines;
use bartizan_store::odata::MACHINES_MDE;
use http::StatusCode;

use super::listing::Options;
use super::wire;
use crate::call::{Call, json};
use crate::error::ApiError;

/// Lists devices.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let options = Options::<DeviceId>::read(&call, &MACHINES_MDE)?;
    let mut tx = call.read().await?;
    let filter = options.filter.as_ref();
    let listing = machines::list(&mut tx, call.tenant(), filter, &options.page).await?;
    let value = listing.items.iter().map(wire::machine).collect();
    json(
        StatusCode::OK,
        &options.collection(&call, value, listing.next)?,
    )
}

/// One device, by id or fully qualified name.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let id = call.param("id").to_owned();
    let tenant = call.tenant();
    let mut tx = call.read().await?;
    let device = DeviceId::from(id.to_ascii_lowercase().as_str());
    let machine = match machines::get(&mut tx, tenant, &device).await? {
        Some(machine) => Some(machine),
        None => machines::by_name(&mut tx, tenant, &id).await?,
    };
    let machine = machine.ok_or_else(|| ApiError::not_found("Machine", &id))?;
    let context = Some(format!(
        "{}/$metadata#Machines/$entity",
        call.service_root()
    ));
    json(
        StatusCode::OK,
        &Entity {
            context,
            entity: wire::machine(&machine),
        },
    )
}
