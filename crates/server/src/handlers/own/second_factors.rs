//! `/bartizan/v1/users/{id}/secondFactors`: whether a person must have a second factor, which there are, and taking them
//! away from who lost them. Graph has this under `authentication/methods`, which is not served.

use axum::response::Response;
use bartizan_contract::time::Timestamp;
use bartizan_identity::CallerKind;
use bartizan_store::directory::people::Person;
use bartizan_store::directory::roles;
use bartizan_store::sign_in::factors::{self, Factor, FactorKind};
use bartizan_store::{ReadTx, sign_in};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::{record, users};
use crate::identity;

/// The body of a change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    required: bool,
}

/// What is demanded of a user, and the factors that are set up; no secret is among them.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    let person = users::find(&mut tx, &call).await?;
    answer(StatusCode::OK, &wire(&mut tx, &call, &person).await?)
}

/// Says whether the account itself must have a second factor; the tenant's policy may demand one in any case.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let change: Change = call.json().await?;
    let mut tx = call.app.store.write().await?;
    let person = users::find(&mut tx, &call).await?;
    permitted(&mut tx, &call, &person, !change.required).await?;
    let id = person.user.id;
    sign_in::require_second_factor(&mut tx, call.tenant(), id, change.required).await?;
    let action = match change.required {
        true => "user.secondFactor.require",
        false => "user.secondFactor.notRequired",
    };
    let details = json!({ "userPrincipalName": person.user.upn });
    record(&mut tx, &call, action, id, details).await?;
    let body = wire(&mut tx, &call, &person).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &body)
}

/// Removes all of a user's second factors, and ends what was signed in with them: a factor is reset because it is lost,
/// or in other hands. Who had one needs one from then on, also where nothing demanded it: else the reset would leave
/// the account to its password alone. A change says otherwise.
pub(crate) async fn reset(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let person = users::find(&mut tx, &call).await?;
    permitted(&mut tx, &call, &person, true).await?;
    let (tenant, id) = (call.tenant(), person.user.id);
    let removed = factors::reset(&mut tx, tenant, id).await?;
    if removed > 0 {
        sign_in::require_second_factor(&mut tx, tenant, id, true).await?;
    }
    let required = sign_in::second_factor_required(&mut tx, tenant, id).await?;
    let now = call.app.clock.unix_micros();
    sign_in::end_everything(&mut tx, tenant, id, now).await?;
    let details = json!({
        "userPrincipalName": person.user.upn,
        "removed": removed,
        "required": required,
    });
    record(&mut tx, &call, "user.secondFactor.reset", id, details).await?;
    tx.commit().await?;
    let body = json!({ "removed": removed, "required": required });
    answer(StatusCode::OK, &body)
}

/// A user over people with roles needs a role over roles; an application's permission says that it reaches everybody. Of
/// oneself nothing is taken away by a token, which may be in other hands: the page wants a fresh sign-in for it.
async fn permitted(
    tx: &mut ReadTx,
    call: &Call,
    person: &Person,
    loosens: bool,
) -> Result<(), ApiError> {
    match call.caller.kind {
        CallerKind::User if loosens && person.user.id == call.caller.oid => Err(ApiError::new(
            Kind::Forbidden,
            "Nobody loosens the second factors of the own account with a token. Change them at /mysecurityinfo after a fresh sign-in, or ask another administrator.",
        )),
        CallerKind::User => users::over(tx, call, person).await,
        CallerKind::Application => Ok(()),
    }
}

async fn wire(tx: &mut ReadTx, call: &Call, person: &Person) -> Result<Value, ApiError> {
    let (tenant, id) = (call.tenant(), person.user.id);
    let administrator = !roles::templates_of(tx, tenant, id).await?.is_empty();
    let demanded = identity::second_factor_demanded(tx, tenant, id, administrator).await?;
    let kept = factors::of_user(tx, tenant, id).await?;
    Ok(json!({
        "userId": id,
        "userPrincipalName": person.user.upn,
        "required": sign_in::second_factor_required(tx, tenant, id).await?,
        "demanded": demanded,
        "factors": kept.iter().map(factor).collect::<Vec<_>>(),
    }))
}

fn factor(factor: &Factor) -> Value {
    let (kind, host) = match &factor.kind {
        FactorKind::Totp => ("totp", None),
        FactorKind::Passkey { host, .. } => ("passkey", Some(host)),
    };
    json!({
        "id": factor.id,
        "kind": kind,
        "displayName": factor.name,
        "host": host,
        "createdDateTime": Timestamp::from_unix_micros(factor.created),
        "lastUsedDateTime": factor.last_used.map(Timestamp::from_unix_micros),
    })
}
