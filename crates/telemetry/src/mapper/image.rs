//! Loaded code: Sysmon 7 (images into processes) and 6 (drivers into the kernel).

use super::Verdict;
use super::context::{Context, file};
use crate::reject::RejectReason;
use crate::row::AdditionalFields;

/// Sysmon 7. The table has no columns for the signature.
pub(super) fn loaded(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let process = cx.known(cx.mentioned(""));
    let hashes = cx.hashes();
    let mut row = cx.action("DeviceImageLoadEvents", "ImageLoaded")?;
    file(&mut row, cx.event.get("ImageLoaded"));
    cx.digests(&mut row, "", &hashes);
    cx.initiator(&mut row, &process);
    Ok(row.finish().into())
}

/// Sysmon 6. The kernel loads drivers; no process is named.
pub(super) fn driver(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let hashes = cx.hashes();
    let mut row = cx.action("DeviceEvents", "DriverLoad")?;
    file(&mut row, cx.event.get("ImageLoaded"));
    cx.digests(&mut row, "", &hashes);
    row.additional(
        &AdditionalFields::new()
            .text("Signed", cx.event.get("Signed"))
            .text("Signature", cx.event.get("Signature"))
            .text("SignatureStatus", cx.event.get("SignatureStatus")),
    );
    Ok(row.finish().into())
}
