//! The small pages: where native clients land, and what a code means.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use bartizan_contract::identity_errors::identity_error;
use bartizan_contract::remedies;
use http::{HeaderValue, StatusCode, header};

use super::Request;
use super::html::{Frame, Policy, message_at, page};

/// The blank page that ends a native client's sign-in.
pub(super) fn native_client() -> Response {
    let html =
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Bartizan</title></html>";
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    // Its address may hold a code.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

#[derive(Template)]
#[template(path = "error_code.html")]
struct ErrorCodePage {
    frame: Frame,
    name: &'static str,
    text: &'static str,
    when: &'static str,
    remedy: &'static str,
    error: &'static str,
}

/// What an AADSTS code means, and what to do. Only numbers are looked up, so nothing that was sent is printed.
pub(super) fn error_lookup(request: &Request<'_>) -> Response {
    let code = request.query("code").unwrap_or_default().trim();
    let digits = match code.split_at_checked("AADSTS".len()) {
        Some((word, digits)) if word.eq_ignore_ascii_case("AADSTS") => digits,
        _ => code,
    };
    let Some(row) = digits.parse().ok().and_then(identity_error) else {
        let lines = [
            "No error of this server has that code.",
            "The address is /error?code= and the number that stands behind AADSTS in the error's text; docs/ERRORS.md lists them all.",
        ];
        return message_at(request, StatusCode::NOT_FOUND, "Unknown code", &lines);
    };
    let template = ErrorCodePage {
        frame: Frame::plain(request, &format!("AADSTS{}", row.code)),
        name: row.name.unwrap_or_default(),
        text: row.message,
        when: row.when,
        remedy: remedies::of_identity(row.code).unwrap_or_default(),
        error: row.error,
    };
    page(StatusCode::OK, &template, &Policy::default())
}
