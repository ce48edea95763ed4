//! `/healthz` (the process lives), `/readyz` (it can serve), `/metrics` (Prometheus), on the own origin only.

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use crate::app::App;

/// Answers one of the three paths.
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
        "/metrics" => Some(text(StatusCode::OK, app.metrics.render())),
        _ => None,
    }
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
