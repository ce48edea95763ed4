//! Audit events in the words of Entra: what an action is called, who did it, on what; and Graph's listing of them.

use axum::response::Response;
use bartizan_contract::time::Timestamp;
use bartizan_store::audit::{self, AuditCursor, AuditEvent};
use bartizan_store::odata::DIRECTORY_AUDITS_GRAPH;
use http::StatusCode;
use serde_json::{Value as Json, json};

use crate::call::{Call, json as answer};
use crate::error::ApiError;
use crate::handlers::security::listing::Options;

/// `GET /auditLogs/directoryAudits`: the trail of the caller's tenant, newest first.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let options = Options::<AuditCursor>::read(&call, &DIRECTORY_AUDITS_GRAPH)?;
    let mut tx = call.app.store.read().await?;
    let filter = options.filter.as_ref();
    let listing = audit::list(&mut tx, call.tenant(), filter, &options.page).await?;
    let value: Vec<Json> = listing.items.iter().map(wire).collect();
    answer(
        StatusCode::OK,
        &options.collection(&call, value, listing.next)?,
    )
}

/// An event as Graph's `directoryAudit`.
fn wire(event: &AuditEvent) -> Json {
    let activity = activity(&event.action);
    let done = event.outcome == "success";
    let by = match actor(&event.actor) {
        ("Application", id) => json!({ "app": { "appId": id }, "user": null }),
        ("Regular", id) => json!({ "app": null, "user": { "id": id } }),
        (_, name) => json!({ "app": { "displayName": name }, "user": null }),
    };
    let details = event.details.as_object().into_iter().flatten();
    let details: Vec<Json> = details
        .map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            json!({ "key": key, "value": text })
        })
        .chain([json!({ "key": "action", "value": event.action })])
        .collect();
    json!({
        "id": event.id,
        "activityDateTime": Timestamp::from_unix_micros(event.occurred),
        "activityDisplayName": activity.display_name(),
        "category": activity.category,
        "correlationId": event.request_id,
        "loggedByService": if activity.of_entra() { "Core Directory" } else { "Bartizan" },
        "operationType": activity.kind,
        "result": if done { "success" } else { "failure" },
        "resultReason": if done { "" } else { event.outcome.as_str() },
        "initiatedBy": by,
        "targetResources": [{
            "id": event.target,
            "displayName": target_name(event),
            "type": activity.target,
            "modifiedProperties": [],
        }],
        "additionalDetails": details,
    })
}

/// What an action of the audit trail is called elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Activity {
    /// `Operation` of the unified audit log and `ActionType` of `CloudAppEvents`.
    pub(crate) operation: &'static str,
    /// `category` of Graph's directory audits.
    category: &'static str,
    /// Kind of the object.
    pub(crate) target: &'static str,
    /// `Add`, `Update`, `Delete` …
    pub(crate) kind: &'static str,
    /// The workload.
    pub(crate) service: &'static str,
    /// The application of `CloudAppEvents`.
    pub(crate) application: &'static str,
}

impl Activity {
    /// Whether it is a change of the directory.
    pub(crate) fn of_entra(&self) -> bool {
        self.service == ENTRA
    }

    /// `activityDisplayName`: without the full stop or space that the unified log ends the name with.
    fn display_name(&self) -> &'static str {
        self.operation.trim_end().trim_end_matches('.')
    }
}

const ENTRA: &str = "AzureActiveDirectory";
const APPLICATION: &str = "ApplicationManagement";
const USER: &str = "UserManagement";
const GROUP: &str = "GroupManagement";
const ROLE: &str = "RoleManagement";

/// A row: our action, then Entra's name of the operation, the category, the kind of object and of change.
type Named = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ENTRA_ACTIVITIES: &[Named] = &[
    (
        "application.create",
        "Add application.",
        APPLICATION,
        "Application",
        "Add",
    ),
    (
        "application.update",
        "Update application.",
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "application.delete",
        "Delete application.",
        APPLICATION,
        "Application",
        "Delete",
    ),
    // The unified log has an en dash and a space at the end; queries that compare whole names know them.
    (
        "application.password.add",
        CREDENTIALS,
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "application.password.remove",
        CREDENTIALS,
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "application.key.add",
        CREDENTIALS,
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "application.key.remove",
        CREDENTIALS,
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "application.owner.add",
        "Add owner to application.",
        APPLICATION,
        "Application",
        "Assign",
    ),
    (
        "application.owner.remove",
        "Remove owner from application.",
        APPLICATION,
        "Application",
        "Unassign",
    ),
    (
        "servicePrincipal.owner.add",
        "Add owner to service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Assign",
    ),
    (
        "servicePrincipal.owner.remove",
        "Remove owner from service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Unassign",
    ),
    (
        "servicePrincipal.create",
        "Add service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Add",
    ),
    (
        "servicePrincipal.update",
        "Update service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Update",
    ),
    (
        "servicePrincipal.delete",
        "Remove service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Delete",
    ),
    (
        "appRoleAssignment.create",
        "Add app role assignment to service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Assign",
    ),
    (
        "appRoleAssignment.delete",
        "Remove app role assignment from service principal.",
        APPLICATION,
        "ServicePrincipal",
        "Unassign",
    ),
    (
        "user.appRoleAssignment.create",
        "Add app role assignment grant to user.",
        USER,
        "User",
        "Assign",
    ),
    (
        "user.appRoleAssignment.delete",
        "Remove app role assignment from user.",
        USER,
        "User",
        "Unassign",
    ),
    (
        "group.appRoleAssignment.create",
        "Add app role assignment to group.",
        GROUP,
        "Group",
        "Assign",
    ),
    (
        "group.appRoleAssignment.delete",
        "Remove app role assignment from group.",
        GROUP,
        "Group",
        "Unassign",
    ),
    (
        "group.owner.add",
        "Add owner to group.",
        GROUP,
        "Group",
        "Assign",
    ),
    (
        "group.owner.remove",
        "Remove owner from group.",
        GROUP,
        "Group",
        "Unassign",
    ),
    (
        "application.publisher.verify",
        "Verify publisher.",
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "application.publisher.unverify",
        "Unverify publisher.",
        APPLICATION,
        "Application",
        "Update",
    ),
    (
        "oauth2PermissionGrant.create",
        "Add delegated permission grant.",
        APPLICATION,
        "ServicePrincipal",
        "Assign",
    ),
    (
        "oauth2PermissionGrant.update",
        "Add delegated permission grant.",
        APPLICATION,
        "ServicePrincipal",
        "Update",
    ),
    (
        "oauth2PermissionGrant.delete",
        "Remove delegated permission grant.",
        APPLICATION,
        "ServicePrincipal",
        "Unassign",
    ),
    (
        "consent.grant",
        "Consent to application.",
        APPLICATION,
        "ServicePrincipal",
        "Assign",
    ),
    (
        "application.consent",
        "Consent to application.",
        APPLICATION,
        "ServicePrincipal",
        "Assign",
    ),
    ("user.create", "Add user.", USER, "User", "Add"),
    ("user.update", "Update user.", USER, "User", "Update"),
    ("user.delete", "Delete user.", USER, "User", "Delete"),
    (
        "user.changePassword",
        "Change user password.",
        USER,
        "User",
        "Update",
    ),
    (
        "user.resetPassword",
        "Reset user password.",
        USER,
        "User",
        "Update",
    ),
    (
        "user.revokeSessions",
        "Update StsRefreshTokenValidFrom Timestamp.",
        USER,
        "User",
        "Update",
    ),
    (
        "user.secondFactor.require",
        "Enable Strong Authentication.",
        USER,
        "User",
        "Update",
    ),
    (
        "user.secondFactor.notRequired",
        "Disable Strong Authentication.",
        USER,
        "User",
        "Update",
    ),
    (
        "user.secondFactor.reset",
        "Admin deleted security info.",
        USER,
        "User",
        "Update",
    ),
    ("group.create", "Add group.", GROUP, "Group", "Add"),
    ("group.update", "Update group.", GROUP, "Group", "Update"),
    ("group.delete", "Delete group.", GROUP, "Group", "Delete"),
    (
        "group.member.add",
        "Add member to group.",
        GROUP,
        "Group",
        "Assign",
    ),
    (
        "group.member.remove",
        "Remove member from group.",
        GROUP,
        "Group",
        "Unassign",
    ),
    ("role.assign", "Add member to role.", ROLE, "Role", "Assign"),
    (
        "role.unassign",
        "Remove member from role.",
        ROLE,
        "Role",
        "Unassign",
    ),
    (
        "tenant.create",
        "Create company.",
        "DirectoryManagement",
        "Directory",
        "Add",
    ),
];

const CREDENTIALS: &str = "Update application \u{2013} Certificates and secrets management ";

/// Acts that have no counterpart in Entra.
const OTHERS: &[(&str, &str, &str, &str)] = &[
    ("incident.update", "IncidentUpdated", "Incident", "Update"),
    (
        "rule.put",
        "CustomDetectionRuleSaved",
        "DetectionRule",
        "Update",
    ),
    (
        "rule.delete",
        "CustomDetectionRuleDeleted",
        "DetectionRule",
        "Delete",
    ),
    (
        "function.put",
        "HuntingFunctionSaved",
        "HuntingFunction",
        "Update",
    ),
    (
        "function.delete",
        "HuntingFunctionDeleted",
        "HuntingFunction",
        "Delete",
    ),
    ("tenant.delete", "TenantDeleted", "Tenant", "Delete"),
    ("tenant.policy", "TenantPolicyUpdated", "Policy", "Update"),
];

/// The row of an action; for one that has none, the change of the object that its first word names: an action that
/// is new must still be found by who looks for changes of users.
fn entra(action: &str) -> Option<&'static Named> {
    let exact = |name: &str| ENTRA_ACTIVITIES.iter().find(|row| row.0 == name);
    let object = action.split('.').next().unwrap_or_default();
    let credential = ["password", "key", "federatedIdentityCredential"];
    let general = match object {
        "application" if credential.iter().any(|c| action.contains(c)) => "application.key.add",
        "application" => "application.update",
        "servicePrincipal" => "servicePrincipal.update",
        "user" => "user.update",
        "group" => "group.update",
        _ => return exact(action),
    };
    exact(action).or_else(|| exact(general))
}

/// What an action is called. One that is not in the table keeps a name of its own.
pub(crate) fn activity(action: &str) -> Activity {
    if let Some((_, operation, category, target, kind)) = entra(action) {
        return Activity {
            operation,
            category,
            target,
            kind,
            service: ENTRA,
            application: "Office 365",
        };
    }
    let known = OTHERS.iter().find(|row| row.0 == action);
    let (operation, target, kind) = known.map_or(("AdministrativeAct", "Object", "Basic"), |row| {
        (row.1, row.2, row.3)
    });
    Activity {
        operation,
        category: "Other",
        target,
        kind,
        service: "Bartizan",
        application: "Bartizan",
    }
}

/// Who did it: `Application`, `Regular` or `System`, and the id.
pub(crate) fn actor(actor: &str) -> (&'static str, &str) {
    if let Some(id) = actor.strip_prefix("app:") {
        return ("Application", id);
    }
    if let Some(id) = actor.strip_prefix("user:") {
        return ("Regular", id);
    }
    let application = actor.parse::<bartizan_contract::AppId>().is_ok();
    match actor {
        "system" => ("System", actor),
        // Calls of the APIs name the application's client id bare.
        _ if application => ("Application", actor),
        _ => ("Regular", actor),
    }
}

/// The object's name, where the event knows it.
pub(crate) fn target_name(event: &AuditEvent) -> Option<&str> {
    event.details.get("displayName").and_then(Json::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_the_names_that_hunters_know() {
        assert_eq!(activity("application.create").operation, "Add application.");
        assert!(
            activity("application.password.add")
                .operation
                .contains('\u{2013}')
        );
        // What `handlers::directory::roles` records.
        assert_eq!(activity("role.assign").display_name(), "Add member to role");
        assert_eq!(
            activity("role.unassign").operation,
            "Remove member from role."
        );
        // What `handlers::directory::groups` records.
        let added = activity("group.member.add");
        assert_eq!(added.display_name(), "Add member to group");
        assert_eq!(activity("incident.update").service, "Bartizan");
        assert_eq!(activity("user.anything.new").operation, "Update user.");
        assert!(!activity("something.new").of_entra());
    }

    #[test]
    fn actors_are_told_apart() {
        let id = "fc780465-2017-40d4-a0c5-307022471b92";
        assert_eq!(actor(&format!("user:{id}")), ("Regular", id));
        assert_eq!(actor(id), ("Application", id));
        assert_eq!(actor("system"), ("System", "system"));
    }
}
