//! `/healthz` (the process lives), `/readyz` (it can serve), `/metrics` (Prometheus), on the own origin only.

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use crate::app::App;
use crate::identity::is_start;
use crate::site::Sites;

/// Answers one of these paths, and `/` to whoever asks for no page.
pub(crate) async fn answer(app: &App, parts: &Parts) -> Option<Response> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return None;
    }
    match parts.uri.path() {
        "/healthz" => Some(text(StatusCode::OK, "ok\n".to_owned())),
        "/readyz" => Some(match app.store.ping().await {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(error) => {
                tracing::error!(%error, "not ready: the database does not answer");
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the database does not answer\n".to_owned(),
                )
            }
        }),
        // Browsers get a page.
        "/" if !is_start(parts) => Some(text(StatusCode::OK, start(&app.sites))),
        "/metrics" => Some(text(StatusCode::OK, app.metrics.render())),
        _ => None,
    }
}

/// What this is, and where people go.
fn start(sites: &Sites) -> String {
    let at = sites.public().origin().ascii_serialization();
    format!(
        "Bartizan: sign-in as of Microsoft Entra ID, and the APIs of Microsoft Defender. It is not Microsoft's.\n\
         For people, in a browser: {at}/ {at}/mysecurityinfo {at}/devicelogin\n\
         For programs: {at}/organizations/v2.0/.well-known/openid-configuration {at}/healthz {at}/readyz\n"
    )
}

fn text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}
