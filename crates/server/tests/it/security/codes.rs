//! Authorization codes and refresh tokens in the wrong hands: replayed, raced, stripped of their challenge, brought by
//! another client, to another address, from another tenant.

use reqwest::StatusCode;
use serde_json::json;

use super::{
    SCOPES, VERIFIER, challenge, claims, code, code_for, native, secret_of, through, token, with,
};
use crate::browser::Browser;
use crate::harness::TestServer;
use crate::sign_in::CALLBACK;

/// Where native applications of these stories listen.
const LOOPBACK: &str = "http://localhost:49152/";

/// The redemption of a native application's code.
fn redemption<'a>(client: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", LOOPBACK),
    ]
}

fn refreshing<'a>(client: &'a str, token: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("refresh_token", token),
    ]
}

/// An authorization request of a native application, with more parameters.
fn request(server: &TestServer, client: &str, more: &[(&str, &str)]) -> String {
    let mut all = vec![("redirect_uri", LOOPBACK), ("scope", SCOPES)];
    all.extend(more);
    server.authorize(&server.tenant, client, &all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_cannot_be_talked_down() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let mut browser = Browser::at(&server);
    let s256 = challenge(VERIFIER);
    let asked = [
        ("code_challenge", s256.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let bound = code_for(&mut browser, &request(&server, &client, &asked), &ann).await;
    let other = challenge("another-verifier-of-more-than-forty-three-letters");
    let redeem = redemption(&client, &bound);
    for (verifier, expected) in [
        // Left out; the challenge itself, as if the method were plain; another one; one that is none.
        ("", 501_481),
        (s256.as_str(), 501_481),
        (other.as_str(), 501_481),
        ("short", 50_147),
        (
            "spaces are no part of a verifier, however long it is",
            50_147,
        ),
    ] {
        let answer = token(
            &server,
            &server.tenant,
            &with(&redeem, "code_verifier", verifier),
        )
        .await;
        assert_eq!(
            code(&answer),
            Some(expected),
            "{verifier}: {:?}",
            answer.body
        );
        assert_eq!(answer.body["error"], "invalid_grant");
    }
    // Naming a method at the token endpoint changes nothing.
    let plain = with(&redeem, "code_challenge_method", "plain");
    let answer = token(
        &server,
        &server.tenant,
        &with(&plain, "code_verifier", &s256),
    )
    .await;
    assert_eq!(code(&answer), Some(501_481), "{:?}", answer.body);
    let answer = token(
        &server,
        &server.tenant,
        &with(&redeem, "code_verifier", VERIFIER),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);

    // The challenge was taken out of the request on its way: the client's verifier tells.
    let stripped = code_for(&mut browser, &request(&server, &client, &[]), &ann).await;
    let redeem = redemption(&client, &stripped);
    let answer = token(
        &server,
        &server.tenant,
        &with(&redeem, "code_verifier", VERIFIER),
    )
    .await;
    assert_eq!(code(&answer), Some(501_481), "{:?}", answer.body);

    // Challenges that are none are told to the client, and give no code.
    for more in [
        [
            ("code_challenge", s256.as_str()),
            ("code_challenge_method", "S512"),
        ],
        [
            ("code_challenge", s256.as_str()),
            ("code_challenge_method", "s256"),
        ],
        [
            ("code_challenge", "short"),
            ("code_challenge_method", "S256"),
        ],
        [("code_challenge", ""), ("code_challenge_method", "S256")],
    ] {
        let page = browser.go(&request(&server, &client, &more)).await;
        assert_eq!(
            page.parameter("error").as_deref(),
            Some("invalid_request"),
            "{more:?}"
        );
        assert_eq!(page.parameter("code"), None);
    }
    // A page in a browser has no other proof.
    let spa = json!({ "spa": { "redirectUris": [CALLBACK] }, "web": { "redirectUris": [] } });
    let spa = server.create_client(spa).await;
    let page = browser
        .go(&server.authorize(&server.tenant, &spa, &[]))
        .await;
    let said = page.parameter("error_description").expect("a refusal");
    assert!(said.starts_with("AADSTS9002325: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_comes_twice_takes_back_what_it_gave() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let mut browser = Browser::at(&server);
    let address = request(&server, &client, &[]);
    let (first, other) = (
        code_for(&mut browser, &address, &ann).await,
        code_for(&mut browser, &address, &ann).await,
    );
    let tenant = server.tenant.as_str();
    let given = token(&server, tenant, &redemption(&client, &first)).await;
    let beside = token(&server, tenant, &redemption(&client, &other)).await;
    let refresh = given.body["refresh_token"].as_str().expect("a token");
    let again = token(&server, tenant, &refreshing(&client, refresh)).await;
    let child = again.body["refresh_token"].as_str().expect("a token");
    let beside = beside.body["refresh_token"].as_str().expect("a token");

    let replay = token(&server, tenant, &redemption(&client, &first)).await;
    assert_eq!(code(&replay), Some(54_005), "{:?}", replay.body);
    for lost in [refresh, child] {
        let answer = token(&server, tenant, &refreshing(&client, lost)).await;
        assert_eq!(code(&answer), Some(50_173), "{:?}", answer.body);
        assert_eq!(answer.body["error"], "invalid_grant");
    }
    let kept = token(&server, tenant, &refreshing(&client, beside)).await;
    assert_eq!(
        kept.status,
        StatusCode::OK,
        "another sign-in is not concerned"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_redeems_a_code() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let mut browser = Browser::at(&server);
    let bound = code_for(&mut browser, &request(&server, &client, &[]), &ann).await;
    let form = redemption(&client, &bound);
    let all = (0..8).map(|_| token(&server, &server.tenant, &form));
    let answers = futures::future::join_all(all).await;
    let (given, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status == StatusCode::OK);
    assert_eq!(given.len(), 1, "{answers:?}");
    assert!(
        refused.iter().all(|answer| code(answer) == Some(54_005)),
        "{refused:?}"
    );
    // It came twice, so nobody knows whose the first was.
    let refresh = given[0].body["refresh_token"].as_str().expect("a token");
    let answer = token(&server, &server.tenant, &refreshing(&client, refresh)).await;
    assert_eq!(code(&answer), Some(50_173), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_its_clients_and_its_addresses() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let two = json!({ "web": { "redirectUris": [CALLBACK, "https://app.example/other"] } });
    let client = server.create_client(two.clone()).await;
    let thief = server.create_client(two).await;
    let (secret, stolen) = (
        secret_of(&server, &client).await,
        secret_of(&server, &thief).await,
    );
    let mut browser = Browser::at(&server);
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPES)]);
    let bound = code_for(&mut browser, &address, &ann).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let as_thief = with(&with(&form, "client_id", &thief), "client_secret", &stolen);
    for (form, expected) in [
        (as_thief, 70_000),
        (with(&form, "client_secret", &stolen), 7_000_215),
        (with(&form, "client_secret", ""), 7_000_218),
        // The other one is registered, too; the code came to this one.
        (
            with(&form, "redirect_uri", "https://app.example/other"),
            500_112,
        ),
        (
            with(&form, "redirect_uri", "https://app.example/callback/"),
            500_112,
        ),
        (
            with(&form, "redirect_uri", "https://APP.example/callback"),
            500_112,
        ),
        (with(&form, "redirect_uri", ""), 500_112),
    ] {
        let answer = token(&server, &server.tenant, &form).await;
        assert_eq!(code(&answer), Some(expected), "{form:?}: {:?}", answer.body);
    }
    let answer = token(&server, &server.tenant, &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);

    // What continues the sign-in is the client's as well.
    let refresh = answer.body["refresh_token"].as_str().expect("a token");
    let form = with(&refreshing(&client, refresh), "client_secret", &secret);
    let as_thief = with(&with(&form, "client_id", &thief), "client_secret", &stolen);
    let public = native(&server, "AzureADMyOrg").await;
    for (form, expected) in [
        (as_thief, 70_000),
        (with(&form, "client_secret", &stolen), 7_000_215),
        (with(&form, "client_secret", ""), 7_000_218),
        (refreshing(&public, refresh), 70_000),
    ] {
        let answer = token(&server, &server.tenant, &form).await;
        assert_eq!(code(&answer), Some(expected), "{:?}", answer.body);
    }
    let answer = token(&server, &server.tenant, &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

/// What one grant gives is no other grant's.
#[tokio::test(flavor = "multi_thread")]
async fn codes_and_tokens_are_not_taken_for_each_other() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let mut browser = Browser::at(&server);
    let address = request(&server, &client, &[]);
    let bound = code_for(&mut browser, &address, &ann).await;
    let given = token(&server, &server.tenant, &redemption(&client, &bound)).await;
    let text = |name: &str| given.body[name].as_str().expect(name).to_owned();
    let (refresh, access, id) = (
        text("refresh_token"),
        text("access_token"),
        text("id_token"),
    );
    let spare = code_for(&mut browser, &address, &ann).await;
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    let path = format!("/{}/oauth2/v2.0/devicecode", server.tenant);
    let device = super::post(&server, &path, &form).await.body;
    let device = device["device_code"].as_str().expect("a code").to_owned();
    let device_grant = "urn:ietf:params:oauth:grant-type:device_code";
    for (grant, name, values, expected) in [
        (
            "authorization_code",
            "code",
            [&refresh, &access, &id, &device],
            70_000,
        ),
        (
            "refresh_token",
            "refresh_token",
            [&spare, &access, &id, &device],
            70_000,
        ),
        (
            device_grant,
            "device_code",
            [&spare, &access, &id, &refresh],
            70_018,
        ),
    ] {
        for value in values {
            let form = [
                ("grant_type", grant),
                ("client_id", client.as_str()),
                ("redirect_uri", LOOPBACK),
                (name, value.as_str()),
            ];
            let answer = token(&server, &server.tenant, &form).await;
            assert_eq!(code(&answer), Some(expected), "{grant}: {:?}", answer.body);
        }
    }
    // An ID token is no assertion for acting on somebody's behalf, not even at the client that it is for.
    let web = server.create_client(json!({})).await;
    let secret = secret_of(&server, &web).await;
    let address = server.authorize(&server.tenant, &web, &[("scope", SCOPES)]);
    let bound = code_for(&mut browser, &address, &ann).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", web.as_str()),
        ("client_secret", secret.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let given = token(&server, &server.tenant, &form).await;
    assert_eq!(claims(&given.body["id_token"])["aud"], json!(web));
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("requested_token_use", "on_behalf_of"),
        ("client_id", web.as_str()),
        ("client_secret", secret.as_str()),
        ("scope", "https://graph.microsoft.com/User.Read"),
    ];
    for (name, expected) in [("id_token", 240_002), ("access_token", 500_131)] {
        let assertion = given.body[name].as_str().expect(name);
        let answer = token(
            &server,
            &server.tenant,
            &with(&form, "assertion", assertion),
        )
        .await;
        assert_eq!(code(&answer), Some(expected), "{name}: {:?}", answer.body);
    }
}

/// A sign-in that is taken back is over for every client at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_what_the_old_one_began() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let mut browser = Browser::at(&server);
    let address = request(&server, &client, &[]);
    let bound = code_for(&mut browser, &address, &ann).await;
    let given = token(&server, &server.tenant, &redemption(&client, &bound)).await;
    let refresh = given.body["refresh_token"].as_str().expect("a token");
    let waiting = code_for(&mut browser, &address, &ann).await;
    server.advance(2);
    let operator = server.token(crate::harness::GRAPH).await;
    let body = json!({ "passwordProfile": { "password": "Another-Horse-1" } });
    let path = format!("/v1.0/users/{id}");
    let changed = server
        .call(reqwest::Method::PATCH, &path, Some(&operator), Some(body))
        .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.body);
    for (form, expected) in [
        (refreshing(&client, refresh), 50_173),
        (redemption(&client, &waiting), 70_008),
    ] {
        let answer = token(&server, &server.tenant, &form).await;
        assert_eq!(code(&answer), Some(expected), "{:?}", answer.body);
    }
    let page = browser.go(&address).await;
    assert_eq!(
        page.title(),
        "Sign in",
        "the browser's session is over, too"
    );
    // The account is closed: nothing that was signed in goes on.
    let page = through(
        &mut browser,
        &request(&server, &client, &[("prompt", "none")]),
        &ann,
    )
    .await;
    assert_eq!(page.parameter("error").as_deref(), Some("login_required"));
}
