//! Attacks, as stories through the public door: what somebody gets who has a good thing in the wrong place, a bad thing in
//! the right one, or a page of their own beside ours. docs/security.md says which requirement each of them proves.

mod accounts;
mod bearer;
mod clients;
mod codes;
mod guessing;
mod names;
mod pages;
mod redirects;
mod resources;
mod tenants;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::harness::{Answer, GRAPH, TestServer, read};
use crate::sign_in::{PASSWORD, accept};

/// A code verifier of the right form.
const VERIFIER: &str = "a-verifier-of-more-than-forty-three-letters-0123456789";
/// The scopes that these stories ask for: a person may consent to them.
const SCOPES: &str = "openid profile offline_access User.Read";

/// What S256 makes of a verifier.
fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// The claims of a token.
fn claims(token: &Value) -> Value {
    part(token, 1)
}

/// A part of a token.
fn part(token: &Value, index: usize) -> Value {
    let token = token
        .as_str()
        .unwrap_or_else(|| panic!("no token: {token}"));
    let part = token.split('.').nth(index).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The first AADSTS code of an answer.
fn code(answer: &Answer) -> Option<i64> {
    answer.body["error_codes"][0].as_i64()
}

/// Sends a form to a path.
async fn post(server: &TestServer, path: &str, form: &[(&str, &str)]) -> Answer {
    let url = format!("{}{path}", server.server.http_url());
    let request = server.http.post(url).form(form);
    read(request.send().await.expect("an answer")).await
}

/// Asks a tenant's v2 token endpoint.
async fn token(server: &TestServer, tenant: &str, form: &[(&str, &str)]) -> Answer {
    post(server, &format!("/{tenant}/oauth2/v2.0/token"), form).await
}

/// A form with a field in place of those of its name, or without them when the value is empty.
fn with<'a>(form: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut form: Vec<_> = form.iter().copied().filter(|(n, _)| *n != name).collect();
    if !value.is_empty() {
        form.push((name, value));
    }
    form
}

/// A native application, which redeems codes and asks with passwords without a credential.
async fn native(server: &TestServer, audience: &str) -> String {
    server
        .create_client(json!({
            "signInAudience": audience,
            "publicClient": { "redirectUris": ["http://localhost"] },
            "web": { "redirectUris": [] },
            "isFallbackPublicClient": true,
        }))
        .await
}

/// A secret for an application of the first tenant.
async fn secret_of(server: &TestServer, client: &str) -> String {
    let token = server.token(GRAPH).await;
    let path = format!("/v1.0/applications(appId='{client}')/addPassword");
    let body = Some(json!({ "passwordCredential": {} }));
    let made = server.call(Method::POST, &path, Some(&token), body).await;
    let text = made.body["secretText"].as_str();
    text.unwrap_or_else(|| panic!("{:?}", made.body)).to_owned()
}

/// Goes on from an authorization request over whichever pages come, as this person, to the end.
async fn through(browser: &mut Browser<'_>, address: &str, who: &str) -> Page {
    let mut page = browser.go(address).await;
    if page.title() == "Sign in" {
        page = browser.sign_in(&page, who, PASSWORD).await;
    }
    if page.title() == "Permissions requested" {
        page = accept(browser, &page).await;
    }
    page
}

/// A code for a person.
async fn code_for(browser: &mut Browser<'_>, address: &str, who: &str) -> String {
    let page = through(browser, address, who).await;
    let code = page.parameter("code");
    code.unwrap_or_else(|| panic!("no code: {page:?}"))
}
