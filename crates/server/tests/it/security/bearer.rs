//! What an API takes for an access token, and what it must not: forged, misnamed, misdirected and mistaken ones.

use aws_lc_rs::hmac;
use bartizan_identity::certificate::Certificate;
use bartizan_identity::claims::AccessClaims;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{claims, code_for, native, part, token};
use crate::browser::Browser;
use crate::credentials::Holder;
use crate::harness::{GRAPH, MDE, OWN, START, TestServer, XDR};

/// A good token of the operator for Defender XDR, taken apart.
struct Good {
    token: String,
    header: Value,
    claims: Value,
}

impl Good {
    async fn of(server: &TestServer) -> Self {
        let token = server.token(XDR).await;
        let value = Value::from(token.as_str());
        Self {
            header: part(&value, 0),
            claims: claims(&value),
            token,
        }
    }
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

/// The status of an incident listing, and what its challenge says.
async fn listed(server: &TestServer, token: &str) -> (StatusCode, String) {
    let answer = server.get("/api/incidents", token).await;
    let challenge = answer.headers.get("www-authenticate");
    let said = challenge.map(|text| text.to_str().expect("text").to_owned());
    (answer.status, said.unwrap_or_default())
}

/// Refused as no good token, in the words of the check that is meant for it.
async fn refused(server: &TestServer, token: &str, because: &str) {
    let (status, said) = listed(server, token).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{because}");
    assert!(
        said.contains("error=\"invalid_token\"") && said.contains(because),
        "{said}"
    );
}

/// Signed by the server's own key, whatever the claims say: only the checks of claims are left to refuse it.
fn signed(server: &TestServer, claims: &Value) -> String {
    let claims: AccessClaims = serde_json::from_value(claims.clone()).expect("claims");
    server.server.app().keys.sign(&claims).expect("a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_without_a_signature_are_refused() {
    let server = TestServer::start().await;
    let good = Good::of(&server).await;
    assert_eq!(listed(&server, &good.token).await.0, StatusCode::OK);
    let parts: Vec<&str> = good.token.split('.').collect();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let head = encoded(&with(good.header.clone(), "alg", json!(alg)));
        for signature in ["", parts[2]] {
            let token = format!("{head}.{}.{signature}", parts[1]);
            refused(&server, &token, "algorithm").await;
        }
    }
    let bare = format!("{}.{}.", parts[0], parts[1]);
    refused(&server, &bare, "invalid signature").await;
    let two = format!("{}.{}", parts[0], parts[1]);
    refused(&server, &two, "three parts").await;
    let other = with(
        good.claims.clone(),
        "roles",
        json!(["Incident.ReadWrite.All"]),
    );
    let changed = format!("{}.{}.{}", parts[0], encoded(&other), parts[2]);
    refused(&server, &changed, "invalid signature").await;
}

/// The verifier's public key, in every form in which somebody might have it, is no secret of HMAC.
#[tokio::test(flavor = "multi_thread")]
async fn the_published_key_makes_no_hmac_secret() {
    let server = TestServer::start().await;
    let good = Good::of(&server).await;
    let url = format!("{}/common/discovery/v2.0/keys", server.server.http_url());
    let answer = server.http.get(url).send().await.expect("an answer");
    let keys: Value = answer.json().await.expect("JSON");
    let key = &keys["keys"][0];
    let (n, x5c) = (
        key["n"].as_str().expect("n"),
        key["x5c"][0].as_str().expect("x5c"),
    );
    let der = BASE64_STANDARD.decode(x5c).expect("base64");
    let public = Certificate::parse(&der).expect("a certificate").public_key;
    let pem = |label: &str, der: &[u8]| {
        let text = BASE64_STANDARD.encode(der);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|l| std::str::from_utf8(l).expect("ASCII"))
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines.join("\n")
        )
    };
    let secrets = [
        public.clone(),
        pem("PUBLIC KEY", &public).into_bytes(),
        pem("CERTIFICATE", &der).into_bytes(),
        der.clone(),
        n.as_bytes().to_vec(),
        BASE64_URL_SAFE_NO_PAD.decode(n).expect("base64url"),
        x5c.as_bytes().to_vec(),
        key.to_string().into_bytes(),
        Vec::new(),
    ];
    for secret in secrets {
        for (alg, because) in [("HS256", "algorithm"), ("RS256", "invalid signature")] {
            let head = encoded(&with(good.header.clone(), "alg", json!(alg)));
            let message = format!("{head}.{}", encoded(&good.claims));
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let tag = hmac::sign(&key, message.as_bytes());
            let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag));
            refused(&server, &token, because).await;
        }
    }
}

/// A header may point at the attacker's key in six ways; none of them is followed.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_cannot_bring_its_own_key() {
    let server = TestServer::start().await;
    let good = Good::of(&server).await;
    let thief = Holder::new();
    let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Certificate::sha1(&thief.der));
    let kid = good.header["kid"].clone();
    let jwk = thief.jwk(kid.as_str().expect("a kid"));
    // It would answer, if it were asked.
    let jku = format!("{}/common/discovery/v2.0/keys", server.server.http_url());
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!(jku)),
        ("x5u", json!("https://evil.example/certificate")),
        ("x5c", json!([BASE64_STANDARD.encode(&thief.der)])),
        ("x5t", json!(thumbprint)),
        ("x5t#S256", json!(thumbprint)),
    ] {
        let forged = thief.jwt(&with(good.header.clone(), name, value), &good.claims);
        refused(&server, &forged, "invalid signature").await;
    }
    for kid in [
        thumbprint.as_str(),
        "",
        "0",
        "../../../../dev/null",
        "keys.secret",
        "' or '1'='1",
        "x' union select private from signing_keys --",
        "https://evil.example/keys#1",
    ] {
        let forged = thief.jwt(&with(good.header.clone(), "kid", json!(kid)), &good.claims);
        refused(&server, &forged, "no published key").await;
    }
    let pss = thief.jwt(
        &with(good.header.clone(), "alg", json!("PS256")),
        &good.claims,
    );
    refused(&server, &pss, "algorithm").await;
    let crit = thief.jwt(
        &with(good.header.clone(), "crit", json!(["exp"])),
        &good.claims,
    );
    refused(&server, &crit, "not supported").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_one_api_and_of_one_tenant() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    // Good tokens of the same caller, for the other APIs.
    for scope in [MDE, GRAPH, OWN] {
        refused(&server, &server.token(scope).await, "invalid audience").await;
    }
    let good = Good::of(&server).await;
    for audience in [
        "https://api.security.microsoft.com.evil.example",
        "https://api.security.microsoft.com/api",
        "https://evil.example/https://api.security.microsoft.com",
        "http://api.security.microsoft.com",
        "api.security.microsoft.com",
        "",
    ] {
        let claims = with(good.claims.clone(), "aud", json!(audience));
        refused(&server, &signed(&server, &claims), "invalid audience").await;
    }
    let issuer = |tenant: &str| format!("https://sts.windows.net/{tenant}/");
    let v2 = format!("https://login.microsoftonline.com/{}/v2.0", server.tenant);
    for (name, value) in [
        // The tenant of the claim is not the issuer's.
        ("tid", json!(second)),
        ("iss", json!(issuer(&second))),
        ("iss", json!(issuer("common"))),
        ("iss", json!(issuer("{tenantid}"))),
        (
            "iss",
            json!(format!("https://evil.example/{}/", server.tenant)),
        ),
        ("iss", json!(issuer(&server.tenant).trim_end_matches('/'))),
        // The versions' issuers are not each other's.
        ("iss", json!(v2)),
        ("ver", json!("2.0")),
        ("ver", json!("3.0")),
        ("ver", json!("")),
    ] {
        let claims = with(good.claims.clone(), name, value.clone());
        let token = signed(&server, &claims);
        let (status, said) = listed(&server, &token).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}: {value}");
        assert!(said.contains("invalid issuer"), "{name}: {value}: {said}");
    }
    // Of a tenant that nobody has here, though everything fits together.
    let nowhere = "99999999-0000-4000-8000-000000000001";
    let claims = with(good.claims.clone(), "tid", json!(nowhere));
    let token = signed(&server, &with(claims, "iss", json!(issuer(nowhere))));
    let answer = server.get("/api/incidents", &token).await;
    assert!(
        answer.body["value"].as_array().is_none_or(Vec::is_empty),
        "{:?}",
        answer.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_its_time_and_its_key_too() {
    let server = TestServer::start().await;
    let good = Good::of(&server).await;
    for (name, value, because) in [
        ("exp", START - 300, "expired"),
        ("exp", 0, "expired"),
        ("exp", i64::MIN, "expired"),
        ("nbf", START + 301, "not yet valid"),
        ("nbf", i64::MAX, "not yet valid"),
    ] {
        let claims = with(good.claims.clone(), name, json!(value));
        refused(&server, &signed(&server, &claims), because).await;
    }
    let operator = server.token(OWN).await;
    let kid = good.header["kid"].as_str().expect("a kid");
    let path = format!("/bartizan/v1/keys/{kid}/revoke");
    let revoked = server
        .call(Method::POST, &path, Some(&operator), None)
        .await;
    assert_eq!(revoked.status, StatusCode::OK, "{:?}", revoked.body);
    refused(&server, &good.token, "no published key").await;
}

/// Nothing but an access token opens an API: not what proves a sign-in, nor what continues one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_access_token_opens_no_api() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let loopback = "http://localhost:49152/";
    let scopes = "openid profile offline_access User.Read";
    let address = server.authorize(
        &server.tenant,
        &client,
        &[("redirect_uri", loopback), ("scope", scopes)],
    );
    let mut browser = Browser::at(&server);
    let code = code_for(&mut browser, &address, &ann).await;
    let spare = code_for(&mut browser, &address, &ann).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", loopback),
    ];
    let given = token(&server, &server.tenant, &form).await;
    assert_eq!(given.status, StatusCode::OK, "{:?}", given.body);
    let text = |name: &str| given.body[name].as_str().expect(name).to_owned();
    let access = text("access_token");
    assert_eq!(server.get("/v1.0/me", &access).await.status, StatusCode::OK);
    let session = browser.cookies()["bartizan-sessions"].clone();
    for other in [
        text("id_token"),
        text("refresh_token"),
        spare,
        session,
        client.clone(),
    ] {
        for path in [
            "/v1.0/me",
            "/api/incidents",
            "/oidc/userinfo",
            "/bartizan/v1/rules",
        ] {
            let answer = server.get(path, &other).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {other}");
        }
    }
    // A person's token has no roles, whatever it says; an application's has no scopes.
    let mut claims = claims(&given.body["access_token"]);
    claims["aud"] = json!("https://api.security.microsoft.com");
    claims["roles"] = json!(["Incident.Read.All"]);
    let (status, _) = listed(&server, &signed(&server, &claims)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    claims["idtyp"] = json!("app");
    let (status, _) = listed(&server, &signed(&server, &claims)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "both at once are neither");
    // In the address or in the body a token is none (RFC 9700 section 4.3.2), and two are none either.
    let url = format!("{}/v1.0/me?access_token={access}", server.server.http_url());
    let answer = server.http.get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let twice = server
        .http
        .get(url)
        .bearer_auth(&access)
        .bearer_auth(&access);
    let answer = twice.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
