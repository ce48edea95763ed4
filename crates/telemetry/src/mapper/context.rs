//! An event with everything its mapper needs, and the groups of columns that many tables share.

use std::sync::Arc;

use bartizan_contract::hunting::table;

use super::MapperSettings;
use crate::correlator::hosts::Device;
use crate::correlator::logons::Session;
use crate::correlator::processes::Process;
use crate::correlator::{Correlator, HostKey};
use crate::event::SourceEvent;
use crate::parse::account::Account;
use crate::parse::hashes::{self, Hashes};
use crate::parse::path::base_name;
use crate::parse::process_guid;
use crate::reject::{RejectCode, RejectReason};
use crate::row::RowBuilder;

/// An event at its time on its device.
pub(super) struct Context<'a> {
    pub(super) event: &'a SourceEvent,
    /// UTC ticks.
    pub(super) at: i64,
    pub(super) host: HostKey,
    pub(super) device: Arc<Device>,
    pub(super) state: &'a mut Correlator,
    pub(super) settings: &'a MapperSettings,
}

/// Terminal session 10 is a person at a distance.
const REMOTE_INTERACTIVE: i64 = 10;

impl Context<'_> {
    /// A row of a table about this device at this time.
    pub(super) fn row(&self, name: &str) -> Result<RowBuilder, RejectReason> {
        let table = table(name).ok_or_else(|| {
            RejectReason::new(RejectCode::UnknownTable, format!("no table {name:?}"))
        })?;
        let mut row = RowBuilder::of(table);
        row.time("Timestamp", Some(self.at))
            .text("DeviceId", &self.device.id)
            .text("DeviceName", &self.device.name)
            .number("ReportId", Some(self.report_id()));
        Ok(row)
    }

    /// A row of a table with its action.
    pub(super) fn action(&self, name: &str, action: &str) -> Result<RowBuilder, RejectReason> {
        let mut row = self.row(name)?;
        row.text("ActionType", action);
        Ok(row)
    }

    /// The record's number in its log; unique only together with device and time.
    pub(super) fn report_id(&self) -> i64 {
        self.event
            .record_id
            .unwrap_or_else(|| i64::from(self.event.digest))
    }

    /// The process that Sysmon's fields of a prefix (none, `Source`, `Target`, `Parent`) mention.
    pub(super) fn mentioned(&self, prefix: &str) -> Process {
        let get = |name: &str| self.event.get(&format!("{prefix}{name}"));
        Process {
            guid: get("ProcessGuid").and_then(process_guid::canonical),
            pid: self.event.number(&format!("{prefix}ProcessId")),
            image: get("Image").map(str::to_owned),
            account: get("User").and_then(Account::from_user),
            ..Process::default()
        }
    }

    /// Everything known of a mentioned process.
    pub(super) fn known(&mut self, mentioned: Process) -> Arc<Process> {
        let found = match (&mentioned.guid, mentioned.pid) {
            (Some(guid), _) => self.state.processes.by_guid(self.host, guid),
            (None, Some(pid)) if pid > 0 => self
                .state
                .processes
                .by_pid(self.host, pid, self.at)
                .filter(|p| same_program(p, &mentioned)),
            (None, _) => None,
        };
        let Some(found) = found else {
            return Arc::new(mentioned);
        };
        if found.lacks(&mentioned) {
            let mut fuller = (*found).clone();
            fuller.fill_from(&mentioned);
            return Arc::new(fuller);
        }
        found
    }

    /// The process of a Windows Security event's `ProcessId` and `ProcessName`.
    pub(super) fn audited(
        &mut self,
        pid: &str,
        image: &str,
        subject: Option<Account>,
    ) -> Arc<Process> {
        let mentioned = Process {
            pid: self.event.number(pid).filter(|pid| *pid > 0),
            image: self.event.get(image).map(str::to_owned),
            account: subject,
            logon_id: self.event.number("SubjectLogonId").filter(|id| *id > 0),
            ..Process::default()
        };
        self.known(mentioned)
    }

    /// An account with its SID or name filled in from what other events said.
    pub(super) fn complete(&mut self, mut account: Account) -> Account {
        self.state.logons.complete(&mut account);
        account
    }

    /// The account and session of a process: its own, else its logon session's.
    fn account_of(&mut self, process: &Process) -> (Option<Account>, Option<Session>) {
        let session = process
            .logon_id
            .and_then(|id| self.state.logons.session(self.host, id));
        let account = process
            .account
            .clone()
            .map(|account| self.complete(account));
        let account = match (account, &session) {
            (Some(mut account), Some(session)) if account.sid.is_none() => {
                if same_name(&account, &session.account) {
                    account.sid.clone_from(&session.account.sid);
                }
                Some(account)
            }
            (None, Some(session)) => Some(session.account.clone()),
            (account, _) => account,
        };
        (account, session)
    }

    /// The `InitiatingProcess…` columns.
    pub(super) fn initiator(&mut self, row: &mut RowBuilder, process: &Process) {
        let (account, session) = self.account_of(process);
        let image = process.image.as_deref();
        row.maybe("InitiatingProcessFileName", image.map(base_name))
            .maybe("InitiatingProcessFolderPath", image)
            .number("InitiatingProcessId", process.pid)
            .maybe(
                "InitiatingProcessCommandLine",
                process.command_line.as_deref(),
            )
            .time("InitiatingProcessCreationTime", process.start())
            .maybe(
                "InitiatingProcessIntegrityLevel",
                process.integrity.as_deref(),
            )
            .maybe(
                "InitiatingProcessTokenElevation",
                process.elevation.as_deref(),
            )
            .number("InitiatingProcessLogonId", process.logon_id)
            .number("InitiatingProcessSessionId", process.session_id)
            .maybe("InitiatingProcessUniqueId", process.guid.as_deref());
        self.digests(row, "InitiatingProcess", &process.hashes);
        version(row, "InitiatingProcess", process);
        if let Some(account) = account {
            row.lower("InitiatingProcessAccountDomain", account.domain.as_deref())
                .lower("InitiatingProcessAccountName", account.name.as_deref())
                .maybe("InitiatingProcessAccountSid", account.sid.as_deref());
        }
        remote_session(
            row,
            session.as_ref(),
            "IsInitiatingProcessRemoteSession",
            "InitiatingProcessRemoteSession",
        );
        self.initiator_parent(row, process);
    }

    fn initiator_parent(&mut self, row: &mut RowBuilder, process: &Process) {
        let parent = match &process.parent_guid {
            Some(guid) => self.state.processes.by_guid(self.host, guid),
            None => None,
        };
        let start = parent.as_ref().and_then(|p| p.start()).or_else(|| {
            process
                .parent_guid
                .as_deref()
                .and_then(process_guid::start_ticks)
        });
        let image = process
            .parent_image
            .clone()
            .or_else(|| parent.as_ref().and_then(|p| p.image.clone()));
        row.maybe(
            "InitiatingProcessParentFileName",
            image.as_deref().map(base_name),
        )
        .number(
            "InitiatingProcessParentId",
            process.parent_pid.or_else(|| parent.and_then(|p| p.pid)),
        )
        .time("InitiatingProcessParentCreationTime", start);
    }

    /// The columns of the process that a row is about.
    pub(super) fn subject(&mut self, row: &mut RowBuilder, process: &Process) {
        let (account, session) = self.account_of(process);
        file(row, process.image.as_deref());
        self.digests(row, "", &process.hashes);
        version(row, "Process", process);
        row.number("ProcessId", process.pid)
            .maybe("ProcessCommandLine", process.command_line.as_deref())
            .maybe("ProcessIntegrityLevel", process.integrity.as_deref())
            .maybe("ProcessTokenElevation", process.elevation.as_deref())
            .time("ProcessCreationTime", process.start())
            .number("LogonId", process.logon_id)
            .number("LogonID", process.logon_id)
            .number("CreatedProcessSessionId", process.session_id)
            .maybe("ProcessUniqueId", process.guid.as_deref());
        if let Some(account) = account {
            named(row, &account);
        }
        remote_session(
            row,
            session.as_ref(),
            "IsProcessRemoteSession",
            "ProcessRemoteSession",
        );
    }

    /// Three digests under a prefix.
    pub(super) fn digests(&self, row: &mut RowBuilder, prefix: &str, hashes: &Hashes) {
        row.maybe(&format!("{prefix}SHA1"), hashes.sha1.as_deref())
            .maybe(&format!("{prefix}SHA256"), hashes.sha256.as_deref())
            .maybe(&format!("{prefix}MD5"), hashes.md5.as_deref());
    }

    /// The event's `Hashes` (`Hash` in event 15).
    pub(super) fn hashes(&self) -> Hashes {
        self.event
            .first(&["Hashes", "Hash"])
            .map(hashes::parse)
            .unwrap_or_default()
    }
}

/// `AccountDomain`, `AccountName`, `AccountSid`.
pub(super) fn named(row: &mut RowBuilder, account: &Account) {
    row.lower("AccountDomain", account.domain.as_deref())
        .lower("AccountName", account.name.as_deref())
        .maybe("AccountSid", account.sid.as_deref());
}

/// `FileName` and `FolderPath`.
pub(super) fn file(row: &mut RowBuilder, path: Option<&str>) {
    row.maybe("FileName", path.map(base_name))
        .maybe("FolderPath", path);
}

fn version(row: &mut RowBuilder, prefix: &str, process: &Process) {
    let v = &process.version;
    for (column, value) in [
        ("CompanyName", &v.company),
        ("ProductName", &v.product),
        ("ProductVersion", &v.version),
        ("OriginalFileName", &v.original_name),
        ("FileDescription", &v.description),
    ] {
        row.maybe(&format!("{prefix}VersionInfo{column}"), value.as_deref());
    }
}

fn remote_session(row: &mut RowBuilder, session: Option<&Session>, flag: &str, prefix: &str) {
    let Some(kind) = session.and_then(|s| s.logon_type) else {
        return;
    };
    let remote = kind == REMOTE_INTERACTIVE;
    row.flag(flag, Some(remote));
    if let Some(session) = session.filter(|_| remote) {
        row.maybe(
            &format!("{prefix}DeviceName"),
            session.remote_device.as_deref(),
        )
        .maybe(&format!("{prefix}IP"), session.remote_ip.as_deref());
    }
}

/// Whether the process found by id can be the one meant: ids are used again, and a start may have
/// been missed.
fn same_program(found: &Process, mentioned: &Process) -> bool {
    match (&found.image, &mentioned.image) {
        (Some(a), Some(b)) => base_name(a).eq_ignore_ascii_case(base_name(b)),
        _ => true,
    }
}

fn same_name(a: &Account, b: &Account) -> bool {
    match (&a.name, &b.name) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}
