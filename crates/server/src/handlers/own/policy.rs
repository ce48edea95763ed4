//! `/bartizan/v1/policy`: what a tenant's administrators decide for everybody in it.

use axum::response::Response;
use bartizan_identity::facts::UserConsent;
use bartizan_store::{ReadTx, tenant_policies as stored};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::{changes, record};

/// The words of the policy on second factors; the first is the default.
const SECOND_FACTOR: &[&str] = &["none", "administrators", "all"];

/// The body of a change; what is absent stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    second_factor: Option<String>,
    user_consent: Option<String>,
}

/// The policies as they are in force.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.read().await?;
    answer(StatusCode::OK, &wire(&mut tx, &call).await?)
}

/// Changes what the body names.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let change: Change = call.json().await?;
    let consents = [UserConsent::All, UserConsent::Verified, UserConsent::None];
    let consents = consents.map(UserConsent::word);
    let changes = [
        (
            "secondFactor",
            stored::SECOND_FACTOR,
            change.second_factor,
            SECOND_FACTOR,
        ),
        (
            "userConsent",
            stored::USER_CONSENT,
            change.user_consent,
            consents.as_slice(),
        ),
    ];
    let mut details = Map::new();
    let mut tx = call.app.store.write().await?;
    let was = wire(&mut tx, &call).await?;
    for (property, name, word, words) in changes {
        let Some(word) = word else { continue };
        if !words.contains(&word.as_str()) {
            let text = format!("'{word}' is no value of {property}: {}.", words.join(", "));
            return Err(ApiError::new(Kind::InvalidInput, text));
        }
        stored::put(&mut tx, call.tenant(), name, &word).await?;
        details.insert(property.to_owned(), Value::from(word));
    }
    if details.is_empty() {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Nothing to change: name secondFactor or userConsent.",
        ));
    }
    let body = wire(&mut tx, &call).await?;
    let mut details = Value::Object(details);
    details[changes::KEY] = changes::between(&was, &body);
    record(&mut tx, &call, "tenant.policy", call.tenant(), details).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &body)
}

async fn wire(tx: &mut ReadTx, call: &Call) -> Result<Value, ApiError> {
    let second = stored::get(tx, call.tenant(), stored::SECOND_FACTOR).await?;
    let consent = stored::get(tx, call.tenant(), stored::USER_CONSENT).await?;
    let consent = consent.and_then(|word| UserConsent::parse(&word));
    Ok(json!({
        "secondFactor": second.as_deref().unwrap_or(SECOND_FACTOR[0]),
        "userConsent": consent.unwrap_or_default().word(),
    }))
}
