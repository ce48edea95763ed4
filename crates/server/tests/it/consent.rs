//! Consent: by a person, by an administrator, for another tenant's application; and the permissions that it gives.

use bartizan_contract::TenantId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::harness::{GRAPH, TestServer};
use crate::sign_in::{CALLBACK, PASSWORD, accept};

/// Microsoft Graph.
const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";
/// Microsoft Threat Protection.
const XDR_ID: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";
/// `Incident.Read.All` of Microsoft Threat Protection, for applications.
const INCIDENT_READ_ALL: &str = "a9790345-4595-42e4-971a-ccdc79f19b7c";

/// A registration that asks to read incidents without a user.
fn reads_incidents(audience: &str) -> Value {
    json!({
        "signInAudience": audience,
        "requiredResourceAccess": [{
            "resourceAppId": XDR_ID,
            "resourceAccess": [{ "id": INCIDENT_READ_ALL, "type": "Role" }],
        }],
    })
}

/// The documented consent link.
fn consent_link(client: &str) -> String {
    format!(
        "/common/oauth2/authorize?prompt=consent&client_id={client}&response_type=code&sso_reload=true"
    )
}

/// The roles of an application's token in a tenant; an error as it is.
async fn roles(server: &TestServer, tenant: &str, client: &str, secret: &str) -> Value {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.server.http_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", "https://api.security.microsoft.com/.default"),
    ];
    let answer = server
        .http
        .post(url)
        .form(&form)
        .send()
        .await
        .expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    match body["access_token"].as_str() {
        None => body["error_codes"][0].clone(),
        Some(token) => {
            use base64::Engine as _;
            let payload = token.split('.').nth(1).expect("a payload");
            let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD
                .decode(payload)
                .expect("base64");
            let claims: Value = serde_json::from_slice(&payload).expect("JSON");
            claims["roles"].clone()
        }
    }
}

/// A secret of an application of the first tenant.
async fn secret_of(server: &TestServer, client: &str) -> String {
    let token = server.token(crate::harness::GRAPH).await;
    let path = format!("/v1.0/applications(appId='{client}')/addPassword");
    let made = server
        .call(
            reqwest::Method::POST,
            &path,
            Some(&token),
            Some(json!({ "passwordCredential": {} })),
        )
        .await;
    made.body["secretText"]
        .as_str()
        .unwrap_or_else(|| panic!("{:?}", made.body))
        .to_owned()
}

#[tokio::test]
async fn a_person_consents_for_themselves_once() {
    let server = TestServer::start().await;
    let (ann, _) = server.create_person("ann").await;
    let (bob, _) = server.create_person("bob").await;
    let client = server.create_client(json!({})).await;
    let scope = ("scope", "openid profile offline_access User.Read");
    let address = server.authorize(&server.tenant, &client, &[scope]);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested");
    for text in [
        "User.Read of Microsoft Graph",
        "offline_access",
        "your organization",
        &client,
        &ann,
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    // An application of the own tenant needs no vouching, and a person is not asked about everybody.
    assert!(!page.html.contains("not verified") && !page.html.contains("name=\"everybody\""));
    let declined = browser
        .send(&page, "consent", &[("decision", "decline")])
        .await;
    assert_eq!(
        declined.parameter("error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(
        declined.parameter("error_subcode").as_deref(),
        Some("cancel")
    );
    let description = declined.parameter("error_description").unwrap();
    assert!(description.starts_with("AADSTS65004: "), "{description}");
    // Nothing was granted by that, and the page that was left open does nothing more.
    let late = accept(&mut browser, &page).await;
    assert!(late.html.contains("AADSTS50089"), "{}", late.html);

    let page = browser.go(&address).await;
    // A tick that was not offered counts for nothing.
    let greedy = [("decision", "accept"), ("everybody", "yes")];
    let refused = browser.send(&page, "consent", &greedy).await;
    assert!(refused.html.contains("AADSTS90094"), "{}", refused.html);
    let page = browser.go(&address).await;
    let done = accept(&mut browser, &page).await;
    assert!(done.parameter("code").is_some(), "{done:?}");
    let again = browser.go(&address).await;
    assert!(again.parameter("code").is_some(), "{again:?}");
    // Somebody else is asked for themselves, and whoever wants more is asked for that.
    let mut other = Browser::at(&server);
    let page = other.go(&address).await;
    let page = other.sign_in(&page, &bob, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested");
    let more = server.authorize(&server.tenant, &client, &[("prompt", "consent"), scope]);
    let page = browser.go(&more).await;
    assert_eq!(page.title(), "Permissions requested");
}

#[tokio::test]
async fn an_administrator_consents_for_everybody() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(json!({})).await;
    let scope = ("scope", "https://api.security.microsoft.com/Incident.Read");
    let address = server.authorize(&server.tenant, &client, &[scope]);

    // A person may not grant this, and learns whom to ask for what.
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Approval required", "{}", page.html);
    assert!(
        page.html.contains("/adminconsent?client_id="),
        "{}",
        page.html
    );
    let forced = accept(&mut browser, &page).await;
    assert_eq!(forced.parameter("code"), None, "{forced:?}");
    let page = browser.go(&address).await;
    let back = browser
        .send(&page, "consent", &[("decision", "decline")])
        .await;
    let description = back.parameter("error_description").unwrap();
    assert!(description.starts_with("AADSTS90094: "), "{description}");

    let mut office = Browser::at(&server);
    let page = office.go(&address).await;
    let page = office.sign_in(&page, &admin, &password).await;
    assert!(
        page.html.contains("Consent on behalf of your organization"),
        "{}",
        page.html
    );
    let everybody = [("decision", "accept"), ("everybody", "yes")];
    let done = office.send(&page, "consent", &everybody).await;
    assert!(done.parameter("code").is_some(), "{done:?}");
    // From now on nobody is asked.
    let page = browser.go(&address).await;
    assert!(page.parameter("code").is_some(), "{page:?}");
}

#[tokio::test]
async fn the_documented_consent_link_grants_app_roles_in_the_customers_tenant() {
    let server = TestServer::start().await;
    let client = server
        .create_client(reads_incidents("AzureADMultipleOrgs"))
        .await;
    let secret = secret_of(&server, &client).await;
    let customer = server.create_tenant("Customer").await;
    let customer_id = customer.parse::<TenantId>().unwrap();
    let upn = "boss@customer.onmicrosoft.com";
    let roles_of_boss = [bartizan_contract::access::GLOBAL_ADMINISTRATOR];
    server
        .create_person_in(customer_id, upn, &roles_of_boss)
        .await;
    server
        .create_person_in(customer_id, "eve@customer.onmicrosoft.com", &[])
        .await;
    assert_eq!(
        roles(&server, &customer, &client, &secret).await,
        json!(700_016)
    );

    // Who is no administrator is told so.
    let mut eve = Browser::at(&server);
    let page = eve.go(&consent_link(&client)).await;
    let page = eve
        .sign_in(&page, "eve@customer.onmicrosoft.com", PASSWORD)
        .await;
    assert_eq!(page.title(), "Approval required", "{}", page.html);
    assert!(page.html.contains("Incident.Read.All of"), "{}", page.html);

    let mut browser = Browser::at(&server);
    let page = browser.go(&consent_link(&client)).await;
    assert_eq!(page.title(), "Sign in", "{}", page.html);
    let page = browser.sign_in(&page, upn, PASSWORD).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    for text in [
        "The publisher is not verified",
        "bartizan.onmicrosoft.com",
        "Incident.Read.All of",
        "without a signed-in user",
        "app.example",
    ] {
        assert!(page.html.contains(text), "{text}: {}", page.html);
    }
    let done = accept(&mut browser, &page).await;
    assert!(done.parameter("code").is_some(), "{done:?} {}", done.html);
    assert!(
        done.left_for
            .as_ref()
            .unwrap()
            .as_str()
            .starts_with(CALLBACK)
    );
    let granted = roles(&server, &customer, &client, &secret).await;
    assert_eq!(granted, json!(["Incident.Read.All"]));
    // The other tenant's consent gives nothing at home.
    assert_eq!(
        roles(&server, &server.tenant, &client, &secret).await,
        json!(700_016)
    );
}

/// The application's owner is not the one who consents, and may change what is asked at any time.
#[tokio::test]
async fn nobody_consents_to_what_the_page_did_not_show() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let nothing = json!({ "requiredResourceAccess": [] });
    let client = server.create_client(nothing).await;
    let secret = secret_of(&server, &client).await;
    let query = format!("client_id={client}&redirect_uri={CALLBACK}");
    let admin_consent = format!("/{}/adminconsent?{query}", server.tenant);
    let consent = server.authorize(&server.tenant, &client, &[("prompt", "consent")]);
    let mut browser = Browser::at(&server);
    let first = at_admin_consent(&mut browser, &admin_consent, (&admin, &password)).await;
    let second = browser.go(&consent).await;
    for page in [&first, &second] {
        assert_eq!(page.title(), "Permissions requested", "{}", page.html);
        assert!(!page.html.contains("Incident.Read.All"), "{}", page.html);
    }

    let token = server.token(crate::harness::GRAPH).await;
    let path = format!("/v1.0/applications(appId='{client}')");
    let changed = server
        .call(
            reqwest::Method::PATCH,
            &path,
            Some(&token),
            Some(reads_incidents("AzureADMyOrg")),
        )
        .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.body);
    let again = accept(&mut browser, &first).await;
    assert_eq!(again.title(), "Permissions requested", "{again:?}");
    assert!(again.html.contains("has changed") && again.html.contains("Incident.Read.All"));
    let granted = roles(&server, &server.tenant, &client, &secret).await;
    assert!(!granted.to_string().contains("Incident.Read.All"));
    // What is shown now may be accepted.
    let done = accept(&mut browser, &again).await;
    assert!(done.parameter("admin_consent").is_some(), "{done:?}");
    let granted = roles(&server, &server.tenant, &client, &secret).await;
    assert_eq!(granted, json!(["Incident.Read.All"]));
    let again = accept(&mut browser, &second).await;
    assert_eq!(again.title(), "Permissions requested", "{again:?}");
}

/// Signs in at an admin consent address.
async fn at_admin_consent(browser: &mut Browser<'_>, address: &str, who: (&str, &str)) -> Page {
    let page = browser.go(address).await;
    browser.sign_in(&page, who.0, who.1).await
}

#[tokio::test]
async fn admin_consent_endpoints_of_both_versions() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let (ann, _) = server.create_person("ann").await;
    let client = server.create_client(reads_incidents("AzureADMyOrg")).await;
    let secret = secret_of(&server, &client).await;
    let query = format!("client_id={client}&state=12345&redirect_uri={CALLBACK}");
    let v1 = format!("/{}/adminconsent?{query}", server.tenant);

    let mut person = Browser::at(&server);
    let page = at_admin_consent(&mut person, &v1, (&ann, PASSWORD)).await;
    assert_eq!(page.title(), "Approval required", "{}", page.html);
    let back = person
        .send(&page, "consent", &[("decision", "decline")])
        .await;
    assert!(back.parameter("error").is_some(), "{back:?}");

    let mut browser = Browser::at(&server);
    let page = at_admin_consent(&mut browser, &v1, (&admin, &password)).await;
    assert_eq!(page.title(), "Permissions requested", "{}", page.html);
    let declined = browser
        .send(&page, "consent", &[("decision", "decline")])
        .await;
    assert_eq!(
        declined.parameter("error").as_deref(),
        Some("permission_denied")
    );
    let page = browser.go(&v1).await;
    let done = accept(&mut browser, &page).await;
    assert_eq!(
        done.parameter("admin_consent").as_deref(),
        Some("True"),
        "{done:?}"
    );
    assert_eq!(done.parameter("tenant"), Some(server.tenant.clone()));
    assert_eq!(done.parameter("state").as_deref(), Some("12345"));
    assert_eq!(done.parameter("code"), None);
    let granted = roles(&server, &server.tenant, &client, &secret).await;
    assert_eq!(granted, json!(["Incident.Read.All"]));

    let scope = format!("{GRAPH_ID}/User.Read");
    let v2 = format!("/{}/v2.0/adminconsent?{query}&scope={scope}", server.tenant);
    let page = browser.go(&v2).await;
    assert_eq!(
        (page.status, page.title()),
        (StatusCode::OK, "Permissions requested")
    );
    let done = accept(&mut browser, &page).await;
    assert_eq!(
        done.parameter("admin_consent").as_deref(),
        Some("True"),
        "{done:?}"
    );
    assert!(
        done.parameter("scope").unwrap().ends_with("/User.Read"),
        "{done:?}"
    );
    // Ann is not asked for what was granted for everybody.
    let asks = ("scope", "openid profile User.Read");
    let page = person
        .go(&server.authorize(&server.tenant, &client, &[asks]))
        .await;
    assert!(page.parameter("code").is_some(), "{page:?}");
}

/// What the owner of an API lets a client do without consent is that, and not to learn who the person is, or to come back.
#[tokio::test(flavor = "multi_thread")]
async fn preauthorization_is_no_consent_to_openid() {
    let server = TestServer::start().await;
    let graph = server.token(GRAPH).await;
    let client = server
        .create_client(json!({ "isFallbackPublicClient": true }))
        .await;
    let scope = "5f1b6a2e-5a3c-4f0e-9c56-0d3c7b0f9a11";
    let api = json!({
        "oauth2PermissionScopes": [{
            "id": scope, "value": "Things.Read", "type": "User", "isEnabled": true,
            "adminConsentDisplayName": "Read things", "adminConsentDescription": "Read things",
        }],
        "preAuthorizedApplications": [{ "appId": client, "delegatedPermissionIds": [scope] }],
    });
    let resource = server.create_client(json!({ "api": api })).await;
    for app in [&client, &resource] {
        let body = Some(json!({ "appId": app }));
        let path = "/v1.0/servicePrincipals";
        let made = server.call(Method::POST, path, Some(&graph), body).await;
        assert!(made.status.is_success(), "{:?}", made.body);
    }
    let (name, _) = server.create_person("ann").await;
    let things = format!("{resource}/Things.Read");
    let everything = format!("{things} openid profile email offline_access");
    let tenant = &server.tenant;
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.server.http_url());
    for (scope, given) in [(&*everything, true), ("openid profile", false)] {
        let form = [
            ("grant_type", "password"),
            ("client_id", &client),
            ("username", &name),
            ("password", PASSWORD),
            ("scope", scope),
        ];
        let answer = server.http.post(&url).form(&form).send().await;
        let body = crate::harness::read(answer.expect("an answer")).await.body;
        assert_eq!(body["access_token"].is_string(), given, "{body}");
        assert_eq!(body["scope"].as_str(), given.then_some(&*things), "{body}");
        for name in ["id_token", "refresh_token"] {
            assert!(body.get(name).is_none(), "{name}: {body}");
        }
        if !given {
            assert_eq!(body["error_codes"], json!([65001]), "{body}");
        }
    }
}
