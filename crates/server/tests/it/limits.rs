//! What the server does when it is sent too much, too slowly, or too often.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{TestServer, XDR, read};

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
