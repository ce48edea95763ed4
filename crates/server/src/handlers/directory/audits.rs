//! Audit events in the words of Entra: what an action is called, who did it, on what; and Graph's listing of them.

use axum::response::Response;
use bartizan_contract::time::Timestamp;
use bartizan_store::audit::{self, AuditCursor, AuditEvent};
use bartizan_store::odata::DIRECTORY_AUDITS_GRAPH;
use http::StatusCode;
use serde_json::{Value as Json, json};

use super::activities::activity;
use super::changes;
use crate::call::{Call, json as answer};
use crate::error::ApiError;
use crate::handlers::security::listing::Options;

/// `GET /auditLogs/directoryAudits`: the trail of the caller's tenant, newest first.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let options = Options::<AuditCursor>::read(&call, &DIRECTORY_AUDITS_GRAPH)?;
    let mut tx = call.app.store.read().await?;
    let filter = options.filter.as_ref();
    let listing = audit::list(&mut tx, call.tenant(), filter, &options.page).await?;
    let value: Vec<Json> = listing.items.iter().map(wire).collect();
    answer(
        StatusCode::OK,
        &options.collection(&call, value, listing.next)?,
    )
}

/// An event as Graph's `directoryAudit`.
fn wire(event: &AuditEvent) -> Json {
    let activity = activity(&event.action);
    let done = event.outcome == "success";
    let by = match actor(&event.actor) {
        ("Application", id) => json!({ "app": { "appId": id }, "user": null }),
        ("Regular", id) => json!({ "app": null, "user": { "id": id } }),
        ("Unknown", _) => json!({ "app": null, "user": null }),
        (_, name) => json!({ "app": { "displayName": name }, "user": null }),
    };
    let details = event.details.as_object().into_iter().flatten();
    let details: Vec<Json> = details
        .filter(|(key, _)| *key != changes::KEY)
        .map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            json!({ "key": key, "value": text })
        })
        .chain([json!({ "key": "action", "value": event.action })])
        .collect();
    json!({
        "id": event.id,
        "activityDateTime": Timestamp::from_unix_micros(event.occurred),
        "activityDisplayName": activity.display_name(),
        "category": activity.category,
        "correlationId": event.request_id,
        "loggedByService": activity.logged_by(),
        "operationType": activity.kind,
        "result": if done { "success" } else { "failure" },
        "resultReason": if done { "" } else { event.outcome.as_str() },
        "initiatedBy": by,
        "targetResources": [{
            "id": event.target,
            "displayName": target_name(event),
            "type": activity.target,
            "modifiedProperties": changes::of(&event.details, MODIFIED),
        }],
        "additionalDetails": details,
    })
}

/// The actor of an event that nobody has proved to have caused.
pub(crate) const UNKNOWN: &str = "unknown";
/// The names of `modifiedProperty` (page "modifiedProperty resource type").
const MODIFIED: [&str; 3] = ["displayName", "oldValue", "newValue"];

/// Who did it: `Application`, `Regular`, `System` or `Unknown`, and the id.
pub(crate) fn actor(actor: &str) -> (&'static str, &str) {
    if let Some(id) = actor.strip_prefix("app:") {
        return ("Application", id);
    }
    if let Some(id) = actor.strip_prefix("user:") {
        return ("Regular", id);
    }
    let application = actor.parse::<bartizan_contract::AppId>().is_ok();
    match actor {
        "system" => ("System", actor),
        // Somebody whose name was typed and who proved nothing.
        UNKNOWN => ("Unknown", actor),
        // Calls of the APIs name the application's client id bare.
        _ if application => ("Application", actor),
        _ => ("Regular", actor),
    }
}

/// The object's name, where the event knows it.
pub(crate) fn target_name(event: &AuditEvent) -> Option<&str> {
    event.details.get("displayName").and_then(Json::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_told_apart() {
        let id = "fc780465-2017-40d4-a0c5-307022471b92";
        assert_eq!(actor(&format!("user:{id}")), ("Regular", id));
        assert_eq!(actor(id), ("Application", id));
        assert_eq!(actor("system"), ("System", "system"));
        assert_eq!(actor(UNKNOWN), ("Unknown", "unknown"));
    }
}
