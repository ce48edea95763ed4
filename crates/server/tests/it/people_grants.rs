//! Delegated grants through Graph's door, and the directory's objects seen from another tenant.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, OWN, TestServer};

async fn call(server: &TestServer, token: &str, method: Method, path: &str, body: Value) -> Answer {
    let body = (!body.is_null()).then_some(body);
    server
        .call(method, &format!("/v1.0{path}"), Some(token), body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn delegated_grants_are_given_widened_and_taken() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let token = server.token(GRAPH).await;
    let app = server.create_app(&tenant, &[]).await;
    let of = |app: &str| format!("/servicePrincipals(appId='{app}')");
    let client = call(&server, &token, Method::GET, &of(&app.0), Value::Null)
        .await
        .body["id"]
        .clone();
    let xdr = call(
        &server,
        &token,
        Method::GET,
        &of("8ee8fdad-f234-4243-8f3b-15c294843740"),
        Value::Null,
    )
    .await
    .body["id"]
        .clone();
    let mut grant = json!({ "clientId": client, "consentType": "AllPrincipals", "resourceId": xdr, "scope": " Incident.Read" });
    let made = call(
        &server,
        &token,
        Method::POST,
        "/oauth2PermissionGrants",
        grant.clone(),
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let again = call(
        &server,
        &token,
        Method::POST,
        "/oauth2PermissionGrants",
        grant.clone(),
    )
    .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    grant["scope"] = json!("Nothing.Read");
    let wrong = call(
        &server,
        &token,
        Method::POST,
        "/oauth2PermissionGrants",
        grant,
    )
    .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let path = format!(
        "/oauth2PermissionGrants/{}",
        made.body["id"].as_str().expect("id")
    );
    let wider = json!({ "scope": "Incident.Read AdvancedHunting.Read" });
    assert_eq!(
        call(&server, &token, Method::PATCH, &path, wider)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let listed = format!(
        "/oauth2PermissionGrants?$filter=clientId eq '{}' and consentType eq 'AllPrincipals'",
        client.as_str().expect("id")
    );
    let listed = call(&server, &token, Method::GET, &listed, Value::Null)
        .await
        .body;
    assert_eq!(
        listed["value"][0]["scope"],
        "Incident.Read AdvancedHunting.Read"
    );
    assert_eq!(
        call(&server, &token, Method::DELETE, &path, Value::Null)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        call(&server, &token, Method::GET, &path, Value::Null)
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_people_groups_and_roles_are_not_there() {
    let server = TestServer::start().await;
    let first = server.tenant.clone();
    let second = server.create_tenant("Second").await;
    let token = server.token(GRAPH).await;
    let anna = server.create_user(&first, "anna").await;
    let group = json!({ "displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true });
    let group = call(&server, &token, Method::POST, "/groups", group)
        .await
        .body;
    let group = group["id"].as_str().expect("id").to_owned();
    server.assign_role(&first, &anna, "Security Reader").await;
    let path = "/roleManagement/directory/roleAssignments";
    let held = call(&server, &token, Method::GET, path, Value::Null)
        .await
        .body;
    let assignment = held["value"][0]["id"].as_str().expect("id").to_owned();
    let own = server.token(OWN).await;
    let body = Some(json!({ "displayName": "r", "permissions": ["alerts.manage"] }));
    let role = server
        .call(Method::POST, "/bartizan/v1/defenderRoles", Some(&own), body)
        .await
        .body;
    let role = role["id"].as_str().expect("id").to_owned();
    let body = Some(json!({ "displayName": "d" }));
    server
        .call(Method::POST, "/bartizan/v1/deviceGroups", Some(&own), body)
        .await;
    let body = Some(json!({ "roleId": role, "principalId": anna }));
    let given = server
        .call(
            Method::POST,
            "/bartizan/v1/defenderRoleAssignments",
            Some(&own),
            body,
        )
        .await
        .body;
    let given = given["id"].as_str().expect("id").to_owned();

    let graph = server.token_in(&second, GRAPH).await;
    let own = server.token_in(&second, OWN).await;
    let reference = json!({ "@odata.id": format!("x/{anna}") });
    let here = json!({ "displayName": "h", "mailEnabled": false, "mailNickname": "h", "securityEnabled": true });
    let here = call(&server, &graph, Method::POST, "/groups", here)
        .await
        .body;
    let here = here["id"].as_str().expect("id").to_owned();
    let attempts = [
        (Method::GET, format!("/v1.0/users/{anna}"), Value::Null),
        (
            Method::PATCH,
            format!("/v1.0/users/{anna}"),
            json!({ "displayName": "x" }),
        ),
        (Method::DELETE, format!("/v1.0/users/{anna}"), Value::Null),
        (
            Method::POST,
            format!("/v1.0/users/{anna}/revokeSignInSessions"),
            Value::Null,
        ),
        (
            Method::GET,
            format!("/v1.0/users/{anna}/memberOf"),
            Value::Null,
        ),
        (
            Method::POST,
            format!("/v1.0/users/{anna}/getMemberGroups"),
            json!({}),
        ),
        (Method::GET, format!("/v1.0/groups/{group}"), Value::Null),
        (
            Method::PATCH,
            format!("/v1.0/groups/{group}"),
            json!({ "displayName": "x" }),
        ),
        (Method::DELETE, format!("/v1.0/groups/{group}"), Value::Null),
        (
            Method::GET,
            format!("/v1.0/groups/{group}/members"),
            Value::Null,
        ),
        (
            Method::POST,
            format!("/v1.0/groups/{here}/members/$ref"),
            reference.clone(),
        ),
        (
            Method::DELETE,
            format!("/v1.0/groups/{group}/members/{anna}/$ref"),
            Value::Null,
        ),
        (
            Method::GET,
            format!("/v1.0{path}/{assignment}"),
            Value::Null,
        ),
        (
            Method::DELETE,
            format!("/v1.0{path}/{assignment}"),
            Value::Null,
        ),
        (
            Method::POST,
            format!("/v1.0{path}"),
            json!({ "principalId": anna, "roleDefinitionId": "5d6b6bb7-de71-4623-b4af-96380a352509" }),
        ),
        (
            Method::PATCH,
            format!("/bartizan/v1/defenderRoles/{role}"),
            json!({ "displayName": "x" }),
        ),
        (
            Method::DELETE,
            format!("/bartizan/v1/defenderRoles/{role}"),
            Value::Null,
        ),
        (
            Method::DELETE,
            format!("/bartizan/v1/defenderRoleAssignments/{given}"),
            Value::Null,
        ),
        (
            Method::POST,
            "/bartizan/v1/defenderRoleAssignments".to_owned(),
            json!({ "roleId": role, "principalId": here }),
        ),
        (
            Method::DELETE,
            "/bartizan/v1/deviceGroups/1".to_owned(),
            Value::Null,
        ),
        (
            Method::POST,
            "/bartizan/v1/deviceGroups/1/machines".to_owned(),
            json!({ "machines": ["aa"] }),
        ),
    ];
    for (method, path, body) in attempts {
        let token = if path.starts_with("/v1.0") {
            &graph
        } else {
            &own
        };
        let body = (!body.is_null()).then_some(body);
        let answer = server.call(method.clone(), &path, Some(token), body).await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{method} {path}: {:?}",
            answer.body
        );
    }
    for path in [
        "/v1.0/users",
        "/v1.0/groups",
        "/v1.0/roleManagement/directory/roleAssignments",
    ] {
        let listed = server.get(path, &graph).await.body.to_string();
        assert!(
            !listed.contains(&anna) && !listed.contains(&group),
            "{path}: {listed}"
        );
    }
    for path in ["deviceGroups", "defenderRoles", "defenderRoleAssignments"] {
        let listed = server.get(&format!("/bartizan/v1/{path}"), &own).await.body;
        assert_eq!(listed["value"], json!([]), "{path}");
    }
    // Nor does a token of this tenant in the name of a user of that one open anything.
    let stray = server.user_token(&second, &anna, GRAPH, "User.Read");
    assert_eq!(
        server.get("/v1.0/me", &stray).await.status,
        StatusCode::UNAUTHORIZED
    );
}
