//! `POST /applications/{id}/addPassword` and `/removePassword`.

use axum::response::Response;
use bartizan_contract::graph::{AddPasswordRequest, NewPassword, RemovePasswordRequest};
use bartizan_contract::odata::Entity;
use bartizan_identity::directory::{client_secret, password_validity, secret_hash, secret_hint};
use bartizan_store::WriteTx;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::passwords::{self, PasswordCredential};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{applications, may_manage, record, wire};
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};

/// How many secrets an application may have.
const MOST: usize = 100;

/// Adds a secret; its text is in this answer and never again.
pub(crate) async fn add(mut call: Call) -> Result<Response, ApiError> {
    let body: AddPasswordRequest = call.json().await?;
    let new = body.password_credential.unwrap_or_default();
    let mut tx = call.app.store.write().await?;
    let application = applications::find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &application).await?;
    let (credential, secret) = make(&mut tx, &call, &application, new).await?;
    tx.commit().await?;
    let entity = wire::password(&credential, Some(secret));
    answer(
        StatusCode::OK,
        &Entity {
            context: call.context(),
            entity,
        },
    )
}

/// Makes a secret of an application; gives its text beside it.
pub(super) async fn make(
    tx: &mut WriteTx,
    call: &Call,
    application: &Application,
    new: NewPassword,
) -> Result<(PasswordCredential, String), ApiError> {
    let now = call.app.clock.unix_micros();
    let (start, end) = password_validity(&new, now)?;
    let mut entropy = [0; bartizan_identity::directory::SECRET_ENTROPY];
    aws_lc_rs::rand::fill(&mut entropy).map_err(ApiError::internal)?;
    let secret = client_secret(&entropy);
    let credential = PasswordCredential {
        key_id: Uuid::new_v4(),
        secret_hash: secret_hash(&secret),
        hint: secret_hint(&secret),
        display_name: new.display_name,
        start,
        end,
        last_used: None,
    };
    let known = passwords::list(tx, call.tenant(), application.id).await?;
    if known.len() >= MOST {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!("An application has at most {MOST} secrets; remove one first."),
        ));
    }
    passwords::add(tx, call.tenant(), application.id, &credential).await?;
    let details = json!({ "keyId": credential.key_id, "displayName": credential.display_name });
    let action = "application.password.add";
    record(tx, call, action, application.id, details).await?;
    Ok((credential, secret))
}

/// Removes a secret by its id.
pub(crate) async fn remove(mut call: Call) -> Result<Response, ApiError> {
    let body: RemovePasswordRequest = call.json().await?;
    let mut tx = call.app.store.write().await?;
    let application = applications::find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &application).await?;
    if !passwords::remove(&mut tx, call.tenant(), application.id, body.key_id).await? {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "No password credential found with keyId.",
        ));
    }
    let details = json!({ "keyId": body.key_id });
    record(
        &mut tx,
        &call,
        "application.password.remove",
        application.id,
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}
