//! What a person may do: scope, role and device groups together, for every row of the operation table.

use bartizan_contract::operations::{self, Api, Method as RowMethod, Operation};
use bartizan_server::settings::Partial;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{GRAPH, MDE, OWN, TestServer, XDR, device_id};

const fn resource(api: Api) -> &'static str {
    match api {
        Api::Xdr => XDR,
        Api::Mde => MDE,
        Api::Graph => GRAPH,
        Api::Bartizan => OWN,
    }
}

fn path(operation: &Operation) -> String {
    let mut path = String::new();
    let mut rest = operation.path;
    while let Some((text, after)) = rest.split_once('{') {
        path.push_str(text);
        path.push('1');
        rest = after.split_once('}').expect("a closed parameter").1;
    }
    path + rest
}

/// A member of the tenant without any role, with every scope that rows ask for, is let in by no row that needs a role.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_without_a_role_opens_nothing() {
    let server = TestServer::start().await;
    let user = server.create_user(&server.tenant, "nobody").await;
    for operation in operations::all() {
        let needs = !operation.user_needs.is_empty() || !operation.user_roles.is_empty();
        if operation.delegated_permissions.is_empty() || !needs {
            continue;
        }
        let scopes = operation.delegated_permissions.join(" ");
        let token = server.user_token(&server.tenant, &user, resource(operation.api), &scopes);
        let method: Method = operation.method.as_str().parse().expect("a method");
        let body = (operation.method != RowMethod::Get).then(|| json!({}));
        let name = format!("{method} {}", operation.path);
        let answer = server
            .call(method, &path(operation), Some(&token), body)
            .await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{name}: {:?}",
            answer.body
        );
        let text = answer.body.to_string();
        assert!(text.contains("it takes"), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_open_what_they_are_for() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let incidents = server.with_incidents(&tenant, &["alpha"]).await;
    let path = format!("/api/incidents/{}", incidents[0]["incidentId"]);
    let user = server.create_user(&tenant, "reader").await;
    server.assign_role(&tenant, &user, "Security Reader").await;
    let reading = server.user_token(&tenant, &user, XDR, "Incident.Read Incident.ReadWrite");
    assert_eq!(server.get(&path, &reading).await.status, StatusCode::OK);
    let resolve = Some(json!({ "status": "Resolved" }));
    let refused = server
        .call(Method::PATCH, &path, Some(&reading), resolve.clone())
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
    // The role counts at once, in a token that was issued before it.
    server
        .assign_role(&tenant, &user, "Security Operator")
        .await;
    let done = server
        .call(Method::PATCH, &path, Some(&reading), resolve)
        .await;
    assert_eq!(done.status, StatusCode::OK, "{:?}", done.body);
    // The scope still bounds what the role permits.
    let hunting = json!({ "Query": "print 1" });
    let refused = server
        .call(
            Method::POST,
            "/api/advancedhunting/run",
            Some(&reading),
            Some(hunting),
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.to_string().contains("AdvancedHunting.Read"));

    let graph = server.token(GRAPH).await;
    let account = format!("/v1.0/users/{user}");
    let body = Some(json!({ "accountEnabled": false }));
    let disabled = server
        .call(Method::PATCH, &account, Some(&graph), body)
        .await;
    assert_eq!(
        disabled.status,
        StatusCode::NO_CONTENT,
        "{:?}",
        disabled.body
    );
    assert_eq!(
        server.get(&path, &reading).await.status,
        StatusCode::UNAUTHORIZED
    );
    let gone = server
        .call(Method::DELETE, &account, Some(&graph), None)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        server.get(&path, &reading).await.status,
        StatusCode::UNAUTHORIZED
    );
}

async fn own(server: &TestServer, tenant: &str, path: &str, body: Value) -> Value {
    let token = server.token_in(tenant, OWN).await;
    let path = format!("/bartizan/v1/{path}");
    let answer = server
        .call(Method::POST, &path, Some(&token), Some(body))
        .await;
    assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
    answer.body
}

/// A custom role on one device group, held by a group: its members see that group's devices, alerts, incidents and
/// hunting rows, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn device_groups_bound_what_a_person_sees() {
    let server = TestServer::start_with(Partial {
        retention_days_of: Some([("AlertEvidence".to_owned(), 1)].into()),
        ..Partial::default()
    })
    .await;
    let tenant = server.tenant.clone();
    server.with_incidents(&tenant, &["alpha", "beta"]).await;
    let servers = own(
        &server,
        &tenant,
        "deviceGroups",
        json!({ "displayName": "Servers" }),
    )
    .await;
    let put = format!("deviceGroups/{}/machines", servers["id"]);
    let moved = own(
        &server,
        &tenant,
        &put,
        json!({ "machines": [device_id("alpha")] }),
    )
    .await;
    assert_eq!(moved["moved"], 1);
    let permissions = json!(["securityData.read"]);
    let role = json!({ "displayName": "Server watch", "permissions": permissions });
    let role = own(&server, &tenant, "defenderRoles", role).await;

    let user = server.create_user(&tenant, "watcher").await;
    let graph = server.token(GRAPH).await;
    let group = json!({ "displayName": "Watchers", "mailEnabled": false, "mailNickname": "w", "securityEnabled": true });
    let group = server
        .call(Method::POST, "/v1.0/groups", Some(&graph), Some(group))
        .await
        .body;
    let members = format!(
        "/v1.0/groups/{}/members/$ref",
        group["id"].as_str().expect("id")
    );
    let reference =
        json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}") });
    let added = server
        .call(Method::POST, &members, Some(&graph), Some(reference))
        .await;
    assert_eq!(added.status, StatusCode::NO_CONTENT, "{:?}", added.body);
    let assignment = json!({ "roleId": role["id"], "principalId": group["id"], "deviceGroups": [servers["id"]] });
    own(&server, &tenant, "defenderRoleAssignments", assignment).await;

    let mde = server.user_token(
        &tenant,
        &user,
        MDE,
        "Machine.Read Alert.Read AdvancedQuery.Read",
    );
    let xdr = server.user_token(&tenant, &user, XDR, "Incident.Read AdvancedHunting.Read");
    let machines = server.get("/api/machines", &mde).await.body;
    assert_eq!(
        machines["value"].as_array().map(Vec::len),
        Some(1),
        "{machines}"
    );
    assert_eq!(machines["value"][0]["rbacGroupName"], "Servers");
    let hidden = format!("/api/machines/{}", device_id("beta"));
    assert_eq!(
        server.get(&hidden, &mde).await.status,
        StatusCode::NOT_FOUND
    );
    let alerts = server.get("/api/alerts", &mde).await.body;
    assert_eq!(
        alerts["value"].as_array().map(Vec::len),
        Some(1),
        "{alerts}"
    );
    let listed = server.get("/api/incidents", &xdr).await.body;
    assert_eq!(
        listed["value"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    assert!(!listed.to_string().contains("beta"), "{listed}");
    let all = server
        .get("/api/incidents", &server.token(XDR).await)
        .await
        .body;
    for incident in all["value"].as_array().expect("a list") {
        let path = format!("/api/incidents/{}", incident["incidentId"]);
        let seen = server.get(&path, &xdr).await.status == StatusCode::OK;
        assert_eq!(seen, incident.to_string().contains("alpha"), "{incident}");
    }
    for query in [
        "DeviceProcessEvents | project DeviceName",
        "DeviceProcessEvents | where DeviceName startswith 'beta' or true | distinct DeviceName",
        "let t = DeviceProcessEvents; t | join kind=inner t on DeviceId | project DeviceName",
        "union Device* | project DeviceName",
    ] {
        for (path, token) in [
            ("/api/advancedhunting/run", &xdr),
            ("/api/advancedqueries/run", &mde),
        ] {
            let body = Some(json!({ "Query": query }));
            let answer = server.call(Method::POST, path, Some(token), body).await;
            assert_eq!(answer.status, StatusCode::OK, "{query}: {:?}", answer.body);
            let rows = answer.body["Results"].as_array().expect("rows").clone();
            assert!(!rows.is_empty(), "{query}");
            assert!(
                rows.iter().all(|r| r["DeviceName"] == "alpha.contoso.com"),
                "{query}: {rows:?}"
            );
        }
    }
    // Alerts are those of its devices, whether or not there is evidence that says so.
    let app = server.server.app();
    app.trail.flush().await;
    let counts = async |token: &str| {
        let query = "union withsource=Table AlertInfo, AlertEvidence | summarize Rows = count() by Table | sort by Table desc";
        let body = Some(json!({ "Query": query }));
        let path = "/api/advancedhunting/run";
        let answer = server.call(Method::POST, path, Some(token), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.body["Results"].clone()
    };
    let all = server.token(XDR).await;
    let whole = counts(&all).await;
    let half = |rows: &Value| json!({ "Table": rows["Table"], "Rows": rows["Rows"].as_i64().map(|n| n / 2) });
    assert_eq!(whole[0]["Rows"], 2, "{whole}");
    assert_eq!(
        counts(&xdr).await,
        json!([half(&whole[0]), half(&whole[1])])
    );
    app.events.flush().await.expect("flushed");
    let later = app.clock.unix_micros() + 2 * 86_400_000_000;
    app.events.expire(later).await.expect("expired");
    assert_eq!(counts(&all).await, json!([whole[0]]));
    assert_eq!(counts(&xdr).await, json!([half(&whole[0])]));
}
