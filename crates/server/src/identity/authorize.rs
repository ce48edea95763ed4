//! Placeholder while the decision is being written.
use super::Request;
use super::sign_in::Flow;
use axum::response::Response;
use bartizan_identity::{Refusal, Version};
pub(super) async fn answer(_r: &Request<'_>, _v: Version, _t: &str) -> Response {
    Response::default()
}
pub(super) async fn resume(_r: &Request<'_>, _f: Flow) -> Result<Response, Refusal> {
    Err(Refusal::Fault)
}
pub(super) async fn decided(_r: &Request<'_>, _f: Flow) -> Result<Response, Refusal> {
    Err(Refusal::Fault)
}
