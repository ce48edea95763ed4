//! One flat object per event: NXLog's JSON, and the recordings that were exported from it.
//!
//! NXLog puts its own members beside the event's and wins where names collide: `AccountName`,
//! `Domain` and `UserID` are the log writer's, `EventType` is its severity (except where the
//! export restored Sysmon's), `ProcessID` is the header's.

use bartizan_contract::time::{TICKS_PER_MINUTE, parse_iso8601};
use serde_json::{Map, Value};

use super::{Fields, Provider, SourceEvent, event_id, number_of, text_of};
use crate::parse::account::Account;
use crate::parse::entities::unescape;
use crate::reject::RejectReason;

/// Members that belong to the collector or the header and never to the event's data.
const ENVELOPE: &[&str] = &[
    "@timestamp",
    "@version",
    "AccountType",
    "ActivityID",
    "Category",
    "Channel",
    "EventID",
    "EventReceivedTime",
    "EventTime",
    "EventTypeOrignal",
    "ExecutionProcessID",
    "Hostname",
    "Keywords",
    "Level",
    "Message",
    "Opcode",
    "OpcodeValue",
    "ProviderGuid",
    "RecordNumber",
    "Severity",
    "SeverityValue",
    "SourceModuleName",
    "SourceModuleType",
    "SourceName",
    "Task",
    "ThreadID",
    "TimeCreated",
    "Version",
    "host",
    "port",
    "tags",
    "type",
];

/// Texts that the export escaped as HTML. Scripts are not in the list: what looks like an entity
/// there is the script's own.
const ESCAPED: &[&str] = &[
    "PipeName",
    "TaskContent",
    "TaskContentNew",
    "CommandLine",
    "ParentCommandLine",
    "TargetObject",
    "Details",
    "Image",
];

/// Reads a flat event.
///
/// # Errors
/// When there is no event id.
pub fn read(object: &Map<String, Value>) -> Result<SourceEvent, RejectReason> {
    let nxlog = object.contains_key("SourceModuleType") || object.contains_key("EventReceivedTime");
    let channel = text_of(object, &["Channel"]).unwrap_or_default();
    let name = text_of(object, &["SourceName", "ProviderName", "Provider"]);
    let provider = Provider::from_names(name.as_deref(), &channel);
    let mut header_pid = number_of(object, &["ExecutionProcessID"]);
    let collided = nxlog && header_pid.is_none();
    if collided {
        header_pid = number_of(object, &["ProcessID"]);
    }
    let header_user = nxlog.then(|| header_user(object)).flatten();
    let mut fields = Fields::default();
    for (name, value) in object {
        if ENVELOPE.contains(&name.as_str())
            || (collided && name == "ProcessID")
            || (header_user.is_some()
                && matches!(name.as_str(), "AccountName" | "Domain" | "UserID"))
        {
            continue;
        }
        let Some(text) = super::scalar(value) else {
            continue;
        };
        let text = if ESCAPED.contains(&name.as_str()) {
            unescape(&text).into_owned()
        } else {
            text
        };
        fields.push(name.as_str(), text);
    }
    Ok(SourceEvent {
        provider,
        channel,
        event_id: event_id(number_of(object, &["EventID"]))?,
        computer: text_of(object, &["Hostname", "Computer", "computer_name"]).unwrap_or_default(),
        record_id: number_of(object, &["RecordNumber", "EventRecordID", "RecordId"]),
        written: if nxlog {
            nxlog_time(object)
        } else {
            plain_time(object)
        },
        clock_in_doubt: !nxlog,
        header_pid,
        header_user,
        message: text_of(object, &["Message"]).unwrap_or_default(),
        fields,
        digest: 0,
    })
}

/// NXLog's own account members; they come together with `AccountType` or `UserID`.
fn header_user(object: &Map<String, Value>) -> Option<Account> {
    if !object.contains_key("AccountType") && !object.contains_key("UserID") {
        return None;
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    Account::from_parts(text("Domain"), text("AccountName"), text("UserID"))
}

/// NXLog writes `EventTime` and `EventReceivedTime` in the collector's local time without a zone;
/// the pipeline behind it adds `@timestamp` in UTC when it gets the line. The whole quarters of an
/// hour between the last two are the zone.
fn nxlog_time(object: &Map<String, Value>) -> Option<i64> {
    let time = |name: &str| text_of(object, &[name]).as_deref().and_then(parse_iso8601);
    let stamp = time("@timestamp");
    let Some(event) = time("EventTime") else {
        return stamp;
    };
    let zoned =
        text_of(object, &["EventTime"]).is_some_and(|t| t.ends_with('Z') || t.contains('+'));
    match (stamp, time("EventReceivedTime")) {
        (Some(stamp), Some(received)) if !zoned => {
            let quarter = 15 * TICKS_PER_MINUTE;
            Some(event + (stamp - received + quarter / 2).div_euclid(quarter) * quarter)
        }
        _ => Some(event),
    }
}

fn plain_time(object: &Map<String, Value>) -> Option<i64> {
    ["TimeCreated", "SystemTime", "@timestamp", "EventTime"]
        .iter()
        .find_map(|name| text_of(object, &[name]).as_deref().and_then(parse_iso8601))
}
