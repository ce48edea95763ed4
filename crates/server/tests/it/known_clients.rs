//! What is known of a client is used again; every change of it counts with the next request all the same, whichever
//! server of the database made it.

use bartizan_server::settings::Partial;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, OWN, TestServer, XDR, read};

/// Client id of Microsoft's resource of that name.
const XDR_APP: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";

/// A second server on the first one's database, with data, sealing key and operator's profile of the same content.
async fn beside(first: &TestServer) -> TestServer {
    let data = tempfile::tempdir().expect("a folder");
    for name in ["keys.secret", "admin.toml"] {
        std::fs::copy(first.data.path().join(name), data.path().join(name)).expect("copied");
    }
    let database = first.data.path().join("bartizan.db");
    let partial = Partial {
        database: Some(format!("sqlite://{}", database.display())),
        ..Partial::default()
    };
    TestServer::start_in(data, partial).await
}

/// A client of a tenant, as requests and the directory name it.
struct Client {
    tenant: String,
    id: String,
    secret: String,
}

impl Client {
    async fn new(server: &TestServer, tenant: &str) -> Self {
        let roles = [
            (XDR_APP, "AdvancedHunting.Read.All"),
            (XDR_APP, "Incident.Read.All"),
        ];
        let (id, secret) = server.create_app(tenant, &roles).await;
        Self {
            tenant: tenant.to_owned(),
            id,
            secret,
        }
    }

    async fn ask_with(&self, server: &TestServer, secret: &str) -> Answer {
        self.ask_for(server, secret, ("scope", XDR), "v2.0/").await
    }

    async fn ask_for(
        &self,
        server: &TestServer,
        secret: &str,
        what: (&str, &str),
        version: &str,
    ) -> Answer {
        let url = format!(
            "{}/{}/oauth2/{version}token",
            server.server.http_url(),
            self.tenant
        );
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_secret", secret),
            what,
        ];
        read(
            server
                .http
                .post(url)
                .form(&form)
                .send()
                .await
                .expect("an answer"),
        )
        .await
    }

    /// The claims of a token.
    async fn claims(&self, server: &TestServer) -> Value {
        let answer = self.ask_with(server, &self.secret).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let token = answer.body["access_token"].as_str().expect("a token");
        part(token, 1)
    }

    /// The code of a refusal.
    async fn refusal(&self, server: &TestServer) -> Value {
        let answer = self.ask_with(server, &self.secret).await;
        assert!(answer.status.is_client_error(), "{:?}", answer.body);
        answer.body["error_codes"][0].clone()
    }

    /// A change of the directory, or a look at it.
    async fn graph(
        &self,
        server: &TestServer,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let token = server.token_in(&self.tenant, GRAPH).await;
        let answer = server
            .call(method, &format!("/v1.0/{path}"), Some(&token), body)
            .await;
        assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
        answer.body
    }

    fn principal(&self) -> String {
        format!("servicePrincipals(appId='{}')", self.id)
    }

    /// Path of the registration.
    async fn application(&self, server: &TestServer) -> String {
        let path = format!("applications?$filter=appId eq '{}'", self.id);
        let found = self.graph(server, Method::GET, &path, None).await;
        let id = found["value"][0]["id"].as_str().expect("an id");
        format!("applications/{id}")
    }
}

/// A part of a token: 0 is the header, 1 the claims.
fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).expect("a part");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Asks one server, which knows the client, after each change at another.
async fn every_change_counts(asked: &TestServer, changed: &TestServer) {
    let tenant = asked.create_tenant("Contoso").await;
    let mut client = Client::new(asked, &tenant).await;
    let both = json!(["AdvancedHunting.Read.All", "Incident.Read.All"]);
    for _ in 0..3 {
        assert_eq!(client.claims(asked).await["roles"], both);
    }

    // A consent withdrawn.
    let path = format!("{}/appRoleAssignments", client.principal());
    let held = client.graph(changed, Method::GET, &path, None).await;
    let one = held["value"][0]["id"].as_str().expect("an id");
    let path = format!("{path}/{one}");
    client.graph(changed, Method::DELETE, &path, None).await;
    let left = client.claims(asked).await["roles"].clone();
    assert_eq!(left.as_array().expect("roles").len(), 1, "{left}");

    // A secret replaced.
    let application = client.application(changed).await;
    let known = client.graph(changed, Method::GET, &application, None).await;
    let body = json!({ "keyId": known["passwordCredentials"][0]["keyId"] });
    let (add, remove) = (
        format!("{application}/addPassword"),
        format!("{application}/removePassword"),
    );
    let fresh = client
        .graph(changed, Method::POST, &add, Some(json!({})))
        .await;
    assert_eq!(client.claims(asked).await["roles"], left);
    client
        .graph(changed, Method::POST, &remove, Some(body))
        .await;
    assert_eq!(client.refusal(asked).await, 7_000_215);
    client.secret = fresh["secretText"].as_str().expect("a secret").to_owned();
    assert_eq!(client.claims(asked).await["roles"], left);

    // Its presence disabled, and enabled again.
    for (enabled, expected) in [(false, Some(7_000_112)), (true, None)] {
        let body = json!({ "accountEnabled": enabled });
        let principal = client.principal();
        client
            .graph(changed, Method::PATCH, &principal, Some(body))
            .await;
        match expected {
            Some(code) => assert_eq!(client.refusal(asked).await, code),
            None => assert_eq!(client.claims(asked).await["roles"], left),
        }
    }

    // Another name.
    let body = json!({ "displayName": "renamed" });
    client
        .graph(changed, Method::PATCH, &application, Some(body))
        .await;
    assert_eq!(client.claims(asked).await["app_displayname"], "renamed");

    // Gone.
    client
        .graph(changed, Method::DELETE, &application, None)
        .await;
    assert_eq!(client.refusal(asked).await, 700_016);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_with_the_next_request() {
    let server = TestServer::start().await;
    every_change_counts(&server, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_at_another_server_counts_with_the_next_request() {
    let server = TestServer::start().await;
    let other = beside(&server).await;
    every_change_counts(&server, &other).await;
    every_change_counts_for_keys(&server, &other).await;
}

/// Keys are changed at one server while the other one signs and checks.
async fn every_change_counts_for_keys(asked: &TestServer, changed: &TestServer) {
    let client = Client::new(asked, &asked.tenant).await;
    let token = async || {
        let answer = client.ask_with(asked, &client.secret).await;
        answer.body["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    };
    let opens = async |token: &str| asked.get("/api/incidents", token).await.status;
    let change = async |path: String, body: Option<Value>| {
        let own = changed.token(OWN).await;
        let path = format!("/bartizan/v1/keys/{path}");
        let done = changed.call(Method::POST, &path, Some(&own), body).await;
        assert_eq!(done.status, StatusCode::OK, "{:?}", done.body);
    };
    let before = token().await;
    assert_eq!(opens(&before).await, StatusCode::OK);
    change("rotate".to_owned(), Some(json!({ "now": true }))).await;
    let after = token().await;
    let kid = |token: &str| part(token, 0)["kid"].as_str().expect("a kid").to_owned();
    assert_ne!(kid(&before), kid(&after));
    assert_eq!(opens(&before).await, StatusCode::OK);
    change(format!("{}/revoke", kid(&before)), None).await;
    assert_eq!(opens(&before).await, StatusCode::UNAUTHORIZED);
    assert_eq!(opens(&after).await, StatusCode::OK);
    let url = format!("{}/common/discovery/v2.0/keys", asked.server.http_url());
    let set = read(asked.http.get(url).send().await.expect("an answer")).await;
    let published = set.body["keys"].as_array().expect("keys");
    let published: Vec<&str> = published.iter().filter_map(|k| k["kid"].as_str()).collect();
    assert_eq!(published, [kid(&after)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_one_client_is_nothing_to_another() {
    let server = TestServer::start().await;
    let (here, there) = (
        server.create_tenant("Contoso").await,
        server.create_tenant("Fabrikam").await,
    );
    let mut client = Client::new(&server, &here).await;
    let other = Client::new(&server, &here).await;
    assert_eq!(client.claims(&server).await["tid"], *here);
    assert_eq!(other.claims(&server).await["appid"], *other.id);
    // Another's secret, while both are known.
    let answer = client.ask_with(&server, &other.secret).await;
    assert_eq!(
        answer.body["error_codes"][0], 7_000_215,
        "{:?}",
        answer.body
    );
    assert_eq!(client.claims(&server).await["appid"], *client.id);
    // The same client in a tenant that does not have it.
    client.tenant = there;
    assert_eq!(client.refusal(&server).await, 700_016);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_known_secret_is_kept_to_the_minute() {
    let server = TestServer::start().await;
    let client = Client::new(&server, &server.tenant).await;
    let last_use = async || {
        let path = format!("/bartizan/v1/credentials?appId={}", client.id);
        let listed = server.get(&path, &server.token(OWN).await).await;
        listed.body["value"][0]["lastUsedDateTime"].clone()
    };
    assert_eq!(last_use().await, Value::Null);
    for (seconds, expected) in [(0, "12:00:00"), (30, "12:00:00"), (40, "12:01:10")] {
        server.advance(seconds);
        client.claims(&server).await;
        assert_eq!(last_use().await, format!("2026-01-15T{expected}Z"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spelling_of_a_resource_makes_nothing_more_known() {
    let server = TestServer::start().await;
    let client = Client::new(&server, &server.tenant).await;
    let kept = || server.server.app().known_clients.kept();
    let ask = async |resource: &str| {
        let what = ("resource", resource);
        client.ask_for(&server, &client.secret, what, "").await
    };
    let origin = server.server.http_url().to_string();
    let origin = origin.trim_end_matches('/');
    let own = [
        origin.to_owned(),
        format!("{origin}/"),
        origin.replacen("http", "HTTP", 1),
        origin.replacen("http", "hTTp", 1),
    ];
    let xdr = "https://api.security.microsoft.com";
    let named = [xdr.to_owned(), format!("{xdr}/"), xdr.to_uppercase()];
    for (known, spellings) in [(1, own.as_slice()), (2, named.as_slice())] {
        for resource in spellings {
            let answer = ask(resource).await;
            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
            assert_eq!(kept(), known, "{resource}");
        }
    }
    // What no resource is called is refused, and nothing is kept of it.
    let long = "A".repeat(20_000);
    for resource in [
        format!("{origin}/{long}/.."),
        format!("{origin}/a/.."),
        format!("api://{long}"),
    ] {
        let answer = ask(&resource).await;
        assert_eq!(answer.body["error_codes"][0], 500_011, "{:?}", answer.body);
        assert_eq!(kept(), 2);
    }
    // A change of the directory: what was known before it is not kept any longer.
    Client::new(&server, &server.tenant).await;
    assert_eq!(ask(xdr).await.status, StatusCode::OK);
    assert_eq!(kept(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_changes_of_the_signing_keys_count_as_such() {
    let server = TestServer::start().await;
    let now = async || {
        let store = &server.server.app().store;
        store.revisions().await.expect("revisions")
    };
    let before = now().await;
    Client::new(&server, &server.tenant).await;
    let changed = now().await;
    assert!(changed.directory > before.directory);
    assert_eq!(changed.signing_keys, before.signing_keys);
    let own = server.token(OWN).await;
    let body = Some(json!({ "now": true }));
    let done = server
        .call(Method::POST, "/bartizan/v1/keys/rotate", Some(&own), body)
        .await;
    assert_eq!(done.status, StatusCode::OK, "{:?}", done.body);
    let rotated = now().await;
    assert!(rotated.directory > changed.directory);
    assert!(rotated.signing_keys > changed.signing_keys);
}
