//! What a user, group or service principal is a member of, and what it owns.

use std::collections::HashSet;

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_store::directory::groups::{self, Group};
use bartizan_store::directory::{PrincipalKind, applications, owners, roles, service_principals};
use http::StatusCode;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::body::{Body, required};
use super::{applications as registrations, holders, objects, query, wire};
use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};

/// How many groups `checkMemberGroups` takes (page "directoryObject: checkMemberGroups").
const MOST_CHECKED: usize = 20;

/// Groups and directory roles that the principal is a direct member of.
pub(crate) async fn direct(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let (tenant, id) = (call.tenant(), holders::named(&mut tx, &call).await?.id);
    let mut value = printed(&groups::of_member(&mut tx, tenant, id).await?);
    for held in roles::of_principal(&mut tx, tenant, id).await? {
        value.extend(objects::role_of(tenant, held.template));
    }
    query::all(&call, value, &[], &[])
}

/// The same through other groups, too.
pub(crate) async fn transitive(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let (tenant, id) = (call.tenant(), holders::named(&mut tx, &call).await?.id);
    let mut value = printed(&groups::all_of_member(&mut tx, tenant, id).await?);
    for template in roles::templates_of(&mut tx, tenant, id).await? {
        value.extend(objects::role_of(tenant, template));
    }
    query::all(&call, value, &[], &[])
}

fn printed(groups: &[Group]) -> Vec<Json> {
    let typed = |group| objects::typed(objects::group(group), "group");
    groups.iter().map(typed).collect()
}

/// Ids of all groups that the principal is in, through other groups too.
pub(crate) async fn group_ids(call: Call) -> Result<Response, ApiError> {
    ids(call, false).await
}

/// The same with the directory roles, unless security groups alone are asked for.
pub(crate) async fn object_ids(call: Call) -> Result<Response, ApiError> {
    ids(call, true).await
}

async fn ids(mut call: Call, with_roles: bool) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let security_only: bool = body.get("securityEnabledOnly")?.unwrap_or_default();
    let mut tx = call.read().await?;
    let (tenant, id) = (call.tenant(), holders::named(&mut tx, &call).await?.id);
    let groups = groups::all_of_member(&mut tx, tenant, id).await?;
    let mut ids: Vec<Uuid> = groups
        .iter()
        .filter(|group| group.security || !security_only)
        .map(|group| group.id.uuid())
        .collect();
    if with_roles && !security_only {
        let templates = roles::templates_of(&mut tx, tenant, id).await?;
        ids.extend(
            templates
                .into_iter()
                .map(|t| objects::role_object(tenant, t)),
        );
    }
    list(&call, &ids)
}

/// Those of the given groups that the principal is in, through other groups too.
pub(crate) async fn check(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let asked: Vec<ObjectId> = required(&body, "groupIds", "checkMemberGroups")?;
    if asked.len() > MOST_CHECKED {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!("groupIds names at most {MOST_CHECKED} groups: send several requests."),
        ));
    }
    let mut tx = call.read().await?;
    let (tenant, id) = (call.tenant(), holders::named(&mut tx, &call).await?.id);
    let groups = groups::all_of_member(&mut tx, tenant, id).await?;
    let held: HashSet<ObjectId> = groups.iter().map(|group| group.id).collect();
    let found: Vec<Uuid> = asked
        .iter()
        .filter(|id| held.contains(id))
        .map(|id| id.uuid())
        .collect();
    list(&call, &found)
}

fn list(call: &Call, ids: &[Uuid]) -> Result<Response, ApiError> {
    let body = json!({ "@odata.context": call.context(), "value": ids });
    answer(StatusCode::OK, &body)
}

/// Applications, service principals and groups that the principal owns.
pub(crate) async fn owned(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let holder = holders::named(&mut tx, &call).await?;
    let tenant = call.tenant();
    let mut value = Vec::new();
    if holder.kind != PrincipalKind::Group {
        let ids = owners::owned_by(&mut tx, tenant, holder.id).await?;
        for id in &ids {
            if let Some(app) = applications::by_id(&mut tx, tenant, *id).await? {
                let object = registrations::whole(&mut tx, &call, &app, false).await?;
                value.push(objects::typed(object, "application"));
            }
        }
        for sp in service_principals::by_ids(&mut tx, tenant, &ids).await? {
            let object = json!(wire::service_principal(&sp, None));
            value.push(objects::typed(object, "servicePrincipal"));
        }
        value.extend(printed(&groups::by_ids(&mut tx, tenant, &ids).await?));
    }
    query::all(&call, value, &[], &[])
}
