//! Detection over time: late telemetry, failures, floods, and tenants that do not hold each other up.

use std::time::Duration;

use bartizan_contract::TenantId;
use bartizan_store::rules;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{MDE, OWN, RULE, TestServer, device_id, process};

const HOUR: i64 = 3_600;

async fn store(server: &TestServer, tenant: &str, id: &str, source: &str) {
    let token = server.token_in(tenant, OWN).await;
    let path = format!("/bartizan/v1/rules/{id}");
    let body = Some(json!({ "source": source }));
    let stored = server.call(Method::PUT, &path, Some(&token), body).await;
    assert!(stored.status.is_success(), "{:?}", stored.body);
}

async fn alerts(server: &TestServer, tenant: &str) -> usize {
    let token = server.token_in(tenant, MDE).await;
    let listed = server.get("/api/alerts", &token).await;
    listed.body["value"].as_array().expect("a list").len()
}

async fn state(server: &TestServer, tenant: &str, id: &str) -> Value {
    let token = server.token_in(tenant, OWN).await;
    let listed = server.get("/bartizan/v1/rules", &token).await;
    let rules = listed.body["value"].as_array().expect("a list").clone();
    let found = rules.into_iter().find(|rule| rule["id"] == id);
    found.expect("the rule")
}

fn at(device: &str, time: &str) -> Value {
    let mut row = process(device, "evil.exe");
    row["Timestamp"] = json!(time);
    row
}

async fn take_in(server: &TestServer, tenant: &str, rows: &[Value]) {
    let taken = server.ingest(tenant, "DeviceProcessEvents", rows).await;
    assert_eq!(taken.body["acceptedRows"], rows.len(), "{:?}", taken.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_or_after_a_pause_is_examined_once() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    store(&server, tenant, "evil-process", RULE).await;
    take_in(&server, tenant, &[at("alpha", "2026-01-15T11:00:00Z")]).await;
    server.server.run_due_rules().await.expect("a round");
    assert_eq!(alerts(&server, tenant).await, 1);
    // Three days later: what happened on the first of them, and only came in now.
    server.advance(72 * HOUR);
    take_in(&server, tenant, &[at("beta", "2026-01-16T03:00:00Z")]).await;
    server.server.run_due_rules().await.expect("a round");
    assert_eq!(alerts(&server, tenant).await, 2);
    // Late by eleven days, between two runs of an hour's distance; more than one pass catches up.
    server.advance(HOUR);
    take_in(&server, tenant, &[at("gamma", "2026-01-07T00:00:00Z")]).await;
    take_in(&server, tenant, &[at("delta", "2026-01-14T00:00:00Z")]).await;
    for _ in 0..6 {
        server.server.run_due_rules().await.expect("a round");
    }
    assert_eq!(alerts(&server, tenant).await, 4);
    let state = state(&server, tenant, "evil-process").await;
    assert_eq!(state["remark"], Value::Null, "{state}");
    // A new rule looks at all that is there.
    let second = RULE.replace("evil-process", "second");
    store(&server, tenant, "second", &second).await;
    for _ in 0..8 {
        server.server.run_due_rules().await.expect("a round");
    }
    assert_eq!(alerts(&server, tenant).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_told_and_tried_again_and_holds_nobody_up() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    let failing = RULE.replace(
        "| where FileName",
        "| where FileName matches regex '(?:a{1000}){1000}'\n| where FileName",
    );
    store(&server, tenant, "evil-process", &failing).await;
    let other = server.create_tenant("other").await;
    store(&server, &other, "evil-process", RULE).await;
    for tenant in [tenant, &other] {
        take_in(&server, tenant, &[at("alpha", "2026-01-15T11:00:00Z")]).await;
    }
    server.server.run_due_rules().await.expect("a round");
    assert_eq!(alerts(&server, &other).await, 1);
    let failed = state(&server, tenant, "evil-process").await;
    assert_eq!(failed["lastRunDateTime"], Value::Null, "{failed}");
    assert_ne!(failed["lastRunOutcome"], "success", "{failed}");
    assert_eq!(failed["failures"], 1);
    server.server.run_due_rules().await.expect("a round");
    let waiting = state(&server, tenant, "evil-process").await;
    assert_eq!(waiting["failures"], 1, "not before its time");
    server.advance(60);
    server.server.run_due_rules().await.expect("a round");
    assert_eq!(state(&server, tenant, "evil-process").await["failures"], 2);
    // A better text is tried at once, from where the last success ended.
    store(&server, tenant, "evil-process", RULE).await;
    server.server.run_due_rules().await.expect("a round");
    let good = state(&server, tenant, "evil-process").await;
    assert_eq!(good["lastRunOutcome"], "success", "{good}");
    assert_eq!(alerts(&server, tenant).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_deleted_while_it_runs_raises_nothing_and_leaves_no_state() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    store(&server, tenant, "evil-process", RULE).await;
    take_in(&server, tenant, &[at("alpha", "2026-01-15T11:00:00Z")]).await;
    let app = server.server.app();
    let mut tx = app.store.write().await.expect("a store");
    let run = server.server.run_due_rules();
    tokio::pin!(run);
    // The run knows the rule, and waits for its turn to write.
    let waits = tokio::time::timeout(Duration::from_secs(3), &mut run).await;
    assert!(waits.is_err(), "it wrote past the one writer");
    let id: TenantId = tenant.parse().expect("an id");
    let deleted = rules::delete(&mut tx, id, "evil-process").await;
    assert!(deleted.expect("a store"));
    tx.commit().await.expect("kept");
    run.await.expect("a round");
    assert_eq!(alerts(&server, tenant).await, 0);
    let mut tx = app.store.read().await.expect("a store");
    assert_eq!(rules::states(&mut tx, id).await.expect("states"), []);
    drop(tx);
    // The next of that name begins at the beginning.
    store(&server, tenant, "evil-process", RULE).await;
    server.server.run_due_rules().await.expect("a round");
    assert_eq!(alerts(&server, tenant).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hit_of_a_flood_is_dropped() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    // One noisy device, and a quiet one at either end of it.
    let mut rows: Vec<Value> = (0..12_000)
        .map(|n| {
            at(
                "noisy",
                &format!("2026-01-15T11:{:02}:{:02}Z", n / 600 + 5, n / 10 % 60),
            )
        })
        .collect();
    rows.push(at("first", "2026-01-15T11:00:00Z"));
    rows.push(at("last", "2026-01-15T11:59:00Z"));
    take_in(&server, tenant, &rows).await;
    let ran = server.detect(tenant, "evil-process", RULE).await;
    let outcome = &ran.body["value"][0];
    assert_eq!(outcome["error"], Value::Null, "{outcome}");
    assert_eq!(outcome["hits"], 12_002);
    assert_eq!(outcome["remark"], Value::Null);
    let token = server.token_in(tenant, MDE).await;
    let listed = server.get("/api/alerts", &token).await;
    let devices: Vec<&Value> = listed.body["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|alert| &alert["machineId"])
        .collect();
    assert_eq!(devices.len(), 3);
    for device in ["first", "last", "noisy"] {
        assert!(devices.contains(&&json!(device_id(device))), "{device}");
    }
}
