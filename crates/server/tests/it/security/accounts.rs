//! What an account demands, and that it is closed, counts by every door and for what was given before.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{SCOPES, code, code_for, native, post, secret_of, token, with};
use crate::browser::Browser;
use crate::harness::{GRAPH, TestServer};
use crate::second_factor::{code_now, shown_secret};
use crate::sign_in::{CALLBACK, PASSWORD, accept};

const LOOPBACK: &str = "http://localhost:49152/";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An authorization request of a native application.
fn request(server: &TestServer, client: &str, more: &[(&str, &str)]) -> String {
    let mut all = vec![("redirect_uri", LOOPBACK), ("scope", SCOPES)];
    all.extend(more);
    server.authorize(&server.tenant, client, &all)
}

/// Gives the person of a browser an authenticator app.
async fn set_up(server: &TestServer, browser: &mut Browser<'_>, who: &str) -> Vec<u8> {
    let mut page = browser.go("/mysecurityinfo").await;
    if page.title() == "Sign in" {
        page = browser.sign_in(&page, who, PASSWORD).await;
    }
    let page = browser.send(&page, "add_factor", &[]).await;
    let secret = shown_secret(&page);
    let typed = code_now(server, &secret);
    let page = browser
        .send(&page, "set_up_totp", &[("code", &typed)])
        .await;
    assert!(page.html.contains("is set up"), "{}", page.html);
    secret
}

/// Whoever signed in with a password alone before the second factor came has nothing of it afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_round_a_second_factor() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let mut thief = Browser::at(&server);
    let address = request(&server, &client, &[]);
    let bound = code_for(&mut thief, &address, &ann).await;
    let waiting = code_for(&mut thief, &address, &ann).await;
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", LOOPBACK),
    ];
    let given = token(&server, &server.tenant, &redeem).await;
    let refresh = given.body["refresh_token"].as_str().expect("a token");
    // A device that was let in, and has not asked yet.
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    let endpoint = format!("/{}/oauth2/v2.0/devicecode", server.tenant);
    let begun = post(&server, &endpoint, &form).await;
    let text = |name: &str| begun.body[name].as_str().expect(name).to_owned();
    let (device, typed) = (text("device_code"), text("user_code"));
    let page = thief.go("/devicelogin").await;
    let page = thief.send(&page, "device_code", &[("otc", &typed)]).await;
    let page = thief
        .send(&page, "device_confirm", &[("decision", "accept")])
        .await;
    assert_eq!(page.title(), "The device is signed in", "{}", page.html);

    let secret = set_up(&server, &mut Browser::at(&server), &ann).await;
    for form in [
        vec![
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", refresh),
        ],
        with(&redeem, "code", &waiting),
        vec![
            ("grant_type", DEVICE),
            ("client_id", client.as_str()),
            ("device_code", device.as_str()),
        ],
        vec![
            ("grant_type", "password"),
            ("client_id", client.as_str()),
            ("username", ann.as_str()),
            ("password", PASSWORD),
            ("scope", SCOPES),
        ],
    ] {
        let answer = token(&server, &server.tenant, &form).await;
        assert_eq!(code(&answer), Some(50_076), "{form:?}: {:?}", answer.body);
        assert_eq!(answer.body["error"], "invalid_grant");
    }
    let page = thief.go(&address).await;
    assert_eq!(page.title(), "Prove that it is you", "{page:?}");
    let silent = thief
        .go(&request(&server, &client, &[("prompt", "none")]))
        .await;
    assert_eq!(silent.parameter("code"), None, "{silent:?}");
    for path in ["/mysecurityinfo", "/devicelogin"] {
        let mut page = thief.go(path).await;
        if path == "/devicelogin" {
            let begun = post(&server, &endpoint, &form).await;
            let typed = begun.body["user_code"].as_str().expect("a code");
            let typed = typed.to_owned();
            page = thief.send(&page, "device_code", &[("otc", &typed)]).await;
        }
        assert_eq!(
            page.title(),
            "Prove that it is you",
            "{path}: {}",
            page.html
        );
        // No factor of one's own beside it, and none of it away.
        for step in ["set_up_totp", "add_factor", "remove_factor", "stay"] {
            let mut form = page.form("totp");
            for (name, value) in &mut form.fields {
                if name == "step" {
                    step.clone_into(value);
                }
            }
            let next = thief.send_form(&form, &[("code", "000000")]).await;
            assert_ne!(next.title(), "Your security info", "{step}");
            assert_ne!(next.title(), "Set up a second factor", "{step}");
        }
    }
    server.advance(60);
    let page = thief.go(&address).await;
    let typed = code_now(&server, &secret);
    let page = thief.send(&page, "totp", &[("code", &typed)]).await;
    assert!(
        page.parameter("code").is_some() || page.title() == "Stay signed in?",
        "{page:?}"
    );
}

/// The code that somebody reads over a shoulder and sends at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_code_is_used_once_at_once() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let secret = set_up(&server, &mut Browser::at(&server), &ann).await;
    server.advance(60);
    let typed = code_now(&server, &secret);
    let mut sent = Vec::new();
    for _ in 0..4 {
        let mut browser = Browser::at(&server);
        let page = browser.go("/mysecurityinfo").await;
        let page = browser
            .send(&page, "user_name", &[("username", &ann)])
            .await;
        let page = browser
            .send(&page, "password", &[("password", PASSWORD)])
            .await;
        let form = page.form("totp");
        let mut fields = form.fields.clone();
        fields.push(("code".to_owned(), typed.clone()));
        let request = browser.request(Method::POST, &form.action).form(&fields);
        sent.push(async move { request.send().await.expect("an answer").status() });
    }
    let answers = futures::future::join_all(sent).await;
    let taken = answers
        .iter()
        .filter(|status| **status == StatusCode::SEE_OTHER);
    assert_eq!(taken.count(), 1, "{answers:?}");
}

/// An account that is switched off has nothing any more: not what it waits for, not what it holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_is_closed_everywhere() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let secret = secret_of(&server, &client).await;
    let mut browser = Browser::at(&server);
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPES)]);
    let bound = code_for(&mut browser, &address, &ann).await;
    let waiting = code_for(&mut browser, &address, &ann).await;
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let given = token(&server, &server.tenant, &redeem).await;
    let text = |name: &str| given.body[name].as_str().expect(name).to_owned();
    let (access, refresh) = (text("access_token"), text("refresh_token"));
    assert_eq!(server.get("/v1.0/me", &access).await.status, StatusCode::OK);
    // Half-way through another sign-in, too.
    let mut other = Browser::at(&server);
    let page = other.go(&address).await;
    let page = other.send(&page, "user_name", &[("username", &ann)]).await;
    let stay = other
        .send(&page, "password", &[("password", PASSWORD)])
        .await;

    let operator = server.token(GRAPH).await;
    let path = format!("/v1.0/users/{id}");
    let off = Some(json!({ "accountEnabled": false }));
    let done = server
        .call(Method::PATCH, &path, Some(&operator), off)
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    for path in ["/v1.0/me", "/oidc/userinfo"] {
        let answer = server.get(path, &access).await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{path}: {:?}",
            answer.body
        );
    }
    let continued = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("refresh_token", refresh.as_str()),
    ];
    // What was switched off is off; what was not redeemed until then is over.
    for (form, expected) in [
        (continued.to_vec(), 50_057),
        (with(&redeem, "code", &waiting), 70_008),
    ] {
        let answer = token(&server, &server.tenant, &form).await;
        assert_eq!(code(&answer), Some(expected), "{:?}", answer.body);
    }
    assert_eq!(browser.go(&address).await.title(), "Sign in");
    let page = other.send(&stay, "stay", &[("stay", "yes")]).await;
    assert_eq!(page.title(), "Sign in", "{}", page.html);

    // Deleted, and another one made under its name: what the first had is not the second's.
    let gone = server
        .call(Method::DELETE, &path, Some(&operator), None)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:?}", gone.body);
    server.create_person("ann").await;
    assert_eq!(browser.go(&address).await.title(), "Sign in");
    assert_eq!(
        server.get("/v1.0/me", &access).await.status,
        StatusCode::UNAUTHORIZED
    );
    let answer = token(&server, &server.tenant, &continued).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(
        page.title(),
        "Permissions requested",
        "consent was the first one's"
    );
    accept(&mut browser, &page).await;
}
