//! Everything that one tenant gives, taken to another one: it is worth nothing there.

use bartizan_contract::TenantId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    SCOPES, VERIFIER, challenge, claims, code, code_for, native, post, secret_of, token, with,
};
use crate::browser::Browser;
use crate::credentials::Holder;
use crate::harness::{GRAPH, OWN, START, TestServer, XDR};
use crate::second_factor::{code_now, shown_secret};
use crate::sign_in::{CALLBACK, PASSWORD, accept};

const LOOPBACK: &str = "http://localhost:49152/";
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Global Administrator.
const ADMINISTRATOR: uuid::Uuid = bartizan_contract::access::GLOBAL_ADMINISTRATOR;

/// Two tenants on one server, with a person in each.
struct Two {
    server: TestServer,
    second: String,
    ann: String,
    bob: String,
}

impl Two {
    /// The person of the second tenant administrates it.
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let second = server.create_tenant("Second").await;
        let (ann, _) = server.create_person("ann").await;
        let id: TenantId = second.parse().expect("an id");
        let organization = server
            .get("/v1.0/organization", &server.token_in(&second, GRAPH).await)
            .await;
        let domain = organization.body["value"][0]["verifiedDomains"][0]["name"].clone();
        let name = format!("bob@{}", domain.as_str().expect("a domain"));
        let (bob, _) = server.create_person_in(id, &name, &[ADMINISTRATOR]).await;
        Self {
            server,
            second,
            ann,
            bob,
        }
    }

    fn request(&self, tenant: &str, client: &str, more: &[(&str, &str)]) -> String {
        let mut all = vec![("redirect_uri", LOOPBACK), ("scope", SCOPES)];
        all.extend(more);
        self.server.authorize(tenant, client, &all)
    }

    /// Makes an application known in the second tenant, by its administrator's consent.
    async fn install(&self, client: &str) {
        let mut browser = Browser::at(&self.server);
        let page = browser.go(&self.request(&self.second, client, &[])).await;
        let page = browser.sign_in(&page, &self.bob, PASSWORD).await;
        let page = accept(&mut browser, &page).await;
        assert!(page.parameter("code").is_some(), "{page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_and_refresh_tokens_are_of_their_tenant() {
    let two = Two::begin().await;
    let (server, first, second) = (&two.server, two.server.tenant.as_str(), two.second.as_str());
    let client = native(server, "AzureADMultipleOrgs").await;
    two.install(&client).await;
    let mut browser = Browser::at(server);
    let s256 = challenge(VERIFIER);
    let asked = [
        ("code_challenge", s256.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let bound = code_for(&mut browser, &two.request(first, &client, &asked), &two.ann).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", LOOPBACK),
        ("code_verifier", VERIFIER),
    ];
    let answer = token(server, second, &form).await;
    assert_eq!(code(&answer), Some(700_005), "{:?}", answer.body);
    assert_eq!(answer.body["error"], "invalid_grant");
    let given = token(server, first, &form).await;
    assert_eq!(given.status, StatusCode::OK, "{:?}", given.body);
    assert_eq!(claims(&given.body["access_token"])["tid"], json!(first));

    let refresh = given.body["refresh_token"].as_str().expect("a token");
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("refresh_token", refresh),
    ];
    let answer = token(server, second, &form).await;
    assert_eq!(code(&answer), Some(50_020), "{:?}", answer.body);
    let answer = token(server, "organizations", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        claims(&answer.body["access_token"])["tid"],
        json!(first),
        "home, by any door"
    );

    // An application of one tenant is not known in the other at all.
    let local = native(server, "AzureADMyOrg").await;
    let bound = code_for(&mut browser, &two.request(first, &local, &[]), &two.ann).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", local.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", LOOPBACK),
    ];
    let answer = token(server, second, &form).await;
    assert_eq!(code(&answer), Some(700_016), "{:?}", answer.body);
    // What a user's token opens at home it does not open there: the tenant is the token's.
    let access = given.body["access_token"].as_str().expect("a token");
    let bob = server
        .get(&format!("/v1.0/users/{}", two.bob), access)
        .await;
    assert_ne!(bob.status, StatusCode::OK, "{:?}", bob.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn device_codes_are_of_their_tenant() {
    let two = Two::begin().await;
    let (server, first, second) = (&two.server, two.server.tenant.as_str(), two.second.as_str());
    let client = native(server, "AzureADMultipleOrgs").await;
    two.install(&client).await;
    let form = [("client_id", client.as_str()), ("scope", SCOPES)];
    let begun = post(server, &format!("/{first}/oauth2/v2.0/devicecode"), &form).await;
    let text = |name: &str| begun.body[name].as_str().expect(name).to_owned();
    let (device, typed) = (text("device_code"), text("user_code"));
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client.as_str()),
        ("device_code", device.as_str()),
    ];
    // Somebody of the other tenant types it, signed in there: the page asks for an account of this one.
    let mut bob = Browser::at(server);
    let page = bob.go(&two.request(second, &client, &[])).await;
    let page = bob.sign_in(&page, &two.bob, PASSWORD).await;
    assert!(page.parameter("code").is_some(), "{page:?}");
    let page = bob.go("/devicelogin").await;
    let page = bob.send(&page, "device_code", &[("otc", &typed)]).await;
    assert_eq!(page.title(), "Sign in", "{}", page.html);
    let page = bob
        .send(&page, "user_name", &[("username", &two.bob)])
        .await;
    let page = bob.send(&page, "password", &[("password", PASSWORD)]).await;
    assert!(page.html.contains("is not right"), "{}", page.html);

    let mut ann = Browser::at(server);
    let page = ann.go("/devicelogin").await;
    let page = ann.send(&page, "device_code", &[("otc", &typed)]).await;
    let page = ann.sign_in(&page, &two.ann, PASSWORD).await;
    let page = accept(&mut ann, &page).await;
    let page = ann
        .send(&page, "device_confirm", &[("decision", "accept")])
        .await;
    assert_eq!(page.title(), "The device is signed in", "{}", page.html);
    let answer = token(server, second, &poll).await;
    assert_eq!(
        answer.body["error"], "bad_verification_code",
        "{:?}",
        answer.body
    );
    let answer = token(server, first, &poll).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(claims(&answer.body["access_token"])["tid"], json!(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_flows_are_of_their_tenant() {
    let two = Two::begin().await;
    let (server, first, second) = (&two.server, two.server.tenant.as_str(), two.second.as_str());
    let client = native(server, "AzureADMultipleOrgs").await;
    let mut ann = Browser::at(server);
    let here = two.request(first, &client, &[]);
    code_for(&mut ann, &here, &two.ann).await;
    // The session opens nothing at the other tenant's door: not silently, not with a hint, not by being picked.
    let silent = ann
        .go(&two.request(second, &client, &[("prompt", "none")]))
        .await;
    assert_eq!(
        silent.parameter("error").as_deref(),
        Some("login_required"),
        "{silent:?}"
    );
    let hinted = ann
        .go(&two.request(second, &client, &[("login_hint", &two.ann)]))
        .await;
    assert_eq!(hinted.title(), "Enter your password");
    let wrong = ann
        .send(&hinted, "password", &[("password", PASSWORD)])
        .await;
    assert!(wrong.html.contains("is not right"), "{}", wrong.html);
    let picking = ann
        .go(&two.request(first, &client, &[("prompt", "select_account")]))
        .await;
    let picked = picking
        .html
        .split("name=\"session\" value=\"")
        .nth(1)
        .expect("a session");
    let session = picked.split('"').next().expect("an id").to_owned();
    let there = ann.go(&two.request(second, &client, &[])).await;
    assert_eq!(there.title(), "Sign in");
    let mut form = there.form("user_name");
    for (name, value) in &mut form.fields {
        if name == "step" {
            "account".clone_into(value);
        }
    }
    let page = ann.send_form(&form, &[("session", &session)]).await;
    assert_eq!(page.title(), "Sign in", "{}", page.html);

    // The path of a flow's page is no part of it: at the other tenant's address it stays what it was.
    let page = Browser::at(server).go(&here).await;
    let form = page.form("user_name");
    let mut moved = form.clone();
    moved.action = format!("/{second}/login");
    let mut bob = Browser::at(server);
    let page = bob.send_form(&moved, &[("username", &two.bob)]).await;
    assert!(
        page.html.contains("AADSTS50089"),
        "of another browser: {}",
        page.html
    );
    let page = bob.go(&here).await;
    let mut form = page.form("user_name");
    form.action = format!("/{second}/login");
    let page = bob.send_form(&form, &[("username", &two.bob)]).await;
    let mut form = page.form("password");
    form.action = format!("/{second}/login");
    let page = bob.send_form(&form, &[("password", PASSWORD)]).await;
    assert!(page.html.contains("is not right"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_of_its_tenant() {
    let two = Two::begin().await;
    let (server, first, second) = (&two.server, two.server.tenant.as_str(), two.second.as_str());
    let client = server
        .create_client(json!({ "signInAudience": "AzureADMultipleOrgs" }))
        .await;
    let asks = format!(
        "client_id={client}&redirect_uri={CALLBACK}&scope=https://graph.microsoft.com/User.Read"
    );
    // Who administrates one tenant consents for that one.
    let mut bob = Browser::at(server);
    let page = bob.go(&format!("/{second}/v2.0/adminconsent?{asks}")).await;
    let page = bob.sign_in(&page, &two.bob, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    let form = page.form("consent");
    let there = bob.go(&format!("/{first}/v2.0/adminconsent?{asks}")).await;
    assert_eq!(there.title(), "Sign in", "{}", there.html);
    // The decision about one flow is none about another: neither its form's token nor what was shown fits.
    let mut crossed = there.form("user_name");
    for (name, value) in &mut crossed.fields {
        if name == "step" {
            "consent".clone_into(value);
        }
    }
    let shown = form
        .fields
        .iter()
        .find(|(name, _)| name == "shown")
        .expect("a digest")
        .1
        .clone();
    let page = bob
        .send_form(&crossed, &[("decision", "accept"), ("shown", &shown)])
        .await;
    assert_eq!(page.title(), "Sign in", "{}", page.html);
    let done = bob.send_form(&form, &[("decision", "accept")]).await;
    assert_eq!(
        done.parameter("tenant").as_deref(),
        Some(second),
        "{done:?}"
    );
    // A person of the first tenant is still asked.
    let mut ann = Browser::at(server);
    let page = ann
        .go(&server.authorize(first, &client, &[("scope", "openid User.Read")]))
        .await;
    let page = ann.sign_in(&page, &two.ann, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested", "{page:?}");

    // Taken back, it is gone at once, for new tokens and for the sign-in that goes on.
    let secret = secret_of(server, &client).await;
    let address = server.authorize(second, &client, &[("scope", SCOPES)]);
    let bound = code_for(&mut bob, &address, &two.bob).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("code", bound.as_str()),
        ("redirect_uri", CALLBACK),
    ];
    let given = token(server, second, &form).await;
    let refresh = given.body["refresh_token"].as_str().expect("a token");
    let graph = server.token_in(second, GRAPH).await;
    let path = format!("/v1.0/servicePrincipals(appId='{client}')");
    let principal = server.get(&path, &graph).await.body["id"].clone();
    let path = format!(
        "/v1.0/servicePrincipals/{}",
        principal.as_str().expect("an id")
    );
    let gone = server.call(Method::DELETE, &path, Some(&graph), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:?}", gone.body);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("refresh_token", refresh),
    ];
    let answer = token(server, second, &form).await;
    assert_eq!(code(&answer), Some(700_016), "{:?}", answer.body);
}

/// Secrets, certificates and workloads prove an application at home and where it was installed.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_applications_are_of_their_tenant() {
    let two = Two::begin().await;
    let (server, first, second) = (&two.server, two.server.tenant.as_str(), two.second.as_str());
    let holder = Holder::new();
    let client = server
        .create_client(json!({ "signInAudience": "AzureADMultipleOrgs" }))
        .await;
    let secret = secret_of(server, &client).await;
    let graph = server.token(GRAPH).await;
    let path = format!("/v1.0/applications(appId='{client}')");
    let keys = Some(json!({ "keyCredentials": [holder.wire()] }));
    let kept = server.call(Method::PATCH, &path, Some(&graph), keys).await;
    assert_eq!(kept.status, StatusCode::NO_CONTENT, "{:?}", kept.body);
    let body = json!({
        "name": "main", "issuer": "https://issuer.example", "subject": "s",
        "audiences": ["api://AzureADTokenExchange"], "bartizanKeySet": {"keys": [holder.jwk("a")]},
    });
    let path = format!("{path}/federatedIdentityCredentials");
    let kept = server
        .call(Method::POST, &path, Some(&graph), Some(body))
        .await;
    assert_eq!(kept.status, StatusCode::CREATED, "{:?}", kept.body);
    let there = format!("https://login.microsoftonline.com/{second}/oauth2/v2.0/token");
    let here = there.replace(second, first);
    let said = json!({"iss": "https://issuer.example", "sub": "s", "aud": "api://AzureADTokenExchange", "exp": START + 300});
    let workload = holder.jwt(&json!({"alg": "RS256", "typ": "JWT", "kid": "a"}), &said);
    let (to_here, to_there) = (
        holder.assertion(&client, &here),
        holder.assertion(&client, &there),
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client.as_str()),
        ("scope", XDR),
    ];
    let proven = |proof: &'static str, value: String| {
        let kind = if proof == "client_assertion" {
            KIND
        } else {
            ""
        };
        let form: Vec<(String, String)> =
            with(&with(&form, "client_assertion_type", kind), proof, &value)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
        form
    };
    for (proof, value) in [
        ("client_secret", secret),
        ("client_assertion", to_there),
        ("client_assertion", workload),
    ] {
        let form = proven(proof, value);
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = token(server, second, &form).await;
        assert_eq!(
            code(&answer),
            Some(700_016),
            "not installed: {:?}",
            answer.body
        );
    }
    let asks = format!(
        "client_id={client}&redirect_uri={CALLBACK}&scope=https://graph.microsoft.com/User.Read"
    );
    let mut bob = Browser::at(server);
    let page = bob.go(&format!("/{second}/v2.0/adminconsent?{asks}")).await;
    let page = bob.sign_in(&page, &two.bob, PASSWORD).await;
    accept(&mut bob, &page).await;
    let form = proven("client_assertion", to_here);
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = token(server, second, &form).await;
    assert_eq!(
        code(&answer),
        Some(700_023),
        "made for another tenant: {:?}",
        answer.body
    );
}

/// Codes of an authenticator app and passkeys are an account's.
#[tokio::test(flavor = "multi_thread")]
async fn second_factors_are_their_accounts() {
    let two = Two::begin().await;
    let server = &two.server;
    let mut secrets = Vec::new();
    for who in [&two.ann, &two.bob] {
        let mut browser = Browser::at(server);
        let page = browser.go("/mysecurityinfo").await;
        let page = browser.sign_in(&page, who, PASSWORD).await;
        let page = browser.send(&page, "add_factor", &[]).await;
        let secret = shown_secret(&page);
        let code = code_now(server, &secret);
        let page = browser.send(&page, "set_up_totp", &[("code", &code)]).await;
        assert!(page.html.contains("is set up"), "{}", page.html);
        secrets.push(secret);
    }
    server.advance(60);
    let mut thief = Browser::at(server);
    let page = thief.go("/mysecurityinfo").await;
    let page = thief
        .send(&page, "user_name", &[("username", &two.ann)])
        .await;
    let page = thief
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    assert_eq!(page.title(), "Prove that it is you", "{}", page.html);
    let foreign = code_now(server, &secrets[1]);
    let page = thief.send(&page, "totp", &[("code", &foreign)]).await;
    assert!(
        page.html.contains("That code is not right"),
        "{}",
        page.html
    );
    // A passkey that the account does not have is none, whatever it signs.
    let mut form = page.form("totp");
    for (name, value) in &mut form.fields {
        if name == "step" {
            "passkey".clone_into(value);
        }
    }
    let answer = json!({"id": "AAAA", "clientData": "e30", "authenticatorData": "AAAA", "signature": "AAAA"});
    let page = thief
        .send_form(&form, &[("answer", &answer.to_string())])
        .await;
    assert_eq!(page.title(), "Prove that it is you", "{}", page.html);
    let own = code_now(server, &secrets[0]);
    let page = thief.send(&page, "totp", &[("code", &own)]).await;
    assert_eq!(page.title(), "Stay signed in?", "{}", page.html);
}

/// The keys that sign for everybody are the operator's; so is what was refused at a tenant that is none.
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_explanations_are_not_for_other_tenants() {
    let two = Two::begin().await;
    let server = &two.server;
    let there = server.token_in(&two.second, OWN).await;
    let good = server.token(XDR).await;
    let head = super::part(&Value::from(good.as_str()), 0);
    let kid = head["kid"].as_str().expect("a kid").to_owned();
    for (method, path) in [
        (Method::GET, "/bartizan/v1/keys".to_owned()),
        (Method::POST, "/bartizan/v1/keys/rotate".to_owned()),
        (Method::POST, "/bartizan/v1/keys/reseal".to_owned()),
        (Method::POST, format!("/bartizan/v1/keys/{kid}/retire")),
        (Method::POST, format!("/bartizan/v1/keys/{kid}/revoke")),
    ] {
        let answer = server.call(method, &path, Some(&there), None).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path}: {:?}",
            answer.body
        );
    }
    assert_eq!(
        server.get("/api/incidents", &good).await.status,
        StatusCode::OK
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", server.operator_id()),
        ("client_secret", "wrong"),
        ("scope", XDR),
    ];
    let refused = token(server, &server.tenant, &form).await;
    let trace = refused.body["trace_id"].as_str().expect("a trace");
    for path in [
        format!("/bartizan/v1/explain/{trace}"),
        format!("/explain/{trace}"),
    ] {
        assert_eq!(
            server.get(&path, &there).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        let home = server.token(OWN).await;
        assert_eq!(
            server.get(&path, &home).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
}
