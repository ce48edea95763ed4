//! Certificates of applications: `addKey`, `removeKey`, and `keyCredentials` in a change of an application.

use axum::response::Response;
use bartizan_contract::graph::{AddKeyRequest, KeyCredential as WireKey, RemoveKeyRequest};
use bartizan_contract::odata::Entity;
use bartizan_identity::CallerKind;
use bartizan_identity::client_auth::check_key_proof;
use bartizan_identity::directory::check_key;
use bartizan_store::WriteTx;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::certificates::{self, KeyCredential};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{applications, may_manage, not_operator, record, refused, wire};
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::identity::client;

/// How many certificates an application may have.
const MOST: usize = 100;

/// Adds a certificate: by the holder of one that is there already.
pub(crate) async fn add(mut call: Call) -> Result<Response, ApiError> {
    let body: AddKeyRequest = call.json().await?;
    let new = checked(&call, &body.key_credential)?;
    let mut tx = call.app.store.write().await?;
    let application = applications::find(&mut tx, &call).await?;
    may_roll(&mut tx, &call, &application).await?;
    proven(&mut tx, &call, &application, &body.proof).await?;
    insert(&mut tx, &call, &application, &new).await?;
    tx.commit().await?;
    let entity = wire::key(&new, false);
    answer(
        StatusCode::OK,
        &Entity {
            context: call.context(),
            entity,
        },
    )
}

/// Removes a certificate: by the holder of one of the application's.
pub(crate) async fn remove(mut call: Call) -> Result<Response, ApiError> {
    let body: RemoveKeyRequest = call.json().await?;
    let mut tx = call.app.store.write().await?;
    let application = applications::find(&mut tx, &call).await?;
    may_roll(&mut tx, &call, &application).await?;
    proven(&mut tx, &call, &application, &body.proof).await?;
    if !delete(&mut tx, &call, &application, body.key_id).await? {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "No key credential found with keyId.",
        ));
    }
    tx.commit().await?;
    Ok(no_content())
}

/// Who may roll keys: an application its own, without a permission, as the proof is demanded in any case (page
/// "application: addKey"); otherwise who manages it.
async fn may_roll(
    tx: &mut WriteTx,
    call: &Call,
    application: &Application,
) -> Result<(), ApiError> {
    let caller = &call.caller;
    if caller.kind == CallerKind::Application && caller.app == application.app_id {
        return not_operator(call, application.app_id);
    }
    may_manage(tx, call, application).await
}

/// Makes an application's certificates those of a list: what names a present one by `keyId` and brings no `key` stays,
/// what is not named goes.
pub(super) async fn replace(
    tx: &mut WriteTx,
    call: &Call,
    application: &Application,
    wanted: &[WireKey],
) -> Result<(), ApiError> {
    let known = certificates::list(tx, call.tenant(), application.id).await?;
    let stays = |known: &KeyCredential| {
        let names = |w: &WireKey| w.key_id == Some(known.key_id) && w.key.is_none();
        wanted.iter().any(names)
    };
    for gone in known.iter().filter(|known| !stays(known)) {
        delete(tx, call, application, gone.key_id).await?;
    }
    for key in wanted {
        let present = known
            .iter()
            .any(|known| key.key_id == Some(known.key_id) && stays(known));
        if !present {
            let new = checked(call, key)?;
            insert(tx, call, application, &new).await?;
        }
    }
    Ok(())
}

fn checked(call: &Call, key: &WireKey) -> Result<KeyCredential, ApiError> {
    let new = check_key(key, call.app.clock.unix_micros())?;
    Ok(KeyCredential {
        key_id: key.key_id.unwrap_or_else(Uuid::new_v4),
        certificate: BASE64_STANDARD.encode(&new.certificate.der),
        display_name: Some(new.display_name),
        usage: "Verify".to_owned(),
        start: new.start,
        end: new.end,
        last_used: None,
    })
}

async fn insert(
    tx: &mut WriteTx,
    call: &Call,
    application: &Application,
    new: &KeyCredential,
) -> Result<(), ApiError> {
    let known = certificates::list(tx, call.tenant(), application.id).await?;
    if known.len() >= MOST {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!("An application has at most {MOST} certificates; remove one first."),
        ));
    }
    if known.iter().any(|k| k.certificate == new.certificate) {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "The application has this certificate already.",
        ));
    }
    certificates::add(tx, call.tenant(), application.id, new)
        .await
        .map_err(refused)?;
    let details = json!({
        "keyId": new.key_id,
        "displayName": new.display_name,
        "thumbprint": wire::thumbprint(new),
    });
    record(tx, call, "application.key.add", application.id, details).await?;
    Ok(())
}

async fn delete(
    tx: &mut WriteTx,
    call: &Call,
    application: &Application,
    key_id: Uuid,
) -> Result<bool, ApiError> {
    let found = certificates::remove(tx, call.tenant(), application.id, key_id).await?;
    if found {
        let details = json!({ "keyId": key_id });
        record(tx, call, "application.key.remove", application.id, details).await?;
    }
    Ok(found)
}

/// Refuses a caller who does not hold the key of one of the application's certificates.
async fn proven(
    tx: &mut WriteTx,
    call: &Call,
    application: &Application,
    proof: &str,
) -> Result<(), ApiError> {
    let known = certificates::list(tx, call.tenant(), application.id).await?;
    let facts: Vec<_> = known.iter().map(client::certificate).collect();
    let now = call.app.clock.unix_seconds();
    check_key_proof(proof, &application.id.to_string(), &facts, now).map_err(|reason| {
        ApiError::new(
            Kind::InvalidInput,
            format!("The proof is not valid: {reason}. Without a certificate yet, use PATCH with keyCredentials."),
        )
    })
}
