//! People, groups, roles and delegated grants through Graph's door.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, TestServer, read};

async fn call(server: &TestServer, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let body = (!body.is_null()).then_some(body);
    server
        .call(method, &format!("/v1.0{path}"), Some(token), body)
        .await
}

async fn eventual(server: &TestServer, token: &str, path: &str) -> Answer {
    let url = format!("{}/v1.0{path}", server.server.http_url());
    let request = server
        .http
        .get(url)
        .bearer_auth(token)
        .header("ConsistencyLevel", "eventual");
    read(request.send().await.expect("an answer")).await
}

fn names(answer: &Answer) -> Vec<&str> {
    let value = answer.body["value"].as_array();
    let value = value.unwrap_or_else(|| panic!("{:?}", answer.body));
    value
        .iter()
        .map(|v| v["displayName"].as_str().unwrap_or("?"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_made_found_changed_and_deleted() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let token = server.token(GRAPH).await;
    let anna = server.create_user(&tenant, "anna").await;
    server.create_user(&tenant, "bert").await;
    let get = |path: String| {
        let token = token.clone();
        let server = &server;
        async move { server.get(&format!("/v1.0{path}"), &token).await }
    };

    let one = get(format!("/users/{anna}")).await;
    assert_eq!(one.body["mail"], Value::Null);
    assert!(
        one.body.get("accountEnabled").is_none(),
        "not by default: {:?}",
        one.body
    );
    let upn = one.body["userPrincipalName"]
        .as_str()
        .expect("upn")
        .to_owned();
    let one = get(format!(
        "/users/{}?$select=id,accountEnabled,userType",
        upn.to_uppercase()
    ))
    .await;
    assert_eq!(one.body["accountEnabled"], true);
    assert_eq!(one.body["userType"], "Member");
    assert!(one.body.get("displayName").is_none());

    let page = get("/users?$top=2&$orderby=displayName desc".to_owned()).await;
    assert_eq!(names(&page), ["bert", "anna"]);
    let next = page.body["@odata.nextLink"].as_str().expect("a next page");
    let rest = next.split_once("/v1.0").expect("a link of this server").1;
    let page = get(rest.to_owned()).await;
    assert_eq!(names(&page), ["Administrator"]);
    assert!(page.body.get("@odata.nextLink").is_none());
    // Directory objects are paged by their links alone.
    let refused = get("/users?$top=1&$skip=2".to_owned()).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["error"]["code"], "Request_BadRequest");
    let filter = "/users?$count=true&$filter=startswith(displayName,'a') and not (displayName eq 'Administrator')";
    let refused = get(filter.to_owned()).await;
    assert_eq!(refused.body["error"]["code"], "Request_UnsupportedQuery");
    let found = eventual(&server, &token, filter).await;
    assert_eq!(names(&found), ["anna"]);
    let refused = get("/users?$search=\"displayName:ann\"".to_owned()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let found = eventual(
        &server,
        &token,
        "/users?$search=\"displayName:ann\"&$count=true",
    )
    .await;
    assert_eq!(names(&found), ["anna"]);
    assert_eq!(found.body["@odata.count"], 1);
    assert_eq!(
        eventual(&server, &token, "/users/$count").await.body,
        json!(3)
    );

    let change = json!({ "jobTitle": "Analyst", "givenName": "Anna", "mobilePhone": null });
    let changed = call(
        &server,
        &token,
        Method::PATCH,
        &format!("/users/{anna}"),
        change,
    )
    .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.body);
    let one = get(format!("/users/{anna}")).await.body;
    assert_eq!(
        (&one["jobTitle"], &one["givenName"]),
        (&json!("Analyst"), &json!("Anna"))
    );
    let revoked = call(
        &server,
        &token,
        Method::POST,
        &format!("/users/{anna}/revokeSignInSessions"),
        Value::Null,
    )
    .await;
    assert_eq!(revoked.body["value"], true, "{:?}", revoked.body);
    let gone = call(
        &server,
        &token,
        Method::DELETE,
        &format!("/users/{anna}"),
        Value::Null,
    )
    .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let missing = get(format!("/users/{anna}")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.body["error"]["code"], "Request_ResourceNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_user_is_told() {
    let server = TestServer::start().await;
    let token = server.token(GRAPH).await;
    let fine = json!({
        "accountEnabled": true, "displayName": "c", "mailNickname": "c",
        "userPrincipalName": "c@bartizan.onmicrosoft.com",
        "passwordProfile": { "password": "Correct-Horse-1" },
    });
    for (name, value, status, hint) in [
        ("displayName", Value::Null, 400, "displayName"),
        (
            "userPrincipalName",
            json!("c@elsewhere.com"),
            400,
            "verified domain",
        ),
        ("userPrincipalName", json!("c"), 400, "name@domain"),
        (
            "userPrincipalName",
            json!("ADMIN@bartizan.onmicrosoft.com"),
            409,
            "same value",
        ),
        (
            "passwordProfile",
            json!({ "password": "short" }),
            400,
            "complexity",
        ),
        (
            "passwordProfile",
            json!({ "password": "Bartizan-2026!" }),
            400,
            "too easy to guess",
        ),
        ("accountEnabled", json!("yes"), 400, "accountEnabled"),
    ] {
        let mut body = fine.clone();
        body[name] = value;
        let answer = call(&server, &token, Method::POST, "/users", body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {:?}", answer.body);
        assert!(
            answer.body.to_string().contains(hint),
            "{name}: {:?}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn me_is_the_tokens_user() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let anna = server.create_user(&tenant, "anna").await;
    let bert = server.create_user(&tenant, "bert").await;
    let token = server.user_token(&tenant, &anna, GRAPH, "User.Read User.ReadWrite");
    let me = call(&server, &token, Method::GET, "/me", Value::Null).await;
    assert_eq!(me.body["id"], json!(anna), "{:?}", me.body);
    let own = call(
        &server,
        &token,
        Method::GET,
        &format!("/users/{anna}"),
        Value::Null,
    )
    .await;
    assert_eq!(own.status, StatusCode::OK);
    let other = call(
        &server,
        &token,
        Method::GET,
        &format!("/users/{bert}"),
        Value::Null,
    )
    .await;
    assert_eq!(other.status, StatusCode::FORBIDDEN, "{:?}", other.body);
    let phone = json!({ "mobilePhone": "+1 555 0100" });
    let changed = call(&server, &token, Method::PATCH, "/me", phone.clone()).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.body);
    let refused = call(
        &server,
        &token,
        Method::PATCH,
        &format!("/users/{anna}"),
        json!({ "jobTitle": "CEO" }),
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
    let refused = call(
        &server,
        &token,
        Method::PATCH,
        &format!("/users/{bert}"),
        phone,
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for (current, status) in [("Wrong-Horse-1", 400), ("Correct-Horse-1", 204)] {
        let body = json!({ "currentPassword": current, "newPassword": "Better-Horse-2" });
        let answer = call(&server, &token, Method::POST, "/me/changePassword", body).await;
        assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    }
}

/// A token that was taken is no way to try passwords without end.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_current_passwords_lock_the_account_like_wrong_sign_ins() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let ann = server.create_user(&tenant, "ann").await;
    let token = server.user_token(&tenant, &ann, GRAPH, "User.Read User.ReadWrite");
    let path = "/me/changePassword";
    let mut last = StatusCode::OK;
    for _ in 0..11 {
        let body = json!({ "currentPassword": "Wrong-Horse-1", "newPassword": "Better-Horse-2" });
        let answer = call(&server, &token, Method::POST, path, body).await;
        last = answer.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

/// Whoever manages people does not thereby become an administrator of everything.
#[tokio::test(flavor = "multi_thread")]
async fn holders_of_roles_are_out_of_reach_of_those_without() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let manager = server.create_user(&tenant, "manager").await;
    server
        .assign_role(&tenant, &manager, "User Administrator")
        .await;
    let scopes = "User.ReadWrite.All Group.ReadWrite.All RoleManagement.ReadWrite.Directory";
    let token = server.user_token(&tenant, &manager, GRAPH, scopes);
    let admin = "/users/admin@bartizan.onmicrosoft.com";
    let password = json!({ "passwordProfile": { "password": "Stolen-Horse-1" } });
    let answer = call(&server, &token, Method::PATCH, admin, password).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{:?}", answer.body);
    let answer = call(&server, &token, Method::DELETE, admin, Value::Null).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let role = bartizan_contract::access::GLOBAL_ADMINISTRATOR;
    let body = json!({ "principalId": manager, "roleDefinitionId": role });
    let path = "/roleManagement/directory/roleAssignments";
    let answer = call(&server, &token, Method::POST, path, body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{:?}", answer.body);
    let group = json!({ "displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true, "isAssignableToRole": true });
    let answer = call(&server, &token, Method::POST, "/groups", group.clone()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{:?}", answer.body);

    // Not even an application takes the last administrator away.
    let operator = server.token(GRAPH).await;
    let disabled = json!({ "accountEnabled": false });
    for (method, body) in [(Method::PATCH, disabled), (Method::DELETE, Value::Null)] {
        let answer = call(&server, &operator, method, admin, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    }

    // An application that may manage roles makes such a group, and its members hold what it holds.
    let group = call(&server, &operator, Method::POST, "/groups", group)
        .await
        .body;
    let id = group["id"].as_str().expect("an id");
    server
        .assign_role(&tenant, id, "Global Administrator")
        .await;
    let reference =
        json!({ "@odata.id": format!("{}/directoryObjects/{manager}", server.server.http_url()) });
    let members = format!("/groups/{id}/members/$ref");
    let answer = call(&server, &token, Method::POST, &members, reference.clone()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{:?}", answer.body);
    let answer = call(&server, &operator, Method::POST, &members, reference).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
    let answer = call(&server, &token, Method::DELETE, admin, Value::Null).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
    let me = server.user_token(&tenant, &manager, GRAPH, "User.Read");
    let roles = call(&server, &me, Method::GET, "/me/memberOf", Value::Null).await;
    assert_eq!(
        names(&roles),
        ["g", "User Administrator"],
        "direct ones alone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_listed_given_and_taken() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let token = server.token(GRAPH).await;
    let anna = server.create_user(&tenant, "anna").await;
    let roles = call(&server, &token, Method::GET, "/directoryRoles", Value::Null).await;
    assert!(names(&roles).contains(&"Security Reader"));
    let reader = "/directoryRoles(roleTemplateId='5d6b6bb7-de71-4623-b4af-96380a352509')";
    let reference =
        json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{anna}") });
    let path = format!("{reader}/members/$ref");
    for status in [204, 400] {
        let answer = call(&server, &token, Method::POST, &path, reference.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    }
    let members = call(
        &server,
        &token,
        Method::GET,
        &format!("{reader}/members"),
        Value::Null,
    )
    .await;
    assert_eq!(names(&members), ["anna"]);
    assert_eq!(
        members.body["value"][0]["@odata.type"],
        "#microsoft.graph.user"
    );
    let filter =
        format!("/roleManagement/directory/roleAssignments?$filter=principalId eq '{anna}'");
    let held = call(&server, &token, Method::GET, &filter, Value::Null)
        .await
        .body;
    let id = held["value"][0]["id"]
        .as_str()
        .expect("an assignment")
        .to_owned();
    let path = format!("/roleManagement/directory/roleAssignments/{id}");
    let taken = call(&server, &token, Method::DELETE, &path, Value::Null).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT);
    assert_eq!(
        call(&server, &token, Method::GET, &path, Value::Null)
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let all = call(
        &server,
        &token,
        Method::GET,
        "/roleManagement/directory/roleAssignments",
        Value::Null,
    )
    .await
    .body;
    let last = all["value"][0]["id"].as_str().expect("the administrator's");
    let path = format!("/roleManagement/directory/roleAssignments/{last}");
    let refused = call(&server, &token, Method::DELETE, &path, Value::Null).await;
    assert_eq!(
        refused.status,
        StatusCode::BAD_REQUEST,
        "{:?}",
        refused.body
    );
}

/// Whoever manages applications gives them Defender's permissions, not those that reach to roles.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_administrator_grants_nothing_that_reaches_to_roles() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let keeper = server.create_user(&tenant, "keeper").await;
    server
        .assign_role(&tenant, &keeper, "Application Administrator")
        .await;
    let app = server.create_app(&tenant, &[]).await;
    let scopes = "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All";
    let token = server.user_token(&tenant, &keeper, GRAPH, scopes);
    let path = |app: &str| format!("/servicePrincipals(appId='{app}')");
    let client = call(&server, &token, Method::GET, &path(&app.0), Value::Null).await;
    let client = client.body["id"].as_str().expect("an id").to_owned();
    for (resource, role, status) in [
        (
            "00000003-0000-0000-c000-000000000000",
            "RoleManagement.ReadWrite.Directory",
            403,
        ),
        (
            "8ee8fdad-f234-4243-8f3b-15c294843740",
            "Incident.Read.All",
            201,
        ),
    ] {
        let found = call(&server, &token, Method::GET, &path(resource), Value::Null).await;
        let roles = found.body["appRoles"].as_array().expect("roles").clone();
        let id = roles.iter().find(|r| r["value"] == role).expect("the role")["id"].clone();
        let body =
            json!({ "principalId": client, "resourceId": found.body["id"], "appRoleId": id });
        let path = format!("/servicePrincipals/{client}/appRoleAssignments");
        let answer = call(&server, &token, Method::POST, &path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{role}: {:?}", answer.body);
    }
}
