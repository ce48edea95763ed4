//! A deleted tenant: its directory, its alerts and its telemetry are gone, now and after a restart.

use bartizan_contract::TenantId;
use bartizan_server::settings::Partial;
use bartizan_store::tenants;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{MDE, OWN, TestServer, XDR, process};

/// Tables that the story fills.
const KEPT: [&str; 3] = ["DeviceProcessEvents", "AlertInfo", "AlertEvidence"];

/// Rows of a tenant in a hunting table.
async fn rows(server: &TestServer, tenant: &str, table: &str) -> i64 {
    let id: TenantId = tenant.parse().expect("an id");
    let totals = server.server.app().events.totals(Some(id)).await;
    let totals = totals.expect("totals");
    let found = totals.iter().find(|total| total.table == table);
    found.map_or(0, |total| total.rows)
}

/// Sends a row with a token.
async fn upload(server: &TestServer, token: &str) -> StatusCode {
    let url = format!(
        "{}/bartizan/v1/ingest?table=DeviceProcessEvents&name=rows.ndjson",
        server.server.http_url()
    );
    let row = process("alpha", "late.exe").to_string();
    let request = server.http.post(url).bearer_auth(token).body(row);
    request.send().await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_deleted_tenant_is_left() {
    let server = TestServer::start().await;
    let kept = server.create_tenant("kept").await;
    let gone = server.create_tenant("gone").await;
    for tenant in [&kept, &gone] {
        server.with_incidents(tenant, &["alpha"]).await;
    }
    server.server.app().trail.flush().await;
    let mut before = Vec::new();
    for table in KEPT {
        before.push(rows(&server, &kept, table).await);
    }
    assert!(before.iter().all(|rows| *rows > 0), "{before:?}");
    let old = server.token_in(&gone, OWN).await;
    let hunter = server.token_in(&gone, XDR).await;
    let token = server.token(OWN).await;
    let path = format!("/bartizan/v1/tenants/{gone}");

    // Neither its own administrators nor another tenant's operator token may.
    let foreign = server.call(Method::DELETE, &path, Some(&old), None).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{:?}", foreign.body);
    let own = format!("/bartizan/v1/tenants/{}", server.tenant);
    let refused = server.call(Method::DELETE, &own, Some(&token), None).await;
    assert_eq!(
        refused.status,
        StatusCode::BAD_REQUEST,
        "{:?}",
        refused.body
    );

    let deleted = server.call(Method::DELETE, &path, Some(&token), None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{:?}", deleted.body);
    let again = server.call(Method::DELETE, &path, Some(&token), None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let listed = server.get("/bartizan/v1/tenants", &token).await;
    assert!(
        !listed.body.to_string().contains(&gone),
        "{:?}",
        listed.body
    );

    let id: TenantId = gone.parse().expect("an id");
    let totals = server.server.app().events.totals(Some(id)).await;
    assert_eq!(totals.expect("totals"), []);
    // A token from before finds nothing and can add nothing.
    let body = Some(json!({ "Query": "union DeviceProcessEvents, AlertInfo | count" }));
    let hunt = server
        .call(
            Method::POST,
            "/api/advancedhunting/run",
            Some(&hunter),
            body,
        )
        .await;
    assert!(
        !hunt.status.is_success() || hunt.body["Results"][0]["Count"] == 0,
        "{:?}",
        hunt.body
    );
    assert!(!upload(&server, &old).await.is_success());

    // The other tenant has what it had; a restart brings nothing back.
    server.server.stop().await;
    let server = TestServer::start_in(server.data, Partial::default()).await;
    let events = &server.server.app().events;
    assert_eq!(events.totals(Some(id)).await.expect("totals"), []);
    // The token is still good, and the event store has forgotten the deletion.
    assert_eq!(upload(&server, &old).await, StatusCode::NOT_FOUND);
    assert_eq!(events.totals(Some(id)).await.expect("totals"), []);
    for (table, before) in KEPT.iter().zip(before) {
        assert_eq!(rows(&server, &kept, table).await, before, "{table}");
    }
    let token = server.token_in(&kept, MDE).await;
    let alerts = server.get("/api/alerts", &token).await;
    assert_eq!(alerts.body["value"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_deletion_did_not_come_to_go_with_the_next_start() {
    let server = TestServer::start().await;
    let kept = server.create_tenant("kept").await;
    let gone = server.create_tenant("gone").await;
    let table = "DeviceProcessEvents";
    for tenant in [&kept, &gone] {
        let row = process("alpha", "evil.exe");
        server.ingest(tenant, table, &[row]).await;
    }
    // As far as a crash let it come.
    let id: TenantId = gone.parse().expect("an id");
    let mut tx = server.server.app().store.write().await.expect("write");
    assert!(tenants::delete(&mut tx, id).await.expect("deleted"));
    tx.commit().await.expect("committed");
    assert_eq!(rows(&server, &gone, table).await, 1);
    server.server.stop().await;
    let server = TestServer::start_in(server.data, Partial::default()).await;
    assert_eq!(rows(&server, &gone, table).await, 0);
    assert_eq!(rows(&server, &kept, table).await, 1);
}
