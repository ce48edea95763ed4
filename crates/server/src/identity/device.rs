//! Placeholder while the decision is being written.
use super::Request;
use super::sign_in::Flow;
use axum::response::Response;
use bartizan_identity::Refusal;
pub(super) async fn answer(_r: &Request<'_>) -> Response {
    Response::default()
}
pub(super) fn code_page(_r: &Request<'_>, _f: &Flow, _e: Option<&str>) -> Response {
    Response::default()
}
pub(super) async fn resume(_r: &Request<'_>, _f: Flow) -> Result<Response, Refusal> {
    Err(Refusal::Fault)
}
pub(super) async fn consented(_r: &Request<'_>, _f: Flow) -> Result<Response, Refusal> {
    Err(Refusal::Fault)
}
pub(super) async fn code_typed(_r: &Request<'_>, _f: Flow) -> Result<Response, Refusal> {
    Err(Refusal::Fault)
}
pub(super) async fn confirmed(_r: &Request<'_>, _f: Flow) -> Result<Response, Refusal> {
    Err(Refusal::Fault)
}
