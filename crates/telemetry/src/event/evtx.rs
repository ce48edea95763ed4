//! Dumps of event log files: the event's XML turned into JSON. Tools differ in how they write
//! attributes: under `#attributes`, with a leading `@`, beside the element as `…_attributes`, or
//! as plain members.

use bartizan_contract::time::parse_iso8601;
use serde_json::{Map, Value};

use super::{Fields, Provider, SourceEvent, event_id};
use crate::parse::account::{Account, present};
use crate::parse::number;
use crate::reject::{RejectCode, RejectReason};

/// Reads an event of a dump.
///
/// # Errors
/// When `Event.System` is no object or has no event id.
pub fn read(object: &Map<String, Value>) -> Result<SourceEvent, RejectReason> {
    let event = object.get("Event").and_then(Value::as_object);
    let system = event
        .and_then(|e| e.get("System"))
        .and_then(Value::as_object);
    let (Some(event), Some(system)) = (event, system) else {
        return Err(RejectReason::new(
            RejectCode::UnknownFormat,
            "Event.System is not an object",
        ));
    };
    let channel = element(system, "Channel").unwrap_or_default();
    let name = attribute(system, "Provider", "Name");
    let user = attribute(system, "Security", "UserID");
    let mut fields = Fields::default();
    if let Some(data) = event.get("EventData") {
        event_data(data, &mut fields);
    }
    if let Some(data) = event.get("UserData") {
        leaves(data, &mut fields, 0);
    }
    Ok(SourceEvent {
        provider: Provider::from_names(name.as_deref(), &channel),
        channel,
        event_id: event_id(
            element(system, "EventID")
                .as_deref()
                .and_then(number::integer),
        )?,
        computer: element(system, "Computer").unwrap_or_default(),
        record_id: element(system, "EventRecordID")
            .as_deref()
            .and_then(number::integer),
        written: attribute(system, "TimeCreated", "SystemTime")
            .as_deref()
            .and_then(parse_iso8601),
        clock_in_doubt: false,
        header_pid: attribute(system, "Execution", "ProcessID")
            .as_deref()
            .and_then(number::integer),
        header_user: user.and_then(|sid| Account::from_parts(None, None, Some(&sid))),
        message: String::new(),
        fields,
        digest: 0,
    })
}

/// The text of an element: a scalar, or its `#text`.
fn element(parent: &Map<String, Value>, name: &str) -> Option<String> {
    let value = parent.get(name)?;
    let value = value.get("#text").unwrap_or(value);
    if value.is_object() || value.is_array() {
        None
    } else {
        super::scalar(value)
    }
}

fn attribute(parent: &Map<String, Value>, name: &str, attribute: &str) -> Option<String> {
    let inside = parent.get(name).and_then(|element| {
        element
            .get("#attributes")
            .and_then(|a| a.get(attribute))
            .or_else(|| element.get(format!("@{attribute}")))
            .or_else(|| element.get(attribute))
    });
    let beside = || {
        parent
            .get(&format!("{name}_attributes"))
            .and_then(|a| a.get(attribute))
    };
    super::scalar(inside.or_else(beside)?).filter(|text| present(text).is_some())
}

/// `EventData`: an object by name, or `Data` items with a `Name` attribute, or nameless `Data`.
fn event_data(data: &Value, fields: &mut Fields) {
    let Some(object) = data.as_object() else {
        return;
    };
    for (name, value) in object {
        match (name.as_str(), value) {
            ("#attributes" | "xmlns" | "@xmlns", _) => {}
            ("Data", Value::Array(items)) => items
                .iter()
                .enumerate()
                .for_each(|(i, item)| named(item, i, fields)),
            ("Data", Value::Object(item)) => match item.get("#text") {
                Some(Value::Array(texts)) => {
                    texts
                        .iter()
                        .enumerate()
                        .for_each(|(i, item)| named(item, i, fields));
                }
                _ => named(value, 0, fields),
            },
            ("Data", Value::String(text)) => fields.push("param1", text.as_str()),
            _ => {
                if let Some(text) = super::scalar(value.get("#text").unwrap_or(value)) {
                    fields.push(name.as_str(), text);
                }
            }
        }
    }
}

/// One `Data` item. Nameless ones are numbered as the service manager's own names do: `param1`, ….
fn named(item: &Value, index: usize, fields: &mut Fields) {
    let name = item
        .get("@Name")
        .or_else(|| item.get("Name"))
        .or_else(|| item.get("#attributes").and_then(|a| a.get("Name")))
        .and_then(Value::as_str);
    let text = if item.is_object() {
        item.get("#text").and_then(super::scalar)
    } else {
        super::scalar(item)
    };
    let name = name.map_or_else(|| format!("param{}", index + 1), str::to_owned);
    fields.push(name, text.unwrap_or_default());
}

/// The leaves of `UserData`, by their own names, whatever they are nested in.
fn leaves(data: &Value, fields: &mut Fields, depth: usize) {
    let Some(object) = data.as_object().filter(|_| depth < 8) else {
        return;
    };
    for (name, value) in object {
        if name == "#attributes" || name.starts_with('@') {
            continue;
        }
        match value.get("#text").unwrap_or(value) {
            Value::Object(_) => leaves(value, fields, depth + 1),
            leaf => {
                if let Some(text) = super::scalar(leaf) {
                    fields.push(name.as_str(), text);
                }
            }
        }
    }
}
