//! Guessing: passwords, one-time codes, device codes; many at once, by many doors; and what a guess tells.

use std::collections::HashSet;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{SCOPES, code, native, post, token};
use crate::activity::hunt;
use crate::audit_trail::audits;
use crate::browser::{Browser, Page};
use crate::harness::{Answer, GRAPH, OWN, TestServer, read};
use crate::second_factor::{code_now, shown_secret};
use crate::sign_in::PASSWORD;

/// A password by way of a client, from an address that a proxy on this machine tells.
async fn by_password(
    server: &TestServer,
    client: &str,
    name: &str,
    password: &str,
    from: &str,
) -> Answer {
    let url = format!(
        "{}/organizations/oauth2/v2.0/token",
        server.server.http_url()
    );
    let form = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", name),
        ("password", password),
        ("scope", SCOPES),
    ];
    let request = server
        .http
        .post(url)
        .form(&form)
        .header("x-forwarded-for", from);
    read(request.send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_guessed_at_once_do_not_outrun_the_lock() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = native(&server, "AzureADMultipleOrgs").await;
    // Each from an address of its own: only the name can be what locks.
    let addresses: Vec<String> = (0..40).map(|i| format!("198.51.100.{i}")).collect();
    let all = addresses
        .iter()
        .map(|from| by_password(&server, &client, &ann, "wrong", from));
    let answers = futures::future::join_all(all).await;
    let wrong = answers.iter().filter(|a| code(a) == Some(50_126)).count();
    let locked = answers.iter().filter(|a| code(a) == Some(50_053)).count();
    assert_eq!(
        (wrong, locked),
        (10, 30),
        "ten are looked at, however they come"
    );
    let right = by_password(&server, &client, &ann, PASSWORD, "203.0.113.9").await;
    assert_eq!(code(&right), Some(50_053), "{:?}", right.body);
}

/// Gives a person an authenticator app; gives its secret.
async fn set_up(server: &TestServer, who: &str) -> Vec<u8> {
    let mut browser = Browser::at(server);
    let page = browser.go("/mysecurityinfo").await;
    let page = browser.sign_in(&page, who, PASSWORD).await;
    let page = browser.send(&page, "add_factor", &[]).await;
    let secret = shown_secret(&page);
    let typed = code_now(server, &secret);
    let page = browser
        .send(&page, "set_up_totp", &[("code", &typed)])
        .await;
    assert!(page.html.contains("is set up"), "{}", page.html);
    secret
}

/// Signs in up to the page that asks for a code.
async fn up_to_the_code<'s>(server: &'s TestServer, who: &str) -> (Browser<'s>, Page) {
    let mut browser = Browser::at(server);
    let page = browser.go("/mysecurityinfo").await;
    let page = browser.send(&page, "user_name", &[("username", who)]).await;
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert_eq!(page.title(), "Prove that it is you", "{}", page.html);
    (browser, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_guessed_at_once_do_not_outrun_the_lock() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let secret = set_up(&server, &ann).await;
    server.advance(60);
    let (browser, page) = up_to_the_code(&server, &ann).await;
    let form = page.form("totp");
    let right = code_now(&server, &secret);
    let guesses = (0..40).map(|i| {
        let guess = format!("{i:06}");
        let guess = if guess == right {
            "999999".to_owned()
        } else {
            guess
        };
        let mut fields = form.fields.clone();
        fields.push(("code".to_owned(), guess));
        let request = browser.request(Method::POST, &form.action).form(&fields);
        async move {
            request
                .send()
                .await
                .expect("an answer")
                .text()
                .await
                .expect("text")
        }
    });
    let pages = futures::future::join_all(guesses).await;
    let looked_at = pages
        .iter()
        .filter(|page| page.contains("That code is not right"))
        .count();
    let locked = pages
        .iter()
        .filter(|page| page.contains("AADSTS50053"))
        .count();
    assert_eq!((looked_at, locked), (10, 30));
    // The lock is the account's, by whatever sign-in.
    let (mut other, page) = up_to_the_code(&server, &ann).await;
    let page = other.send(&page, "totp", &[("code", &right)]).await;
    assert!(page.html.contains("AADSTS50053"), "{}", page.html);
}

/// Who guesses codes knows the password: that is told by the audit trail and by the log of sign-ins.
#[tokio::test(flavor = "multi_thread")]
async fn guessed_codes_leave_a_trail() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    set_up(&server, &ann).await;
    server.advance(60);
    let (mut thief, mut page) = up_to_the_code(&server, &ann).await;
    for _ in 0..11 {
        page = thief.send(&page, "totp", &[("code", "000000")]).await;
    }
    assert!(page.html.contains("AADSTS50053"), "{}", page.html);

    let events = audits(&server).await;
    let failed = |reason: &str| {
        let of_it = events.iter().filter(|event| {
            event["activityDisplayName"] == "UserLoginFailed"
                && event["result"] == "failure"
                && event["resultReason"] == reason
                && event["targetResources"][0]["id"] == json!(id)
                && event["initiatedBy"] == json!({ "user": null, "app": null })
        });
        of_it.count()
    };
    // Tries while it is locked come without end: they are sign-ins, not events.
    assert_eq!((failed("AADSTS500121"), failed("AADSTS50053")), (10, 0));
    let query = format!(
        "EntraIdSignInEvents | where AccountObjectId == '{id}' and ErrorCode != 0 \
         | summarize Count = count() by ErrorCode, AuthenticationRequirement | sort by ErrorCode asc"
    );
    let rows = hunt(&server, &server.tenant, &query).await;
    let factor = "multiFactorAuthentication";
    assert_eq!(
        json!(rows),
        json!([
            { "ErrorCode": 50_053, "AuthenticationRequirement": factor, "Count": 1 },
            { "ErrorCode": 500_121, "AuthenticationRequirement": factor, "Count": 10 },
        ])
    );
}

/// The same words for a wrong password and for a name, a domain or an account that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_is_told_like_a_wrong_password() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let (zoe, id) = server.create_person("zoe").await;
    let operator = server.token(GRAPH).await;
    let off = Some(json!({ "accountEnabled": false }));
    let path = format!("/v1.0/users/{id}");
    let done = server
        .call(Method::PATCH, &path, Some(&operator), off)
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    let client = native(&server, "AzureADMultipleOrgs").await;
    let mut told = HashSet::new();
    let names = [
        ann.as_str(),
        zoe.as_str(),
        "nobody@bartizan.onmicrosoft.com",
        "nobody@nowhere.example",
        "nobody",
    ];
    for name in names {
        let answer = by_password(&server, &client, name, "wrong", "198.51.100.1").await;
        let text = answer.body["error_description"].as_str().expect("text");
        let text = text
            .split("Trace ID")
            .next()
            .expect("a sentence")
            .to_owned();
        told.insert((
            answer.status,
            answer.body["error"].to_string(),
            code(&answer),
            text,
        ));
        // On the pages, too, from the first one on.
        let mut browser = Browser::at(&server);
        let page = browser.go("/mysecurityinfo").await;
        let page = browser
            .send(&page, "user_name", &[("username", name)])
            .await;
        assert_eq!(page.title(), "Enter your password");
        let page = browser
            .send(&page, "password", &[("password", "wrong")])
            .await;
        assert_eq!(
            (page.status, page.title()),
            (StatusCode::OK, "Enter your password")
        );
        assert!(
            page.html
                .contains("The user name or the password is not right."),
            "{}",
            page.html
        );
    }
    assert_eq!(told.len(), 1, "{told:?}");
    // Which domain is whose, everybody may know; who is in it, nobody.
    let mut realms = HashSet::new();
    for name in &names[..3] {
        let url = format!(
            "{}/common/userrealm/{name}?api-version=1.0",
            server.server.http_url()
        );
        let answer = read(server.http.get(url).send().await.expect("an answer")).await;
        realms.insert(answer.body.to_string().replace(name, "NAME"));
    }
    assert_eq!(realms.len(), 1, "{realms:?}");
    // That an account is switched off learns who knows its password.
    let right = by_password(&server, &client, &zoe, PASSWORD, "198.51.100.1").await;
    assert_eq!(code(&right), Some(50_057), "{:?}", right.body);
}

/// A code that is wrong, expired, spent or another server's: the page says the same, and the address pays.
#[tokio::test(flavor = "multi_thread")]
async fn device_codes_cannot_be_searched_for() {
    let server = TestServer::start().await;
    let client = native(&server, "AzureADMyOrg").await;
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    let path = format!("/{}/oauth2/v2.0/devicecode", server.tenant);
    let begun = post(&server, &path, &form).await;
    let expired = begun.body["user_code"].as_str().expect("a code").to_owned();
    assert_eq!(expired.len(), 9);
    assert!(
        expired
            .bytes()
            .all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b)),
        "{expired}"
    );
    server.advance(901);
    let mut browser = Browser::at(&server);
    let first = browser.go("/devicelogin").await;
    let mut told = HashSet::new();
    for typed in [expired.as_str(), "BBBBBBBBB", "", "a", "<script>"] {
        let page = browser.send(&first, "device_code", &[("otc", typed)]).await;
        let error = page.html.split("role=\"alert\">").nth(1).expect("an error");
        told.insert(error.split('<').next().expect("text").to_owned());
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let mut last = String::new();
    for _ in 0..60 {
        last = browser
            .send(&first, "device_code", &[("otc", "CCCCCCCCC")])
            .await
            .html;
    }
    assert!(last.contains("too many wrong attempts"), "{last}");
    let begun = post(&server, &path, &form).await;
    let good = begun.body["user_code"].as_str().expect("a code");
    let page = browser.send(&first, "device_code", &[("otc", good)]).await;
    assert!(
        page.html.contains("too many wrong attempts"),
        "not even a right one: {}",
        page.html
    );
}

/// Tokens that were taken do not buy further guesses: changing a password costs an address what a sign-in costs it.
#[tokio::test(flavor = "multi_thread")]
async fn changing_a_password_spends_the_budget_of_the_address() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let client = native(&server, "AzureADMultipleOrgs").await;
    let mut holders = Vec::new();
    for i in 0..7 {
        let id = server.create_user(&tenant, &format!("user{i}")).await;
        holders.push(server.user_token(&tenant, &id, GRAPH, "User.ReadWrite"));
    }
    let guess = async |token: &str, password: &str, from: &str| {
        let url = format!("{}/v1.0/me/changePassword", server.server.http_url());
        let body = json!({ "currentPassword": password, "newPassword": "Better-Horse-2" });
        let request = server.http.post(url).bearer_auth(token).json(&body);
        read(
            request
                .header("x-forwarded-for", from)
                .send()
                .await
                .expect("an answer"),
        )
        .await
    };
    let here = "198.51.100.7";
    // Nine each, so that no account is locked: sixty are what an address has.
    let mut looked_at = 0;
    for token in &holders {
        for _ in 0..9 {
            if guess(token, "Wrong-Horse-1", here).await.status == StatusCode::BAD_REQUEST {
                looked_at += 1;
            }
        }
    }
    assert_eq!(looked_at, 60);
    let right = guess(&holders[6], "Correct-Horse-1", here).await;
    assert_eq!(
        right.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{:?}",
        right.body
    );
    // It is one budget with that of the sign-ins, and another address has its own.
    let name = "user6@bartizan.onmicrosoft.com";
    let signing_in = by_password(&server, &client, name, "Correct-Horse-1", here).await;
    assert_eq!(code(&signing_in), Some(50_053), "{:?}", signing_in.body);
    let elsewhere = guess(&holders[6], "Correct-Horse-1", "203.0.113.7").await;
    assert_eq!(
        elsewhere.status,
        StatusCode::NO_CONTENT,
        "{:?}",
        elsewhere.body
    );
}

/// A secret of another length, kind or application is refused in the same words; nothing of it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_tells_nothing() {
    let server = TestServer::start().await;
    let (client, secret) = server.create_app(&server.tenant, &[]).await;
    let (_, theirs) = server.create_app(&server.tenant, &[]).await;
    let (start, end) = secret.split_at(secret.len() - 1);
    let flipped = format!("{start}{}", if end == "x" { "y" } else { "x" });
    let upper = secret.to_uppercase();
    let mut told = HashSet::new();
    for wrong in [
        "x",
        start,
        flipped.as_str(),
        upper.as_str(),
        theirs.as_str(),
        "%00",
        "' or 1=1 --",
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.as_str()),
            ("client_secret", wrong),
            ("scope", crate::harness::XDR),
        ];
        let answer = token(&server, &server.tenant, &form).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{:?}", answer.body);
        let text = answer.body["error_description"].as_str().expect("text");
        let text = text
            .split("Trace ID")
            .next()
            .expect("a sentence")
            .to_owned();
        assert!(wrong.len() < 8 || !text.contains(wrong), "{text}");
        told.insert((code(&answer), text));
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// A leaked key-encryption key is replaced without anybody's app having to be set up anew.
#[tokio::test(flavor = "multi_thread")]
async fn authenticator_apps_work_after_the_keys_are_sealed_anew() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let secret = set_up(&server, &ann).await;
    let operator = server.token(OWN).await;
    let path = "/bartizan/v1/keys/reseal";
    for _ in 0..2 {
        let sealed = server.call(Method::POST, path, Some(&operator), None).await;
        assert_eq!(sealed.status, StatusCode::OK, "{:?}", sealed.body);
    }
    server.advance(60);
    let (mut browser, page) = up_to_the_code(&server, &ann).await;
    let typed = code_now(&server, &secret);
    let page = browser.send(&page, "totp", &[("code", &typed)]).await;
    assert_eq!(page.title(), "Stay signed in?", "{}", page.html);
}

/// The clock stands still: no budget grows back.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_secrets_from_one_network_are_told_to_wait() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let (bad, _) = server.create_app(&tenant, &[]).await;
    let (good, secret) = server.create_app(&tenant, &[]).await;
    let ask = async |client: &str, secret: &str, from: &str| {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", server.server.http_url());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret),
            ("scope", GRAPH),
        ];
        let request = server.http.post(url).form(&form);
        let request = request.header("x-forwarded-for", from);
        read(request.send().await.expect("an answer")).await
    };
    let mut last = ask(&bad, "wrong", "198.51.100.7").await;
    for _ in 0..300 {
        assert_eq!(code(&last), Some(7_000_215), "{:?}", last.body);
        last = ask(&bad, "wrong", "198.51.100.7").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(code(&last), Some(90_055));
    assert_eq!(last.body["error"], "temporarily_unavailable");
    let wait = last.headers["retry-after"].to_str().expect("text");
    let wait: i64 = wait.parse().expect("seconds");
    assert!((1..=3).contains(&wait), "{wait}");
    // Others there go on, and so does the client elsewhere, or when it has waited.
    let other = ask(&good, &secret, "198.51.100.7").await;
    assert_eq!(other.status, StatusCode::OK, "{:?}", other.body);
    let elsewhere = ask(&bad, "wrong", "198.51.100.8").await;
    assert_eq!(code(&elsewhere), Some(7_000_215));
    server.advance(wait);
    let later = ask(&bad, "wrong", "198.51.100.7").await;
    assert_eq!(code(&later), Some(7_000_215), "{:?}", later.body);
}
