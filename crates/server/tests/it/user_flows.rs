//! Whole flows of people: from the application's request over the pages to tokens.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::{Answer, TestServer, read};
use crate::sign_in::{PASSWORD, accept};

/// Where native applications of these stories listen; the port is theirs to choose.
const LOOPBACK: &str = "http://localhost:49152/";

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

fn claims(token: &Value) -> Value {
    let token = token
        .as_str()
        .unwrap_or_else(|| panic!("no token: {token}"));
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}

/// A native application.
async fn native(server: &TestServer) -> String {
    server
        .create_client(json!({
            "publicClient": { "redirectUris": ["http://localhost"] },
            "isFallbackPublicClient": true,
        }))
        .await
}

#[tokio::test]
async fn a_native_application_signs_a_person_in_with_pkce() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = native(&server).await;
    let verifier = "a-verifier-of-more-than-forty-three-letters-0123456789";
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let address = server.authorize(
        &server.tenant,
        &client,
        &[
            ("redirect_uri", LOOPBACK),
            ("response_mode", "form_post"),
            ("scope", "openid profile offline_access User.Read"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("nonce", "a nonce"),
            ("client_info", "1"),
        ],
    );
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    let page = accept(&mut browser, &page).await;
    let form = &page.forms()[0];
    assert_eq!(form.action, LOOPBACK);
    let field = |name: &str| {
        let found = form.fields.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let code = field("code");
    let path = format!("/{}/oauth2/v2.0/token", server.tenant);
    let redeem = |verifier: &'static str| {
        let (client, code, path) = (client.clone(), code.clone(), path.clone());
        let server = &server;
        async move {
            let form = [
                ("grant_type", "authorization_code"),
                ("client_id", client.as_str()),
                ("code", code.as_str()),
                ("redirect_uri", LOOPBACK),
                ("code_verifier", verifier),
                ("client_info", "1"),
            ];
            post(server, &path, &form).await
        }
    };
    let stolen = redeem("another-verifier-of-more-than-forty-three-letters-0").await;
    assert_eq!(stolen.body["error"], "invalid_grant", "{:?}", stolen.body);
    let answer = redeem(verifier).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let access = claims(&answer.body["access_token"]);
    assert_eq!(access["oid"], id.to_string());
    assert_eq!(
        access["scp"].as_str().map(|s| s.contains("User.Read")),
        Some(true)
    );
    assert_eq!(access["amr"], json!(["pwd"]));
    let identity = claims(&answer.body["id_token"]);
    assert_eq!(identity["nonce"], "a nonce");
    assert_eq!(identity["preferred_username"], ann);
    assert!(answer.body["refresh_token"].is_string() && answer.body["client_info"].is_string());
    let again = redeem(verifier).await;
    assert_eq!(
        again.body["error_codes"],
        json!([54_005]),
        "{:?}",
        again.body
    );
}

#[tokio::test]
async fn a_device_is_signed_in_from_a_browser() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = native(&server).await;
    let start = || async {
        let path = format!("/{}/oauth2/v2.0/devicecode", server.tenant);
        let form = [
            ("client_id", client.as_str()),
            ("scope", "openid profile offline_access User.Read"),
        ];
        let answer = post(&server, &path, &form).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let text = |name: &str| answer.body[name].as_str().expect(name).to_owned();
        assert!(text("verification_uri").ends_with("/devicelogin"));
        (text("device_code"), text("user_code"))
    };
    let poll = |code: String| {
        let client = client.clone();
        let path = format!("/{}/oauth2/v2.0/token", server.tenant);
        let server = &server;
        async move {
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("client_id", client.as_str()),
                ("device_code", code.as_str()),
            ];
            post(server, &path, &form).await.body
        }
    };
    let (device_code, user_code) = start().await;
    assert_eq!(
        poll(device_code.clone()).await["error"],
        "authorization_pending"
    );

    let mut browser = Browser::at(&server);
    let page = browser.go("/devicelogin").await;
    assert_eq!(page.title(), "Enter the code");
    let page = browser
        .send(&page, "device_code", &[("otc", "BBBBBBBBB")])
        .await;
    assert!(
        page.html.contains("That code is not right"),
        "{}",
        page.html
    );
    let typed = format!(" {}-{}", &user_code[..4].to_lowercase(), &user_code[4..]);
    let page = browser.send(&page, "device_code", &[("otc", &typed)]).await;
    assert_eq!(page.title(), "Sign in");
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    let page = accept(&mut browser, &page).await;
    assert_eq!(page.title(), "Is it you who signs in?", "{}", page.html);
    assert!(page.html.contains("Story application") && page.html.contains(&client));
    // Nothing is approved before the person says so.
    assert_eq!(
        poll(device_code.clone()).await["error"],
        "authorization_pending"
    );
    let page = browser
        .send(&page, "device_confirm", &[("decision", "accept")])
        .await;
    assert_eq!(page.title(), "The device is signed in", "{}", page.html);
    let answer = poll(device_code.clone()).await;
    assert_eq!(
        claims(&answer["access_token"])["oid"],
        id.to_string(),
        "{answer}"
    );
    assert!(
        poll(device_code).await["access_token"].is_null(),
        "a code is redeemed once"
    );

    // Declined: the device learns it, and the code is spent.
    let (device_code, user_code) = start().await;
    let page = browser.go("/devicelogin").await;
    let page = browser
        .send(&page, "device_code", &[("otc", &user_code)])
        .await;
    assert_eq!(page.title(), "Is it you who signs in?", "{}", page.html);
    let page = browser
        .send(&page, "device_confirm", &[("decision", "decline")])
        .await;
    assert_eq!(page.title(), "The device was refused");
    assert_eq!(poll(device_code).await["error"], "authorization_declined");
    let page = browser.go("/devicelogin").await;
    let page = browser
        .send(&page, "device_code", &[("otc", &user_code)])
        .await;
    assert!(
        page.html.contains("That code is not right"),
        "{}",
        page.html
    );
    // An expired one, too.
    let (_, user_code) = start().await;
    server.advance(901);
    let page = browser.go("/devicelogin").await;
    let page = browser
        .send(&page, "device_code", &[("otc", &user_code)])
        .await;
    assert!(
        page.html.contains("That code is not right"),
        "{}",
        page.html
    );
}
