//! People sign in: passwords, second factors, sessions, and what attackers try on the pages.

use argon2::PasswordHasher as _;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_store::directory::roles::{self, RoleAssignment};
use bartizan_store::directory::users::{self, User};
use bartizan_store::directory::{Principal, PrincipalKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::{Browser, Page};
use crate::harness::{GRAPH, TestServer};

/// The password of every person in these stories but the administrator.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Where the application of these stories gets its answers.
pub(crate) const CALLBACK: &str = "https://app.example/callback";

impl TestServer {
    /// The administrator's name and password.
    pub(crate) fn administrator(&self) -> (String, String) {
        let first = self.server.first_start().expect("a first start");
        (first.user.clone(), first.password.clone())
    }

    /// A person of the first tenant; gives name and id.
    pub(crate) async fn create_person(&self, name: &str) -> (String, ObjectId) {
        let tenant = self.tenant.parse::<TenantId>().expect("an id");
        self.create_person_in(tenant, &format!("{name}@bartizan.onmicrosoft.com"), &[])
            .await
    }

    /// A person of a tenant with directory roles.
    pub(crate) async fn create_person_in(
        &self,
        tenant: TenantId,
        upn: &str,
        templates: &[Uuid],
    ) -> (String, ObjectId) {
        let hash = argon2::Argon2::default()
            .hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16])
            .expect("a hash")
            .to_string();
        let id = ObjectId(Uuid::new_v4());
        let user = User {
            password_hash: Some(hash),
            ..User::new(id, upn, "A Person", 0)
        };
        let mut tx = self.server.app().store.write().await.expect("a store");
        users::create(&mut tx, tenant, &user).await.expect("a user");
        for template in templates {
            let assignment = RoleAssignment {
                id: Uuid::new_v4().to_string(),
                template: *template,
                principal: Principal {
                    id,
                    kind: PrincipalKind::User,
                },
                created: 0,
            };
            roles::assign(&mut tx, tenant, &assignment)
                .await
                .expect("a role");
        }
        tx.commit().await.expect("a commit");
        (upn.to_owned(), id)
    }

    /// An application with redirect URIs; gives its client id.
    pub(crate) async fn create_client(&self, body: Value) -> String {
        let token = self.token(GRAPH).await;
        let mut application = json!({
            "displayName": "Story application",
            "web": { "redirectUris": [CALLBACK] },
        });
        for (name, value) in body.as_object().expect("an object") {
            application[name] = value.clone();
        }
        let made = self
            .call(
                Method::POST,
                "/v1.0/applications",
                Some(&token),
                Some(application),
            )
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
        made.body["appId"].as_str().expect("appId").to_owned()
    }

    /// The address of an authorization request.
    pub(crate) fn authorize(&self, tenant: &str, client: &str, more: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("client_id", client),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile"),
            ("state", "a state/+&="),
        ];
        for (name, value) in more {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        format!("/{tenant}/oauth2/v2.0/authorize?{query}")
    }
}

/// Accepts the consent page.
pub(crate) async fn accept(browser: &mut Browser<'_>, page: &Page) -> Page {
    browser
        .send(page, "consent", &[("decision", "accept")])
        .await
}

#[tokio::test]
async fn an_authorization_ends_with_a_code_in_every_mode() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    let page = browser.go(&server.authorize("common", &client, &[])).await;
    // A single-tenant application is not for everybody's door.
    assert!(page.html.contains("AADSTS50194"), "{}", page.html);

    let tenant = server.tenant.clone();
    let address = server.authorize(&tenant, &client, &[]);
    let page = browser.go(&address).await;
    assert_eq!((page.status, page.title()), (StatusCode::OK, "Sign in"));
    assert!(page.html.contains("Story application"), "{}", page.html);
    let page = browser.sign_in(&page, &admin, &password).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    let done = accept(&mut browser, &page).await;
    let left = done.left_for.as_ref().expect("the application");
    assert!(
        left.as_str()
            .starts_with("https://app.example/callback?code="),
        "{left}"
    );
    assert_eq!(done.parameter("state").as_deref(), Some("a state/+&="));
    assert!(done.parameter("session_state").is_some());

    // The session and the consent are remembered.
    let again = browser.go(&address).await;
    let code = again.parameter("code").expect("a code");
    assert_ne!(Some(code), done.parameter("code"));
    let fragment = server.authorize(&tenant, &client, &[("response_mode", "fragment")]);
    let page = browser.go(&fragment).await;
    let fragment = page.left_for.as_ref().and_then(url::Url::fragment);
    assert!(fragment.expect("a fragment").starts_with("code="));

    let form_post = server.authorize(&tenant, &client, &[("response_mode", "form_post")]);
    let page = browser.go(&form_post).await;
    assert_eq!(page.status, StatusCode::OK);
    let form = &page.forms()[0];
    assert_eq!(form.action, CALLBACK);
    let value = |name: &str| {
        let found = form.fields.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    };
    assert!(
        value("code").is_some_and(|code| code.len() >= 43),
        "{form:?}"
    );
    assert_eq!(value("state"), Some("a state/+&="));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example;"),
        "{policy}"
    );

    // A request by POST is asked again by GET, with the cookies that browsers keep back from a cross-site POST.
    let (path, query) = address.split_once('?').unwrap();
    let request = browser
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(query.to_owned());
    let page = browser.follow(request).await;
    assert!(page.parameter("code").is_some(), "{page:?}");
}

#[tokio::test]
async fn prompts_are_honoured() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let tenant = server.tenant.clone();
    let ask = |more: &[(&str, &str)]| server.authorize(&tenant, &client, more);

    let mut browser = Browser::at(&server);
    let page = browser.go(&ask(&[("prompt", "none")])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("login_required"));
    let description = page.parameter("error_description").unwrap();
    assert!(description.starts_with("AADSTS50058: "), "{description}");
    assert_eq!(page.parameter("state").as_deref(), Some("a state/+&="));

    let page = browser.go(&ask(&[("login_hint", &ann)])).await;
    assert_eq!(page.title(), "Enter your password");
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    let page = browser.send(&page, "stay", &[("stay", "yes")]).await;
    let silent = browser.go(&ask(&[("prompt", "none")])).await;
    assert_eq!(
        silent.parameter("error").as_deref(),
        Some("consent_required")
    );
    let done = accept(&mut browser, &page).await;
    assert!(done.parameter("code").is_some(), "{done:?}");
    let silent = browser.go(&ask(&[("prompt", "none")])).await;
    assert!(silent.parameter("code").is_some(), "{silent:?}");

    // `login` asks for the password again, and `max_age` when the sign-in is older.
    let page = browser.go(&ask(&[("prompt", "login")])).await;
    assert_eq!(page.title(), "Sign in");
    server.advance(120);
    let page = browser.go(&ask(&[("max_age", "60")])).await;
    assert_eq!(page.title(), "Sign in");
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert!(page.parameter("code").is_some(), "{page:?}");

    // A second account beside the first: the person picks.
    let page = browser.go(&ask(&[("prompt", "select_account")])).await;
    assert_eq!(page.title(), "Pick an account");
    let page = browser
        .send(&page, "account", &[("session", "other")])
        .await;
    let page = browser.sign_in(&page, &admin, &password).await;
    assert_eq!(page.title(), "Permissions requested");
    let page = browser.go(&ask(&[])).await;
    assert_eq!(page.title(), "Pick an account");
    // Where that page may not be shown nobody chooses in the person's place.
    let silent = browser.go(&ask(&[("prompt", "none")])).await;
    assert_eq!(
        silent.parameter("error").as_deref(),
        Some("interaction_required")
    );
    let description = silent.parameter("error_description").unwrap();
    assert!(description.starts_with("AADSTS16000: "), "{description}");
    let button = page.html.split("<strong>A Person</strong>").next().unwrap();
    let picked = button
        .rsplit("value=\"")
        .next()
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let page = browser.send(&page, "account", &[("session", picked)]).await;
    assert!(page.parameter("code").is_some(), "{page:?}");
    // A hint picks without a page.
    let page = browser
        .go(&ask(&[("login_hint", &ann.to_uppercase())]))
        .await;
    assert!(page.parameter("code").is_some(), "{page:?}");
}

#[tokio::test]
async fn wrong_passwords_tell_nothing_and_lock() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut pages = Vec::new();
    for name in [ann.as_str(), "nobody@bartizan.onmicrosoft.com"] {
        let mut browser = Browser::at(&server);
        let page = browser.go(&address).await;
        let mut page = browser
            .send(&page, "user_name", &[("username", name)])
            .await;
        assert_eq!(page.title(), "Enter your password");
        let mut seen = Vec::new();
        for _ in 0..11 {
            page = browser
                .send(&page, "password", &[("password", "wrong")])
                .await;
            let error = page.html.split("role=\"alert\">").nth(1).unwrap();
            seen.push((page.status, error.split('<').next().unwrap().to_owned()));
        }
        pages.push(seen);
        // The right one is locked out, too, for a minute.
        let locked = browser
            .send(&page, "password", &[("password", PASSWORD)])
            .await;
        assert!(locked.html.contains("AADSTS50053"), "{}", locked.html);
    }
    assert_eq!(
        pages[0], pages[1],
        "an account that exists answers like one that does not"
    );
    assert!(!pages[0][9].1.contains("50053"));
    assert!(pages[0][10].1.contains("50053"));

    server.advance(61);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested");
}

#[tokio::test]
async fn one_address_cannot_try_a_password_on_many_names() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut browser = Browser::at(&server);
    let mut last = browser.go(&address).await;
    for i in 0..61 {
        let page = browser.go(&address).await;
        let name = format!("user{i}@bartizan.onmicrosoft.com");
        let page = browser
            .send(&page, "user_name", &[("username", &name)])
            .await;
        last = browser
            .send(&page, "password", &[("password", "Winter2026!")])
            .await;
    }
    assert!(last.html.contains("AADSTS50053"), "{}", last.html);
    // Not even the right one, from there, for now.
    let page = browser.go(&address).await;
    let page = browser
        .send(&page, "user_name", &[("username", &ann)])
        .await;
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert!(page.html.contains("AADSTS50053"));
    server.advance(600);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested");
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let form = page.form("user_name");
    let fields = |token: bool| {
        let mut fields = form.fields.clone();
        fields.retain(|(name, _)| token || name != "csrf");
        fields.push(("username".to_owned(), ann.clone()));
        fields
    };
    // Without the token of the form.
    let request = browser
        .request(Method::POST, &form.action)
        .form(&fields(false));
    let page = browser.follow(request).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    // With it, but from another site's page, as browsers tell it.
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let request = browser
            .request(Method::POST, &form.action)
            .form(&fields(true));
        let page = browser.follow(request.header(name, value)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    // In another browser, even with the token.
    let mut other = Browser::at(&server);
    let page = other.send_form(&form, &[("username", &ann)]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.html.contains("AADSTS50089"), "{}", page.html);
    // In its own it works, until its time is up.
    let page = browser.send_form(&form, &[("username", &ann)]).await;
    assert_eq!(page.title(), "Enter your password");
    server.advance(16 * 60);
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert!(page.html.contains("AADSTS50089"), "{}", page.html);
}

#[tokio::test]
async fn pages_cannot_be_framed_scripted_or_cached() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut browser = Browser::at(&server);
    for address in [
        &address,
        "/devicelogin",
        "/mysecurityinfo",
        "/common/oauth2/logout",
        "/common/login",
    ] {
        let page = browser.go(address).await;
        let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(rule), "{address}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(!page.html.contains("<style") && !page.html.contains(" style="));
        assert!(!page.html.contains("onclick") && !page.html.contains("<script>"));
    }
    let style = browser.go("/signin/style.css").await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    // What a person typed comes back as text.
    let page = browser.go(&address).await;
    let nasty = "<script>alert(1)</script>\"'@bartizan.onmicrosoft.com";
    let page = browser
        .send(&page, "user_name", &[("username", nasty)])
        .await;
    assert_eq!(page.title(), "Enter your password");
    assert!(!page.html.contains("<script>alert"), "{}", page.html);
    // Over TLS the cookies carry the prefix that binds them to the host.
    let mut safe = Browser::at_origin(&server, server.server.loopback_url());
    safe.go(&address).await;
    let names: Vec<_> = safe.cookies().keys().collect();
    assert!(
        names.iter().all(|name| name.starts_with("__Host-")),
        "{names:?}"
    );
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_was_not_registered() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let mut browser = Browser::at(&server);
    for uri in [
        "https://evil.example/callback",
        "https://app.example/callback/../other",
        "https://app.example.evil.example/callback",
        "https://app.example@evil.example/callback",
        "https://app.example/callback#x",
        "javascript:alert(1)",
        "//evil.example",
    ] {
        for more in [
            ("prompt", "none"),
            ("prompt", "login"),
            ("response_type", "nonsense"),
        ] {
            let address = server.authorize(&server.tenant, &client, &[("redirect_uri", uri), more]);
            let page = browser.go(&address).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{uri}");
            assert_eq!(page.left_for, None);
            assert!(page.html.contains("AADSTS50011"), "{}", page.html);
        }
        let query = format!("client_id={client}&redirect_uri={uri}&post_logout_redirect_uri={uri}");
        let page = browser
            .go(&format!("/{}/adminconsent?{query}", server.tenant))
            .await;
        assert_eq!(page.left_for, None, "{uri}");
        let page = browser.go(&format!("/common/oauth2/logout?{query}")).await;
        assert_eq!(
            (page.left_for, page.status),
            (None, StatusCode::OK),
            "{uri}"
        );
    }
    let unknown = server.authorize(&server.tenant, &Uuid::new_v4().to_string(), &[]);
    let page = browser.go(&unknown).await;
    assert!(
        page.html.contains("AADSTS700016") && page.html.contains("What to do"),
        "{}",
        page.html
    );
    assert!(
        page.html
            .contains(page.headers["x-ms-request-id"].to_str().unwrap())
    );
}

#[tokio::test]
async fn signing_out_ends_the_session_here_or_everywhere() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let address = server.authorize(&server.tenant, &client, &[]);
    let mut here = Browser::at(&server);
    let page = here.go(&address).await;
    let page = here.sign_in(&page, &ann, PASSWORD).await;
    let done = accept(&mut here, &page).await;
    assert!(done.parameter("code").is_some());
    let stolen = here.cookies().clone();
    let away = format!(
        "/common/oauth2/v2.0/logout?client_id={client}&post_logout_redirect_uri={CALLBACK}&state=x"
    );
    // A frame on another page signs nobody out, by neither method.
    for method in [Method::GET, Method::POST] {
        let framed = here
            .request(method, &away)
            .header("sec-fetch-mode", "no-cors");
        let refused = framed.send().await.expect("an answer");
        let followed = refused.headers().get("location");
        let status = match followed.and_then(|to| to.to_str().ok()) {
            None => refused.status(),
            Some(to) => {
                let next = here.request(Method::GET, to);
                let next = next.header("sec-fetch-mode", "no-cors").send().await;
                next.expect("an answer").status()
            }
        };
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    // Applications may send it by POST as well (OpenID Connect RP-Initiated Logout 1.0 section 2).
    let form = [
        ("client_id", client.as_str()),
        ("post_logout_redirect_uri", CALLBACK),
        ("state", "x"),
    ];
    let posted = here
        .request(Method::POST, "/common/oauth2/v2.0/logout")
        .form(&form);
    let page = here.follow(posted).await;
    let left = page.left_for.expect("the application");
    assert_eq!(left.as_str(), "https://app.example/callback?state=x");
    assert!(!here.cookies().contains_key("bartizan-sessions"));
    // The cookie is worth nothing any more, also for who copied it.
    let line: Vec<String> = stolen.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mut thief = Browser::at(&server);
    let request = thief
        .request(Method::GET, &address)
        .header("cookie", line.join("; "));
    let page = thief.follow(request).await;
    assert_eq!(page.parameter("code"), None);

    // Everywhere: a session of another browser ends by the page of one's own.
    let mut elsewhere = Browser::at(&server);
    let page = elsewhere.go(&address).await;
    let done = elsewhere.sign_in(&page, &ann, PASSWORD).await;
    assert!(done.parameter("code").is_some(), "{done:?}");
    server.advance(1);
    let page = here.go("/mysecurityinfo").await;
    let page = here.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Your security info");
    assert!(page.html.contains("2 sessions"), "{}", page.html);
    server.advance(1);
    let page = here.send(&page, "sign_out_everywhere", &[]).await;
    assert_eq!(page.title(), "You are signed out everywhere");
    let page = elsewhere.go(&address).await;
    assert_eq!(page.title(), "Sign in");
}
