//! Changes to what a host runs and records: services, scheduled tasks, audit settings, tokens, and
//! what the antivirus found.

use super::Verdict;
use super::account::actor;
use super::context::{Context, file, named};
use crate::correlator::processes::Process;
use crate::parse::account::Account;
use crate::parse::number;
use crate::parse::path::program;
use crate::reject::RejectReason;
use crate::row::AdditionalFields;

/// Windows Security 4697 and the service manager's 7045.
pub(super) fn service_installed(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let mut row = cx.action("DeviceEvents", "ServiceInstalled")?;
    let command = event.first(&["ServiceFileName", "ImagePath"]);
    file(&mut row, command.map(program));
    row.maybe("ProcessCommandLine", command);
    if event.get("SubjectUserName").is_some() {
        let client = event.number("ClientProcessId").filter(|pid| *pid > 0);
        let process = Process {
            pid: client,
            account: event.account("Subject"),
            logon_id: event.number("SubjectLogonId"),
            ..Process::default()
        };
        let process = cx.known(process);
        cx.initiator(&mut row, &process);
    } else if let Some(account) = event.header_user.clone() {
        cx.initiator(
            &mut row,
            &Process {
                account: Some(account),
                ..Process::default()
            },
        );
    }
    row.additional(
        &AdditionalFields::new()
            .text("ServiceName", event.get("ServiceName"))
            .text(
                "ServiceAccount",
                event.first(&["ServiceAccount", "AccountName"]),
            )
            .text(
                "ServiceStartType",
                event.first(&["ServiceStartType", "StartType"]),
            )
            .text("ServiceType", event.get("ServiceType"))
            .text("ServiceImagePath", command),
    );
    Ok(row.finish().into())
}

/// Windows Security 4698 to 4702.
pub(super) fn scheduled_task(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let action = match event.event_id {
        4698 => "ScheduledTaskCreated",
        4699 => "ScheduledTaskDeleted",
        4700 => "ScheduledTaskEnabled",
        4701 => "ScheduledTaskDisabled",
        _ => "ScheduledTaskUpdated",
    };
    let mut row = cx.action("DeviceEvents", action)?;
    let client = Process {
        pid: event.number("ClientProcessId").filter(|pid| *pid > 0),
        account: event.account("Subject"),
        logon_id: event.number("SubjectLogonId"),
        ..Process::default()
    };
    if let Some(account) = &client.account {
        named(&mut row, account);
    }
    let client = cx.known(client);
    cx.initiator(&mut row, &client);
    row.additional(
        &AdditionalFields::new()
            .text("TaskName", event.get("TaskName"))
            .text(
                "TaskContent",
                event.first(&["TaskContent", "TaskContentNew"]),
            ),
    );
    Ok(row.finish().into())
}

/// Windows Security 4703.
pub(super) fn token_modified(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let process = cx.audited("ProcessId", "ProcessName", event.account("Subject"));
    let mut row = cx.action("DeviceEvents", "ProcessPrimaryTokenModified")?;
    if let Some(target) = event.account("Target") {
        named(&mut row, &target);
    }
    row.number("LogonId", event.number("TargetLogonId"));
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text(
                "EnabledPrivileges",
                list(event.get("EnabledPrivilegeList")).as_deref(),
            )
            .text(
                "DisabledPrivileges",
                list(event.get("DisabledPrivilegeList")).as_deref(),
            ),
    );
    Ok(row.finish().into())
}

/// Windows indents lists over several lines.
fn list(text: Option<&str>) -> Option<String> {
    text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(","))
}

/// Windows Security 4719.
pub(super) fn audit_policy(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let mut row = cx.action("DeviceEvents", "AuditPolicyModification")?;
    actor(cx, &mut row);
    row.additional(
        &AdditionalFields::new()
            .text("CategoryId", cx.event.get("CategoryId"))
            .text("SubcategoryId", cx.event.get("SubcategoryId"))
            .text("SubcategoryGuid", cx.event.get("SubcategoryGuid"))
            .text("AuditPolicyChanges", cx.event.get("AuditPolicyChanges")),
    );
    Ok(row.finish().into())
}

/// 1102. The actor is in the event's user data, or only in the message.
pub(super) fn log_cleared(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let account = event.account("Subject").or_else(|| {
        Account::from_parts(
            event.message_label("Domain Name"),
            event.message_label("Account Name"),
            event.message_label("Security ID"),
        )
    });
    let logon_id = event
        .number("SubjectLogonId")
        .or_else(|| event.message_label("Logon ID").and_then(number::integer));
    let mut row = cx.action("DeviceEvents", "SecurityLogCleared")?;
    if let Some(account) = &account {
        named(&mut row, account);
    }
    row.number("LogonId", logon_id);
    cx.initiator(
        &mut row,
        &Process {
            account,
            logon_id,
            ..Process::default()
        },
    );
    Ok(row.finish().into())
}

/// Defender's 1116 (found) and 1117 (acted).
pub(super) fn antivirus(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let mut row = cx.action("DeviceEvents", "AntivirusDetection")?;
    // `file:_C:\path` or several, divided by semicolons.
    let path = event
        .first(&["Path", "Resources"])
        .and_then(|paths| paths.split(';').next());
    file(
        &mut row,
        path.map(|p| p.trim().strip_prefix("file:_").unwrap_or(p)),
    );
    let process = Process {
        image: event
            .first(&["Process Name", "ProcessName"])
            .filter(|n| *n != "Unknown")
            .map(str::to_owned),
        account: event
            .first(&["Detection User", "DetectionUser"])
            .and_then(Account::from_user),
        ..Process::default()
    };
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text("ThreatName", event.first(&["Threat Name", "ThreatName"]))
            .text("Severity", event.first(&["Severity Name", "SeverityName"]))
            .text("Category", event.first(&["Category Name", "CategoryName"]))
            .text("Action", event.first(&["Action Name", "ActionName"]))
            .json("WasRemediated", event.event_id == 1117),
    );
    Ok(row.finish().into())
}
