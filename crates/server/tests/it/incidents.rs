//! The incidents API of Defender XDR, and the first of Defender for Endpoint, over one state.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{MDE, TestServer, XDR, device_id};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_becomes_an_incident_in_both_dialects() {
    let server = TestServer::start().await;
    let incidents = server.with_incidents(&server.tenant, &["alpha"]).await;
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert_eq!(incident["status"], "Active");
    assert_eq!(incident["severity"], "High");
    assert_eq!(incident["classification"], "Unknown");
    assert_eq!(incident["determination"], "NotAvailable");
    let alert = &incident["alerts"][0];
    assert_eq!(alert["title"], "Evil process started");
    assert_eq!(alert["mitreTechniques"], json!(["T1204"]));
    assert_eq!(alert["devices"][0]["mdatpDeviceId"], device_id("alpha"));
    assert_eq!(alert["devices"][0]["deviceDnsName"], "alpha.contoso.com");
    let process = alert["entities"].as_array().expect("a list");
    assert!(
        process
            .iter()
            .any(|e| e["entityType"] == "Process" && e["fileName"] == "evil.exe")
    );

    let token = server.token(MDE).await;
    let id = alert["alertId"].as_str().expect("an id");
    let listed = server
        .get(
            "/api/alerts?$filter=severity+eq+'High'&$expand=evidence",
            &token,
        )
        .await;
    assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
    assert_eq!(listed.body["value"][0]["id"], id);
    assert_eq!(
        listed.body["value"][0]["incidentId"],
        incident["incidentId"]
    );
    assert!(
        !listed.body["value"][0]["evidence"]
            .as_array()
            .expect("a list")
            .is_empty()
    );
    let plain = server.get("/api/alerts", &token).await;
    assert_eq!(plain.body["value"][0]["evidence"], json!([]));
    let one = server.get(&format!("/api/alerts/{id}"), &token).await;
    assert_eq!(one.body["machineId"], device_id("alpha"));
    let machine = server.get("/api/machines/ALPHA.contoso.com", &token).await;
    assert_eq!(machine.body["id"], device_id("alpha"), "{:?}", machine.body);
    assert_eq!(machine.body["riskScore"], "High");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_again_changes_nothing() {
    let server = TestServer::start().await;
    let before = server.with_incidents(&server.tenant, &["alpha"]).await;
    let rerun = server
        .detect(&server.tenant, "evil-process", crate::harness::RULE)
        .await;
    assert_eq!(rerun.body["value"][0]["newAlerts"], 0, "{:?}", rerun.body);
    let token = server.token(XDR).await;
    let after = server.get("/api/incidents", &token).await.body["value"].clone();
    assert_eq!(after, json!(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_field_can_be_changed() {
    let server = TestServer::start().await;
    let incidents = server.with_incidents(&server.tenant, &["alpha"]).await;
    let path = format!("/api/incidents/{}", incidents[0]["incidentId"]);
    let token = server.token(XDR).await;
    server.advance(60);
    let change = json!({
        "status": "Resolved",
        "assignedTo": "analyst@contoso.com",
        "classification": "TruePositive",
        "determination": "Malware",
        "tags": ["case-7"],
        "comment": "Contained."
    });
    let changed = server
        .call(Method::PATCH, &path, Some(&token), Some(change))
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    let read = server.get(&path, &token).await.body;
    for (field, value) in [
        ("status", json!("Resolved")),
        ("assignedTo", json!("analyst@contoso.com")),
        ("classification", json!("TruePositive")),
        ("determination", json!("Malware")),
        ("tags", json!(["case-7"])),
    ] {
        assert_eq!(read[field], value, "{field}");
    }
    assert_eq!(read["comments"][0]["comment"], "Contained.");
    assert_eq!(
        read["alerts"][0]["status"], "Resolved",
        "closing an incident closes its alerts"
    );
    assert_ne!(read["lastUpdateTime"], incidents[0]["lastUpdateTime"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_changes_are_refused_and_change_nothing() {
    let server = TestServer::start().await;
    let incidents = server.with_incidents(&server.tenant, &["alpha"]).await;
    let path = format!("/api/incidents/{}", incidents[0]["incidentId"]);
    let token = server.token(XDR).await;
    let wrong: [(Value, &str); 7] = [
        (json!({}), "MissingRequiredParameter"),
        (json!([]), "InvalidRequestBody"),
        (json!({ "Status": "Active" }), "InvalidRequestBody"),
        (json!({ "status": "Closed" }), "InvalidInput"),
        (json!({ "status": "Redirected" }), "InvalidInput"),
        (json!({ "determination": "Malware" }), "InvalidInput"),
        (json!({ "tags": "one" }), "InvalidRequestBody"),
    ];
    for (body, code) in wrong {
        let answer = server
            .call(Method::PATCH, &path, Some(&token), Some(body.clone()))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(
            answer.body["error"]["code"], code,
            "{body}: {}",
            answer.body
        );
    }
    assert_eq!(server.get(&path, &token).await.body["status"], "Active");
}

/// Pages of two over seven incidents, while others are updated and new ones come in.
#[tokio::test(flavor = "multi_thread")]
async fn paging_loses_and_doubles_nothing_while_incidents_change() {
    let server = TestServer::start().await;
    let names: Vec<String> = (0..7).map(|n| format!("host{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all = server.with_incidents(&server.tenant, &names).await;
    assert_eq!(all.len(), 7, "one per device and user");
    let wanted: BTreeSet<i64> = all
        .iter()
        .filter_map(|i| i["incidentId"].as_i64())
        .collect();
    let token = server.token(XDR).await;
    let mut seen = Vec::new();
    let mut path =
        "/api/incidents?$filter=status+eq+'Active'+or+status+eq+'InProgress'&$top=100".to_owned();
    path = path.replace("$top=100", "$top=2");
    // $top bounds the whole listing; the page size is asked by following skips of two.
    for page in 0..4 {
        let answer = server
            .get(&format!("{path}&$skip={}", page * 2), &token)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        for incident in answer.body["value"].as_array().expect("a list") {
            seen.push(incident["incidentId"].as_i64().expect("an id"));
            let id = &incident["incidentId"];
            let body = Some(json!({ "status": "InProgress" }));
            let path = format!("/api/incidents/{id}");
            server.call(Method::PATCH, &path, Some(&token), body).await;
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), wanted);
    assert!(
        seen.windows(2).all(|pair| pair[0] > pair[1]),
        "newest first: {seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_those_of_the_documentation() {
    let server = TestServer::start().await;
    server
        .with_incidents(&server.tenant, &["alpha", "beta"])
        .await;
    let token = server.token(XDR).await;
    let counts = [
        ("status eq 'Active'", 2),
        ("status eq 'Resolved'", 0),
        ("createdTime gt 2026-01-01T00:00:00Z", 2),
        ("lastUpdateTime lt 2026-01-01", 0),
        ("CreatedTime ge 2026-01-15Z and Status eq 'Active'", 2),
        ("assignedTo eq 'nobody'", 0),
    ];
    for (filter, count) in counts {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("$filter", filter)
            .finish();
        let answer = server.get(&format!("/api/incidents?{query}"), &token).await;
        assert_eq!(answer.status, StatusCode::OK, "{filter}: {}", answer.body);
        assert_eq!(
            answer.body["value"].as_array().map(Vec::len),
            Some(count),
            "{filter}"
        );
    }
    for query in [
        "$filter=severity+eq+'High'",
        "$filter=status+eq",
        "$top=101",
        "$top=-1",
        "$skip=x",
        "$orderby=status",
        "$filter=((((status+eq+'Active')",
        "$skiptoken=zzz",
    ] {
        let answer = server.get(&format!("/api/incidents?{query}"), &token).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{query}: {}",
            answer.body
        );
        assert_eq!(answer.body["error"]["code"], "ODataError", "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let answer = server.get("/api/incidents/999", &token).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["error"]["code"], "ResourceNotFound");
    assert_eq!(
        server.get("/api/incidents/abc", &token).await.status,
        StatusCode::BAD_REQUEST
    );
}
