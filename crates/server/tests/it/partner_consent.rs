//! Consent by name: the links that bring what a registration does not ask for, and what an application of another tenant
//! learns of people without it.

use bartizan_contract::TenantId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::harness::{GRAPH, TestServer, read};
use crate::sign_in::{CALLBACK, PASSWORD, accept};

/// Microsoft Graph.
const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";
/// Microsoft Threat Protection.
const XDR_ID: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";
/// `Incident.Read.All` of Microsoft Threat Protection, for applications.
const INCIDENT_READ_ALL: &str = "a9790345-4595-42e4-971a-ccdc79f19b7c";
/// `User.Read` of Microsoft Graph.
const USER_READ: &str = "e1fe6dd8-ba31-4d61-89e7-88639da4683d";
const INCIDENT_READ: &str = "https://api.security.microsoft.com/Incident.Read";

/// The path of the link that a page shows for an administrator.
fn shown_link(server: &TestServer, page: &Page) -> String {
    let link = page.html.split("<code class=\"key\">").nth(1);
    let link = link.and_then(|rest| rest.split("</code>").next());
    let link = link.unwrap_or_else(|| panic!("no link: {}", page.html));
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    let path = link.strip_prefix(&server.server.http_url());
    path.unwrap_or_else(|| panic!("{link}")).to_owned()
}

#[tokio::test]
async fn the_link_for_an_administrator_brings_what_was_missing() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let (ann, _) = server.create_person("ann").await;
    // The registration asks for nothing; the application asks for more by name.
    let client = server.create_client(json!({})).await;
    let scope = format!("openid profile {INCIDENT_READ}");
    let address = server.authorize(&server.tenant, &client, &[("scope", &scope)]);
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    assert_eq!(page.title(), "Approval required", "{}", page.html);
    let link = shown_link(&server, &page);
    assert!(link.contains("/v2.0/adminconsent?"), "{link}");

    let mut office = Browser::at(&server);
    let page = office.go(&link).await;
    let page = office.sign_in(&page, &admin, &password).await;
    assert!(page.html.contains("Incident.Read of"), "{}", page.html);
    let done = accept(&mut office, &page).await;
    assert_eq!(done.parameter("admin_consent").as_deref(), Some("True"));
    let page = browser.go(&address).await;
    assert!(page.parameter("code").is_some(), "{page:?}");
}

/// What an application's token request for a person gives.
async fn by_password(
    server: &TestServer,
    tenant: &str,
    client: &str,
    name: &str,
    scope: &str,
) -> Value {
    let url = format!("{}/{tenant}/oauth2/v2.0/token", server.server.http_url());
    let form = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", name),
        ("password", PASSWORD),
        ("scope", scope),
    ];
    let answer = server.http.post(url).form(&form).send().await;
    let answer = read(answer.expect("an answer")).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body
}

#[tokio::test]
async fn a_partners_application_learns_of_people_what_was_consented_to() {
    let server = TestServer::start().await;
    let client = server
        .create_client(json!({
            "signInAudience": "AzureADMultipleOrgs",
            "isFallbackPublicClient": true,
        }))
        .await;
    let customer = server.create_tenant("Customer").await;
    let id = customer.parse::<TenantId>().unwrap();
    let (boss, eve) = (
        "boss@customer.onmicrosoft.com",
        "eve@customer.onmicrosoft.com",
    );
    let roles = [bartizan_contract::access::GLOBAL_ADMINISTRATOR];
    server.create_person_in(id, boss, &roles).await;
    server.create_person_in(id, eve, &[]).await;
    let query = format!("client_id={client}&redirect_uri={CALLBACK}");
    let link = format!("/{customer}/v2.0/adminconsent?{query}&scope={GRAPH_ID}/User.Read");
    let mut office = Browser::at(&server);
    let page = office.go(&link).await;
    let page = office.sign_in(&page, boss, PASSWORD).await;
    accept(&mut office, &page).await;

    // The administrator was not asked for the address; asking for it does not give it.
    let scope = "openid profile email offline_access User.Read";
    let body = by_password(&server, &customer, &client, eve, scope).await;
    assert_eq!(body["scope"], "User.Read openid profile");
    assert!(body["refresh_token"].is_string(), "{body}");
    let mut browser = Browser::at(&server);
    let plain = "openid profile offline_access User.Read";
    let page = browser
        .go(&server.authorize(&customer, &client, &[("scope", plain)]))
        .await;
    let page = browser.sign_in(&page, eve, PASSWORD).await;
    assert!(page.parameter("code").is_some(), "{page:?}");
    let address = server.authorize(&customer, &client, &[("scope", scope)]);
    let page = browser.go(&address).await;
    assert_eq!(page.title(), "Permissions requested", "{page:?}");
    assert!(page.html.contains("Read your e-mail address"));
    let done = accept(&mut browser, &page).await;
    assert!(done.parameter("code").is_some(), "{done:?}");
    let body = by_password(&server, &customer, &client, eve, scope).await;
    assert_eq!(body["scope"], "User.Read email openid profile");
    // That was her word for herself.
    let body = by_password(&server, &customer, &client, boss, scope).await;
    assert_eq!(body["scope"], "User.Read openid profile");
}

#[tokio::test]
async fn an_administrator_may_consent_to_one_api_alone() {
    let server = TestServer::start().await;
    let (admin, password) = server.administrator();
    let graph = server.token(GRAPH).await;
    let scope = "5f1b6a2e-5a3c-4f0e-9c56-0d3c7b0f9a11";
    let things = server
        .create_client(json!({
            "identifierUris": ["api://things"],
            "api": { "oauth2PermissionScopes": [{
                "id": scope, "value": "Things.Read", "type": "User", "isEnabled": true,
                "adminConsentDisplayName": "Read things", "adminConsentDescription": "Read things",
            }]},
        }))
        .await;
    let body = Some(json!({ "appId": things }));
    server
        .call(Method::POST, "/v1.0/servicePrincipals", Some(&graph), body)
        .await;
    let listed = |resource: &str, id: &str, kind: &str| {
        let access = json!([{ "id": id, "type": kind }]);
        json!({ "resourceAppId": resource, "resourceAccess": access })
    };
    let client = server
        .create_client(json!({ "requiredResourceAccess": [
            listed(XDR_ID, INCIDENT_READ_ALL, "Role"),
            listed(GRAPH_ID, USER_READ, "Scope"),
            listed(&things, scope, "Scope"),
        ]}))
        .await;
    let mut browser = Browser::at(&server);
    let query = format!("client_id={client}&redirect_uri={CALLBACK}");
    let at = |scope: &str| format!("/{}/v2.0/adminconsent?{query}&scope={scope}", server.tenant);
    let page = browser
        .go(&at("https://api.security.microsoft.com/.default"))
        .await;
    let page = browser.sign_in(&page, &admin, &password).await;
    assert!(page.html.contains("Incident.Read.All of"), "{}", page.html);
    for other in ["User.Read of", "Things.Read of"] {
        assert!(!page.html.contains(other), "{other}: {}", page.html);
    }
    let done = accept(&mut browser, &page).await;
    assert_eq!(
        done.parameter("scope").as_deref(),
        Some("https://api.security.microsoft.com/Incident.Read.All")
    );
    // An API of one's own is called in the answer as it was in the request.
    for scope in ["api://things/Things.Read", "api://things/.default"] {
        let page = browser.go(&at(scope)).await;
        assert!(page.html.contains("Things.Read of"), "{}", page.html);
        let done = accept(&mut browser, &page).await;
        assert_eq!(
            done.parameter("scope").as_deref(),
            Some("api://things/Things.Read")
        );
    }
    // What the registration does not ask for is not granted by asking for all of it.
    let page = browser
        .go(&at("https://api.securitycenter.microsoft.com/.default"))
        .await;
    assert!(page.parameter("error").is_some(), "{page:?}");
}
