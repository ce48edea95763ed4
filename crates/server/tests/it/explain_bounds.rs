//! How many refusals are kept, of whom, and who is told of them.

use bartizan_server::settings::Partial;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::explain::ask;
use crate::explain_calls::{explanation, trace};
use crate::harness::{GRAPH, OWN, TestServer, XDR};

/// One application that is refused in every way leaves room for the others of its tenant.
#[tokio::test(flavor = "multi_thread")]
async fn one_application_does_not_use_up_its_tenants_number() {
    let server = TestServer::start_with(Partial {
        rate_limits: Some(false),
        ..Partial::default()
    })
    .await;
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let noisy = server.token_of(&server.tenant, (&id, &secret), XDR).await;
    // Sixty of each are kept where they are alike, so five of these use up its hour.
    let paths = [
        "/api/incidents",
        "/api/incidents/1",
        "/api/alerts",
        "/api/machines",
        "/bartizan/v1/rules",
        "/bartizan/v1/functions",
    ];
    let mut refused = Vec::new();
    for path in paths {
        for _ in 0..60 {
            let answer = server.get(path, &noisy).await;
            assert!(answer.status.is_client_error(), "{path}: {:?}", answer.body);
            refused.push(answer);
        }
        // One after the other: of a flood fewer are kept.
        server.server.app().trail.flush().await;
    }
    let told = async |answer| {
        explanation(&server, &server.tenant, &trace(answer))
            .await
            .status
    };
    assert_eq!(told(&refused[299]).await, StatusCode::OK);
    assert_eq!(told(&refused[300]).await, StatusCode::NOT_FOUND);
    assert_eq!(told(&refused[359]).await, StatusCode::NOT_FOUND);
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let other = server.token_of(&server.tenant, (&id, &secret), XDR).await;
    let answer = server.get("/api/incidents", &other).await;
    assert_eq!(told(&answer).await, StatusCode::OK);
    server.advance(3_600);
    let token = server.token_of(&server.tenant, (&id, &secret), XDR).await;
    let answer = server.get("/api/incidents", &token).await;
    assert_eq!(told(&answer).await, StatusCode::OK);
}

/// A program that asks for a token with a wrong secret for ever is explained sixty times an hour.
#[tokio::test(flavor = "multi_thread")]
async fn refused_token_requests_that_are_alike_are_kept_sixty_times_an_hour() {
    let server = TestServer::start().await;
    let (id, _) = server.create_app(&server.tenant, &[]).await;
    let refuse = async |client: &str| {
        let refused = ask(&server, &server.tenant, client, "wrong", XDR).await;
        let trace = refused["trace_id"].as_str().expect("a trace id");
        trace.to_owned()
    };
    let told = async |trace: &str| explanation(&server, &server.tenant, trace).await;
    let mut traces = Vec::new();
    for _ in 0..61 {
        traces.push(refuse(&id).await);
    }
    assert_eq!(told(&traces[59]).await.status, StatusCode::OK);
    let none = told(&traces[60]).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND, "{:?}", none.body);
    let text = none.body["error"]["message"].as_str().expect("a text");
    assert!(
        text.contains("of many alike within an hour the first 60 at most"),
        "{text}"
    );
    // Another client, and another code of the same one.
    let other = refuse("11111111-2222-3333-4444-555555555555").await;
    assert_eq!(told(&other).await.body["code"], "AADSTS700016");
    let again = ask(&server, &server.tenant, &id, "", XDR).await;
    let again = again["trace_id"].as_str().expect("a trace id").to_owned();
    assert_eq!(told(&again).await.status, StatusCode::OK);
    server.advance(3_600);
    let later = refuse(&id).await;
    assert_eq!(told(&later).await.status, StatusCode::OK);
}

/// Whether many more are refused or none.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_thirty_days_is_gone() {
    let server = TestServer::start().await;
    let refused = ask(&server, &server.tenant, server.operator_id(), "wrong", XDR).await;
    let trace = refused["trace_id"].as_str().expect("a trace id");
    server.advance(30 * 86_400 - 60);
    let told = explanation(&server, &server.tenant, trace).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
    server.advance(3_600);
    let told = explanation(&server, &server.tenant, trace).await;
    assert_eq!(told.status, StatusCode::NOT_FOUND, "{:?}", told.body);
}

/// A device that is given no code shows a trace id, which is explained like any other.
#[tokio::test(flavor = "multi_thread")]
async fn refused_device_codes_are_explained() {
    let server = TestServer::start().await;
    let url = format!(
        "{}/{}/oauth2/v2.0/devicecode",
        server.server.http_url(),
        server.tenant
    );
    let client = "11111111-2222-3333-4444-555555555555";
    let form = [("client_id", client), ("scope", "openid")];
    let answer = server.http.post(url).form(&form).send().await;
    let refused: Value = answer.expect("an answer").json().await.expect("JSON");
    let trace = refused["trace_id"].as_str().expect("a trace id");
    let told = explanation(&server, &server.tenant, trace).await;
    assert_eq!(told.status, StatusCode::OK, "{refused}");
    assert_eq!(told.body["code"], "AADSTS700016");
    assert!(
        told.body["seen"].to_string().contains(client),
        "{:?}",
        told.body
    );
}

/// What was sent in the wrong place is not kept there, and neither is more of it than is read.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_place_of_the_client_id_is_not_kept() {
    let server = TestServer::start().await;
    let secret = server.operator_secret();
    let scope = format!("{}/.default", "x".repeat(20_000));
    for (client, scope) in [(secret, XDR), (server.operator_id(), scope.as_str())] {
        let refused = ask(&server, &server.tenant, client, secret, scope).await;
        let trace = refused["trace_id"].as_str().expect("a trace id");
        let told = explanation(&server, &server.tenant, trace).await;
        assert_eq!(told.status, StatusCode::OK, "{refused}");
        let told = told.body.to_string();
        assert!(!told.contains(secret), "{told}");
        assert!(told.len() < 10_000, "{}", told.len());
    }
}

/// A call with two tokens is refused for that, whatever the first is worth.
#[tokio::test(flavor = "multi_thread")]
async fn two_tokens_are_one_too_many() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let url = format!("{}/api/incidents", server.server.http_url());
    let request = server.http.get(url).bearer_auth(&token);
    let request = request.header("authorization", format!("Bearer {token}"));
    let answer = crate::harness::read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{:?}", answer.body);
    let told = explanation(&server, &server.tenant, &trace(&answer)).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
    let told = told.body.to_string();
    assert!(told.contains("once, after the word Bearer"), "{told}");
}

/// An administrator who asks for another tenant's refusal is told what is told of one that never was.
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_refusals_are_as_if_they_were_not() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let (id, secret) = server.create_app(&second, &[]).await;
    let bare = server.token_of(&second, (&id, &secret), XDR).await;
    let graph = server.token_in(&second, GRAPH).await;
    let correlation = "aaaaaaaa-2222-3333-4444-555555555555";
    let forbidden = server
        .http
        .get(format!("{}/api/incidents", server.server.http_url()))
        .bearer_auth(&bare)
        .header("client-request-id", correlation)
        .send()
        .await;
    let forbidden = crate::harness::read(forbidden.expect("an answer")).await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN);
    let absent = server.get("/v1.0/users/nobody", &graph).await;
    let wrong = server
        .call(Method::POST, "/v1.0/users", Some(&graph), Some(Value::Null))
        .await;
    let token = ask(&server, &second, &id, "wrong", XDR).await;
    let token = token["trace_id"].as_str().expect("a trace id").to_owned();
    let names = [
        trace(&forbidden),
        trace(&absent),
        trace(&wrong),
        token,
        correlation.to_owned(),
    ];
    let own = server.token(OWN).await;
    for path in ["/explain", "/bartizan/v1/explain"] {
        let told = async |name: &str| {
            let answer = server.get(&format!("{path}/{name}"), &own).await;
            let error = &answer.body["error"];
            let text = error["message"].as_str().expect("a text");
            (
                answer.status,
                error["code"].clone(),
                text.replace(name, "NAME"),
            )
        };
        let none = told(&Uuid::from_u128(1).to_string()).await;
        assert_eq!(none.0, StatusCode::NOT_FOUND);
        for name in &names {
            // There they are.
            let there = explanation(&server, &second, name).await;
            assert_eq!(there.status, StatusCode::OK, "{name}: {:?}", there.body);
            assert_eq!(told(name).await, none, "{name}");
        }
    }
}
