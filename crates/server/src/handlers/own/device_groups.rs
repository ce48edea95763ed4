//! `/bartizan/v1/deviceGroups`: parts of a tenant's devices. Defender's portal has them and no API for them.

use axum::response::Response;
use bartizan_contract::DeviceId;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_store::StoreError;
use bartizan_store::device_groups::{self, DeviceGroup};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::record;

/// Most devices in one call.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewGroup {
    display_name: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Machines {
    machines: Vec<String>,
}

/// Lists device groups.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let groups = device_groups::list(&mut tx, call.tenant()).await?;
    let body: Collection<Value> = Collection {
        context: call.context(),
        count: None,
        value: groups.iter().map(wire).collect(),
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// Makes a device group.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let new: NewGroup = call.json().await?;
    let name = new.display_name.trim();
    if name.is_empty() || name.chars().count() > 256 {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "displayName has 1 to 256 characters.",
        ));
    }
    let now = call.app.clock.unix_micros();
    let mut tx = call.app.store.write().await?;
    let description = new.description.as_deref();
    let group = device_groups::create(&mut tx, call.tenant(), name, description, now)
        .await
        .map_err(taken)?;
    let details = json!({ "displayName": name });
    record(&mut tx, &call, "deviceGroup.create", group.id, details).await?;
    tx.commit().await?;
    answer(StatusCode::CREATED, &wire(&group))
}

/// Deletes a device group; its devices are in none then.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let id = id(&call)?;
    let mut tx = call.app.store.write().await?;
    if !device_groups::delete(&mut tx, call.tenant(), id).await? {
        return Err(ApiError::not_found("Device group", id));
    }
    record(&mut tx, &call, "deviceGroup.delete", id, json!({})).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Puts devices into a group; the group 0 takes them out of theirs.
pub(crate) async fn put_machines(mut call: Call) -> Result<Response, ApiError> {
    let id = id(&call)?;
    let body: Machines = call.json().await?;
    if body.machines.len() > MOST {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!("At most {MOST} machines in one call."),
        ));
    }
    let devices: Vec<DeviceId> = body
        .machines
        .iter()
        .map(|m| DeviceId::from(m.as_str()))
        .collect();
    let mut tx = call.app.store.write().await?;
    let moved = device_groups::put(&mut tx, call.tenant(), id, &devices)
        .await
        .map_err(|error| match error {
            StoreError::Missing(_) => ApiError::not_found("Device group", id),
            other => other.into(),
        })?;
    let details = json!({ "machines": devices, "moved": moved });
    record(&mut tx, &call, "deviceGroup.machines", id, details).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &json!({ "moved": moved }))
}

/// A taken name, as 409.
pub(super) fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Exists(what) => ApiError::new(
            Kind::Conflict,
            format!("There is such a {what} already in this tenant."),
        ),
        other => other.into(),
    }
}

fn id(call: &Call) -> Result<i64, ApiError> {
    let text = call.param("id");
    text.parse()
        .map_err(|_| ApiError::not_found("Device group", text))
}

fn wire(group: &DeviceGroup) -> Value {
    json!({
        "id": group.id,
        "displayName": group.display_name,
        "description": group.description,
        "machineCount": group.devices,
        "createdDateTime": Timestamp::from_unix_micros(group.created),
    })
}
