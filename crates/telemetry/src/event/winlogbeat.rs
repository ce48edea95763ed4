//! Elastic's Windows agent: version 7 and later nest under `winlog`, version 6 is flatter.

use bartizan_contract::time::parse_iso8601;
use serde_json::{Map, Value};

use super::{Fields, Provider, SourceEvent, event_id, number_of, text_of};
use crate::parse::account::Account;
use crate::reject::RejectReason;

/// Reads an event of either version.
///
/// # Errors
/// When there is no event id.
pub fn read(object: &Map<String, Value>) -> Result<SourceEvent, RejectReason> {
    let log = object
        .get("winlog")
        .and_then(Value::as_object)
        .unwrap_or(object);
    let channel = text_of(log, &["channel", "log_name"]).unwrap_or_default();
    let name = text_of(log, &["provider_name", "source_name"]);
    let nested = |name: &str| object.get(name).and_then(Value::as_object);
    let mut fields = Fields::default();
    for data in ["event_data", "user_data"] {
        if let Some(data) = log.get(data).and_then(Value::as_object) {
            fields.extend_from(data);
        }
    }
    let id = number_of(log, &["event_id"])
        .or_else(|| number_of(object, &["event_id"]))
        .or_else(|| nested("event").and_then(|e| number_of(e, &["code"])));
    let computer = text_of(log, &["computer_name"])
        .or_else(|| text_of(object, &["computer_name"]))
        .or_else(|| nested("host").and_then(|h| text_of(h, &["hostname", "name"])));
    let time = nested("event")
        .and_then(|e| text_of(e, &["created_utc"]))
        .or_else(|| text_of(object, &["@timestamp"]));
    let user = log.get("user").and_then(Value::as_object);
    let user = user.and_then(|u| {
        let text = |name: &str| u.get(name).and_then(Value::as_str);
        Account::from_parts(text("domain"), text("name"), text("identifier"))
    });
    let process = log.get("process").and_then(Value::as_object);
    Ok(SourceEvent {
        provider: Provider::from_names(name.as_deref(), &channel),
        channel,
        event_id: event_id(id)?,
        computer: computer.unwrap_or_default(),
        record_id: number_of(log, &["record_id", "record_number"]),
        written: time.as_deref().and_then(parse_iso8601),
        clock_in_doubt: false,
        header_pid: process
            .and_then(|p| number_of(p, &["pid"]))
            .or_else(|| number_of(log, &["process_id"])),
        header_user: user,
        message: text_of(object, &["message"]).unwrap_or_default(),
        fields,
        digest: 0,
    })
}
