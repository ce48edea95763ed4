//! What a user needs beside a scope: which permission of the portal each row stands for.
//!
//! The pages of Defender for Endpoint name permissions of its older roles ("View data", "Alerts investigation" …); the
//! page "Map Microsoft Defender XDR Unified RBAC permissions" says which of today's each is. Pages that name none
//! follow the rule of their group, which is how the portal guards the same data.

use super::spec::Operation;

/// Names of `DefenderPermission`'s variants, any one of which suffices. Empty for directory operations, which roles of
/// the directory guard.
pub(super) fn user_needs(o: &Operation) -> &'static [&'static str] {
    if o.api == "graph" && !o.path.starts_with("/security") {
        return &[];
    }
    // What roles of the directory guard by name needs no permission of the portal.
    if o.rbac_user_permission.is_none() && !o.user_roles.is_empty() {
        return &[];
    }
    let reads = o.method == "GET";
    match (o.rbac_user_permission.as_deref(), o.group.as_str()) {
        (Some("View data" | "view incidents in the portal"), _) => &["SecurityDataRead"],
        (Some("Alerts investigation" | "permission to update the incident in the portal"), _) => {
            &["AlertsManage"]
        }
        (Some("Active remediation actions"), _) => &["ResponseManage"],
        (Some("Manage security settings" | "Core security settings (manage)"), _) => {
            &["SecuritySettingsManage"]
        }
        (Some("Live response capabilities"), _) => &["LiveResponseBasic"],
        (Some("View data or TvmViewData"), _) => &["SecurityDataRead", "VulnerabilityRead"],
        // The directory role, which holds everything there is.
        (Some("Security Administrator (Entra role)" | "System settings (manage)"), _) => {
            &["SystemSettingsManage"]
        }
        (Some("Authorization (read)"), _) => &["AuthorizationRead"],
        (Some("Authorization (manage)"), _) => &["AuthorizationManage"],
        (Some("Detection tuning (manage)"), _) => &["DetectionTuningManage"],
        (_, "indicators") if reads => &["SecurityDataRead", "SecuritySettingsRead"],
        (_, "indicators" | "authenticated-scans") if !reads => &["SecuritySettingsManage"],
        (_, "authenticated-scans") => &["SecurityDataRead", "VulnerabilityRead"],
        (_, "library-live-response") => &["LiveResponseAdvanced"],
        (_, "machine-actions") if o.path.contains("LiveResponse") => &["LiveResponseBasic"],
        (_, "machine-actions") => &["AlertsManage", "ResponseManage", "LiveResponseBasic"],
        (_, "score") if o.api == "graph" && reads => &["SecureScoreRead"],
        (_, "score") if o.api == "graph" => &["SecureScoreManage"],
        (_, "alerts" | "incidents") if !reads => &["AlertsManage"],
        (_, "machines") if o.path.contains("/find") => &["SecurityDataRead"],
        (_, "alerts" | "incidents" | "advanced-hunting") => &["SecurityDataRead"],
        // What is left is vulnerability management: software, exposure, baselines, exports.
        _ if reads => &["VulnerabilityRead"],
        _ => &["SecuritySettingsManage"],
    }
}
