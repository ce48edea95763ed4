//! `/applications/{id}/federatedIdentityCredentials`: tokens of other issuers that stand for an application.

use axum::response::Response;
use bartizan_contract::graph::{FederatedIdentityCredential, FederatedIdentityCredentialUpdate};
use bartizan_contract::odata::{Collection, Entity};
use bartizan_identity::directory::{DirectoryError, MOST_FEDERATIONS, check_federation};
use bartizan_store::ReadTx;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::federations::{self, FederatedCredential};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::body::Body;
use super::{applications, changes, may_manage, missing, record, refused};
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};

/// The issuer's keys, where they are given instead of fetched.
const KEYS: &str = "bartizanKeySet";

/// Lists them.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let application = applications::find(&mut tx, &call).await?;
    let found = federations::list(&mut tx, call.tenant(), application.id).await?;
    let body = Collection {
        context: call.context(),
        count: None,
        value: found.iter().map(wire).collect(),
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// One, by id or name.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let (_, found) = find(&mut tx, &call).await?;
    entity(StatusCode::OK, &call, &found)
}

/// Adds one.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let new: FederatedIdentityCredentialUpdate = call.json().await?;
    let required = |property| DirectoryError::Required {
        property,
        object: "FederatedIdentityCredential",
    };
    let wire = FederatedIdentityCredential {
        id: Uuid::new_v4(),
        name: new.name.ok_or(required("name"))?,
        issuer: new.issuer.ok_or(required("issuer"))?,
        subject: new.subject.ok_or(required("subject"))?,
        audiences: new.audiences.ok_or(required("audiences"))?,
        description: new.description,
        bartizan_key_set: new.bartizan_key_set,
    };
    let kept = kept(wire, call.app.clock.unix_micros())?;
    let mut tx = call.app.store.write().await?;
    let application = applications::find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &application).await?;
    let known = federations::list(&mut tx, call.tenant(), application.id).await?;
    if known.len() >= MOST_FEDERATIONS {
        return Err(ApiError::new(
            Kind::InvalidInput,
            format!(
                "An application has at most {MOST_FEDERATIONS} federated identity credentials; remove one first."
            ),
        ));
    }
    unlike(&kept, &known)?;
    federations::add(&mut tx, call.tenant(), application.id, &kept)
        .await
        .map_err(refused)?;
    let action = "application.federation.add";
    record(&mut tx, &call, action, application.id, details(&kept)).await?;
    tx.commit().await?;
    entity(StatusCode::CREATED, &call, &kept)
}

/// Changes what the body names; null takes away what may be absent. Keys of one issuer are no other's: with a new issuer
/// those that were kept go, unless the body brings new ones.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let body = Body::read(&mut call).await?;
    let name: Option<String> = body.get("name")?;
    let mut tx = call.app.store.write().await?;
    let (application, found) = find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &application).await?;
    if name.is_some_and(|name| name != found.name) {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "The name of a federated identity credential cannot be changed; make another one.",
        ));
    }
    let before = wire(&found);
    let mut after = FederatedIdentityCredential {
        issuer: body.get("issuer")?.unwrap_or(before.issuer),
        subject: body.get("subject")?.unwrap_or(before.subject),
        audiences: body.get("audiences")?.unwrap_or(before.audiences),
        ..before
    };
    body.nullable("description", &mut after.description)?;
    if body.has(KEYS) || after.issuer != found.issuer {
        after.bartizan_key_set = body.get(KEYS)?;
    }
    let after = kept(after, found.created)?;
    let known = federations::list(&mut tx, call.tenant(), application.id).await?;
    unlike(&after, &known)?;
    federations::update(&mut tx, call.tenant(), application.id, &after).await?;
    let action = "application.federation.update";
    let mut told = details(&after);
    told[changes::KEY] = changes::between(&json!(wire(&found)), &json!(wire(&after)));
    record(&mut tx, &call, action, application.id, told).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Removes one.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let (application, found) = find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &application).await?;
    federations::remove(&mut tx, call.tenant(), application.id, found.id).await?;
    let action = "application.federation.remove";
    record(&mut tx, &call, action, application.id, details(&found)).await?;
    tx.commit().await?;
    Ok(no_content())
}

async fn find(
    tx: &mut ReadTx,
    call: &Call,
) -> Result<(Application, FederatedCredential), ApiError> {
    let application = applications::find(tx, call).await?;
    let name = call.param("credentialId");
    let id = name.parse::<Uuid>().ok();
    let found = federations::list(tx, call.tenant(), application.id)
        .await?
        .into_iter()
        .find(|credential| Some(credential.id) == id || credential.name == name)
        .ok_or_else(|| missing(name))?;
    Ok((application, found))
}

/// Two that say the same would make it unclear which one was used.
fn unlike(new: &FederatedCredential, known: &[FederatedCredential]) -> Result<(), ApiError> {
    let same = |k: &&FederatedCredential| {
        k.id != new.id
            && (&k.issuer, &k.subject, &k.audience) == (&new.issuer, &new.subject, &new.audience)
    };
    match known.iter().find(same) {
        Some(twin) => Err(ApiError::new(
            Kind::Conflict,
            format!(
                "The federated identity credential '{}' has the same issuer, subject and audience.",
                twin.name
            ),
        )),
        None => Ok(()),
    }
}

fn kept(wire: FederatedIdentityCredential, created: i64) -> Result<FederatedCredential, ApiError> {
    check_federation(&wire)?;
    Ok(FederatedCredential {
        id: wire.id,
        name: wire.name,
        issuer: wire.issuer,
        subject: wire.subject,
        audience: wire.audiences.into_iter().next().unwrap_or_default(),
        description: wire.description,
        key_set: wire.bartizan_key_set,
        created,
        last_used: None,
    })
}

fn wire(kept: &FederatedCredential) -> FederatedIdentityCredential {
    FederatedIdentityCredential {
        id: kept.id,
        name: kept.name.clone(),
        issuer: kept.issuer.clone(),
        subject: kept.subject.clone(),
        audiences: vec![kept.audience.clone()],
        description: kept.description.clone(),
        bartizan_key_set: kept.key_set.clone(),
    }
}

fn details(kept: &FederatedCredential) -> serde_json::Value {
    json!({ "name": kept.name, "issuer": kept.issuer, "subject": kept.subject, "audience": kept.audience })
}

fn entity(
    status: StatusCode,
    call: &Call,
    kept: &FederatedCredential,
) -> Result<Response, ApiError> {
    let body = Entity {
        context: call.context(),
        entity: wire(kept),
    };
    answer(status, &body)
}
