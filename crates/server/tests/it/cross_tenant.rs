//! Two tenants on one server: nothing of one is seen or changed by the other, by any served operation.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{GRAPH, MDE, OWN, TestServer, XDR, device_id};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_tenant_sees_nothing_of_the_first() {
    let server = TestServer::start().await;
    let first = server.tenant.clone();
    let second = server.create_tenant("Second").await;
    let incidents = server.with_incidents(&first, &["alpha"]).await;
    let incident = incidents[0]["incidentId"].as_i64().expect("an id");
    let alert = incidents[0]["alerts"][0]["alertId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let app = server.create_app(&first, &[]).await;

    let xdr = server.token_in(&second, XDR).await;
    let mde = server.token_in(&second, MDE).await;
    let graph = server.token_in(&second, GRAPH).await;
    let own = server.token_in(&second, OWN).await;

    for (path, token) in [
        ("/api/incidents", &xdr),
        ("/api/alerts", &mde),
        ("/api/machines", &mde),
    ] {
        let answer = server.get(path, token).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.body["value"], json!([]), "{path}");
    }
    let device = device_id("alpha");
    let incident_path = format!("/api/incidents/{incident}");
    let missing = [
        (incident_path.clone(), &xdr),
        (format!("/api/alerts/{alert}"), &mde),
        (format!("/api/machines/{device}"), &mde),
        ("/api/machines/alpha.contoso.com".to_owned(), &mde),
        (format!("/v1.0/applications(appId='{}')", app.0), &graph),
        (
            format!("/v1.0/servicePrincipals(appId='{}')", app.0),
            &graph,
        ),
    ];
    for (path, token) in &missing {
        assert_eq!(
            server.get(path, token).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let change = Some(json!({ "status": "Resolved" }));
    let answer = server
        .call(Method::PATCH, &incident_path, Some(&xdr), change)
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);

    let listed = server
        .get("/v1.0/applications", &graph)
        .await
        .body
        .to_string();
    assert!(!listed.contains(&app.0), "{listed}");
    let rules = server.get("/bartizan/v1/rules", &own).await;
    assert_eq!(rules.body["value"], json!([]));

    let hunts = [
        ("/api/advancedhunting/run", &xdr, "Results"),
        ("/api/advancedqueries/run", &mde, "Results"),
        ("/v1.0/security/runHuntingQuery", &graph, "results"),
    ];
    for (path, token, field) in hunts {
        let query = "union Device* | where true or TenantId == '' | take 10";
        for query in [
            query.replace(" or TenantId == ''", ""),
            "DeviceProcessEvents | take 10".to_owned(),
        ] {
            let body = Some(json!({ "Query": query }));
            let answer = server.call(Method::POST, path, Some(token), body).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
            assert_eq!(answer.body[field], json!([]), "{path}");
        }
    }
    let own_token = server.token(XDR).await;
    let untouched = server.get(&incident_path, &own_token).await;
    assert_eq!(untouched.body["status"], "Active");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_managed_from_the_operators_tenant_alone() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let token = server.token_in(&second, OWN).await;
    let answer = server.get("/bartizan/v1/tenants", &token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{:?}", answer.body);
    let body = Some(json!({ "displayName": "Third" }));
    let answer = server
        .call(Method::POST, "/bartizan/v1/tenants", Some(&token), body)
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let names: Vec<Value> = server
        .get("/bartizan/v1/tenants", &server.token(OWN).await)
        .await
        .body["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|tenant| tenant["displayName"].clone())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_one_tenant_gets_no_token_in_another() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let app = server.create_app(&server.tenant, &[]).await;
    let url = format!("{}/{second}/oauth2/v2.0/token", server.server.http_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", app.0.as_str()),
        ("client_secret", app.1.as_str()),
        ("scope", XDR),
    ];
    let answer = server
        .http
        .post(url)
        .form(&form)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error_codes"], json!([700_016]), "{body}");
}

/// Whoever manages the applications of the home tenant gets neither the operator's secret nor its place.
#[tokio::test(flavor = "multi_thread")]
async fn the_operators_application_cannot_be_taken_over() {
    let server = TestServer::start().await;
    let graph = "00000003-0000-0000-c000-000000000000";
    let app = server
        .create_app(&server.tenant, &[(graph, "Application.ReadWrite.All")])
        .await;
    let token = server
        .token_of(&server.tenant, (&app.0, &app.1), GRAPH)
        .await;
    let operator = server.operator_id();
    let path = format!("/v1.0/applications(appId='{operator}')");
    let attempts = [
        (
            Method::POST,
            format!("{path}/addPassword"),
            json!({ "passwordCredential": {} }),
        ),
        (
            Method::PATCH,
            path.clone(),
            json!({ "signInAudience": "AzureADMyOrg" }),
        ),
        (Method::DELETE, path.clone(), json!({})),
    ];
    for (method, path, body) in attempts {
        let answer = server.call(method, &path, Some(&token), Some(body)).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path}: {:?}",
            answer.body
        );
    }
    for uri in [
        "api://fc780465-2017-40d4-a0c5-307022471b92",
        "api://bartizan",
    ] {
        let body = Some(json!({ "displayName": "impostor", "identifierUris": [uri] }));
        let answer = server
            .call(Method::POST, "/v1.0/applications", Some(&token), body)
            .await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{uri}: {:?}",
            answer.body
        );
    }
}
