//! Names of APIs: whose they are in whose tenant, and what they open.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{code, post, secret_of, token};
use crate::harness::{Answer, GRAPH, TestServer};

/// A name that belongs to no domain of a tenant's.
const NAME: &str = "https://contoso.example/api";

struct Tenants {
    server: TestServer,
    second: String,
}

impl Tenants {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let second = server.create_tenant("Second").await;
        Self { server, second }
    }

    async fn post(&self, tenant: &str, path: &str, body: Value) -> Answer {
        let graph = self.server.token_in(tenant, GRAPH).await;
        let answer = self
            .server
            .call(Method::POST, path, Some(&graph), Some(body));
        answer.await
    }

    /// Registers an API and makes it present at home; gives its client id.
    async fn api(&self, tenant: &str, names: &[&str]) -> String {
        let body = json!({
            "displayName": "API", "signInAudience": "AzureADMultipleOrgs", "identifierUris": names,
        });
        let app = self.post(tenant, "/v1.0/applications", body).await;
        let id = app.body["appId"].as_str().expect("appId").to_owned();
        let present = self.present(tenant, &id).await;
        assert_eq!(present.status, StatusCode::CREATED, "{:?}", present.body);
        id
    }

    async fn present(&self, tenant: &str, app: &str) -> Answer {
        let body = json!({ "appId": app });
        self.post(tenant, "/v1.0/servicePrincipals", body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_a_name_in_other_peoples_tenants() {
    let tenants = Tenants::begin().await;
    let (server, first, second) = (
        &tenants.server,
        tenants.server.tenant.as_str(),
        tenants.second.as_str(),
    );
    let graph = server.token_in(second, GRAPH).await;
    let organization = server.get("/v1.0/organization", &graph).await;
    let domain = organization.body["value"][0]["verifiedDomains"][0]["name"].clone();
    let own = format!("https://api.{}/x", domain.as_str().expect("a domain"));
    let foreign = tenants.api(second, &[NAME, &own]).await;
    let there = tenants.present(first, &foreign).await;
    assert_eq!(there.status, StatusCode::CREATED, "{:?}", there.body);
    assert_eq!(
        there.body["servicePrincipalNames"],
        json!([foreign, own]),
        "its id, and what is of its home's domains"
    );
    // The name stays free for an API of the tenant's own, and its owner may not take it away either.
    let mine = tenants.api(first, &[NAME]).await;
    assert_ne!(mine, foreign);
    // Where a name is taken already, another tenant's API comes without it.
    let late = tenants.api(second, &["https://late.example/api"]).await;
    tenants.api(first, &["https://late.example/api"]).await;
    let there = tenants.present(first, &late).await;
    assert_eq!(there.status, StatusCode::CREATED, "{:?}", there.body);
    assert_eq!(there.body["servicePrincipalNames"], json!([late]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_at_home_redeems_no_other_tenants_tokens() {
    let tenants = Tenants::begin().await;
    let (server, first, second) = (
        &tenants.server,
        tenants.server.tenant.as_str(),
        tenants.second.as_str(),
    );
    let mine = tenants.api(first, &[NAME]).await;
    let foreign = tenants.api(second, &[NAME]).await;
    tenants.present(first, &foreign).await;
    let path = format!("/v1.0/applications(appId='{foreign}')/addPassword");
    let made = tenants.post(second, &path, json!({})).await;
    let stolen = made.body["secretText"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let user = server.create_user(first, "ann").await;
    let assertion = server.user_token(first, &user, NAME, "access");
    let asks = [
        (foreign.as_str(), stolen, Some(500_131)),
        // Of its own API it is accepted; then consent to the next one is missing.
        (mine.as_str(), secret_of(server, &mine).await, Some(65_001)),
    ];
    for (client, secret, expected) in asks {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("requested_token_use", "on_behalf_of"),
            ("client_id", client),
            ("client_secret", secret.as_str()),
            ("assertion", assertion.as_str()),
            ("scope", "https://graph.microsoft.com/User.Read"),
        ];
        let answer = token(server, first, &form).await;
        assert_eq!(code(&answer), expected, "{:?}", answer.body);
    }
}

/// Each resource is looked up before anybody has proved anything: there are not many.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_few_resources() {
    let server = TestServer::start().await;
    let many: String = (0..300)
        .map(|number| format!("https://x{number}/a "))
        .collect();
    let client = server.operator_id().to_owned();
    let form = [("client_id", client.as_str()), ("scope", many.as_str())];
    let path = format!("/{}/oauth2/v2.0/devicecode", server.tenant);
    let answer = post(&server, &path, &form).await;
    assert_eq!(code(&answer), Some(70_011), "{:?}", answer.body);
}
