//! The authorization server as clients meet it: tokens of both versions, discovery, keys, and the errors' exact shape.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, START, TestServer, XDR, read};

const XDR_APP: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";

/// A form to a path of the authorization server.
async fn post(server: &TestServer, path: &str, form: &[(&str, &str)]) -> Answer {
    let url = format!("{}{path}", server.server.http_url());
    read(
        server
            .http
            .post(url)
            .form(form)
            .send()
            .await
            .expect("an answer"),
    )
    .await
}

async fn fetch(server: &TestServer, path: &str) -> Answer {
    let url = format!("{}{path}", server.server.http_url());
    read(server.http.get(url).send().await.expect("an answer")).await
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_request_gets_the_documented_answer() {
    let server = TestServer::start().await;
    let (client, secret) = server
        .create_app(&server.tenant, &[(XDR_APP, "Incident.Read.All")])
        .await;
    let form = [
        ("scope", XDR),
        ("client_id", &client),
        ("grant_type", "client_credentials"),
        ("client_secret", &secret),
        ("client_info", "1"),
    ];
    let path = format!("/{}/oauth2/v2.0/token?client-request-id=x", server.tenant);
    let answer = post(&server, &path, &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let names: Vec<&String> = answer.body.as_object().expect("an object").keys().collect();
    assert_eq!(
        names,
        ["token_type", "expires_in", "ext_expires_in", "access_token"]
    );
    assert_eq!(answer.body["expires_in"], 3599);
    assert_eq!(answer.headers["cache-control"], "no-store, no-cache");
    assert_eq!(
        answer.headers["content-type"],
        "application/json; charset=utf-8"
    );
    let claims = claims(answer.body["access_token"].as_str().expect("a token"));
    assert_eq!(
        claims["iss"],
        format!("https://sts.windows.net/{}/", server.tenant)
    );
    assert_eq!(claims["roles"], json!(["Incident.Read.All"]));
    assert_eq!(claims["exp"], START + 3600);
    assert_eq!(claims["iat"], START - 300);
    assert_eq!(claims["appid"], client);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_a_resource_works_and_is_echoed() {
    let server = TestServer::start().await;
    let token = |name: &'static str| server.token(name);
    for (scope, audience) in [
        (
            "https://api.security.microsoft.com/.default",
            "https://api.security.microsoft.com",
        ),
        (
            "https://api.security.microsoft.com//.default",
            "https://api.security.microsoft.com/",
        ),
        (
            "https://securitycenter.onmicrosoft.com/windowsatpservice/.default",
            "https://securitycenter.onmicrosoft.com/windowsatpservice",
        ),
        (
            "https://api.securitycenter.windows.com/.default",
            "https://api.securitycenter.windows.com",
        ),
        (
            "fc780465-2017-40d4-a0c5-307022471b92/.default",
            "fc780465-2017-40d4-a0c5-307022471b92",
        ),
        (
            "api://fc780465-2017-40d4-a0c5-307022471b92/.default",
            "api://fc780465-2017-40d4-a0c5-307022471b92",
        ),
        (".default", "00000003-0000-0000-c000-000000000000"),
    ] {
        let token = token(scope).await;
        assert_eq!(claims(&token)["aud"], audience);
        let path = match audience {
            a if a.contains("security.microsoft") => "/api/incidents",
            a if a.starts_with("00000003") => "/v1.0/organization",
            _ => "/api/machines",
        };
        assert_eq!(
            server.get(path, &token).await.status,
            StatusCode::OK,
            "{audience}"
        );
    }
}

/// A connector sends its form with GET; others send the secret in the header.
#[tokio::test(flavor = "multi_thread")]
async fn version_1_by_get_and_secrets_by_header() {
    let server = TestServer::start().await;
    let (client, secret) = server.create_app(&server.tenant, &[]).await;
    let url = format!(
        "{}/{}/oauth2/token",
        server.server.http_url(),
        server.tenant
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &client),
        ("client_secret", &secret),
        ("resource", "https://api.securitycenter.microsoft.com/"),
    ];
    let answer = read(
        server
            .http
            .get(&url)
            .form(&form)
            .send()
            .await
            .expect("an answer"),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.body["expires_on"], (START + 3600).to_string());
    assert_eq!(
        answer.body["resource"],
        "https://api.securitycenter.microsoft.com/"
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("resource", "https://graph.microsoft.com"),
    ];
    let request = server
        .http
        .post(&url)
        .basic_auth(&client, Some(&secret))
        .form(&form);
    let answer = read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_exact_shape() {
    let server = TestServer::start().await;
    let (client, secret) = server.create_app(&server.tenant, &[]).await;
    let tenant = server.tenant.as_str();
    let grant = ("grant_type", "client_credentials");
    let (id, good) = (
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
    );
    let scope = ("scope", XDR);
    let nobody = ("client_id", "00000000-0000-0000-0000-00000000000a");
    type Form<'a> = Vec<(&'a str, &'a str)>;
    let cases: [(&str, Form<'_>, u16, &str, u32); 10] = [
        (tenant, vec![], 400, "invalid_request", 900_144),
        (
            tenant,
            vec![grant, id, good, ("scope", "https://x/Do")],
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            tenant,
            vec![grant, id, good, ("scope", "https://x/.default")],
            400,
            "invalid_resource",
            500_011,
        ),
        (
            tenant,
            vec![grant, id, ("client_secret", "no"), scope],
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            tenant,
            vec![grant, id, scope],
            401,
            "invalid_client",
            7_000_216,
        ),
        (
            tenant,
            vec![grant, nobody, good, scope],
            400,
            "unauthorized_client",
            700_016,
        ),
        (
            tenant,
            vec![("grant_type", "magic"), id, scope],
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (
            "common",
            vec![grant, id, good, scope],
            400,
            "invalid_request",
            50_059,
        ),
        (
            "nowhere.example",
            vec![grant, id, good, scope],
            400,
            "invalid_request",
            90_002,
        ),
        (
            "authorize",
            vec![grant, id, good, scope],
            400,
            "invalid_request",
            900_023,
        ),
    ];
    for (tenant, form, status, error, code) in cases {
        let answer = post(&server, &format!("/{tenant}/oauth2/v2.0/token"), &form).await;
        assert_eq!(answer.status.as_u16(), status, "{code}: {:?}", answer.body);
        assert_eq!(answer.body["error"], error, "{code}");
        assert_eq!(
            answer.body["error_codes"],
            json!([code]),
            "{:?}",
            answer.body
        );
        let text = answer.body["error_description"].as_str().expect("a text");
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
        assert!(text.ends_with("Timestamp: 2026-01-15 12:00:00Z"), "{text}");
        assert!(!text.contains(secret.as_str()));
        let trace = answer.headers["x-ms-request-id"].to_str().expect("a text");
        assert_eq!(answer.body["trace_id"], trace);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_correlation_id_comes_back() {
    let server = TestServer::start().await;
    let id = "6dd2bb3b-a8b9-4df7-8b4c-d6e0c9e8ae08";
    let url = format!(
        "{}/{}/oauth2/token",
        server.server.http_url(),
        server.tenant
    );
    let request = server
        .http
        .post(url)
        .header("client-request-id", id)
        .header("return-client-request-id", "true");
    let answer = read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.body["correlation_id"], id);
    assert_eq!(answer.headers["client-request-id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_below_oauth2_is_answered_in_json() {
    let server = TestServer::start().await;
    let base = format!("{}/{}", server.server.http_url(), server.tenant);
    for (method, path, status) in [
        (Method::GET, "/oauth2/v2.0/token", 405),
        (Method::DELETE, "/oauth2/token", 405),
        (Method::GET, "/oauth2/v2.0/unknown", 404),
        (Method::POST, "/.well-known/openid-configuration", 405),
    ] {
        let request = server.http.request(method, format!("{base}{path}"));
        let answer = read(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(
            answer.body["error_description"].is_string(),
            "{path}: {:?}",
            answer.body
        );
    }
    // Not a form: nothing was sent, as far as the endpoint can read.
    let request = server
        .http
        .post(format!("{base}/oauth2/v2.0/token"))
        .json(&json!({"grant_type": "x"}));
    let answer = read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.body["error_codes"], json!([900_144]));
    let request = server
        .http
        .post(format!("{base}/oauth2/v2.0/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("x".repeat(1_000_000));
    let answer = read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_leads_to_the_keys_that_sign() {
    let server = TestServer::start().await;
    let domain = fetch(
        &server,
        "/bartizan.onmicrosoft.com/v2.0/.well-known/openid-configuration",
    )
    .await;
    assert_eq!(domain.status, StatusCode::OK, "{:?}", domain.body);
    let base = server.server.http_url();
    let token_endpoint = format!("{base}/{}/oauth2/v2.0/token", server.tenant);
    assert_eq!(
        domain.body["token_endpoint"], token_endpoint,
        "a domain becomes the tenant's id"
    );
    assert_eq!(domain.headers["access-control-allow-origin"], "*");
    assert_eq!(domain.headers["cache-control"], "max-age=86400, private");
    let keys = domain.body["jwks_uri"]
        .as_str()
        .and_then(|uri| uri.strip_prefix(&base))
        .expect("a path");
    let keys = fetch(&server, keys).await.body;
    let token = server.token(XDR).await;
    let header = token.split('.').next().expect("a header");
    let header: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).expect("base64url"))
            .expect("JSON");
    assert_eq!(header["kid"], keys["keys"][0]["kid"]);
    assert_eq!(header["x5t"], header["kid"]);
    for (path, code) in [("/nowhere.example", 90_002), ("/authorize", 900_023)] {
        let answer = fetch(&server, &format!("{path}/.well-known/openid-configuration")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body["error"], "invalid_tenant", "{:?}", answer.body);
        assert_eq!(answer.body["error_codes"], json!([code]));
    }
    let common = fetch(&server, "/common//.well-known/openid-configuration").await;
    assert_eq!(common.body["issuer"], "https://sts.windows.net/{tenantid}/");
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_discovery_and_realms() {
    let server = TestServer::start().await;
    let ask = |host: &'static str| {
        let path = format!(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2F{host}%2Fcommon%2Foauth2%2Fv2.0%2Fauthorize"
        );
        let server = &server;
        async move { fetch(server, &path).await }
    };
    let known = ask("login.windows.net").await;
    assert_eq!(known.status, StatusCode::OK);
    assert_eq!(
        known.body["metadata"][0]["preferred_network"],
        "login.microsoftonline.com"
    );
    let unknown = ask("evil.example").await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert_eq!(unknown.body["error"], "invalid_instance");
    let realm = fetch(
        &server,
        "/common/userrealm/admin@bartizan.onmicrosoft.com?api-version=1.0",
    )
    .await;
    assert_eq!(realm.body["account_type"], "Managed");
    let realm = fetch(
        &server,
        "/common/userrealm/a@elsewhere.example?api-version=1.0",
    )
    .await;
    assert_eq!(realm.body["account_type"], "Unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_pages_print_nothing_that_was_sent() {
    let server = TestServer::start().await;
    let get = |path: &str| {
        server
            .http
            .get(format!("{}{path}", server.server.http_url()))
            .send()
    };
    let blank = get("/common/oauth2/nativeclient?code=secret")
        .await
        .expect("an answer");
    assert_eq!(blank.status(), StatusCode::OK);
    assert!(!blank.text().await.expect("text").contains("secret"));
    let page = get("/error?code=700016")
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    for part in [
        "<h1>AADSTS700016</h1>",
        "/signin/style.css",
        "What to do",
        "register the application",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let spelt = get("/error?code=aadsts50126").await.expect("an answer");
    assert_eq!(spelt.status(), StatusCode::OK);
    let odd = get("/error?code=%3Cscript%3E").await.expect("an answer");
    assert_eq!(odd.status(), StatusCode::NOT_FOUND);
    assert!(!odd.text().await.expect("text").contains("script"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_and_secrets_too() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    server.advance(3600 + 299);
    assert_eq!(
        server.get("/api/incidents", &token).await.status,
        StatusCode::OK
    );
    server.advance(2);
    let late = server.get("/api/incidents", &token).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    let challenge = late.headers["www-authenticate"].to_str().expect("a text");
    assert!(
        challenge.contains("error=\"invalid_token\"") && challenge.contains("expired"),
        "{challenge}"
    );
    let (client, secret) = server.create_app(&server.tenant, &[]).await;
    server.advance(3 * 365 * 86_400);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("scope", XDR),
    ];
    let answer = post(
        &server,
        &format!("/{}/oauth2/v2.0/token", server.tenant),
        &form,
    )
    .await;
    assert_eq!(
        answer.body["error_codes"],
        json!([7_000_222]),
        "{:?}",
        answer.body
    );
}
