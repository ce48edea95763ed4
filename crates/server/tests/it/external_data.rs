//! Hunts that read what the operator allows elsewhere, and nothing else.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::map_request;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use bartizan_server::settings::Partial;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{MDE, OWN, RULE, TestServer, XDR, process};

/// The paths that were asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn paths(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, path: &str) {
        let mut paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paths.push(path.to_owned());
    }
}

/// A server with lists, at an address of this machine. What is not under `/lists/` is nobody's business.
async fn lists() -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let note = map_request(move |request: Request| {
        noted.add(request.uri().path());
        async move { request }
    });
    let to = |place: &'static str| get(move || async move { Redirect::temporary(place) });
    let router = Router::new()
        .route("/lists/bad.csv", get(|| async { "name,score\na.exe,9\n" }))
        .route("/lists/moved.csv", to("/lists/bad.csv"))
        .route("/lists/out.csv", to("/private/secret.csv?sig=hidden"))
        .route("/lists/circle.csv", to("/lists/circle.csv"))
        .route(
            "/lists/large.txt",
            get(|| async { vec![b'x'; 100_000_001] }),
        )
        .route(
            "/lists/endless.txt",
            get(|| async {
                // No length is told beforehand.
                let parts = futures::stream::repeat_with(|| {
                    Ok::<_, std::convert::Infallible>(bytes::Bytes::from(vec![b'x'; 1 << 20]))
                });
                let body = axum::body::Body::from_stream(parts);
                ([(header::CONTENT_TYPE, "text/plain")], body).into_response()
            }),
        )
        .route("/private/secret.csv", get(|| async { "secret,1\n" }))
        .layer(note);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, asked)
}

async fn hunt(server: &TestServer, query: &str) -> (StatusCode, Value) {
    let token = server.token(XDR).await;
    let body = json!({ "Query": query });
    let path = "/api/advancedhunting/run";
    let answer = server
        .call(Method::POST, path, Some(&token), Some(body))
        .await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_under_an_allowed_prefix_are_read() {
    let (at, asked) = lists().await;
    let server = TestServer::start_with(Partial {
        external_data: Some(vec![format!("http://{at}/lists/")]),
        ..Partial::default()
    })
    .await;
    server
        .ingest(
            &server.tenant,
            "DeviceProcessEvents",
            &[process("alpha", "a.exe"), process("beta", "b.exe")],
        )
        .await;
    for file in ["bad.csv?sig=1", "moved.csv"] {
        let query = format!(
            "let bad = externaldata(name:string, score:int)[h'http://{at}/lists/{file}'] with (ignoreFirstRecord=true);
            DeviceProcessEvents | join kind=inner bad on $left.FileName == $right.name | project DeviceName, score"
        );
        let (status, body) = hunt(&server, &query).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let rows = body["Results"].as_array().expect("rows");
        assert_eq!(rows.len(), 1, "{body}");
        assert_eq!(rows[0]["score"], 9, "{body}");
    }
    for (location, says) in [
        (
            "lists/out.csv",
            "redirects to where no prefix of 'external-data' leads",
        ),
        ("lists/circle.csv", "redirects too often"),
        ("lists/none.csv", "status 404"),
        ("lists/large.txt", "more than 100000000 bytes"),
        ("lists/endless.txt", "more than 100000000 bytes"),
        ("lists/*.csv", "wildcards are not there"),
        ("lists/bad.csv;hidden", "a semicolon"),
        ("private/secret.csv?sig=hidden", "'external-data'"),
        ("lists/../private/secret.csv", "'external-data'"),
    ] {
        let query = format!("externaldata(a:string)['http://{at}/{location}'] | count");
        let (status, body) = hunt(&server, &query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{location}: {body}");
        let text = body["error"]["message"].as_str().expect("a text");
        assert!(text.starts_with("externaldata: "), "{location}: {text}");
        assert!(text.contains(says), "{location}: {text}");
        assert!(!text.contains("hidden"), "{location}: {text}");
    }
    let paths = asked.paths();
    assert!(paths.contains(&"/lists/out.csv".to_owned()), "{paths:?}");
    let outside = |path: &String| !path.starts_with("/lists/") || path.contains("..");
    assert!(!paths.iter().any(outside), "{paths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_unless_the_operator_allows_it() {
    let (at, asked) = lists().await;
    let server = TestServer::start().await;
    for location in [
        format!("http://{at}/lists/bad.csv"),
        "https://feeds.example/list.csv".to_owned(),
        "file:///etc/passwd".to_owned(),
        "abfss://lists@store.example/a.csv".to_owned(),
        "neither".to_owned(),
    ] {
        let query = format!("externaldata(a:string)['{location}']");
        let (status, body) = hunt(&server, &query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{location}: {body}");
        let text = body["error"]["message"].as_str().expect("a text");
        assert!(text.contains("setting 'external-data'"), "{text}");
    }
    assert_eq!(asked.paths(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_hangs_is_left_when_the_caller_goes_away() {
    /// One that waits for the location.
    struct Waiting(Arc<AtomicUsize>);
    impl Drop for Waiting {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let waiting = Arc::new(AtomicUsize::new(0));
    let count = waiting.clone();
    let hangs = get(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(count.clone());
        async move {
            let _waiting = waiting;
            std::future::pending::<String>().await
        }
    });
    let router = Router::new().route("/lists/hangs.csv", hangs);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let server = TestServer::start_with(Partial {
        external_data: Some(vec![format!("http://{at}/lists/")]),
        ..Partial::default()
    })
    .await;
    let wait_for = async |wanted: usize| {
        for _ in 0..200 {
            if waiting.load(Ordering::SeqCst) == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{wanted} should wait for the location");
    };
    let query = format!("externaldata(a:string)['http://{at}/lists/hangs.csv'] | count");
    let asked = hunt(&server, &query);
    tokio::select! {
        answer = asked => panic!("{answer:?}"),
        () = wait_for(1) => {}
    }
    wait_for(0).await;
    // Who stays is answered, and nobody was held up.
    let (status, body) = hunt(&server, "print 1").await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detection_rule_reads_the_list_that_there_is_when_it_runs() {
    let names = Arc::new(Mutex::new("good.exe\n".to_owned()));
    let listed = names.clone();
    let list = get(move || {
        let names = listed.lock().unwrap_or_else(PoisonError::into_inner);
        let names = names.clone();
        async move { names }
    });
    let router = Router::new().route("/lists/names.csv", list);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let server = TestServer::start_with(Partial {
        external_data: Some(vec![format!("http://{at}/lists/")]),
        ..Partial::default()
    })
    .await;
    let condition =
        format!("FileName in~ (externaldata(name:string)['http://{at}/lists/names.csv'])");
    let rule = RULE.replace("FileName =~ \"evil.exe\"", &condition);
    assert_ne!(rule, RULE);
    let token = server.token(OWN).await;
    let path = "/bartizan/v1/rules/evil-process";
    let body = Some(json!({ "source": rule }));
    let stored = server.call(Method::PUT, path, Some(&token), body).await;
    assert!(stored.status.is_success(), "{:?}", stored.body);
    let rows = [process("alpha", "evil.exe")];
    server
        .ingest(&server.tenant, "DeviceProcessEvents", &rows)
        .await;
    let alerts = async || {
        server.server.run_due_rules().await.expect("a round");
        let token = server.token(MDE).await;
        let found = server.get("/api/alerts", &token).await;
        found.body["value"].as_array().expect("a list").len()
    };
    assert_eq!(alerts().await, 0);
    names
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push_str("evil.exe\n");
    server.advance(3_600);
    assert_eq!(alerts().await, 1);
    // A list that is gone fails the rule, which says so.
    let gone = rule.replace("names.csv", "gone.csv");
    let body = Some(json!({ "source": gone }));
    let token = server.token(OWN).await;
    let stored = server.call(Method::PUT, path, Some(&token), body).await;
    assert!(stored.status.is_success(), "{:?}", stored.body);
    server.advance(3_600);
    assert_eq!(alerts().await, 1);
    let listed = server
        .get("/bartizan/v1/rules", &server.token(OWN).await)
        .await;
    let outcome = listed.body["value"][0]["lastRunOutcome"].as_str();
    let outcome = outcome.expect("an outcome");
    assert!(outcome.contains("gone.csv"), "{outcome}");
}
