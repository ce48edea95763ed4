//! Who may manage which application: everybody who manages all of them, and an owner its own.

use bartizan_contract::AppId;
use bartizan_identity::{Caller, CallerKind};
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::owners;
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::{ReadTx, StoreError};

use super::Key;
use crate::auth::consent_link;
use crate::call::Call;
use crate::error::{ApiError, Kind};

/// Application permissions that reach every application, not only those that the caller owns.
const ALL_APPLICATIONS: &[&str] = &["Application.ReadWrite.All", "Directory.ReadWrite.All"];

/// Refuses a change to an application that the caller may not manage: with `Application.ReadWrite.OwnedBy` alone, an
/// application manages what it owns; so does a person without a role.
///
/// # Errors
/// [`Kind::Forbidden`]
pub(super) async fn may_manage(
    tx: &mut ReadTx,
    call: &Call,
    application: &Application,
) -> Result<(), ApiError> {
    not_operator(call, application.app_id)?;
    if manages_all(call) || owners::owns(tx, call.tenant(), application.id, call.caller.oid).await?
    {
        return Ok(());
    }
    Err(not_owner(call))
}

/// The same for a service principal, which is managed by its own owners and by those of its application in this tenant.
/// One of another tenant's application, or of Microsoft's, has no such application.
///
/// # Errors
/// [`Kind::Forbidden`]
pub(super) async fn may_manage_principal(
    tx: &mut ReadTx,
    call: &Call,
    principal: &ServicePrincipal,
) -> Result<(), ApiError> {
    not_operator(call, principal.app_id)?;
    let (tenant, caller) = (call.tenant(), call.caller.oid);
    if manages_all(call) || owners::owns(tx, tenant, principal.id, caller).await? {
        return Ok(());
    }
    match applications::by_app_id(tx, tenant, principal.app_id).await? {
        Some(application) => may_manage(tx, call, &application).await,
        None => Err(not_owner(call)),
    }
}

/// Whether the caller owns the application or service principal that a path names, by itself or by its application.
///
/// # Errors
/// [`StoreError::Database`]
pub(crate) async fn is_owner(
    tx: &mut ReadTx,
    caller: &Caller,
    name: &str,
) -> Result<bool, StoreError> {
    let tenant = caller.tenant;
    let (application, principal) = match Key::parse(name) {
        Some(Key::Id(id)) => (
            applications::by_id(tx, tenant, id).await?,
            service_principals::by_id(tx, tenant, id).await?,
        ),
        Some(Key::AppId(id)) => (
            applications::by_app_id(tx, tenant, id).await?,
            service_principals::by_app_id(tx, tenant, id).await?,
        ),
        None => (None, None),
    };
    let application = match (application, &principal) {
        (None, Some(principal)) => applications::by_app_id(tx, tenant, principal.app_id).await?,
        (application, _) => application,
    };
    let objects = application.map(|a| a.id).into_iter();
    for object in objects.chain(principal.map(|p| p.id)) {
        if owners::owns(tx, tenant, object, caller.oid).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a path names the calling application's own registration.
///
/// # Errors
/// [`StoreError::Database`]
pub(crate) async fn is_itself(
    tx: &mut ReadTx,
    caller: &Caller,
    name: &str,
) -> Result<bool, StoreError> {
    let found = match Key::parse(name) {
        Some(Key::Id(id)) => applications::by_id(tx, caller.tenant, id).await?,
        Some(Key::AppId(id)) => applications::by_app_id(tx, caller.tenant, id).await?,
        None => None,
    };
    Ok(found.is_some_and(|application| application.app_id == caller.app))
}

/// Whether the caller reaches every application of the tenant.
fn manages_all(call: &Call) -> bool {
    let caller = &call.caller;
    match caller.kind {
        CallerKind::User => call.access.by_right,
        CallerKind::Application => caller
            .roles
            .iter()
            .any(|role| ALL_APPLICATIONS.contains(&role.as_str())),
    }
}

fn not_owner(call: &Call) -> ApiError {
    let text = match call.caller.kind {
        CallerKind::Application => {
            "Insufficient privileges to complete the operation: Application.ReadWrite.OwnedBy reaches only what the calling application owns; Application.ReadWrite.All reaches all."
        }
        CallerKind::User => {
            "Insufficient privileges to complete the operation: without a role such as Application Administrator, a user manages only what the user owns."
        }
    };
    ApiError::new(Kind::Forbidden, text)
}

/// Refuses an application or a user whose token lacks a second permission that the operation documents beside the first.
///
/// # Errors
/// [`Kind::Forbidden`]
pub(super) fn needs_also(call: &Call, any: &[&str]) -> Result<(), ApiError> {
    let caller = &call.caller;
    let has = match caller.kind {
        CallerKind::Application => caller.roles.iter().any(|held| any.contains(&held.as_str())),
        CallerKind::User => caller
            .scopes
            .split_whitespace()
            .any(|held| any.contains(&held)),
    };
    if has {
        return Ok(());
    }
    let first = any.first().copied().unwrap_or_default();
    let flag = match caller.kind {
        CallerKind::Application => "",
        CallerKind::User => " --delegated",
    };
    Err(ApiError::new(
        Kind::Forbidden,
        format!(
            "Insufficient privileges to complete the operation: it takes {first} as well. An administrator adds it to the registration in its home tenant (HOME) with: bartizan app permission add {} graph/{first}{flag} --tenant HOME --data DIR, then an administrator of this tenant consents at {} and a new token is taken.",
            caller.app,
            consent_link(&call.app, caller)
        ),
    ))
}

/// Refuses a change to the operator's application: its secret opens every tenant of this server, so whoever manages the
/// applications of one tenant must not get it, nor lock the server out of itself.
pub(in crate::handlers) fn not_operator(call: &Call, application: AppId) -> Result<(), ApiError> {
    if call.app.operator.get().map(|operator| operator.app) == Some(application) {
        return Err(ApiError::new(
            Kind::Forbidden,
            "The operator's application is the server's own and cannot be changed; register another one.",
        ));
    }
    Ok(())
}
