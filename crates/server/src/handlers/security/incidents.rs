//! `GET /api/incidents`, `GET /api/incidents/{id}`, `PATCH /api/incidents/{id}` (Defender XDR).

use std::collections::{HashMap, HashSet};

use axum::response::Response;
use bartizan_contract::odata::Entity;
use bartizan_contract::{DeviceId, IncidentId, TenantId, xdr};
use bartizan_security::{Alert, Incident, IncidentPatch, Machine, PatchError};
use bartizan_store::audit::{self, AuditEvent};
use bartizan_store::incidents::{self, Patched};
use bartizan_store::odata::INCIDENTS_XDR;
use bartizan_store::{ReadTx, StoreError, alerts, machines};
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::listing::Options;
use super::wire;
use crate::call::{Call, json};
use crate::error::{ApiError, Kind};

/// How often a change is tried again after somebody else changed the same incident.
const TRIES: usize = 5;

/// Lists incidents, newest first, alerts embedded.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let options = Options::<IncidentId>::read(&call, &INCIDENTS_XDR)?;
    let mut tx = call.read().await?;
    let tenant = call.tenant();
    let listing = incidents::list(&mut tx, tenant, options.filter.as_ref(), &options.page).await?;
    let value = embedded(&mut tx, tenant, &listing.items).await?;
    json(
        StatusCode::OK,
        &options.collection(&call, value, listing.next)?,
    )
}

/// One incident.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let id = id(&call)?;
    let mut tx = call.read().await?;
    let incident = incidents::get(&mut tx, call.tenant(), id).await?;
    let incident = incident.ok_or_else(|| ApiError::not_found("Incident", id))?;
    entity(&call, &mut tx, &incident).await
}

/// Changes the documented fields of an incident.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let id = id(&call)?;
    let body: Value = call.json().await?;
    let patch = IncidentPatch::parse(&body)?;
    for _ in 0..TRIES {
        match apply(&call, id, &patch).await {
            Err(StoreError::Changed(_)) => {}
            Err(error) => return Err(error.into()),
            Ok(Patched::Missing) => return Err(ApiError::not_found("Incident", id)),
            Ok(Patched::Refused(refusal)) => return Err(refusal.into()),
            Ok(Patched::Done(incident)) => {
                let mut tx = call.read().await?;
                return entity(&call, &mut tx, &incident).await;
            }
        }
    }
    Err(ApiError::new(
        Kind::Conflict,
        format!("Incident {id} is being changed by others; try again."),
    ))
}

async fn apply(
    call: &Call,
    id: IncidentId,
    patch: &IncidentPatch,
) -> Result<Patched<Incident>, StoreError> {
    let now = call.app.clock.unix_micros();
    let by = call.actor();
    let mut tx = call.write().await?;
    let patched = incidents::patch(&mut tx, call.tenant(), id, patch, &by, now).await?;
    if let Patched::Done(_) = &patched {
        let event = AuditEvent {
            id: Uuid::now_v7(),
            occurred: now,
            actor: call.caller.actor(),
            action: "incident.update".to_owned(),
            target: id.to_string(),
            outcome: "success".to_owned(),
            request_id: Some(call.request_id.to_string()),
            details: serde_json::json!({ "status": patch.status.map(|s| s.as_str()) }),
        };
        audit::append(&mut tx, call.tenant(), &event).await?;
        tx.commit().await?;
    }
    Ok(patched)
}

async fn entity(call: &Call, tx: &mut ReadTx, incident: &Incident) -> Result<Response, ApiError> {
    let wire = embedded(tx, call.tenant(), std::slice::from_ref(incident)).await?;
    let entity = wire
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::internal("no incident embedded"))?;
    let context = Some(format!(
        "{}/$metadata#Incidents/$entity",
        call.service_root()
    ));
    json(StatusCode::OK, &Entity { context, entity })
}

fn id(call: &Call) -> Result<IncidentId, ApiError> {
    let text = call.param("id");
    text.parse().map_err(|_| {
        ApiError::new(
            Kind::InvalidInput,
            format!("'{text}' is not an incident id: it must be a number."),
        )
    })
}

/// Incidents as the wire prints them, alerts and devices of all of them read in two statements.
async fn embedded(
    tx: &mut ReadTx,
    tenant: TenantId,
    incidents: &[Incident],
) -> Result<Vec<xdr::Incident>, StoreError> {
    let ids: Vec<IncidentId> = incidents.iter().map(|incident| incident.id).collect();
    let mut by_incident: HashMap<IncidentId, Vec<Alert>> = HashMap::new();
    let mut devices: HashSet<DeviceId> = HashSet::new();
    for alert in alerts::of_incidents(tx, tenant, &ids).await? {
        devices.extend(wire::device_ids(&alert));
        by_incident
            .entry(alert.incident_id)
            .or_default()
            .push(alert);
    }
    let devices: Vec<DeviceId> = devices.into_iter().collect();
    let machines: HashMap<DeviceId, Machine> = machines::get_many(tx, tenant, &devices)
        .await?
        .into_iter()
        .map(|machine| (machine.id.clone(), machine))
        .collect();
    let embed = |incident: &Incident| {
        let alerts = by_incident.get(&incident.id).map_or(&[][..], Vec::as_slice);
        wire::incident(incident, alerts, &machines)
    };
    Ok(incidents.iter().map(embed).collect())
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        let kind = match &error {
            PatchError::NotAnObject
            | PatchError::UnknownField { .. }
            | PatchError::WrongType { .. } => Kind::InvalidBody,
            PatchError::Empty { .. } => Kind::MissingParameter,
            PatchError::UnknownValue { .. }
            | PatchError::TooLong { .. }
            | PatchError::DeterminationAlone
            | PatchError::Incompatible { .. }
            | PatchError::IllegalTransition { .. } => Kind::InvalidInput,
        };
        Self::new(kind, error.to_string())
    }
}
