//! Process starts: Sysmon 1 and Windows Security 4688.

use super::Verdict;
use super::context::Context;
use super::held::{Key, Subject};
use crate::correlator::processes::{Process, VersionInfo};
use crate::parse::account::well_known_session;
use crate::reject::{RejectReason, SkipReason};
use crate::row::AdditionalFields;

/// Sysmon 1.
pub(super) fn started(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let parent = cx.known(parent(cx));
    let mut row = cx.action("DeviceProcessEvents", "ProcessCreated")?;
    cx.subject(&mut row, &process);
    row.time("ProcessCreationTime", Some(cx.at));
    cx.initiator(&mut row, &parent);
    row.additional(
        &AdditionalFields::new().text("CurrentDirectory", cx.event.get("CurrentDirectory")),
    );
    let row = row.finish();
    Ok(match process.pid {
        Some(pid) => Verdict::Replace(start_key(cx, pid), row),
        None => row.into(),
    })
}

/// Windows Security 4688. Sysmon's report of the same start has more and wins.
pub(super) fn audited(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = audited_process(cx);
    if cx.state.processes.sysmon_start(cx.host, &process).is_some() {
        return Ok(Verdict::Skip(SkipReason::Duplicate));
    }
    let pid = process.pid;
    let creator = cx.audited(
        "ProcessId",
        "ParentProcessName",
        cx.event.account("Subject"),
    );
    let mut row = cx.action("DeviceProcessEvents", "ProcessCreated")?;
    cx.subject(&mut row, &process);
    cx.initiator(&mut row, &creator);
    let row = row.finish();
    Ok(match pid {
        Some(pid) => Verdict::Hold(start_key(cx, pid), row),
        None => row.into(),
    })
}

fn start_key(cx: &Context<'_>, pid: i64) -> Key {
    Key {
        subject: Subject::Start(cx.host, pid),
        at: cx.at,
    }
}

/// Remembers a start that Sysmon reported, and its parent as far as the event tells.
pub(super) fn learn_start(cx: &mut Context<'_>) {
    let parent = parent(cx);
    let event = cx.event;
    let text = |name: &str| event.get(name).map(str::to_owned);
    let mut process = cx.mentioned("");
    process.parent_guid.clone_from(&parent.guid);
    process.parent_pid = parent.pid;
    process.parent_image.clone_from(&parent.image);
    cx.state.processes.mention(cx.host, parent);
    process.started = Some(cx.at);
    process.command_line = text("CommandLine");
    process.logon_id = event.number("LogonId");
    process.session_id = event.number("TerminalSessionId");
    process.integrity = text("IntegrityLevel");
    process.hashes = cx.hashes();
    process.version = VersionInfo {
        company: text("Company"),
        product: text("Product"),
        version: text("FileVersion"),
        original_name: text("OriginalFileName"),
        description: text("Description"),
    };
    process.sysmon = true;
    let process = cx.state.processes.learn(cx.host, process);
    if let Some(account) = process.account.clone()
        && process.session_id.is_some_and(|id| id > 0)
    {
        let account = cx.complete(account);
        cx.state.hosts.sight_user(cx.host, cx.at, &account);
    }
}

/// Remembers a start that Windows Security reported.
pub(super) fn learn_audited(cx: &mut Context<'_>) {
    let process = audited_process(cx);
    if process.pid.is_some() {
        cx.state.processes.learn(cx.host, process);
    }
}

fn parent(cx: &Context<'_>) -> Process {
    let mut parent = cx.mentioned("Parent");
    parent.command_line = cx.event.get("ParentCommandLine").map(str::to_owned);
    parent
}

/// The new process of a 4688. It runs as the target where one is named, else as the creator.
fn audited_process(cx: &Context<'_>) -> Process {
    let event = cx.event;
    let text = |name: &str| event.get(name).map(str::to_owned);
    let target = event.account("Target").filter(|a| a.name.is_some());
    let runs_as_target = target.is_some();
    let logon = if runs_as_target {
        "TargetLogonId"
    } else {
        "SubjectLogonId"
    };
    // Sessions of services run under the service's account, whatever name the event shows.
    let logon_id = event.number(logon).filter(|id| *id > 0);
    let account = logon_id
        .and_then(well_known_session)
        .or(target)
        .or_else(|| event.account("Subject"));
    Process {
        pid: event.number("NewProcessId"),
        started: Some(cx.at),
        image: text("NewProcessName"),
        command_line: text("CommandLine"),
        account,
        logon_id,
        integrity: event
            .get("MandatoryLabel")
            .and_then(integrity)
            .map(str::to_owned),
        elevation: event
            .get("TokenElevationType")
            .and_then(elevation)
            .map(str::to_owned),
        parent_pid: event.number("ProcessId"),
        parent_image: text("ParentProcessName"),
        ..Process::default()
    }
}

/// The integrity level of a mandatory label's SID.
fn integrity(sid: &str) -> Option<&'static str> {
    Some(match sid {
        "S-1-16-0" => "Untrusted",
        "S-1-16-4096" => "Low",
        "S-1-16-8192" | "S-1-16-8448" => "Medium",
        "S-1-16-12288" => "High",
        "S-1-16-16384" => "System",
        "S-1-16-20480" => "Protected",
        _ => return None,
    })
}

fn elevation(code: &str) -> Option<&'static str> {
    Some(match code {
        "%%1936" => "TokenElevationTypeDefault",
        "%%1937" => "TokenElevationTypeFull",
        "%%1938" => "TokenElevationTypeLimited",
        _ => return None,
    })
}
