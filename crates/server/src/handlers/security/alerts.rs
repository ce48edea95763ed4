//! `GET /api/alerts`, `GET /api/alerts/{id}` (Defender for Endpoint).

use std::collections::HashMap;

use axum::response::Response;
use bartizan_contract::odata::Entity;
use bartizan_contract::{AlertId, DeviceId};
use bartizan_security::Machine;
use bartizan_store::alerts::{self, AlertCursor, AlertScope};
use bartizan_store::machines;
use bartizan_store::odata::ALERTS_MDE;
use http::StatusCode;

use super::listing::Options;
use super::wire;
use crate::call::{Call, json};
use crate::error::ApiError;

/// Lists alerts, newest first; `$expand=evidence` adds what they point at.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let options = Options::<AlertCursor>::countable(&call, &ALERTS_MDE)?;
    let evidence = options.expand.iter().any(|name| name == "evidence");
    let tenant = call.tenant();
    let mut tx = call.read().await?;
    let filter = options.filter.as_ref();
    let listing = alerts::list(
        &mut tx,
        tenant,
        AlertScope::All,
        filter,
        &options.page,
        true,
    )
    .await?;
    let devices: Vec<DeviceId> = listing
        .items
        .iter()
        .filter_map(|alert| alert.device_id.clone())
        .collect();
    let machines: HashMap<DeviceId, Machine> = machines::get_many(&mut tx, tenant, &devices)
        .await?
        .into_iter()
        .map(|machine| (machine.id.clone(), machine))
        .collect();
    let of = |id: &Option<DeviceId>| id.as_ref().and_then(|id| machines.get(id));
    let value = listing
        .items
        .iter()
        .map(|alert| wire::mde_alert(alert, tenant, of(&alert.device_id), evidence))
        .collect();
    let mut collection = options.collection(&call, value, listing.next)?;
    if options.count {
        collection.count = Some(alerts::count(&mut tx, tenant, AlertScope::All, filter).await?);
    }
    json(StatusCode::OK, &collection)
}

/// One alert, with its evidence.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let id = AlertId::from(call.param("id"));
    let tenant = call.tenant();
    let mut tx = call.read().await?;
    let alert = alerts::get(&mut tx, tenant, &id).await?;
    let alert = alert.ok_or_else(|| ApiError::not_found("Alert", &id))?;
    let machine = match &alert.device_id {
        Some(id) => machines::get(&mut tx, tenant, id).await?,
        None => None,
    };
    let entity = wire::mde_alert(&alert, tenant, machine.as_ref(), true);
    let context = Some(format!("{}/$metadata#Alerts/$entity", call.service_root()));
    json(StatusCode::OK, &Entity { context, entity })
}
