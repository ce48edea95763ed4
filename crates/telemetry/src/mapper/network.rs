//! Connections: Sysmon 3 and Windows Security 5154, 5156, 5157, 5158.

use std::net::IpAddr;

use super::Verdict;
use super::context::Context;
use super::held::{Key, Subject};
use crate::correlator::network::Flow;
use crate::correlator::processes::Process;
use crate::parse::{address, number};
use crate::reject::{RejectReason, SkipReason};
use crate::row::{AdditionalFields, RowBuilder};

/// Windows' message number for an inbound direction.
const INBOUND: &str = "%%14592";

/// A connection from the host's side.
struct Connection {
    inbound: bool,
    protocol: Option<String>,
    local: (Option<IpAddr>, Option<i64>),
    remote: (Option<IpAddr>, Option<i64>),
    remote_name: Option<String>,
}

impl Connection {
    fn flow(&self, cx: &Context<'_>) -> Option<Flow> {
        Some(Flow {
            host: cx.host,
            protocol: self.protocol.clone()?,
            local: (self.local.0?, self.local.1?),
            remote: (self.remote.0?, self.remote.1?),
        })
    }

    fn fill(&self, row: &mut RowBuilder) {
        for (prefix, (ip, port)) in [("Local", self.local), ("Remote", self.remote)] {
            row.number(&format!("{prefix}Port"), port);
            if let Some(ip) = ip {
                row.text(&format!("{prefix}IP"), ip.to_string())
                    .text(&format!("{prefix}IPType"), address::kind(ip));
            }
        }
        row.maybe("Protocol", self.protocol.as_deref())
            .maybe("RemoteUrl", self.remote_name.as_deref());
    }
}

/// Sysmon 3.
pub(super) fn connection(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let connection = of_sysmon(cx);
    let action = if connection.inbound {
        "InboundConnectionAccepted"
    } else {
        "ConnectionSuccess"
    };
    let process = cx.known(cx.mentioned(""));
    let mut row = cx.action("DeviceNetworkEvents", action)?;
    connection.fill(&mut row);
    cx.initiator(&mut row, &process);
    let row = row.finish();
    Ok(match connection.flow(cx) {
        Some(flow) => Verdict::Replace(
            Key {
                subject: Subject::Flow(flow),
                at: cx.at,
            },
            row,
        ),
        None => row.into(),
    })
}

/// Windows Security 5156 (permitted) and 5157 (blocked).
pub(super) fn filtered(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let connection = of_audit(cx);
    let process = application(cx);
    if cx.event.event_id == 5157 {
        return blocked(cx, &connection, &process);
    }
    let flow = connection.flow(cx);
    if flow
        .as_ref()
        .is_some_and(|flow| cx.state.connections.reported(flow, cx.at))
    {
        return Ok(Verdict::Skip(SkipReason::Duplicate));
    }
    let action = if connection.inbound {
        "InboundConnectionAccepted"
    } else {
        "ConnectionSuccess"
    };
    let mut row = cx.action("DeviceNetworkEvents", action)?;
    connection.fill(&mut row);
    cx.initiator(&mut row, &process);
    let row = row.finish();
    Ok(match flow {
        Some(flow) => Verdict::Hold(
            Key {
                subject: Subject::Flow(flow),
                at: cx.at,
            },
            row,
        ),
        None => row.into(),
    })
}

/// A blocked connection is a failed connection and a decision of the firewall: two rows.
fn blocked(
    cx: &mut Context<'_>,
    connection: &Connection,
    process: &Process,
) -> Result<Verdict, RejectReason> {
    let firewall = if connection.inbound {
        "FirewallInboundConnectionBlocked"
    } else {
        "FirewallOutboundConnectionBlocked"
    };
    let mut rows = Vec::with_capacity(2);
    for (table, action) in [
        ("DeviceNetworkEvents", "ConnectionFailed"),
        ("DeviceEvents", firewall),
    ] {
        let mut row = cx.action(table, action)?;
        connection.fill(&mut row);
        cx.initiator(&mut row, process);
        if table == "DeviceEvents" {
            row.additional(
                &AdditionalFields::new()
                    .text("Protocol", connection.protocol.as_deref())
                    .text("FilterOrigin", cx.event.get("FilterOrigin"))
                    .number("FilterRTID", cx.event.number("FilterRTID")),
            );
        }
        rows.push(row.finish());
    }
    Ok(Verdict::Rows(rows))
}

/// Windows Security 5154 (listen) and 5158 (bind).
pub(super) fn listening(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    if cx.event.event_id == 5158 && !cx.settings.port_binds {
        return Ok(Verdict::Skip(SkipReason::Filtered));
    }
    let process = application(cx);
    let mut connection = of_audit(cx);
    connection.remote = (None, None);
    let mut row = cx.action("DeviceNetworkEvents", "ListeningConnectionCreated")?;
    connection.fill(&mut row);
    cx.initiator(&mut row, &process);
    Ok(row.finish().into())
}

/// Remembers Sysmon's report, against a second one, and the host's address.
pub(super) fn learn(cx: &mut Context<'_>) {
    let connection = of_sysmon(cx);
    if let Some(flow) = connection.flow(cx) {
        cx.state.connections.learn(flow, cx.at);
    }
    if let Some(ip) = connection.local.0 {
        cx.state.hosts.sight_address(cx.host, cx.at, ip);
    }
}

/// Remembers the host's address.
pub(super) fn learn_address(cx: &mut Context<'_>) {
    if let Some(ip) = of_audit(cx).local.0 {
        cx.state.hosts.sight_address(cx.host, cx.at, ip);
    }
}

fn of_sysmon(cx: &Context<'_>) -> Connection {
    let end = |prefix: &str| {
        let ip = cx
            .event
            .get(&format!("{prefix}Ip"))
            .and_then(address::parse);
        (ip, cx.event.number(&format!("{prefix}Port")))
    };
    let name = |prefix: &str| {
        cx.event
            .get(&format!("{prefix}Hostname"))
            .map(str::to_owned)
    };
    let inbound = cx.event.get("Initiated").and_then(number::boolean) == Some(false);
    // The host's own end, by its name where that tells: of UDP, Sysmon calls the first sender that it notices the source, and
    // that may be the side that answers.
    let is_own = |prefix| name(prefix).is_some_and(|name| is_same_host(&name, &cx.event.computer));
    let answers = is_own("Source") && !is_own("Destination");
    let (local, remote) = if inbound && !answers {
        ("Destination", "Source")
    } else {
        ("Source", "Destination")
    };
    Connection {
        inbound,
        protocol: cx.event.get("Protocol").and_then(address::protocol),
        local: end(local),
        remote: end(remote),
        remote_name: name(remote),
    }
}

/// Whether two names are of one host, with or without a domain.
fn is_same_host(one: &str, other: &str) -> bool {
    let label = |name: &str| {
        name.split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    !label(one).is_empty() && label(one) == label(other)
}

/// Windows Filtering Platform events name the packet's ends: inbound, the destination is local.
fn of_audit(cx: &Context<'_>) -> Connection {
    let end = |address: &str, port: &str| {
        (
            cx.event.get(address).and_then(address::parse),
            cx.event.number(port),
        )
    };
    let (source, destination) = (
        end("SourceAddress", "SourcePort"),
        end("DestAddress", "DestPort"),
    );
    let inbound = cx.event.get("Direction") == Some(INBOUND);
    let (local, remote) = if inbound {
        (destination, source)
    } else {
        (source, destination)
    };
    Connection {
        inbound,
        protocol: cx.event.get("Protocol").and_then(address::protocol),
        local,
        remote,
        remote_name: None,
    }
}

/// The process of a filtering event. Its id is called `ProcessID` in 5156 and `ProcessId` in 5158,
/// and is only in the message where the collector put its own over it.
fn application(cx: &mut Context<'_>) -> std::sync::Arc<Process> {
    let pid = cx.event.number("ProcessId").or_else(|| {
        cx.event
            .message_label("Process ID")
            .and_then(number::integer)
    });
    let image = cx.event.get("Application").map(str::to_owned);
    cx.known(Process {
        pid,
        image,
        ..Process::default()
    })
}
