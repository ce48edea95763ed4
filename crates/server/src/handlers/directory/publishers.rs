//! `setVerifiedPublisher` and `unsetVerifiedPublisher`: that somebody knows who publishes an application.
//!
//! In Microsoft's cloud the partner program vouches for publishers. Here the operator of the server does, because consent
//! in every tenant relies on it: an administrator of the publisher's own tenant may not.

use axum::response::Response;
use bartizan_contract::time::Timestamp;
use bartizan_identity::CallerKind;
use bartizan_store::directory::applications as registrations;
use bartizan_store::tenants;
use serde_json::{Value as Json, json};

use super::body::{Body, required};
use super::{applications, record, refused};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// The property of an application that holds it.
pub(super) const VERIFIED: &str = "verifiedPublisher";

/// Marks the application as one of a publisher that the operator knows: the organization of its home tenant.
pub(crate) async fn set(mut call: Call) -> Result<Response, ApiError> {
    by_operator(&call)?;
    let body = Body::read(&mut call).await?;
    let id: String = required(&body, "verifiedPublisherId", "Application")?;
    if id.trim().is_empty() || id.chars().count() > 64 {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Invalid value specified for property 'verifiedPublisherId' of resource 'Application': 1 to 64 characters, by which the operator knows the publisher.",
        ));
    }
    let mut tx = call.app.store.write().await?;
    let mut app = applications::find(&mut tx, &call).await?;
    let home = tenants::by_id(&mut tx, app.tenant).await?;
    let name = home.map(|home| home.display_name).unwrap_or_default();
    let now = Timestamp::from_unix_micros(call.app.clock.unix_micros());
    let publisher = json!({
        "displayName": name,
        "verifiedPublisherId": id,
        "addedDateTime": now,
    });
    app.properties.insert(VERIFIED.to_owned(), publisher);
    registrations::update(&mut tx, &app)
        .await
        .map_err(refused)?;
    let details =
        json!({ "displayName": app.display_name, "publisher": name, "verifiedPublisherId": id });
    record(
        &mut tx,
        &call,
        "application.publisher.verify",
        app.id,
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Takes the mark away.
pub(crate) async fn unset(call: Call) -> Result<Response, ApiError> {
    by_operator(&call)?;
    let mut tx = call.app.store.write().await?;
    let mut app = applications::find(&mut tx, &call).await?;
    app.properties.remove(VERIFIED);
    registrations::update(&mut tx, &app)
        .await
        .map_err(refused)?;
    let details = json!({ "displayName": app.display_name });
    record(
        &mut tx,
        &call,
        "application.publisher.unverify",
        app.id,
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Lets the operator's application through, in whichever tenant it acts.
fn by_operator(call: &Call) -> Result<(), ApiError> {
    let operator = call.app.operator.get().map(|operator| operator.app);
    if call.caller.kind == CallerKind::Application && operator == Some(call.caller.app) {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::Forbidden,
        "Insufficient privileges to complete the operation: tenants rely on who vouches for a publisher, so the operator of this server does it: bartizan app verify-publisher APP --data DIR (DIR is the server's data directory).",
    ))
}

/// The property as Graph prints it: with nulls where nobody vouches.
pub(super) fn printed(kept: Option<&Json>) -> Json {
    let member = |name: &str| kept.map_or(Json::Null, |publisher| publisher[name].clone());
    json!({
        "displayName": member("displayName"),
        "verifiedPublisherId": member("verifiedPublisherId"),
        "addedDateTime": member("addedDateTime"),
    })
}
