//! Rows of Log Analytics: `SecurityEvent` has the event's data as columns, `Event` as XML text.

use bartizan_contract::time::parse_iso8601;
use serde_json::{Map, Value};

use super::{Fields, Provider, SourceEvent, event_id, number_of, text_of};
use crate::parse::account::Account;
use crate::parse::entities::data_items;
use crate::reject::RejectReason;

/// Columns that the workspace adds, which are not the event's data.
const ENVELOPE: &[&str] = &[
    "TenantId",
    "TimeGenerated",
    "TimeGenerated [UTC]",
    "SourceSystem",
    "MG",
    "Type",
    "_ResourceId",
    "SourceComputerId",
    "ManagementGroupName",
    "EventOriginId",
    "TimeCollected",
    "Activity",
    "Channel",
    "EventLog",
    "EventLevel",
    "EventLevelName",
    "EventSourceName",
    "Computer",
    "EventID",
    "EventData",
    "RenderedDescription",
    "ParameterXml",
    "Source",
    "Level",
    "Task",
    "EventCategory",
];

/// Reads a row.
///
/// # Errors
/// When there is no event id.
pub fn read(object: &Map<String, Value>) -> Result<SourceEvent, RejectReason> {
    let channel = text_of(object, &["Channel", "EventLog"]).unwrap_or_default();
    let name = text_of(object, &["EventSourceName", "Source", "Provider"]);
    let mut fields = Fields::default();
    for (name, value) in object {
        if !ENVELOPE.contains(&name.as_str())
            && let Some(text) = super::scalar(value)
        {
            fields.push(name.as_str(), text);
        }
    }
    match object.get("EventData") {
        Some(Value::String(xml)) => {
            for (name, value) in data_items(xml) {
                fields.push(name, value);
            }
        }
        Some(Value::Object(data)) => fields.extend_from(data),
        _ => {}
    }
    Ok(SourceEvent {
        provider: Provider::from_names(name.as_deref(), &channel),
        channel,
        event_id: event_id(number_of(object, &["EventID"]))?,
        computer: text_of(object, &["Computer"]).unwrap_or_default(),
        record_id: number_of(object, &["EventRecordId", "EventRecordID"]),
        written: text_of(object, &["TimeCreated", "TimeGenerated"])
            .as_deref()
            .and_then(parse_iso8601),
        clock_in_doubt: false,
        header_pid: number_of(object, &["SystemProcessId"]),
        header_user: text_of(object, &["UserName"])
            .as_deref()
            .and_then(Account::from_user),
        message: text_of(object, &["RenderedDescription"]).unwrap_or_default(),
        fields,
        digest: 0,
    })
}
