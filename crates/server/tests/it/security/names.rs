//! Phishing with our own pages: applications that pose as others, codes that somebody else asked for; and what is left
//! of it in the audit trail.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{SCOPES, native, post, through, token};
use crate::browser::Browser;
use crate::harness::{GRAPH, TestServer, read};
use crate::sign_in::{PASSWORD, accept};

/// A name that hides, turns and breaks what stands around it.
const DISGUISED: &str =
    "Micro\u{200b}soft\u{202e} (deifirev)\u{2069}</strong><script>alert(1)</script>\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_strangers_is_shown_as_one() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let client = server
        .create_client(json!({
            "displayName": DISGUISED,
            "signInAudience": "AzureADMultipleOrgs",
        }))
        .await;
    let graph = server.token_in(&second, GRAPH).await;
    let organization = server.get("/v1.0/organization", &graph).await;
    let domain = organization.body["value"][0]["verifiedDomains"][0]["name"].clone();
    let eve = format!("eve@{}", domain.as_str().expect("a domain"));
    let id = second.parse().expect("an id");
    server.create_person_in(id, &eve, &[]).await;
    let mut browser = Browser::at(&server);
    let scope = ("scope", "openid profile User.Read");
    let page = browser
        .go(&server.authorize("common", &client, &[scope]))
        .await;
    let shown = |html: &str| {
        assert!(
            !html.contains(['\u{200b}', '\u{202e}', '\u{2069}']),
            "{html}"
        );
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(html.contains("Microsoft (deifirev)"), "{html}");
    };
    shown(&page.html);
    let page = browser.sign_in(&page, &eve, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    shown(&page.html);
    for text in [
        "The publisher is not verified",
        "It can come from anyone",
        "bartizan.onmicrosoft.com",
        client.as_str(),
        "the answer goes to app.example",
        "User.Read of Microsoft Graph",
        eve.as_str(),
        "Second",
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    assert!(
        !page.html.contains("Published by Microsoft"),
        "{}",
        page.html
    );
    assert!(!page.html.contains("<img"), "{}", page.html);
}

/// Who decided is the person, in the audit trail of the person's tenant; what was decided stands beside it.
#[tokio::test(flavor = "multi_thread")]
async fn consent_is_audited_as_the_persons() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    let scope = ("scope", "openid profile User.Read");
    let page = through(
        &mut browser,
        &server.authorize(&server.tenant, &client, &[scope]),
        &ann,
    )
    .await;
    assert!(page.parameter("code").is_some(), "{page:?}");
    let token = server.token(GRAPH).await;
    let listed = server.get("/v1.0/auditLogs/directoryAudits", &token).await;
    let events = listed.body["value"].as_array().expect("a list");
    let consents: Vec<&Value> = events
        .iter()
        .filter(|event| event["activityDisplayName"] == "Consent to application")
        .collect();
    assert_eq!(consents.len(), 1, "{events:?}");
    assert!(
        consents[0]["additionalDetails"]
            .to_string()
            .contains("User.Read")
    );
    let by = &consents[0]["initiatedBy"];
    assert_eq!(by["user"]["id"], json!(id.to_string()), "{by}");
    assert!(by["app"].is_null(), "{by}");
    assert!(consents[0].to_string().contains(&client), "{}", consents[0]);
}

/// Who sends a person a code wants to sign in as that person (RFC 8628 section 5.4).
#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_named_before_it_is_let_in() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMyOrg").await;
    let url = format!(
        "{}/{}/oauth2/v2.0/devicecode",
        server.server.http_url(),
        server.tenant
    );
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    let request = server
        .http
        .post(url)
        .form(&form)
        .header("x-forwarded-for", "203.0.113.66");
    let begun = read(request.send().await.expect("an answer")).await.body;
    // Nothing leads to the page with the code in it already, and the code is not good for long.
    assert!(begun.get("verification_uri_complete").is_none(), "{begun}");
    assert_eq!(begun["expires_in"], 900);
    let (device, typed) = (
        begun["device_code"].as_str().expect("a code").to_owned(),
        begun["user_code"].as_str().expect("a code").to_owned(),
    );
    let mut browser = Browser::at(&server);
    let page = browser
        .go(&format!("/devicelogin?otc={typed}&user_code={typed}"))
        .await;
    assert_eq!(page.title(), "Enter the code");
    assert!(!page.html.contains(&typed), "{}", page.html);
    let page = browser.send(&page, "device_code", &[("otc", &typed)]).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    let page = accept(&mut browser, &page).await;
    assert_eq!(page.title(), "Is it you who signs in?", "{}", page.html);
    for text in [
        "Story application",
        client.as_str(),
        ann.as_str(),
        "203.0.113.66",
        "Go on only if you started this yourself",
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client.as_str()),
        ("device_code", device.as_str()),
    ];
    let waiting = token(&server, &server.tenant, &poll).await;
    assert_eq!(waiting.body["error"], "authorization_pending");
    // The word must be said on that page: not from another site, and not by leaving it out.
    let form = page.form("device_confirm");
    let mut fields = form.fields.clone();
    fields.push(("decision".to_owned(), "accept".to_owned()));
    let request = browser.request(Method::POST, &form.action).form(&fields);
    let forged = browser
        .follow(request.header("sec-fetch-site", "cross-site"))
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let waiting = token(&server, &server.tenant, &poll).await;
    assert_eq!(waiting.body["error"], "authorization_pending");
    let page = browser.send_form(&form, &[]).await;
    assert_eq!(page.title(), "The device was refused", "{}", page.html);
    let over = token(&server, &server.tenant, &poll).await;
    assert_eq!(over.body["error"], "authorization_declined");
    let again = post(
        &server,
        &format!("/{}/oauth2/v2.0/token", server.tenant),
        &poll,
    )
    .await;
    assert_ne!(again.status, StatusCode::OK);
}
