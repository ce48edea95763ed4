//! Query options on directory objects, owners, and what becomes of the properties of an application.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, TestServer, read};

const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";

struct Graph<'a> {
    server: &'a TestServer,
    token: String,
}

impl Graph<'_> {
    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then_some(body);
        self.server
            .call(method, &format!("/v1.0{path}"), Some(&self.token), body)
            .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, body).await;
        assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
        answer.body
    }

    async fn eventual(&self, path: &str) -> Answer {
        let url = format!("{}/v1.0{path}", self.server.server.http_url());
        let request = self
            .server
            .http
            .get(url)
            .bearer_auth(&self.token)
            .header("ConsistencyLevel", "eventual");
        read(request.send().await.expect("an answer")).await
    }
}

fn names(answer: &Answer) -> Vec<&str> {
    let value = answer.body["value"].as_array();
    let value = value.unwrap_or_else(|| panic!("{:?}", answer.body));
    let name = |v: &'_ Value| v["displayName"].as_str().map(str::len).is_some();
    assert!(value.iter().all(name), "{:?}", answer.body);
    value
        .iter()
        .filter_map(|v| v["displayName"].as_str())
        .collect()
}

fn code(answer: &Answer) -> &str {
    answer.body["error"]["code"].as_str().unwrap_or_default()
}

/// An application without anything granted, and a client for its token.
async fn restricted<'a>(server: &'a TestServer, roles: &[&str]) -> Graph<'a> {
    let roles: Vec<(&str, &str)> = roles.iter().map(|role| (GRAPH_APP, *role)).collect();
    let app = server.create_app(&server.tenant, &roles).await;
    let client = (app.0.as_str(), app.1.as_str());
    Graph {
        token: server.token_of(&server.tenant, client, GRAPH).await,
        server,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_are_searched_ordered_counted_and_filtered() {
    let server = TestServer::start().await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    for (name, extra) in [
        ("Zulu nightly", json!({ "tags": ["nightly", "ci"] })),
        ("alpha", json!({ "identifierUris": ["api://alpha-api"] })),
        (
            "Mike nightly",
            json!({ "signInAudience": "AzureADMultipleOrgs" }),
        ),
    ] {
        let mut body = json!({ "displayName": name });
        for (key, value) in extra.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let app = graph.post("/applications", body).await;
        let sp = json!({ "appId": app["appId"] });
        graph.post("/servicePrincipals", sp).await;
    }

    let search = "/applications?$search=\"displayName:night\"&$orderby=displayName";
    let refused = graph.get(search).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let found = graph.eventual(search).await;
    assert_eq!(names(&found), ["Mike nightly", "Zulu nightly"]);
    let counted = graph.eventual(&format!("{search}&$count=true")).await;
    assert_eq!(counted.body["@odata.count"], 2);
    let bare = graph
        .eventual("/applications/$count?$search=\"displayName:night\"")
        .await;
    assert_eq!(bare.body, json!(2));
    assert_eq!(
        graph.get("/applications/$count").await.status,
        StatusCode::BAD_REQUEST
    );

    for (filter, expected) in [
        ("tags/any(t:t eq 'NIGHTLY')", vec!["Zulu nightly"]),
        (
            "identifierUris/any(u:u eq 'api://alpha-api')",
            vec!["alpha"],
        ),
        (
            "signInAudience eq 'AzureADMultipleOrgs' and startswith(displayName,'m')",
            vec!["Mike nightly"],
        ),
        (
            "startswith(displayName,'alp') or displayName in ('Zulu nightly','x')",
            vec!["Zulu nightly", "alpha"],
        ),
    ] {
        let mut found = graph.get(&format!("/applications?$filter={filter}")).await;
        let value = found.body["value"].as_array_mut().expect("a list");
        value.sort_by_key(|app| app["displayName"].to_string());
        assert_eq!(names(&found), expected, "{filter}");
    }
    for (filter, part) in [
        ("contains(displayName,'x')", "startswith"),
        ("displayName ne 'x'", "ConsistencyLevel"),
        ("not startswith(displayName,'x')", "ConsistencyLevel"),
        (
            "passwordCredentials/any(p:p eq 'x')",
            "cannot be filtered by",
        ),
    ] {
        let refused = graph.get(&format!("/applications?$filter={filter}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{filter}");
        let message = refused.body["error"]["message"].to_string();
        assert!(message.contains(part), "{filter}: {message}");
    }
    let advanced = "/applications?$count=true&$filter=displayName ne 'alpha' and endswith(displayName,'nightly')&$orderby=displayName desc";
    let found = graph.eventual(advanced).await;
    assert_eq!(names(&found), ["Zulu nightly", "Mike nightly"]);

    let principal = graph
        .get("/servicePrincipals?$filter=servicePrincipalNames/any(n:n eq 'api://alpha-api')&$select=id,displayName")
        .await;
    assert_eq!(names(&principal), ["alpha"]);
    assert_eq!(
        principal.body["value"][0].as_object().map(|o| o.len()),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_whole_while_objects_come_and_go() {
    let server = TestServer::start().await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let mut made = Vec::new();
    for name in ["b", "A", "c", "a", "B", "d"] {
        made.push(
            graph
                .post("/applications", json!({ "displayName": name }))
                .await,
        );
    }
    let mut path = "/applications?$top=2&$orderby=displayName&$select=displayName,id".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = graph.get(&path).await;
        let value = page.body["value"].as_array().expect("a list").clone();
        assert!(value.len() <= 2);
        seen.extend(value);
        // What was seen already goes, and something new comes where the listing has been.
        if seen.len() == 2 {
            let path = format!("/applications/{}", seen[0]["id"].as_str().expect("an id"));
            graph.call(Method::DELETE, &path, Value::Null).await;
            graph
                .post("/applications", json!({ "displayName": "0" }))
                .await;
        }
        let Some(next) = page.body["@odata.nextLink"].as_str() else {
            break;
        };
        path = next
            .split_once("/v1.0")
            .expect("a link of ours")
            .1
            .to_owned();
    }
    let mut expected: Vec<String> = made.iter().map(|app| app["id"].to_string()).collect();
    expected.sort();
    let mut ids: Vec<String> = seen.iter().map(|app| app["id"].to_string()).collect();
    let operator = ids.len() - expected.len();
    assert_eq!(operator, 1, "the operator's application: {seen:?}");
    ids.retain(|id| expected.contains(id));
    ids.sort();
    assert_eq!(ids, expected, "each once");
    let token = "/applications?$skiptoken=bm9uc2Vuc2U";
    assert_eq!(graph.get(token).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_collections_are_filtered_and_expanded() {
    let server = TestServer::start().await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let anna = server.create_user(&server.tenant, "anna").await;
    server
        .assign_role(&server.tenant, &anna, "Security Reader")
        .await;
    let role = graph
        .get("/directoryRoles?$filter=displayName eq 'Security Reader'")
        .await;
    assert_eq!(names(&role), ["Security Reader"]);
    let definition = graph
        .get("/roleManagement/directory/roleDefinitions?$filter=displayName eq 'Security Reader'")
        .await;
    let id = definition.body["value"][0]["id"].as_str().expect("an id");
    let path = format!(
        "/roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '{id}' and principalId eq '{anna}'&$expand=principal($select=displayName)"
    );
    let held = graph.get(&path).await;
    assert_eq!(
        held.body["value"].as_array().map(Vec::len),
        Some(1),
        "{:?}",
        held.body
    );
    assert_eq!(held.body["value"][0]["principal"]["displayName"], "anna");
    let other = path.replace("principalId eq", "principalId ne");
    assert_eq!(graph.get(&other).await.body["value"], json!([]));

    let group = graph
        .post("/groups", json!({ "displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true }))
        .await;
    let group = format!("/groups/{}", group["id"].as_str().expect("an id"));
    let member =
        json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{anna}") });
    graph.post(&format!("{group}/members/$ref"), member).await;
    let whole = graph
        .get(&format!("{group}?$select=id&$expand=members($select=id)"))
        .await;
    assert_eq!(
        whole.body["members"],
        json!([{ "@odata.type": "#microsoft.graph.user", "id": anna }])
    );
    assert!(whole.body.get("displayName").is_none());
    for (path, part) in [
        ("/applications?$expand=extensionProperties", "owners"),
        ("/users?$expand=memberOf", "not supported"),
        (
            "/groups?$expand=members($filter=id eq 'x')",
            "$select alone",
        ),
        (
            "/roleManagement/directory/roleAssignments?$filter=role eq 'x'",
            "cannot be filtered by",
        ),
    ] {
        let refused = graph.get(path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        let message = refused.body["error"]["message"].to_string();
        assert!(message.contains(part), "{path}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_manage_what_they_own_and_nothing_else() {
    let server = TestServer::start().await;
    let all = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let owner = restricted(
        &server,
        &["Application.ReadWrite.OwnedBy", "Directory.Read.All"],
    )
    .await;
    let stranger = restricted(
        &server,
        &["Application.ReadWrite.OwnedBy", "Directory.Read.All"],
    )
    .await;
    let blind = restricted(&server, &["Application.ReadWrite.OwnedBy"]).await;

    let mine = owner
        .post("/applications", json!({ "displayName": "mine" }))
        .await;
    let path = format!("/applications/{}", mine["id"].as_str().expect("an id"));
    let first = owner.get(&format!("{path}/owners")).await;
    assert_eq!(
        first.body["value"][0]["@odata.type"], "#microsoft.graph.servicePrincipal",
        "{:?}",
        first.body
    );
    let notes = json!({ "notes": "x" });
    let taken = stranger.call(Method::PATCH, &path, notes.clone()).await;
    assert_eq!(taken.status, StatusCode::FORBIDDEN, "{:?}", taken.body);

    // Ownership is given by reference; who may not see the directory may not.
    let id = principal_of(&all, &stranger).await;
    let reference =
        json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}") });
    let add = format!("{path}/owners/$ref");
    let thief = stranger.call(Method::POST, &add, reference.clone()).await;
    assert_eq!(thief.status, StatusCode::FORBIDDEN);
    let added = owner.call(Method::POST, &add, reference.clone()).await;
    assert_eq!(added.status, StatusCode::NO_CONTENT, "{:?}", added.body);
    let twice = owner.call(Method::POST, &add, reference.clone()).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    let own = blind
        .post("/applications", json!({ "displayName": "blind" }))
        .await;
    let refs = format!(
        "/applications/{}/owners/$ref",
        own["id"].as_str().expect("id")
    );
    let refused = blind.call(Method::POST, &refs, reference).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let message = refused.body["error"]["message"].to_string();
    assert!(message.contains("Directory.Read.All"), "{message}");

    let changed = stranger.call(Method::PATCH, &path, notes.clone()).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.body);
    let expanded = all
        .get(&format!("{path}?$select=id&$expand=owners($select=id)"))
        .await;
    assert_eq!(
        expanded.body["owners"].as_array().map(Vec::len),
        Some(2),
        "{:?}",
        expanded.body
    );
    let remove = format!("{path}/owners/{id}/$ref");
    let gone = owner.call(Method::DELETE, &remove, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let again = owner.call(Method::DELETE, &remove, Value::Null).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let over = stranger.call(Method::PATCH, &path, notes).await;
    assert_eq!(over.status, StatusCode::FORBIDDEN);

    // The service principal belongs to its own owners, and to the application's.
    let sp = owner
        .post("/servicePrincipals", json!({ "appId": mine["appId"] }))
        .await;
    let sp = format!("/servicePrincipals/{}", sp["id"].as_str().expect("an id"));
    let change = json!({ "notes": "y" });
    let changed = owner.call(Method::PATCH, &sp, change.clone()).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    let refused = stranger.call(Method::PATCH, &sp, change).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let owners = owner.get(&format!("{sp}/owners")).await;
    assert_eq!(owners.body["value"].as_array().map(Vec::len), Some(1));

    // Another tenant's objects neither own nor are owned.
    let second = server.create_tenant("Second").await;
    let away = Graph {
        token: server.token_in(&second, GRAPH).await,
        server: &server,
    };
    assert_eq!(
        away.get(&format!("{path}/owners")).await.status,
        StatusCode::NOT_FOUND
    );
    let far = server.create_user(&second, "far").await;
    let reference = json!({ "@odata.id": format!("directoryObjects/{far}") });
    let refused = owner.call(Method::POST, &add, reference).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{:?}", refused.body);
}

/// The object id of the service principal that a client acts as.
async fn principal_of(all: &Graph<'_>, client: &Graph<'_>) -> String {
    let claims = client.token.split('.').nth(1).expect("claims");
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims);
    let claims: Value = serde_json::from_slice(&claims.expect("base64")).expect("JSON");
    let id = claims["oid"].as_str().expect("oid");
    let found = all.get(&format!("/servicePrincipals/{id}")).await;
    assert_eq!(found.status, StatusCode::OK);
    id.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_manages_an_owned_application_without_a_role() {
    let server = TestServer::start().await;
    let all = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let anna = server.create_user(&server.tenant, "anna").await;
    let bert = server.create_user(&server.tenant, "bert").await;
    let app = all
        .post("/applications", json!({ "displayName": "anna's" }))
        .await;
    let sp = all
        .post("/servicePrincipals", json!({ "appId": app["appId"] }))
        .await;
    let path = format!("/applications/{}", app["id"].as_str().expect("an id"));
    let reference = json!({ "@odata.id": format!("directoryObjects/{anna}") });
    all.post(&format!("{path}/owners/$ref"), reference).await;
    let scopes = "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All";
    let of = |user: &str| Graph {
        token: server.user_token(&server.tenant, user, GRAPH, scopes),
        server: &server,
    };
    let notes = json!({ "notes": "x" });
    let own = of(&anna).call(Method::PATCH, &path, notes.clone()).await;
    assert_eq!(own.status, StatusCode::NO_CONTENT, "{:?}", own.body);
    let other = of(&bert).call(Method::PATCH, &path, notes).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN, "{:?}", other.body);
    // Owning an application is not consenting to it.
    let sp = sp["id"].as_str().expect("an id");
    let graph = all
        .get(&format!("/servicePrincipals(appId='{GRAPH_APP}')"))
        .await
        .body;
    let grant = json!({ "principalId": sp, "resourceId": graph["id"], "appRoleId": graph["appRoles"][0]["id"] });
    let refused = of(&anna)
        .call(
            Method::POST,
            &format!("/servicePrincipals/{sp}/appRoleAssignments"),
            grant,
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_property_of_an_application_is_kept_or_told() {
    let server = TestServer::start().await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let scope = "5f1b6a2e-5a3c-4f0e-9c56-0d3c7b0f9a11";
    let body = json!({
        "displayName": "Everything",
        "description": "d",
        "info": { "termsOfServiceUrl": "https://c.example/terms", "privacyStatementUrl": "https://c.example/privacy" },
        "optionalClaims": { "accessToken": [{ "name": "ipaddr", "essential": false }], "idToken": [], "saml2Token": [] },
        "groupMembershipClaims": "SecurityGroup",
        "isDeviceOnlyAuthSupported": false,
        "serviceManagementReference": "ticket 7",
        "addIns": [],
        "api": {
            "acceptMappedClaims": true,
            "knownClientApplications": ["11111111-2222-3333-4444-555555555555"],
            "oauth2PermissionScopes": [{ "id": scope, "value": "Read", "type": "User", "isEnabled": true }],
            "preAuthorizedApplications": [{ "appId": "11111111-2222-3333-4444-555555555555", "delegatedPermissionIds": [scope] }],
            "requestedAccessTokenVersion": 2,
        },
        "passwordCredentials": [{ "displayName": "first" }],
    });
    let made = graph.post("/applications", body.clone()).await;
    let secret = made["passwordCredentials"][0]["secretText"].as_str();
    assert!(secret.is_some_and(|text| text.len() > 30), "{made}");
    let path = format!("/applications/{}", made["id"].as_str().expect("an id"));
    let read = graph.get(&path).await.body;
    for name in [
        "description",
        "info",
        "groupMembershipClaims",
        "isDeviceOnlyAuthSupported",
        "serviceManagementReference",
        "addIns",
    ] {
        assert_eq!(read[name], body[name], "{name}");
    }
    assert_eq!(read["optionalClaims"]["accessToken"][0]["name"], "ipaddr");
    assert_eq!(
        read["api"]["preAuthorizedApplications"],
        body["api"]["preAuthorizedApplications"]
    );
    assert_eq!(
        read["api"]["knownClientApplications"],
        body["api"]["knownClientApplications"]
    );
    assert_eq!(read["passwordCredentials"][0]["displayName"], "first");
    assert_eq!(read["passwordCredentials"][0]["secretText"], Value::Null);
    let one = graph.get(&format!("{path}?$select=id,appId")).await.body;
    assert_eq!(one.as_object().map(|o| o.len()), Some(3), "{one}");

    for (change, part) in [
        (json!({ "redirectUris": [] }), "does not exist"),
        (json!({ "appId": scope }), "read-only"),
        (json!({ "web": { "replyUrls": [] } }), "replyUrls"),
        (json!({ "tokenEncryptionKeyId": scope }), "not encrypted"),
        (json!({ "passwordCredentials": [] }), "addPassword"),
        (
            json!({ "groupMembershipClaims": "Everybody" }),
            "SecurityGroup",
        ),
        (
            json!({ "api": { "oauth2PermissionScopes": [] } }),
            "preAuthorizedApplications",
        ),
    ] {
        let refused = graph.call(Method::PATCH, &path, change.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{change}");
        let message = refused.body["error"]["message"].to_string();
        assert!(message.contains(part), "{change}: {message}");
        assert_eq!(code(&refused), "Request_BadRequest");
    }
    let cleared = json!({ "info": null, "description": null });
    let done = graph.call(Method::PATCH, &path, cleared).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    let read = graph.get(&path).await.body;
    assert_eq!(
        (&read["info"], &read["description"]),
        (&Value::Null, &Value::Null)
    );
}
