//! `/servicePrincipals/{id}/appRoleAssignments` and `/appRoleAssignedTo`: admin consent to application permissions.

use axum::response::Response;
use bartizan_contract::graph::{self, NewAppRoleAssignment};
use bartizan_contract::odata::Entity;
use bartizan_contract::time::Timestamp;
use bartizan_identity::CallerKind;
use bartizan_identity::consent::reaches_to_roles;
use bartizan_identity::directory::check_assignment;
use bartizan_store::directory::assignments::{self, AppRoleAssignment};
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::{ReadTx, StoreError};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{missing, not_operator, query, record, refused, service_principals as principals};
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

/// What a service principal holds.
pub(crate) async fn held(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let sp = principals::find(&mut tx, &call).await?;
    let held = assignments::of_principal(&mut tx, call.tenant(), sp.id).await?;
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
    create(call, new, |new| new.principal_id).await
}

/// Gives a role; the path names the resource that offers it.
pub(crate) async fn grant_of_resource(mut call: Call) -> Result<Response, ApiError> {
    let new: NewAppRoleAssignment = call.json().await?;
    create(call, new, |new| new.resource_id).await
}

async fn create(
    call: Call,
    new: NewAppRoleAssignment,
    named_by_path: fn(&NewAppRoleAssignment) -> bartizan_contract::ObjectId,
) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let tenant = call.tenant();
    if principals::find(&mut tx, &call).await?.id != named_by_path(&new) {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "The id in the path and the one in the body must be the same object.",
        ));
    }
    let principal = service_principals::by_id(&mut tx, tenant, new.principal_id).await?;
    let principal = principal.ok_or_else(|| missing(new.principal_id))?;
    let resource = service_principals::by_id(&mut tx, tenant, new.resource_id).await?;
    let resource = resource.ok_or_else(|| missing(new.resource_id))?;
    may_grant(&call, &resource)?;
    let held = assignments::of_principal(&mut tx, tenant, principal.id).await?;
    let held: Vec<_> = held.iter().map(|a| (a.resource, a.app_role_id)).collect();
    check_assignment(&new, &resource.display_name, &resource.app_roles, &held)?;
    let assignment = AppRoleAssignment {
        id: Uuid::new_v4().simple().to_string(),
        principal: principal.id,
        principal_kind: "ServicePrincipal".to_owned(),
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
        "principal": principal.display_name,
        "resource": resource.display_name,
        "role": role.and_then(|role| role.value.as_deref()),
    });
    record(
        &mut tx,
        &call,
        "appRoleAssignment.create",
        &assignment.id,
        details,
    )
    .await?;
    tx.commit().await?;
    let entity = wire(&assignment, Some(&principal), Some(&resource));
    answer(
        StatusCode::CREATED,
        &Entity {
            context: call.context(),
            entity,
        },
    )
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

/// Takes a role away; the next token lacks it.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let id = call.param("assignmentId").to_owned();
    let mut tx = call.app.store.write().await?;
    let sp = principals::find(&mut tx, &call).await?;
    let held = assignments::of_principal(&mut tx, call.tenant(), sp.id).await?;
    let assignment = held
        .iter()
        .find(|a| a.id == id)
        .ok_or_else(|| missing(&id))?;
    not_operator(&call, sp.app_id)?;
    if let Some(resource) =
        service_principals::by_id(&mut tx, call.tenant(), assignment.resource).await?
    {
        may_grant(&call, &resource)?;
    }
    assignments::delete(&mut tx, call.tenant(), &assignment.id).await?;
    let details = json!({ "principal": sp.display_name, "appRoleId": assignment.app_role_id });
    record(&mut tx, &call, "appRoleAssignment.delete", &id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

async fn collection(
    call: &Call,
    tx: &mut ReadTx,
    found: &[AppRoleAssignment],
) -> Result<Response, ApiError> {
    let mut value = Vec::with_capacity(found.len());
    for assignment in found {
        let (principal, resource) = ends(call, tx, assignment).await?;
        value.push(json!(wire(
            assignment,
            principal.as_ref(),
            resource.as_ref()
        )));
    }
    query::all(call, value, &[], FILTERED)
}

type Ends = (Option<ServicePrincipal>, Option<ServicePrincipal>);

async fn ends(
    call: &Call,
    tx: &mut ReadTx,
    assignment: &AppRoleAssignment,
) -> Result<Ends, StoreError> {
    let tenant = call.tenant();
    Ok((
        service_principals::by_id(tx, tenant, assignment.principal).await?,
        service_principals::by_id(tx, tenant, assignment.resource).await?,
    ))
}

fn wire(
    assignment: &AppRoleAssignment,
    principal: Option<&ServicePrincipal>,
    resource: Option<&ServicePrincipal>,
) -> graph::AppRoleAssignment {
    let name = |sp: Option<&ServicePrincipal>| sp.map(|sp| sp.display_name.clone());
    graph::AppRoleAssignment {
        id: assignment.id.clone(),
        deleted_date_time: None,
        app_role_id: assignment.app_role_id,
        created_date_time: Some(Timestamp::from_unix_micros(assignment.created)),
        principal_display_name: name(principal),
        principal_id: assignment.principal,
        principal_type: Some(assignment.principal_kind.clone()),
        resource_display_name: name(resource),
        resource_id: assignment.resource,
    }
}
