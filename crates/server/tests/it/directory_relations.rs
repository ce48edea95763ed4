//! What hangs on directory objects: references in bodies, memberships, ownership, publishers; and what is refused rather
//! than ignored.

use bartizan_contract::TenantId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::{Answer, GRAPH, TestServer};
use crate::sign_in::PASSWORD;

async fn call(server: &TestServer, method: Method, path: &str, body: Value) -> Answer {
    let token = server.token(GRAPH).await;
    let body = (!body.is_null()).then_some(body);
    server
        .call(method, &format!("/v1.0{path}"), Some(&token), body)
        .await
}

async fn get(server: &TestServer, path: &str) -> Value {
    let answer = call(server, Method::GET, path, Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
    answer.body
}

fn ids(answer: &Value) -> Vec<String> {
    let value = answer["value"].as_array().expect("a list");
    let mut ids: Vec<String> = value
        .iter()
        .map(|one| {
            one["id"]
                .as_str()
                .or(one.as_str())
                .expect("an id")
                .to_owned()
        })
        .collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(ids: [&str; N]) -> Vec<String> {
    let mut ids = ids.map(str::to_owned).to_vec();
    ids.sort();
    ids
}

fn link(id: &str) -> String {
    format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}")
}

fn group(more: Value) -> Value {
    let mut body = json!({
        "displayName": "SOC", "mailNickname": "soc", "mailEnabled": false, "securityEnabled": true,
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

async fn made(server: &TestServer, body: Value) -> String {
    let answer = call(server, Method::POST, "/groups", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_made_with_members_and_owners() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let anna = server.create_user(&tenant, "anna").await;
    let bert = server.create_user(&tenant, "bert").await;
    let soc = made(
        &server,
        group(json!({
            "members@odata.bind": [link(&anna), link(&anna)],
            "owners@odata.bind": [format!("https://graph.microsoft.com/v1.0/users('{bert}')")],
        })),
    )
    .await;
    let members = get(&server, &format!("/groups/{soc}/members")).await;
    assert_eq!(ids(&members), std::slice::from_ref(&anna));
    let owners = get(&server, &format!("/groups/{soc}/owners")).await;
    assert_eq!(ids(&owners), std::slice::from_ref(&bert));
    let owned = get(&server, &format!("/users/{bert}/ownedObjects")).await;
    assert_eq!(ids(&owned), std::slice::from_ref(&soc));

    // The owner puts others in, with the scope alone; who owns nothing does not.
    let change = json!({ "members@odata.bind": [link(&bert)] });
    let path = format!("/v1.0/groups/{soc}");
    for (user, status) in [
        (&anna, StatusCode::FORBIDDEN),
        (&bert, StatusCode::NO_CONTENT),
    ] {
        let token = server.user_token(&tenant, user, GRAPH, "Group.ReadWrite.All");
        let answer = server
            .call(Method::PATCH, &path, Some(&token), Some(change.clone()))
            .await;
        assert_eq!(answer.status, status, "{:?}", answer.body);
    }
    let members = get(&server, &format!("/groups/{soc}/members")).await;
    assert_eq!(ids(&members), sorted([&anna, &bert]));

    let many: Vec<String> = (0..21).map(|_| link(&anna)).collect();
    for (path, method, body, word) in [
        (
            format!("/groups/{soc}"),
            Method::PATCH,
            json!({ "members@odata.bind": many }),
            "at most 20",
        ),
        (
            format!("/groups/{soc}"),
            Method::PATCH,
            json!({ "owners@odata.bind": [link(&anna)] }),
            "owners@odata.bind",
        ),
        (
            format!("/users/{anna}"),
            Method::PATCH,
            json!({ "manager@odata.bind": link(&bert) }),
            "manager@odata.bind",
        ),
        (
            "/groups".to_owned(),
            Method::POST,
            group(json!({ "members@odata.bind": ["x"] })),
            "URL",
        ),
        (
            "/groups".to_owned(),
            Method::POST,
            group(json!({ "acceptedSenders@odata.bind": [] })),
            "acceptedSenders",
        ),
        (
            "/groups".to_owned(),
            Method::POST,
            group(json!({ "groupTypes": ["Unified"] })),
            "Unified",
        ),
        (
            "/groups".to_owned(),
            Method::POST,
            group(json!({ "mailEnabled": true })),
            "mailEnabled",
        ),
        (
            format!("/groups/{soc}"),
            Method::PATCH,
            json!({ "mailEnabled": true }),
            "mailEnabled",
        ),
        (
            "/applications".to_owned(),
            Method::POST,
            json!({ "displayName": "x", "tokenIssuancePolicies@odata.bind": [] }),
            "tokenIssuancePolicies",
        ),
    ] {
        let refused = call(&server, method, &path, body).await;
        assert_eq!(
            refused.status,
            StatusCode::BAD_REQUEST,
            "{word}: {:?}",
            refused.body
        );
        assert!(
            refused.body.to_string().contains(word),
            "{word}: {:?}",
            refused.body
        );
    }
    let app = json!({ "displayName": "x", "owners@odata.bind": [link(&anna)] });
    let app = call(&server, Method::POST, "/applications", app).await;
    assert_eq!(app.status, StatusCode::CREATED, "{:?}", app.body);
    let path = format!(
        "/applications/{}/owners",
        app.body["id"].as_str().expect("an id")
    );
    assert!(ids(&get(&server, &path).await).contains(&anna));
    for (filter, count) in [
        ("groupTypes/any(c:c eq 'Unified')", 0),
        ("securityEnabled eq true and mailEnabled eq false", 1),
    ] {
        let found = get(&server, &format!("/groups?$filter={filter}")).await;
        assert_eq!(ids(&found).len(), count, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_are_told_of_every_kind_of_principal() {
    let server = TestServer::start().await;
    let anna = server.create_user(&server.tenant, "anna").await;
    let (app, _) = server.create_app(&server.tenant, &[]).await;
    let sp = get(&server, &format!("/servicePrincipals(appId='{app}')")).await;
    let sp = sp["id"].as_str().expect("an id").to_owned();
    let inner = made(
        &server,
        group(json!({ "members@odata.bind": [link(&anna), link(&sp)] })),
    )
    .await;
    let outer = made(
        &server,
        group(json!({ "members@odata.bind": [link(&inner)] })),
    )
    .await;

    for (path, expected) in [
        (format!("/groups/{outer}/members"), sorted([&inner])),
        (
            format!("/groups/{outer}/transitiveMembers"),
            sorted([&inner, &anna, &sp]),
        ),
        (format!("/groups/{inner}/memberOf"), sorted([&outer])),
        (
            format!("/servicePrincipals/{sp}/memberOf"),
            sorted([&inner]),
        ),
        (
            format!("/servicePrincipals(appId='{app}')/transitiveMemberOf"),
            sorted([&inner, &outer]),
        ),
        (
            format!("/users/{anna}/transitiveMemberOf"),
            sorted([&inner, &outer]),
        ),
    ] {
        assert_eq!(ids(&get(&server, &path).await), expected, "{path}");
    }
    for (path, expected) in [
        (
            format!("/groups/{outer}/transitiveMembers/microsoft.graph.user"),
            sorted([&anna]),
        ),
        (
            format!("/groups/{inner}/members/microsoft.graph.servicePrincipal"),
            sorted([&sp]),
        ),
        (
            format!("/groups/{inner}/members/microsoft.graph.device"),
            sorted([]),
        ),
        (
            format!("/users/{anna}/memberOf/microsoft.graph.directoryRole"),
            sorted([]),
        ),
        (
            format!(
                "/users/{anna}/transitiveMemberOf/microsoft.graph.group?$filter=id eq '{outer}'"
            ),
            sorted([&outer]),
        ),
    ] {
        assert_eq!(ids(&get(&server, &path).await), expected, "{path}");
    }
    // The next page is narrowed as the first one is.
    let path = format!("/users/{anna}/transitiveMemberOf/microsoft.graph.group?$top=1");
    let first = get(&server, &path).await;
    let next = first["@odata.nextLink"].as_str().expect("a next page");
    assert!(
        next.contains("/transitiveMemberOf/microsoft.graph.group?"),
        "{next}"
    );
    let path = format!("/users/{anna}/transitiveMemberOf/microsoft.graph.group");
    let narrowed = get(&server, &format!("{path}?$count=true&$select=id")).await;
    assert_eq!(narrowed["@odata.count"], 2);
    let context = narrowed["@odata.context"].as_str().expect("a context");
    assert!(context.ends_with("/$metadata#groups(id)"), "{context}");
    assert_eq!(
        narrowed["value"][0].as_object().map(serde_json::Map::len),
        Some(1)
    );
    assert_eq!(get(&server, &format!("{path}/$count")).await, json!(2));

    let asked = json!({ "groupIds": [outer, uuid::Uuid::new_v4()] });
    for set in [
        format!("users/{anna}"),
        format!("groups/{inner}"),
        format!("servicePrincipals/{sp}"),
    ] {
        let path = format!("/{set}/checkMemberGroups");
        let found = call(&server, Method::POST, &path, asked.clone()).await;
        assert_eq!(ids(&found.body), sorted([&outer]), "{path}");
    }
    let many: Vec<_> = (0..21).map(|_| uuid::Uuid::new_v4()).collect();
    let path = format!("/users/{anna}/checkMemberGroups");
    let refused = call(&server, Method::POST, &path, json!({ "groupIds": many })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);

    let by_ids = |types: Value| {
        let body = json!({ "ids": [anna, sp, inner, uuid::Uuid::new_v4()], "types": types });
        call(&server, Method::POST, "/directoryObjects/getByIds", body)
    };
    let all = by_ids(Value::Null).await.body;
    let kinds: Vec<&str> = all["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["@odata.type"].as_str().expect("a type"))
        .collect();
    let kind = |name: &str| format!("#microsoft.graph.{name}");
    assert_eq!(
        kinds,
        [kind("user"), kind("servicePrincipal"), kind("group")]
    );
    assert_eq!(
        ids(&by_ids(json!(["user", "group"])).await.body),
        sorted([&anna, &inner])
    );
    assert_eq!(
        by_ids(json!(["robot"])).await.status,
        StatusCode::BAD_REQUEST
    );

    let tenant = server.tenant.clone();
    let organization = get(&server, &format!("/organization/{tenant}")).await;
    assert_eq!(organization["id"], json!(tenant));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_uris_may_come_with_settings() {
    let server = TestServer::start().await;
    let body = json!({
        "displayName": "x",
        "web": { "redirectUris": ["https://a.example/cb"], "redirectUriSettings": [{ "uri": "https://a.example/cb", "index": 1 }] },
        "spa": { "redirectUriSettings": null, "redirectUris": ["https://b.example/cb"] },
        "publicClient": { "redirectUriSettings": [{ "uri": "http://localhost", "index": null }] },
    });
    let app = call(&server, Method::POST, "/applications", body).await;
    assert_eq!(app.status, StatusCode::CREATED, "{:?}", app.body);
    let path = format!("/applications/{}", app.body["id"].as_str().expect("an id"));
    let kept = get(&server, &path).await;
    let setting = |uri: &str, index: Value| json!([{ "uri": uri, "index": index }]);
    assert_eq!(
        kept["web"]["redirectUriSettings"],
        setting("https://a.example/cb", json!(1))
    );
    assert_eq!(
        kept["spa"],
        json!({ "redirectUris": ["https://b.example/cb"] })
    );
    assert_eq!(
        kept["publicClient"]["redirectUris"],
        json!(["http://localhost"])
    );
    let change =
        json!({ "web": { "redirectUris": ["https://c.example/cb"], "redirectUriSettings": null } });
    let done = call(&server, Method::PATCH, &path, change).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    let kept = get(&server, &path).await;
    assert_eq!(
        kept["web"]["redirectUriSettings"],
        setting("https://c.example/cb", Value::Null)
    );
    // What a program read it writes back.
    let back = call(&server, Method::PATCH, &path, json!({ "web": kept["web"] })).await;
    assert_eq!(back.status, StatusCode::NO_CONTENT, "{:?}", back.body);
    let wrong = json!({ "web": { "redirectUriSettings": [{ "uri": "http://c.example/cb" }] } });
    let refused = call(&server, Method::PATCH, &path, wrong).await;
    assert_eq!(
        refused.status,
        StatusCode::BAD_REQUEST,
        "checked like the URIs"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_vouches_for_publishers() {
    let server = TestServer::start().await;
    let client = server
        .create_client(json!({ "signInAudience": "AzureADMultipleOrgs" }))
        .await;
    let customer = server.create_tenant("Customer").await;
    let home = customer.parse::<TenantId>().expect("an id");
    let eve = "eve@customer.onmicrosoft.com";
    server.create_person_in(home, eve, &[]).await;
    let path = format!("/applications(appId='{client}')");
    let before = get(&server, &path).await;
    assert_eq!(before["publisherDomain"], "bartizan.onmicrosoft.com");
    assert_eq!(before["verifiedPublisher"]["displayName"], Value::Null);
    let page = || async {
        let address = server.authorize(&customer, &client, &[("scope", "openid User.Read")]);
        let mut browser = Browser::at(&server);
        let page = browser.go(&address).await;
        browser.sign_in(&page, eve, PASSWORD).await.html
    };
    assert!(page().await.contains("not verified"));

    // Not who manages the application, be it a Global Administrator of its tenant.
    let boss = server.create_user(&server.tenant, "boss").await;
    server
        .assign_role(&server.tenant, &boss, "Global Administrator")
        .await;
    let token = server.user_token(&server.tenant, &boss, GRAPH, "Application.ReadWrite.All");
    let vouch = json!({ "verifiedPublisherId": "4711" });
    let set = format!("{path}/setVerifiedPublisher");
    let refused = server
        .call(
            Method::POST,
            &format!("/v1.0{set}"),
            Some(&token),
            Some(vouch.clone()),
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.body.to_string().contains("verify-publisher"),
        "{:?}",
        refused.body
    );
    let write = json!({ "verifiedPublisher": { "displayName": "Me" } });
    let refused = call(&server, Method::PATCH, &path, write).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);

    let done = call(&server, Method::POST, &set, vouch).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    let after = get(&server, &path).await;
    assert_eq!(after["verifiedPublisher"]["verifiedPublisherId"], "4711");
    let name = after["verifiedPublisher"]["displayName"]
        .as_str()
        .expect("a name");
    let html = page().await;
    assert!(
        !html.contains("not verified") && html.contains(name),
        "{html}"
    );
    let audits = get(&server, "/auditLogs/directoryAudits?$top=20")
        .await
        .to_string();
    assert!(audits.contains("Verify publisher"), "{audits}");

    let unset = format!("{path}/unsetVerifiedPublisher");
    let done = call(&server, Method::POST, &unset, Value::Null).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    assert!(page().await.contains("not verified"));
}
