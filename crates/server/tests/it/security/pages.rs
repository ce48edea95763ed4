//! Pages of others beside ours: forms that they send, frames that they put around, windows that they leave open.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{SCOPES, native, post};
use crate::browser::{Browser, Form, Page};
use crate::harness::{GRAPH, TestServer};
use crate::second_factor::{code_now, shown_secret};
use crate::sign_in::{PASSWORD, accept};

/// A page that nobody else's page can frame, script, cache or learn the address of.
fn shielded(page: &Page) {
    let title = page.title();
    let header = |name: &str| {
        let found = page.headers.get(name);
        found
            .unwrap_or_else(|| panic!("{title}: no {name}"))
            .to_str()
            .expect("text")
    };
    let policy = header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action '",
    ] {
        assert!(policy.contains(rule), "{title}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{title}: {policy}"
    );
    assert_eq!(header("x-frame-options"), "DENY", "{title}");
    assert_eq!(header("cache-control"), "no-store", "{title}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{title}");
    assert!(
        ["same-origin", "no-referrer"].contains(&header("referrer-policy")),
        "{title}"
    );
    assert_eq!(
        header("content-type"),
        "text/html; charset=utf-8",
        "{title}"
    );
    for inline in [
        "<style",
        " style=",
        "<script>",
        " onclick",
        " onload",
        "javascript:",
    ] {
        assert!(!page.html.contains(inline), "{title}: {inline}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_shielded() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let (bob, _) = server.create_person("bob").await;
    let client = native(&server, "AzureADMyOrg").await;
    let ask = |more: &[(&str, &str)]| {
        let mut all = vec![("redirect_uri", "http://localhost:1/"), ("scope", SCOPES)];
        all.extend(more);
        server.authorize(&server.tenant, &client, &all)
    };
    let mut seen = Vec::new();
    let mut see = |page: &Page| {
        shielded(page);
        seen.push(page.title().to_owned());
    };
    let mut browser = Browser::at(&server);
    let page = browser.go(&ask(&[])).await;
    see(&page);
    let page = browser
        .send(&page, "user_name", &[("username", &ann)])
        .await;
    see(&page);
    let wrong = browser
        .send(&page, "password", &[("password", "wrong")])
        .await;
    see(&wrong);
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    see(&page);
    let page = browser.send(&page, "stay", &[("stay", "no")]).await;
    see(&page);
    accept(&mut browser, &page).await;
    let page = browser.go(&ask(&[("response_mode", "form_post")])).await;
    see(&page);
    let page = browser.go(&ask(&[("prompt", "select_account")])).await;
    see(&page);
    let admin = ("scope", "https://api.security.microsoft.com/Incident.Read");
    let page = browser.go(&ask(&[admin])).await;
    see(&page);
    // Second factors, and the person's own page.
    let page = browser.go("/mysecurityinfo").await;
    see(&page);
    let page = browser.send(&page, "add_factor", &[]).await;
    see(&page);
    let code = code_now(&server, &shown_secret(&page));
    let page = browser.send(&page, "set_up_totp", &[("code", &code)]).await;
    see(&page);
    let mut other = Browser::at(&server);
    let page = other.go("/mysecurityinfo").await;
    let page = other.send(&page, "user_name", &[("username", &ann)]).await;
    let page = other
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    see(&page);
    // Devices.
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    let path = format!("/{}/oauth2/v2.0/devicecode", server.tenant);
    let begun = post(&server, &path, &form).await;
    let typed = begun.body["user_code"].as_str().expect("a code").to_owned();
    let mut device = Browser::at(&server);
    let page = device.go("/devicelogin").await;
    see(&page);
    let page = device.send(&page, "device_code", &[("otc", &typed)]).await;
    let page = device.sign_in(&page, &bob, PASSWORD).await;
    let page = accept(&mut device, &page).await;
    see(&page);
    let page = device
        .send(&page, "device_confirm", &[("decision", "decline")])
        .await;
    see(&page);
    // Ends and errors.
    for path in [
        "/common/oauth2/v2.0/logout",
        "/common/login?flow=none",
        "/nowhere.example/oauth2/v2.0/authorize?client_id=%3Cscript%3Ealert(1)%3C/script%3E",
        "/common/oauth2/nativeclient",
        "/error?code=50011",
    ] {
        see(&device.go(path).await);
    }
    for title in [
        "Sign in",
        "Enter your password",
        "Stay signed in?",
        "Permissions requested",
        "Signing in",
        "Pick an account",
        "Approval required",
        "Your security info",
        "Set up a second factor",
        "Prove that it is you",
        "Enter the code",
        "Is it you who signs in?",
        "The device was refused",
        "You are signed out",
        "Sign-in did not work",
    ] {
        assert!(seen.iter().any(|seen| seen == title), "{title}: {seen:?}");
    }
}

/// A form as another site's page would send it; none of the four ways is taken.
async fn forged(
    browser: &mut Browser<'_>,
    form: &Form,
    fields: &[(&str, &str)],
) -> Vec<StatusCode> {
    let mut seen = Vec::new();
    for attempt in 0..4 {
        let mut all = form.fields.clone();
        all.extend(
            fields
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        );
        for (name, value) in &mut all {
            if name == "csrf" && attempt < 2 {
                *value = if attempt == 0 {
                    String::new()
                } else {
                    "A".repeat(43)
                };
            }
        }
        let mut request = browser.request(Method::POST, &form.action).form(&all);
        if attempt == 2 {
            request = request.header("sec-fetch-site", "cross-site");
        }
        if attempt == 3 {
            request = request.header("origin", "https://evil.example");
        }
        seen.push(browser.follow(request).await.status);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_made_on_our_pages_alone() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPES)]);
    let all_refused = [StatusCode::FORBIDDEN; 4];
    let mut browser = Browser::at(&server);
    // The sign-in itself: nobody is signed in to an account that somebody else chose.
    let page = browser.go(&address).await;
    let named = forged(&mut browser, &page.form("user_name"), &[("username", &ann)]).await;
    assert_eq!(named, all_refused);
    let page = browser
        .send(&page, "user_name", &[("username", &ann)])
        .await;
    let signed_in = forged(
        &mut browser,
        &page.form("password"),
        &[("password", PASSWORD)],
    )
    .await;
    assert_eq!(signed_in, all_refused);
    assert!(!browser.cookies().contains_key("bartizan-sessions"));
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    let stayed = forged(&mut browser, &page.form("stay"), &[("stay", "yes")]).await;
    assert_eq!(stayed, all_refused);
    let page = browser.send(&page, "stay", &[("stay", "no")]).await;
    // Consent: nothing is granted.
    let consent = page.form("consent");
    let decided = forged(&mut browser, &consent, &[("decision", "accept")]).await;
    assert_eq!(decided, all_refused);
    let silent = server.authorize(
        &server.tenant,
        &client,
        &[("scope", SCOPES), ("prompt", "none")],
    );
    let page = browser.go(&silent).await;
    assert_eq!(
        page.parameter("error").as_deref(),
        Some("consent_required"),
        "{page:?}"
    );
    // The token of another sign-in's forms, of the same browser, is none of this one's.
    let other = browser.go(&address).await;
    let mut crossed = consent.clone();
    let theirs = other.form("consent").fields;
    let csrf = |fields: &[(String, String)]| {
        fields
            .iter()
            .find(|(n, _)| n == "csrf")
            .expect("a token")
            .1
            .clone()
    };
    assert_ne!(csrf(&theirs), csrf(&consent.fields));
    for (name, value) in &mut crossed.fields {
        if name == "csrf" {
            *value = csrf(&theirs);
        }
    }
    let page = browser.send_form(&crossed, &[("decision", "accept")]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    // Somebody who has the whole form, in a browser of their own, has nothing.
    let mut thief = Browser::at(&server);
    let page = thief.send_form(&consent, &[("decision", "accept")]).await;
    assert!(page.html.contains("AADSTS50089"), "{}", page.html);
    let done = browser.send_form(&consent, &[("decision", "accept")]).await;
    assert!(done.parameter("code").is_some(), "{done:?}");

    // Second factors and sessions.
    let page = browser.go("/mysecurityinfo").await;
    for step in ["add_factor", "sign_out_everywhere"] {
        let form = page.form(step);
        assert_eq!(
            forged(&mut browser, &form, &[]).await,
            all_refused,
            "{step}"
        );
    }
    let operator = server.token(GRAPH).await;
    let there = server.get(&format!("/v1.0/users/{id}"), &operator).await;
    assert_eq!(there.status, StatusCode::OK);
    assert_eq!(
        browser.go("/mysecurityinfo").await.title(),
        "Your security info"
    );
}

/// A decision is a POST; an address that somebody is lured to decides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn going_somewhere_decides_nothing() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPES)]);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    let form = page.form("consent");
    let query = form
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("decision", "accept")]);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let page = browser.go(&format!("{}?{query}", form.action)).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    // The person is asked, however the request words its wish.
    for more in [
        ("decision", "accept"),
        ("consent", "accept"),
        ("prompt", "none"),
    ] {
        let asked = server.authorize(&server.tenant, &client, &[("scope", SCOPES), more]);
        assert_eq!(browser.go(&asked).await.parameter("code"), None, "{more:?}");
    }
    // A picture or a frame of another page signs nobody out.
    let before = browser.cookies().clone();
    for mode in ["no-cors", "cors", "same-origin", "websocket"] {
        let request = browser.request(Method::GET, "/common/oauth2/v2.0/logout");
        let page = browser.follow(request.header("sec-fetch-mode", mode)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{mode}");
    }
    assert_eq!(*browser.cookies(), before);
    assert_eq!(browser.go(&address).await.title(), "Permissions requested");
}

/// Who signs in, or signs in again, gets a session of a new name; the one before is worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_named_anew_by_every_proof() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut browser = Browser::at(&server);
    // A name that somebody planted before is not taken on.
    let planted = "A".repeat(43);
    let request = browser
        .request(Method::GET, &address)
        .header("cookie", format!("bartizan-sessions={planted}"));
    let page = browser.follow(request).await;
    assert_eq!(page.title(), "Sign in");
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    accept(&mut browser, &page).await;
    let first = browser.cookies()["bartizan-sessions"].clone();
    assert!(first != planted && first.len() >= 43, "{first}");
    let page = browser
        .go(&server.authorize(&server.tenant, &client, &[("prompt", "login")]))
        .await;
    browser.sign_in(&page, &ann, PASSWORD).await;
    let second = browser.cookies()["bartizan-sessions"].clone();
    assert_ne!(first, second);
    let mut thief = Browser::at(&server);
    for (cookie, signed_in) in [(&first, false), (&second, true)] {
        let request = thief
            .request(Method::GET, &address)
            .header("cookie", format!("bartizan-sessions={cookie}"));
        let page = thief.follow(request).await;
        assert_eq!(page.parameter("code").is_some(), signed_in, "{page:?}");
    }
    // It ends by itself after a day, though the browser keeps it.
    server.advance(24 * 3_600);
    assert_eq!(browser.go(&address).await.title(), "Sign in");
}
