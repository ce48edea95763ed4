//! What registrations want in tokens of people: groups, directory roles, addresses; from the directory to the token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{GRAPH, TestServer};
use crate::sign_in::PASSWORD;

/// The template of Security Reader.
const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";
/// Microsoft Graph.
const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";

/// A server with a client, an API of its own, and a person in two groups.
struct Story {
    server: TestServer,
    admin: String,
    client: String,
    api: String,
    name: String,
    groups: [String; 2],
}

fn claims(token: &Value) -> Value {
    let token = token
        .as_str()
        .unwrap_or_else(|| panic!("no token: {token}"));
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn sorted(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    let mut texts: Vec<String> = items
        .map(|item| item.as_str().expect("a text").to_owned())
        .collect();
    texts.sort();
    texts
}

impl Story {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let admin = server.token(GRAPH).await;
        let (name, id) = server.create_person("ada").await;
        server
            .assign_role(&server.tenant, &id.to_string(), "Security Reader")
            .await;
        let client = server
            .create_client(json!({ "isFallbackPublicClient": true }))
            .await;
        let scope = json!({
            "id": "11111111-2222-3333-4444-555555555555", "value": "Read", "type": "User", "isEnabled": true,
            "adminConsentDisplayName": "Read", "adminConsentDescription": "Read",
        });
        let api = server
            .create_client(json!({ "api": {
                "requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [scope],
            }}))
            .await;
        let mut story = Self {
            server,
            admin,
            client,
            api,
            name,
            groups: [String::new(), String::new()],
        };
        let client = story.present(&story.client).await;
        for (resource, scopes) in [
            (story.present(&story.api).await, "Read"),
            (story.sp(GRAPH_ID).await, "openid profile"),
        ] {
            let grant = json!({
                "clientId": client, "consentType": "AllPrincipals", "resourceId": resource, "scope": scopes,
            });
            story.post("/v1.0/oauth2PermissionGrants", grant).await;
        }
        for n in 0..2 {
            let body = json!({
                "displayName": format!("Group {n}"), "mailNickname": format!("group{n}"),
                "mailEnabled": false, "securityEnabled": true,
            });
            let group = story.post("/v1.0/groups", body).await["id"].clone();
            story.groups[n] = group.as_str().expect("an id").to_owned();
        }
        // In the first by the second: groups lie in each other.
        let [outer, inner] = story.groups.clone();
        for (group, member) in [(&inner, id.to_string()), (&outer, inner.clone())] {
            let link = format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}");
            let path = format!("/v1.0/groups/{group}/members/$ref");
            story.post(&path, json!({ "@odata.id": link })).await;
        }
        story
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self
            .server
            .call(Method::POST, path, Some(&self.admin), Some(body))
            .await;
        assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
        answer.body
    }

    /// Makes the service principal of an application.
    async fn present(&self, app: &str) -> String {
        self.post("/v1.0/servicePrincipals", json!({ "appId": app }))
            .await;
        self.sp(app).await
    }

    async fn sp(&self, app: &str) -> String {
        let path = format!("/v1.0/servicePrincipals(appId='{app}')");
        let found = self.server.get(&path, &self.admin).await;
        found.body["id"].as_str().expect("an id").to_owned()
    }

    /// Changes a registration.
    async fn set(&self, app: &str, body: Value) {
        let path = format!("/v1.0/applications(appId='{app}')");
        let done = self
            .server
            .call(Method::PATCH, &path, Some(&self.admin), Some(body))
            .await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    }

    /// The claims of the person's access token for the API and of the ID token, asked for from an address.
    async fn tokens(&self, address: &str) -> (Value, Value) {
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            self.server.server.http_url(),
            self.server.tenant
        );
        let scope = format!("{}/Read openid profile", self.api);
        let form = [
            ("grant_type", "password"),
            ("client_id", self.client.as_str()),
            ("username", self.name.as_str()),
            ("password", PASSWORD),
            ("scope", scope.as_str()),
        ];
        let request = self.server.http.post(url).form(&form);
        // From this machine, as a reverse proxy says it.
        let request = request.header("x-forwarded-for", address);
        let answer = request.send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        (claims(&answer["access_token"]), claims(&answer["id_token"]))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_roles_and_address_are_in_the_tokens_of_who_asks_for_them() {
    let story = Story::begin().await;
    let (access, id) = story.tokens("198.51.100.7").await;
    for (claims, which) in [(&access, "access"), (&id, "ID")] {
        for name in ["groups", "wids", "ipaddr"] {
            assert_eq!(claims[name], Value::Null, "{name} in the {which} token");
        }
    }

    // The API's registration decides about the access token, the client's about the ID token.
    let address = json!([{ "name": "ipaddr" }]);
    let body =
        json!({ "groupMembershipClaims": "All", "optionalClaims": { "accessToken": address } });
    story.set(&story.api, body).await;
    let (access, id) = story.tokens("198.51.100.7").await;
    let mut groups = story.groups.to_vec();
    groups.sort();
    assert_eq!(sorted(&access["groups"]), groups, "{access}");
    assert_eq!(access["wids"], json!([SECURITY_READER]), "{access}");
    assert_eq!(access["ipaddr"], "198.51.100.7", "{access}");
    assert_eq!((&id["groups"], &id["ipaddr"]), (&Value::Null, &Value::Null));

    let body = json!({ "groupMembershipClaims": "SecurityGroup", "optionalClaims": { "idToken": address } });
    story.set(&story.client, body).await;
    let (access, id) = story.tokens("203.0.113.9").await;
    assert_eq!(sorted(&id["groups"]), groups, "{id}");
    assert_eq!(
        id["wids"],
        Value::Null,
        "groups were asked for, not roles: {id}"
    );
    assert_eq!(id["ipaddr"], "203.0.113.9", "{id}");
    assert_eq!(access["ipaddr"], "203.0.113.9", "{access}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_in_the_directory_changes_the_next_token() {
    let story = Story::begin().await;
    let body = json!({ "groupMembershipClaims": "SecurityGroup, DirectoryRole" });
    story.set(&story.api, body).await;
    let (access, _) = story.tokens("198.51.100.7").await;
    assert_eq!(sorted(&access["groups"]).len(), 2, "{access}");
    let [outer, inner] = &story.groups;
    let path = format!("/v1.0/groups/{outer}/members/{inner}/$ref");
    let server = &story.server;
    let gone = server
        .call(Method::DELETE, &path, Some(&story.admin), None)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:?}", gone.body);
    let path = "/v1.0/roleManagement/directory/roleAssignments";
    let held = server.get(path, &story.admin).await.body;
    let of_it = held["value"].as_array().expect("a list").iter();
    for assignment in of_it.filter(|a| a["roleDefinitionId"] == SECURITY_READER) {
        let one = format!("{path}/{}", assignment["id"].as_str().expect("an id"));
        server
            .call(Method::DELETE, &one, Some(&story.admin), None)
            .await;
    }
    let (access, _) = story.tokens("198.51.100.7").await;
    assert_eq!(
        sorted(&access["groups"]),
        std::slice::from_ref(inner),
        "{access}"
    );
    assert_eq!(access["wids"], Value::Null, "{access}");
}
