//! Clients that prove themselves by something signed: what an assertion must say, how long it is good, whose it is; and
//! that it is the same proof in every grant.

use bartizan_identity::certificate::Certificate;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{SCOPES, claims, code, code_for, secret_of, token, with};
use crate::browser::Browser;
use crate::credentials::Holder;
use crate::harness::{Answer, GRAPH, START, TestServer, XDR};
use crate::sign_in::CALLBACK;

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DAY: i64 = 86_400;

async fn graph(server: &TestServer, method: Method, path: &str, body: Value) -> Answer {
    let token = server.token(GRAPH).await;
    let body = (!body.is_null()).then_some(body);
    server
        .call(method, &format!("/v1.0{path}"), Some(&token), body)
        .await
}

/// Registers a certificate for an application, in place of those it had.
async fn register(server: &TestServer, client: &str, holders: &[&Holder]) {
    let keys: Vec<Value> = holders.iter().map(|holder| holder.wire()).collect();
    let path = format!("/applications(appId='{client}')");
    let answer = graph(
        server,
        Method::PATCH,
        &path,
        json!({ "keyCredentials": keys }),
    )
    .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
}

/// An application whose client id alone is needed.
async fn application(server: &TestServer) -> String {
    server.create_app(&server.tenant, &[]).await.0
}

fn endpoint(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token")
}

/// A token for an assertion, by client credentials.
async fn ask(server: &TestServer, tenant: &str, client: &str, assertion: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_assertion_type", KIND),
        ("client_assertion", assertion),
        ("scope", XDR),
    ];
    token(server, tenant, &form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_for_this_tenant_by_this_client() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let (client, other) = (application(&server).await, application(&server).await);
    let (mine, theirs) = (Holder::new(), Holder::new());
    register(&server, &client, &[&mine]).await;
    register(&server, &other, &[&theirs]).await;
    let tenant = server.tenant.as_str();
    let meant = endpoint(tenant);
    let good = ask(&server, tenant, &client, &mine.assertion(&client, &meant)).await;
    assert_eq!(good.status, StatusCode::OK, "{:?}", good.body);

    for audience in [
        endpoint(&second).as_str(),
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "https://evil.example/oauth2/v2.0/token",
        &meant.replace("https://", "http://"),
        &meant.replace(
            "login.microsoftonline.com",
            "login.microsoftonline.com.evil.example",
        ),
        &meant.replace("https://", "https://evil.example@"),
        &format!("{meant}/more"),
        &format!("{meant}?x=1"),
        &format!("{meant}#x"),
        "",
    ] {
        let answer = ask(&server, tenant, &client, &mine.assertion(&client, audience)).await;
        assert_eq!(
            code(&answer),
            Some(700_023),
            "{audience}: {:?}",
            answer.body
        );
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    // Another client's certificate proves the other client; another client's name is not this one's.
    for (assertion, expected) in [
        (theirs.assertion(&client, &meant), 700_027),
        (mine.assertion(&other, &meant), 700_021),
        (theirs.assertion(&other, &meant), 700_021),
    ] {
        let answer = ask(&server, tenant, &client, &assertion).await;
        assert_eq!(code(&answer), Some(expected), "{:?}", answer.body);
    }
    let split = json!({"aud": meant, "iss": client, "sub": other, "exp": START + 600});
    let answer = ask(&server, tenant, &client, &mine.jwt(&mine.header(), &split)).await;
    assert_eq!(code(&answer), Some(700_021), "{:?}", answer.body);
    let two = json!({"aud": [meant, "https://evil.example"], "iss": client, "sub": client, "exp": START + 600});
    let answer = ask(&server, tenant, &client, &mine.jwt(&mine.header(), &two)).await;
    assert_eq!(code(&answer), Some(700_023), "{:?}", answer.body);
    // The certificate that a header brings along counts for nothing, nor does the name of a registered one.
    let named = json!({
        "alg": "PS256", "typ": "JWT",
        "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(Certificate::sha256(&mine.der)),
        "x5c": [base64::prelude::BASE64_STANDARD.encode(&theirs.der)],
        "jku": "https://evil.example/keys", "jwk": theirs.jwk("x"),
    });
    let said = json!({"aud": meant, "iss": client, "sub": client, "exp": START + 600});
    let answer = ask(&server, tenant, &client, &theirs.jwt(&named, &said)).await;
    assert_eq!(code(&answer), Some(700_027), "{:?}", answer.body);
    let mut none = mine.header();
    none["alg"] = json!("none");
    let answer = ask(&server, tenant, &client, &mine.jwt(&none, &said)).await;
    assert_eq!(code(&answer), Some(50_027), "{:?}", answer.body);
}

/// Clients in the field send one assertion for several requests, so a second use is none of an attacker; what bounds a
/// stolen one is its end and the certificate's.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_ends_with_its_time_and_its_certificate() {
    let server = TestServer::start().await;
    let client = application(&server).await;
    let (mine, next) = (Holder::new(), Holder::new());
    register(&server, &client, &[&mine]).await;
    let tenant = server.tenant.as_str();
    let meant = endpoint(tenant);
    let made = |from: Option<i64>, until: Option<i64>| {
        let mut said = json!({"aud": meant, "iss": client, "sub": client, "jti": "one"});
        if let Some(from) = from {
            said["nbf"] = json!(from);
        }
        if let Some(until) = until {
            said["exp"] = json!(until);
        }
        mine.jwt(&mine.header(), &said)
    };
    let once = made(Some(START), Some(START + 600));
    for _ in 0..2 {
        let answer = ask(&server, tenant, &client, &once).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    for (assertion, expected) in [
        (made(None, None), 50_027),
        (made(None, Some(START - 300)), 700_024),
        (made(Some(START + 301), Some(START + 600)), 700_024),
    ] {
        let answer = ask(&server, tenant, &client, &assertion).await;
        assert_eq!(code(&answer), Some(expected), "{:?}", answer.body);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    // One for a thousand years is good as long as its certificate, and not longer.
    let forever = made(None, Some(START + 365_000 * DAY));
    let answer = ask(&server, tenant, &client, &forever).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    register(&server, &client, &[&next]).await;
    let answer = ask(&server, tenant, &client, &forever).await;
    assert_eq!(
        code(&answer),
        Some(700_027),
        "the certificate was taken back"
    );
    register(&server, &client, &[&mine, &next]).await;
    server.advance(601);
    let answer = ask(&server, tenant, &client, &once).await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "clocks may differ by five minutes"
    );
    server.advance(300);
    let answer = ask(&server, tenant, &client, &once).await;
    assert_eq!(code(&answer), Some(700_024), "{:?}", answer.body);
    server.advance(365 * DAY);
    let answer = ask(&server, tenant, &client, &forever).await;
    assert_eq!(
        code(&answer),
        Some(700_027),
        "the certificate is out of date"
    );
}

/// A workload's token and a certificate prove a client in the grants of people, too, and prove no other client there.
#[tokio::test(flavor = "multi_thread")]
async fn every_proof_of_a_client_is_one_in_the_grants_of_people() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let other = server.create_client(json!({})).await;
    let (issuer, holder) = (Holder::new(), Holder::new());
    for (app, subject) in [(&client, "mine"), (&other, "theirs")] {
        let path = format!("/applications(appId='{app}')/federatedIdentityCredentials");
        let body = json!({
            "name": "main", "issuer": "https://issuer.example", "subject": subject,
            "audiences": ["api://AzureADTokenExchange"], "bartizanKeySet": {"keys": [issuer.jwk("a")]},
        });
        let made = graph(&server, Method::POST, &path, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    }
    register(&server, &client, &[&holder]).await;
    let workload = |subject: &str| {
        let said = json!({
            "iss": "https://issuer.example", "sub": subject, "aud": "api://AzureADTokenExchange", "exp": START + 300,
        });
        issuer.jwt(&json!({"alg": "RS256", "typ": "JWT", "kid": "a"}), &said)
    };
    let certified = holder.assertion(&client, &endpoint(&server.tenant));
    let mut browser = Browser::at(&server);
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPES)]);
    for proof in [workload("mine"), certified] {
        let bound = code_for(&mut browser, &address, &ann).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("client_assertion_type", KIND),
            ("client_assertion", proof.as_str()),
            ("code", bound.as_str()),
            ("redirect_uri", CALLBACK),
        ];
        let theirs = workload("theirs");
        let wrong = with(&form, "client_assertion", &theirs);
        let answer = token(&server, &server.tenant, &wrong).await;
        assert_eq!(code(&answer), Some(700_213), "{:?}", answer.body);
        let given = token(&server, &server.tenant, &form).await;
        assert_eq!(given.status, StatusCode::OK, "{:?}", given.body);
        assert_eq!(claims(&given.body["access_token"])["appidacr"], "2");
        let refresh = given.body["refresh_token"].as_str().expect("a token");
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("client_assertion_type", KIND),
            ("client_assertion", proof.as_str()),
            ("refresh_token", refresh),
        ];
        let wrong = with(&form, "client_assertion", &theirs);
        let answer = token(&server, &server.tenant, &wrong).await;
        assert_eq!(code(&answer), Some(700_213), "{:?}", answer.body);
        let bare = with(
            &with(&form, "client_assertion", ""),
            "client_assertion_type",
            "",
        );
        let answer = token(&server, &server.tenant, &bare).await;
        assert_eq!(code(&answer), Some(7_000_218), "{:?}", answer.body);
        let given = token(&server, &server.tenant, &form).await;
        assert_eq!(given.status, StatusCode::OK, "{:?}", given.body);
    }
    // Two proofs at once are none: nobody could say which of them counted.
    let secret = secret_of(&server, &client).await;
    let proof = workload("mine");
    let both = [
        ("grant_type", "client_credentials"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("client_assertion_type", KIND),
        ("client_assertion", proof.as_str()),
        ("scope", XDR),
    ];
    let answer = token(&server, &server.tenant, &both).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
}
