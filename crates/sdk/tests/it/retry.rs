//! What is tried again, when, and what is not.

use std::time::{Duration, Instant};

use bartizan_sdk::cloud::Service;
use reqwest::Method;
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client, issue};

async fn answers(server: &MockServer, verb: &str, status: u16, times: u64) {
    Mock::given(method(verb))
        .and(path("/api/x"))
        .respond_with(ResponseTemplate::new(status))
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for() {
    let server = MockServer::start().await;
    issue(&server, "t", 1).await;
    Mock::given(path("/api/x"))
        .respond_with(ResponseTemplate::new(429).insert_header("Retry-After", "1"))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    answers(&server, "POST", 200, 1).await;
    let client = client(&server);
    let start = Instant::now();
    let answer = client
        .raw(Service::Xdr, Method::POST, "/api/x", Some(&json!({})))
        .await;
    assert!(answer.is_ok(), "{answer:?}");
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_the_callers_to_decide() {
    let server = MockServer::start().await;
    issue(&server, "t", 1).await;
    Mock::given(path("/api/x"))
        .respond_with(ResponseTemplate::new(429).insert_header("Retry-After", "3600"))
        .expect(1)
        .mount(&server)
        .await;
    let error = client(&server)
        .raw_empty(Service::Xdr, Method::GET, "/api/x")
        .await;
    assert_eq!(
        error.expect_err("refused").status().map(|s| s.as_u16()),
        Some(429)
    );
}

#[tokio::test]
async fn reading_is_tried_again_and_writing_is_not() {
    let server = MockServer::start().await;
    issue(&server, "t", 1).await;
    answers(&server, "GET", 500, 2).await;
    answers(&server, "GET", 200, 1).await;
    answers(&server, "POST", 500, 1).await;
    let client = client(&server);
    assert!(
        client
            .raw_empty(Service::Xdr, Method::GET, "/api/x")
            .await
            .is_ok()
    );
    let written = client
        .raw(Service::Xdr, Method::POST, "/api/x", Some(&json!({})))
        .await;
    assert_eq!(
        written.expect_err("failed").status().map(|s| s.as_u16()),
        Some(500)
    );
}

#[tokio::test]
async fn patience_ends() {
    let server = MockServer::start().await;
    issue(&server, "t", 1).await;
    Mock::given(path("/api/x"))
        .respond_with(
            ResponseTemplate::new(503)
                .set_body_json(json!({"error": {"code": "Busy", "message": "later"}})),
        )
        .expect(3)
        .mount(&server)
        .await;
    let error = client(&server)
        .raw_empty(Service::Xdr, Method::GET, "/api/x")
        .await;
    assert_eq!(error.expect_err("refused").to_string(), "503 Busy: later");
}
