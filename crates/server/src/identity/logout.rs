//! Placeholder.
use super::Request;
use axum::response::Response;
pub(super) async fn answer(_r: &Request<'_>) -> Response {
    Response::default()
}
