//! Why a token may or may not do something, and why something was refused, for people.

mod account;
mod kept;
mod refused;

use bartizan_contract::TenantId;
use bartizan_contract::operations::{Api, Operation};
use bartizan_contract::permissions::{PermissionKind, resource_of};

pub use account::{Account, ApplicationNow, Fact, Missing, Now, Remedy, account};
pub use kept::kept_message;
pub use refused::{ApiRefused, Check, Credential, Refused, TokenRefused, TokenSeen};

use crate::claims::AccessClaims;
use crate::resource::{accepts_audience, is_own_origin};

/// An explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the token suffices.
    pub allowed: bool,
    /// What was found, a sentence each.
    pub reasons: Vec<String>,
    /// A command that mends it.
    pub remedy: Option<String>,
}

/// Explains whether a token with these claims may call an operation. The signature is not looked
/// at; `own_origins` are the server's, where they are known.
#[must_use]
pub fn explain<S: AsRef<str>>(
    claims: &AccessClaims,
    operation: &Operation,
    own_origins: &[S],
    now: i64,
) -> Explanation {
    let mut reasons = Vec::new();
    let mut remedy = None;
    let audience = audience(claims, operation.api, own_origins);
    let Some(own_origin) = audience else {
        let (reason, command) = wrong_audience(claims, operation);
        return Explanation {
            allowed: false,
            reasons: vec![reason],
            remedy: Some(command),
        };
    };
    let in_time = now < claims.exp;
    if !in_time {
        reasons.push("The token has expired.".to_owned());
        remedy = Some(format!("bartizan token get --tenant {}", claims.tid));
    }
    let permitted = match &claims.scp {
        Some(scopes) => {
            let allowed = operation.allowed_by_scopes(scopes);
            reasons.push(delegated(operation, scopes, allowed));
            allowed
        }
        None => {
            let roles = roles(claims, operation.api, own_origin);
            let allowed = operation.allowed_by(roles);
            reasons.push(application(operation, roles, allowed));
            allowed
        }
    };
    if !permitted {
        remedy = permission_command(claims, operation).or(remedy);
    }
    Explanation {
        allowed: permitted && in_time,
        reasons,
        remedy,
    }
}

fn audience<S: AsRef<str>>(claims: &AccessClaims, api: Api, own: &[S]) -> Option<bool> {
    if resource_of(api).is_some_and(|r| accepts_audience(r, &claims.aud)) {
        return Some(false);
    }
    // Roles by resource are only in tokens for an own origin.
    (is_own_origin(&claims.aud, own) || !claims.roles_by_resource.is_empty()).then_some(true)
}

fn wrong_audience(claims: &AccessClaims, operation: &Operation) -> (String, String) {
    let wanted = resource_of(operation.api)
        .and_then(|r| r.identifier_uris.first().copied())
        .unwrap_or("api://bartizan");
    (
        format!(
            "The token is for '{}'; {} takes tokens for '{wanted}'.",
            claims.aud, operation.name
        ),
        format!(
            "bartizan token get --scope {wanted}/.default --tenant {}",
            claims.tid
        ),
    )
}

fn roles(claims: &AccessClaims, api: Api, own_origin: bool) -> &[String] {
    if !own_origin {
        return &claims.roles;
    }
    resource_of(api)
        .and_then(|r| claims.roles_by_resource.get(&r.app_id.to_string()))
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn application(operation: &Operation, roles: &[String], allowed: bool) -> String {
    let held = match roles {
        [] => "none".to_owned(),
        roles => roles.join(", "),
    };
    if operation.app_permissions.is_empty() {
        return format!(
            "{} is not for applications, only for users.",
            operation.name
        );
    }
    let wanted = operation.app_permissions.join(", ");
    let verdict = if allowed { "suffices" } else { "is missing" };
    format!(
        "{} needs one of the application permissions {wanted}: the token has {held}; that {verdict}.",
        operation.name
    )
}

fn delegated(operation: &Operation, scopes: &str, allowed: bool) -> String {
    let wanted = operation.delegated_permissions.join(", ");
    let verdict = if allowed {
        "suffices"
    } else {
        "does not suffice"
    };
    format!(
        "{} needs one of the delegated permissions {wanted}: the token has {scopes}; that {verdict}.",
        operation.name
    )
}

/// The command that gives the least of the permissions that would do.
fn permission_command(claims: &AccessClaims, operation: &Operation) -> Option<String> {
    let kind = match claims.scp {
        Some(_) => PermissionKind::Delegated,
        None => PermissionKind::Application,
    };
    grant_command(&claims.client()?, operation, kind, claims.tid)
}

/// The commands by which an administrator gives `application` the least of the permissions that would do in its home
/// tenant, where DIR is the server's data directory. The tenant stands in them, because they are pasted where another
/// one may be meant by default. None when the operation is not for this kind of token at all.
#[must_use]
pub fn grant_command(
    application: &impl std::fmt::Display,
    operation: &Operation,
    kind: PermissionKind,
    tenant: TenantId,
) -> Option<String> {
    let api = operation.api;
    Some(match kind {
        PermissionKind::Application => {
            let least = operation.app_permissions.first()?;
            format!(
                "bartizan app permission add {application} {api}/{least} --tenant {tenant} --data DIR && bartizan app consent {application} --tenant {tenant} --data DIR"
            )
        }
        PermissionKind::Delegated => {
            let least = operation.delegated_permissions.first()?;
            format!(
                "bartizan app permission add {application} {api}/{least} --delegated --tenant {tenant} --data DIR"
            )
        }
    })
}
