//! Passwords that must be changed: on the pages before anything else, by no way round them, and at the person's own wish.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::harness::{Answer, GRAPH, TestServer, read};
use crate::second_factor::{code_now, shown_secret};
use crate::sign_in::PASSWORD;

/// What the applications ask for.
const SCOPE: &str = "openid profile offline_access";
const INITIAL: &str = "Initial-of-the-desk-7";
const CHOSEN: &str = "Chosen-by-nobody-else-8";
const FORM: [(&str, &str); 3] = [("current", INITIAL), ("new", CHOSEN), ("again", CHOSEN)];

/// Makes a person by Graph, as an administrator does; gives name and id.
async fn person(server: &TestServer, name: &str, demanded: Value) -> (String, String) {
    let token = server.token(GRAPH).await;
    let upn = format!("{name}@bartizan.onmicrosoft.com");
    let mut profile = json!({ "password": INITIAL });
    for (name, value) in demanded.as_object().expect("an object") {
        profile[name] = value.clone();
    }
    let body = json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name,
        "userPrincipalName": upn, "passwordProfile": profile,
    });
    let made = server
        .call(Method::POST, "/v1.0/users", Some(&token), Some(body))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert!(made.body.get("passwordProfile").is_none());
    (upn, made.body["id"].as_str().expect("an id").to_owned())
}

async fn demanded(server: &TestServer, id: &str) -> Value {
    let token = server.token(GRAPH).await;
    let path = format!("/v1.0/users/{id}?$select=passwordProfile");
    server.get(&path, &token).await.body["passwordProfile"].clone()
}

async fn public_client(server: &TestServer) -> String {
    let client = json!({
        "isFallbackPublicClient": true,
        "publicClient": { "redirectUris": ["http://localhost"] },
    });
    server.create_client(client).await
}

/// The password grant.
async fn password(server: &TestServer, client: &str, upn: &str, password: &str) -> Answer {
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        server.server.http_url(),
        server.tenant
    );
    let form = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", upn),
        ("password", password),
        ("scope", SCOPE),
    ];
    let answer = server.http.post(url).form(&form).send().await;
    read(answer.expect("an answer")).await
}

async fn up_to_the_password(browser: &mut Browser<'_>, address: &str, upn: &str) -> Page {
    let page = browser.go(address).await;
    let page = browser.send(&page, "user_name", &[("username", upn)]).await;
    browser
        .send(&page, "password", &[("password", INITIAL)])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_the_administrators_choice_opens_only_the_page_that_asks_for_another() {
    let server = TestServer::start().await;
    let (ann, id) = person(
        &server,
        "ann",
        json!({ "forceChangePasswordNextSignIn": true }),
    )
    .await;
    let kept = json!({
        "forceChangePasswordNextSignIn": true,
        "forceChangePasswordNextSignInWithMfa": false,
        "password": null,
    });
    assert_eq!(demanded(&server, &id).await, kept);
    let client = public_client(&server).await;

    // No page, no way.
    let refused = password(&server, &client, &ann, INITIAL).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["error"], "invalid_grant");
    assert_eq!(refused.body["error_codes"], json!([50_055]));
    assert_eq!(refused.body["suberror"], "user_password_expired");
    let wrong = password(&server, &client, &ann, "Initial-of-the-desk-8").await;
    assert_eq!(
        wrong.body["error_codes"],
        json!([50_126]),
        "who does not know it learns nothing"
    );

    let mut browser = Browser::at(&server);
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPE)]);
    let page = up_to_the_password(&mut browser, &address, &ann).await;
    assert_eq!(page.title(), "Update your password", "{}", page.html);
    let mut skip = page.form("new_password");
    for (name, value) in &mut skip.fields {
        if name == "step" {
            "stay".clone_into(value);
        }
    }
    let skipped = browser.send_form(&skip, &[("stay", "yes")]).await;
    assert_eq!(
        skipped.title(),
        "Update your password",
        "no step is skipped"
    );
    for (form, said) in [
        ([INITIAL, CHOSEN, "another"], "are not the same"),
        ([INITIAL, INITIAL, INITIAL], "is the one that you have"),
        ([INITIAL, "short", "short"], "complexity requirements"),
        (
            [INITIAL, "Password2026!", "Password2026!"],
            "too easy to guess",
        ),
        (["wrong", CHOSEN, CHOSEN], "current password is not right"),
    ] {
        let [current, new, again] = form;
        let fields = [("current", current), ("new", new), ("again", again)];
        let told = browser.send(&page, "new_password", &fields).await;
        assert_eq!(told.title(), "Update your password");
        assert!(told.html.contains(said), "{form:?}: {}", told.html);
    }
    let mut forged = page.form("new_password");
    forged.fields.retain(|(name, _)| name != "csrf");
    let refused = browser.send_form(&forged, &FORM).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let page = browser.send(&page, "new_password", &FORM).await;
    assert_eq!(page.title(), "Stay signed in?", "{}", page.html);
    let page = browser.send(&page, "stay", &[("stay", "yes")]).await;
    assert_eq!(page.title(), "Permissions requested");
    let page = browser
        .send(&page, "consent", &[("decision", "accept")])
        .await;
    assert!(page.parameter("code").is_some(), "{page:?}");
    assert_eq!(
        demanded(&server, &id).await["forceChangePasswordNextSignIn"],
        false
    );

    let old = password(&server, &client, &ann, INITIAL).await;
    assert_eq!(old.body["error_codes"], json!([50_126]));
    let new = password(&server, &client, &ann, CHOSEN).await;
    assert_eq!(new.status, StatusCode::OK, "{:?}", new.body);

    let token = server.token(GRAPH).await;
    let audits = server.get("/v1.0/auditLogs/directoryAudits", &token).await;
    let events = audits.body["value"].as_array().expect("events");
    let change = events
        .iter()
        .find(|event| event["activityDisplayName"] == "Change user password")
        .expect("an event");
    assert_eq!(change["initiatedBy"]["user"]["id"], id, "{change}");
    assert!(!audits.body.to_string().contains(CHOSEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_demanded_later_leaves_what_is_signed_in_and_a_new_password_ends_it() {
    let server = TestServer::start().await;
    let (bob, id) = person(&server, "bob", json!({})).await;
    let client = public_client(&server).await;
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPE)]);
    let mut first = Browser::at(&server);
    let page = first.go(&address).await;
    let page = first.sign_in(&page, &bob, INITIAL).await;
    first
        .send(&page, "consent", &[("decision", "accept")])
        .await;
    let held = password(&server, &client, &bob, INITIAL).await;
    let refresh = held.body["refresh_token"].as_str().expect("a token");

    server.advance(1);
    let token = server.token(GRAPH).await;
    let profile = json!({ "passwordProfile": { "forceChangePasswordNextSignIn": true } });
    let path = format!("/v1.0/users/{id}");
    let done = server
        .call(Method::PATCH, &path, Some(&token), Some(profile))
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        server.server.http_url(),
        server.tenant
    );
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &client),
        ("refresh_token", refresh),
        ("scope", SCOPE),
    ];
    let renew = async || read(server.http.post(&url).form(&form).send().await.unwrap()).await;
    assert_eq!(
        renew().await.status,
        StatusCode::OK,
        "the next sign-in is meant"
    );
    let there = first.go(&address).await;
    assert!(there.parameter("code").is_some(), "{there:?}");

    let mut second = Browser::at(&server);
    let page = up_to_the_password(&mut second, &address, &bob).await;
    let page = second.send(&page, "new_password", &FORM).await;
    assert_eq!(page.title(), "Stay signed in?", "{}", page.html);
    second.send(&page, "stay", &[("stay", "no")]).await;
    assert_eq!(renew().await.body["error"], "invalid_grant");
    assert_eq!(first.go(&address).await.title(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_mfa_the_second_factor_comes_first() {
    let server = TestServer::start().await;
    let demand = json!({ "forceChangePasswordNextSignInWithMfa": true });
    let (cleo, id) = person(&server, "cleo", demand).await;
    let client = public_client(&server).await;
    let refused = password(&server, &client, &cleo, INITIAL).await;
    assert_eq!(refused.body["error_codes"], json!([50_055]));
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPE)]);
    let mut browser = Browser::at(&server);
    let page = up_to_the_password(&mut browser, &address, &cleo).await;
    assert_eq!(page.title(), "Set up a second factor", "{}", page.html);
    let code = code_now(&server, &shown_secret(&page));
    let page = browser.send(&page, "set_up_totp", &[("code", &code)]).await;
    assert_eq!(page.title(), "Update your password", "{}", page.html);
    let page = browser.send(&page, "new_password", &FORM).await;
    assert_eq!(page.title(), "Stay signed in?", "{}", page.html);
    let kept = demanded(&server, &id).await;
    assert_eq!(kept["forceChangePasswordNextSignInWithMfa"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_change_their_password_with_their_security_info() {
    let server = TestServer::start().await;
    let (dora, _) = server.create_person("dora").await;
    let mut other = Browser::at(&server);
    let page = other.go("/mysecurityinfo").await;
    let page = other.sign_in(&page, &dora, PASSWORD).await;
    assert_eq!(page.title(), "Your security info");

    let mut browser = Browser::at(&server);
    let page = browser.go("/mysecurityinfo").await;
    let page = browser.sign_in(&page, &dora, PASSWORD).await;
    let page = browser.send(&page, "change_password", &[]).await;
    assert_eq!(page.title(), "Update your password");
    let fields = [("current", "wrong"), ("new", CHOSEN), ("again", CHOSEN)];
    let page = browser.send(&page, "new_password", &fields).await;
    assert!(page.html.contains("current password is not right"));
    server.advance(1);
    let fields = [("current", PASSWORD), ("new", CHOSEN), ("again", CHOSEN)];
    let page = browser.send(&page, "new_password", &fields).await;
    assert_eq!(page.title(), "Your security info", "{}", page.html);
    assert!(page.html.contains("The password is changed."));
    assert!(page.html.contains("One session"), "{}", page.html);
    assert_eq!(other.go("/mysecurityinfo").await.title(), "Sign in");
}

/// Both know the password of before; the second finds it changed, and goes on without holding anything up.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_at_once_holds_up_nobody() {
    let server = TestServer::start().await;
    let flags = json!({ "forceChangePasswordNextSignIn": true });
    let (ann, _) = person(&server, "ann", flags).await;
    let client = public_client(&server).await;
    let address = server.authorize(&server.tenant, &client, &[("scope", SCOPE)]);
    let mut browser = Browser::at(&server);
    let page = up_to_the_password(&mut browser, &address, &ann).await;
    let form = page.form("new_password");
    let mut fields: Vec<(&str, &str)> = Vec::new();
    fields.extend(form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    fields.extend(FORM);
    let send = || {
        let request = browser.request(Method::POST, &form.action);
        request.form(&fields).send()
    };
    let all = async { tokio::join!(send(), send(), send()) };
    let answers = tokio::time::timeout(std::time::Duration::from_secs(120), all).await;
    let (first, second, third) = answers.expect("an answer to each");
    for answer in [first, second, third] {
        let status = answer.expect("an answer").status();
        assert!(!status.is_server_error(), "{status}");
    }
    let given = password(&server, &client, &ann, CHOSEN).await;
    assert_ne!(
        given.body["error_codes"],
        json!([50_126]),
        "{:?}",
        given.body
    );
    // And everybody else still writes.
    person(&server, "bob", json!({})).await;
}
