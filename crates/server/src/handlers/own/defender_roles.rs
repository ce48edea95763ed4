//! `/bartizan/v1/defenderRoles` and `…/defenderRoleAssignments`: custom roles of Defender and who holds them where.

use std::collections::BTreeSet;

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_contract::access::DefenderPermission;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_security::access::DeviceScope;
use bartizan_store::defender_roles::{self, DefenderAssignment, DefenderRole};
use bartizan_store::directory::{PrincipalKind, principal};
use bartizan_store::{ReadTx, device_groups};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::device_groups::taken;
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::{changes, record};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RoleBody {
    display_name: Option<String>,
    description: Option<String>,
    permissions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAssignment {
    role_id: Uuid,
    principal_id: ObjectId,
    device_groups: Option<BTreeSet<i64>>,
}

/// Lists the tenant's roles.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let roles = defender_roles::list(&mut tx, call.tenant()).await?;
    collection(&call, roles.iter().map(role_wire).collect())
}

/// Makes a role.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let body: RoleBody = call.json().await?;
    let mut role = DefenderRole {
        id: Uuid::new_v4(),
        display_name: String::new(),
        description: None,
        permissions: Vec::new(),
        created: call.app.clock.unix_micros(),
    };
    apply(&mut role, body)?;
    let mut tx = call.app.store.write().await?;
    defender_roles::create(&mut tx, call.tenant(), &role)
        .await
        .map_err(taken)?;
    let details = json!({ "displayName": role.display_name, "permissions": role.permissions });
    record(&mut tx, &call, "defenderRole.create", role.id, details).await?;
    tx.commit().await?;
    answer(StatusCode::CREATED, &role_wire(&role))
}

/// Changes what the body names; holders have the new permissions from their next call on.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let body: RoleBody = call.json().await?;
    let mut tx = call.app.store.write().await?;
    let mut role = find(&mut tx, &call).await?;
    let was = role_wire(&role);
    apply(&mut role, body)?;
    defender_roles::update(&mut tx, call.tenant(), &role)
        .await
        .map_err(taken)?;
    let details = json!({
        "displayName": role.display_name,
        "permissions": role.permissions,
        changes::KEY: changes::between(&was, &role_wire(&role)),
    });
    record(&mut tx, &call, "defenderRole.update", role.id, details).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &role_wire(&role))
}

/// Deletes a role with its assignments.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let role = find(&mut tx, &call).await?;
    defender_roles::delete(&mut tx, call.tenant(), role.id).await?;
    let details = json!({ "displayName": role.display_name });
    record(&mut tx, &call, "defenderRole.delete", role.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Lists who holds which role.
pub(crate) async fn assignments(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let found = defender_roles::assignments(&mut tx, call.tenant()).await?;
    collection(&call, found.iter().map(assignment_wire).collect())
}

/// Gives a role to a user or group, on every device or on some device groups.
pub(crate) async fn assign(mut call: Call) -> Result<Response, ApiError> {
    let new: NewAssignment = call.json().await?;
    let tenant = call.tenant();
    let mut tx = call.app.store.write().await?;
    let holder = principal(&mut tx, tenant, new.principal_id).await?;
    let holder = holder.ok_or_else(|| ApiError::not_found("Principal", new.principal_id))?;
    if holder.kind == PrincipalKind::ServicePrincipal {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Defender roles are for users and groups; applications get application permissions.",
        ));
    }
    let role = defender_roles::by_id(&mut tx, tenant, new.role_id).await?;
    let role = role.ok_or_else(|| ApiError::not_found("Defender role", new.role_id))?;
    if let Some(groups) = &new.device_groups {
        let known = device_groups::list(&mut tx, tenant).await?;
        let unknown = groups
            .iter()
            .find(|id| **id != 0 && !known.iter().any(|group| group.id == **id));
        if let Some(id) = unknown {
            return Err(ApiError::not_found("Device group", id));
        }
    }
    let assignment = DefenderAssignment {
        id: Uuid::new_v4(),
        role: role.id,
        principal: holder,
        devices: new
            .device_groups
            .map_or(DeviceScope::All, DeviceScope::Groups),
        created: call.app.clock.unix_micros(),
    };
    defender_roles::assign(&mut tx, tenant, &assignment)
        .await
        .map_err(taken)?;
    let mut details = assignment_wire(&assignment);
    details["role"] = json!(role.display_name);
    record(&mut tx, &call, "defenderRole.assign", holder.id, details).await?;
    tx.commit().await?;
    answer(StatusCode::CREATED, &assignment_wire(&assignment))
}

/// Takes a role away.
pub(crate) async fn unassign(call: Call) -> Result<Response, ApiError> {
    let text = call.param("id");
    let missing = || ApiError::not_found("Defender role assignment", text);
    let id: Uuid = text.parse().map_err(|_| missing())?;
    let mut tx = call.app.store.write().await?;
    let held = defender_roles::assignments(&mut tx, call.tenant()).await?;
    let held = held.iter().find(|held| held.id == id);
    let held = held.ok_or_else(missing)?;
    let role = defender_roles::by_id(&mut tx, call.tenant(), held.role).await?;
    defender_roles::unassign(&mut tx, call.tenant(), id).await?;
    let holder = held.principal.id;
    let mut details = assignment_wire(held);
    details["role"] = json!(role.map(|role| role.display_name));
    record(&mut tx, &call, "defenderRole.unassign", holder, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

fn collection(call: &Call, value: Vec<Value>) -> Result<Response, ApiError> {
    let body = Collection {
        context: call.context(),
        count: None,
        value,
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

async fn find(tx: &mut ReadTx, call: &Call) -> Result<DefenderRole, ApiError> {
    let text = call.param("id");
    let found = match text.parse() {
        Ok(id) => defender_roles::by_id(tx, call.tenant(), id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| ApiError::not_found("Defender role", text))
}

fn apply(role: &mut DefenderRole, body: RoleBody) -> Result<(), ApiError> {
    if let Some(name) = body.display_name {
        name.trim().clone_into(&mut role.display_name);
    }
    if role.display_name.is_empty() || role.display_name.chars().count() > 256 {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "displayName has 1 to 256 characters.",
        ));
    }
    if body.description.is_some() {
        role.description = body.description;
    }
    if let Some(words) = body.permissions {
        role.permissions = words
            .iter()
            .map(|word| DefenderPermission::parse(word).ok_or_else(|| unknown(word)))
            .collect::<Result<_, _>>()?;
        role.permissions.sort_unstable();
        role.permissions.dedup();
    }
    Ok(())
}

fn unknown(word: &str) -> ApiError {
    let known: Vec<&str> = DefenderPermission::ALL.iter().map(|row| row.3).collect();
    ApiError::new(
        Kind::InvalidInput,
        format!(
            "'{word}' is not a permission; these are: {}.",
            known.join(", ")
        ),
    )
}

fn role_wire(role: &DefenderRole) -> Value {
    let names: Vec<Value> = role
        .permissions
        .iter()
        .map(|p| json!({ "permission": p.as_str(), "group": p.group(), "displayName": p.name() }))
        .collect();
    json!({
        "id": role.id,
        "displayName": role.display_name,
        "description": role.description,
        "permissions": role.permissions,
        "permissionDetails": names,
        "createdDateTime": Timestamp::from_unix_micros(role.created),
    })
}

fn assignment_wire(assignment: &DefenderAssignment) -> Value {
    let groups = match &assignment.devices {
        DeviceScope::All => Value::Null,
        DeviceScope::Groups(groups) => json!(groups),
    };
    json!({
        "id": assignment.id,
        "roleId": assignment.role,
        "principalId": assignment.principal.id,
        "principalType": assignment.principal.kind.as_str(),
        "deviceGroups": groups,
        "createdDateTime": Timestamp::from_unix_micros(assignment.created),
    })
}
