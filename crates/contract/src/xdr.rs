//! Bodies of the Defender XDR API, field for field as documented.
//!
//! Fields that hold a word of a list are texts here, because the lists are open: a client must
//! read words that it does not know. Optional fields are printed as `null`, as the service prints
//! them, except where a field says otherwise. Source: Defender XDR, pages "List incidents",
//! "Update incidents" and "Advanced hunting API".

use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::{AlertId, DeviceId, IncidentId};
use crate::time::Timestamp;

/// An incident with its alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Unique number.
    pub incident_id: IncidentId,
    /// The incident that this one was merged into.
    pub redirect_incident_id: Option<IncidentId>,
    /// Display name.
    pub incident_name: String,
    /// First creation.
    pub created_time: Timestamp,
    /// Last change; what a client polls on.
    pub last_update_time: Timestamp,
    /// Owner.
    pub assigned_to: Option<String>,
    /// `Unknown` until an analyst decides.
    pub classification: String,
    /// `NotAvailable` until an analyst decides.
    pub determination: String,
    /// In the documented table of fields but in no example: left out when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_source: Option<String>,
    /// `Active`, `InProgress`, `Resolved` or `Redirected`.
    pub status: String,
    /// `UnSpecified`, `Informational`, `Low`, `Medium` or `High`.
    pub severity: String,
    /// Tags of the analysts.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Remarks, oldest first.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// The alerts, always embedded.
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// A remark on an incident or alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// The text.
    pub comment: String,
    /// Who wrote it: a user principal name, or an application's name.
    pub created_by: String,
    /// When. The examples print `createdTime`, the tables say `createTime`.
    #[serde(alias = "createTime")]
    pub created_time: Timestamp,
}

/// An alert inside an incident. Its time fields are named differently from the alert's of
/// Defender for Endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Unique, prefixed by source (`da` for Defender for Endpoint).
    pub alert_id: AlertId,
    /// The incident it belongs to.
    pub incident_id: IncidentId,
    /// The product it comes from, such as `MicrosoftDefenderATP`.
    pub service_source: String,
    /// First creation.
    pub creation_time: Timestamp,
    /// Last change; spelt with a `d`, unlike the incident's.
    pub last_updated_time: Timestamp,
    /// When it was resolved.
    pub resolved_time: Option<Timestamp>,
    /// First event.
    pub first_activity: Timestamp,
    /// Last event.
    pub last_activity: Timestamp,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Stage of the attack.
    pub category: String,
    /// `New`, `InProgress` or `Resolved`.
    pub status: String,
    /// `UnSpecified`, `Informational`, `Low`, `Medium` or `High`.
    pub severity: String,
    /// Automated investigation.
    pub investigation_id: Option<i64>,
    /// How far that is.
    pub investigation_state: Option<String>,
    /// What an analyst decided.
    pub classification: Option<String>,
    /// What exactly.
    pub determination: Option<String>,
    /// The detector, such as `WindowsDefenderAtp`.
    pub detection_source: Option<String>,
    /// Owner.
    pub assigned_to: Option<String>,
    /// Activity group.
    pub actor_name: Option<String>,
    /// Threat family.
    pub threat_family_name: Option<String>,
    /// Technique ids.
    #[serde(default)]
    pub mitre_techniques: Vec<String>,
    /// Devices concerned.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// Everything else concerned.
    #[serde(default)]
    pub entities: Vec<Entity>,
}

/// A device in an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Id in Defender for Endpoint; the table of fields calls it `DeviceId`.
    pub mdatp_device_id: Option<DeviceId>,
    /// Id in Entra.
    pub aad_device_id: Option<String>,
    /// Full DNS name.
    pub device_dns_name: Option<String>,
    /// Operating system, such as `Windows10`.
    pub os_platform: Option<String>,
    /// Its version, such as `1607`.
    pub version: Option<String>,
    /// Processor, such as `x64`.
    pub os_processor: Option<String>,
    /// Build number.
    pub os_build: Option<i64>,
    /// `Active`, `Inactive`, …
    pub health_status: Option<String>,
    /// `None` (the word), `Informational`, `Low`, `Medium` or `High`.
    pub risk_score: Option<String>,
    /// Device group.
    pub rbac_group_name: Option<String>,
    /// Its number.
    pub rbac_group_id: Option<i64>,
    /// First report.
    pub first_seen: Option<Timestamp>,
}

/// Something that an alert concerns: a flat record in which every key is present and those that
/// do not belong to the `entityType` are null.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// `User`, `Ip`, `Url`, `File`, `Process`, `MailBox`, `MailMessage`, `MailCluster`,
    /// `Registry` or `SecurityGroup`.
    pub entity_type: String,
    /// File or process.
    pub sha1: Option<String>,
    /// File or process.
    pub sha256: Option<String>,
    /// File or process: name without folder.
    pub file_name: Option<String>,
    /// File or process: folder.
    pub file_path: Option<String>,
    /// Process.
    pub process_id: Option<i64>,
    /// Process.
    pub process_command_line: Option<String>,
    /// Process.
    pub process_creation_time: Option<Timestamp>,
    /// Process.
    pub parent_process_id: Option<i64>,
    /// Process.
    pub parent_process_creation_time: Option<Timestamp>,
    /// Ip.
    pub ip_address: Option<String>,
    /// Url.
    pub url: Option<String>,
    /// User.
    pub account_name: Option<String>,
    /// User.
    pub domain_name: Option<String>,
    /// User.
    pub user_sid: Option<String>,
    /// User.
    pub aad_user_id: Option<String>,
    /// User, mailbox, mail.
    pub user_principal_name: Option<String>,
    /// Mailbox.
    pub mailbox_display_name: Option<String>,
    /// Mailbox.
    pub mailbox_address: Option<String>,
    /// Cluster of mails: names separated by semicolons.
    pub cluster_by: Option<String>,
    /// Mail.
    pub sender: Option<String>,
    /// Mail.
    pub recipient: Option<String>,
    /// Mail.
    pub subject: Option<String>,
    /// Mail.
    pub delivery_action: Option<String>,
    /// Security group.
    pub security_group_id: Option<String>,
    /// Security group.
    pub security_group_name: Option<String>,
    /// Registry.
    pub registry_hive: Option<String>,
    /// Registry.
    pub registry_key: Option<String>,
    /// Registry.
    pub registry_value_type: Option<String>,
    /// Registry.
    pub registry_value: Option<String>,
    /// The device it was seen on.
    pub device_id: Option<DeviceId>,
}

/// The body of `PATCH /api/incidents/{id}`: what is absent keeps its value. Names are
/// case-sensitive and others are refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IncidentUpdate {
    /// New status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// New owner; `Some(None)` is JSON's null and takes the owner away.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub assigned_to: Option<Option<String>>,
    /// New classification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// New determination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determination: Option<String>,
    /// Replaces the list of tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Added to the comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Tells null from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
