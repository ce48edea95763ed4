//! Calls that are wrong themselves are explained like those that lack a right: with what the operation takes, to their own
//! tenant alone.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, MDE, OWN, TestServer, XDR, read};

/// The id by which an answer can be explained. Its dialect says it in its own place, and every answer in a header.
pub(crate) fn trace(answer: &Answer) -> String {
    let error = &answer.body["error"];
    let named = [&error["target"], &error["innerError"]["request-id"]];
    let named: Vec<&str> = named.into_iter().filter_map(Value::as_str).collect();
    let header = answer.headers["request-id"].to_str().expect("text");
    assert_eq!(named, [header], "{:?}", answer.body);
    header.to_owned()
}

pub(crate) async fn explanation(server: &TestServer, tenant: &str, trace: &str) -> Answer {
    let token = server.token_in(tenant, OWN).await;
    server.get(&format!("/explain/{trace}"), &token).await
}

/// The explanation of an answer, which repeats what the answer said.
pub(crate) async fn explain(server: &TestServer, answer: &Answer) -> Value {
    let told = explanation(server, &server.tenant, &trace(answer)).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", answer.body);
    let error = &answer.body["error"];
    let code = error["code"].as_str().expect("a code");
    assert_eq!(
        told.body["code"],
        format!("{} {code}", answer.status.as_u16())
    );
    assert_eq!(told.body["summary"], error["message"]);
    assert_eq!(told.body["mended"], false);
    told.body
}

/// A call with a body that is no JSON.
async fn send_text(
    server: &TestServer,
    path: &str,
    token: &str,
    kind: &str,
    body: String,
) -> Answer {
    let url = format!("{}{path}", server.server.http_url());
    let request = server.http.post(url).bearer_auth(token).body(body);
    let answer = request.header(CONTENT_TYPE, kind).send().await;
    read(answer.expect("an answer")).await
}

/// Scope, method, path, body; then the status, and words of the explanation.
type Case = (
    &'static str,
    Method,
    &'static str,
    Option<Value>,
    u16,
    &'static [&'static str],
);

fn cases() -> Vec<Case> {
    let query = || Some(json!({ "Query": "Nope | take 1" }));
    let machine = "/api/machines/1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
    vec![
        (
            XDR,
            Method::GET,
            "/api/incidents?$filter=nope%20eq%20'x'",
            None,
            400,
            &[
                "List incidents (GET /api/incidents)",
                "$filter by lastUpdateTime, createdTime, status, assignedTo",
                "https://learn.microsoft.com/en-us/defender-xdr/api-list-incidents",
            ],
        ),
        (
            XDR,
            Method::POST,
            "/api/advancedhunting/run",
            query(),
            400,
            &["bartizan kql check 'QUERY'"],
        ),
        (
            XDR,
            Method::POST,
            "/api/advancedhunting/run",
            Some(json!({})),
            400,
            &["Query (string, required)"],
        ),
        (
            XDR,
            Method::GET,
            "/api/incidents/999",
            None,
            404,
            &["bartizan incident list --tenant "],
        ),
        (
            XDR,
            Method::PATCH,
            "/api/incidents/999",
            Some(json!({ "status": 1 })),
            400,
            &["status (enum, one of "],
        ),
        (
            XDR,
            Method::DELETE,
            "/api/incidents",
            None,
            405,
            &["GET (List incidents)"],
        ),
        (
            XDR,
            Method::GET,
            "/api/incident",
            None,
            404,
            &["GET /api/incidents", "docs/operations.md"],
        ),
        (
            MDE,
            Method::POST,
            "/api/advancedqueries/run",
            query(),
            400,
            &["bartizan kql check 'QUERY'"],
        ),
        (
            MDE,
            Method::GET,
            machine,
            None,
            404,
            &["bartizan machine list --tenant "],
        ),
        (
            MDE,
            Method::GET,
            "/api/alerts?$top=x",
            None,
            400,
            &["$top up to 10000"],
        ),
        (
            GRAPH,
            Method::POST,
            "/v1.0/security/runHuntingQuery",
            query(),
            400,
            &["bartizan kql check 'QUERY'"],
        ),
        (
            GRAPH,
            Method::GET,
            "/v1.0/users?$filter=nope%20eq%20'x'",
            None,
            400,
            &[
                "$filter by id, ",
                "https://learn.microsoft.com/en-us/graph/api/user-list?view=graph-rest-1.0",
            ],
        ),
        (
            GRAPH,
            Method::GET,
            "/v1.0/users/nobody",
            None,
            404,
            &["bartizan user list --tenant "],
        ),
        (
            GRAPH,
            Method::POST,
            "/v1.0/users",
            Some(json!({ "displayName": "x" })),
            400,
            &["Create user"],
        ),
        (
            GRAPH,
            Method::PUT,
            "/v1.0/users",
            None,
            405,
            &["GET (List users); POST (Create user)"],
        ),
        (
            GRAPH,
            Method::GET,
            "/v1.0/nothing",
            None,
            404,
            &["docs/operations.md"],
        ),
        (
            OWN,
            Method::GET,
            "/bartizan/v1/rule",
            None,
            404,
            &["GET /bartizan/v1/rules"],
        ),
        (
            OWN,
            Method::DELETE,
            "/bartizan/v1/rules/none",
            None,
            404,
            &["bartizan rule list --tenant "],
        ),
        (
            OWN,
            Method::PUT,
            "/bartizan/v1/functions/f",
            Some(json!({ "body": "Nope |" })),
            400,
            &["bartizan kql check"],
        ),
        (
            OWN,
            Method::GET,
            "/explain/none",
            None,
            404,
            &["Explain refusal at its short path"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_of_each_dialect_says_what_the_operation_takes() {
    let server = TestServer::start().await;
    for (scope, method, path, body, status, words) in cases() {
        let token = server.token(scope).await;
        let answer = server.call(method, path, Some(&token), body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {:?}", answer.body);
        let told = explain(&server, &answer).await;
        for word in words {
            assert!(told.to_string().contains(word), "{path}: {word} of {told}");
        }
        assert!(!told.to_string().contains(&token), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_taken_and_what_stands_in_the_way() {
    let server = TestServer::start().await;
    for (scope, path) in [
        (XDR, "/api/advancedhunting/run"),
        (MDE, "/api/advancedqueries/run"),
        (GRAPH, "/v1.0/security/runHuntingQuery"),
        (OWN, "/bartizan/v1/tenants"),
    ] {
        let token = server.token(scope).await;
        let answer = send_text(&server, path, &token, "text/plain", "x".to_owned()).await;
        assert_eq!(answer.status.as_u16(), 415, "{:?}", answer.body);
        let told = explain(&server, &answer).await.to_string();
        assert!(told.contains("Content-Type: application/json"), "{told}");

        let long = format!("\"{}\"", "x".repeat(4 * 1024 * 1024));
        let answer = send_text(&server, path, &token, "application/json", long).await;
        assert_eq!(answer.status.as_u16(), 413, "{:?}", answer.body);
        let told = explain(&server, &answer).await.to_string();
        assert!(told.contains("Send less at a time"), "{told}");
        assert!(told.contains("larger than 4194304 bytes"), "{told}");
    }
    let token = server.token(OWN).await;
    let tenant = json!({ "displayName": "Twice", "initialDomain": "twice.example" });
    let path = "/bartizan/v1/tenants";
    let create = || server.call(Method::POST, path, Some(&token), Some(tenant.clone()));
    assert_eq!(create().await.status, StatusCode::CREATED);
    let answer = create().await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{:?}", answer.body);
    let told = explain(&server, &answer).await.to_string();
    assert!(told.contains("stands in the way"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_calls_is_a_tenants_own() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let there = server.create_user(&second, "berta").await;
    let token = server.token(GRAPH).await;
    let ask = async |id: &str| {
        let answer = server.get(&format!("/v1.0/users/{id}"), &token).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        answer
    };
    // One of another tenant and one of nobody's: the same is told of both.
    let elsewhere = ask(&there).await;
    let nowhere = "11111111-2222-3333-4444-555555555555";
    let nobody = ask(nowhere).await;
    let told = [
        explain(&server, &elsewhere).await,
        explain(&server, &nobody).await,
    ];
    for part in ["code", "seen", "needed", "missing", "remedies"] {
        assert_eq!(told[0][part], told[1][part], "{part}");
    }
    let text = |told: &Value, id: &str| told["summary"].as_str().map(|s| s.replace(id, "ID"));
    assert_eq!(text(&told[0], &there), text(&told[1], nowhere));
    // And to nobody of that other tenant, whose id was asked for.
    let abroad = explanation(&server, &second, &trace(&elsewhere)).await;
    assert_eq!(abroad.status, StatusCode::NOT_FOUND, "{:?}", abroad.body);
    // Nor does an application read it that lacks the permission for explanations.
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let bare = server.token_of(&server.tenant, (&id, &secret), OWN).await;
    let path = format!("/explain/{}", trace(&elsewhere));
    assert_eq!(server.get(&path, &bare).await.status, StatusCode::FORBIDDEN);

    // Where there is no operation, only a genuine token makes it a call; and only of its own tenant.
    let forged = format!("{}x", &token[..token.len() - 6]);
    for token in [None, Some(forged.as_str())] {
        let answer = server.call(Method::GET, "/v1.0/nothing", token, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let told = explanation(&server, &server.tenant, &trace(&answer)).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{:?}", told.body);
    }
    let answer = server
        .get("/v1.0/nothing", &server.token_in(&second, GRAPH).await)
        .await;
    for (tenant, status) in [(&second, 200), (&server.tenant, 404)] {
        let told = explanation(&server, tenant, &trace(&answer)).await;
        assert_eq!(told.status.as_u16(), status, "{:?}", told.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_request_is_kept() {
    let server = TestServer::start().await;
    let token = server.token(GRAPH).await;
    let body = json!({
        "displayName": "Anna", "mailNickname": "anna", "accountEnabled": true,
        "userPrincipalName": "anna@bartizan.onmicrosoft.com", "passwordProfile": "Correct-horse 7",
    });
    let answer = server
        .call(Method::POST, "/v1.0/users", Some(&token), Some(body))
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // The caller is told what was sent, and may be; who reads the trail is not.
    assert!(
        answer.body.to_string().contains("Correct-horse"),
        "{:?}",
        answer.body
    );
    let told = explanation(&server, &server.tenant, &trace(&answer)).await;
    assert_eq!(told.status, StatusCode::OK);
    let summary = told.body["summary"].as_str().expect("a text");
    assert!(summary.contains("passwordProfile"), "{summary}");
    assert!(!told.body.to_string().contains("horse"), "{:?}", told.body);

    let answer = server
        .get("/v1.0/x%3Fsig=q2Vh%2FmPz&PWD%3DHunter22", &token)
        .await;
    let told = explanation(&server, &server.tenant, &trace(&answer)).await;
    assert_eq!(told.status, StatusCode::OK);
    let told = told.body.to_string();
    assert!(told.contains("/v1.0/x%3Fsig=…&PWD%3D…"), "{told}");
    assert!(!told.contains("mPz") && !told.contains("Hunter"), "{told}");

    for path in [
        format!("/v1.0/{token}"),
        format!("/v1.0/users?$top={}", server.operator_secret()),
        format!("/v1.0/users/{}", server.operator_secret()),
    ] {
        let answer = server.get(&path, &token).await;
        assert!(answer.status.is_client_error(), "{:?}", answer.body);
        let told = explanation(&server, &server.tenant, &trace(&answer)).await;
        assert_eq!(told.status, StatusCode::OK);
        let told = told.body.to_string();
        assert!(!told.contains(server.operator_secret()), "{told}");
        assert!(!told.contains(&token[token.len() - 40..]), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refused_part_of_a_batch_is_explained() {
    let server = TestServer::start().await;
    let token = server.token(GRAPH).await;
    let requests = json!([
        { "id": "404", "method": "GET", "url": "/users/nobody" },
        { "id": "424", "method": "GET", "url": "/users", "dependsOn": ["404"] },
        { "id": "405", "method": "PUT", "url": "/users" },
        { "id": "400", "method": "GET", "url": "https://graph.microsoft.com/v1.0/users" },
        { "id": "400 of a batch", "method": "POST", "url": "/$batch", "body": { "requests": [] },
          "headers": { "client-request-id": "AAAAAAAA-2222-3333-4444-555555555555" } },
    ]);
    let body = Some(json!({ "requests": requests }));
    let answer = server
        .call(Method::POST, "/v1.0/$batch", Some(&token), body)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let parts = answer.body["responses"].as_array().expect("responses");
    assert_eq!(parts.len(), 5);
    let mut traces = Vec::new();
    for part in parts {
        let status = part["status"].as_u64().expect("a status");
        let id = part["id"].as_str().expect("an id");
        assert!(id.starts_with(&status.to_string()), "{part}");
        let trace = part["headers"]["request-id"].as_str().expect("an id");
        assert_eq!(part["body"]["error"]["innerError"]["request-id"], trace);
        let told = explanation(&server, &server.tenant, trace).await;
        assert_eq!(told.status, StatusCode::OK, "{part}");
        let code = part["body"]["error"]["code"].as_str().expect("a code");
        assert_eq!(told.body["code"], format!("{status} {code}"));
        traces.push(trace);
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 5, "each has its own");
    let by_correlation = "aaaaaaaa-2222-3333-4444-555555555555";
    let told = explanation(&server, &server.tenant, by_correlation).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
}

/// A program that asks for ever for what is not there does not push out what matters.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_again_and_again_is_kept_sixty_times_an_hour() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let ask = async |path: &str, token: &str| trace(&server.get(path, token).await);
    let told = async |trace: &str| {
        let told = explanation(&server, &server.tenant, trace).await;
        told.status
    };
    let mut polled = Vec::new();
    for number in 0..62 {
        polled.push(ask(&format!("/api/incidents/{}", 900 + number), &token).await);
    }
    assert_eq!(told(&polled[0]).await, StatusCode::OK);
    assert_eq!(told(&polled[59]).await, StatusCode::OK);
    assert_eq!(told(&polled[60]).await, StatusCode::NOT_FOUND);
    assert_eq!(told(&polled[61]).await, StatusCode::NOT_FOUND);
    // Other operations, other callers and what a grant mends are as before.
    let other = ask("/api/incidents?$top=x", &token).await;
    assert_eq!(told(&other).await, StatusCode::OK);
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let bare = server.token_of(&server.tenant, (&id, &secret), XDR).await;
    let refused = ask("/api/incidents/900", &bare).await;
    assert_eq!(told(&refused).await, StatusCode::OK);
    server.advance(3_600);
    let token = server.token(XDR).await;
    let later = ask("/api/incidents/900", &token).await;
    assert_eq!(told(&later).await, StatusCode::OK);
}

/// Methods that are invented, and calls without a token, are no way around the number of an hour.
#[tokio::test(flavor = "multi_thread")]
async fn neither_invented_methods_nor_calls_without_a_token_are_kept_without_end() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let told = async |answer: &Answer| {
        let told = explanation(&server, &server.tenant, &trace(answer)).await;
        (told.status, told.body.to_string())
    };
    let mut answers = Vec::new();
    for number in 0..61 {
        let method = Method::from_bytes(format!("A{number:04}").as_bytes()).expect("a method");
        let answer = server
            .call(method, "/api/incidents", Some(&token), None)
            .await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        answers.push(answer);
    }
    let (status, text) = told(&answers[59]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!text.contains("A0059"), "{text}");
    assert!(text.contains("another method /api/incidents"), "{text}");
    assert_eq!(told(&answers[60]).await.0, StatusCode::NOT_FOUND);

    let mut answers = Vec::new();
    for _ in 0..61 {
        let answer = server.call(Method::GET, "/api/incidents", None, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        answers.push(answer);
        // One after the other: of a flood fewer are kept.
        server.server.app().trail.flush().await;
    }
    assert_eq!(told(&answers[59]).await.0, StatusCode::OK);
    assert_eq!(told(&answers[60]).await.0, StatusCode::NOT_FOUND);
    // Whoever has a token is told as before.
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let bare = server.token_of(&server.tenant, (&id, &secret), XDR).await;
    let refused = server.get("/api/incidents", &bare).await;
    assert_eq!(told(&refused).await.0, StatusCode::OK);
}
