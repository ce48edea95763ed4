//! Alerts can be hunted: `AlertInfo` and `AlertEvidence`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{MDE, RULE, TestServer, XDR, device_id, process};

async fn hunt(server: &TestServer, tenant: &str, query: &str) -> Value {
    let token = server.token_in(tenant, XDR).await;
    hunt_with(server, &token, query).await
}

async fn hunt_with(server: &TestServer, token: &str, query: &str) -> Value {
    server.server.app().trail.flush().await;
    let body = Some(json!({ "Query": query }));
    let path = "/api/advancedhunting/run";
    let answer = server.call(Method::POST, path, Some(token), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body["Results"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_found_with_what_it_points_at() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    let other = server.create_tenant("other").await;
    server.with_incidents(tenant, &["alpha", "beta"]).await;
    let query = "AlertInfo | join kind=inner AlertEvidence on AlertId
        | where EntityType == 'Process' and DeviceName startswith 'alpha'
        | project Title, Severity, Category, ServiceSource, DetectionSource, AttackTechniques, Categories,
            FileName, ProcessCommandLine, DeviceId, EvidenceRole, Timestamp";
    let found = hunt(&server, tenant, query).await;
    assert_eq!(
        found,
        json!([{
            "Title": "Evil process started",
            "Severity": "High",
            "Category": "Execution",
            "ServiceSource": "Microsoft Defender XDR",
            "DetectionSource": "Custom detection",
            "AttackTechniques": "[\"T1204\"]",
            "Categories": "[\"Execution\"]",
            "FileName": "evil.exe",
            "ProcessCommandLine": "evil.exe --now",
            "DeviceId": device_id("alpha"),
            "EvidenceRole": "Related",
            "Timestamp": "2026-01-15T12:00:00.0000000Z",
        }])
    );
    let token = server.token_in(tenant, MDE).await;
    let listed = server.get("/api/alerts", &token).await;
    let mut ids: Vec<&str> = listed.body["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|alert| alert["id"].as_str().expect("an id"))
        .collect();
    ids.sort_unstable();
    let hunted = hunt(
        &server,
        tenant,
        "AlertInfo | sort by AlertId asc | project AlertId",
    )
    .await;
    let hunted: Vec<&str> = hunted
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["AlertId"].as_str().expect("an id"))
        .collect();
    assert_eq!(hunted, ids);
    assert_eq!(
        hunt(&server, &other, "union AlertInfo, AlertEvidence").await,
        json!([])
    );
    // A second run widens alerts; nothing is written twice.
    let machines = hunt(&server, tenant, "AlertEvidence | count").await;
    server.detect(tenant, "evil-process", RULE).await;
    assert_eq!(
        hunt(&server, tenant, "AlertEvidence | count").await,
        machines
    );
    assert_eq!(
        hunt(&server, tenant, "AlertInfo | count").await[0]["Count"],
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_comes_later_is_a_row_of_its_own() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    server.with_incidents(tenant, &["alpha"]).await;
    let before = hunt(&server, tenant, "AlertEvidence | count").await[0]["Count"].clone();
    let mut second = process("alpha", "evil.exe");
    second["ProcessId"] = json!(4712);
    server.advance(60);
    server
        .ingest(tenant, "DeviceProcessEvents", &[second])
        .await;
    server.detect(tenant, "evil-process", RULE).await;
    let after = hunt(&server, tenant, "AlertEvidence | sort by Timestamp desc | extend Number = toint(parse_json(AdditionalFields).ProcessId) | project Timestamp, Number, AlertId").await;
    let rows = after.as_array().expect("rows");
    assert_eq!(
        rows.len() as u64,
        before.as_u64().expect("a count") + 1,
        "{after}"
    );
    assert_eq!(rows[0]["Timestamp"], "2026-01-15T12:01:00.0000000Z");
    assert_eq!(rows[0]["Number"], 4712);
    assert_eq!(
        hunt(&server, tenant, "AlertInfo | count").await[0]["Count"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_evidence_is_written_in_parts_and_holds_up_nobody() {
    let server = TestServer::start().await;
    let tenants = [
        server.create_tenant("a").await,
        server.create_tenant("b").await,
    ];
    let large = tenants[0].as_str();
    let devices: Vec<String> = (0..8).map(|n| format!("host{n}")).collect();
    let rows: Vec<Value> = devices.iter().map(|d| process(d, "evil.exe")).collect();
    server.ingest(large, "DeviceProcessEvents", &rows).await;
    // 80 MB of command lines, of which one would not fit by itself.
    let rule = RULE.replace(
        "| where FileName =~ \"evil.exe\"",
        "| where FileName =~ \"evil.exe\"
| extend M = strrep(strrep('0123456789', 1000), 100)
| extend A = strcat(M, M, M, M, M, M, M, M, M)
| extend ProcessCommandLine = iff(DeviceName startswith 'host0', strcat(A, A), A)",
    );
    assert!(rule.contains("strrep"));
    let ran = server.detect(large, "evil-process", &rule).await;
    assert_eq!(ran.body["value"][0]["newAlerts"], 8, "{:?}", ran.body);
    server.with_incidents(&tenants[1], &["alpha"]).await;
    let query = "AlertEvidence | where EntityType == 'Process' | summarize count(), countif(strlen(ProcessCommandLine) == 9000000)";
    let found = hunt(&server, &tenants[1], query).await;
    assert_eq!(found[0]["count_"], 1, "{found}");
    let found = hunt(&server, large, query).await;
    assert_eq!(found, json!([{ "count_": 8, "countif_": 7 }]));
    assert_eq!(
        hunt(&server, large, "AlertInfo | count").await[0]["Count"],
        8
    );
}
