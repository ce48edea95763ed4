//! `/{tenant}/oauth2[/v2.0]/devicecode` (RFC 8628 section 3.1): a client without a browser asks for the two codes.

use axum::response::Response;
use bartizan_contract::AppId;
use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::device_code::{
    AuthorizationRequest, DEVICE_CODE_LIFETIME, DeviceDetails, admit, answer as body, normalized,
    place, user_code,
};
use bartizan_identity::{Refusal, TenantPath, Version};
use bartizan_store::StoreError;
use bartizan_store::tokens::device_codes::{self, DeviceCode, DeviceCodeState};
use http::{Method, StatusCode};
use serde_json::Value as Json;

use super::shown::{self, Asked};
use super::token::{Door, load, secret, to_json};
use super::{Request, respond};

/// Where people type the code, below the server's own address.
const PAGE: &str = "/devicelogin";
/// Microseconds of the store in a second of tokens.
const MICROS: i64 = 1_000_000;

/// Answers the endpoint.
pub(super) async fn answer(request: &Request<'_>, version: Version, tenant: &str) -> Response {
    match begin(request, version, tenant).await {
        Ok(body) => respond::json(StatusCode::OK, &body),
        Err(refusal) => {
            tracing::info!(code = refusal.code(), "no device code issued");
            shown::refused(request, &Asked::of(request), &refusal);
            respond::refusal(&refusal, "token", request)
        }
    }
}

async fn begin(request: &Request<'_>, version: Version, tenant: &str) -> Result<Json, Refusal> {
    // v1 takes its parameters in the query, too; none of them is a secret.
    let pairs = match (&request.method, version) {
        (&Method::POST, _) => &request.form,
        (&Method::GET, Version::V1) => &request.query,
        (other, _) => {
            return Err(Refusal::Method {
                valid: "POST",
                verb: other.to_string(),
            });
        }
    };
    let path = TenantPath::parse(tenant)?;
    let asked = AuthorizationRequest::parse(version, pairs)?;
    let now = request.app.clock.unix_micros();
    request.app.budgets.begin(request.source(), now)?;
    let device = secret("")?;
    let mut entropy = [0; 36];
    aws_lc_rs::rand::fill(&mut entropy).map_err(|_| Refusal::Fault)?;
    let typed = user_code(&entropy);
    let fault = |error: StoreError| {
        tracing::error!(%error, "device code: the store failed");
        Refusal::Fault
    };
    let mut tx = request.app.store.write_aside().await.map_err(fault)?;
    let door = Door {
        path: &path,
        client_id: &asked.client_id,
        user: None,
        named: Vec::new(),
    };
    let read = load(request, &mut tx, door).await.map_err(fault)?;
    let client: AppId = admit(&asked, &path, &read.facts)?.application.app_id;
    let now = request.app.clock.unix_micros();
    let row = DeviceCode {
        hash: secret_hash(&device),
        user_code: secret_hash(&normalized(&typed)),
        path: place(&path, &read.facts),
        client,
        details: to_json(&DeviceDetails {
            asked: asked.asked.clone(),
            address: request.source().map(|address| address.to_string()),
        })?,
        issued: now,
        expires: now + DEVICE_CODE_LIFETIME * MICROS,
        state: DeviceCodeState::Pending,
    };
    device_codes::insert(&mut tx, &row).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    let public = request.app.sites.public();
    let page = format!("{}{PAGE}", public.origin().ascii_serialization());
    Ok(body(version, &device, &typed, &page))
}
