//! The resource's side of tokens: who calls, and whether the row's permissions are met.

use bartizan_contract::OperationId;
use bartizan_contract::operations::Operation;
use bartizan_contract::permissions::{PermissionKind, resource_of};
use bartizan_contract::route::Match;
use bartizan_identity::consent::admin_consent_link;
use bartizan_identity::explain::grant_command;
use bartizan_identity::jwt::bearer;
use bartizan_identity::{Caller, CallerKind, Rejection};
use bartizan_security::access::{self, Access, Denial, DeviceScope};
use bartizan_store::StoreError;
use bartizan_store::defender_roles;
use bartizan_store::directory::{applications, owners, people};
use http::{HeaderMap, header};

use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::handlers::directory;

/// The caller of an operation, from the one `Authorization` header.
///
/// # Errors
/// 401 with a challenge that says which check failed (RFC 6750 section 3).
pub(crate) fn caller(
    app: &App,
    headers: &HeaderMap,
    operation: &Operation,
) -> Result<Caller, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().map(|value| value.to_str().unwrap_or("?"));
    let token = match values.next() {
        Some(_) => Err(Rejection::NotBearer),
        None => bearer(value),
    };
    let verified = token.and_then(|token| {
        app.keys
            .verifier()
            .verify(token, operation.api, app.clock.unix_seconds())
    });
    verified.map_err(|rejection| {
        let login = app.sites.public().origin().ascii_serialization();
        let mut message = rejection.to_string();
        if let (Rejection::Audience(_), Some(resource)) = (&rejection, resource_of(operation.api)) {
            // The commonest mistake with three APIs on one host: a good token for another of them.
            message.push_str(&format!(
                " This operation belongs to {}; ask for a token with scope {}/.default.",
                resource.display_name,
                resource.identifier_uris.first().unwrap_or(&"")
            ));
        }
        ApiError::new(Kind::Unauthorized, message).challenge(rejection.challenge(&login, None))
    })
}

/// What the caller may do with the operation.
///
/// # Errors
/// 403 in Defender's wording, followed by the remedy; 400 for an application that asks who it is as a person.
pub(crate) async fn permit(
    app: &App,
    caller: &Caller,
    matched: &Match,
) -> Result<Access, ApiError> {
    let operation = matched.operation;
    if operation.id == OperationId::GraphSendABatch {
        // It does nothing itself: each of its parts is permitted like a call of its own.
        return Ok(Access {
            devices: DeviceScope::All,
            by_right: false,
            over_roles: false,
        });
    }
    match caller.kind {
        CallerKind::Application if operation.group == "me" => Err(ApiError::new(
            Kind::BadRequest,
            "/me request is only valid with delegated authentication flow.",
        )),
        CallerKind::Application => match access::of_application(operation, &caller.roles) {
            Some(access) => Ok(access),
            None if rolls_own_keys(app, caller, matched).await? => Ok(Access {
                devices: DeviceScope::All,
                by_right: false,
                over_roles: false,
            }),
            None => Err(missing_permission(app, caller, operation).await?),
        },
        CallerKind::User => user(app, caller, matched).await,
    }
}

/// Whether an application rolls keys of its own, which takes no permission: the operation demands a proof that it holds
/// one of them.
async fn rolls_own_keys(app: &App, caller: &Caller, matched: &Match) -> Result<bool, StoreError> {
    let rolls = [
        OperationId::GraphAddKeyToApplication,
        OperationId::GraphRemoveKeyFromApplication,
    ];
    let Some(key) = matched
        .param("id")
        .filter(|_| rolls.contains(&matched.operation.id))
    else {
        return Ok(false);
    };
    let mut tx = app.store.read().await?;
    directory::is_itself(&mut tx, caller, key).await
}

async fn user(app: &App, caller: &Caller, matched: &Match) -> Result<Access, ApiError> {
    let mut tx = app.store.read().await?;
    let facts = defender_roles::facts_of(&mut tx, caller.tenant, caller.oid).await?;
    let own = match (matched.operation.group, matched.param("id")) {
        ("users", Some(key)) => people::find(&mut tx, caller.tenant, key)
            .await?
            .is_some_and(|person| person.user.id == caller.oid),
        ("applications" | "service principals", Some(key)) => {
            directory::is_owner(&mut tx, caller, key).await?
        }
        ("groups", Some(key)) => match key.parse() {
            Ok(id) => owners::owns(&mut tx, caller.tenant, id, caller.oid).await?,
            Err(_) => false,
        },
        _ => false,
    };
    drop(tx);
    let denial = match access::of_user(matched.operation, &caller.scopes, facts.as_ref(), own) {
        Ok(access) => return Ok(access),
        Err(denial) => denial,
    };
    Err(match denial {
        Denial::Scope => missing_permission(app, caller, matched.operation).await?,
        Denial::Gone | Denial::Disabled => ApiError::new(Kind::Unauthorized, denial.to_string()),
        Denial::Role { .. } | Denial::Devices => ApiError::new(
            Kind::Forbidden,
            format!(
                "Insufficient privileges to complete the operation. {denial} Give one with: bartizan role assign ROLE {0} --tenant {1}; see the user's roles with: bartizan role list --principal {0} --tenant {1}",
                caller.oid, caller.tenant
            ),
        ),
    })
}

async fn missing_permission(
    app: &App,
    caller: &Caller,
    operation: &Operation,
) -> Result<ApiError, StoreError> {
    let (wanted, held) = match caller.kind {
        CallerKind::Application => (operation.app_permissions, caller.roles.join(",")),
        CallerKind::User => (
            operation.delegated_permissions,
            caller.scopes.replace(' ', ","),
        ),
    };
    let (what, whose, kind) = match caller.kind {
        CallerKind::Application => ("roles", "application roles", PermissionKind::Application),
        CallerKind::User => ("scopes", "token scopes", PermissionKind::Delegated),
    };
    let remedy = remedy(app, caller, operation, kind).await?;
    Ok(ApiError::new(
        Kind::Forbidden,
        format!(
            "Missing application {what}. API required {what}: {}, {whose}: {held}.{remedy}",
            wanted.join(","),
        ),
    ))
}

/// Who mends it, and how.
async fn remedy(
    app: &App,
    caller: &Caller,
    operation: &Operation,
    kind: PermissionKind,
) -> Result<String, StoreError> {
    let Some(command) = grant_command(&caller.app, operation, kind, caller.tenant) else {
        return Ok(match kind {
            PermissionKind::Application => {
                " No application permission opens this operation: it is for users.".to_owned()
            }
            PermissionKind::Delegated => {
                " No delegated permission opens this operation: it is for applications.".to_owned()
            }
        });
    };
    let after = match kind {
        PermissionKind::Application => "Then get a new token",
        PermissionKind::Delegated => "Then sign in again with this scope, and consent",
    };
    let mut tx = app.store.read().await?;
    let at_home = applications::by_app_id(&mut tx, caller.tenant, caller.app).await?;
    drop(tx);
    Ok(match at_home {
        Some(_) => format!(
            " An administrator grants one with: {command} (DIR is the server's data directory). {after}."
        ),
        // The registration is another tenant's; what is decided in this one is consent to what it asks for.
        None => format!(
            " An administrator of the tenant consents at {}, once the application's registration, in its home tenant, asks for one. {after}.",
            consent_link(app, caller)
        ),
    })
}

/// The link by which an administrator of the caller's tenant consents to all that the application asks for.
pub(crate) fn consent_link(app: &App, caller: &Caller) -> String {
    let login = app.sites.public().origin().ascii_serialization();
    let tenant = caller.tenant.to_string();
    admin_consent_link::<&str>(&login, &tenant, caller.app, &[], None)
}
