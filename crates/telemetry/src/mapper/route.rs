//! Which event goes to which family.

use super::context::Context;
use super::{
    Verdict, account, device, file, identity, image, logon, network, policy, powershell, process,
    registry, wmi,
};
use crate::event::Provider;
use crate::reject::{RejectReason, SkipReason};

/// Maps an event, or says that no table has room for it.
pub(super) fn event(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let provider = cx.event.provider.clone();
    match provider {
        Provider::Sysmon => sysmon(cx),
        Provider::Security => security(cx),
        Provider::Eventlog if cx.event.event_id == 1102 => policy::log_cleared(cx),
        Provider::ServiceControlManager if cx.event.event_id == 7045 => {
            policy::service_installed(cx)
        }
        Provider::PowerShell | Provider::PowerShellClassic => powershell::event(cx),
        Provider::WmiActivity if cx.event.event_id == 5861 => wmi::binding_reported(cx),
        Provider::Defender if matches!(cx.event.event_id, 1116 | 1117) => policy::antivirus(cx),
        _ => Ok(Verdict::Skip(SkipReason::NoTable)),
    }
}

fn sysmon(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    match cx.event.event_id {
        1 => process::started(cx),
        2 => file::time_changed(cx),
        3 => network::connection(cx),
        6 => image::driver(cx),
        7 => image::loaded(cx),
        8 => device::remote_thread(cx),
        9 => device::raw_disk(cx),
        10 => device::process_opened(cx),
        11 | 15 => file::created(cx),
        12..=14 => registry::changed(cx),
        17 | 18 => device::pipe(cx),
        19 | 20 => wmi::part(cx),
        21 => wmi::binding(cx),
        22 => device::name_resolved(cx),
        23 | 26 => file::deleted(cx),
        25 => device::tampered(cx),
        _ => Ok(Verdict::Skip(SkipReason::NoTable)),
    }
}

fn security(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    match cx.event.event_id {
        1102 => policy::log_cleared(cx),
        4624 | 4625 | 4648 => logon::event(cx),
        4657 => registry::audited(cx),
        4660 => file::deletion_audited(cx),
        4662 | 5136 => identity::directory(cx),
        4688 => process::audited(cx),
        4697 => policy::service_installed(cx),
        4698..=4702 => policy::scheduled_task(cx),
        4703 => policy::token_modified(cx),
        4719 => policy::audit_policy(cx),
        4720 | 4722 | 4725 | 4726 | 4738 | 4781 => account::user(cx),
        4731 | 4734 => account::group(cx),
        4732 | 4733 => account::membership(cx),
        4768 | 4769 | 4771 | 4776 => identity::logon(cx),
        5140 | 5145 => device::share(cx),
        5154 | 5158 => network::listening(cx),
        5156 | 5157 => network::filtered(cx),
        _ => Ok(Verdict::Skip(SkipReason::NoTable)),
    }
}
