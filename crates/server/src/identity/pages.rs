//! The small pages: where native clients land, and what a code means.

use axum::body::Body;
use axum::response::Response;
use bartizan_contract::identity_errors::identity_error;
use http::{HeaderValue, StatusCode, header};

/// The blank page that ends a native client's sign-in.
pub(super) fn native_client() -> Response {
    page(StatusCode::OK, String::new())
}

/// What an AADSTS code means. Only numbers are looked up, so nothing that was sent is printed.
pub(super) fn error_lookup(code: Option<&str>) -> Response {
    let digits = code.map(|code| code.trim().trim_start_matches("AADSTS"));
    let row = digits
        .and_then(|digits| digits.parse().ok())
        .and_then(identity_error);
    let Some(row) = row else {
        let text = "<h1>Unknown code</h1><p>No error of this server has that code.</p>";
        return page(StatusCode::NOT_FOUND, text.to_owned());
    };
    let text = format!(
        "<h1>AADSTS{}</h1><p>{}</p><p>{}</p><p>When: {}</p>",
        row.code,
        escaped(row.name.unwrap_or_default()),
        escaped(row.message),
        escaped(row.when)
    );
    page(StatusCode::OK, text)
}

fn page(status: StatusCode, body: String) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Bartizan</title>{body}</html>"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
