//! The registry: Sysmon 12, 13, 14 and Windows Security 4657.

use super::Verdict;
use super::context::Context;
use crate::parse::registry::{audit_value_kind, details, spell_key, split_value};
use crate::reject::{RejectCode, RejectReason};

/// Sysmon 12 (key or value created or deleted), 13 (value set), 14 (renamed).
pub(super) fn changed(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let Some(target) = cx.event.get("TargetObject").map(str::to_owned) else {
        return Err(RejectReason::new(
            RejectCode::MissingField,
            "a registry event without TargetObject",
        ));
    };
    let process = cx.known(cx.mentioned(""));
    let action = action(cx);
    let mut row = cx.action("DeviceRegistryEvents", action)?;
    match action {
        "RegistryKeyRenamed" => {
            row.text("PreviousRegistryKey", spell_key(&target));
            row.maybe(
                "RegistryKey",
                cx.event.get("NewName").map(spell_key).as_deref(),
            );
        }
        "RegistryValueSet" | "RegistryValueDeleted" => {
            let path = split_value(&target);
            row.text("RegistryKey", path.key)
                .maybe("RegistryValueName", path.value_name.as_deref());
            if let Some(text) = cx.event.get("Details") {
                let value = details(text);
                row.text("RegistryValueType", value.kind)
                    .text("RegistryValueData", value.data);
            }
        }
        _ => {
            row.text("RegistryKey", spell_key(&target));
        }
    }
    cx.initiator(&mut row, &process);
    Ok(row.finish().into())
}

/// Some collectors put their own severity into `EventType`; Sysmon's word is then in the message,
/// or nowhere. A 12 without it is taken for a created key, which it is in 95 of 100 cases.
fn action(cx: &Context<'_>) -> &'static str {
    let word = cx
        .event
        .fields
        .get("EventType")
        .filter(|word| word_action(word).is_some());
    let message = || {
        cx.event
            .message
            .lines()
            .find_map(|line| line.strip_prefix("EventType:"))
            .map(str::trim)
    };
    match word.or_else(message).and_then(word_action) {
        Some(action) => action,
        None => match cx.event.event_id {
            13 => "RegistryValueSet",
            14 => "RegistryKeyRenamed",
            _ => "RegistryKeyCreated",
        },
    }
}

fn word_action(word: &str) -> Option<&'static str> {
    Some(match word {
        "CreateKey" | "CreateValue" => "RegistryKeyCreated",
        "DeleteKey" => "RegistryKeyDeleted",
        "DeleteValue" => "RegistryValueDeleted",
        "SetValue" => "RegistryValueSet",
        "RenameKey" | "RenameValue" => "RegistryKeyRenamed",
        _ => return None,
    })
}

/// Windows Security 4657. The only source that knows the value before the change.
pub(super) fn audited(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.audited("ProcessId", "ProcessName", cx.event.account("Subject"));
    let deleted = cx.event.get("OperationType") == Some("%%1906");
    let action = if deleted {
        "RegistryValueDeleted"
    } else {
        "RegistryValueSet"
    };
    let mut row = cx.action("DeviceRegistryEvents", action)?;
    let event = cx.event;
    row.maybe(
        "RegistryKey",
        event.get("ObjectName").map(spell_key).as_deref(),
    )
    .maybe(
        "RegistryValueName",
        event.get("ObjectValueName").filter(|n| *n != "(Default)"),
    )
    .maybe(
        "RegistryValueType",
        event.get("NewValueType").and_then(audit_value_kind),
    )
    .maybe("RegistryValueData", event.get("NewValue"))
    .maybe("PreviousRegistryValueData", event.get("OldValue"));
    if event.get("OldValue").is_some() {
        row.maybe("PreviousRegistryValueName", event.get("ObjectValueName"));
    }
    cx.initiator(&mut row, &process);
    Ok(row.finish().into())
}
