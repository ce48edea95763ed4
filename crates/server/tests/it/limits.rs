//! What the server does when it is sent too much, too slowly, or too often.

use std::time::Duration;

use bartizan_server::settings::Partial;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{GRAPH, MDE, OWN, TestServer, XDR, read};

/// Operations that are refused before their body was read to its end, with the token to use and the answer.
fn refusals(token: &str) -> [(&'static str, Option<String>, StatusCode); 4] {
    let token = Some(token.to_owned());
    [
        ("/api/advancedhunting/run", None, StatusCode::UNAUTHORIZED),
        (
            "/api/advancedhunting/run",
            token.clone(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            "/bartizan/v1/ingest",
            token.clone(),
            StatusCode::UNAUTHORIZED,
        ),
        ("/api/nothing", token, StatusCode::NOT_FOUND),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_the_client_that_is_still_sending() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    for (size, rounds) in [(5_000_000, 50), (30_000_000, 50)] {
        let body = Bytes::from(vec![b' '; size]);
        for round in 0..rounds {
            let refusals = refusals(&token);
            let (path, token, status) = &refusals[round % refusals.len()];
            let url = format!("{}{path}", server.server.http_url());
            let mut request = server.http.post(url).body(body.clone());
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await;
            let answer = answer
                .unwrap_or_else(|error| panic!("{path}, {size} bytes, round {round}: {error:?}"));
            let answer = read(answer).await;
            assert_eq!(answer.status, *status, "{path}: {:?}", answer.body);
            assert!(
                answer.body["error"]["code"].is_string(),
                "{path}: {:?}",
                answer.body
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_the_client_that_is_still_sending_over_http2() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let authority = server.server.http_url().replace("http://", "");
    let stream = TcpStream::connect(&authority).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let body = Bytes::from(vec![b' '; 5_000_000]);
    for round in 0..50 {
        let refusals = refusals(&token);
        let (path, token, status) = &refusals[round % refusals.len()];
        let mut request = hyper::Request::post(format!("http://{authority}{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.clone())).expect("a request");
        sender.ready().await.expect("the connection stays");
        let answer = sender.send_request(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}, round {round}: {error:?}"));
        assert_eq!(answer.status(), *status, "{path}");
        let text = answer
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        assert!(text.starts_with(b"{\"error\""), "{path}: {text:?}");
    }
}

/// Who waits for `100 Continue` gets the refusal instead, and sends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_waits_for_leave_is_not_asked_for_when_the_request_is_refused() {
    let server = TestServer::start().await;
    let authority = server.server.http_url().replace("http://", "");
    let mut stream = TcpStream::connect(&authority).await.expect("a connection");
    let head = format!(
        "POST /api/advancedhunting/run HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // The connection ends, because where the next request would begin cannot be known.
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

/// A server that gives its clients one second.
async fn impatient() -> TestServer {
    let partial = Partial {
        client_seconds: Some(1),
        ..Partial::default()
    };
    TestServer::start_with(partial).await
}

async fn connect(url: &str) -> TcpStream {
    let authority = url.split("//").last().expect("an authority");
    TcpStream::connect(authority).await.expect("a connection")
}

/// What comes until the server ends the connection; fails when it never does.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut read));
    // A reset is an end, too.
    let _ = closed.await.expect("the server ends the connection");
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_say_nothing_do_not_keep_a_connection() {
    let server = impatient().await;
    let (http, proxy) = (server.server.http_url(), server.server.proxy_url());
    let https = format!("https://{}", server.server.https_address());
    let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let cases: [(&str, &str, &[u8]); 8] = [
        ("nothing at all", &http, b""),
        ("no TLS handshake", &https, b""),
        ("half a TLS record", &https, b"\x16\x03\x01\x02"),
        ("nothing to the proxy", &proxy, b""),
        (
            "half a CONNECT",
            &proxy,
            b"CONNECT login.windows.net:443 HTTP/1.1\r\n",
        ),
        ("half a head", &http, b"GET /healthz HTTP/1.1\r\nHost: loc"),
        ("nothing after an answer", &http, get.as_bytes()),
        ("half of HTTP/2's preface", &http, b"PRI * HTTP/2.0\r\n"),
    ];
    for (name, url, bytes) in cases {
        let mut stream = connect(url).await;
        stream.write_all(bytes).await.expect(name);
        let read = until_closed(&mut stream).await;
        assert_eq!(
            read.contains("200 OK"),
            bytes == get.as_bytes(),
            "{name}: {read}"
        );
    }
    // An HTTP/2 client that answers every ping.
    let stream = connect(&http).await;
    let (sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
        TokioExecutor::new(),
        TokioIo::new(stream),
    )
    .await
    .expect("HTTP/2");
    let ended = tokio::time::timeout(Duration::from_secs(30), connection).await;
    drop(sender);
    let _ = ended.expect("the server ends the connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_in_is_given_up() {
    let server = impatient().await;
    let cases = [
        ("/api/advancedhunting/run", server.token(XDR).await),
        (
            "/bartizan/v1/ingest?table=DeviceEvents",
            server.token(OWN).await,
        ),
    ];
    for (path, token) in cases {
        let stream = connect(&server.server.http_url()).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000\r\n\r\n"
        );
        let (mut reader, mut writer) = stream.into_split();
        writer.write_all(head.as_bytes()).await.expect("sent");
        let trickle = tokio::spawn(async move {
            while writer.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(30), reader.read(&mut answer));
        let read = read.await.expect("given up").expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        assert!(answer.contains("too slowly"), "{path}: {answer}");
        trickle.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_kept_open_for_nothing_give_way() {
    let partial = Partial {
        max_connections: Some(2),
        ..Partial::default()
    };
    let server = TestServer::start_with(partial).await;
    let get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for n in 0..6 {
        let mut stream = connect(&server.server.http_url()).await;
        stream.write_all(get).await.expect("sent");
        let mut answer = vec![0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut answer));
        let read = read
            .await
            .expect("an earlier one gave way")
            .expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(answer.starts_with("HTTP/1.1 200 "), "client {n}: {answer}");
        open.push(stream);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_refused() {
    let server = TestServer::start().await;
    let mut stream = connect(&server.server.http_url()).await;
    let head = format!(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}",
        "x".repeat(1 << 20)
    );
    // The server may end the connection before all is sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let read = until_closed(&mut stream).await;
    assert!(
        read.is_empty() || read.starts_with("HTTP/1.1 431 "),
        "{read}"
    );
}

/// Two places in each lane, so one for a tenant, and nobody waits.
async fn narrow() -> TestServer {
    let partial = Partial {
        max_hunts: Some(2),
        max_rule_runs: Some(2),
        max_uploads: Some(2),
        queue_seconds: Some(0),
        ..Partial::default()
    };
    TestServer::start_with(partial).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunt_too_many_is_told_to_come_back_on_every_wire() {
    let server = narrow().await;
    let tenant = server.tenant.parse().expect("a tenant id");
    let other = server.create_tenant("Other").await;
    let place = server
        .server
        .app()
        .lanes
        .hunts
        .enter(tenant)
        .await
        .expect("a place");
    let hunt = |path: &'static str, token: String| {
        let body = json!({ "Query": "print x = 1" });
        let server = &server;
        async move {
            server
                .call(Method::POST, path, Some(&token), Some(body))
                .await
        }
    };
    for (path, scope) in [
        ("/api/advancedhunting/run", XDR),
        ("/api/advancedqueries/run", MDE),
        ("/v1.0/security/runHuntingQuery", GRAPH),
    ] {
        let refused = hunt(path, server.token(scope).await).await;
        assert_eq!(
            refused.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{path}: {:?}",
            refused.body
        );
        assert_eq!(refused.headers["retry-after"], "1", "{path}");
        assert_eq!(refused.body["error"]["code"], "TooManyRequests", "{path}");
        assert_eq!(
            refused.body["error"]["innerError"].is_object(),
            scope == GRAPH,
            "{path}"
        );
    }
    let path = "/api/advancedhunting/run";
    let others = hunt(path, server.token_in(&other, XDR).await).await;
    assert_eq!(
        others.status,
        StatusCode::OK,
        "another tenant has its own: {:?}",
        others.body
    );
    let own = server.token(OWN).await;
    let rules = server
        .call(Method::POST, "/bartizan/v1/rules/run", Some(&own), None)
        .await;
    assert_eq!(
        rules.status,
        StatusCode::OK,
        "hunts do not hinder detection: {:?}",
        rules.body
    );
    drop(place);
    let after = hunt(path, server.token(XDR).await).await;
    assert_eq!(after.status, StatusCode::OK, "{:?}", after.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_runs_and_uploads_have_lanes_of_their_own() {
    let server = narrow().await;
    let tenant = server.tenant.parse().expect("a tenant id");
    let lanes = &server.server.app().lanes;
    let _run = lanes.rule_runs.enter(tenant).await.expect("a place");
    let _upload = lanes.uploads.enter(tenant).await.expect("a place");
    let own = server.token(OWN).await;
    let run = server
        .call(Method::POST, "/bartizan/v1/rules/run", Some(&own), None)
        .await;
    assert_eq!(run.status, StatusCode::TOO_MANY_REQUESTS, "{:?}", run.body);
    let row = crate::harness::process("alpha", "a.exe");
    let upload = server
        .ingest(&server.tenant, "DeviceProcessEvents", &[row])
        .await;
    assert_eq!(
        upload.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{:?}",
        upload.body
    );
    let body = Some(json!({ "Query": "print x = 1" }));
    let token = server.token(XDR).await;
    let hunt = server
        .call(Method::POST, "/api/advancedhunting/run", Some(&token), body)
        .await;
    assert_eq!(hunt.status, StatusCode::OK, "{:?}", hunt.body);
}
