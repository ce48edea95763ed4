//! Bodies of the Defender for Endpoint API, field for field as documented.
//!
//! Words of lists are texts, and absent values are `null`, as in [`crate::xdr`]. Source: Defender
//! for Endpoint, pages "Alert resource type", "List alerts", "Machine resource type" and "List
//! machines".

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, DeviceId, IncidentId, TenantId};
use crate::time::Timestamp;
pub use crate::xdr::Comment;

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// `da`, digits, an underscore and a number.
    pub id: AlertId,
    /// The incident it belongs to.
    pub incident_id: Option<IncidentId>,
    /// Automated investigation.
    pub investigation_id: Option<i64>,
    /// Owner.
    pub assigned_to: Option<String>,
    /// `UnSpecified`, `Informational`, `Low`, `Medium` or `High`.
    pub severity: String,
    /// `Unknown`, `New`, `InProgress` or `Resolved`.
    pub status: String,
    /// What an analyst decided.
    pub classification: Option<String>,
    /// What exactly.
    pub determination: Option<String>,
    /// How far the investigation is.
    pub investigation_state: Option<String>,
    /// The detector's family, such as `WindowsDefenderAtp`.
    pub detection_source: String,
    /// The detector.
    pub detector_id: Option<String>,
    /// Stage of the attack.
    pub category: String,
    /// Threat family.
    pub threat_family_name: Option<String>,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// First creation.
    pub alert_creation_time: Option<Timestamp>,
    /// First event.
    pub first_event_time: Option<Timestamp>,
    /// Last event.
    pub last_event_time: Option<Timestamp>,
    /// Last change.
    pub last_update_time: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_time: Option<Timestamp>,
    /// The device.
    pub machine_id: DeviceId,
    /// Its full DNS name.
    pub computer_dns_name: Option<String>,
    /// Its device group.
    pub rbac_group_name: Option<String>,
    /// The tenant.
    pub aad_tenant_id: TenantId,
    /// Threat.
    pub threat_name: Option<String>,
    /// Technique ids; the table of properties says text, the examples print a list.
    #[serde(default)]
    pub mitre_techniques: Vec<String>,
    /// The user most concerned.
    pub related_user: Option<RelatedUser>,
    /// Remarks, oldest first.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// Empty in lists unless `$expand=evidence` asks for it.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// The user of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelatedUser {
    /// Account name.
    pub user_name: Option<String>,
    /// Its domain.
    pub domain_name: Option<String>,
}

/// A piece of evidence: a flat record in which every key is present.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// `User`, `Process`, `File`, `Ip`, `Url` or `Registry`.
    pub entity_type: String,
    /// When it was attached.
    pub evidence_creation_time: Timestamp,
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
    /// Process.
    pub parent_process_file_name: Option<String>,
    /// Process.
    pub parent_process_file_path: Option<String>,
    /// Ip.
    pub ip_address: Option<String>,
    /// Url.
    pub url: Option<String>,
    /// Registry.
    pub registry_key: Option<String>,
    /// Registry.
    pub registry_hive: Option<String>,
    /// Registry.
    pub registry_value_type: Option<String>,
    /// Registry.
    pub registry_value: Option<String>,
    /// User.
    pub account_name: Option<String>,
    /// User.
    pub domain_name: Option<String>,
    /// User.
    pub user_sid: Option<String>,
    /// User.
    pub aad_user_id: Option<String>,
    /// User.
    pub user_principal_name: Option<String>,
    /// `Detected`, `Blocked`, `Prevented`.
    pub detection_status: Option<String>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// 40 hexadecimal digits.
    pub id: DeviceId,
    /// Full DNS name.
    pub computer_dns_name: Option<String>,
    /// First report.
    pub first_seen: Timestamp,
    /// Last full report, about daily.
    pub last_seen: Timestamp,
    /// Operating system, such as `Windows10`.
    pub os_platform: String,
    /// Its version, such as `1709`.
    pub version: Option<String>,
    /// Processor, such as `x64`; superseded by `osArchitecture`.
    pub os_processor: Option<String>,
    /// Last address on a local interface.
    pub last_ip_address: Option<String>,
    /// Last address towards the internet.
    pub last_external_ip_address: Option<String>,
    /// Build number.
    pub os_build: Option<i64>,
    /// `Active`, `Inactive`, `ImpairedCommunication`, `NoSensorData`,
    /// `NoSensorDataImpairedCommunication` or `Unknown`.
    pub health_status: String,
    /// Device group; the table of properties says text, the examples print a number.
    #[serde(default)]
    pub rbac_group_id: i64,
    /// Its name.
    pub rbac_group_name: Option<String>,
    /// `None` (the word), `Informational`, `Low`, `Medium` or `High`.
    pub risk_score: Option<String>,
    /// `None` (the word), `Low`, `Medium` or `High`.
    pub exposure_level: Option<String>,
    /// Whether it is joined to Entra; in the examples only.
    pub is_aad_joined: Option<bool>,
    /// Id in Entra.
    pub aad_device_id: Option<String>,
    /// Tags.
    #[serde(default)]
    pub machine_tags: Vec<String>,
    /// `Onboarded`, `CanBeOnboarded`, `Unsupported` or `InsufficientInfo`.
    pub onboarding_status: Option<String>,
    /// `32-bit` or `64-bit`.
    pub os_architecture: Option<String>,
    /// `Normal`, `Low` or `High`.
    pub device_value: Option<String>,
    /// Interfaces.
    #[serde(default)]
    pub ip_addresses: Vec<IpAddress>,
}

/// An interface of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpAddress {
    /// The address.
    pub ip_address: String,
    /// 12 hexadecimal digits.
    pub mac_address: Option<String>,
    /// Kind of adapter; printed only when known, because no page documents it.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `Up` or `Down`.
    pub operational_status: String,
}
