//! The resource's side of tokens: who calls, and whether the row's permissions are met.

use bartizan_contract::operations::Operation;
use bartizan_contract::permissions::resource_of;
use bartizan_identity::jwt::bearer;
use bartizan_identity::{Caller, CallerKind, Rejection};
use http::{HeaderMap, header};

use crate::app::App;
use crate::error::{ApiError, Kind};

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

/// Whether the caller's roles or scopes permit the operation.
///
/// # Errors
/// 403 in Defender's wording, followed by the remedy.
pub(crate) fn permit(caller: &Caller, operation: &Operation) -> Result<(), ApiError> {
    let (allowed, wanted, held) = match caller.kind {
        CallerKind::Application => (
            operation.allowed_by(&caller.roles),
            operation.app_permissions,
            caller.roles.join(","),
        ),
        CallerKind::User => (
            operation.allowed_by_scopes(&caller.scopes),
            operation.delegated_permissions,
            caller.scopes.replace(' ', ","),
        ),
    };
    if allowed {
        return Ok(());
    }
    let (what, whose) = match caller.kind {
        CallerKind::Application => ("roles", "application roles"),
        CallerKind::User => ("scopes", "token scopes"),
    };
    let remedy = match (caller.kind, wanted.first()) {
        (CallerKind::Application, Some(first)) => format!(
            " Grant one with: bartizan app permission add {app} {api}/{first} && bartizan app consent {app}, then get a new token.",
            app = caller.app,
            api = operation.api,
        ),
        _ => String::new(),
    };
    Err(ApiError::new(
        Kind::Forbidden,
        format!(
            "Missing application {what}. API required {what}: {}, {whose}: {held}.{remedy}",
            wanted.join(",")
        ),
    ))
}
