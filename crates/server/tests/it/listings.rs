//! Options of listings that are served where they are documented, and refused in the wire's form elsewhere.

use http::StatusCode;
use serde_json::json;

use crate::harness::{TestServer, read};

const XDR_APP: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";
const XDR: &str = "https://api.security.microsoft.com/.default";
const MDE: &str = "https://api.securitycenter.microsoft.com/.default";
const GRAPH: &str = "https://graph.microsoft.com/.default";

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_selected_and_rows_counted() {
    let server = TestServer::start().await;
    server
        .with_incidents(&server.tenant, &["alpha", "beta"])
        .await;
    let mde = server.token(MDE).await;
    let path = "/api/alerts?$select=id,severity&$count=true&$top=1&$expand=evidence";
    let alerts = server.get(path, &mde).await.body;
    assert_eq!(alerts["@odata.count"], 2, "{alerts}");
    let alert = alerts["value"][0].as_object().expect("an alert");
    let mut names: Vec<&str> = alert.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["evidence", "id", "severity"]);
    let context = alerts["@odata.context"].as_str().expect("a context");
    assert!(
        context.ends_with("$metadata#Alerts(id,severity)"),
        "{context}"
    );
    let plain = server.get("/api/alerts", &mde).await.body;
    assert!(plain.get("@odata.count").is_none(), "{plain}");
    let machines = server.get("/api/machines?$select=id", &mde).await.body;
    assert_eq!(machines["value"][0].as_object().map(|m| m.len()), Some(1));

    let graph = server.token(GRAPH).await;
    let path = "/v1.0/applications?$select=appId,displayName&$count=true";
    let applications = server.get(path, &graph).await.body;
    let listed = applications["value"].as_array().expect("a list");
    assert!(
        applications.get("@odata.count").is_none(),
        "objects of the directory are counted in advanced queries alone: {applications}"
    );
    assert_eq!(
        listed[0].as_object().map(|a| a.len()),
        Some(2),
        "{listed:?}"
    );
    let path = "/v1.0/servicePrincipals?$count=true&$top=1";
    let request = server
        .http
        .get(format!("{}{path}", server.server.http_url()))
        .header("ConsistencyLevel", "eventual")
        .bearer_auth(&graph);
    let principals = read(request.send().await.expect("an answer")).await.body;
    assert!(
        principals["@odata.count"].as_i64() > Some(1),
        "{principals}"
    );
    assert_eq!(principals["value"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_documented_is_refused_and_not_left_out() {
    let server = TestServer::start().await;
    server.with_incidents(&server.tenant, &["alpha"]).await;
    let (xdr, mde) = (server.token(XDR).await, server.token(MDE).await);
    for (path, token, part) in [
        ("/api/incidents?$select=incidentId", &xdr, "$select"),
        ("/api/incidents?$count=true", &xdr, "$count"),
        ("/api/machines?$count=true", &mde, "$count"),
        ("/api/alerts?$select=id,nothing", &mde, "'nothing'"),
        (
            "/api/incidents?$filter=createdTime+gt+yesterday",
            &xdr,
            "2026-01-01T00:00:00Z",
        ),
    ] {
        let refused = server.get(path, token).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(refused.body["error"]["code"], "ODataError", "{path}");
        let message = refused.body["error"]["message"].as_str().expect("a text");
        assert!(message.contains(part), "{path}: {message}");
    }
    let fine = server.get("/api/incidents?$count=false", &xdr).await;
    assert_eq!(fine.status, StatusCode::OK, "{}", fine.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_told_with_what_an_administrator_types() {
    let server = TestServer::start().await;
    let (id, secret) = server
        .create_app(&server.tenant, &[(XDR_APP, "Incident.Read.All")])
        .await;
    let token = server.token_of(&server.tenant, (&id, &secret), XDR).await;
    let body = json!({ "status": "Resolved" });
    let refused = server
        .call(
            http::Method::PATCH,
            "/api/incidents/1",
            Some(&token),
            Some(body),
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let message = refused.body["error"]["message"].as_str().expect("a text");
    let command = format!(
        "An administrator grants one with: bartizan app permission add {id} xdr/Incident.ReadWrite.All --tenant {tenant} --data DIR && bartizan app consent {id} --tenant {tenant} --data DIR",
        tenant = server.tenant
    );
    assert!(message.contains(&command), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_name_is_answered_with_the_right_one_on_every_wire() {
    let server = TestServer::start().await;
    let query = "DeviceProcessEvents | where FileNam == 'cmd.exe'";
    for (path, scope) in [
        ("/api/advancedhunting/run", XDR),
        ("/api/advancedqueries/run", MDE),
        ("/v1.0/security/runHuntingQuery", GRAPH),
    ] {
        let token = server.token(scope).await;
        let body = json!({ "Query": query });
        let refused = server
            .call(http::Method::POST, path, Some(&token), Some(body))
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        let message = refused.body["error"]["message"].as_str().expect("a text");
        assert!(message.contains("Did you mean FileName?"), "{message}");
    }
}
