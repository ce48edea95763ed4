//! UserInfo (OpenID Connect Core section 5.3): `/{tenant}/openid/userinfo` of v1, `/oidc/userinfo` of v2.

use axum::response::Response;
use bartizan_contract::Api;
use bartizan_identity::jwt::bearer;
use bartizan_identity::{CallerKind, TenantPath};
use bartizan_store::directory::users;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value as Json, json};

use super::{Request, respond};

/// Answers the endpoint: who the user of a token for Microsoft Graph is. v1's path names a tenant, which must be the
/// token's where it is one.
pub(super) async fn answer(request: &Request<'_>, tenant: Option<&str>) -> Response {
    let told = tell(request, tenant).await;
    match told {
        Ok(body) => respond::json(StatusCode::OK, &body),
        Err(description) => {
            let body = json!({ "error": "invalid_token", "error_description": request.trace.description(description) });
            let mut response = respond::json(StatusCode::UNAUTHORIZED, &body);
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer error=\"invalid_token\""),
            );
            response
        }
    }
}

async fn tell(request: &Request<'_>, tenant: Option<&str>) -> Result<Json, &'static str> {
    let app = request.app;
    app.keys.catch_up(&app.store).await.map_err(|error| {
        tracing::error!(%error, "userinfo: the signing keys could not be read");
        "The signing keys could not be read; try again."
    })?;
    let token = bearer(request.header("authorization")).map_err(|_| "A bearer token is needed.")?;
    let caller = request
        .app
        .keys
        .verifier()
        .verify(token, Api::Graph, request.trace.now)
        .map_err(|_| "The token is not a good one for Microsoft Graph.")?;
    let scopes: Vec<&str> = caller.scopes.split_ascii_whitespace().collect();
    if caller.kind != CallerKind::User || !scopes.contains(&"openid") {
        return Err("The token must be a user's, with the scope openid.");
    }
    if let Some(path) = tenant.map(TenantPath::parse)
        && let Ok(TenantPath::Id(id)) = path
        && id != caller.tenant
    {
        return Err("The token was issued by another tenant.");
    }
    let user = async {
        let mut tx = request.app.store.read().await?;
        users::by_id(&mut tx, caller.tenant, caller.oid).await
    };
    let user = user.await.map_err(|error| {
        tracing::error!(%error, "userinfo: the user could not be read");
        "The user could not be read; try again."
    })?;
    let user = user
        .filter(|user| user.enabled)
        .ok_or("The user of the token may not sign in any more.")?;
    let sub = bartizan_identity::id_token::pairwise(caller.tenant, caller.app, caller.oid);
    let mut body = json!({ "sub": sub });
    if scopes.contains(&"profile") {
        body["name"] = json!(user.display_name);
        body["given_name"] = json!(user.given_name);
        body["family_name"] = json!(user.surname);
    }
    if scopes.contains(&"email") && user.mail.is_some() {
        body["email"] = json!(user.mail);
    }
    Ok(body)
}
