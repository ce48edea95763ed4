//! `/{tenant}/oauth2[/v2.0]/logout` (OpenID Connect RP-Initiated Logout 1.0): ends the browser's sessions, and sends the
//! browser on only to an address that the application registered.

use axum::response::Response;
use bartizan_contract::AppId;
use bartizan_identity::Refusal;
use bartizan_identity::redirect::RedirectUris;
use bartizan_store::directory::applications;
use bartizan_store::{ReadTx, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Method, header};
use serde_json::{Value as Json, json};
use url::Url;

use super::authorize::again_by_get;
use super::sign_in::{end_all, fault, record, redirect};
use super::{Request, html};

/// Answers the endpoint.
pub(super) async fn answer(request: &Request<'_>) -> Response {
    if request.method == Method::POST {
        // Both methods are wanted (section 2 there). What signs out is the going here, as by GET.
        return again_by_get(request, &request.place, "/logout");
    }
    let answered = sign_out(request).await;
    answered.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

async fn sign_out(request: &Request<'_>) -> Result<Response, Refusal> {
    // An image or a frame on another page must not sign anybody out: only going here does.
    let mode = request.header("sec-fetch-mode");
    if mode.is_some_and(|mode| mode != "navigate") {
        return Err(Refusal::Malformed);
    }
    let ended = async {
        let mut tx = request.app.store.write().await?;
        let target = target(request, &mut tx).await?;
        let (cookie, whose) = end_all(request, &mut tx).await?;
        for person in whose {
            let actor = person.user.id.to_string();
            let details = json!({ "session": person.session.id });
            record(
                request,
                &mut tx,
                person.tenant.id,
                actor,
                "user.signOut",
                details,
            )
            .await?;
        }
        tx.commit().await?;
        Ok((target, cookie))
    };
    let (target, cookie) = ended.await.map_err(fault)?;
    let mut response = match target {
        Some(target) => redirect(&target),
        None => html::message(
            request,
            "You are signed out",
            &["It is a good idea to close all windows of this browser."],
        ),
    };
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Where to go on: the address that was asked for, if it is one of the application's, with the state.
async fn target(request: &Request<'_>, tx: &mut ReadTx) -> Result<Option<String>, StoreError> {
    let asked = request.query("post_logout_redirect_uri");
    let client = request.query("client_id").and_then(|id| id.parse().ok());
    let client = client.or_else(|| request.query("id_token_hint").and_then(audience));
    let (Some(asked), Some(client)) = (asked, client) else {
        return Ok(None);
    };
    let Some(application) = applications::anywhere(tx, client).await? else {
        return Ok(None);
    };
    let uris = RedirectUris {
        web: application.redirect_uris.web,
        spa: application.redirect_uris.spa,
        public_client: application.redirect_uris.public_client,
    };
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    if uris.platform_of(asked, &own_origins).is_none() {
        return Ok(None);
    }
    let Ok(mut url) = Url::parse(asked) else {
        return Ok(None);
    };
    if let Some(state) = request.query("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    Ok(Some(url.into()))
}

/// For which application an ID token was issued. It is not verified: it only says among whose registered addresses to
/// look, which anybody may say.
fn audience(id_token: &str) -> Option<AppId> {
    let payload = id_token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Json = serde_json::from_slice(&claims).ok()?;
    claims["aud"].as_str()?.parse().ok()
}
