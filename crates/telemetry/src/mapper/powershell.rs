//! PowerShell: script blocks (4104), modules (4103) and the older log's pipelines (800).

use super::Verdict;
use super::context::Context;
use crate::correlator::processes::Process;
use crate::event::Provider;
use crate::parse::account::Account;
use crate::parse::path::program;
use crate::reject::{RejectReason, SkipReason};
use crate::row::AdditionalFields;

/// One of the three events.
pub(super) fn event(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    match (&cx.event.provider, cx.event.event_id) {
        (Provider::PowerShell, 4104) => script_block(cx),
        (Provider::PowerShell, 4103) => command(cx),
        (Provider::PowerShellClassic, 800) => pipeline(cx),
        _ => Ok(Verdict::Skip(SkipReason::NoTable)),
    }
}

/// 4104: the command, and its text as the antimalware interface sees it.
fn script_block(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let Some(text) = event.get("ScriptBlockText") else {
        return Ok(Verdict::Skip(SkipReason::NoTable));
    };
    let process = host(cx, None, None);
    let part = AdditionalFields::new()
        .text("ScriptBlockId", event.get("ScriptBlockId"))
        .number("MessageNumber", event.number("MessageNumber"))
        .number("MessageTotal", event.number("MessageTotal"))
        .text("ContentName", event.get("Path"));
    let mut rows = Vec::with_capacity(2);
    for (action, member) in [
        ("PowerShellCommand", "Command"),
        ("AmsiScriptContent", "ScriptContent"),
    ] {
        let mut row = cx.action("DeviceEvents", action)?;
        cx.initiator(&mut row, &process);
        row.additional(&part.clone().text(member, Some(text)));
        rows.push(row.finish());
    }
    Ok(Verdict::Rows(rows))
}

/// 4103: the command is the first invocation of the payload.
fn command(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let context = event.get("ContextInfo").unwrap_or_default();
    let payload = event.get("Payload").unwrap_or_default();
    let application = labelled(context, "Host Application", '=');
    let process = host(cx, application, labelled(context, "User", '='));
    let mut row = cx.action("DeviceEvents", "PowerShellCommand")?;
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text(
                "Command",
                invoked(payload).or_else(|| labelled(context, "Command Name", '=')),
            )
            .text("Payload", Some(payload))
            .text("ScriptName", labelled(context, "Script Name", '='))
            .text("HostApplication", application),
    );
    Ok(row.finish().into())
}

/// 800: everything is in the message, or in three nameless items of a dump.
fn pipeline(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let items: Vec<&str> = (1..=3)
        .filter_map(|i| event.get(&format!("param{i}")))
        .collect();
    let joined;
    let text = if event.message.is_empty() {
        joined = items.join("\n");
        joined.as_str()
    } else {
        event.message.as_str()
    };
    if text.is_empty() {
        return Ok(Verdict::Skip(SkipReason::NoTable));
    }
    let application = labelled(text, "HostApplication", '=');
    let line = text
        .strip_prefix("Pipeline execution details for command line:")
        .and_then(|rest| rest.split("Context Information:").next())
        .map(|line| line.trim().trim_end_matches('.').trim())
        .or_else(|| items.first().copied());
    let process = host(cx, application, labelled(text, "UserId", '='));
    let mut row = cx.action("DeviceEvents", "PowerShellCommand")?;
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text("Command", invoked(text).or(line))
            .text("CommandLine", line)
            .text("Payload", text.split("Details:").nth(1).map(str::trim))
            .text("ScriptName", labelled(text, "ScriptName", '='))
            .text("HostApplication", application),
    );
    Ok(row.finish().into())
}

/// The process that hosts PowerShell: the writer of the event, else as the event describes it.
fn host(
    cx: &mut Context<'_>,
    application: Option<&str>,
    user: Option<&str>,
) -> std::sync::Arc<Process> {
    // A dump of a log has the user's SID in the header and the name in the text.
    let named = user.and_then(Account::from_user);
    let account = match (cx.event.header_user.clone(), named) {
        (Some(header), Some(named)) if header.name.is_none() => Some(Account {
            sid: header.sid.or(named.sid),
            ..named
        }),
        (header, named) => header.or(named),
    };
    let mentioned = Process {
        pid: cx.event.header_pid.filter(|pid| *pid > 0),
        image: application.map(|line| program(line).to_owned()),
        command_line: application.map(str::to_owned),
        account,
        ..Process::default()
    };
    cx.known(mentioned)
}

/// `CommandInvocation(Get-Date): "Get-Date"`.
fn invoked(payload: &str) -> Option<&str> {
    let (_, rest) = payload.split_once("CommandInvocation(")?;
    rest.split(')').next().filter(|name| !name.is_empty())
}

/// The value of `label = value` or `label=value` on a line of its own.
fn labelled<'a>(text: &'a str, label: &str, sign: char) -> Option<&'a str> {
    text.lines()
        .find_map(|line| {
            line.trim_start()
                .strip_prefix(label)?
                .trim_start()
                .strip_prefix(sign)
        })
        .and_then(crate::parse::account::present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_invocations() {
        let context =
            "        Host Application = C:\\a b\\powershell.exe -noP\r\n        User = SHIRE\\pg";
        assert_eq!(
            labelled(context, "Host Application", '='),
            Some("C:\\a b\\powershell.exe -noP")
        );
        assert_eq!(labelled(context, "User", '='), Some("SHIRE\\pg"));
        assert_eq!(
            labelled("\tHostApplication=x\n", "HostApplication", '='),
            Some("x")
        );
        assert_eq!(
            invoked("CommandInvocation(Get-Date): \"Get-Date\"\n"),
            Some("Get-Date")
        );
        assert_eq!(invoked("CommandInvocation("), None);
    }
}
