//! Logons to a device: Windows Security 4624, 4625, 4648. Logoffs give no row.

use super::Verdict;
use super::context::{Context, named};
use crate::correlator::logons::Session;
use crate::parse::account::Account;
use crate::parse::address;
use crate::reject::{RejectReason, SkipReason};
use crate::row::AdditionalFields;

/// One of the three events.
pub(super) fn event(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let action = match event.event_id {
        4624 => "LogonSuccess",
        4625 => "LogonFailed",
        _ => "LogonAttempted",
    };
    let target = target(cx);
    let remote = event.get("IpAddress").and_then(address::parse);
    let kind = event.number("LogonType");
    let to_itself =
        kind == Some(3) && remote.is_none() && target.as_ref().is_some_and(Account::is_machine);
    if to_itself && !cx.settings.machine_self_logons {
        return Ok(Verdict::Skip(SkipReason::Filtered));
    }
    let process = cx.audited("ProcessId", "ProcessName", event.account("Subject"));
    let mut row = cx.action("DeviceLogonEvents", action)?;
    if let Some(target) = &target {
        named(&mut row, target);
    }
    row.text("LogonType", kind.map_or("Unknown", logon_type))
        .number(
            "LogonId",
            event.number("TargetLogonId").filter(|id| *id != 0),
        )
        .maybe("Protocol", event.get("AuthenticationPackageName"))
        .flag(
            "IsLocalAdmin",
            event.get("ElevatedToken").and_then(elevated),
        );
    if action == "LogonFailed" {
        row.maybe(
            "FailureReason",
            failure_reason(event.number("SubStatus"), event.number("Status")),
        );
    }
    if let Some(ip) = remote {
        row.text("RemoteIP", ip.to_string())
            .text("RemoteIPType", address::kind(ip))
            .number(
                "RemotePort",
                event.number("IpPort").filter(|port| *port > 0),
            );
    }
    let remote_device = match event.event_id {
        4648 => event
            .get("TargetServerName")
            .filter(|n| !n.eq_ignore_ascii_case("localhost")),
        _ => event.get("WorkstationName"),
    };
    row.lower("RemoteDeviceName", remote_device);
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new().json("IsLocalLogon", remote.is_none_or(|ip| ip.is_loopback())),
    );
    Ok(row.finish().into())
}

/// Remembers the session that a logon opened.
pub(super) fn learn(cx: &mut Context<'_>) {
    let (Some(id), Some(account)) = (cx.event.number("TargetLogonId"), target(cx)) else {
        return;
    };
    let kind = cx.event.number("LogonType");
    let session = Session {
        account: account.clone(),
        logon_type: kind,
        remote_ip: cx
            .event
            .get("IpAddress")
            .and_then(address::parse)
            .map(|ip| ip.to_string()),
        remote_device: cx.event.get("WorkstationName").map(str::to_lowercase),
    };
    cx.state.logons.learn_session(cx.host, id, session);
    // Network logons come and go; the others are people at the device.
    if matches!(kind, Some(2 | 7 | 10 | 11)) {
        cx.state.hosts.sight_user(cx.host, cx.at, &account);
    }
}

fn target(cx: &Context<'_>) -> Option<Account> {
    cx.event.account("Target")
}

/// The logon's kind in the table's words.
fn logon_type(number: i64) -> &'static str {
    match number {
        0 => "System",
        2 => "Interactive",
        3 => "Network",
        4 => "Batch",
        5 => "Service",
        7 => "Unlock",
        8 => "NetworkCleartext",
        9 => "NewCredentials",
        10 => "RemoteInteractive",
        11 => "CachedInteractive",
        12 => "CachedRemoteInteractive",
        13 => "CachedUnlock",
        _ => "Unknown",
    }
}

fn elevated(code: &str) -> Option<bool> {
    match code {
        "%%1842" => Some(true),
        "%%1843" => Some(false),
        _ => None,
    }
}

/// The reason in the table's words, from the sub-status and, where that is zero, the status.
pub(super) fn failure_reason(sub_status: Option<i64>, status: Option<i64>) -> Option<&'static str> {
    let code = sub_status.filter(|c| *c != 0).or(status)? & 0xffff_ffff;
    Some(match code {
        0 => return None,
        0xC000_006A | 0xC000_0064 | 0xC000_006D => "InvalidUserNameOrPassword",
        0xC000_0234 => "AccountLocked",
        0xC000_0072 => "AccountDisabled",
        0xC000_0071 | 0xC000_0224 => "PasswordExpired",
        0xC000_0193 => "AccountExpired",
        0xC000_006F => "LogonHoursViolation",
        0xC000_0070 => "WorkstationRestriction",
        0xC000_015B => "LogonTypeNotGranted",
        _ => "Unknown",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_reasons() {
        assert_eq!(
            failure_reason(Some(0xC000_006A), Some(0xC000_006D)),
            Some("InvalidUserNameOrPassword")
        );
        assert_eq!(
            failure_reason(Some(0), Some(0xC000_0234)),
            Some("AccountLocked")
        );
        assert_eq!(failure_reason(Some(0), Some(0)), None);
        assert_eq!(failure_reason(None, None), None);
    }
}
