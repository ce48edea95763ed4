//! Batches of Graph: several calls in one, each permitted and counted like a call of its own.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, TestServer};

async fn batch(server: &TestServer, token: &str, requests: Value) -> Answer {
    let body = json!({ "requests": requests });
    server
        .call(Method::POST, "/v1.0/$batch", Some(token), Some(body))
        .await
}

fn of<'a>(answer: &'a Answer, id: &str) -> &'a Value {
    let responses = answer.body["responses"].as_array().expect("responses");
    let mut found = responses.iter().filter(|one| one["id"] == id);
    found
        .next()
        .unwrap_or_else(|| panic!("no {id}: {responses:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn several_calls_travel_in_one() {
    let server = TestServer::start().await;
    let token = server.token(GRAPH).await;
    let anna = server.create_user(&server.tenant, "anna").await;
    let group = json!({
        "displayName": "SOC", "mailNickname": "soc", "mailEnabled": false, "securityEnabled": true,
    });
    let json_type = json!({ "Content-Type": "application/json" });
    let answer = batch(
        &server,
        &token,
        json!([
            { "id": "1", "method": "GET", "url": format!("/users/{anna}?$select=id") },
            { "id": "2", "method": "POST", "url": "/groups", "body": group, "headers": json_type },
            { "id": "3", "method": "get", "url": "/users/$count", "headers": { "ConsistencyLevel": "eventual" } },
            { "id": "4", "method": "GET", "url": "/users/nobody" },
            { "id": "5", "method": "GET", "url": "/users", "dependsOn": ["4"] },
            { "id": "6", "method": "GET", "url": "/users?$top=1", "dependsOn": ["2"] },
            { "id": "7", "method": "POST", "url": "/$batch", "body": { "requests": [] } },
            { "id": "8", "method": "GET", "url": "/nothing" },
            { "id": "9", "method": "GET", "url": "https://graph.microsoft.com/v1.0/users" },
        ]),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(of(&answer, "1")["body"]["id"], anna);
    assert_eq!(of(&answer, "2")["status"], 201);
    assert_eq!(of(&answer, "2")["body"]["displayName"], "SOC");
    assert_eq!(of(&answer, "3")["body"], 2);
    assert_eq!(of(&answer, "4")["status"], 404);
    assert_eq!(
        of(&answer, "4")["body"]["error"]["code"],
        "Request_ResourceNotFound"
    );
    assert_eq!(of(&answer, "5")["status"], 424);
    assert_eq!(of(&answer, "6")["status"], 200);
    assert_eq!(of(&answer, "7")["status"], 400);
    assert_eq!(of(&answer, "8")["status"], 404);
    assert_eq!(of(&answer, "9")["status"], 400);
    assert!(of(&answer, "1")["headers"]["request-id"].is_string());
    assert_eq!(
        of(&answer, "1")["headers"]["content-type"]
            .as_str()
            .map(|t| t.starts_with("application/json")),
        Some(true)
    );

    for wrong in [
        json!([]),
        json!([{ "id": "1", "method": "GET", "url": "/users", "dependsOn": ["1"] }]),
        json!([{ "id": "1", "method": "GET" }]),
    ] {
        let refused = batch(&server, &token, wrong).await;
        assert_eq!(
            refused.status,
            StatusCode::BAD_REQUEST,
            "{:?}",
            refused.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_opens_nothing_that_its_token_does_not() {
    let server = TestServer::start().await;
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let bare = server.token_of(&server.tenant, (&id, &secret), GRAPH).await;
    let operator = server.token(GRAPH).await;
    let answer = batch(
        &server,
        &bare,
        json!([
            { "id": "1", "method": "GET", "url": "/users" },
            // Another token in a part counts for nothing.
            { "id": "2", "method": "GET", "url": "/users", "headers": { "Authorization": format!("Bearer {operator}") } },
            { "id": "3", "method": "GET", "url": "/me" },
            { "id": "4", "method": "GET", "url": "/../bartizan/v1/tenants" },
        ]),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(of(&answer, "1")["status"], 403);
    assert_eq!(of(&answer, "2")["status"], 403);
    assert_eq!(of(&answer, "3")["status"], 400);
    assert_eq!(of(&answer, "4")["status"], 404);
    let stranger = server
        .call(
            Method::POST,
            "/v1.0/$batch",
            None,
            Some(json!({ "requests": [] })),
        )
        .await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}
