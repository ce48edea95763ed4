//! From the hits of a rule to alerts with evidence, one per deduplication key.

use std::collections::{BTreeMap, HashMap};

use bartizan_contract::time::{UNIX_EPOCH_TICKS, ticks_from_unix_micros, unix_micros_from_ticks};
use bartizan_contract::value::Value;
use bartizan_contract::{AlertId, DeviceId, IncidentId};
use uuid::Uuid;

use crate::alert::{Alert, AlertDetails};
use crate::evidence::{Device, Entity, Evidence, File, Ip, Process, Registry, Url, User};
use crate::rule::Rule;
use crate::vocabulary::{AlertStatus, InvestigationState};

/// Most things that one alert points at.
pub const MAX_EVIDENCE: usize = 200;

/// The kinds of entity that a rule can map columns to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityKind {
    /// A device.
    Device,
    /// An account.
    User,
    /// The process that was started or acted on.
    Process,
    /// The process that acted.
    InitiatingProcess,
    /// A file.
    File,
    /// A registry value.
    Registry,
    /// An address.
    Ip,
    /// A URL or domain.
    Url,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Device,
        Self::User,
        Self::Process,
        Self::InitiatingProcess,
        Self::File,
        Self::Registry,
        Self::Ip,
        Self::Url,
    ];

    /// Its name in rule files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
            Self::Process => "process",
            Self::InitiatingProcess => "initiating-process",
            Self::File => "file",
            Self::Registry => "registry",
            Self::Ip => "ip",
            Self::Url => "url",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.as_str() == name)
    }

    /// Its fields, each with the column of the hunting tables that it usually comes from.
    #[must_use]
    pub const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Device => &[("id", "DeviceId"), ("name", "DeviceName")],
            Self::User => &[
                ("name", "AccountName"),
                ("domain", "AccountDomain"),
                ("sid", "AccountSid"),
                ("upn", "AccountUpn"),
                ("object_id", "AccountObjectId"),
            ],
            Self::Process => &[
                ("file_name", "FileName"),
                ("folder_path", "FolderPath"),
                ("sha1", "SHA1"),
                ("sha256", "SHA256"),
                ("process_id", "ProcessId"),
                ("command_line", "ProcessCommandLine"),
                ("created", "ProcessCreationTime"),
                ("parent_process_id", "InitiatingProcessId"),
                ("parent_created", "InitiatingProcessCreationTime"),
                ("parent_file_name", "InitiatingProcessFileName"),
                ("parent_folder_path", "InitiatingProcessFolderPath"),
                ("account_name", "AccountName"),
                ("account_domain", "AccountDomain"),
            ],
            Self::InitiatingProcess => &[
                ("file_name", "InitiatingProcessFileName"),
                ("folder_path", "InitiatingProcessFolderPath"),
                ("sha1", "InitiatingProcessSHA1"),
                ("sha256", "InitiatingProcessSHA256"),
                ("process_id", "InitiatingProcessId"),
                ("command_line", "InitiatingProcessCommandLine"),
                ("created", "InitiatingProcessCreationTime"),
                ("parent_process_id", "InitiatingProcessParentId"),
                ("parent_created", "InitiatingProcessParentCreationTime"),
                ("parent_file_name", "InitiatingProcessParentFileName"),
                ("account_name", "InitiatingProcessAccountName"),
                ("account_domain", "InitiatingProcessAccountDomain"),
            ],
            Self::File => &[
                ("file_name", "FileName"),
                ("folder_path", "FolderPath"),
                ("sha1", "SHA1"),
                ("sha256", "SHA256"),
            ],
            Self::Registry => &[
                ("key", "RegistryKey"),
                ("value_name", "RegistryValueName"),
                ("value_type", "RegistryValueType"),
                ("value", "RegistryValueData"),
            ],
            Self::Ip => &[("address", "RemoteIP")],
            Self::Url => &[("url", "RemoteUrl")],
        }
    }
}

/// Which columns of a hit make up an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityMapping {
    /// What they make up.
    pub kind: EntityKind,
    /// Columns by field, where they differ from the usual ones.
    columns: BTreeMap<String, String>,
}

impl EntityMapping {
    /// A mapping that differs from the usual one in these fields.
    ///
    /// # Errors
    /// The name of a field that the kind does not have.
    pub fn new(kind: EntityKind, columns: BTreeMap<String, String>) -> Result<Self, String> {
        match columns
            .keys()
            .find(|c| !kind.fields().iter().any(|(field, _)| field == c))
        {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(Self { kind, columns }),
        }
    }

    /// The columns that must be in the query's result: those that the rule names itself.
    pub fn named_columns(&self) -> impl Iterator<Item = &str> {
        self.columns.values().map(String::as_str)
    }

    fn column(&self, field: &str) -> Option<&str> {
        let usual = || {
            self.kind
                .fields()
                .iter()
                .find(|(name, _)| *name == field)
                .map(|(_, column)| *column)
        };
        self.columns.get(field).map(String::as_str).or_else(usual)
    }
}

/// One row of a rule's result.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// Column names.
    pub columns: &'a [String],
    /// As many values.
    pub values: &'a [Value],
}

impl<'a> Hit<'a> {
    /// The value of a column; `None` when there is none or it is null.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&'a Value> {
        let index = self.columns.iter().position(|c| c == column)?;
        self.values.get(index).filter(|v| !v.is_null())
    }

    fn text(&self, column: &str) -> Option<String> {
        let text = match self.get(column)? {
            Value::String(text) | Value::Guid(text) | Value::Dynamic(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => {
                value.to_string()
            }
            Value::Real(value) => value.to_string(),
            _ => return None,
        };
        // PostgreSQL cannot keep a NUL in a text, and telemetry has them.
        Some(text.replace('\0', "")).filter(|t| !t.is_empty())
    }

    fn time(&self, column: &str) -> Option<i64> {
        match self.get(column)? {
            Value::DateTime(ticks) => Some(unix_micros_from_ticks(*ticks)),
            _ => None,
        }
    }
}

/// An alert that no incident holds yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft(Alert);

impl Draft {
    /// The alert without its incident: `incident_id` means nothing.
    #[must_use]
    pub const fn alert(&self) -> &Alert {
        &self.0
    }

    /// The alert in an incident.
    #[must_use]
    pub fn in_incident(mut self, incident: IncidentId) -> Alert {
        self.0.incident_id = incident;
        self.0
    }

    /// The same with another id, for the rare case that an id is taken.
    #[must_use]
    pub fn renumbered(mut self, attempt: u32) -> Self {
        self.0.id = alert_id(&self.0.dedup_key, self.0.first_activity, attempt);
        self
    }
}

/// Makes alerts of a rule's hits at a time: one per deduplication key, in the order of first
/// activity. A hit without a time counts as of now.
#[must_use]
pub fn drafts<'a>(rule: &Rule, hits: impl IntoIterator<Item = Hit<'a>>, now: i64) -> Vec<Draft> {
    let mut by_key: HashMap<String, Draft> = HashMap::new();
    for hit in hits {
        let draft = draft(rule, hit, now);
        match by_key.get_mut(&draft.0.dedup_key) {
            Some(known) => {
                known.0.absorb(&draft.0, now, MAX_EVIDENCE);
                // The id follows the first activity, so that it does not depend on hits' order.
                known.0.id = alert_id(&known.0.dedup_key, known.0.first_activity, 0);
            }
            None => {
                by_key.insert(draft.0.dedup_key.clone(), draft);
            }
        }
    }
    let mut drafts: Vec<Draft> = by_key.into_values().collect();
    drafts.sort_by(|a, b| {
        (a.0.first_activity, &a.0.dedup_key).cmp(&(b.0.first_activity, &b.0.dedup_key))
    });
    drafts
}

fn draft(rule: &Rule, hit: Hit<'_>, now: i64) -> Draft {
    let time = hit.time(&rule.time_column).unwrap_or(now);
    let dedup_key = dedup_key(rule, hit, time);
    let evidence = evidence(rule, hit, now);
    let device = evidence.iter().find_map(|e| match &e.entity {
        Entity::Device(device) => Some(device.clone()),
        _ => None,
    });
    Draft(Alert {
        id: alert_id(&dedup_key, time, 0),
        incident_id: IncidentId(0),
        rule_id: rule.id.clone(),
        dedup_key,
        title: rule.title.clone(),
        severity: rule.severity,
        category: rule.category,
        status: AlertStatus::New,
        classification: None,
        determination: None,
        assigned_to: None,
        detection_source: rule.detection_source.clone(),
        device_id: device.as_ref().map(|d| DeviceId(d.device_id.clone())),
        first_activity: time,
        last_activity: time,
        created: now,
        last_update: now,
        resolved: None,
        details: AlertDetails {
            description: rule.description.clone(),
            recommended_action: rule.recommended_action.clone(),
            mitre_techniques: rule.mitre_techniques.clone(),
            device_name: device.and_then(|d| d.dns_name),
            comments: Vec::new(),
            investigation_state: InvestigationState::Unknown,
            investigation_id: None,
            threat_family: None,
            threat_name: None,
            actor_name: None,
        },
        evidence,
        version: 0,
    })
}

/// The rule, the window that the time falls into, and the values of the deduplication columns,
/// digested.
fn dedup_key(rule: &Rule, hit: Hit<'_>, time: i64) -> String {
    let mut text = format!("{}\u{1f}{}", rule.id, time.div_euclid(rule.dedup_window));
    for column in &rule.dedup_columns {
        text.push('\u{1f}');
        // Names of devices and accounts come in any letter case.
        text.push_str(&hit.text(column).unwrap_or_default().to_lowercase());
    }
    format!(
        "{}:{}",
        rule.id,
        Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
    )
}

/// `da<ticks>_<number>`: the same key and time always give the same id.
fn alert_id(dedup_key: &str, time: i64, attempt: u32) -> AlertId {
    let digest = Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("{dedup_key}\u{1f}{attempt}").as_bytes(),
    );
    let number = digest.as_u128() as u32 & 0x7fff_ffff;
    let ticks = ticks_from_unix_micros(time).max(UNIX_EPOCH_TICKS);
    AlertId(format!("da{ticks}_{number}"))
}

fn evidence(rule: &Rule, hit: Hit<'_>, now: i64) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = Vec::new();
    for mapping in &rule.entities {
        let entity = entity(mapping, hit);
        if !entity.is_empty() && !found.iter().any(|e| e.entity == entity) {
            found.push(Evidence {
                created: now,
                device_id: None,
                entity,
            });
        }
    }
    let device = found.iter().find_map(|e| match &e.entity {
        Entity::Device(device) => Some(DeviceId(device.device_id.clone())),
        _ => None,
    });
    for evidence in &mut found {
        evidence.device_id.clone_from(&device);
    }
    found
}

fn entity(mapping: &EntityMapping, hit: Hit<'_>) -> Entity {
    let text = |field: &str| mapping.column(field).and_then(|column| hit.text(column));
    let lower = |field: &str| text(field).map(|t| t.to_ascii_lowercase());
    let time = |field: &str| mapping.column(field).and_then(|column| hit.time(column));
    let number = |field: &str| {
        mapping
            .column(field)
            .and_then(|c| hit.get(c))
            .and_then(Value::as_i64)
    };
    match mapping.kind {
        EntityKind::Device => Entity::Device(Device {
            device_id: lower("id").unwrap_or_default(),
            dns_name: text("name"),
        }),
        EntityKind::User => Entity::User(User {
            account_name: text("name"),
            domain_name: text("domain"),
            sid: text("sid"),
            aad_user_id: text("object_id"),
            upn: text("upn"),
        }),
        EntityKind::Process | EntityKind::InitiatingProcess => Entity::Process(Process {
            file_name: text("file_name"),
            file_path: text("folder_path"),
            sha1: lower("sha1"),
            sha256: lower("sha256"),
            process_id: number("process_id"),
            command_line: text("command_line"),
            created: time("created"),
            parent_process_id: number("parent_process_id"),
            parent_created: time("parent_created"),
            parent_file_name: text("parent_file_name"),
            parent_file_path: text("parent_folder_path"),
            account_name: text("account_name"),
            domain_name: text("account_domain"),
        }),
        EntityKind::File => Entity::File(File {
            file_name: text("file_name"),
            file_path: text("folder_path"),
            sha1: lower("sha1"),
            sha256: lower("sha256"),
        }),
        EntityKind::Registry => {
            let (hive, key) = split_hive(text("key"));
            Entity::Registry(Registry {
                hive,
                key,
                value_name: text("value_name"),
                value_type: text("value_type"),
                value: text("value"),
            })
        }
        EntityKind::Ip => Entity::Ip(Ip {
            address: lower("address").unwrap_or_default(),
        }),
        EntityKind::Url => Entity::Url(Url {
            url: text("url").unwrap_or_default(),
        }),
    }
}

/// `HKEY_LOCAL_MACHINE\Software\…` as hive and key.
fn split_hive(key: Option<String>) -> (Option<String>, Option<String>) {
    match key.as_deref().and_then(|k| k.split_once('\\')) {
        Some((hive, rest)) => (Some(hive.to_owned()), Some(rest.to_owned())),
        None => (None, key),
    }
}
