//! What each action of the audit trail is called in Entra's audit log, in the unified audit log and in `CloudAppEvents`
//! (page "Microsoft Entra audit log activity reference"). One table; a test holds it against what the code records.

/// What an action of the audit trail is called elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Activity {
    /// `Operation` of the unified audit log and `ActionType` of `CloudAppEvents`.
    pub(crate) operation: &'static str,
    /// `category` of Graph's directory audits.
    pub(super) category: &'static str,
    /// Kind of the object.
    pub(crate) target: &'static str,
    /// `Add`, `Update`, `Delete` …
    pub(crate) kind: &'static str,
}

/// The workload of changes of the directory.
const ENTRA: &str = "AzureActiveDirectory";
const AUTHENTICATION: &str = "Authentication";
const APPLICATION: &str = "ApplicationManagement";
const DIRECTORY: &str = "DirectoryManagement";
const USER: &str = "UserManagement";
const GROUP: &str = "GroupManagement";
const ROLE: &str = "RoleManagement";
/// Of acts that have no counterpart in Entra.
const OTHER: &str = "Other";
/// The unified log has an en dash and a space at the end; queries that compare whole names know them.
const CREDENTIALS: &str = "Update application \u{2013} Certificates and secrets management ";

/// An action that no code records any more, or not yet.
const UNKNOWN: Activity = Activity {
    operation: "AdministrativeAct",
    category: OTHER,
    target: "Object",
    kind: "Basic",
};

impl Activity {
    /// Whether Entra has it.
    pub(crate) fn of_entra(&self) -> bool {
        self.category != OTHER
    }

    /// The workload.
    pub(crate) fn service(&self) -> &'static str {
        if self.of_entra() { ENTRA } else { "Bartizan" }
    }

    /// The application of `CloudAppEvents`.
    pub(crate) fn application(&self) -> &'static str {
        if self.of_entra() {
            "Office 365"
        } else {
            "Bartizan"
        }
    }

    /// `loggedByService`
    pub(super) fn logged_by(&self) -> &'static str {
        match self.of_entra() {
            true if self.operation.ends_with("security info.") => "Authentication Methods",
            true => "Core Directory",
            false => "Bartizan",
        }
    }

    /// `activityDisplayName`: without the full stop or space that the unified log ends the name with.
    pub(super) fn display_name(&self) -> &'static str {
        self.operation.trim_end().trim_end_matches('.')
    }
}

/// A row a line: the action, then the name of the operation, the category, the kind of object and of change.
macro_rules! activities {
    ($($action:literal => $operation:expr, $category:expr, $target:literal, $kind:literal;)*) => {
        &[$((
            $action,
            Activity { operation: $operation, category: $category, target: $target, kind: $kind },
        )),*]
    };
}

const ACTIVITIES: &[(&str, Activity)] = activities! {
    "application.create" => "Add application.", APPLICATION, "Application", "Add";
    "application.update" => "Update application.", APPLICATION, "Application", "Update";
    "application.delete" => "Delete application.", APPLICATION, "Application", "Delete";
    "application.password.add" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.password.end" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.password.remove" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.key.add" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.key.remove" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.federation.add" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.federation.update" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.federation.remove" => CREDENTIALS, APPLICATION, "Application", "Update";
    "application.owner.add" => "Add owner to application.", APPLICATION, "Application", "Assign";
    "application.owner.remove" => "Remove owner from application.", APPLICATION, "Application", "Unassign";
    "application.publisher.verify" => "Verify publisher.", APPLICATION, "Application", "Update";
    "application.publisher.unverify" => "Unverify publisher.", APPLICATION, "Application", "Update";
    "application.consent" => "Consent to application.", APPLICATION, "ServicePrincipal", "Assign";
    "servicePrincipal.create" => "Add service principal.", APPLICATION, "ServicePrincipal", "Add";
    "servicePrincipal.update" => "Update service principal.", APPLICATION, "ServicePrincipal", "Update";
    "servicePrincipal.delete" => "Remove service principal.", APPLICATION, "ServicePrincipal", "Delete";
    "servicePrincipal.owner.add" => "Add owner to service principal.", APPLICATION, "ServicePrincipal", "Assign";
    "servicePrincipal.owner.remove" => "Remove owner from service principal.", APPLICATION, "ServicePrincipal", "Unassign";
    "appRoleAssignment.create" => "Add app role assignment to service principal.", APPLICATION, "ServicePrincipal", "Assign";
    "appRoleAssignment.delete" => "Remove app role assignment from service principal.", APPLICATION, "ServicePrincipal", "Unassign";
    "user.appRoleAssignment.create" => "Add app role assignment grant to user.", USER, "User", "Assign";
    "user.appRoleAssignment.delete" => "Remove app role assignment from user.", USER, "User", "Unassign";
    "group.appRoleAssignment.create" => "Add app role assignment to group.", GROUP, "Group", "Assign";
    "group.appRoleAssignment.delete" => "Remove app role assignment from group.", GROUP, "Group", "Unassign";
    "oauth2PermissionGrant.create" => "Add delegated permission grant.", APPLICATION, "ServicePrincipal", "Assign";
    "oauth2PermissionGrant.update" => "Add delegated permission grant.", APPLICATION, "ServicePrincipal", "Update";
    "oauth2PermissionGrant.delete" => "Remove delegated permission grant.", APPLICATION, "ServicePrincipal", "Unassign";

    "user.create" => "Add user.", USER, "User", "Add";
    "user.update" => "Update user.", USER, "User", "Update";
    "user.delete" => "Delete user.", USER, "User", "Delete";
    "user.changePassword" => "Change user password.", USER, "User", "Update";
    "user.resetPassword" => "Reset user password.", USER, "User", "Update";
    "user.revokeSessions" => "Update StsRefreshTokenValidFrom Timestamp.", USER, "User", "Update";
    "user.revokeSignInSessions" => "Update StsRefreshTokenValidFrom Timestamp.", USER, "User", "Update";
    "user.secondFactor.require" => "Enable Strong Authentication.", USER, "User", "Update";
    "user.secondFactor.notRequired" => "Disable Strong Authentication.", USER, "User", "Update";
    "user.secondFactor.reset" => "Admin deleted security info.", USER, "User", "Update";
    "user.addSecondFactor" => "User registered security info.", USER, "User", "Update";
    "user.removeSecondFactor" => "User deleted security info.", USER, "User", "Update";
    // The unified audit log has these of sign-ins; Entra itself has a log of their own for them.
    "user.signIn" => "UserLoggedIn", AUTHENTICATION, "User", "Login";
    "user.wrongPassword" => "UserLoginFailed", AUTHENTICATION, "User", "Login";
    "user.wrongSecondFactor" => "UserLoginFailed", AUTHENTICATION, "User", "Login";

    "group.create" => "Add group.", GROUP, "Group", "Add";
    "group.update" => "Update group.", GROUP, "Group", "Update";
    "group.delete" => "Delete group.", GROUP, "Group", "Delete";
    "group.member.add" => "Add member to group.", GROUP, "Group", "Assign";
    "group.member.remove" => "Remove member from group.", GROUP, "Group", "Unassign";
    "group.owner.add" => "Add owner to group.", GROUP, "Group", "Assign";
    "group.owner.remove" => "Remove owner from group.", GROUP, "Group", "Unassign";
    "role.assign" => "Add member to role.", ROLE, "Role", "Assign";
    "role.unassign" => "Remove member from role.", ROLE, "Role", "Unassign";
    "tenant.create" => "Create company.", DIRECTORY, "Directory", "Add";

    "user.signOut" => "UserSignedOut", OTHER, "User", "Logout";
    "device.approve" => "DeviceCodeApproved", OTHER, "User", "Update";
    "device.decline" => "DeviceCodeDeclined", OTHER, "User", "Update";
    "incident.update" => "IncidentUpdated", OTHER, "Incident", "Update";
    "rule.put" => "CustomDetectionRuleSaved", OTHER, "DetectionRule", "Update";
    "rule.delete" => "CustomDetectionRuleDeleted", OTHER, "DetectionRule", "Delete";
    "function.put" => "HuntingFunctionSaved", OTHER, "HuntingFunction", "Update";
    "function.delete" => "HuntingFunctionDeleted", OTHER, "HuntingFunction", "Delete";
    "defenderRole.create" => "DefenderRoleCreated", OTHER, "DefenderRole", "Add";
    "defenderRole.update" => "DefenderRoleUpdated", OTHER, "DefenderRole", "Update";
    "defenderRole.delete" => "DefenderRoleDeleted", OTHER, "DefenderRole", "Delete";
    "defenderRole.assign" => "DefenderRoleAssigned", OTHER, "DefenderRole", "Assign";
    "defenderRole.unassign" => "DefenderRoleUnassigned", OTHER, "DefenderRole", "Unassign";
    "deviceGroup.create" => "DeviceGroupCreated", OTHER, "DeviceGroup", "Add";
    "deviceGroup.delete" => "DeviceGroupDeleted", OTHER, "DeviceGroup", "Delete";
    "deviceGroup.machines" => "DeviceGroupMachinesSet", OTHER, "DeviceGroup", "Update";
    "tenant.delete" => "TenantDeleted", OTHER, "Tenant", "Delete";
    "tenant.policy" => "TenantPolicyUpdated", OTHER, "Policy", "Update";
    "signing-key.publish" => "SigningKeyPublished", OTHER, "SigningKey", "Add";
    "signing-key.activate" => "SigningKeyActivated", OTHER, "SigningKey", "Update";
    "signing-key.replace" => "SigningKeyReplaced", OTHER, "SigningKey", "Update";
    "signing-key.retire" => "SigningKeyRetired", OTHER, "SigningKey", "Update";
    "signing-key.revoke" => "SigningKeyRevoked", OTHER, "SigningKey", "Delete";
    "signing-key.reseal" => "SigningKeysResealed", OTHER, "SigningKey", "Update";
};

/// What an action is called.
pub(crate) fn activity(action: &str) -> Activity {
    let row = ACTIVITIES.iter().find(|row| row.0 == action);
    row.map_or(UNKNOWN, |row| row.1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The texts in a source file that look like an action: `object.verb`, of an object that the table knows or in a
    /// file that records something.
    fn actions_in(source: &str, objects: &BTreeSet<&str>) -> Vec<String> {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let records = ["record(", "record_outcome(", "AuditEvent {", "note("];
        let records = records.iter().any(|word| code.contains(word));
        let texts = code.split('"').skip(1).step_by(2);
        let action = |text: &&str| {
            let words: Vec<&str> = text.split('.').collect();
            let plain = |word: &&str| {
                word.starts_with(|c: char| c.is_ascii_lowercase())
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            };
            let file = ["com", "html", "toml"]
                .iter()
                .any(|end| text.ends_with(end));
            words.len() > 1
                && !file
                && words.iter().all(plain)
                && (records || objects.contains(words[0]))
        };
        texts.filter(action).map(str::to_owned).collect()
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with("directory/activities.rs")
            {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Who adds an action names it here, too: rules and hunts know actions by these names alone.
    #[test]
    fn every_action_that_is_recorded_has_a_row_and_every_row_is_recorded() {
        let named: BTreeSet<&str> = ACTIVITIES.iter().map(|row| row.0).collect();
        assert_eq!(named.len(), ACTIVITIES.len(), "an action has one row");
        let objects = named.iter().filter_map(|action| action.split('.').next());
        let objects: BTreeSet<&str> = objects.collect();
        let mut files = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut files,
        );
        let recorded: BTreeSet<String> = files
            .iter()
            .flat_map(|source| actions_in(source, &objects))
            .collect();
        let recorded: BTreeSet<&str> = recorded.iter().map(String::as_str).collect();
        assert_eq!(recorded, named);
    }

    #[test]
    fn actions_have_the_names_that_hunters_know() {
        assert_eq!(activity("application.create").operation, "Add application.");
        assert!(
            activity("application.password.add")
                .operation
                .contains('\u{2013}')
        );
        assert_eq!(activity("role.assign").display_name(), "Add member to role");
        assert_eq!(activity("user.wrongPassword").operation, "UserLoginFailed");
        let registered = activity("user.addSecondFactor");
        assert_eq!(registered.logged_by(), "Authentication Methods");
        assert_eq!(activity("incident.update").service(), "Bartizan");
        assert!(!activity("something.new").of_entra());
    }
}
