//! Answers of the authorization server and the headers on them.

use axum::body::Body;
use axum::response::Response;
use bartizan_identity::Refusal;
use bartizan_identity::refusal::ErrorAnswer;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value as Json;

use super::Request;

const TRACE_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const SERVER: HeaderName = HeaderName::from_static("x-ms-ests-server");
const TELEMETRY: HeaderName = HeaderName::from_static("x-ms-clitelem");
const CORRELATION_ID: HeaderName = HeaderName::from_static("client-request-id");

/// A JSON answer that nobody may keep.
pub(super) fn json(status: StatusCode, body: &Json) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    set(
        headers,
        header::CONTENT_TYPE,
        "application/json; charset=utf-8",
    );
    set(headers, header::CACHE_CONTROL, "no-store, no-cache");
    set(headers, header::PRAGMA, "no-cache");
    set(headers, header::EXPIRES, "-1");
    set(headers, TELEMETRY, "1,0,0,,");
    response
}

/// An error.
pub(super) fn error(answer: &ErrorAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
    json(status, &answer.body)
}

/// A refusal of an endpoint that the table names.
pub(super) fn refusal(refusal: &Refusal, endpoint: &str, request: &Request<'_>) -> Response {
    let mut response = error(&refusal.answer_at(endpoint, &request.trace));
    retry_after(refusal, &mut response);
    response
}

/// Says when to come again, where that is all that is wrong (RFC 9110 section 10.2.3).
pub(super) fn retry_after(refusal: &Refusal, response: &mut Response) {
    if let Refusal::Throttled { seconds } = refusal {
        let seconds = HeaderValue::from(*seconds);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
}

/// A document of discovery: any page may read it, for a day.
pub(super) fn document(body: &Json) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    let headers = response.headers_mut();
    set(
        headers,
        header::CONTENT_TYPE,
        "application/json; charset=utf-8",
    );
    set(headers, header::CACHE_CONTROL, "max-age=86400, private");
    shared(headers);
    response
}

/// The answer to a browser that asks whether another origin's page may read a document.
pub(super) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    shared(response.headers_mut());
    response
}

/// Lets a page of another origin read the token endpoint's answer. It carries no cookies, and what it asks with is in
/// its form, so any page may.
pub(super) fn for_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(
        headers,
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "POST, OPTIONS",
    );
    // What browsers' libraries send beside the form.
    set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, "*");
    response
}

fn shared(headers: &mut HeaderMap) {
    set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(
        headers,
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, OPTIONS",
    );
}

/// The headers that every answer carries.
pub(super) fn finish(request: &Request<'_>, headers: &mut HeaderMap) {
    let mut id = |name: HeaderName, id: uuid::Uuid| {
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            headers.insert(name, value);
        }
    };
    id(TRACE_ID, request.trace.trace_id);
    if request
        .header("return-client-request-id")
        .is_some_and(|v| v.eq_ignore_ascii_case("true"))
    {
        id(CORRELATION_ID, request.trace.correlation_id);
    }
    set(
        headers,
        SERVER,
        concat!("bartizan ", env!("CARGO_PKG_VERSION")),
    );
    set(headers, header::X_XSS_PROTECTION, "0");
    set(
        headers,
        HeaderName::from_static("p3p"),
        "CP=\"DSP CUR OTPi IND OTRi ONL FIN\"",
    );
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
