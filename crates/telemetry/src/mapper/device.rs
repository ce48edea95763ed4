//! `DeviceEvents` about processes, pipes, names and shares: Sysmon 8, 9, 10, 17, 18, 22, 25 and
//! Windows Security 5140, 5145.

use serde_json::json;

use super::Verdict;
use super::context::{Context, file, named};
use crate::parse::address;
use crate::parse::path::base_name;
use crate::reject::{RejectReason, SkipReason};
use crate::row::AdditionalFields;

/// Sysmon 8: the source started a thread in the target.
pub(super) fn remote_thread(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let more = AdditionalFields::new()
        .text("StartAddress", event.get("StartAddress"))
        .text("StartModule", event.get("StartModule"))
        .text("StartFunction", event.get("StartFunction"))
        .number("NewThreadId", event.number("NewThreadId"));
    between_processes(cx, "CreateRemoteThreadApiCall", more)
}

/// Sysmon 10. The service reports this chiefly for lsass.exe, and so do we unless told otherwise.
pub(super) fn process_opened(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let lsass = cx
        .event
        .get("TargetImage")
        .is_some_and(|image| base_name(image).eq_ignore_ascii_case("lsass.exe"));
    if !lsass && !cx.settings.all_process_access {
        return Ok(Verdict::Skip(SkipReason::Filtered));
    }
    let event = cx.event;
    let more = AdditionalFields::new()
        .number("DesiredAccess", event.number("GrantedAccess"))
        .text("GrantedAccess", event.get("GrantedAccess"))
        .text("CallTrace", event.get("CallTrace"));
    between_processes(cx, "OpenProcessApiCall", more)
}

fn between_processes(
    cx: &mut Context<'_>,
    action: &str,
    more: AdditionalFields,
) -> Result<Verdict, RejectReason> {
    let source = cx.known(cx.mentioned("Source"));
    let target = cx.known(cx.mentioned("Target"));
    let mut row = cx.action("DeviceEvents", action)?;
    cx.subject(&mut row, &target);
    cx.initiator(&mut row, &source);
    row.additional(&more);
    Ok(row.finish().into())
}

/// Sysmon 9.
pub(super) fn raw_disk(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    if !cx.settings.raw_disk_access {
        return Ok(Verdict::Skip(SkipReason::Filtered));
    }
    let process = cx.known(cx.mentioned(""));
    let mut row = cx.action("DeviceEvents", "RawDiskAccess")?;
    cx.initiator(&mut row, &process);
    row.additional(&AdditionalFields::new().text("Device", cx.event.get("Device")));
    Ok(row.finish().into())
}

/// A pipe by its name in the object manager, which hunts for Defender's rows compare with; Sysmon tells the last part.
fn device_path(pipe: &str) -> String {
    const FOLDER: &str = r"\Device\NamedPipe";
    match pipe.strip_prefix('\\') {
        Some(_) if !pipe.starts_with(FOLDER) => format!("{FOLDER}{pipe}"),
        _ => pipe.to_owned(),
    }
}

/// Sysmon 17 (created) and 18 (connected).
pub(super) fn pipe(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let operation = if cx.event.event_id == 17 {
        "File created"
    } else {
        "File opened"
    };
    let process = cx.known(cx.mentioned(""));
    let pipe = cx.event.get("PipeName").map(device_path);
    let mut row = cx.action("DeviceEvents", "NamedPipeEvent")?;
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text("PipeName", pipe.as_deref())
            .text("FileOperation", Some(operation)),
    );
    Ok(row.finish().into())
}

/// Sysmon 22.
pub(super) fn name_resolved(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let mut row = cx.action("DeviceEvents", "DnsQueryResponse")?;
    cx.initiator(&mut row, &process);
    let results = cx.event.get("QueryResults").unwrap_or_default();
    let results: Vec<_> = results
        .split(';')
        .filter_map(|part| crate::parse::account::present(part))
        .map(|part| match address::parse(part) {
            Some(ip) => json!({ "Result": ip.to_string() }),
            None => json!({ "Result": part }),
        })
        .collect();
    row.additional(
        &AdditionalFields::new()
            .text("DnsQueryString", cx.event.get("QueryName"))
            .json("DnsQueryResult", results)
            .text("DnsQueryStatus", cx.event.get("QueryStatus")),
    );
    Ok(row.finish().into())
}

/// Sysmon 25: the image of the process is not the file it was started from.
pub(super) fn tampered(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let mut row = cx.action("DeviceEvents", "ProcessTamperingActivity")?;
    cx.subject(&mut row, &process);
    row.additional(&AdditionalFields::new().text("Type", cx.event.get("Type")));
    Ok(row.finish().into())
}

/// Windows Security 5140 (share) and 5145 (file on it).
pub(super) fn share(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let mut row = cx.action("DeviceEvents", "NetworkShareObjectAccessChecked")?;
    if let Some(account) = event.account("Subject") {
        named(&mut row, &account);
    }
    row.number("LogonId", event.number("SubjectLogonId"));
    if let Some(ip) = event.get("IpAddress").and_then(address::parse) {
        row.text("RemoteIP", ip.to_string())
            .number("RemotePort", event.number("IpPort"));
        if let Some(name) = cx.state.hosts.by_address(ip) {
            row.text("RemoteDeviceName", name);
        }
    }
    let target = event.get("RelativeTargetName").filter(|t| *t != "\\");
    file(&mut row, target);
    row.additional(
        &AdditionalFields::new()
            .text("ShareName", event.get("ShareName"))
            .text("ShareLocalPath", event.get("ShareLocalPath"))
            .text("RelativeTargetName", target)
            .text("AccessMask", event.get("AccessMask")),
    );
    Ok(row.finish().into())
}
