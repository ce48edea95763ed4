//! `POST /v1.0/$batch`: several calls of Graph in one request (page "Combine multiple HTTP requests using JSON batching").
//!
//! A batch does nothing itself. Each part goes the way of a call of its own: its row, the batch's token, the row's
//! permission and rate. Parts are carried out one after the other.

use std::collections::HashSet;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::response::Parts as ResponseParts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value as Json};

use crate::call::{Call, json as answer};
use crate::dispatch;
use crate::doors::listener::Peer;
use crate::error::{ApiError, Kind};

/// Most parts of a batch (the page's limit).
const MOST: usize = 20;
/// Most bytes of all answers together: they are held until the last one is there.
const ANSWERS: usize = 16 * 1024 * 1024;
/// What a part may say in its headers. The rest, the token above all, is the batch's.
const HEADERS: &[&str] = &[
    "accept",
    "client-request-id",
    "consistencylevel",
    "content-type",
    "if-match",
    "if-none-match",
    "prefer",
];
/// What its answer tells of them.
const TOLD: &[&str] = &[
    "content-type",
    "etag",
    "location",
    "request-id",
    "retry-after",
];

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Json>,
    body: Option<Json>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// The answer to a part. Its body stays text: as a tree a long list takes many times the memory.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    status: u16,
    headers: Map<String, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Answers<'a> {
    responses: Vec<Told<'a>>,
}

/// Carries out a batch.
pub(crate) async fn post(mut call: Call) -> Result<Response, ApiError> {
    let batch: Batch = call.json().await?;
    let order = order(&batch.requests)?;
    let mut done: HashSet<&str> = HashSet::new();
    let mut left = ANSWERS;
    let mut responses = Vec::new();
    for part in order {
        let ready = part.depends_on.iter().all(|id| done.contains(id.as_str()));
        let (status, response) = match ready {
            true => carried_out(&call, part, &mut left).await,
            false => {
                let text = "A request that this one depends on did not succeed.";
                let error = ApiError::new(Kind::BadRequest, text)
                    .status(StatusCode::FAILED_DEPENDENCY)
                    .code("FailedDependency");
                refused(&call, part, error).await
            }
        };
        if status.is_success() {
            done.insert(&part.id);
        }
        responses.push(response);
    }
    answer(StatusCode::OK, &Answers { responses })
}

/// The parts, each behind those that it depends on and otherwise as they came.
fn order(parts: &[Part]) -> Result<Vec<&Part>, ApiError> {
    let wrong = |text: String| Err(ApiError::new(Kind::BadRequest, text));
    if parts.is_empty() || parts.len() > MOST {
        return wrong(format!(
            "A batch has 1 to {MOST} requests; this one has {}.",
            parts.len()
        ));
    }
    let mut known: HashSet<&str> = HashSet::new();
    for part in parts {
        if part.id.is_empty() || !known.insert(&part.id) {
            return wrong(format!(
                "Each request of a batch has an id of its own: '{}' is empty or there twice.",
                part.id
            ));
        }
    }
    let mut ordered: Vec<&Part> = Vec::new();
    let mut placed: HashSet<&str> = HashSet::new();
    while ordered.len() < parts.len() {
        let free = |part: &&Part| {
            let mut before = part.depends_on.iter();
            !placed.contains(part.id.as_str()) && before.all(|id| placed.contains(id.as_str()))
        };
        let Some(next) = parts.iter().find(free) else {
            return wrong(
                "dependsOn names requests of the same batch, and none that waits for the one that names it.".to_owned(),
            );
        };
        placed.insert(&next.id);
        ordered.push(next);
    }
    Ok(ordered)
}

/// Carries out a part by the way of any call; its status and its place in the answer.
async fn carried_out<'a>(call: &Call, part: &'a Part, left: &mut usize) -> (StatusCode, Told<'a>) {
    let Some((parts, body)) = request_of(call, part) else {
        let text = "The request has no method and url that could be called: the url is relative, such as /users.";
        let error = ApiError::new(Kind::BadRequest, text).code("BadRequest");
        return refused(call, part, error).await;
    };
    let response = dispatch::part(&call.app, call.site.clone(), parts, body).await;
    let (head, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, *left).await else {
        let text = format!(
            "The answers of the batch are larger than {ANSWERS} bytes together: send this request by itself."
        );
        let error = ApiError::new(Kind::TooLarge, text).code("RequestEntityTooLarge");
        return refused(call, part, error).await;
    };
    *left -= bytes.len();
    told(part, &head, &bytes)
}

/// A part's status and its place in the answer.
fn told<'a>(part: &'a Part, head: &ResponseParts, bytes: &[u8]) -> (StatusCode, Told<'a>) {
    let mut headers = Map::new();
    for name in TOLD {
        let value = head.headers.get(*name).and_then(|v| v.to_str().ok());
        if let Some(value) = value {
            headers.insert((*name).to_owned(), Json::from(value));
        }
    }
    let told = Told {
        id: &part.id,
        status: head.status.as_u16(),
        headers,
        body: text_of(bytes),
    };
    (head.status, told)
}

/// A body as JSON text; what is none, as base64 in a string.
fn text_of(bytes: &[u8]) -> Option<Box<RawValue>> {
    if bytes.is_empty() {
        return None;
    }
    serde_json::from_slice(bytes)
        .or_else(|_| to_raw_value(&BASE64_STANDARD.encode(bytes)))
        .ok()
}

/// A part as a request of its own, with the batch's token; `None` for what no request can be made of.
fn request_of(call: &Call, part: &Part) -> Option<(Parts, Body)> {
    let method: Method = part.method.to_ascii_uppercase().parse().ok()?;
    let url = part.url.trim_start_matches('/');
    let path = url.split(['?', '#']).next().unwrap_or_default();
    if path.is_empty() || path.contains("://") {
        return None;
    }
    let body = match &part.body {
        None | Some(Json::Null) => Body::empty(),
        Some(body) => Body::from(body.to_string()),
    };
    let uri = format!("/v1.0/{}", url.replace(' ', "%20"));
    let request = Request::builder().method(method).uri(uri).body(body).ok()?;
    let (mut parts, body) = request.into_parts();
    parts.headers = headers_of(part);
    let token = call.headers.get_all(header::AUTHORIZATION).iter();
    parts
        .headers
        .extend(token.map(|token| (header::AUTHORIZATION, token.clone())));
    if let Some(source) = call.source {
        parts.extensions.insert(Peer((source, 0).into()));
    }
    Some((parts, body))
}

fn headers_of(part: &Part) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &part.headers {
        let known = HEADERS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        let value = value.as_str().and_then(|v| HeaderValue::try_from(v).ok());
        if let (Some(name), Some(value)) = (known, value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Refuses a part that is not carried out, or whose answer has no place: under a request id of its own, like any call.
async fn refused<'a>(call: &Call, part: &'a Part, error: ApiError) -> (StatusCode, Told<'a>) {
    let headers = headers_of(part);
    let id = headers.get("client-request-id");
    let response = dispatch::refused_part(call, id.and_then(|id| id.to_str().ok()), error);
    let (head, body) = response.into_parts();
    // A text of the server's own: it is there, and short.
    let bytes = axum::body::to_bytes(body, ANSWERS)
        .await
        .unwrap_or_default();
    told(part, &head, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pairs: &[(&str, &[&str])]) -> Vec<Part> {
        let part = |(id, depends_on): &(&str, &[&str])| Part {
            id: (*id).to_owned(),
            method: "GET".to_owned(),
            url: "/me".to_owned(),
            headers: Map::new(),
            body: None,
            depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
        };
        pairs.iter().map(part).collect()
    }

    #[test]
    fn parts_follow_what_they_depend_on() {
        let fine = parts(&[("1", &["3"]), ("2", &[]), ("3", &[])]);
        let ids: Vec<&str> = order(&fine)
            .expect("an order")
            .iter()
            .map(|part| part.id.as_str())
            .collect();
        assert_eq!(ids, ["2", "3", "1"]);
        for wrong in [
            parts(&[]),
            parts(&[("1", &["2"]), ("2", &["1"])]),
            parts(&[("1", &["9"])]),
            parts(&[("1", &[]), ("1", &[])]),
            parts(&[("", &[])]),
        ] {
            assert!(order(&wrong).is_err());
        }
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        let many: Vec<(&str, &[&str])> = many.iter().map(|id| (id.as_str(), &[][..])).collect();
        assert!(order(&parts(&many)).is_err());
    }
}
