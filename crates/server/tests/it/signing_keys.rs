//! Signing keys over time: published, signing, published after, revoked; and sealed anew.

use bartizan_server::Server;
use bartizan_server::identity::keep_keys;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, OWN, TestServer, XDR};

const DAY: i64 = 86_400;

async fn keys(server: &TestServer) -> Vec<Value> {
    let token = server.token(OWN).await;
    let listed = server.get("/bartizan/v1/keys", &token).await;
    assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
    listed.body["value"].as_array().expect("a list").clone()
}

async fn post(server: &TestServer, path: &str, body: Option<Value>) -> Answer {
    let token = server.token(OWN).await;
    let path = format!("/bartizan/v1/keys/{path}");
    server.call(Method::POST, &path, Some(&token), body).await
}

/// The states of all keys, sorted.
async fn states(server: &TestServer) -> Vec<String> {
    let mut states: Vec<String> = keys(server)
        .await
        .iter()
        .map(|key| key["state"].as_str().expect("a word").to_owned())
        .collect();
    states.sort();
    states
}

async fn kid_of(server: &TestServer, state: &str) -> String {
    let keys = keys(server).await;
    let key = keys.iter().find(|key| key["state"] == state);
    key.unwrap_or_else(|| panic!("none is {state}: {keys:?}"))["kid"]
        .as_str()
        .expect("a kid")
        .to_owned()
}

async fn published(server: &TestServer) -> usize {
    let url = format!("{}/common/discovery/v2.0/keys", server.server.http_url());
    let set: Value = server
        .http
        .get(url)
        .send()
        .await
        .expect("sent")
        .json()
        .await
        .expect("JSON");
    set["keys"].as_array().expect("a list").len()
}

async fn status(server: &TestServer, token: &str) -> StatusCode {
    server.get("/api/incidents", token).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_by_schedule_and_tokens_outlive_them() {
    let server = TestServer::start().await;
    let keep = || async { keep_keys(server.server.app()).await.expect("kept") };
    assert_eq!(states(&server).await, ["active"]);
    server.advance(88 * DAY);
    keep().await;
    assert_eq!(states(&server).await, ["active", "next"]);
    // Two days after it was published: clients keep key sets for one.
    for key in keys(&server).await {
        let from = match key["state"] == "next" {
            true => json!("2026-04-15T12:00:00Z"),
            false => Value::Null,
        };
        assert_eq!(key["signsFromDateTime"], from, "{key}");
    }
    assert_eq!(published(&server).await, 2);
    server.advance(2 * DAY - 60);
    keep().await;
    let old = server.token(XDR).await;
    server.advance(60);
    keep().await;
    assert_eq!(states(&server).await, ["active", "retiring"]);
    assert_eq!(status(&server, &old).await, StatusCode::OK);
    let new = server.token(XDR).await;
    assert_ne!(old.split('.').next(), new.split('.').next());
    server.advance(3_500);
    keep().await;
    assert_eq!(status(&server, &old).await, StatusCode::OK);
    server.advance(400);
    keep().await;
    assert_eq!(states(&server).await, ["active", "retired"]);
    assert_eq!(published(&server).await, 1);
    assert_eq!(status(&server, &old).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_out_of_use_in_one_call() {
    let server = TestServer::start().await;
    let leaked = kid_of(&server, "active").await;
    let old = server.token(XDR).await;
    let revoked = post(&server, &format!("{leaked}/revoke"), None).await;
    assert_eq!(revoked.status, StatusCode::OK, "{:?}", revoked.body);
    assert_eq!(status(&server, &old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(states(&server).await, ["active", "revoked"]);
    assert_eq!(published(&server).await, 1);
    assert_eq!(
        status(&server, &server.token(XDR).await).await,
        StatusCode::OK
    );
    let again = post(&server, &format!("{leaked}/revoke"), None).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(
        post(&server, "nothing/revoke", None).await.status,
        StatusCode::NOT_FOUND
    );
    let signs = kid_of(&server, "active").await;
    let refused = post(&server, &format!("{signs}/retire"), None).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let error = &refused.body["error"];
    assert_eq!(error["code"], "DisallowedOperation", "{error}");
    let text = error["message"].as_str().expect("a text");
    assert!(text.contains("bartizan key rotate"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_rotates_and_nobody_else() {
    let server = TestServer::start().await;
    let old = server.token(XDR).await;
    let gently = post(&server, "rotate", None).await;
    assert_eq!(gently.status, StatusCode::OK, "{:?}", gently.body);
    assert_eq!(states(&server).await, ["active", "next"]);
    let at_once = post(&server, "rotate", Some(json!({"now": true}))).await;
    assert_eq!(at_once.status, StatusCode::OK, "{:?}", at_once.body);
    assert_eq!(states(&server).await, ["active", "retiring"]);
    assert_eq!(status(&server, &old).await, StatusCode::OK);
    let retiring = kid_of(&server, "retiring").await;
    assert_eq!(
        post(&server, &format!("{retiring}/retire"), None)
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(status(&server, &old).await, StatusCode::UNAUTHORIZED);
    // The operator's permission in another tenant opens nothing.
    let elsewhere = server.create_tenant("Fabrikam").await;
    let token = server.token_in(&elsewhere, OWN).await;
    let refused = server
        .call(Method::POST, "/bartizan/v1/keys/rotate", Some(&token), None)
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_sealed_anew_and_still_open() {
    let server = TestServer::start().await;
    let old = server.token(XDR).await;
    let before = std::fs::read(server.data.path().join("keys.secret")).expect("a file");
    let resealed = post(&server, "reseal", None).await;
    assert_eq!(resealed.status, StatusCode::OK, "{:?}", resealed.body);
    let after = std::fs::read(server.data.path().join("keys.secret")).expect("a file");
    assert_ne!(before, after);
    assert!(!server.data.path().join("keys.secret.next").exists());
    // A later start opens them with the new key alone.
    let (settings, clock) = (
        server.server.app().settings.clone(),
        server.server.app().clock.clone(),
    );
    let TestServer {
        server: running,
        data,
        http,
        ..
    } = server;
    running.stop().await;
    let again = Server::start(settings, clock).await.expect("a server");
    let url = format!("{}/api/incidents", again.http_url());
    let answer = http
        .get(url)
        .bearer_auth(&old)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    again.stop().await;
    drop(data);
}
