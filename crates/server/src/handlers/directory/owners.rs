//! `owners` of applications, service principals and groups: who manages an object without managing all of them.

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_store::directory::{PrincipalKind, owners, principal};
use bartizan_store::{StoreError, WriteTx};
use serde_json::json;

use super::body::Body;
use super::groups::reference;
use super::{
    applications, groups, may_manage, may_manage_principal, missing, needs_also, objects, query,
    record, refused, service_principals,
};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// What adding an owner takes beside the right to change the object (page "Add owner"): it reads the directory.
const READS: &[&str] = &["Directory.Read.All", "Directory.ReadWrite.All"];

/// Owners of an application.
pub(crate) async fn of_application(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let app = applications::find(&mut tx, &call).await?;
    let value = objects::owners(&mut tx, call.tenant(), app.id).await?;
    query::all(&call, value, &[], &[])
}

/// Owners of a service principal.
pub(crate) async fn of_principal(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let sp = service_principals::find(&mut tx, &call).await?;
    let value = objects::owners(&mut tx, call.tenant(), sp.id).await?;
    query::all(&call, value, &[], &[])
}

/// Owners of a group.
pub(crate) async fn of_group(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let group = groups::find(&mut tx, &call).await?;
    let value = objects::owners(&mut tx, call.tenant(), group.id).await?;
    query::all(&call, value, &[], &[])
}

/// Adds an owner of a group by reference.
pub(crate) async fn add_to_group(mut call: Call) -> Result<Response, ApiError> {
    let owner = reference(&Body::read(&mut call).await?)?;
    let mut tx = call.app.store.write().await?;
    let group = groups::find(&mut tx, &call).await?;
    groups::may_change(&call, &group)?;
    let named = (group.id, group.display_name.as_str());
    put(&mut tx, &call, named, owner, "group").await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Ends an ownership of a group.
pub(crate) async fn remove_from_group(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let group = groups::find(&mut tx, &call).await?;
    groups::may_change(&call, &group)?;
    remove(tx, &call, (group.id, &group.display_name), "group").await
}

/// Adds an owner of an application by reference.
pub(crate) async fn add_to_application(mut call: Call) -> Result<Response, ApiError> {
    let owner = reference(&Body::read(&mut call).await?)?;
    let mut tx = call.app.store.write().await?;
    let app = applications::find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &app).await?;
    add(tx, &call, (app.id, &app.display_name), owner, "application").await
}

/// Adds an owner of a service principal by reference.
pub(crate) async fn add_to_principal(mut call: Call) -> Result<Response, ApiError> {
    let owner = reference(&Body::read(&mut call).await?)?;
    let mut tx = call.app.store.write().await?;
    let sp = service_principals::find(&mut tx, &call).await?;
    may_manage_principal(&mut tx, &call, &sp).await?;
    let object = (sp.id, sp.display_name.as_str());
    add(tx, &call, object, owner, "servicePrincipal").await
}

/// Ends an ownership of an application.
pub(crate) async fn remove_from_application(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let app = applications::find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &app).await?;
    remove(tx, &call, (app.id, &app.display_name), "application").await
}

/// Ends an ownership of a service principal.
pub(crate) async fn remove_from_principal(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let sp = service_principals::find(&mut tx, &call).await?;
    may_manage_principal(&mut tx, &call, &sp).await?;
    remove(tx, &call, (sp.id, &sp.display_name), "servicePrincipal").await
}

/// Makes those owners of a new application that its body refers to; whoever makes it is one already.
pub(super) async fn bind(
    tx: &mut WriteTx,
    call: &Call,
    object: (ObjectId, &str),
    owners: &[ObjectId],
) -> Result<(), ApiError> {
    for owner in owners.iter().filter(|id| **id != call.caller.oid) {
        needs_also(call, READS)?;
        put(tx, call, object, *owner, "application").await?;
    }
    Ok(())
}

async fn add(
    mut tx: WriteTx,
    call: &Call,
    object: (ObjectId, &str),
    id: ObjectId,
    kind: &str,
) -> Result<Response, ApiError> {
    needs_also(call, READS)?;
    put(&mut tx, call, object, id, kind).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Makes a principal of the caller's tenant an owner of an object.
pub(super) async fn put(
    tx: &mut WriteTx,
    call: &Call,
    (object, name): (ObjectId, &str),
    id: ObjectId,
    kind: &str,
) -> Result<(), ApiError> {
    let owner = principal(tx, call.tenant(), id).await?;
    let owner = owner.ok_or_else(|| missing(id))?;
    if owner.kind == PrincipalKind::Group {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Owners are users and service principals; a group owns nothing.",
        ));
    }
    let now = call.app.clock.unix_micros();
    owners::add(tx, call.tenant(), object, owner, now)
        .await
        .map_err(|error| match error {
            StoreError::Exists(_) => ApiError::new(
                Kind::InvalidInput,
                "One or more added object references already exist for the following modified properties: 'owners'.",
            ),
            other => refused(other),
        })?;
    let details = json!({ "owner": id, "displayName": name });
    record(tx, call, action(kind, true), object, details).await?;
    Ok(())
}

async fn remove(
    mut tx: WriteTx,
    call: &Call,
    (object, name): (ObjectId, &str),
    kind: &str,
) -> Result<Response, ApiError> {
    let text = call.param("ownerId");
    let id: ObjectId = text.parse().map_err(|_| missing(text))?;
    if !owners::remove(&mut tx, call.tenant(), object, id).await? {
        return Err(missing(id));
    }
    let details = json!({ "owner": id, "displayName": name });
    record(&mut tx, call, action(kind, false), object, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// What the audit trail calls it.
fn action(kind: &str, added: bool) -> &'static str {
    match (kind, added) {
        ("application", true) => "application.owner.add",
        ("application", false) => "application.owner.remove",
        ("group", true) => "group.owner.add",
        ("group", false) => "group.owner.remove",
        (_, true) => "servicePrincipal.owner.add",
        (_, false) => "servicePrincipal.owner.remove",
    }
}
