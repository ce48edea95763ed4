//! Tokens: asked for once, renewed when refused, never sent elsewhere.

use bartizan_sdk::cloud::Service;
use bartizan_sdk::credential::Target;
use bartizan_sdk::{Anonymous, Client, Cloud, Error};
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{TENANT, client, issue, token};

#[tokio::test]
async fn many_calls_at_once_ask_for_one_token() {
    let server = MockServer::start().await;
    issue(&server, "one", 1).await;
    Mock::given(header("authorization", "Bearer one"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .expect(8)
        .mount(&server)
        .await;
    let client = client(&server);
    let call = || client.raw_empty(Service::Xdr, Method::GET, "/api/incidents");
    let calls = futures::future::join_all((0..8).map(|_| call())).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
}

#[tokio::test]
async fn each_service_has_a_token_of_its_own() {
    let server = MockServer::start().await;
    for (scope, name) in [
        ("api.security.microsoft.com", "xdr"),
        ("graph.microsoft.com", "graph"),
    ] {
        Mock::given(method("POST"))
            .and(body_string_contains(scope))
            .respond_with(ResponseTemplate::new(200).set_body_json(token(name)))
            .expect(1)
            .mount(&server)
            .await;
    }
    let client = client(&server);
    for (service, name) in [
        (Service::Xdr, "xdr"),
        (Service::Graph, "graph"),
        (Service::Xdr, "xdr"),
    ] {
        assert_eq!(client.token(service).await.expect("a token").secret, name);
    }
}

#[tokio::test]
async fn a_cached_token_that_is_refused_is_renewed_once() {
    let server = MockServer::start().await;
    issue(&server, "old", 1).await;
    Mock::given(header("authorization", "Bearer old"))
        .respond_with(ResponseTemplate::new(401))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    client.token(Service::Mde).await.expect("the old token");
    issue(&server, "new", 1).await;
    Mock::given(header("authorization", "Bearer new"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"id": "a"})))
        .expect(1)
        .mount(&server)
        .await;
    let answer = client
        .raw_empty(Service::Mde, Method::GET, "/api/alerts/a")
        .await;
    let body: Value = answer.expect("an answer").json().expect("JSON");
    assert_eq!(body["id"], "a");
}

#[tokio::test]
async fn a_refusal_of_the_authority_is_told_with_its_codes() {
    let server = MockServer::start().await;
    let refusal = json!({
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided.",
        "error_codes": [7000215],
        "trace_id": "t", "correlation_id": "c",
    });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(401).set_body_json(refusal))
        .expect(1)
        .mount(&server)
        .await;
    match client(&server).token(Service::Xdr).await {
        Err(Error::Token(error)) => {
            assert_eq!(error.error_codes, [7000215]);
            assert_eq!(error.status, 401);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_v1_endpoint_is_asked_for_a_resource_and_answers_numbers_as_text() {
    let server = MockServer::start().await;
    let answer = json!({ "token_type": "Bearer", "expires_in": "3599", "resource": "r", "access_token": "v1" });
    Mock::given(path(format!("/{TENANT}/oauth2/token")))
        .and(body_string_contains(
            "resource=https%3A%2F%2Fapi.securitycenter.microsoft.com",
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(&answer))
        .expect(1)
        .mount(&server)
        .await;
    let target = Target::Resource("https://api.securitycenter.microsoft.com".to_owned());
    let token = client(&server).token_for(target).await.expect("a token");
    assert_eq!((token.secret.as_str(), token.expires_in), ("v1", 3599));
    assert_eq!(Value::Object(token.answer.clone()), answer);
    assert!(!format!("{token:?}").contains("v1"), "Debug shows no token");
}

#[tokio::test]
async fn nobody_reads_public_documents_and_nothing_else() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/common/discovery/v2.0/keys"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"keys": []})))
        .expect(1)
        .mount(&server)
        .await;
    let origin = server.uri().parse().expect("a URL");
    let nobody = Client::builder(Cloud::at(&origin), "common", Anonymous)
        .build()
        .expect("a client");
    let keys: Value = nobody
        .public_json("/common/discovery/v2.0/keys")
        .await
        .expect("public");
    assert_eq!(keys["keys"], json!([]));
    let refused = nobody
        .raw_empty(Service::Xdr, Method::GET, "/api/incidents")
        .await;
    assert!(
        matches!(refused, Err(Error::Configuration(_))),
        "{refused:?}"
    );
}
