//! The ways in: TLS with the local authority, plain HTTP, host aliases, and the interception proxy.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{TestServer, XDR, read};

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_trusted_by_whoever_trusts_the_authority() {
    let server = TestServer::start().await;
    let url = format!("{}/healthz", server.server.loopback_url());
    let answer = server
        .http
        .get(&url)
        .send()
        .await
        .expect("a trusted answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let stranger = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    assert!(
        stranger.get(&url).send().await.is_err(),
        "nobody else trusts it"
    );
}

/// A script with Microsoft's hosts in it, through the proxy: the v1 token and the incidents of the documented page.
#[tokio::test(flavor = "multi_thread")]
async fn hard_coded_hosts_are_answered_through_the_proxy() {
    let server = TestServer::start().await;
    let app = server
        .create_app(
            &server.tenant,
            &[("8ee8fdad-f234-4243-8f3b-15c294843740", "Incident.Read.All")],
        )
        .await;
    let authority = server
        .server
        .app()
        .authority
        .certificate_pem()
        .as_bytes()
        .to_vec();
    let client = reqwest::Client::builder()
        .proxy(reqwest::Proxy::https(server.server.proxy_url()).expect("a proxy"))
        .add_root_certificate(reqwest::Certificate::from_pem(&authority).expect("a root"))
        .build()
        .expect("a client");
    let url = format!("https://login.windows.net/{}/oauth2/token", server.tenant);
    let form = [
        ("resource", "https://api.security.microsoft.com"),
        ("client_id", app.0.as_str()),
        ("client_secret", app.1.as_str()),
        ("grant_type", "client_credentials"),
    ];
    let answer = client
        .post(url)
        .form(&form)
        .send()
        .await
        .expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["expires_in"], "3599", "v1 numbers are texts: {body}");
    let token = body["access_token"].as_str().expect("a token");
    let url = "https://api.security.microsoft.com/api/incidents";
    let answer = read(
        client
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer"),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        answer.body["@odata.context"],
        "https://api.security.microsoft.com/api/$metadata#Incidents"
    );
    assert_eq!(
        answer.headers["strict-transport-security"],
        "max-age=31536000; includeSubDomains"
    );
    // This machine's own name is every program's.
    let own = format!("{}/healthz", server.server.loopback_url());
    let own = server.http.get(own).send().await.expect("an answer");
    assert!(!own.headers().contains_key("strict-transport-security"));
    let refused = client.get("https://example.org/").send().await;
    assert!(refused.is_err(), "a host that is not served is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlisted_host_gets_nothing_built_from_its_name() {
    let server = TestServer::start().await;
    let url = format!(
        "{}/common/v2.0/.well-known/openid-configuration",
        server.server.http_url()
    );
    let request = server.http.get(&url).header("host", "evil.example");
    let answer = read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(!answer.body.to_string().contains("evil.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_origin_is_a_resource_for_every_api() {
    let server = TestServer::start().await;
    let scope = format!("{}/.default", server.server.url());
    let token = server.token(&scope).await;
    for path in ["/api/incidents", "/api/alerts", "/v1.0/organization"] {
        assert_eq!(
            server.get(path, &token).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_there_and_tell_no_secret() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    server.get("/api/incidents", &token).await;
    let get = |path: &str| {
        server
            .http
            .get(format!("{}{path}", server.server.http_url()))
            .send()
    };
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            get(path).await.expect("an answer").status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let metrics = get("/metrics")
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    assert!(metrics.contains("bartizan_requests_total"), "{metrics}");
    assert!(!metrics.contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_tells_a_browser_what_it_is_and_a_program_that_nothing_is_there() {
    let server = TestServer::start().await;
    let ask = |accept: &'static str| {
        let url = format!("{}/", server.server.http_url());
        server.http.get(url).header("accept", accept).send()
    };
    let page = ask("text/html,application/xhtml+xml,*/*;q=0.8")
        .await
        .expect("an answer");
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].clone();
    assert!(
        policy
            .to_str()
            .expect("text")
            .contains("default-src 'none'"),
        "{policy:?}"
    );
    let html = page.text().await.expect("text");
    let links: Vec<&str> = html
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(links.contains(&"/mysecurityinfo"), "{html}");
    for link in links {
        let url = format!("{}{link}", server.server.http_url());
        let there = server.http.get(url).send().await.expect("an answer");
        let status = there.status();
        assert!(
            status.is_success() || status.is_redirection(),
            "{link}: {status}"
        );
    }
    let program = read(ask("*/*").await.expect("an answer")).await;
    assert_eq!(program.status, StatusCode::NOT_FOUND);
    assert!(
        program.body["error"]["code"].is_string(),
        "{:?}",
        program.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_server_finds_its_data_again() {
    let server = TestServer::start().await;
    let listed = server.with_incidents(&server.tenant, &["alpha"]).await;
    let (tenant, data) = (server.tenant.clone(), server.data);
    let profile = std::fs::read_to_string(data.path().join("admin.toml")).expect("a profile");
    server.server.stop().await;
    let partial = bartizan_server::settings::Partial {
        https: Some("127.0.0.1:0".parse().expect("an address")),
        http: Some("127.0.0.1:0".parse().expect("an address")),
        proxy: Some("127.0.0.1:0".parse().expect("an address")),
        ..Default::default()
    };
    let settings = bartizan_server::settings::Settings::resolve(data.path().to_owned(), partial)
        .expect("settings");
    let clock = bartizan_server::clock::Clock::from_fn(|| {
        time::OffsetDateTime::from_unix_timestamp(crate::harness::START + 60).expect("a time")
    });
    let again = bartizan_server::Server::start(settings, clock)
        .await
        .expect("started again");
    assert!(again.first_start().is_none());
    let after = std::fs::read_to_string(data.path().join("admin.toml")).expect("a profile");
    let secret = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("client-secret"))
            .map(str::to_owned)
    };
    assert_eq!(
        secret(&profile),
        secret(&after),
        "the operator's secret stays"
    );
    let after: toml::Table = after.parse().expect("TOML");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", after["client-id"].as_str().expect("text")),
        (
            "client_secret",
            after["client-secret"].as_str().expect("text"),
        ),
        ("scope", XDR),
    ];
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = format!("{}/{tenant}/oauth2/v2.0/token", again.http_url());
    let body: Value = http
        .post(url)
        .form(&form)
        .send()
        .await
        .expect("sent")
        .json()
        .await
        .expect("JSON");
    let token = body["access_token"].as_str().expect("a token");
    let request = http
        .get(format!("{}/api/incidents", again.http_url()))
        .bearer_auth(token);
    let answer = read(request.send().await.expect("an answer")).await;
    assert_eq!(answer.body["value"], json!(listed));
    again.stop().await;
}
