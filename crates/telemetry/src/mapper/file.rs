//! Files: Sysmon 2, 11, 15, 23, 26 and Windows Security 4660.

use super::Verdict;
use super::context::{Context, file};
use crate::reject::{RejectReason, SkipReason};
use crate::row::AdditionalFields;

/// Sysmon 11, and 15 for a file with an alternate stream, which tells where it was downloaded from.
pub(super) fn created(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let hashes = cx.hashes();
    let mut row = cx.action("DeviceFileEvents", "FileCreated")?;
    file(&mut row, cx.event.get("TargetFilename"));
    cx.digests(&mut row, "", &hashes);
    cx.initiator(&mut row, &process);
    if let Some(contents) = cx.event.get("Contents") {
        row.maybe("FileOriginUrl", zone_value(contents, "HostUrl"))
            .maybe("FileOriginReferrerUrl", zone_value(contents, "ReferrerUrl"));
    }
    Ok(row.finish().into())
}

/// `Name=value` of a `Zone.Identifier` stream.
fn zone_value<'a>(contents: &'a str, name: &str) -> Option<&'a str> {
    contents
        .split(['\r', '\n'])
        .flat_map(|line| line.split_whitespace())
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// Sysmon 23 and 26.
pub(super) fn deleted(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let hashes = cx.hashes();
    let mut row = cx.action("DeviceFileEvents", "FileDeleted")?;
    file(&mut row, cx.event.get("TargetFilename"));
    cx.digests(&mut row, "", &hashes);
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text("Archived", cx.event.get("Archived"))
            .text("IsExecutable", cx.event.get("IsExecutable")),
    );
    Ok(row.finish().into())
}

/// Sysmon 2: there is no action for a changed creation time; the row is a modification that says so.
pub(super) fn time_changed(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let mut row = cx.action("DeviceFileEvents", "FileModified")?;
    file(&mut row, cx.event.get("TargetFilename"));
    cx.initiator(&mut row, &process);
    row.additional(
        &AdditionalFields::new()
            .text("CreationTime", cx.event.get("CreationUtcTime"))
            .text(
                "PreviousCreationTime",
                cx.event.get("PreviousCreationUtcTime"),
            ),
    );
    Ok(row.finish().into())
}

/// Windows Security 4660. Only the handle is named; without the event that opened it, or when it
/// was not a file, there is nothing to say.
pub(super) fn deletion_audited(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let ids = cx
        .event
        .number("ProcessId")
        .zip(cx.event.number("HandleId"));
    let path = ids.and_then(|(pid, handle)| cx.state.handles.remove(&(cx.host, pid, handle)));
    let Some(path) = path else {
        return Ok(Verdict::Skip(SkipReason::NoTable));
    };
    let process = cx.audited("ProcessId", "ProcessName", cx.event.account("Subject"));
    let mut row = cx.action("DeviceFileEvents", "FileDeleted")?;
    file(&mut row, Some(&path));
    cx.initiator(&mut row, &process);
    Ok(row.finish().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_identifier() {
        let text = "[ZoneTransfer]  ZoneId=3  ReferrerUrl=https://a.example/  HostUrl=https://a.example/x.zip";
        assert_eq!(zone_value(text, "HostUrl"), Some("https://a.example/x.zip"));
        assert_eq!(
            zone_value("[ZoneTransfer]\r\nZoneId=3\r\n", "HostUrl"),
            None
        );
    }
}
