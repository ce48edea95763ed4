//! Second factors: set up where they are demanded, asked for, guessed at, added and removed by their owner.

use bartizan_contract::TenantId;
use bartizan_identity::sign_in::totp;
use bartizan_store::directory::users;
use bartizan_store::sign_in::factors::{self, Factor, FactorKind};
use bartizan_store::{sign_in, tenant_policies};
use serde_json::json;

use crate::browser::{Browser, Page};
use crate::harness::TestServer;
use crate::sign_in::{PASSWORD, accept};

/// The secret that the page shows.
pub(crate) fn shown_secret(page: &Page) -> Vec<u8> {
    let key = page
        .html
        .split("<code class=\"key\">")
        .nth(1)
        .expect("a key");
    let key = key.split('<').next().unwrap().replace(' ', "");
    let mut bits = String::new();
    for letter in key.chars() {
        let index = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
            .find(letter)
            .expect("base32");
        bits.push_str(&format!("{index:05b}"));
    }
    (0..bits.len() / 8)
        .map(|i| u8::from_str_radix(&bits[i * 8..i * 8 + 8], 2).unwrap())
        .collect()
}

pub(crate) fn code_now(server: &TestServer, secret: &[u8]) -> String {
    totp::code(
        secret,
        server.server.app().clock.unix_seconds() / totp::STEP,
    )
}

#[tokio::test]
async fn a_second_factor_is_set_up_where_it_is_demanded_and_asked_for_from_then_on() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let tenant = server.tenant.parse::<TenantId>().unwrap();
    let mut tx = server.server.app().store.write().await.unwrap();
    sign_in::require_second_factor(&mut tx, tenant, id, true)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);

    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser
        .send(&page, "user_name", &[("username", &ann)])
        .await;
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert_eq!(page.title(), "Set up a second factor");
    let secret = shown_secret(&page);
    assert_eq!(secret.len(), 20);
    let page = browser
        .send(&page, "set_up_totp", &[("code", "000000")])
        .await;
    assert!(
        page.html.contains("That code is not right"),
        "{}",
        page.html
    );
    assert_eq!(shown_secret(&page), secret, "the key on the page stays");
    let code = code_now(&server, &secret);
    let page = browser.send(&page, "set_up_totp", &[("code", &code)]).await;
    assert_eq!(page.title(), "Stay signed in?", "{}", page.html);
    let page = browser.send(&page, "stay", &[("stay", "no")]).await;
    assert_eq!(page.title(), "Permissions requested");

    // Elsewhere: the password alone does not do, and a code works once.
    let mut other = Browser::at(&server);
    let page = other.go(&address).await;
    let page = other.send(&page, "user_name", &[("username", &ann)]).await;
    let page = other
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert_eq!(page.title(), "Prove that it is you");
    let skipped = other
        .send_form(&form_of(&page, "totp", "stay"), &[("stay", "yes")])
        .await;
    assert_eq!(
        skipped.title(),
        "Prove that it is you",
        "no step is skipped"
    );
    let page = other.send(&page, "totp", &[("code", &code)]).await;
    assert!(
        page.html.contains("That code is not right"),
        "used before: {}",
        page.html
    );
    server.advance(30);
    let code = code_now(&server, &secret);
    let page = other.send(&page, "totp", &[("code", &code)]).await;
    let page = other.send(&page, "stay", &[("stay", "no")]).await;
    assert_eq!(page.title(), "Permissions requested");

    // Guessing is locked like passwords are.
    let mut thief = Browser::at(&server);
    let page = thief.go(&address).await;
    let page = thief.send(&page, "user_name", &[("username", &ann)]).await;
    let mut page = thief
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    for _ in 0..10 {
        page = thief.send(&page, "totp", &[("code", "123456")]).await;
    }
    server.advance(30);
    let code = code_now(&server, &secret);
    let page = thief.send(&page, "totp", &[("code", &code)]).await;
    assert!(page.html.contains("AADSTS50053"), "{}", page.html);
}

#[tokio::test]
async fn a_password_alone_sets_up_no_factor_beside_a_passkey_of_another_address() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let tenant = server.tenant.parse::<TenantId>().unwrap();
    let mut tx = server.server.app().store.write().await.unwrap();
    let passkey = Factor {
        id: uuid::Uuid::from_u128(1),
        kind: FactorKind::Passkey {
            credential: "c".to_owned(),
            host: "id.example.com".to_owned(),
        },
        name: "Passkey".to_owned(),
        secret: "{}".to_owned(),
        counter: 0,
        created: 0,
        last_used: None,
    };
    factors::add(&mut tx, tenant, id, &passkey).await.unwrap();
    tx.commit().await.unwrap();
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut thief = Browser::at(&server);
    let page = thief.go(&address).await;
    let page = thief.send(&page, "user_name", &[("username", &ann)]).await;
    let form = form_of(&page, "password", "set_up_totp");
    let page = thief
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert!(
        page.html
            .contains("address where it was registered: id.example.com"),
        "{}",
        page.html
    );
    let page = thief.send_form(&form, &[("code", "000000")]).await;
    assert_eq!(page.title(), "Sign-in did not work", "{}", page.html);
}

/// The form of one step, sent as another one's.
fn form_of(page: &Page, step: &str, other: &str) -> crate::browser::Form {
    let mut form = page.form(step);
    for (name, value) in &mut form.fields {
        if name == "step" {
            other.clone_into(value);
        }
    }
    form
}

#[tokio::test]
async fn a_tenant_may_demand_second_factors_of_administrators() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let tenant = server.tenant.parse::<TenantId>().unwrap();
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &admin, &password).await;
    let done = accept(&mut browser, &page).await;
    assert!(done.parameter("code").is_some());
    let mut tx = server.server.app().store.write().await.unwrap();
    tenant_policies::put(&mut tx, tenant, "second_factor", "administrators")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // The session of a password alone does not suffice any more.
    let page = browser.go(&address).await;
    assert_eq!(page.title(), "Set up a second factor", "{page:?}");
    let silent = server.authorize(&server.tenant, &client, &[("prompt", "none")]);
    let page = browser.go(&silent).await;
    assert!(page.parameter("code").is_none(), "{page:?}");
}

#[tokio::test]
async fn a_person_adds_and_removes_a_second_factor() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let mut browser = Browser::at(&server);
    let page = browser.go("/mysecurityinfo").await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    let before = browser.cookies()["bartizan-sessions"].clone();
    let page = browser.send(&page, "add_factor", &[]).await;
    let code = code_now(&server, &shown_secret(&page));
    let page = browser.send(&page, "set_up_totp", &[("code", &code)]).await;
    assert_eq!(page.title(), "Your security info", "{}", page.html);
    assert!(page.html.contains("Authenticator app") && page.html.contains("is set up"));
    assert_ne!(
        browser.cookies()["bartizan-sessions"],
        before,
        "a new name for the session"
    );
    // An unattended screen changes nothing.
    server.advance(31 * 60);
    let stale = browser.go("/mysecurityinfo").await;
    assert_eq!(stale.title(), "Sign in");
    drop(page);
}

#[tokio::test]
async fn a_sign_in_under_way_ends_when_sessions_are_revoked() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut thief = Browser::at(&server);
    let page = thief.go(&address).await;
    let page = thief.send(&page, "user_name", &[("username", &ann)]).await;
    let page = thief
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert_eq!(page.title(), "Stay signed in?");
    server.advance(1);
    let app = server.server.app();
    let mut tx = app.store.write().await.unwrap();
    let tenant = server.tenant.parse::<TenantId>().unwrap();
    users::revoke_sessions(&mut tx, tenant, id, app.clock.unix_micros())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let page = thief.send(&page, "stay", &[("stay", "yes")]).await;
    assert_eq!(page.title(), "Sign in", "{}", page.html);
    assert!(!thief.cookies().contains_key("bartizan-sessions"));
}
