//! `/bartizan/v1/keys…`: the keys that sign tokens, for the operator alone, because they sign for every tenant.

use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_store::keys::{self as stored, SigningKey};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator_only;
use crate::app::App;
use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::identity::{self, KeysError, Origin, ScheduleError, Wish};

/// The body of a rotation.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Rotation {
    now: bool,
}

/// Lists keys, retired and revoked ones too.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    operator_only(&call, "Signing keys are")?;
    let mut tx = call.app.store.read().await?;
    let keys = stored::all(&mut tx).await?;
    drop(tx);
    collection(&call, &keys)
}

/// Publishes another key, which signs later or now.
pub(crate) async fn rotate(mut call: Call) -> Result<Response, ApiError> {
    let body = call.bytes().await?;
    let rotation: Rotation = if body.is_empty() {
        Rotation::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::new(
                Kind::InvalidBody,
                format!("The request body is not valid: {error}."),
            )
        })?
    };
    let at_once = rotation.now;
    wish(&call, &Wish::Rotate { at_once }).await
}

/// Seals all keys with a new key-encryption key.
pub(crate) async fn reseal(call: Call) -> Result<Response, ApiError> {
    wish(&call, &Wish::Reseal).await
}

/// Puts a leaked key out of use at once.
pub(crate) async fn revoke(call: Call) -> Result<Response, ApiError> {
    wish(&call, &Wish::Revoke(call.param("kid").to_owned())).await
}

/// Ends a key before its time.
pub(crate) async fn retire(call: Call) -> Result<Response, ApiError> {
    wish(&call, &Wish::Retire(call.param("kid").to_owned())).await
}

async fn wish(call: &Call, wish: &Wish) -> Result<Response, ApiError> {
    operator_only(call, "Signing keys are")?;
    let origin = Origin {
        actor: call.caller.actor(),
        request_id: Some(call.request_id.to_string()),
    };
    let keys = identity::carry_out(&call.app, wish, &origin).await?;
    collection(call, &keys)
}

fn collection(call: &Call, keys: &[SigningKey]) -> Result<Response, ApiError> {
    let body: Collection<Value> = Collection {
        context: call.context(),
        count: None,
        value: keys.iter().map(|key| wire(key, &call.app)).collect(),
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

fn wire(key: &SigningKey, app: &App) -> Value {
    let signs_from = identity::signs_from(app, key).map(Timestamp::from_unix_micros);
    json!({
        "kid": key.kid,
        "state": key.state.as_str(),
        "createdDateTime": Timestamp::from_unix_micros(key.created),
        "stateChangedDateTime": Timestamp::from_unix_micros(key.changed),
        "signsFromDateTime": signs_from,
        "endDateTime": Timestamp::from_unix_micros(key.not_after),
    })
}

impl From<KeysError> for ApiError {
    fn from(error: KeysError) -> Self {
        let kind = match &error {
            KeysError::Schedule(ScheduleError::Unknown) => Kind::NotFound,
            KeysError::Schedule(ScheduleError::Signs | ScheduleError::Over) => Kind::Conflict,
            KeysError::SealElsewhere => Kind::BadRequest,
            _ => return Self::internal(error),
        };
        let error = Self::new(kind, format!("{error}."));
        match kind {
            // Nothing is there twice, which is what a conflict is in the directory.
            Kind::Conflict => error.code("DisallowedOperation"),
            _ => error,
        }
    }
}
