//! What hunts may use, through the public door: rows, bytes, seconds, memory, processors.

use std::time::Duration;

use bartizan_contract::TenantId;
use bartizan_server::settings::Partial;
use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::harness::{Answer, GRAPH, MDE, OWN, TestServer, XDR};

const RUN: &str = "/api/advancedhunting/run";

/// Each wire with its token's scope and the name of the rows.
const WIRES: [(&str, &str, &str); 3] = [
    (RUN, XDR, "Results"),
    ("/api/advancedqueries/run", MDE, "Results"),
    ("/v1.0/security/runHuntingQuery", GRAPH, "results"),
];

/// Takes minutes and next to no memory.
const ENDLESS: &str = "range x from 1 to 3000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 300000 step 1 | extend k = 1) on k | summarize sum(x * y)";

/// Needs memory that no file can stand in for.
const HUNGRY: &str = "range x from 1 to 2000000 step 1 | summarize make_list(x)";

async fn hunt(server: &TestServer, path: &str, token: &str, query: &str) -> Answer {
    let body = json!({ "Query": query });
    server
        .call(Method::POST, path, Some(token), Some(body))
        .await
}

fn assert_refused(answer: &Answer, code: &str, text: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    assert_eq!(answer.body["error"]["code"], code, "{:?}", answer.body);
    assert_eq!(answer.body["error"]["message"], text, "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_bytes_and_seconds_are_settings_of_every_wire() {
    let server = TestServer::start_with(Partial {
        hunt_rows: Some(7),
        hunt_answer_mb: Some(1),
        hunt_seconds: Some(1),
        ..Partial::default()
    })
    .await;
    for (path, scope, rows) in WIRES {
        let token = server.token(scope).await;
        let answer = hunt(&server, path, &token, "range x from 1 to 100 step 1").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        assert_eq!(answer.body[rows].as_array().map(Vec::len), Some(7));

        let text = "x".repeat(200_000);
        let large = format!("range x from 1 to 7 step 1 | extend s = '{text}'");
        let answer = hunt(&server, path, &token, &large).await;
        let text = "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again";
        assert_refused(&answer, "BadRequest", text);

        let answer = hunt(&server, path, &token, ENDLESS).await;
        assert_refused(&answer, "BadRequest", "Query exceeded the timeout period.");
        // The query is not wrong, and is not said to be.
        let trace = answer.headers["request-id"].to_str().expect("text");
        let own = server.token(OWN).await;
        let told = server.get(&format!("/explain/{trace}"), &own).await;
        assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
        let told = told.body.to_string();
        assert!(told.contains("a shorter period"), "{told}");
        assert!(!told.contains("kql check"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunt_without_memory_fails_alone() {
    let server = TestServer::start_with(Partial {
        hunt_memory_mib: Some(4),
        ..Partial::default()
    })
    .await;
    let token = server.token(XDR).await;
    let small = "range x from 1 to 200000 step 1 | summarize s = sum(x)";
    let (hungry, small) = tokio::join!(hunt(&server, RUN, &token, HUNGRY), async {
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(hunt(&server, RUN, &token, small).await);
        }
        answers
    });
    let text = "Query stopped due to excessive resource consumption.";
    assert_refused(&hungry, "BadRequest", text);
    for answer in small {
        assert_eq!(answer.body["Results"], json!([{ "s": 20_000_100_000_i64 }]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_does_not_fit_into_memory_goes_on_in_files_of_the_data_directory() {
    let query = "range x from 1 to 1000000 step 1 | summarize n = count() by x | summarize c = count(), n = sum(n)";
    for (spill, fits) in [(None, true), (Some(0), false)] {
        let server = TestServer::start_with(Partial {
            hunt_memory_mib: Some(20),
            hunt_spill_mib: spill,
            ..Partial::default()
        })
        .await;
        let token = server.token(XDR).await;
        let answer = hunt(&server, RUN, &token, query).await;
        if fits {
            let rows = json!([{ "c": 1_000_000, "n": 1_000_000 }]);
            assert_eq!(answer.body["Results"], rows, "{:?}", answer.body);
        } else {
            let text = "Query stopped due to excessive resource consumption.";
            assert_refused(&answer, "BadRequest", text);
        }
        let left = std::fs::read_dir(server.data.path().join("spill")).expect("a folder");
        assert_eq!(left.count(), 0, "files go with their hunt");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunt_whose_client_went_away_gives_its_place_to_another() {
    let server = TestServer::start_with(Partial {
        max_hunts: Some(1),
        queue_seconds: Some(60),
        ..Partial::default()
    })
    .await;
    let token = server.token(XDR).await;
    let url = format!("{}{RUN}", server.server.http_url());
    let request = server
        .http
        .post(url)
        .bearer_auth(&token)
        .json(&json!({ "Query": ENDLESS }));
    let gone = request.timeout(Duration::from_millis(500)).send().await;
    assert!(gone.expect_err("the hunt takes minutes").is_timeout());
    let answer = hunt(&server, RUN, &token, "print a = 1").await;
    assert_eq!(answer.body["Results"], json!([{ "a": 1 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_used_its_processor_time_waits_and_others_do_not() {
    let server = TestServer::start_with(Partial {
        hunt_cpu_percent: Some(1),
        ..Partial::default()
    })
    .await;
    let app = server.server.app();
    let other = server.create_tenant("Other").await;
    let tokens = async |tenant: &str| {
        let mut tokens = Vec::new();
        for (path, scope, rows) in WIRES {
            tokens.push((path, server.token_in(tenant, scope).await, rows));
        }
        tokens
    };
    let (mine, others) = (tokens(&server.tenant).await, tokens(&other).await);
    // The time of more processors than there are, as if a hunt had just taken it.
    let tenant: TenantId = server.tenant.parse().expect("an id");
    let now = app.clock.ticks();
    app.hunt_budget
        .begin(tenant, now)
        .expect("nothing is used")
        .end(Duration::from_secs(900_000));
    let print = "print a = 1";
    for (path, token, rows) in &mine {
        let answer = hunt(&server, path, token, print).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answer.body["error"]["code"], "TooManyRequests", "{path}");
        let text = answer.body["error"]["message"].as_str().unwrap_or_default();
        let begin = "You have exceeded processing resources allocated to this tenant. You can run queries again in ";
        assert!(text.starts_with(begin), "{path}: {text}");
        let wait = answer.headers[header::RETRY_AFTER].to_str().expect("text");
        assert!(text.contains(&format!("again in {wait} seconds")), "{text}");
        let wait: i64 = wait.parse().expect("whole seconds");
        assert!((1..=900).contains(&wait), "{wait}");
        assert!(answer.body[rows].is_null());
    }
    for (path, token, rows) in &others {
        let answer = hunt(&server, path, token, print).await;
        assert_eq!(answer.body[rows], json!([{ "a": 1 }]), "{path}");
    }
    // Who comes back when told is let through.
    let answer = hunt(&server, mine[0].0, &mine[0].1, print).await;
    let wait = answer.headers[header::RETRY_AFTER].to_str().expect("text");
    server.advance(wait.parse().expect("whole seconds"));
    for (path, token, rows) in &mine {
        let answer = hunt(&server, path, token, print).await;
        assert_eq!(answer.body[rows], json!([{ "a": 1 }]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hunts_may_use_is_not_what_sign_ins_may_be_listed_with() {
    let server = TestServer::start_with(Partial {
        hunt_cpu_percent: Some(1),
        hunt_rows: Some(1),
        ..Partial::default()
    })
    .await;
    let app = server.server.app();
    let token = server.token(GRAPH).await;
    server.token(XDR).await;
    server.token(MDE).await;
    app.hunt_budget
        .begin(server.tenant.parse().expect("an id"), app.clock.ticks())
        .expect("nothing is used")
        .end(Duration::from_secs(900_000));
    let path =
        "/v1.0/auditLogs/signIns?$filter=signInEventTypes/any(t: t eq 'servicePrincipal')&$top=10";
    let listed = server.get(path, &token).await;
    assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
    let count = listed.body["value"].as_array().map_or(0, Vec::len);
    assert!(count >= 3, "{:?}", listed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunt_that_was_stopped_is_counted_too() {
    let server = TestServer::start_with(Partial {
        hunt_cpu_percent: Some(1),
        hunt_seconds: Some(1),
        ..Partial::default()
    })
    .await;
    let app = server.server.app();
    let token = server.token(XDR).await;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // One percent of 15 minutes is nine seconds of each processor; half a second is left.
    let nearly = Duration::from_secs(9 * threads as u64) - Duration::from_millis(500);
    app.hunt_budget
        .begin(server.tenant.parse().expect("an id"), app.clock.ticks())
        .expect("nothing is used")
        .end(nearly);
    let answer = hunt(&server, RUN, &token, ENDLESS).await;
    assert_refused(&answer, "BadRequest", "Query exceeded the timeout period.");
    let answer = hunt(&server, RUN, &token, "print a = 1").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}
