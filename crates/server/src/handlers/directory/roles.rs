//! `/directoryRoles` and `/roleManagement/directory`: who holds which role of the directory.

use std::collections::HashMap;

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_contract::access::{DIRECTORY_ROLES, DirectoryRole, directory_role};
use bartizan_store::directory::roles::{self, RoleAssignment};
use bartizan_store::directory::{Principal, PrincipalKind, groups, principal};
use bartizan_store::{ReadTx, WriteTx};
use http::StatusCode;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::body::{Body, required};
use super::groups::reference;
use super::{has_administrator, keep_administrator, missing, objects, query, record, refused};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// What `$filter` may name of roles.
const NAMED: &[&str] = &[
    "id",
    "displayName",
    "roleTemplateId",
    "templateId",
    "isBuiltIn",
    "isEnabled",
];
/// What it may name of assignments.
const ASSIGNED: &[&str] = &["id", "principalId", "roleDefinitionId", "directoryScopeId"];

/// The roles as objects of the tenant.
pub(crate) async fn activated(call: Call) -> Result<Response, ApiError> {
    let roles = DIRECTORY_ROLES
        .iter()
        .map(|role| objects::activated(call.tenant(), role));
    query::all(&call, roles.collect(), &[], NAMED)
}

/// One of them.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let role = named(&call)?;
    let object = objects::activated(call.tenant(), role);
    query::entity(&call, StatusCode::OK, object, &[])
}

/// The roles as templates, the same in every tenant.
pub(crate) async fn templates(call: Call) -> Result<Response, ApiError> {
    let template = |role: &DirectoryRole| {
        json!({
            "id": role.template,
            "deletedDateTime": null,
            "description": role.description,
            "displayName": role.name,
        })
    };
    let value = DIRECTORY_ROLES.iter().map(template).collect();
    query::all(&call, value, &[], NAMED)
}

/// The roles as definitions.
pub(crate) async fn definitions(call: Call) -> Result<Response, ApiError> {
    let value = DIRECTORY_ROLES.iter().map(definition).collect();
    query::all(&call, value, &[], NAMED)
}

/// One definition.
pub(crate) async fn definition_by_id(call: Call) -> Result<Response, ApiError> {
    let text = call.param("id");
    let role = text.parse().ok().and_then(directory_role);
    let role = role.ok_or_else(|| missing(text))?;
    query::entity(&call, StatusCode::OK, definition(role), &[])
}

/// Who holds a role.
pub(crate) async fn members(call: Call) -> Result<Response, ApiError> {
    let role = named(&call)?;
    let mut tx = call.read().await?;
    let held = roles::list(&mut tx, call.tenant()).await?.into_iter();
    let holders = held.filter(|held| held.template == role.template);
    let holders = holders.map(|held| held.principal).collect();
    let value = objects::principals(&mut tx, call.tenant(), holders).await?;
    query::all(&call, value, &[], &[])
}

/// Gives a role, by reference to who gets it.
pub(crate) async fn add_member(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let role = named(&call)?;
    give(&call, role, reference(&body)?).await?;
    Ok(no_content())
}

/// Takes a role away from a principal.
pub(crate) async fn remove_member(call: Call) -> Result<Response, ApiError> {
    let role = named(&call)?;
    let text = call.param("memberId");
    let id: ObjectId = text.parse().map_err(|_| missing(text))?;
    let mut tx = call.app.store.write().await?;
    let held = roles::of_principal(&mut tx, call.tenant(), id).await?;
    let held = held.into_iter().find(|a| a.template == role.template);
    take(&call, tx, held.ok_or_else(|| missing(id))?).await
}

/// Role assignments of the tenant.
pub(crate) async fn assignments(call: Call) -> Result<Response, ApiError> {
    let expand = query::expansions(&call)?;
    let mut tx = call.read().await?;
    let all = roles::list(&mut tx, call.tenant()).await?;
    let holders: Vec<_> = all.iter().map(|held| held.principal).collect();
    let holders = match expand.iter().any(|expansion| expansion.name == "principal") {
        true => objects::principals_by_id(&mut tx, call.tenant(), &holders).await?,
        false => HashMap::new(),
    };
    let mut value = Vec::with_capacity(all.len());
    for held in all {
        let mut object = wire(&held);
        for expansion in &expand {
            let related = match expansion.name {
                "principal" => holders.get(&held.principal.id).cloned(),
                _ => directory_role(held.template).map(definition),
            };
            expansion.put_one(&mut object, related);
        }
        value.push(object);
    }
    query::all(&call, value, &[], ASSIGNED)
}

/// Gives a role.
pub(crate) async fn assign(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let object = "UnifiedRoleAssignment";
    let id: Uuid = required(&body, "roleDefinitionId", object)?;
    let principal: ObjectId = required(&body, "principalId", object)?;
    let scope: Option<String> = body.get("directoryScopeId")?;
    if scope.as_deref().is_some_and(|scope| scope != "/") {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "The directory scope must be '/', the whole tenant; others are not supported.",
        ));
    }
    let role = directory_role(id).ok_or_else(|| missing(id))?;
    let assignment = give(&call, role, principal).await?;
    query::entity(&call, StatusCode::CREATED, wire(&assignment), &[])
}

/// One assignment.
pub(crate) async fn assignment(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let found = find(&mut tx, &call).await?;
    query::entity(&call, StatusCode::OK, wire(&found), &[])
}

/// Takes a role away.
pub(crate) async fn unassign(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let found = find(&mut tx, &call).await?;
    take(&call, tx, found).await
}

async fn give(call: &Call, role: &DirectoryRole, id: ObjectId) -> Result<RoleAssignment, ApiError> {
    let mut tx = call.app.store.write().await?;
    let principal = principal(&mut tx, call.tenant(), id).await?;
    let principal = principal.ok_or_else(|| missing(id))?;
    assignable(&mut tx, call, principal).await?;
    let assignment = RoleAssignment {
        id: Uuid::new_v4().simple().to_string(),
        template: role.template,
        principal,
        created: call.app.clock.unix_micros(),
    };
    roles::assign(&mut tx, call.tenant(), &assignment)
        .await
        .map_err(|error| match error {
            bartizan_store::StoreError::Exists(_) => ApiError::new(
                Kind::InvalidInput,
                "A conflicting object with one or more of the specified property values is present in the directory: the role is assigned already.",
            ),
            other => refused(other),
        })?;
    let details = json!({ "role": role.name, "principal": id });
    record(&mut tx, call, "role.assign", id, details).await?;
    tx.commit().await?;
    Ok(assignment)
}

async fn assignable(tx: &mut ReadTx, call: &Call, principal: Principal) -> Result<(), ApiError> {
    if principal.kind != PrincipalKind::Group {
        return Ok(());
    }
    let group = groups::by_id(tx, call.tenant(), principal.id).await?;
    if group.is_some_and(|group| group.role_assignable) {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::InvalidInput,
        "Roles are assigned to groups that were made with isAssignableToRole only.",
    ))
}

async fn take(
    call: &Call,
    mut tx: WriteTx,
    assignment: RoleAssignment,
) -> Result<Response, ApiError> {
    let before = has_administrator(&mut tx, call).await?;
    roles::unassign(&mut tx, call.tenant(), &assignment.id).await?;
    keep_administrator(&mut tx, call, before).await?;
    let role = directory_role(assignment.template).map(|role| role.name);
    let details = json!({ "role": role, "principal": assignment.principal.id });
    record(
        &mut tx,
        call,
        "role.unassign",
        assignment.principal.id,
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

async fn find(tx: &mut ReadTx, call: &Call) -> Result<RoleAssignment, ApiError> {
    let id = call.param("id");
    let all = roles::list(tx, call.tenant()).await?;
    all.into_iter()
        .find(|a| a.id == id)
        .ok_or_else(|| missing(id))
}

/// The role of the path: by the object's id, or `roleTemplateId=…`.
fn named(call: &Call) -> Result<&'static DirectoryRole, ApiError> {
    let text = call.param("id");
    let template = text
        .split_once('=')
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("roleTemplateId"))
        .map(|(_, id)| id.trim().trim_matches('\''));
    let id = template.unwrap_or(text).parse::<Uuid>().ok();
    DIRECTORY_ROLES
        .iter()
        .find(|role| match template {
            Some(_) => Some(role.template) == id,
            None => Some(objects::role_object(call.tenant(), role.template)) == id,
        })
        .ok_or_else(|| missing(text))
}

fn definition(role: &DirectoryRole) -> Json {
    json!({
        "id": role.template,
        "description": role.description,
        "displayName": role.name,
        "isBuiltIn": true,
        "isEnabled": true,
        "templateId": role.template,
        "resourceScopes": ["/"],
        "rolePermissions": [],
        "version": "1",
    })
}

fn wire(assignment: &RoleAssignment) -> Json {
    json!({
        "id": assignment.id,
        "principalId": assignment.principal.id,
        "resourceScope": "/",
        "directoryScopeId": "/",
        "roleDefinitionId": assignment.template,
    })
}
