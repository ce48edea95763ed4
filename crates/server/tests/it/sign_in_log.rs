//! Sign-ins as Graph lists them, and the page that explains a refusal.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::{GRAPH, TestServer, XDR};
use crate::sign_in::PASSWORD;

const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";
const ALL: &str = "signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser' or t eq 'servicePrincipal')";

async fn list(server: &TestServer, token: &str, query: &str) -> Value {
    let answer = server
        .get(&format!("/v1.0/auditLogs/signIns{query}"), token)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {:?}", answer.body);
    answer.body
}

/// A password grant; gives the answer's status and body.
async fn password(server: &TestServer, client: &str, name: &str, password: &str) -> Value {
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        server.server.http_url(),
        server.tenant
    );
    let form = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", name),
        ("password", password),
        ("scope", "openid profile"),
    ];
    // From this machine, as a reverse proxy says it.
    let request = server.http.post(url).form(&form);
    let request = request.header("x-forwarded-for", "203.0.113.9, 198.51.100.7");
    let answer = request.send().await;
    answer.expect("an answer").json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_listed_in_graphs_shape() {
    let server = TestServer::start().await;
    let (app, secret) = server
        .create_app(
            &server.tenant,
            &[
                (GRAPH_APP, "AuditLog.Read.All"),
                (GRAPH_APP, "Directory.Read.All"),
            ],
        )
        .await;
    let reader = server
        .token_of(&server.tenant, (&app, &secret), GRAPH)
        .await;
    let client = server
        .create_client(json!({ "isFallbackPublicClient": true }))
        .await;
    let principal = json!({ "appId": client });
    let graph = server.token(GRAPH).await;
    server
        .call(
            Method::POST,
            "/v1.0/servicePrincipals",
            Some(&graph),
            Some(principal),
        )
        .await;
    let (name, id) = server.create_person("ada").await;
    server.advance(60);
    let wrong = password(&server, &client, &name, "wrong").await;
    assert_eq!(wrong["error_codes"], json!([50126]), "{wrong}");
    server.advance(60);
    let right = password(&server, &client, &name, PASSWORD).await;
    // Consent is missing; that is a sign-in that failed, too.
    assert_eq!(right["error_codes"], json!([65001]), "{right}");

    let people = list(&server, &reader, "").await;
    let value = people["value"].as_array().expect("a list");
    let codes: Vec<&Value> = value.iter().map(|s| &s["status"]["errorCode"]).collect();
    assert_eq!(codes, [&json!(65001), &json!(50126)], "{people}");
    assert_eq!(value[1]["userPrincipalName"], name.as_str());
    assert_eq!(value[1]["appId"], client.as_str());
    assert_eq!(value[1]["isInteractive"], true);
    assert_eq!(value[1]["ipAddress"], "198.51.100.7", "who the proxy names");
    assert_eq!(value[1]["id"], wrong["trace_id"]);
    assert_eq!(value[1]["correlationId"], wrong["correlation_id"]);
    assert!(value[1]["status"]["failureReason"].is_string());
    assert!(
        value
            .iter()
            .all(|s| s["userId"] == Value::Null || s["userId"] == id.to_string())
    );

    let one = format!(
        "/v1.0/auditLogs/signIns/{}",
        wrong["trace_id"].as_str().expect("id")
    );
    let one = server.get(&one, &reader).await;
    assert_eq!(one.body["status"]["errorCode"], 50126, "{:?}", one.body);

    let filter = |text: &str| format!("?$filter={}", text.replace(' ', "%20"));
    for (text, count) in [
        (format!("{ALL} and appId eq '{app}'"), 1),
        (
            "signInEventTypes/any(t: t eq 'interactiveUser') and status/errorCode eq 50126"
                .to_owned(),
            1,
        ),
        (format!("userPrincipalName eq '{}'", name.to_uppercase()), 2),
        ("createdDateTime ge 2026-01-15T12:02:00Z".to_owned(), 1),
        ("createdDateTime lt 2026-01-15T12:00:00Z".to_owned(), 0),
        (
            "startswith(appDisplayName,'Story') and status/errorCode ne 0".to_owned(),
            2,
        ),
    ] {
        let found = list(&server, &reader, &filter(&text)).await;
        assert_eq!(
            found["value"].as_array().map(Vec::len),
            Some(count),
            "{text}: {found}"
        );
    }
    // Pages, and each sign-in once.
    let whole = list(&server, &reader, &filter(ALL)).await;
    let mut path = format!("{}&$top=2&$select=id", filter(ALL));
    let mut seen = Vec::new();
    loop {
        let page = list(&server, &reader, &path).await;
        seen.extend(page["value"].as_array().expect("a list").clone());
        let Some(next) = page["@odata.nextLink"].as_str() else {
            break;
        };
        path = next
            .split_once("signIns")
            .expect("a link of ours")
            .1
            .to_owned();
    }
    let ids = |value: &[Value]| value.iter().map(|s| s["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&seen), ids(whole["value"].as_array().expect("a list")));
    for wrong in ["location/city eq 'x'", "appId gt 'x'"] {
        let path = format!("/v1.0/auditLogs/signIns{}", filter(wrong));
        let refused = server.get(&path, &reader).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_take_both_permissions_and_stay_in_their_tenant() {
    let server = TestServer::start().await;
    let (app, secret) = server
        .create_app(&server.tenant, &[(GRAPH_APP, "AuditLog.Read.All")])
        .await;
    let half = server
        .token_of(&server.tenant, (&app, &secret), GRAPH)
        .await;
    let refused = server.get("/v1.0/auditLogs/signIns", &half).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let message = refused.body["error"]["message"].to_string();
    assert!(message.contains("Directory.Read.All"), "{message}");

    let second = server.create_tenant("Second").await;
    let away = server.token_in(&second, GRAPH).await;
    let query = format!("?$filter={}", ALL.replace(' ', "%20"));
    let theirs = list(&server, &away, &query).await;
    let theirs = theirs["value"].as_array().expect("a list");
    assert!(
        theirs.iter().all(|s| s["appId"] == server.operator_id()),
        "{theirs:?}"
    );
    let here = server.token(GRAPH).await;
    let mine = list(&server, &here, &query).await;
    let id = mine["value"]
        .as_array()
        .and_then(|v| v.iter().find(|s| s["appId"] == app.as_str()));
    let id = id.expect("the application's sign-in")["id"]
        .as_str()
        .expect("an id");
    let path = format!("/v1.0/auditLogs/signIns/{id}");
    assert_eq!(server.get(&path, &here).await.status, StatusCode::OK);
    assert_eq!(server.get(&path, &away).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_on_a_page_to_administrators_of_its_tenant() {
    let server = TestServer::start().await;
    let (app, secret) = server.create_app(&server.tenant, &[]).await;
    let token = server.token_of(&server.tenant, (&app, &secret), XDR).await;
    let request = server
        .http
        .get(format!("{}/api/incidents", server.server.http_url()))
        .header("client-request-id", "7C9E6679-7425-40DE-944B-E07FC1F90AE7")
        .bearer_auth(token);
    let refused = request.send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let trace = refused.headers()["request-id"]
        .to_str()
        .expect("text")
        .to_owned();
    let path = format!("/explain/{trace}");
    let html = |browser: &Browser<'_>, path: &str| {
        browser
            .request(Method::GET, path)
            .header("accept", "text/html,application/xhtml+xml")
    };

    // Whoever is not signed in is asked to, and comes back.
    let mut browser = Browser::at(&server);
    let request = html(&browser, &path);
    let page = browser.follow(request).await;
    let (name, secret) = server.administrator();
    let after = browser.sign_in(&page, &name, &secret).await;
    assert_eq!(
        after.status,
        StatusCode::UNAUTHORIZED,
        "without Accept it is the API's"
    );
    let request = html(&browser, &path);
    let page = browser.follow(request).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert_eq!(page.title(), "Why it was refused");
    for part in [trace.as_str(), "Incident.Read.All", "bartizan app"] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert!(!page.html.contains("<script"));
    let policy = page.headers["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; form-action"),
        "{policy}"
    );
    let request = html(&browser, "/explain/7c9e6679-7425-40de-944b-e07fc1f90ae7");
    let by_correlation = browser.follow(request).await;
    assert!(
        by_correlation.html.contains(&trace),
        "{}",
        by_correlation.html
    );
    let request = html(&browser, "/explain/11111111-2222-3333-4444-555555555555");
    assert_eq!(browser.follow(request).await.status, StatusCode::NOT_FOUND);

    // A person without a role, and an administrator of another tenant, are told nothing.
    let (plain, _) = server.create_person("plain").await;
    let second = server.create_tenant("Second").await;
    let role = bartizan_contract::access::directory_role_named("Global Administrator");
    let role = role.expect("a role").template;
    let tenant = second.parse().expect("an id");
    let (far, _) = server
        .create_person_in(tenant, "far@second.onmicrosoft.com", &[role])
        .await;
    for (person, status) in [(plain, StatusCode::FORBIDDEN), (far, StatusCode::NOT_FOUND)] {
        let mut browser = Browser::at(&server);
        let request = html(&browser, &path);
        let page = browser.follow(request).await;
        browser.sign_in(&page, &person, PASSWORD).await;
        let request = html(&browser, &path);
        let page = browser.follow(request).await;
        assert_eq!(page.status, status, "{person}: {}", page.html);
        assert!(!page.html.contains("Incident.Read.All"), "{person}");
        assert!(page.html.contains("account=other"));
    }
    // The API's clients get JSON as ever.
    let token = server.token(crate::harness::OWN).await;
    let told = server
        .get("/explain/7C9E6679-7425-40DE-944B-E07FC1F90AE7", &token)
        .await;
    assert_eq!(told.body["traceId"], trace.as_str(), "{:?}", told.body);
}

/// The sign-ins of a person, latest first: code and principal name.
async fn failures(server: &TestServer, name: &str) -> Vec<(i64, String)> {
    let token = server.token(GRAPH).await;
    let filter = format!("?$filter={}", ALL.replace(' ', "%20"));
    let listed = list(server, &token, &filter).await;
    let all = listed["value"].as_array().expect("a list").iter();
    let mine = all.filter(|s| s["userPrincipalName"] == name);
    mine.filter_map(|s| {
        let code = s["status"]["errorCode"].as_i64()?;
        Some((code, s["userId"].as_str()?.to_owned()))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_is_refused_on_the_pages_is_explained_and_a_row() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let scope = ("scope", "https://api.security.microsoft.com/Incident.Read");
    let address = server.authorize(&server.tenant, &client, &[scope]);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Approval required", "{}", page.html);
    let link = page.html.split("href=\"/explain/").nth(1).expect("a link");
    let trace = link.split('"').next().expect("a trace id");
    let token = server.token(crate::harness::OWN).await;
    let told = server.get(&format!("/explain/{trace}"), &token).await;
    assert_eq!(told.body["code"], "AADSTS90094", "{:?}", told.body);
    let text = told.body.to_string();
    assert!(
        text.contains("Incident.Read, which the application's registration does not ask for")
            && text.contains("v2.0/adminconsent")
            && text.contains(&ann),
        "{text}"
    );
    assert_eq!(failures(&server, &ann).await, [(90_094, id.to_string())]);

    // What travels to the application has a trace id, too.
    let back = browser
        .send(&page, "consent", &[("decision", "decline")])
        .await;
    let description = back.parameter("error_description").expect("a text");
    let after = description.split("Trace ID: ").nth(1).expect("a trace id");
    let trace = after.split_whitespace().next().expect("a trace id");
    let told = server.get(&format!("/explain/{trace}"), &token).await;
    assert_eq!(told.body["code"], "AADSTS90094", "{:?}", told.body);
    let silent = [scope, ("prompt", "none")];
    let address = server.authorize(&server.tenant, &client, &silent);
    let back = browser.go(&address).await;
    let description = back.parameter("error_description").expect("a text");
    let after = description.split("Trace ID: ").nth(1).expect("a trace id");
    let trace = after.split_whitespace().next().expect("a trace id");
    let told = server.get(&format!("/explain/{trace}"), &token).await;
    assert_eq!(told.body["code"], "AADSTS65001", "{:?}", told.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_token_is_its_owners_failure() {
    let server = TestServer::start().await;
    let client = server
        .create_client(json!({ "isFallbackPublicClient": true }))
        .await;
    let graph = server.token(GRAPH).await;
    let post = async |path: &str, body: Value| {
        let done = server
            .call(Method::POST, path, Some(&graph), Some(body))
            .await;
        assert!(done.status.is_success(), "{path}: {:?}", done.body);
        done.body
    };
    let client_sp = post("/v1.0/servicePrincipals", json!({ "appId": client })).await;
    let path = format!("/v1.0/servicePrincipals(appId='{GRAPH_APP}')");
    let resource = server.get(&path, &graph).await.body["id"].clone();
    let grant = json!({
        "clientId": client_sp["id"], "consentType": "AllPrincipals", "resourceId": resource,
        "scope": "openid profile offline_access",
    });
    post("/v1.0/oauth2PermissionGrants", grant).await;
    let (name, id) = server.create_person("ada").await;
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        server.server.http_url(),
        server.tenant
    );
    let ask = async |form: &[(&str, &str)]| -> Value {
        let answer = server.http.post(&url).form(form).send().await;
        answer.expect("an answer").json().await.expect("JSON")
    };
    let first = ask(&[
        ("grant_type", "password"),
        ("client_id", &client),
        ("username", &name),
        ("password", PASSWORD),
        ("scope", "openid profile offline_access"),
    ])
    .await;
    let refresh = first["refresh_token"].as_str().expect("a refresh token");
    server.advance(60);
    post(&format!("/v1.0/users/{id}/revokeSignInSessions"), json!({})).await;
    server.advance(60);
    let refused = ask(&[
        ("grant_type", "refresh_token"),
        ("client_id", &client),
        ("refresh_token", refresh),
    ])
    .await;
    assert_eq!(refused["error_codes"], json!([50173]), "{refused}");
    let rows = failures(&server, &name).await;
    assert_eq!(rows[0], (50_173, id.to_string()), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_page_leads_to_its_explanation() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    let path = format!(
        "/{}/oauth2/v2.0/authorize?client_id={client}&response_type=code&redirect_uri=https%3A%2F%2Fwrong.example%2F&scope=openid",
        server.tenant
    );
    let page = browser.go(&path).await;
    let link = page.html.split("href=\"/explain/").nth(1).expect("a link");
    let trace = link.split('"').next().expect("a trace id");
    let token = server.token(crate::harness::OWN).await;
    let told = server.get(&format!("/explain/{trace}"), &token).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
    assert_eq!(told.body["code"], "AADSTS50011", "{:?}", told.body);
}
