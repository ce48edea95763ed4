//! What a domain controller sees: credentials checked (4768, 4769, 4771, 4776) and the directory
//! read or changed (4662, 5136). These tables are about accounts, not about the controller's device.

use bartizan_contract::hunting::table;

use super::Verdict;
use super::context::Context;
use crate::parse::account::Account;
use crate::parse::address;
use crate::reject::{RejectCode, RejectReason, SkipReason};
use crate::row::{AdditionalFields, RowBuilder};

/// The extended rights that replicate the directory, secrets included.
const REPLICATION: &[(&str, &str)] = &[
    (
        "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2",
        "DS-Replication-Get-Changes",
    ),
    (
        "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2",
        "DS-Replication-Get-Changes-All",
    ),
    (
        "89e95b76-444d-4c62-991a-0facbeda640c",
        "DS-Replication-Get-Changes-In-Filtered-Set",
    ),
];

const KERBEROS_PORT: i64 = 88;

/// One of the four credential checks.
pub(super) fn logon(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let ntlm = event.event_id == 4776;
    let workstation = event
        .get("Workstation")
        .map(|name| name.trim_start_matches('\\'));
    // A member host checks its local accounts itself; that is no logon to the domain.
    let label = cx.device.name.split('.').next().unwrap_or_default();
    let local = workstation.is_some_and(|w| w.eq_ignore_ascii_case(label));
    if ntlm && local && !cx.state.hosts.system(cx.host).domain_controller {
        return Ok(Verdict::Skip(SkipReason::NoTable));
    }
    let status = event
        .number("Status")
        .or_else(|| (event.event_id == 4771).then_some(0x18));
    let failed = status.is_some_and(|code| code != 0);
    let mut row = new_row(
        cx,
        "IdentityLogonEvents",
        if failed {
            "LogonFailed"
        } else {
            "LogonSuccess"
        },
    )?;
    row.text("Protocol", if ntlm { "Ntlm" } else { "Kerberos" })
        .text(
            "LogonType",
            if event.event_id == 4769 {
                "Resource access"
            } else {
                "Credentials validation"
            },
        );
    if failed {
        row.text("FailureReason", failure(status.unwrap_or_default()));
    }
    account(cx, &mut row);
    client(cx, &mut row, workstation);
    row.text("DestinationDeviceName", &cx.device.name);
    if let Some(ip) = cx.state.hosts.address_of(cx.host, cx.at) {
        row.text("DestinationIPAddress", ip.to_string());
    }
    if !ntlm {
        row.number("DestinationPort", Some(KERBEROS_PORT));
    }
    if let Some(service) = event
        .get("ServiceName")
        .and_then(|name| name.strip_suffix('$'))
    {
        let service = cx.state.hosts.full_name(service);
        row.text("TargetDeviceName", service);
    }
    row.additional(
        &AdditionalFields::new()
            .text("Spns", event.get("ServiceName"))
            .text("TicketEncryptionType", event.get("TicketEncryptionType"))
            .text("TicketOptions", event.get("TicketOptions"))
            .text("Status", event.get("Status"))
            .text("Package", event.get("PackageName")),
    );
    Ok(row.finish().into())
}

/// 4662 (an operation on an object) and 5136 (an attribute changed). Of 4662 only replication is
/// kept: reads of objects are without number and the table does not have them.
pub(super) fn directory(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let rights: Vec<&str> = match event.get("Properties") {
        Some(properties) => {
            let lower = properties.to_lowercase();
            REPLICATION
                .iter()
                .filter(|(guid, _)| lower.contains(guid))
                .map(|(_, name)| *name)
                .collect()
        }
        None => Vec::new(),
    };
    if event.event_id == 4662 && rights.is_empty() {
        return Ok(Verdict::Skip(SkipReason::NoTable));
    }
    cx.state.hosts.system(cx.host).domain_controller = true;
    let action = if event.event_id == 4662 {
        "Directory Services replication"
    } else {
        "Directory Services object modified"
    };
    let mut row = new_row(cx, "IdentityDirectoryEvents", action)?;
    if let Some(subject) = event.account("Subject") {
        named(&mut row, &subject);
    }
    row.text("DestinationDeviceName", &cx.device.name)
        .maybe("TargetAccountDisplayName", event.get("ObjectDN"));
    row.additional(
        &AdditionalFields::new()
            .json("Rights", rights)
            .text("ObjectName", event.first(&["ObjectName", "ObjectDN"]))
            .text("ObjectClass", event.first(&["ObjectClass", "ObjectType"]))
            .text("Attribute", event.get("AttributeLDAPDisplayName"))
            .text("Value", event.get("AttributeValue"))
            .text("AccessMask", event.get("AccessMask")),
    );
    Ok(row.finish().into())
}

fn new_row(cx: &Context<'_>, name: &str, action: &str) -> Result<RowBuilder, RejectReason> {
    let table = table(name)
        .ok_or_else(|| RejectReason::new(RejectCode::UnknownTable, format!("no table {name:?}")))?;
    let mut row = RowBuilder::of(table);
    row.time("Timestamp", Some(cx.at))
        .text("ActionType", action)
        .text("Application", "Active Directory")
        .text(
            "ReportId",
            format!("{}-{}", &cx.device.id[..8], cx.report_id()),
        );
    Ok(row)
}

/// The account in `TargetUserName`, which service tickets write as `name@REALM`.
fn account(cx: &mut Context<'_>, row: &mut RowBuilder) {
    let event = cx.event;
    let Some(text) = event.get("TargetUserName") else {
        return;
    };
    let (name, realm) = text
        .split_once('@')
        .map_or((text, None), |(n, r)| (n, Some(r)));
    let domain = event.get("TargetDomainName").or(realm);
    let Some(account) = Account::from_parts(domain, Some(name), event.get("TargetSid")) else {
        return;
    };
    let account = cx.complete(account);
    named(row, &account);
    if let Some(domain) = domain.filter(|d| d.contains('.')) {
        row.text("AccountUpn", format!("{name}@{domain}").to_lowercase());
    }
}

fn named(row: &mut RowBuilder, account: &Account) {
    row.lower("AccountName", account.name.as_deref())
        .lower("AccountDomain", account.domain.as_deref())
        .maybe("AccountSid", account.sid.as_deref());
}

/// Where the request came from, by name where the address is known to be a host's.
fn client(cx: &mut Context<'_>, row: &mut RowBuilder, workstation: Option<&str>) {
    let ip = cx.event.get("IpAddress").and_then(address::parse);
    let own = ip.is_some_and(|ip| ip.is_loopback());
    let name = match (workstation, ip) {
        (Some(name), _) => Some(cx.state.hosts.full_name(name)),
        (None, Some(_)) if own => Some(cx.device.name.clone()),
        (None, Some(ip)) => cx.state.hosts.by_address(ip),
        (None, None) => None,
    };
    row.maybe("DeviceName", name.as_deref());
    if let Some(ip) = ip {
        row.text("IPAddress", ip.to_string())
            .number("Port", cx.event.number("IpPort").filter(|port| *port > 0));
    }
}

/// Kerberos' and NTLM's codes in the table's words.
fn failure(code: i64) -> &'static str {
    match code & 0xffff_ffff {
        0x6 => "UnknownUser",
        0x12 => "AccountDisabled",
        0x17 => "PasswordExpired",
        0x18 => "WrongPassword",
        0x25 => "ClockSkew",
        0xC000_0064 => "UnknownUser",
        0xC000_006A => "WrongPassword",
        0xC000_0072 => "AccountDisabled",
        0xC000_0071 => "PasswordExpired",
        0xC000_0234 => "AccountLocked",
        _ => "Unknown",
    }
}
