//! App roles of people: assigned to them or to their groups, demanded by applications, and carried by tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, TestServer};
use crate::sign_in::PASSWORD;

/// Microsoft Graph.
const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";
/// Access without a role.
const DEFAULT: &str = "00000000-0000-0000-0000-000000000000";
/// A role for people.
const APPROVER: &str = "11111111-0000-0000-0000-000000000001";
/// A role for applications.
const DAEMON: &str = "11111111-0000-0000-0000-000000000002";

/// A person, and an application that is client and API of its own, consented to and present.
struct Story {
    server: TestServer,
    admin: String,
    name: String,
    user: String,
    app: String,
    sp: String,
}

impl Story {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let admin = server.token(GRAPH).await;
        let (name, user) = server.create_person("ada").await;
        let scope = json!({
            "id": "11111111-2222-3333-4444-555555555555", "value": "Read", "type": "User", "isEnabled": true,
            "adminConsentDisplayName": "Read", "adminConsentDescription": "Read",
        });
        let app = server
            .create_client(json!({
                "isFallbackPublicClient": true,
                "api": { "requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [scope] },
            }))
            .await;
        let mut story = Self {
            server,
            admin,
            name,
            user: user.to_string(),
            app,
            sp: String::new(),
        };
        story
            .post("/v1.0/servicePrincipals", json!({ "appId": story.app }))
            .await;
        story.sp = story.principal(&story.app).await;
        for (resource, scopes) in [
            (story.sp.clone(), "Read"),
            (story.principal(GRAPH_ID).await, "openid profile"),
        ] {
            let grant = json!({
                "clientId": story.sp, "consentType": "AllPrincipals", "resourceId": resource, "scope": scopes,
            });
            story.post("/v1.0/oauth2PermissionGrants", grant).await;
        }
        story
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.server
            .call(method, path, Some(&self.admin), body)
            .await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
        answer.body
    }

    async fn principal(&self, app: &str) -> String {
        let path = format!("/v1.0/servicePrincipals(appId='{app}')");
        let found = self.server.get(&path, &self.admin).await;
        found.body["id"].as_str().expect("an id").to_owned()
    }

    async fn require_assignment(&self) {
        let path = format!("/v1.0/servicePrincipals/{}", self.sp);
        let body = json!({ "appRoleAssignmentRequired": true });
        let done = self.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    }

    /// Offers a role for people and one for applications.
    async fn offer_roles(&self) {
        let role = |id: &str, value: &str, kind: &str| {
            json!({
                "id": id, "value": value, "displayName": value, "description": value, "isEnabled": true,
                "allowedMemberTypes": [kind],
            })
        };
        let roles = json!({ "appRoles": [role(APPROVER, "Approver", "User"), role(DAEMON, "Daemon", "Application")] });
        let path = format!("/v1.0/applications(appId='{}')", self.app);
        let done = self.call(Method::PATCH, &path, Some(roles)).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    }

    async fn group(&self) -> String {
        let body = json!({
            "displayName": "Approvers", "mailNickname": "approvers", "mailEnabled": false, "securityEnabled": true,
        });
        let made = self.post("/v1.0/groups", body).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn assign(&self, set: &str, principal: &str, role: &str) -> Answer {
        let path = match set {
            "resource" => format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", self.sp),
            set => format!("/v1.0/{set}/{principal}/appRoleAssignments"),
        };
        let body = json!({ "principalId": principal, "resourceId": self.sp, "appRoleId": role });
        self.call(Method::POST, &path, Some(body)).await
    }

    /// The claims of the person's access and ID token; the error's code where there are none.
    async fn tokens(&self) -> Result<(Value, Value), Value> {
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            self.server.server.http_url(),
            self.server.tenant
        );
        let scope = format!("{}/Read openid profile", self.app);
        let form = [
            ("grant_type", "password"),
            ("client_id", self.app.as_str()),
            ("username", self.name.as_str()),
            ("password", PASSWORD),
            ("scope", scope.as_str()),
        ];
        let request = self.server.http.post(url).form(&form);
        let answer = request.send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        if answer["error_codes"].is_array() {
            return Err(answer["error_codes"][0].clone());
        }
        Ok((claims(&answer["access_token"]), claims(&answer["id_token"])))
    }
}

fn claims(token: &Value) -> Value {
    let token = token
        .as_str()
        .unwrap_or_else(|| panic!("no token: {token}"));
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_assigned_gets_in_and_who_is_not_is_told() {
    let story = Story::begin().await;
    assert!(story.tokens().await.is_ok(), "as long as it demands none");
    story.require_assignment().await;
    assert_eq!(story.tokens().await, Err(json!(50_105)));

    let given = story.assign("users", &story.user, DEFAULT).await;
    assert_eq!(given.status, StatusCode::CREATED, "{:?}", given.body);
    assert_eq!(given.body["principalType"], "User");
    assert_eq!(given.body["principalDisplayName"], "A Person");
    let (access, id) = story.tokens().await.expect("tokens");
    assert_eq!(
        (&access["roles"], &id["roles"]),
        (&Value::Null, &Value::Null)
    );
    let again = story.assign("users", &story.user, DEFAULT).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "{:?}", again.body);

    // The person sees it, and takes nothing by itself: that is an administrator's.
    let reader = story.server.user_token(
        &story.server.tenant,
        &story.user,
        GRAPH,
        "Directory.Read.All",
    );
    let mine = story
        .server
        .get("/v1.0/me/appRoleAssignments", &reader)
        .await;
    assert_eq!(
        mine.body["value"][0]["id"], given.body["id"],
        "{:?}",
        mine.body
    );
    let writer = story.server.user_token(
        &story.server.tenant,
        &story.user,
        GRAPH,
        "AppRoleAssignment.ReadWrite.All",
    );
    for path in [
        "/v1.0/me/appRoleAssignments".to_owned(),
        format!("/v1.0/users/{}/appRoleAssignments", story.user),
    ] {
        let body =
            json!({ "principalId": story.user, "resourceId": story.sp, "appRoleId": DEFAULT });
        let refused = story
            .server
            .call(Method::POST, &path, Some(&writer), Some(body))
            .await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }

    let id = given.body["id"].as_str().expect("an id");
    let path = format!("/v1.0/users/{}/appRoleAssignments/{id}", story.user);
    let taken = story.call(Method::DELETE, &path, None).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT, "{:?}", taken.body);
    assert_eq!(story.tokens().await, Err(json!(50_105)));

    let audits = "/v1.0/auditLogs/directoryAudits?$top=50";
    let audits = story.call(Method::GET, audits, None).await.body.to_string();
    for name in [
        "Add app role assignment grant to user",
        "Remove app role assignment from user",
    ] {
        assert!(audits.contains(name), "{name}: {audits}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_people_and_their_groups_are_in_both_tokens() {
    let story = Story::begin().await;
    story.offer_roles().await;
    story.require_assignment().await;
    // Where there are roles for people, one of them is assigned; and roles for applications are not theirs.
    for role in [DEFAULT, DAEMON] {
        let refused = story.assign("users", &story.user, role).await;
        assert_eq!(
            refused.status,
            StatusCode::BAD_REQUEST,
            "{:?}",
            refused.body
        );
    }
    let group = story.group().await;
    let given = story.assign("resource", &group, APPROVER).await;
    assert_eq!(given.status, StatusCode::CREATED, "{:?}", given.body);
    assert_eq!(given.body["principalType"], "Group");
    assert_eq!(story.tokens().await, Err(json!(50_105)), "not a member yet");

    let member = format!(
        "https://graph.microsoft.com/v1.0/directoryObjects/{}",
        story.user
    );
    let path = format!("/v1.0/groups/{group}/members/$ref");
    story.post(&path, json!({ "@odata.id": member })).await;
    let (access, id) = story.tokens().await.expect("tokens");
    assert_eq!(access["roles"], json!(["Approver"]), "{access}");
    assert_eq!(id["roles"], json!(["Approver"]), "{id}");
    // What the group holds is not listed as the person's own.
    let path = format!("/v1.0/users/{}/appRoleAssignments", story.user);
    let own = story.call(Method::GET, &path, None).await;
    assert_eq!(own.body["value"], json!([]));
    let path = format!("/v1.0/groups/{group}/appRoleAssignments?$filter=principalType eq 'Group'");
    let of_group = story.call(Method::GET, &path, None).await;
    assert_eq!(of_group.body["value"][0]["resourceId"], json!(story.sp));

    // Groups within groups do not count.
    let outer = story.group().await;
    let link = format!("https://graph.microsoft.com/v1.0/directoryObjects/{group}");
    let path = format!("/v1.0/groups/{outer}/members/$ref");
    story.post(&path, json!({ "@odata.id": link })).await;
    let id = given.body["id"].as_str().expect("an id");
    let path = format!(
        "/v1.0/servicePrincipals/{}/appRoleAssignedTo/{id}",
        story.sp
    );
    let taken = story.call(Method::DELETE, &path, None).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT, "{:?}", taken.body);
    let given = story.assign("groups", &outer, APPROVER).await;
    assert_eq!(given.status, StatusCode::CREATED, "{:?}", given.body);
    assert_eq!(story.tokens().await, Err(json!(50_105)));
    // With the group goes what it held.
    let path = format!("/v1.0/groups/{outer}");
    story.call(Method::DELETE, &path, None).await;
    let path = format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", story.sp);
    let left = story.call(Method::GET, &path, None).await;
    assert_eq!(left.body["value"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_of_another_tenant_are_not_there() {
    let story = Story::begin().await;
    let second = story.server.create_tenant("Second").await;
    let stranger = story.server.create_user(&second, "stranger").await;
    for set in ["users", "groups", "resource"] {
        let refused = story.assign(set, &stranger, DEFAULT).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{set}");
    }
    let theirs = story.server.token_in(&second, GRAPH).await;
    let given = story.assign("users", &story.user, DEFAULT).await;
    let id = given.body["id"].as_str().expect("an id");
    let list = format!("/v1.0/users/{}/appRoleAssignments", story.user);
    for (method, path) in [
        (Method::GET, list.clone()),
        (Method::DELETE, format!("{list}/{id}")),
        (
            Method::GET,
            format!("/v1.0/servicePrincipals/{}/memberOf", story.sp),
        ),
        (
            Method::GET,
            format!("/v1.0/directoryObjects/{}", story.user),
        ),
        (
            Method::GET,
            format!("/v1.0/organization/{}", story.server.tenant),
        ),
        (
            Method::POST,
            format!(
                "/v1.0/applications(appId='{}')/unsetVerifiedPublisher",
                story.app
            ),
        ),
    ] {
        let answer = story.server.call(method, &path, Some(&theirs), None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let ids = json!({ "ids": [story.user, story.sp, stranger] });
    let found = story
        .server
        .call(
            Method::POST,
            "/v1.0/directoryObjects/getByIds",
            Some(&theirs),
            Some(ids),
        )
        .await;
    let found = found.body["value"].as_array().expect("a list").clone();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["id"], json!(stranger));
    let path = "/v1.0/groups";
    let body = json!({
        "displayName": "x", "mailNickname": "x", "mailEnabled": false, "securityEnabled": true,
        "members@odata.bind": [format!("https://graph.microsoft.com/v1.0/users/{stranger}")],
    });
    let refused = story.call(Method::POST, path, Some(body)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{:?}", refused.body);
    let left = story.call(Method::GET, path, None).await;
    assert_eq!(left.body["value"], json!([]), "nothing is made by halves");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_are_told_from_members() {
    let story = Story::begin().await;
    let path = format!("/v1.0/applications(appId='{}')", story.app);
    let acct = json!([{ "name": "acct" }]);
    let wanted = json!({ "optionalClaims": { "idToken": acct, "accessToken": acct } });
    story.call(Method::PATCH, &path, Some(wanted)).await;
    let (access, id) = story.tokens().await.expect("tokens");
    assert_eq!((&access["acct"], &id["acct"]), (&json!(0), &json!(0)));
    let path = format!("/v1.0/users/{}", story.user);
    let odd = story
        .call(Method::PATCH, &path, Some(json!({ "userType": "Alien" })))
        .await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    let done = story
        .call(Method::PATCH, &path, Some(json!({ "userType": "Guest" })))
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    let (access, id) = story.tokens().await.expect("tokens");
    assert_eq!((&access["acct"], &id["acct"]), (&json!(1), &json!(1)));
    for (filter, count) in [
        ("userType eq 'Guest'", 1),
        ("userType eq 'Member'", 1),
        ("userType eq 'Guest' and department eq 'SOC'", 0),
        ("jobTitle eq null and userType eq 'guest'", 1),
    ] {
        let path = format!("/v1.0/users?$filter={filter}");
        let found = story.call(Method::GET, &path, None).await;
        let found = found.body["value"].as_array().map(Vec::len);
        assert_eq!(found, Some(count), "{filter}");
    }
}
