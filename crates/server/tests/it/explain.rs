//! Each refusal is explained to its own tenant, with what mends it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::{GRAPH, OWN, TestServer, XDR};

/// The resource that incidents' permission is of.
const DEFENDER: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";

/// A token request's answer.
pub(crate) async fn ask(
    server: &TestServer,
    tenant: &str,
    client: &str,
    secret: &str,
    scope: &str,
) -> Value {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.server.http_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", scope),
    ];
    // From this machine, as a reverse proxy says it.
    let request = server.http.post(url).form(&form);
    let request = request.header("x-forwarded-for", "203.0.113.9, 198.51.100.7");
    let answer = request.send().await;
    answer.expect("an answer").json().await.expect("JSON")
}

/// The explanation of a trace id, as told to a tenant's administrator.
async fn explain(server: &TestServer, tenant: &str, trace: &Value) -> Value {
    let token = server.token_in(tenant, OWN).await;
    let path = format!("/explain/{}", trace.as_str().expect("a trace id"));
    let answer = server.get(&path, &token).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body
}

fn commands(explanation: &Value) -> Vec<String> {
    let remedies = explanation["remedies"].as_array().expect("remedies");
    let commands = remedies.iter().filter_map(|r| r["command"].as_str());
    commands.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_token_requests_say_what_is_missing() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let (id, secret) = server.create_app(&tenant, &[]).await;

    let unknown = "11111111-2222-3333-4444-555555555555";
    let refused = ask(&server, &tenant, unknown, "x", XDR).await;
    let told = explain(&server, &tenant, &refused["trace_id"]).await;
    assert_eq!(told["code"], "AADSTS700016", "{told}");
    assert_eq!(told["address"], "198.51.100.7", "who the proxy names");
    assert_eq!(told["missing"]["tenantId"], tenant.as_str());
    assert_eq!(told["correlationId"], refused["correlation_id"]);
    assert_eq!(
        commands(&told)[0],
        format!("bartizan app list --tenant {tenant}")
    );

    // The id of the secret in place of its value.
    let refused = ask(&server, &tenant, &id, unknown, XDR).await;
    let told = explain(&server, &tenant, &refused["trace_id"]).await;
    assert_eq!(told["code"], "AADSTS7000215", "{told}");
    assert!(
        told["remedies"][0]["text"]
            .as_str()
            .is_some_and(|t| t.contains("GUID"))
    );
    let add = format!("bartizan app secret add {id} --tenant {tenant}");
    assert!(commands(&told).contains(&add), "{told}");

    let refused = ask(
        &server,
        &tenant,
        &id,
        &secret,
        "https://nothing.example/.default",
    )
    .await;
    let told = explain(&server, &tenant, &refused["trace_id"]).await;
    assert_eq!(told["code"], "AADSTS500011", "{told}");
    assert!(commands(&told)[0].starts_with("bartizan token get --scope https://"));

    server.advance(3 * 365 * 86_400);
    let refused = ask(&server, &tenant, &id, &secret, XDR).await;
    let told = explain(&server, &tenant, &refused["trace_id"]).await;
    assert_eq!(told["code"], "AADSTS7000222", "{told}");
    assert!(commands(&told).contains(&add), "{told}");
    assert!(!told.to_string().contains(&secret), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_without_a_presence_is_mended_and_said_to_be() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let graph = server.token(GRAPH).await;
    let body = Some(json!({ "displayName": "half" }));
    let app = server
        .call(Method::POST, "/v1.0/applications", Some(&graph), body)
        .await
        .body;
    let id = app["appId"].as_str().expect("an id");
    let refused = ask(&server, &tenant, id, "x", XDR).await;
    let told = explain(&server, &tenant, &refused["trace_id"]).await;
    assert_eq!(
        commands(&told)[0],
        format!("bartizan app consent {id} --tenant {tenant}")
    );
    assert_eq!(told["mended"], false);
    // What the command does.
    let body = Some(json!({ "appId": id }));
    server
        .call(Method::POST, "/v1.0/servicePrincipals", Some(&graph), body)
        .await;
    let told = explain(&server, &tenant, &refused["trace_id"]).await;
    assert_eq!(told["mended"], true, "{told}");
    assert_eq!(told["missing"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_calls_say_which_token_or_role_is_missing() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let app = server
        .create_app(&tenant, &[(DEFENDER, "AdvancedHunting.Read.All")])
        .await;
    let token = server.token_of(&tenant, (&app.0, &app.1), XDR).await;
    let trace = |answer: &crate::harness::Answer| {
        assert_eq!(
            answer.body["error"]["target"].as_str(),
            answer.headers["request-id"].to_str().ok()
        );
        answer.body["error"]["target"].clone()
    };

    let answer = server.get("/api/incidents", &token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let told = explain(&server, &tenant, &trace(&answer)).await;
    assert_eq!(
        commands(&told),
        [format!(
            "bartizan app permission add {id} xdr/Incident.Read.All --tenant {tenant} && bartizan app consent {id} --tenant {tenant}",
            id = app.0
        )]
    );

    let graph = server.token_of(&tenant, (&app.0, &app.1), GRAPH).await;
    let answer = server.get("/api/incidents", &graph).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let told = explain(&server, &tenant, &trace(&answer)).await;
    let get = format!(
        "bartizan token get --scope https://api.security.microsoft.com/.default --tenant {tenant}"
    );
    assert_eq!(commands(&told), std::slice::from_ref(&get));
    assert_eq!(
        told["needed"][0]["value"],
        "https://api.security.microsoft.com"
    );

    server.advance(2 * 3_600);
    let answer = server.get("/api/incidents", &token).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let told = explain(&server, &tenant, &trace(&answer)).await;
    assert_eq!(commands(&told), [get]);
    let told = told.to_string();
    assert!(told.contains("expire") && !told.contains(&token), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_customers_tenant_the_consent_link_mends() {
    let server = TestServer::start().await;
    let customer = server.create_tenant("Customer").await;
    let client = server
        .create_client(json!({ "signInAudience": "AzureADMultipleOrgs" }))
        .await;
    let graph = server.token(GRAPH).await;
    let path = format!("/v1.0/applications(appId='{client}')/addPassword");
    let made = server
        .call(Method::POST, &path, Some(&graph), Some(json!({})))
        .await;
    let secret = made.body["secretText"].as_str().expect("a secret");
    let there = server.token_in(&customer, GRAPH).await;
    let body = Some(json!({ "appId": client }));
    server
        .call(Method::POST, "/v1.0/servicePrincipals", Some(&there), body)
        .await;
    let token = server.token_of(&customer, (&client, secret), XDR).await;
    let refused = server.get("/api/incidents", &token).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let login = server.server.app().sites.public().origin();
    let login = login.ascii_serialization();
    let link = format!("{login}/{customer}/adminconsent?client_id={client}");
    let message = refused.body["error"]["message"].as_str().expect("a text");
    assert!(message.contains(&link), "{message}");
    assert!(!message.contains("bartizan app"), "{message}");

    let trace = refused.body["error"]["target"].clone();
    let told = explain(&server, &customer, &trace).await;
    let home = &server.tenant;
    assert_eq!(
        commands(&told),
        [format!(
            "bartizan app permission add {client} xdr/Incident.Read.All --tenant {home}"
        )]
    );
    assert_eq!(told["remedies"][1]["link"], link.as_str(), "{told}");
    // Once the registration asks for it, the link alone is left.
    let asks = json!({ "requiredResourceAccess": [{
        "resourceAppId": DEFENDER,
        "resourceAccess": [{ "id": "a9790345-4595-42e4-971a-ccdc79f19b7c", "type": "Role" }],
    }]});
    let path = format!("/v1.0/applications(appId='{client}')");
    server
        .call(Method::PATCH, &path, Some(&graph), Some(asks))
        .await;
    let told = explain(&server, &customer, &trace).await;
    assert_eq!(commands(&told), Vec::<String>::new(), "{told}");
    assert_eq!(told["remedies"][0]["link"], link.as_str(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_are_a_tenants_own() {
    let server = TestServer::start().await;
    let first = server.tenant.clone();
    let second = server.create_tenant("Second").await;
    let app = server.create_app(&second, &[]).await;
    let refused = ask(&server, &second, &app.0, "wrong", XDR).await;
    let path = format!(
        "/bartizan/v1/explain/{}",
        refused["trace_id"].as_str().expect("an id")
    );
    let elsewhere = server.get(&path, &server.token_in(&first, OWN).await).await;
    assert_eq!(
        elsewhere.status,
        StatusCode::NOT_FOUND,
        "{:?}",
        elsewhere.body
    );
    let own = server
        .get(&path, &server.token_in(&second, OWN).await)
        .await;
    assert_eq!(own.status, StatusCode::OK, "{:?}", own.body);
    // Its application is of one tenant: another learns nothing of it, not even that it exists.
    let refused = ask(&server, &first, &app.0, &app.1, XDR).await;
    let told = explain(&server, &first, &refused["trace_id"]).await;
    let missing = told["missing"]["fact"].as_str().expect("a fact");
    assert!(
        missing.starts_with("an application with the client id"),
        "{told}"
    );
    // A tenant that is none: the operator's alone.
    let refused = ask(&server, "nowhere.example", &app.0, "x", XDR).await;
    let path = format!("/explain/{}", refused["trace_id"].as_str().expect("an id"));
    let token = server.token_in(&second, OWN).await;
    assert_eq!(
        server.get(&path, &token).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        explain(&server, &first, &refused["trace_id"]).await["code"],
        "AADSTS90002"
    );
    // A forged token makes no refusal one of the tenant that it names.
    let good = server.token_in(&second, XDR).await;
    let forged = format!("{}x", &good[..good.len() - 6]);
    let answer = server.get("/api/incidents", &forged).await;
    let path = format!(
        "/explain/{}",
        answer.body["error"]["target"].as_str().expect("an id")
    );
    assert_eq!(
        server.get(&path, &token).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_is_bounded() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let calls = (0..400).map(|_| server.call(Method::GET, "/api/incidents", None, None));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|a| a.status == StatusCode::UNAUTHORIZED));
    // The server still answers, and explains some of them. Which ones is chance: they came at once.
    let token = server.token_in(&tenant, OWN).await;
    let mut kept = 0;
    for answer in &answers {
        let id = answer.body["error"]["target"].as_str().expect("an id");
        let told = server.get(&format!("/explain/{id}"), &token).await;
        kept += usize::from(told.status == StatusCode::OK);
    }
    assert!((1..answers.len()).contains(&kept), "{kept}");
    let metrics = server
        .http
        .get(format!("{}/metrics", server.server.http_url()));
    let text = metrics
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    assert!(text.contains("bartizan_requests_total"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_is_listed_in_graphs_shape() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let second = server.create_tenant("Second").await;
    server.advance(60);
    let (id, _) = server.create_app(&tenant, &[]).await;
    let token = server.token(GRAPH).await;
    let path = "/v1.0/auditLogs/directoryAudits";
    let listed = server.get(path, &token).await;
    assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
    let events = listed.body["value"].as_array().expect("a list");
    let names: Vec<&str> = events
        .iter()
        .filter_map(|e| e["activityDisplayName"].as_str())
        .collect();
    assert_eq!(names.last(), Some(&"Create company"));
    assert!(names.contains(&"Add application"), "{names:?}");
    let added = &events[names
        .iter()
        .position(|n| *n == "Add application")
        .expect("it")];
    assert_eq!(added["initiatedBy"]["app"]["appId"], server.operator_id());
    assert_eq!(added["result"], "success");
    assert!(added["additionalDetails"].to_string().contains(&id));
    let late = format!("{path}?$filter=activityDateTime%20ge%202026-01-15T12:01:00Z&$top=2");
    let page = server.get(&late, &token).await;
    assert_eq!(page.status, StatusCode::OK, "{:?}", page.body);
    assert_eq!(page.body["value"].as_array().map(Vec::len), Some(2));
    let elsewhere = server
        .get(path, &server.token_in(&second, GRAPH).await)
        .await;
    assert!(!elsewhere.body.to_string().contains(&id));
}

/// Programs ask without a page for as long as they are refused: of each client and person one refusal an hour is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_without_a_page_is_explained_once_an_hour() {
    let server = TestServer::start().await;
    let one = server.create_client(json!({})).await;
    let other = server.create_client(json!({})).await;
    let token = server.token(OWN).await;
    let silent = async |client: &str| {
        let address = server.authorize(&server.tenant, client, &[("prompt", "none")]);
        let page = Browser::at(&server).go(&address).await;
        assert_eq!(page.parameter("error").as_deref(), Some("login_required"));
        let trace = page.headers["x-ms-request-id"].to_str().expect("text");
        format!("/explain/{trace}")
    };
    let told = async |path: &str| server.get(path, &token).await.status;
    let first = silent(&one).await;
    assert_eq!(told(&first).await, StatusCode::OK);
    let again = silent(&one).await;
    let of_other = silent(&other).await;
    assert_eq!(told(&of_other).await, StatusCode::OK);
    assert_eq!(told(&again).await, StatusCode::NOT_FOUND);
    server.advance(3_600);
    let later = silent(&one).await;
    let token = server.token(OWN).await;
    assert_eq!(server.get(&later, &token).await.status, StatusCode::OK);
}
