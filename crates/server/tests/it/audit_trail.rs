//! What the audit trail tells of people and of changes: under the names that rules look for, of whom, from what to what.

use bartizan_contract::access::GLOBAL_ADMINISTRATOR;
use bartizan_contract::{ObjectId, TenantId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::activity::hunt;
use crate::browser::Browser;
use crate::harness::{Answer, GRAPH, OWN, TestServer};
use crate::sign_in::{PASSWORD, accept};

const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";

/// The trail of the first tenant, the latest first.
pub(crate) async fn audits(server: &TestServer) -> Vec<Value> {
    let token = server.token(GRAPH).await;
    let path = "/v1.0/auditLogs/directoryAudits?$top=200";
    let listed = server.get(path, &token).await;
    assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
    listed.body["value"].as_array().expect("a list").clone()
}

/// The events of one name.
async fn named(server: &TestServer, name: &str) -> Vec<Value> {
    let mut events = audits(server).await;
    events.retain(|event| event["activityDisplayName"] == name);
    events
}

async fn graph(server: &TestServer, method: Method, path: &str, body: Value) -> Answer {
    let token = server.token(GRAPH).await;
    let body = (!body.is_null()).then_some(body);
    server
        .call(method, &format!("/v1.0{path}"), Some(&token), body)
        .await
}

/// A change that is done.
async fn change(server: &TestServer, path: &str, body: Value) {
    let answer = graph(server, Method::PATCH, path, body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_no_changes_of_users() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let mut browser = Browser::at(&server);
    let page = browser.go("/mysecurityinfo").await;
    let page = browser
        .send(&page, "user_name", &[("username", &ann)])
        .await;
    let page = browser.send(&page, "password", &[("password", "x")]).await;
    let page = browser
        .send(&page, "password", &[("password", PASSWORD)])
        .await;
    browser.send(&page, "stay", &[("stay", "no")]).await;
    browser.go("/common/oauth2/v2.0/logout").await;

    assert_eq!(named(&server, "Update user").await, Vec::<Value>::new());
    let failed = named(&server, "UserLoginFailed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["result"], "failure");
    assert_eq!(failed[0]["resultReason"], "AADSTS50126");
    assert_eq!(
        failed[0]["initiatedBy"],
        json!({ "user": null, "app": null }),
        "who typed it is not known"
    );
    assert_eq!(failed[0]["targetResources"][0]["id"], json!(id));
    for name in ["UserLoggedIn", "UserSignedOut"] {
        let done = named(&server, name).await;
        assert_eq!(done.len(), 1, "{name}: {done:?}");
        assert_eq!(done[0]["result"], "success");
        assert_eq!(done[0]["initiatedBy"]["user"]["id"], json!(id));
    }
    let query = "CloudAppEvents | where ActionType == 'UserLoginFailed' \
                 | project ObjectId, AccountObjectId, Result = RawEventData.ResultStatus";
    let rows = hunt(&server, &server.tenant, query).await;
    assert_eq!(
        json!(rows),
        json!([{ "ObjectId": id, "AccountObjectId": "", "Result": "Failure" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_a_password_is_called_so() {
    let server = TestServer::start().await;
    let user = server.create_user(&server.tenant, "ann").await;
    let path = format!("/users/{user}");
    let secret = "Another-Horse-2";
    let profile = json!({ "password": secret });
    change(&server, &path, json!({ "passwordProfile": profile })).await;
    let resets = named(&server, "Reset user password").await;
    assert_eq!(resets.len(), 1, "{resets:?}");
    assert_eq!(resets[0]["targetResources"][0]["id"], user.as_str());
    assert_eq!(named(&server, "Update user").await, Vec::<Value>::new());

    let both = json!({ "passwordProfile": profile, "jobTitle": "Analyst" });
    change(&server, &path, both).await;
    assert_eq!(named(&server, "Reset user password").await.len(), 2);
    let updates = named(&server, "Update user").await;
    let modified = &updates[0]["targetResources"][0]["modifiedProperties"];
    assert_eq!(
        *modified,
        json!([{ "displayName": "jobTitle", "oldValue": null, "newValue": "\"Analyst\"" }])
    );
    assert!(!json!(audits(&server).await).to_string().contains(secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_tells_of_the_application_and_of_what_came_of_it() {
    let server = TestServer::start().await;
    let tenant: TenantId = server.tenant.parse().expect("an id");
    let boss = "boss@bartizan.onmicrosoft.com";
    let (_, id) = server
        .create_person_in(tenant, boss, &[GLOBAL_ADMINISTRATOR])
        .await;
    let role = "7ab1d382-f21e-4acd-a863-ba3e13f7da61";
    let access = json!([{
        "resourceAppId": GRAPH_APP,
        "resourceAccess": [{ "id": role, "type": "Role" }],
    }]);
    let client = server
        .create_client(json!({ "requiredResourceAccess": access }))
        .await;
    let mut browser = Browser::at(&server);
    let address = server.authorize(
        &server.tenant,
        &client,
        &[("scope", "openid profile User.Read")],
    );
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, boss, PASSWORD).await;
    accept(&mut browser, &page).await;
    let link = format!("/{}/adminconsent?client_id={client}", server.tenant);
    let page = browser.go(&link).await;
    accept(&mut browser, &page).await;

    let principal = format!("/servicePrincipals(appId='{client}')");
    let principal = graph(&server, Method::GET, &principal, Value::Null).await;
    let principal = &principal.body["id"];
    let consents = named(&server, "Consent to application").await;
    assert_eq!(consents.len(), 2, "{consents:?}");
    for consent in &consents {
        let target = &consent["targetResources"][0];
        assert_eq!(target["type"], "ServicePrincipal");
        assert_eq!(target["id"], *principal, "{target}");
        assert_eq!(target["displayName"], "Story application");
    }
    let by = |event: &Value| event["initiatedBy"]["user"]["id"] == json!(id);
    for (name, text) in [
        ("Add service principal", client.as_str()),
        ("Add delegated permission grant", "User.Read"),
        ("Add app role assignment to service principal", role),
    ] {
        let mut events = named(&server, name).await;
        events.retain(|event| by(event) && event.to_string().contains(text));
        assert_eq!(events.len(), 1, "{name}: {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_without_a_token_request_are_logged() {
    let server = TestServer::start().await;
    let (ann, id) = server.create_person("ann").await;
    let body = json!({ "web": {
        "redirectUris": [crate::sign_in::CALLBACK],
        "implicitGrantSettings": { "enableIdTokenIssuance": true },
    } });
    let client = server.create_client(body).await;
    let more = [
        ("response_type", "id_token"),
        ("response_mode", "fragment"),
        ("nonce", "n"),
    ];
    let address = server.authorize(&server.tenant, &client, &more);
    let query = format!(
        "EntraIdSignInEvents | where AccountObjectId == '{id}' and ErrorCode == 0 \
         | project ApplicationId, AccountUpn, EndpointCall"
    );
    let by_id_token = json!({
        "ApplicationId": client, "AccountUpn": ann, "EndpointCall": "OAuth2:Authorize",
    });
    let mut browser = Browser::at(&server);
    let page = browser.go(&address).await;
    let page = browser.sign_in(&page, &ann, PASSWORD).await;
    let page = accept(&mut browser, &page).await;
    assert!(page.parameter("id_token").is_some(), "{page:?}");
    let rows = hunt(&server, &server.tenant, &query).await;
    assert_eq!(json!(rows), json!([by_id_token]), "by password");
    let page = browser.go(&address).await;
    assert!(page.parameter("id_token").is_some(), "{page:?}");
    let rows = hunt(&server, &server.tenant, &query).await;
    assert_eq!(json!(rows), json!([by_id_token, by_id_token]), "by session");

    let mut other = Browser::at(&server);
    let page = other.go("/mysecurityinfo").await;
    other.sign_in(&page, &ann, PASSWORD).await;
    let own = format!("{query} | where EndpointCall == 'Login:login'");
    let rows = hunt(&server, &server.tenant, &own).await;
    assert_eq!(
        json!(rows),
        json!([{ "ApplicationId": "", "AccountUpn": ann, "EndpointCall": "Login:login" }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_tell_old_and_new_values() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let path = format!("/applications(appId='{client}')");
    let evil = "https://evil.example/callback";
    change(
        &server,
        &path,
        json!({ "web": { "redirectUris": [evil] }, "notes": "n" }),
    )
    .await;
    let updates = named(&server, "Update application").await;
    let target = &updates[0]["targetResources"][0];
    assert_eq!(target["displayName"], "Story application");
    let modified = target["modifiedProperties"].as_array().expect("a list");
    let uris = modified
        .iter()
        .find(|one| one["displayName"] == "web/redirectUris")
        .unwrap_or_else(|| panic!("{modified:?}"));
    assert_eq!(uris["newValue"], json!(json!([evil]).to_string()));
    let old = json!([crate::sign_in::CALLBACK]).to_string();
    assert_eq!(uris["oldValue"], json!(old));

    let query = format!(
        "CloudAppEvents | where ActionType == 'Update application.' \
         | mv-expand Change = RawEventData.ModifiedProperties \
         | where tostring(Change.Name) == 'web/redirectUris' and tostring(Change.NewValue) has '{evil}' \
         | project ObjectName"
    );
    let rows = hunt(&server, &server.tenant, &query).await;
    assert_eq!(json!(rows), json!([{ "ObjectName": "Story application" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defender_role_that_is_taken_is_told_with_its_holder() {
    let server = TestServer::start().await;
    let ann = server.create_user(&server.tenant, "ann").await;
    let token = server.token(OWN).await;
    let own = |method, path: String, body: Value| {
        let body = (!body.is_null()).then_some(body);
        let (server, token) = (&server, &token);
        async move { server.call(method, &path, Some(token), body).await }
    };
    let roles = "/bartizan/v1/defenderRoles".to_owned();
    let permission = bartizan_contract::access::DefenderPermission::ALL[0].3;
    let body = json!({ "displayName": "Tier one", "permissions": [permission] });
    let role = own(Method::POST, roles, body).await;
    assert_eq!(role.status, StatusCode::CREATED, "{:?}", role.body);
    let held = "/bartizan/v1/defenderRoleAssignments";
    let body = json!({ "roleId": role.body["id"], "principalId": ann });
    let made = own(Method::POST, held.to_owned(), body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let id = made.body["id"].as_str().expect("an id");
    let taken = own(Method::DELETE, format!("{held}/{id}"), Value::Null).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT, "{:?}", taken.body);
    let events = named(&server, "DefenderRoleUnassigned").await;
    assert_eq!(events[0]["targetResources"][0]["id"], ann.as_str());
    let details = events[0]["additionalDetails"].to_string();
    assert!(details.contains("Tier one"), "{details}");
}

/// A person who makes a group owns it; an application does not, and nobody does beside those who are named.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_belongs_to_the_person_who_made_it() {
    let server = TestServer::start().await;
    let ann = server.create_user(&server.tenant, "ann").await;
    server
        .assign_role(&server.tenant, &ann, "Groups Administrator")
        .await;
    let bert: ObjectId = server.create_person("bert").await.1;
    let link = format!("https://graph.microsoft.com/v1.0/users/{bert}");
    let hers = server.user_token(&server.tenant, &ann, GRAPH, "Group.ReadWrite.All");
    let its = server.token(GRAPH).await;
    for (token, owner, owners) in [
        (&hers, None, vec![ann.clone()]),
        (&hers, Some(&link), vec![bert.to_string()]),
        (&its, None, Vec::new()),
    ] {
        let mut body = json!({
            "displayName": "SOC", "mailNickname": format!("soc{}", owners.concat()),
            "mailEnabled": false, "securityEnabled": true,
        });
        if let Some(link) = owner {
            body["owners@odata.bind"] = json!([link]);
        }
        let made = server
            .call(Method::POST, "/v1.0/groups", Some(token), Some(body))
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
        let path = format!(
            "/groups/{}/owners",
            made.body["id"].as_str().expect("an id")
        );
        let found = graph(&server, Method::GET, &path, Value::Null).await;
        let found = found.body["value"].as_array().expect("a list").iter();
        let found: Vec<&str> = found.filter_map(|owner| owner["id"].as_str()).collect();
        assert_eq!(found, owners);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_platform_changes_nothing() {
    let server = TestServer::start().await;
    let parts = ["web", "spa", "publicClient"];
    let uri = |part| json!({ "redirectUris": [format!("https://{part}.example/callback")] });
    let body = json!({
        "web": uri("web"), "spa": uri("spa"), "publicClient": uri("publicclient"),
    });
    let client = server.create_client(body.clone()).await;
    let path = format!("/applications(appId='{client}')");
    for part in parts {
        change(&server, &path, json!({ part: {} })).await;
    }
    let kept = graph(&server, Method::GET, &path, Value::Null).await.body;
    for part in parts {
        assert_eq!(
            kept[part]["redirectUris"], body[part]["redirectUris"],
            "{part}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_switches_the_apis_off() {
    let server = TestServer::start().await;
    let path = format!("/servicePrincipals(appId='{GRAPH_APP}')");
    for body in [
        json!({ "accountEnabled": false }),
        json!({ "appRoleAssignmentRequired": true }),
    ] {
        let answer = graph(&server, Method::PATCH, &path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
        let text = answer.body["error"]["message"].as_str().expect("a text");
        assert!(text.contains("every token"), "{text}");
    }
    let same = json!({ "accountEnabled": true, "notes": "kept" });
    change(&server, &path, same).await;
    server.token(GRAPH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_issuer_brings_its_own_keys() {
    let server = TestServer::start().await;
    let client = server.create_client(json!({})).await;
    let all = format!("/applications(appId='{client}')/federatedIdentityCredentials");
    let modulus = format!("{}A", "u".repeat(341));
    let keys = json!({ "keys": [{
        "kty": "RSA", "kid": "a", "e": "AQAB",
        "n": modulus,
    }] });
    let body = json!({
        "name": "main", "issuer": "https://old.example", "subject": "s",
        "audiences": ["api://AzureADTokenExchange"], "description": "d",
        "bartizanKeySet": keys,
    });
    let made = graph(&server, Method::POST, &all, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let one = format!("{all}/main");
    let now = async || graph(&server, Method::GET, &one, Value::Null).await.body;

    change(&server, &one, json!({ "subject": "t" })).await;
    assert_eq!(now().await["bartizanKeySet"], keys, "what is absent stays");
    let new = json!({ "issuer": "https://new.example", "description": null });
    change(&server, &one, new).await;
    let kept = now().await;
    assert_eq!(kept["issuer"], "https://new.example");
    assert!(kept["bartizanKeySet"].is_null(), "{kept}");
    assert!(kept["description"].is_null(), "{kept}");
    change(&server, &one, json!({ "bartizanKeySet": keys })).await;
    assert_eq!(now().await["bartizanKeySet"], keys);
    change(&server, &one, json!({ "bartizanKeySet": null })).await;
    assert!(now().await["bartizanKeySet"].is_null());
    let trail = json!(audits(&server).await).to_string();
    assert!(trail.contains("bartizanKeySet") && !trail.contains(&modulus));
}
