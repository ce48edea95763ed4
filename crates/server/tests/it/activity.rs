//! Sign-ins and directory changes can be hunted, by their own tenant alone.

use bartizan_server::settings::Partial;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{GRAPH, OWN, TestServer, XDR};

/// The resource that hunting's permission is of.
const DEFENDER: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";

/// Hunts after everything noted so far is written.
pub(crate) async fn hunt(server: &TestServer, tenant: &str, query: &str) -> Vec<Value> {
    let token = server.token_in(tenant, XDR).await;
    server.server.app().trail.flush().await;
    let body = Some(json!({ "Query": query }));
    let path = "/api/advancedhunting/run";
    let answer = server.call(Method::POST, path, Some(&token), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body["Results"].as_array().expect("rows").clone()
}

/// A token request that fails.
async fn fail(server: &TestServer, tenant: &str, client: &str, secret: &str) -> Value {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.server.http_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", XDR),
    ];
    let answer = server.http.post(url).form(&form).send().await;
    answer.expect("an answer").json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn token_requests_of_applications_are_rows() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let second = server.create_tenant("Second").await;
    let (id, secret) = server
        .create_app(&tenant, &[(DEFENDER, "Incident.Read.All")])
        .await;
    server.token_of(&tenant, (&id, &secret), XDR).await;
    let refused = fail(&server, &tenant, &id, "wrong").await;
    let query =
        format!("EntraIdSpnSignInEvents | where ApplicationId == '{id}' | sort by ErrorCode asc");
    let rows = hunt(&server, &tenant, &query).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0]["ErrorCode"], 0);
    assert_eq!(rows[0]["Application"], "story");
    assert_eq!(rows[0]["IPAddress"], "127.0.0.1");
    assert_eq!(rows[0]["Timestamp"], "2026-01-15T12:00:00.0000000Z");
    assert_ne!(rows[0]["ResourceId"], Value::Null);
    assert_eq!(rows[1]["ErrorCode"], 7_000_215);
    assert_eq!(
        rows[1]["ResourceDisplayName"],
        rows[0]["ResourceDisplayName"]
    );
    assert_eq!(rows[1]["RequestId"], refused["trace_id"]);
    assert_eq!(rows[1]["CorrelationId"], refused["correlation_id"]);
    assert_eq!(rows[1]["ServicePrincipalId"], rows[0]["ServicePrincipalId"]);
    assert_eq!(hunt(&server, &second, &query).await, Vec::<Value>::new());
    let text = json!(rows).to_string();
    assert!(!text.contains("wrong") && !text.contains(&secret), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn directory_changes_are_rows_once() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let second = server.create_tenant("Second").await;
    let (id, _) = server
        .create_app(&tenant, &[(DEFENDER, "Incident.Read.All")])
        .await;
    let query = "CloudAppEvents | where Application == 'Office 365' | sort by ReportId asc \
                 | project ActionType, ObjectName, AccountType, AccountId, ReportId, RawEventData.Operation";
    let rows = hunt(&server, &tenant, query).await;
    let actions: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["ActionType"].as_str())
        .collect();
    // What the first start made is before these.
    let first = actions.len().checked_sub(4).expect("four changes");
    assert_eq!(
        actions[first..],
        [
            "Add application.",
            "Add service principal.",
            "Add app role assignment to service principal.",
            "Update application \u{2013} Certificates and secrets management ",
        ]
    );
    assert!(actions[..first].contains(&"Create company."));
    assert_eq!(rows[first]["ObjectName"], "story");
    assert_eq!(rows[first]["AccountType"], "Application");
    assert_eq!(rows[first]["AccountId"], server.operator_id());
    // Writing again adds nothing.
    assert_eq!(hunt(&server, &tenant, query).await, rows);
    let elsewhere = hunt(&server, &second, query).await;
    assert!(!json!(elsewhere).to_string().contains(&id), "{elsewhere:?}");
    assert_eq!(elsewhere[0]["ActionType"], "Create company.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_finds_guessed_secrets() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let (id, _) = server.create_app(&tenant, &[]).await;
    for n in 0..5 {
        fail(&server, &tenant, &id, &format!("guess {n}")).await;
    }
    server.server.app().trail.flush().await;
    let rule = r#"
id = "guessed-secret"
title = "Secrets of an application are guessed"
severity = "Medium"
category = "CredentialAccess"
description = "Many wrong secrets for one application."
mitre = ["T1110"]
query = '''
EntraIdSpnSignInEvents
| where ErrorCode == 7000215
| summarize Timestamp = max(Timestamp), Tries = count(), RemoteIP = take_any(IPAddress) by ApplicationId
| where Tries >= 5
'''

[dedup]
columns = ["ApplicationId"]

[[entities]]
kind = "ip"
"#;
    let ran = server.detect(&tenant, "guessed-secret", rule).await;
    assert_eq!(ran.body["value"][0]["error"], Value::Null, "{:?}", ran.body);
    assert_eq!(ran.body["value"][0]["hits"], 1, "{:?}", ran.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_switches_the_rows_off() {
    let server = TestServer::start_with(Partial {
        activity_events: Some(false),
        ..Partial::default()
    })
    .await;
    let tenant = server.tenant.clone();
    server.create_app(&tenant, &[]).await;
    for scope in [GRAPH, OWN] {
        server.token(scope).await;
    }
    let query = "union EntraIdSpnSignInEvents, CloudAppEvents | count";
    let rows = hunt(&server, &tenant, query).await;
    assert_eq!(rows[0]["Count"], 0);
}
