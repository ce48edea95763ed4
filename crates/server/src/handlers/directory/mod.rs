//! Directory objects of Microsoft Graph: people, groups and roles, applications with their secrets, service principals,
//! what was granted, the organization. What the portal's app registration does, from a script.

pub(crate) mod activities;
mod application_body;
pub(crate) mod applications;
pub(crate) mod assignments;
pub(crate) mod audits;
mod body;
pub(crate) mod changes;
pub(crate) mod directory_objects;
pub(crate) mod federations;
pub(crate) mod grants;
pub(crate) mod groups;
mod holders;
pub(crate) mod keys;
mod manage;
pub(crate) mod memberships;
mod objects;
pub(crate) mod organization;
pub(crate) mod owners;
mod passphrase;
pub(crate) mod passwords;
pub(crate) mod publishers;
mod query;
pub(crate) mod roles;
pub(crate) mod service_principals;
pub(crate) mod sign_ins;
pub(crate) mod users;
mod wire;

use bartizan_contract::access::GLOBAL_ADMINISTRATOR;
use bartizan_contract::{AppId, ObjectId};
use bartizan_identity::directory::DirectoryError;
use bartizan_store::directory::roles as roles_held;
use bartizan_store::{StoreError, WriteTx, audit, tenants};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::call::Call;
use crate::error::{ApiError, Kind};
pub(super) use manage::not_operator;
pub(crate) use manage::{is_itself, is_owner};
use manage::{may_manage, may_manage_principal, needs_also};

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
        Self::parse(text).ok_or_else(|| missing(text))
    }

    fn parse(text: &str) -> Option<Self> {
        let alternate = text
            .split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("appId"));
        match alternate {
            Some((_, id)) => id.trim().trim_matches('\'').parse().ok().map(Self::AppId),
            None => text.parse().ok().map(Self::Id),
        }
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

/// Leaves an audit event in the same transaction as the change.
pub(super) async fn record(
    tx: &mut WriteTx,
    call: &Call,
    action: &str,
    target: impl std::fmt::Display,
    details: Json,
) -> Result<(), StoreError> {
    record_outcome(tx, call, action, target, ("success", details)).await
}

/// The same for what was tried and failed: the outcome is the reason.
pub(super) async fn record_outcome(
    tx: &mut WriteTx,
    call: &Call,
    action: &str,
    target: impl std::fmt::Display,
    (outcome, details): (&str, Json),
) -> Result<(), StoreError> {
    let event = audit::AuditEvent {
        id: Uuid::now_v7(),
        occurred: call.app.clock.unix_micros(),
        actor: call.caller.actor(),
        action: action.to_owned(),
        target: target.to_string(),
        outcome: outcome.to_owned(),
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
