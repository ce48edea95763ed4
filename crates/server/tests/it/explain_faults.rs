//! What no grant and no correction mends is explained, too: faults of the server, what is not served, what comes too often,
//! too slowly, or takes too long.

use std::time::Duration;

use bartizan_contract::OperationId;
use bartizan_contract::operations::{self, Api};
use bartizan_server::settings::Partial;
use bartizan_store::refusals::{self, Refusal, Share};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::explain_calls::{explain, explanation};
use crate::harness::{MDE, OWN, TestServer, XDR};

/// What is proposed, in words.
fn texts(told: &Value) -> Vec<&str> {
    let remedies = told["remedies"].as_array().expect("remedies").iter();
    remedies
        .filter_map(|remedy| remedy["text"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_server_is_not_the_callers() {
    let server = TestServer::start().await;
    // A row that no version has written.
    let broken = Refusal {
        trace: Uuid::from_u128(7),
        tenant: server.tenant.parse().ok(),
        occurred: server.server.app().clock.unix_micros(),
        correlation: "broken".to_owned(),
        code: "403 Forbidden".to_owned(),
        facts: json!({ "surface": "another" }),
        share: Share::Grants,
    };
    let mut tx = server
        .server
        .app()
        .store
        .write_aside()
        .await
        .expect("a transaction");
    refusals::append(&mut tx, &broken).await.expect("kept");
    tx.commit().await.expect("kept");
    let token = server.token(OWN).await;
    let answer = server
        .get(&format!("/explain/{}", broken.trace), &token)
        .await;
    assert_eq!(
        answer.status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "{:?}",
        answer.body
    );
    assert!(
        !answer.body.to_string().contains("another"),
        "{:?}",
        answer.body
    );
    let told = explain(&server, &answer).await;
    assert_eq!(told["code"], "500 InternalServerError");
    assert_eq!(told["missing"], Value::Null, "{told}");
    let [text] = texts(&told)[..] else {
        panic!("one remedy: {told}");
    };
    assert!(
        text.contains("a fault of the server, not of the call"),
        "{text}"
    );
    // The cause is the log's alone.
    assert!(!told.to_string().contains("another"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_said_to_be_so() {
    let server = TestServer::start().await;
    let token = server.token(MDE).await;
    let isolate = OperationId::MdeIsolate.operation();
    assert!(!isolate.served());
    let path = isolate
        .path
        .replace("{id}", &crate::harness::device_id("alpha"));
    let body = Some(json!({ "Comment": "x", "IsolationType": "Full" }));
    let answer = server.call(Method::POST, &path, Some(&token), body).await;
    assert_eq!(
        answer.status,
        StatusCode::NOT_IMPLEMENTED,
        "{:?}",
        answer.body
    );
    let told = explain(&server, &answer).await;
    assert!(texts(&told)[0].contains("docs/STATUS.md"), "{told}");
    assert_eq!(told["missing"], Value::Null, "{told}");
}

/// A path with a key in it is no secret: the operation is found again, and the permission that it takes.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_known_whatever_its_path_is_like() {
    let server = TestServer::start().await;
    let (id, secret) = server.create_app(&server.tenant, &[]).await;
    let token = server.token_of(&server.tenant, (&id, &secret), MDE).await;
    let operations = operations::all().filter(|o| o.api == Api::Mde && o.path.contains("='{"));
    let mut asked = 0;
    for operation in operations {
        let path = operation.path.replace(['{', '}'], "");
        let method = operation.method.as_str().parse().expect("a method");
        let answer = server.call(method, &path, Some(&token), None).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path}: {:?}",
            answer.body
        );
        let told = explain(&server, &answer).await;
        assert!(told["seen"].to_string().contains(operation.name), "{told}");
        assert!(
            told["remedies"].to_string().contains("app permission add"),
            "{told}"
        );
        asked += 1;
    }
    assert!(asked > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_too_often_is_told_to_wait() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let mut last = server.get("/api/incidents?$top=1", &token).await;
    for _ in 0..50 {
        last = server.get("/api/incidents?$top=1", &token).await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    let told = explain(&server, &last).await;
    assert_eq!(told["code"], "429 TooManyRequests");
    assert!(texts(&told)[0].contains("Retry-After"), "{told}");
    assert_eq!(told["missing"], Value::Null, "{told}");
}

/// An upload that sends a byte now and then; gives the status and the id by which it is explained.
async fn trickled(server: &TestServer, path: &str, token: &str) -> (String, String) {
    let url = server.server.http_url();
    let authority = url.trim_start_matches("http://");
    let stream = TcpStream::connect(authority).await.expect("a connection");
    let (mut reader, mut writer) = stream.into_split();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000\r\n\r\n"
    );
    writer.write_all(head.as_bytes()).await.expect("sent");
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(30), reader.read(&mut answer));
    let read = read.await.expect("given up").expect("an answer");
    trickle.abort();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    let mut lines = answer.lines();
    let status = lines.next().unwrap_or_default().to_owned();
    let id = lines.find_map(|line| line.strip_prefix("request-id: "));
    (status, id.unwrap_or_else(|| panic!("{answer}")).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_too_slowly_is_sent_again() {
    let server = TestServer::start_with(Partial {
        client_seconds: Some(1),
        ..Partial::default()
    })
    .await;
    let token = server.token(XDR).await;
    let (status, id) = trickled(&server, "/api/advancedhunting/run", &token).await;
    assert!(status.starts_with("HTTP/1.1 408 "), "{status}");
    let told = explanation(&server, &server.tenant, &id).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
    assert!(
        texts(&told.body)[0].starts_with("Send it again: nothing was done."),
        "{:?}",
        told.body
    );
}

/// Hunts that take too long are told so under 400, as the cloud does: no wire has a 504 of its own here.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_to_ask_for_less() {
    let server = TestServer::start_with(Partial {
        hunt_seconds: Some(1),
        ..Partial::default()
    })
    .await;
    let token = server.token(XDR).await;
    let query = "range x from 1 to 3000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 300000 step 1 | extend k = 1) on k | summarize sum(x * y)";
    let body = Some(json!({ "Query": query }));
    let answer = server
        .call(Method::POST, "/api/advancedhunting/run", Some(&token), body)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    let told = explain(&server, &answer).await;
    assert!(
        texts(&told)[0].starts_with("Ask for less at a time"),
        "{told}"
    );
}
