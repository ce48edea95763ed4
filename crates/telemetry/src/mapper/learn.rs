//! What every event teaches the correlator, whether or not it gives a row.

use super::context::Context;
use super::{logon, network, process};
use crate::correlator::HostKey;
use crate::correlator::hosts::Sighting;
use crate::correlator::logons::Session;
use crate::event::Provider;

/// Takes an event's facts in. Returns sightings that had to make room.
pub(super) fn event(cx: &mut Context<'_>) -> Vec<(HostKey, Sighting)> {
    let evicted = cx.state.hosts.sight(cx.host, cx.at);
    match cx.event.provider {
        Provider::Sysmon => sysmon(cx),
        Provider::Security => security(cx),
        _ => {
            if let Some(account) = cx.event.header_user.clone() {
                cx.state.logons.learn_account(&account);
            }
        }
    }
    evicted
}

fn sysmon(cx: &mut Context<'_>) {
    match cx.event.event_id {
        1 => {
            process::learn_start(cx);
            system_build(cx);
        }
        3 => network::learn(cx),
        7 => system_build(cx),
        8 | 10 => {
            for prefix in ["Source", "Target"] {
                let mentioned = cx.mentioned(prefix);
                cx.state.processes.mention(cx.host, mentioned);
            }
        }
        _ => {}
    }
    if !matches!(cx.event.event_id, 1 | 8 | 10) {
        let mentioned = cx.mentioned("");
        cx.state.processes.mention(cx.host, mentioned);
    }
}

fn security(cx: &mut Context<'_>) {
    // Subject and logon id stand together in most events: a session is known before its logon is seen.
    if let Some(subject) = cx.event.account("Subject") {
        if let Some(id) = cx.event.number("SubjectLogonId") {
            let session = Session {
                account: subject.clone(),
                ..Session::default()
            };
            cx.state.logons.learn_session(cx.host, id, session);
        }
        cx.state.hosts.sight_user(cx.host, cx.at, &subject);
    }
    match cx.event.event_id {
        4624 => logon::learn(cx),
        4656 | 4663 => file_handle(cx),
        4688 => process::learn_audited(cx),
        4768 | 4769 | 4771 => cx.state.hosts.system(cx.host).domain_controller = true,
        5156 => network::learn_address(cx),
        _ => {}
    }
}

/// The event that says a file was deleted names only the handle.
fn file_handle(cx: &mut Context<'_>) {
    let is_file = cx
        .event
        .get("ObjectType")
        .is_some_and(|t| t.eq_ignore_ascii_case("File"));
    let ids = cx
        .event
        .number("ProcessId")
        .zip(cx.event.number("HandleId"));
    if let (true, Some((pid, handle)), Some(path)) = (is_file, ids, cx.event.get("ObjectName")) {
        let path = path.to_owned();
        cx.state.handles.insert((cx.host, pid, handle), path);
    }
}

/// Windows' own files carry the build in their version: `10.0.18362.1 (WinBuild.160101.0800)`.
fn system_build(cx: &mut Context<'_>) {
    let own = cx
        .event
        .get("Company")
        .is_some_and(|c| c == "Microsoft Corporation")
        && cx
            .event
            .get("FileVersion")
            .is_some_and(|v| v.contains("WinBuild"));
    if !own {
        return;
    }
    let version = cx.event.get("FileVersion").unwrap_or_default();
    let number = version.split(' ').next().unwrap_or_default();
    let mut parts = number
        .split('.')
        .skip(2)
        .map(|part| part.parse::<i64>().ok());
    if let (Some(Some(build)), Some(revision)) = (parts.next(), parts.next()) {
        let system = cx.state.hosts.system(cx.host);
        if (build, revision) > (system.build.unwrap_or(0), system.revision) {
            (system.build, system.revision) = (Some(build), revision);
        }
    }
}
