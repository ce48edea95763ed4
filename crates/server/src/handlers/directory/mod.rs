//! Directory objects of Microsoft Graph: people, groups and roles, applications with their secrets, service principals,
//! what was granted, the organization. What the portal's app registration does, from a script.

pub(crate) mod applications;
pub(crate) mod assignments;
pub(crate) mod audits;
mod body;
pub(crate) mod federations;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod keys;
mod objects;
pub(crate) mod organization;
mod passphrase;
pub(crate) mod passwords;
mod query;
pub(crate) mod roles;
pub(crate) mod service_principals;
pub(crate) mod users;
mod wire;

use bartizan_contract::access::GLOBAL_ADMINISTRATOR;
use bartizan_contract::{AppId, ObjectId};
use bartizan_identity::CallerKind;
use bartizan_identity::directory::DirectoryError;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::roles as roles_held;
use bartizan_store::{StoreError, WriteTx, audit, tenants};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::call::Call;
use crate::error::{ApiError, Kind};

/// The property that holds who registered an application.
const CREATED_BY: &str = "createdByAppId";
/// Application permissions that reach every application, not only those that the caller registered.
const ALL_APPLICATIONS: &[&str] = &["Application.ReadWrite.All", "Directory.ReadWrite.All"];

/// How a path names an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// `/applications/{id}`
    Id(ObjectId),
    /// `/applications(appId='{id}')`
    AppId(AppId),
}

impl Key {
    /// The path's `{id}`. What is no GUID names nothing.
    fn of(call: &Call) -> Result<Self, ApiError> {
        let text = call.param("id");
        let alternate = text
            .split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("appId"));
        let key = match alternate {
            Some((_, id)) => id.trim().trim_matches('\'').parse().ok().map(Self::AppId),
            None => text.parse().ok().map(Self::Id),
        };
        key.ok_or_else(|| missing(text))
    }
}

/// Graph's wording of a 404.
fn missing(id: impl std::fmt::Display) -> ApiError {
    ApiError::new(
        Kind::NotFound,
        format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        ),
    )
}

/// Refuses a change to an application that the caller may not manage: with `Application.ReadWrite.OwnedBy` alone, an
/// application manages what it registered itself.
fn may_manage(call: &Call, application: &Application) -> Result<(), ApiError> {
    not_operator(call, application.app_id)?;
    let owner = application
        .properties
        .get(CREATED_BY)
        .and_then(Json::as_str);
    if owner == Some(call.caller.app.to_string().as_str()) {
        return Ok(());
    }
    may_manage_all(call)
}

/// Refuses a change to the operator's application: its secret opens every tenant of this server, so whoever manages the
/// applications of one tenant must not get it, nor lock the server out of itself.
pub(super) fn not_operator(call: &Call, application: AppId) -> Result<(), ApiError> {
    if call.app.operator.get().map(|operator| operator.app) == Some(application) {
        return Err(ApiError::new(
            Kind::Forbidden,
            "The operator's application is the server's own and cannot be changed; register another one.",
        ));
    }
    Ok(())
}

/// Whether an enabled user is Global Administrator, before a change that could take the last one. The tenant's lock
/// keeps two such changes apart.
async fn has_administrator(tx: &mut WriteTx, call: &Call) -> Result<bool, ApiError> {
    tenants::lock(tx, call.tenant()).await?;
    Ok(roles_held::has_enabled_holder(tx, call.tenant(), GLOBAL_ADMINISTRATOR).await?)
}

/// Refuses the change if the tenant had a Global Administrator who could sign in, and has none any more.
async fn keep_administrator(tx: &mut WriteTx, call: &Call, before: bool) -> Result<(), ApiError> {
    if !before || roles_held::has_enabled_holder(tx, call.tenant(), GLOBAL_ADMINISTRATOR).await? {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::InvalidInput,
        "This would leave the tenant without an enabled Global Administrator: give the role to another user first.",
    ))
}

/// Refuses a caller who may not manage every application of the tenant.
fn may_manage_all(call: &Call) -> Result<(), ApiError> {
    let caller = &call.caller;
    // A user is here by a role of the directory, which the operation's row demanded.
    let all = caller.kind == CallerKind::User
        || caller
            .roles
            .iter()
            .any(|role| ALL_APPLICATIONS.contains(&role.as_str()));
    if all {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::Forbidden,
        "Insufficient privileges to complete the operation: Application.ReadWrite.OwnedBy reaches only applications that the caller registered.",
    ))
}

/// Leaves an audit event in the same transaction as the change.
pub(super) async fn record(
    tx: &mut WriteTx,
    call: &Call,
    action: &str,
    target: impl std::fmt::Display,
    details: Json,
) -> Result<(), StoreError> {
    let event = audit::AuditEvent {
        id: Uuid::now_v7(),
        occurred: call.app.clock.unix_micros(),
        actor: call.caller.actor(),
        action: action.to_owned(),
        target: target.to_string(),
        outcome: "success".to_owned(),
        request_id: Some(call.request_id.to_string()),
        details,
    };
    audit::append(tx, call.tenant(), &event).await
}

/// The store's refusals of a change, in Graph's words.
fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::Exists(what) => ApiError::new(
            Kind::Conflict,
            format!("Another object with the same value already exists ({what})."),
        ),
        StoreError::Missing(what) => ApiError::new(
            Kind::NotFound,
            format!(
                "The {what} does not exist or one of its queried reference-property objects are not present."
            ),
        ),
        other => other.into(),
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        Self::new(Kind::InvalidInput, error.to_string())
    }
}

/// Names of the properties in a body, for the audit trail: values may be long, names tell what was done.
fn names_in(body: &Json) -> Json {
    let names = body
        .as_object()
        .map(|object| object.keys().cloned().collect::<Vec<_>>());
    json!({ "properties": names.unwrap_or_default() })
}
