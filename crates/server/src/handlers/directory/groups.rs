//! `/groups`: groups of the caller's tenant and their members.

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_identity::CallerKind;
use bartizan_store::directory::groups::{self, Group};
use bartizan_store::directory::{PrincipalKind, Relation, principal};
use bartizan_store::{ReadTx, StoreError, WriteTx};
use http::StatusCode;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::body::{Body, referred, required};
use super::objects::Expanded;
use super::query::{self, Expansion, Query};
use super::{
    changes, has_administrator, keep_administrator, missing, objects, owners as owners_of, record,
    refused,
};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// What a new group may refer to.
const BOUND: &[&str] = &["members", "owners"];

/// Lists groups.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let query = Query::read(&call, &query::GROUPS)?;
    let mut tx = call.read().await?;
    let listing = groups::list(&mut tx, call.tenant(), &query.search()).await?;
    let count = match query.counted {
        true => Some(groups::count(&mut tx, call.tenant(), query.filter.as_ref()).await?),
        false => None,
    };
    let value = whole(&mut tx, &call, &listing.items, &query.expand).await?;
    query.answer(&call, value, &[], listing.next, count)
}

/// Groups as Graph prints them, with what is expanded.
async fn whole(
    tx: &mut ReadTx,
    call: &Call,
    groups: &[Group],
    expand: &[Expansion],
) -> Result<Vec<Json>, ApiError> {
    let ids: Vec<ObjectId> = groups.iter().map(|group| group.id).collect();
    let expanded = Expanded::read(tx, call.tenant(), Relation::Members, &ids, expand).await?;
    let printed = groups.iter().map(|group| {
        let mut object = objects::group(group);
        expanded.put(group.id, &mut object, expand);
        object
    });
    Ok(printed.collect())
}

/// Makes a group. Whoever makes it owns it, if the body names no owner (page "Create group").
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read_with(&mut call, BOUND).await?;
    let mut group = Group {
        id: ObjectId(Uuid::new_v4()),
        display_name: required(&body, "displayName", "Group")?,
        mail_nickname: required(&body, "mailNickname", "Group")?,
        description: None,
        security: required(&body, "securityEnabled", "Group")?,
        mail_enabled: required(&body, "mailEnabled", "Group")?,
        role_assignable: body.get("isAssignableToRole")?.unwrap_or_default(),
        properties: Map::new(),
        created: call.app.clock.unix_micros(),
    };
    apply(&mut group, &body)?;
    may_change(&call, &group)?;
    if group.role_assignable && !group.security {
        return Err(invalid(
            "isAssignableToRole",
            "such a group is securityEnabled",
        ));
    }
    let mut tx = call.app.store.write().await?;
    groups::create(&mut tx, call.tenant(), &group)
        .await
        .map_err(refused)?;
    let details = json!({ "displayName": group.display_name });
    record(&mut tx, &call, "group.create", group.id, details).await?;
    bind_members(&mut tx, &call, &group, &body).await?;
    let mut owners = body.bound("owners")?;
    // Of groups that give roles, only those who are named (permission `groups/createAsOwner`).
    let by_person = call.caller.kind == CallerKind::User;
    if owners.is_empty() && by_person && !group.role_assignable {
        owners.push(call.caller.oid);
    }
    for owner in owners {
        let named = (group.id, group.display_name.as_str());
        owners_of::put(&mut tx, &call, named, owner, "group").await?;
    }
    tx.commit().await?;
    query::entity(&call, StatusCode::CREATED, objects::group(&group), &[])
}

/// One group.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let expand = query::expansions(&call)?;
    let mut tx = call.read().await?;
    let group = find(&mut tx, &call).await?;
    let mut objects = whole(&mut tx, &call, &[group], &expand).await?;
    let object = objects.pop().unwrap_or_default();
    query::entity(&call, StatusCode::OK, object, &[])
}

/// Changes what the body names.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read_with(&mut call, &["members"]).await?;
    let mut tx = call.app.store.write().await?;
    let mut group = find(&mut tx, &call).await?;
    may_change(&call, &group)?;
    let was = objects::group(&group);
    if body.has("isAssignableToRole") {
        return Err(invalid(
            "isAssignableToRole",
            "it is fixed when the group is made",
        ));
    }
    apply(&mut group, &body)?;
    groups::update(&mut tx, call.tenant(), &group)
        .await
        .map_err(refused)?;
    let details = changes::details(&body.json(), &was, &objects::group(&group));
    record(&mut tx, &call, "group.update", group.id, details).await?;
    bind_members(&mut tx, &call, &group, &body).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Deletes a group, at once and for good.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let group = find(&mut tx, &call).await?;
    may_change(&call, &group)?;
    let before = group.role_assignable && has_administrator(&mut tx, &call).await?;
    groups::delete(&mut tx, call.tenant(), group.id).await?;
    keep_administrator(&mut tx, &call, before).await?;
    let details = json!({ "displayName": group.display_name });
    record(&mut tx, &call, "group.delete", group.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Direct members.
pub(crate) async fn members(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let group = find(&mut tx, &call).await?;
    let members = groups::members(&mut tx, call.tenant(), group.id).await?;
    let value = objects::principals(&mut tx, call.tenant(), members).await?;
    query::all(&call, value, &[], &[])
}

/// Members of the group and of the groups in it, each once.
pub(crate) async fn all_members(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let group = find(&mut tx, &call).await?;
    let members = groups::all_members(&mut tx, call.tenant(), group.id).await?;
    let value = objects::principals(&mut tx, call.tenant(), members).await?;
    query::all(&call, value, &[], &[])
}

/// Adds a member by reference.
pub(crate) async fn add_member(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let id = reference(&body)?;
    let mut tx = call.app.store.write().await?;
    let group = find(&mut tx, &call).await?;
    may_change(&call, &group)?;
    put(&mut tx, &call, &group, id).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Puts the members in that a body refers to.
async fn bind_members(
    tx: &mut WriteTx,
    call: &Call,
    group: &Group,
    body: &Body,
) -> Result<(), ApiError> {
    for member in body.bound("members")? {
        put(tx, call, group, member).await?;
    }
    Ok(())
}

async fn put(tx: &mut WriteTx, call: &Call, group: &Group, id: ObjectId) -> Result<(), ApiError> {
    let member = principal(tx, call.tenant(), id).await?;
    let member = member.ok_or_else(|| missing(id))?;
    if group.role_assignable && member.kind == PrincipalKind::Group {
        return Err(invalid(
            "members",
            "a group that roles may be assigned to has no groups in it",
        ));
    }
    let now = call.app.clock.unix_micros();
    groups::add_member(tx, call.tenant(), group.id, member, now)
        .await
        .map_err(|error| match error {
            StoreError::Exists(_) => ApiError::new(
                Kind::InvalidInput,
                "One or more added object references already exist for the following modified properties: 'members'.",
            ),
            other => refused(other),
        })?;
    let details = json!({ "member": id, "displayName": group.display_name });
    record(tx, call, "group.member.add", group.id, details).await?;
    Ok(())
}

/// Takes a member out.
pub(crate) async fn remove_member(call: Call) -> Result<Response, ApiError> {
    let text = call.param("memberId").to_owned();
    let id: ObjectId = text.parse().map_err(|_| missing(&text))?;
    let mut tx = call.app.store.write().await?;
    let group = find(&mut tx, &call).await?;
    may_change(&call, &group)?;
    let before = group.role_assignable && has_administrator(&mut tx, &call).await?;
    if !groups::remove_member(&mut tx, call.tenant(), group.id, id).await? {
        return Err(missing(id));
    }
    keep_administrator(&mut tx, &call, before).await?;
    let details = json!({ "member": id, "displayName": group.display_name });
    record(&mut tx, &call, "group.member.remove", group.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// The object that `@odata.id` names: `https://graph.microsoft.com/v1.0/directoryObjects/{id}` and its like.
pub(super) fn reference(body: &Body) -> Result<ObjectId, ApiError> {
    let text: String = required(body, "@odata.id", "reference")?;
    referred(&text).ok_or_else(|| {
        ApiError::new(
            Kind::InvalidInput,
            "Invalid URL format specified in the request: @odata.id is a URL that ends in the id of a directory object.",
        )
    })
}

pub(super) async fn find(tx: &mut ReadTx, call: &Call) -> Result<Group, ApiError> {
    let text = call.param("id");
    let found = match text.parse() {
        Ok(id) => groups::by_id(tx, call.tenant(), id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| missing(text))
}

/// Whoever changes the members of a group that gives roles gives roles.
pub(super) fn may_change(call: &Call, group: &Group) -> Result<(), ApiError> {
    if !group.role_assignable || call.access.over_roles {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::Forbidden,
        "Insufficient privileges to complete the operation: directory roles may be assigned to this group, so changing it takes a Global Administrator or Privileged Role Administrator, or the application permission RoleManagement.ReadWrite.Directory.",
    ))
}

fn apply(group: &mut Group, body: &Body) -> Result<(), ApiError> {
    if let Some(name) = body.get::<String>("displayName")? {
        group.display_name = name;
    }
    let length = group.display_name.chars().count();
    if group.display_name.trim().is_empty() || length > 256 {
        return Err(invalid("displayName", "1 to 256 characters"));
    }
    if let Some(nickname) = body.get("mailNickname")? {
        group.mail_nickname = nickname;
    }
    if let Some(security) = body.get("securityEnabled")? {
        group.security = security;
    }
    if let Some(mail) = body.get::<bool>("mailEnabled")? {
        if mail {
            return Err(invalid(
                "mailEnabled",
                "this server has security groups alone, which take no mail: send false",
            ));
        }
        group.mail_enabled = false;
    }
    let types: Option<Vec<String>> = body.get("groupTypes")?;
    if let Some(kind) = types.iter().flatten().next() {
        return Err(invalid(
            "groupTypes",
            &format!(
                "this server has security groups alone, to which members are added: '{kind}' is not served, send []"
            ),
        ));
    }
    body.nullable("description", &mut group.description)?;
    body.keep("visibility", &mut group.properties)
}

fn invalid(property: &str, reason: &str) -> ApiError {
    ApiError::new(
        Kind::InvalidInput,
        format!("Invalid value specified for property '{property}' of resource 'Group': {reason}."),
    )
}
