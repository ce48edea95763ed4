//! The token endpoint: read the request, load the facts, decide, sign. One file per grant beside this one.

mod authorization_code;
mod client_credentials;
mod device_code;
mod facts;
mod known_clients;
mod on_behalf_of;
mod password;
mod refresh_token;
mod user;
mod user_facts;

use axum::response::Response;
use bartizan_contract::AppId;
use bartizan_identity::grant::Grant;
use bartizan_identity::{Refusal, TenantPath, TokenRequest, Version};
use bartizan_store::StoreError;
use http::{Method, StatusCode};

use super::sign_ins::Issued;
use super::{Request, respond, sign_ins};

pub use known_clients::KnownClients;
pub(super) use user::{secret, to_json};
pub(super) use user_facts::{Door, api_fact, load};

/// Answers the token endpoint.
pub(super) async fn answer(request: &Request<'_>, version: Version, tenant: &str) -> Response {
    let mut result = issue(request, version, tenant).await;
    let code = result.as_ref().err().map_or(0, Refusal::code);
    metrics::counter!("bartizan_token_requests_total", "aadsts" => code.to_string()).increment(1);
    sign_ins::of_token_endpoint(request, tenant, &mut result);
    match result {
        Ok(issued) => respond::json(StatusCode::OK, &issued.body),
        Err(refusal) => {
            tracing::info!(code, client = client_of(request), "no token issued");
            // v1 calls some of it by other names.
            let endpoint = match (version, refusal.code()) {
                (Version::V1, 70_019 | 70_020) => "v1 token",
                _ => "token",
            };
            respond::refusal(&refusal, endpoint, request)
        }
    }
}

/// The client id as sent, for the log; only when it is an id at all.
fn client_of(request: &Request<'_>) -> Option<String> {
    let sent = request.form.iter().find(|(name, _)| name == "client_id")?;
    sent.1.parse::<AppId>().ok().map(|id| id.to_string())
}

async fn issue(request: &Request<'_>, version: Version, tenant: &str) -> Result<Issued, Refusal> {
    check_method(request, version)?;
    let tenant = TenantPath::parse(tenant)?;
    let authorization = request.header("authorization");
    let asked = TokenRequest::parse(version, &request.form, authorization)?;
    let (budgets, source) = (&request.app.budgets, request.source());
    let now = request.app.clock.unix_micros();
    budgets.may_prove(source, &asked.client_id, now)?;
    let issued = granted(request, &asked, &tenant).await;
    if issued.as_ref().is_err_and(Refusal::is_unproven) {
        budgets.not_proven(source, &asked.client_id, now);
    }
    issued
}

async fn granted(
    request: &Request<'_>,
    asked: &TokenRequest,
    tenant: &TenantPath,
) -> Result<Issued, Refusal> {
    let revisions = request.app.store.revisions().await;
    let revisions = revisions.map_err(fault)?;
    // Another server of the database may have changed the keys.
    let keys = &request.app.keys;
    keys.follow(&request.app.store, revisions.signing_keys)
        .await
        .map_err(|error| {
            tracing::error!(%error, "token endpoint: the signing keys could not be read");
            Refusal::Fault
        })?;
    let body = match &asked.grant {
        Grant::ClientCredentials(grant) => {
            let revision = revisions.directory;
            return client_credentials::issue(request, asked, grant, tenant, revision).await;
        }
        Grant::AuthorizationCode(grant) => {
            authorization_code::issue(request, asked, grant, tenant).await
        }
        Grant::RefreshToken(grant) => refresh_token::issue(request, asked, grant, tenant).await,
        Grant::DeviceCode(grant) => device_code::issue(request, asked, grant, tenant).await,
        Grant::Password(grant) => password::issue(request, asked, grant, tenant).await,
        Grant::OnBehalfOf(grant) => on_behalf_of::issue(request, asked, grant, tenant).await,
    };
    Ok(Issued {
        body: body?,
        sign_in: None,
    })
}

/// A fault of the store: told to the log, not to the client.
fn fault(error: StoreError) -> Refusal {
    tracing::error!(%error, "token endpoint: the directory could not be read");
    Refusal::Fault
}

/// POST; on v1 also GET, because some connectors send their form with it.
fn check_method(request: &Request<'_>, version: Version) -> Result<(), Refusal> {
    let get_with_form =
        request.method == Method::GET && version == Version::V1 && !request.form.is_empty();
    if request.method == Method::POST || get_with_form {
        return Ok(());
    }
    Err(Refusal::Method {
        valid: "POST",
        verb: request.method.to_string(),
    })
}
