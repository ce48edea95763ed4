//! `appRoleAssignments` of users, groups and service principals, and `appRoleAssignedTo` of resources: who holds which
//! app role. To service principals they are application permissions, to people the roles of an application, or access to
//! it at all.

use std::collections::HashMap;

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_contract::graph::{self, NewAppRoleAssignment};
use bartizan_contract::odata::Entity;
use bartizan_contract::time::Timestamp;
use bartizan_identity::CallerKind;
use bartizan_identity::consent::reaches_to_roles;
use bartizan_identity::directory::{Assignee, check_assignment};
use bartizan_store::directory::assignments::{self, AppRoleAssignment};
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::{Principal, PrincipalKind};
use bartizan_store::{ReadTx, WriteTx};
use http::StatusCode;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::holders::{self, Holder};
use super::{
    missing, not_operator, objects, query, record, refused, service_principals as principals,
};
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};

/// What `$filter` may name.
const FILTERED: &[&str] = &[
    "id",
    "appRoleId",
    "principalDisplayName",
    "principalId",
    "principalType",
    "resourceDisplayName",
    "resourceId",
];

/// What a user, group or service principal holds itself.
pub(crate) async fn held(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let holder = holders::named(&mut tx, &call).await?;
    let held = assignments::of_principal(&mut tx, call.tenant(), holder.id).await?;
    collection(&call, &mut tx, &held).await
}

/// Who holds roles of a service principal.
pub(crate) async fn given(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let sp = principals::find(&mut tx, &call).await?;
    let given = assignments::of_resource(&mut tx, call.tenant(), sp.id).await?;
    collection(&call, &mut tx, &given).await
}

/// Gives a role; the path names the one who gets it.
pub(crate) async fn grant(mut call: Call) -> Result<Response, ApiError> {
    let new: NewAppRoleAssignment = call.json().await?;
    let mut tx = call.app.store.write().await?;
    let holder = holders::named(&mut tx, &call).await?;
    same(holder.id, new.principal_id)?;
    let resource = service_principals::by_id(&mut tx, call.tenant(), new.resource_id).await?;
    let resource = resource.ok_or_else(|| missing(new.resource_id))?;
    create(tx, &call, &new, &holder, &resource).await
}

/// Gives a role; the path names the resource that offers it.
pub(crate) async fn grant_of_resource(mut call: Call) -> Result<Response, ApiError> {
    let new: NewAppRoleAssignment = call.json().await?;
    let mut tx = call.app.store.write().await?;
    let resource = principals::find(&mut tx, &call).await?;
    same(resource.id, new.resource_id)?;
    let holder = holders::by_id(&mut tx, &call, new.principal_id).await?;
    create(tx, &call, &new, &holder, &resource).await
}

fn same(path: ObjectId, body: ObjectId) -> Result<(), ApiError> {
    if path == body {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::InvalidInput,
        "The id in the path and the one in the body must be the same object.",
    ))
}

async fn create(
    mut tx: WriteTx,
    call: &Call,
    new: &NewAppRoleAssignment,
    holder: &Holder,
    resource: &ServicePrincipal,
) -> Result<Response, ApiError> {
    let tenant = call.tenant();
    may_grant(call, resource)?;
    let held = assignments::of_principal(&mut tx, tenant, holder.id).await?;
    let held: Vec<_> = held.iter().map(|a| (a.resource, a.app_role_id)).collect();
    let assignee = match holder.kind {
        PrincipalKind::ServicePrincipal => Assignee::Application,
        PrincipalKind::User | PrincipalKind::Group => Assignee::Person,
    };
    let offered = (
        resource.display_name.as_str(),
        resource.app_roles.as_slice(),
    );
    check_assignment(new, assignee, offered, &held)?;
    let assignment = AppRoleAssignment {
        id: Uuid::new_v4().simple().to_string(),
        principal: holder.id,
        principal_kind: word(holder.kind).to_owned(),
        resource: resource.id,
        app_role_id: new.app_role_id,
        created: call.app.clock.unix_micros(),
    };
    assignments::create(&mut tx, tenant, &assignment)
        .await
        .map_err(refused)?;
    let role = resource
        .app_roles
        .iter()
        .find(|role| role.id == new.app_role_id);
    let details = json!({
        "principal": holder.name,
        "principalId": holder.id,
        "resource": resource.display_name,
        "role": role.and_then(|role| role.value.as_deref()),
    });
    let action = action(holder.kind, true);
    record(&mut tx, call, action, &assignment.id, details).await?;
    tx.commit().await?;
    let names = (
        Some(holder.name.clone()),
        Some(resource.display_name.clone()),
    );
    answer(
        StatusCode::CREATED,
        &Entity {
            context: call.context(),
            entity: wire(&assignment, names),
        },
    )
}

/// What the audit trail calls it: Entra has an operation for each kind of principal.
const fn action(kind: PrincipalKind, given: bool) -> &'static str {
    match (kind, given) {
        (PrincipalKind::ServicePrincipal, true) => "appRoleAssignment.create",
        (PrincipalKind::ServicePrincipal, false) => "appRoleAssignment.delete",
        (PrincipalKind::User, true) => "user.appRoleAssignment.create",
        (PrincipalKind::User, false) => "user.appRoleAssignment.delete",
        (PrincipalKind::Group, true) => "group.appRoleAssignment.create",
        (PrincipalKind::Group, false) => "group.appRoleAssignment.delete",
    }
}

/// `principalType`
const fn word(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "User",
        PrincipalKind::Group => "Group",
        PrincipalKind::ServicePrincipal => "ServicePrincipal",
    }
}

fn kind(word: &str) -> PrincipalKind {
    match word {
        "User" => PrincipalKind::User,
        "Group" => PrincipalKind::Group,
        _ => PrincipalKind::ServicePrincipal,
    }
}

/// Who manages applications alone neither grants nor takes what reaches to roles over roles.
fn may_grant(call: &Call, resource: &ServicePrincipal) -> Result<(), ApiError> {
    let by_right = call.caller.kind == CallerKind::Application || call.access.over_roles;
    if by_right || !reaches_to_roles(resource.app_id) {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::Forbidden,
        format!(
            "Insufficient privileges to complete the operation: application permissions of {} are granted and taken by a Privileged Role Administrator or Global Administrator.",
            resource.display_name
        ),
    ))
}

/// Takes a role away; the next token lacks it. The path names the one who holds it.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let holder = holders::named(&mut tx, &call).await?;
    let held = assignments::of_principal(&mut tx, call.tenant(), holder.id).await?;
    let assignment = found(&call, held)?;
    let resource = service_principals::by_id(&mut tx, call.tenant(), assignment.resource).await?;
    take(tx, &call, &assignment, &holder, resource.as_ref()).await
}

/// Takes a role away; the path names the resource that offers it.
pub(crate) async fn delete_of_resource(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let resource = principals::find(&mut tx, &call).await?;
    let given = assignments::of_resource(&mut tx, call.tenant(), resource.id).await?;
    let assignment = found(&call, given)?;
    let holder = holders::by_id(&mut tx, &call, assignment.principal).await?;
    take(tx, &call, &assignment, &holder, Some(&resource)).await
}

fn found(call: &Call, among: Vec<AppRoleAssignment>) -> Result<AppRoleAssignment, ApiError> {
    let id = call.param("assignmentId");
    let found = among.into_iter().find(|a| a.id == id);
    found.ok_or_else(|| missing(id))
}

async fn take(
    mut tx: WriteTx,
    call: &Call,
    assignment: &AppRoleAssignment,
    holder: &Holder,
    resource: Option<&ServicePrincipal>,
) -> Result<Response, ApiError> {
    if let Some(app) = holder.app {
        not_operator(call, app)?;
    }
    if let Some(resource) = resource {
        may_grant(call, resource)?;
    }
    assignments::delete(&mut tx, call.tenant(), &assignment.id).await?;
    let details = json!({
        "principal": holder.name,
        "principalId": holder.id,
        "appRoleId": assignment.app_role_id,
    });
    let action = action(holder.kind, false);
    record(&mut tx, call, action, &assignment.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

async fn collection(
    call: &Call,
    tx: &mut ReadTx,
    found: &[AppRoleAssignment],
) -> Result<Response, ApiError> {
    let holders = found.iter().map(|assignment| Principal {
        id: assignment.principal,
        kind: kind(&assignment.principal_kind),
    });
    let resources = found.iter().map(|assignment| Principal {
        id: assignment.resource,
        kind: PrincipalKind::ServicePrincipal,
    });
    let ends: Vec<Principal> = holders.chain(resources).collect();
    let known = objects::principals_by_id(tx, call.tenant(), &ends).await?;
    let value = found
        .iter()
        .map(|a| {
            let names = (name(&known, a.principal), name(&known, a.resource));
            json!(wire(a, names))
        })
        .collect();
    query::all(call, value, &[], FILTERED)
}

fn name(known: &HashMap<ObjectId, Json>, id: ObjectId) -> Option<String> {
    let name = known.get(&id)?["displayName"].as_str();
    name.map(str::to_owned)
}

fn wire(
    assignment: &AppRoleAssignment,
    (principal, resource): (Option<String>, Option<String>),
) -> graph::AppRoleAssignment {
    graph::AppRoleAssignment {
        id: assignment.id.clone(),
        deleted_date_time: None,
        app_role_id: assignment.app_role_id,
        created_date_time: Some(Timestamp::from_unix_micros(assignment.created)),
        principal_display_name: principal,
        principal_id: assignment.principal,
        principal_type: Some(assignment.principal_kind.clone()),
        resource_display_name: resource,
        resource_id: assignment.resource,
    }
}
