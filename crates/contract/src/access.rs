//! What a person may do beside what the token says: permissions of Defender's portal, and the roles of the directory
//! that give them.
//!
//! Names and groups are those of the page "Permissions in Microsoft Defender XDR Unified role-based access control";
//! which directory role gives which of them, and which older portal permission is which, are in its companion page
//! "Map Microsoft Defender XDR Unified RBAC permissions".

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A permission of Defender's portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DefenderPermission {
    /// Security data basics (read): incidents, alerts, devices, hunting.
    #[serde(rename = "securityData.read")]
    SecurityDataRead,
    /// Alerts (manage): alerts and incidents, scans, investigations, tags.
    #[serde(rename = "alerts.manage")]
    AlertsManage,
    /// Response (manage): isolate, restrict, quarantine.
    #[serde(rename = "response.manage")]
    ResponseManage,
    /// Basic live response (manage).
    #[serde(rename = "liveResponse.basic")]
    LiveResponseBasic,
    /// Advanced live response (manage): upload and run scripts.
    #[serde(rename = "liveResponse.advanced")]
    LiveResponseAdvanced,
    /// File collection (manage).
    #[serde(rename = "fileCollection.manage")]
    FileCollectionManage,
    /// Vulnerability management (read).
    #[serde(rename = "vulnerability.read")]
    VulnerabilityRead,
    /// Exception handling (manage).
    #[serde(rename = "exceptions.manage")]
    ExceptionsManage,
    /// Remediation handling (manage).
    #[serde(rename = "remediation.manage")]
    RemediationManage,
    /// Application handling (manage).
    #[serde(rename = "applications.manage")]
    ApplicationsManage,
    /// Security baselines assessment (manage).
    #[serde(rename = "baselines.manage")]
    BaselinesManage,
    /// Secure score (read).
    #[serde(rename = "secureScore.read")]
    SecureScoreRead,
    /// Secure score (manage).
    #[serde(rename = "secureScore.manage")]
    SecureScoreManage,
    /// Authorization (read): roles and device groups.
    #[serde(rename = "authorization.read")]
    AuthorizationRead,
    /// Authorization (manage).
    #[serde(rename = "authorization.manage")]
    AuthorizationManage,
    /// Detection tuning (manage): custom detections.
    #[serde(rename = "detectionTuning.manage")]
    DetectionTuningManage,
    /// Core security settings (read).
    #[serde(rename = "securitySettings.read")]
    SecuritySettingsRead,
    /// Core security settings (manage): indicators, onboarding, scans.
    #[serde(rename = "securitySettings.manage")]
    SecuritySettingsManage,
    /// System settings (read).
    #[serde(rename = "systemSettings.read")]
    SystemSettingsRead,
    /// System settings (manage).
    #[serde(rename = "systemSettings.manage")]
    SystemSettingsManage,
}

use DefenderPermission as P;

impl DefenderPermission {
    /// Every permission, with its group, its name in the portal and its word.
    pub const ALL: &'static [(Self, &'static str, &'static str, &'static str)] = &[
        (
            P::SecurityDataRead,
            OPERATIONS,
            "Security data basics (read)",
            "securityData.read",
        ),
        (
            P::AlertsManage,
            OPERATIONS,
            "Alerts (manage)",
            "alerts.manage",
        ),
        (
            P::ResponseManage,
            OPERATIONS,
            "Response (manage)",
            "response.manage",
        ),
        (
            P::LiveResponseBasic,
            OPERATIONS,
            "Basic live response (manage)",
            "liveResponse.basic",
        ),
        (
            P::LiveResponseAdvanced,
            OPERATIONS,
            "Advanced live response (manage)",
            "liveResponse.advanced",
        ),
        (
            P::FileCollectionManage,
            OPERATIONS,
            "File collection (manage)",
            "fileCollection.manage",
        ),
        (
            P::VulnerabilityRead,
            POSTURE,
            "Vulnerability management (read)",
            "vulnerability.read",
        ),
        (
            P::ExceptionsManage,
            POSTURE,
            "Exception handling (manage)",
            "exceptions.manage",
        ),
        (
            P::RemediationManage,
            POSTURE,
            "Remediation handling (manage)",
            "remediation.manage",
        ),
        (
            P::ApplicationsManage,
            POSTURE,
            "Application handling (manage)",
            "applications.manage",
        ),
        (
            P::BaselinesManage,
            POSTURE,
            "Security baselines assessment (manage)",
            "baselines.manage",
        ),
        (
            P::SecureScoreRead,
            POSTURE,
            "Secure Score (read)",
            "secureScore.read",
        ),
        (
            P::SecureScoreManage,
            POSTURE,
            "Secure Score (manage)",
            "secureScore.manage",
        ),
        (
            P::AuthorizationRead,
            SETTINGS,
            "Authorization (read)",
            "authorization.read",
        ),
        (
            P::AuthorizationManage,
            SETTINGS,
            "Authorization (manage)",
            "authorization.manage",
        ),
        (
            P::DetectionTuningManage,
            SETTINGS,
            "Detection tuning (manage)",
            "detectionTuning.manage",
        ),
        (
            P::SecuritySettingsRead,
            SETTINGS,
            "Core security settings (read)",
            "securitySettings.read",
        ),
        (
            P::SecuritySettingsManage,
            SETTINGS,
            "Core security settings (manage)",
            "securitySettings.manage",
        ),
        (
            P::SystemSettingsRead,
            SETTINGS,
            "System settings (read)",
            "systemSettings.read",
        ),
        (
            P::SystemSettingsManage,
            SETTINGS,
            "System settings (manage)",
            "systemSettings.manage",
        ),
    ];

    fn row(self) -> &'static (Self, &'static str, &'static str, &'static str) {
        // Every variant has its row, in order, which a test holds.
        &Self::ALL[self as usize]
    }

    /// The permission group: `Security operations`, `Security posture`, `Authorization and settings`.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.row().1
    }

    /// The name in the portal.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The word by which roles and commands name it (`alerts.manage`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().3
    }

    /// The permission with this word, in any letter case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|row| row.3.eq_ignore_ascii_case(word))
            .map(|row| row.0)
    }

    /// Whether who holds this one may do what needs `other`: managing includes reading.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other
            || matches!(
                (self, other),
                (P::AuthorizationManage, P::AuthorizationRead)
                    | (P::SecuritySettingsManage, P::SecuritySettingsRead)
                    | (P::SystemSettingsManage, P::SystemSettingsRead)
                    | (P::SecureScoreManage, P::SecureScoreRead)
                    | (P::LiveResponseAdvanced, P::LiveResponseBasic)
            )
    }
}

impl fmt::Display for DefenderPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

const OPERATIONS: &str = "Security operations";
const POSTURE: &str = "Security posture";
const SETTINGS: &str = "Authorization and settings";

/// A role of the directory, by its template: the same id in every tenant.
#[derive(Debug, PartialEq, Eq)]
pub struct DirectoryRole {
    /// Its template's id (Graph `roleTemplateId`, the claim `wids`).
    pub template: Uuid,
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What it gives in Defender, on every device.
    pub defender: &'static [DefenderPermission],
}

const EVERYTHING: &[DefenderPermission] = &[
    P::SecurityDataRead,
    P::AlertsManage,
    P::ResponseManage,
    P::LiveResponseBasic,
    P::LiveResponseAdvanced,
    P::FileCollectionManage,
    P::VulnerabilityRead,
    P::ExceptionsManage,
    P::RemediationManage,
    P::ApplicationsManage,
    P::BaselinesManage,
    P::SecureScoreRead,
    P::SecureScoreManage,
    P::AuthorizationRead,
    P::AuthorizationManage,
    P::DetectionTuningManage,
    P::SecuritySettingsRead,
    P::SecuritySettingsManage,
    P::SystemSettingsRead,
    P::SystemSettingsManage,
];

const READING: &[DefenderPermission] = &[
    P::SecurityDataRead,
    P::SecureScoreRead,
    P::VulnerabilityRead,
];

const OPERATING: &[DefenderPermission] = &[
    P::SecurityDataRead,
    P::AlertsManage,
    P::ResponseManage,
    P::LiveResponseBasic,
    P::LiveResponseAdvanced,
    P::FileCollectionManage,
    P::VulnerabilityRead,
    P::ExceptionsManage,
    P::RemediationManage,
    P::SecureScoreRead,
    P::DetectionTuningManage,
    P::SecuritySettingsRead,
    P::SecuritySettingsManage,
];

const fn role(
    template: u128,
    name: &'static str,
    description: &'static str,
    defender: &'static [DefenderPermission],
) -> DirectoryRole {
    DirectoryRole {
        template: Uuid::from_u128(template),
        name,
        description,
        defender,
    }
}

/// The roles that may be assigned, by name. Templates of the page "Microsoft Entra built-in roles".
pub static DIRECTORY_ROLES: &[DirectoryRole] = &[
    role(
        APPLICATION_ADMINISTRATOR.as_u128(),
        "Application Administrator",
        "Manages application registrations and enterprise applications.",
        &[],
    ),
    role(
        0xcf1c38e5_3621_4004_a7cb_879624dced7c,
        "Application Developer",
        "Registers applications of their own.",
        &[],
    ),
    role(
        0xc4e39bd9_1100_46d3_8c65_fb160da0071f,
        "Authentication Administrator",
        "Manages sign-in methods and passwords of people without a role.",
        &[],
    ),
    role(
        CLOUD_APPLICATION_ADMINISTRATOR.as_u128(),
        "Cloud Application Administrator",
        "Manages application registrations and enterprise applications, without proxies.",
        &[],
    ),
    role(
        0x88d8e3e3_8f55_4a1e_953a_9b9898b8876b,
        "Directory Readers",
        "Reads the directory.",
        &[],
    ),
    role(
        GLOBAL_ADMINISTRATOR.as_u128(),
        "Global Administrator",
        "Manages everything.",
        EVERYTHING,
    ),
    role(
        0xf2ef992c_3afb_46b9_b7cf_a126ee74c451,
        "Global Reader",
        "Reads everything that a Global Administrator reads.",
        READING,
    ),
    role(
        0xfdd7a751_b60b_444a_984c_02652fe8fa1c,
        "Groups Administrator",
        "Manages groups.",
        &[],
    ),
    role(
        0x729827e3_9c14_49f7_bb1b_9608f156bbb8,
        "Helpdesk Administrator",
        "Resets passwords of people without a role and ends their sessions.",
        &[],
    ),
    role(
        PRIVILEGED_ROLE_ADMINISTRATOR.as_u128(),
        "Privileged Role Administrator",
        "Assigns roles.",
        &[],
    ),
    role(
        0x194ae4cb_b126_40b2_bd5b_6091b380977d,
        "Security Administrator",
        "Manages all security features and reads their reports.",
        EVERYTHING,
    ),
    role(
        0x5f2222b1_57c3_48ba_8ad5_d4759f1fde6f,
        "Security Operator",
        "Investigates and responds to threats.",
        OPERATING,
    ),
    role(
        0x5d6b6bb7_de71_4623_b4af_96380a352509,
        "Security Reader",
        "Reads security information and reports.",
        READING,
    ),
    role(
        0xfe930be7_5e62_47db_91af_98c3a49a38b1,
        "User Administrator",
        "Manages people and groups, passwords of people with few roles included.",
        &[],
    ),
];

/// The template of the role that may do everything.
pub const GLOBAL_ADMINISTRATOR: Uuid = Uuid::from_u128(0x62e90394_69f5_4237_9190_012177145e10);
/// The template of the role over roles.
pub const PRIVILEGED_ROLE_ADMINISTRATOR: Uuid =
    Uuid::from_u128(0xe8611ab8_c189_46e8_94e1_60213ab1f814);
/// The template of the role over applications without proxies.
pub const CLOUD_APPLICATION_ADMINISTRATOR: Uuid =
    Uuid::from_u128(0x158c047a_c907_4556_b7ef_446551a6b5f7);
/// The template of the role over applications.
pub const APPLICATION_ADMINISTRATOR: Uuid = Uuid::from_u128(0x9b895d92_2cd3_44c7_9d02_a6ac2d5ea5c3);

/// The role with this template.
#[must_use]
pub fn directory_role(template: Uuid) -> Option<&'static DirectoryRole> {
    DIRECTORY_ROLES.iter().find(|r| r.template == template)
}

/// The role with this name, in any letter case.
#[must_use]
pub fn directory_role_named(name: &str) -> Option<&'static DirectoryRole> {
    DIRECTORY_ROLES
        .iter()
        .find(|r| r.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::all;

    #[test]
    fn every_permission_has_its_row_and_word() {
        for (i, row) in DefenderPermission::ALL.iter().enumerate() {
            assert_eq!(row.0 as usize, i);
            assert_eq!(DefenderPermission::parse(row.3), Some(row.0));
            assert_eq!(serde_json::to_value(row.0).unwrap(), row.3);
            assert!(EVERYTHING.contains(&row.0), "{}", row.2);
        }
    }

    #[test]
    fn roles_are_sorted_and_found() {
        assert!(DIRECTORY_ROLES.is_sorted_by(|a, b| a.name < b.name));
        for role in DIRECTORY_ROLES {
            assert_eq!(directory_role(role.template), Some(role));
            assert_eq!(directory_role_named(&role.name.to_uppercase()), Some(role));
        }
    }

    #[test]
    fn roles_with_a_constant_are_in_the_table() {
        for (template, name) in [
            (GLOBAL_ADMINISTRATOR, "Global Administrator"),
            (
                PRIVILEGED_ROLE_ADMINISTRATOR,
                "Privileged Role Administrator",
            ),
            (
                CLOUD_APPLICATION_ADMINISTRATOR,
                "Cloud Application Administrator",
            ),
            (APPLICATION_ADMINISTRATOR, "Application Administrator"),
        ] {
            assert_eq!(directory_role(template).map(|role| role.name), Some(name));
        }
    }

    /// A row that needs nothing of a user beside a scope is one that any member may call, and those are few.
    #[test]
    fn rows_say_what_a_user_needs() {
        for operation in all() {
            for name in operation.user_roles {
                assert!(directory_role_named(name).is_some(), "{name}");
            }
            let security = operation.path.starts_with("/api/")
                || operation.path.starts_with("/bartizan/")
                || operation.path.starts_with("/v1.0/security/");
            let guarded = !operation.user_needs.is_empty() || !operation.user_roles.is_empty();
            assert!(
                guarded || !security,
                "{} {}",
                operation.method,
                operation.path
            );
        }
    }
}
