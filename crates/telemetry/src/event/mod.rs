//! One event of a Windows host, whatever wrote it down.
//!
//! Collectors disagree on names, nesting and types. Each shape has a file of its own that turns
//! its object into a [`SourceEvent`]: [`flat`] for NXLog and the flat lines of the OTRF
//! recordings, [`winlogbeat`], [`azure`] for rows of Log Analytics, [`evtx`] for dumps of event log
//! files. The mappers see `SourceEvent` alone.

pub mod azure;
pub mod evtx;
pub mod flat;
pub mod winlogbeat;

use bartizan_contract::time::parse_iso8601;
use serde_json::{Map, Value};

use crate::parse::account::{Account, present, service_account};
use crate::parse::number;
use crate::reject::{RejectCode, RejectReason};

/// Who wrote an event. Names are compared without regard to case and without the vendor's prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Microsoft-Windows-Sysmon
    Sysmon,
    /// Microsoft-Windows-Security-Auditing
    Security,
    /// Microsoft-Windows-Eventlog: clearing of logs.
    Eventlog,
    /// Service Control Manager
    ServiceControlManager,
    /// Microsoft-Windows-PowerShell: script blocks and modules.
    PowerShell,
    /// PowerShell: the older log, `Windows PowerShell`.
    PowerShellClassic,
    /// Microsoft-Windows-WMI-Activity
    WmiActivity,
    /// Microsoft-Windows-Windows Defender
    Defender,
    /// Any other, by name.
    Other(String),
}

impl Provider {
    /// From a provider's name, else from a channel's: some collectors keep only one.
    #[must_use]
    pub fn from_names(name: Option<&str>, channel: &str) -> Self {
        let lower = name.unwrap_or(channel).trim().to_ascii_lowercase();
        let short = lower.strip_prefix("microsoft-windows-").unwrap_or(&lower);
        let short = short.strip_suffix("/operational").unwrap_or(short);
        match short {
            "sysmon" | "linux-sysmon" => Self::Sysmon,
            "security-auditing" | "security" => Self::Security,
            "eventlog" => Self::Eventlog,
            "service control manager" => Self::ServiceControlManager,
            // The channel and the older provider differ by one word: "Windows PowerShell" is the
            // channel of the provider "PowerShell".
            "powershell" if lower == "powershell" => Self::PowerShellClassic,
            "windows powershell" => Self::PowerShellClassic,
            "powershell" => Self::PowerShell,
            "wmi-activity" => Self::WmiActivity,
            "windows defender" => Self::Defender,
            _ => Self::Other(name.unwrap_or(channel).to_owned()),
        }
    }
}

/// A normalised event.
#[derive(Debug, Clone)]
pub struct SourceEvent {
    /// Who wrote it.
    pub provider: Provider,
    /// The log it was written to, as the source spells it.
    pub channel: String,
    /// The provider's number for this kind of event.
    pub event_id: u32,
    /// The host, as the source spells it.
    pub computer: String,
    /// Number of the record in its log. Not every collector keeps it.
    pub record_id: Option<i64>,
    /// When the log took it, in ticks, as the collector understood the clock: some collectors label
    /// a local time as UTC (see [`crate::correlator::clock`]).
    pub written: Option<i64>,
    /// Whether [`Self::written`] may be local time labelled as UTC.
    pub clock_in_doubt: bool,
    /// Process id in the event's header. The acting process for PowerShell and services, the log
    /// service's own for Sysmon.
    pub header_pid: Option<i64>,
    /// User in the event's header. The actor for PowerShell and the service manager, the log
    /// service's own account for Sysmon.
    pub header_user: Option<Account>,
    /// The rendered message, empty when the collector drops it.
    pub message: String,
    /// The event's own data.
    pub fields: Fields,
    /// A number derived from the line's bytes, for events without a record id.
    pub digest: u32,
}

impl SourceEvent {
    /// A field's text, `None` when it is missing, empty or `-`. Sysmon's message repeats every
    /// field, and some collectors lose fields whose name they use themselves, so it is asked next.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.fields.get(name) {
            Some(value) => present(value),
            None if self.provider == Provider::Sysmon => self.message_line(name),
            None => None,
        }
    }

    /// The first of several names that has a text.
    #[must_use]
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// A field as a number, decimal or hexadecimal.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(number::integer)
    }

    /// A field as a moment; times without a zone are UTC, as Sysmon writes them.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(parse_iso8601)
    }

    /// The account in `…DomainName`, `…UserName`, `…UserSid` (or `…Sid`) of a Windows Security
    /// event. A subject that is the computer under a service's SID is that service account.
    #[must_use]
    pub fn account(&self, prefix: &str) -> Option<Account> {
        let part = |suffix: &str| self.get(&format!("{prefix}{suffix}"));
        let sid = part("UserSid").or_else(|| part("Sid"));
        if prefix == "Subject"
            && let Some(service) = sid.and_then(service_account)
        {
            return Some(service);
        }
        Account::from_parts(part("DomainName"), part("UserName"), sid)
    }

    /// `Name: value` on a line of the message.
    fn message_line(&self, name: &str) -> Option<&str> {
        self.message
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(present)
    }

    /// A labelled value of a Windows Security message (`Process ID:\t\t3572`), the first one.
    #[must_use]
    pub fn message_label(&self, label: &str) -> Option<&str> {
        self.message
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(label)?.strip_prefix(':'))
            .and_then(present)
    }
}

/// The named texts of an event, in the source's order.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The text of a field: the exact name first, then any letter case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let exact = self.0.iter().find(|(n, _)| n == name);
        exact
            .or_else(|| self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value.as_str())
    }

    /// Adds a field.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Adds every scalar member of an object; nested values are added as JSON text.
    fn extend_from(&mut self, object: &Map<String, Value>) {
        for (name, value) in object {
            if let Some(text) = scalar(value) {
                self.push(name.as_str(), text);
            }
        }
    }
}

/// The shape of an event's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One flat object: NXLog, and recordings exported from it.
    Flat,
    /// Elastic's agent: `winlog.event_data`, or `event_data` in version 6.
    Winlogbeat,
    /// A row of Log Analytics' `Event` or `SecurityEvent`.
    Azure,
    /// A dump of an event log file: `Event.System`, `Event.EventData`.
    Evtx,
}

impl Shape {
    /// The shape of an object, `None` when it is no event.
    #[must_use]
    pub fn of(object: &Map<String, Value>) -> Option<Self> {
        let has = |name: &str| object.contains_key(name);
        if object
            .get("Event")
            .is_some_and(|e| e.get("System").is_some())
        {
            Some(Self::Evtx)
        } else if object.get("winlog").is_some_and(Value::is_object)
            || (has("event_id") && (has("event_data") || has("log_name") || has("source_name")))
        {
            Some(Self::Winlogbeat)
        } else if has("EventID")
            && (has("EventLog") || has("EventSourceName"))
            && has("TimeGenerated")
        {
            Some(Self::Azure)
        } else if has("EventID")
            && ["SourceName", "Channel", "ProviderName", "Provider"]
                .iter()
                .any(|n| has(n))
        {
            Some(Self::Flat)
        } else {
            None
        }
    }
}

/// Normalises an event's object.
///
/// # Errors
/// [`RejectCode::UnknownFormat`] for an object of no known shape, and the `Missing…` codes for an
/// event without id or host.
pub fn normalise(object: &Map<String, Value>, digest: u32) -> Result<SourceEvent, RejectReason> {
    let shape = Shape::of(object).ok_or_else(|| {
        RejectReason::new(
            RejectCode::UnknownFormat,
            "neither an event of a known shape nor a row that names its table",
        )
    })?;
    let mut event = match shape {
        Shape::Flat => flat::read(object),
        Shape::Winlogbeat => winlogbeat::read(object),
        Shape::Azure => azure::read(object),
        Shape::Evtx => evtx::read(object),
    }?;
    if event.computer.trim().is_empty() {
        return Err(RejectReason::new(
            RejectCode::MissingComputer,
            "the event does not name its computer",
        ));
    }
    event.digest = digest;
    Ok(event)
}

/// A scalar's text; arrays and objects as JSON text; null is nothing.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

/// The text of the first of several members that has one.
fn text_of(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .filter_map(|name| object.get(*name))
        .filter(|v| !v.is_object() && !v.is_array())
        .filter_map(scalar)
        .find(|text| present(text).is_some())
}

/// The number in the first of several members that has one.
fn number_of(object: &Map<String, Value>, names: &[&str]) -> Option<i64> {
    text_of(object, names).as_deref().and_then(number::integer)
}

/// The event id, with the refusal for an event that has none.
fn event_id(id: Option<i64>) -> Result<u32, RejectReason> {
    id.and_then(|id| u32::try_from(id).ok()).ok_or_else(|| {
        RejectReason::new(
            RejectCode::MissingEventId,
            "the event has no readable event id",
        )
    })
}
