//! Tokens of people: asked for at another device or in a browser, and kept for every resource after.

use std::sync::{Arc, Mutex};

use bartizan_sdk::cloud::Service;
use bartizan_sdk::{Browser, Client, Cloud, DeviceCode, Error};
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::TENANT;

fn client(
    server: &MockServer,
    credential: impl bartizan_sdk::credential::Credential + 'static,
) -> Client {
    let origin = server.uri().parse().expect("a URL");
    Client::builder(Cloud::at(&origin), TENANT, credential)
        .build()
        .expect("a client")
}

/// Answers the next request of a grant, `times` times, which must all come.
async fn grant(server: &MockServer, name: &str, times: u64, status: u16, body: Value) {
    Mock::given(method("POST"))
        .and(path(format!("/{TENANT}/oauth2/v2.0/token")))
        .and(body_string_contains(name))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .up_to_n_times(times)
        .expect(times)
        .mount(server)
        .await;
}

async fn device_codes(server: &MockServer, times: u64) {
    let answer = json!({
        "user_code": "BCDF", "device_code": "device-1", "verification_uri": "https://host/devicelogin",
        "expires_in": 900, "interval": 0, "message": "go there",
    });
    Mock::given(method("POST"))
        .and(path(format!("/{TENANT}/oauth2/v2.0/devicecode")))
        .and(body_string_contains("offline_access"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .expect(times)
        .mount(server)
        .await;
}

fn token(name: &str, refresh: &str) -> Value {
    json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": name, "refresh_token": refresh })
}

/// A credential, and what its person was told.
fn device() -> (DeviceCode, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let credential = DeviceCode::new("id", move |prompt| {
        let line = format!("{} {}", prompt.verification_uri, prompt.user_code);
        keep.lock().expect("a lock").push(line);
    });
    (credential, told)
}

#[tokio::test]
async fn a_person_is_asked_once_and_waited_for() {
    let server = MockServer::start().await;
    device_codes(&server, 1).await;
    let pending = json!({ "error": "authorization_pending" });
    grant(&server, "device_code=device-1", 2, 400, pending).await;
    grant(&server, "device_code=device-1", 1, 200, token("one", "r1")).await;
    grant(&server, "refresh_token=r1", 1, 200, token("two", "r2")).await;
    let (credential, told) = device();
    let client = client(&server, credential);
    let both = futures::future::try_join(client.token(Service::Xdr), client.token(Service::Xdr));
    let (one, same) = both.await.expect("tokens");
    assert_eq!((one.secret.as_str(), same.secret.as_str()), ("one", "one"));
    let other = client.token(Service::Graph).await.expect("a token");
    assert_eq!(other.secret, "two", "another resource asks nobody");
    assert_eq!(
        *told.lock().expect("a lock"),
        ["https://host/devicelogin BCDF"]
    );
}

#[tokio::test]
async fn who_declines_is_not_asked_again() {
    let server = MockServer::start().await;
    device_codes(&server, 1).await;
    let declined = json!({ "error": "authorization_declined", "error_description": "no" });
    grant(&server, "device_code", 1, 400, declined).await;
    let (credential, _) = device();
    match client(&server, credential).token(Service::Xdr).await {
        Err(Error::Token(error)) => assert_eq!(error.error, "authorization_declined"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sign_in_that_is_over_is_asked_for_anew() {
    let server = MockServer::start().await;
    device_codes(&server, 2).await;
    grant(&server, "device_code", 1, 200, token("one", "r1")).await;
    let over = json!({ "error": "invalid_grant" });
    grant(&server, "refresh_token=r1", 1, 400, over).await;
    let (credential, told) = device();
    let client = client(&server, credential);
    client.token(Service::Xdr).await.expect("a token");
    grant(&server, "device_code", 1, 200, token("two", "r2")).await;
    let second = client.token(Service::Mde).await.expect("a token");
    assert_eq!(second.secret, "two");
    assert_eq!(told.lock().expect("a lock").len(), 2);
}

#[tokio::test]
async fn a_browser_comes_back_with_a_code() {
    let server = MockServer::start().await;
    grant(
        &server,
        "grant_type=authorization_code&client_id=id&code=good",
        1,
        200,
        token("one", "r1"),
    )
    .await;
    // The person's browser: it signs in at once, after a stranger's page tried to answer in its place.
    let credential = Browser::new("id", |page: &Url| {
        let query: std::collections::HashMap<_, _> = page.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["code_challenge"].len(), 43);
        let redirect = query["redirect_uri"].replace("localhost", "127.0.0.1");
        let state = query["state"].clone();
        tokio::spawn(async move {
            let http = reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client");
            let get = |path: String| http.get(format!("{redirect}{path}")).send();
            let forged = get("/?code=forged&state=guessed".to_owned()).await;
            assert_eq!(forged.expect("an answer").status(), 404);
            let good = get(format!("/?code=good&state={state}")).await;
            let text = good.expect("an answer").text().await.expect("a page");
            assert!(text.contains("You are signed in"), "{text}");
        });
    });
    let token = client(&server, credential).token(Service::Xdr).await;
    assert_eq!(token.expect("a token").secret, "one");
}
