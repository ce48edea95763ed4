//! Accounts and groups of a host: Windows Security 4720 to 4738 and 4781.

use super::Verdict;
use super::context::{Context, named};
use crate::correlator::processes::Process;
use crate::parse::account::Account;
use crate::reject::RejectReason;
use crate::row::{AdditionalFields, RowBuilder};

/// A user account was made, deleted or changed (4720, 4726; 4722, 4725, 4738, 4781).
pub(super) fn user(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let action = match cx.event.event_id {
        4720 => "UserAccountCreated",
        4726 => "UserAccountDeleted",
        _ => "UserAccountModified",
    };
    let event = cx.event;
    let mut row = cx.action("DeviceEvents", action)?;
    // 4781 names the account by its old and new name.
    let target = Account::from_parts(
        event.get("TargetDomainName"),
        event.first(&["TargetUserName", "NewTargetUserName"]),
        event.first(&["TargetSid", "TargetUserSid"]),
    );
    if let Some(target) = target {
        cx.state.logons.learn_account(&target);
        named(&mut row, &target);
    }
    actor(cx, &mut row);
    let change = match event.event_id {
        4722 => Some("Enabled"),
        4725 => Some("Disabled"),
        4781 => Some("Renamed"),
        _ => None,
    };
    row.additional(
        &AdditionalFields::new()
            .text("Change", change)
            .text("SamAccountName", event.get("SamAccountName"))
            .text("OldTargetUserName", event.get("OldTargetUserName"))
            .text("OldUacValue", event.get("OldUacValue"))
            .text("NewUacValue", event.get("NewUacValue")),
    );
    Ok(row.finish().into())
}

/// A local group was made or deleted (4731, 4734).
pub(super) fn group(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let action = if cx.event.event_id == 4731 {
        "SecurityGroupCreated"
    } else {
        "SecurityGroupDeleted"
    };
    let mut row = cx.action("DeviceEvents", action)?;
    actor(cx, &mut row);
    row.additional(&group_fields(cx));
    Ok(row.finish().into())
}

/// An account was put into a local group or taken out (4732, 4733).
pub(super) fn membership(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let action = if cx.event.event_id == 4732 {
        "UserAccountAddedToLocalGroup"
    } else {
        "UserAccountRemovedFromLocalGroup"
    };
    let event = cx.event;
    let mut row = cx.action("DeviceEvents", action)?;
    let name = event.get("MemberName").map(common_name);
    if let Some(member) = Account::from_parts(None, name, event.get("MemberSid")) {
        let member = cx.complete(member);
        named(&mut row, &member);
    }
    actor(cx, &mut row);
    row.additional(&group_fields(cx));
    Ok(row.finish().into())
}

/// `CN=name,OU=…` is the account `name`.
fn common_name(distinguished: &str) -> &str {
    let first = distinguished.split(',').next().unwrap_or(distinguished);
    first
        .strip_prefix("CN=")
        .or_else(|| first.strip_prefix("cn="))
        .unwrap_or(first)
}

fn group_fields(cx: &Context<'_>) -> AdditionalFields {
    AdditionalFields::new()
        .text("GroupName", cx.event.get("TargetUserName"))
        .text("GroupDomainName", cx.event.get("TargetDomainName"))
        .text("GroupSid", cx.event.get("TargetSid"))
}

/// Who did it: the subject's session. No process is named.
pub(super) fn actor(cx: &mut Context<'_>, row: &mut RowBuilder) {
    let process = Process {
        account: cx.event.account("Subject"),
        logon_id: cx.event.number("SubjectLogonId").filter(|id| *id > 0),
        ..Process::default()
    };
    cx.initiator(row, &process);
}
