//! The portal's steps by Graph: register, consent, add a secret, revoke.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, TestServer};

const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";
const XDR_APP: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";
const INCIDENT_READ: &str = "a9790345-4595-42e4-971a-ccdc79f19b7c";

struct Graph<'a> {
    server: &'a TestServer,
    token: String,
}

impl Graph<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.server
            .call(method, &format!("/v1.0{path}"), Some(&self.token), body)
            .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_lives_and_dies() {
    let server = TestServer::start().await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let access = json!([{ "resourceAppId": XDR_APP, "resourceAccess": [{ "id": INCIDENT_READ, "type": "Role" }] }]);
    let made = graph
        .post("/applications", json!({ "displayName": "Nightly script", "notes": "n", "web": { "logoutUrl": "https://c.example/out" } }))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert!(text(&made.body, "@odata.context").ends_with("/v1.0/$metadata#applications/$entity"));
    assert_eq!(made.body["signInAudience"], "AzureADMyOrg");
    let (id, app_id) = (
        text(&made.body, "id").to_owned(),
        text(&made.body, "appId").to_owned(),
    );
    assert_ne!(id, app_id);
    let path = format!("/applications/{id}");
    let change = json!({ "requiredResourceAccess": access, "web": { "redirectUris": ["https://c.example/in"] } });
    let patched = graph.patch(&path, change).await;
    assert_eq!(patched.status, StatusCode::NO_CONTENT, "{:?}", patched.body);
    let read = graph.get(&format!("/applications(appId='{app_id}')")).await;
    assert_eq!(read.status, StatusCode::OK, "{:?}", read.body);
    assert_eq!(read.body["requiredResourceAccess"], access);
    assert_eq!(
        read.body["web"]["redirectUris"],
        json!(["https://c.example/in"])
    );
    assert_eq!(
        read.body["web"]["logoutUrl"], "https://c.example/out",
        "what a change does not name stays"
    );
    assert_eq!(read.body["notes"], "n");
    let found = graph
        .get("/applications?$filter=displayName%20eq%20'Nightly%20script'")
        .await;
    assert_eq!(
        found.body["value"][0]["id"],
        id.as_str(),
        "{:?}",
        found.body
    );
    let nothing = graph
        .get("/applications?$filter=displayName%20eq%20'Other'")
        .await;
    assert_eq!(nothing.body["value"], json!([]));
    assert_eq!(graph.delete(&path).await.status, StatusCode::NO_CONTENT);
    let gone = graph.get(&path).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.body["error"]["code"], "Request_ResourceNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_applications_are_refused() {
    let server = TestServer::start().await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    for body in [
        json!({}),
        json!({ "displayName": "" }),
        json!({ "displayName": "x", "signInAudience": "Everybody" }),
        json!({ "displayName": "x", "identifierUris": ["https://graph.microsoft.com"] }),
        json!({ "displayName": "x", "identifierUris": ["api://fc780465-2017-40d4-a0c5-307022471b93"] }),
        json!({ "displayName": "x", "web": { "redirectUris": ["http://c.example"] } }),
        json!({ "displayName": ["x"] }),
    ] {
        let answer = graph.post("/applications", body.clone()).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body}: {:?}",
            answer.body
        );
        assert_eq!(answer.body["error"]["code"], "Request_BadRequest", "{body}");
    }
    let uri = json!({ "displayName": "x", "identifierUris": ["api://one"] });
    assert_eq!(
        graph.post("/applications", uri.clone()).await.status,
        StatusCode::CREATED
    );
    for path in [
        "/applications/nonsense",
        "/applications(appId='nonsense')",
        "/servicePrincipals/00000000-0000-0000-0000-000000000001",
    ] {
        assert_eq!(
            graph.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_and_its_revocation_show_in_the_next_token() {
    let server = TestServer::start().await;
    let (app, secret) = server
        .create_app(&server.tenant, &[(XDR_APP, "Incident.Read.All")])
        .await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let principal = graph
        .get(&format!("/servicePrincipals(appId='{app}')"))
        .await
        .body;
    let path = format!(
        "/servicePrincipals/{}/appRoleAssignments",
        text(&principal, "id")
    );
    let held = graph.get(&path).await.body;
    assert_eq!(held["value"][0]["appRoleId"], INCIDENT_READ, "{held}");
    assert_eq!(
        held["value"][0]["resourceDisplayName"],
        "Microsoft Threat Protection"
    );
    let resource = text(&held["value"][0], "resourceId").to_owned();
    let again = json!({ "principalId": principal["id"], "resourceId": resource, "appRoleId": INCIDENT_READ });
    let refused = graph.post(&path, again).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        text(&refused.body["error"], "message").contains("already exists"),
        "{:?}",
        refused.body
    );
    let unknown = json!({ "principalId": principal["id"], "resourceId": resource, "appRoleId": "00000000-0000-0000-0000-000000000009" });
    assert_eq!(
        graph.post(&path, unknown).await.status,
        StatusCode::BAD_REQUEST
    );
    let given = graph
        .get(&format!("/servicePrincipals/{resource}/appRoleAssignedTo"))
        .await
        .body;
    assert!(
        given.to_string().contains(text(&principal, "id")),
        "{given}"
    );
    let xdr = "https://api.security.microsoft.com/.default";
    let token = server.token_of(&server.tenant, (&app, &secret), xdr).await;
    assert_eq!(
        server.get("/api/incidents", &token).await.status,
        StatusCode::OK
    );
    let revoked = graph
        .delete(&format!("{path}/{}", text(&held["value"][0], "id")))
        .await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let token = server.token_of(&server.tenant, (&app, &secret), xdr).await;
    let refused = server.get("/api/incidents", &token).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        text(&refused.body["error"], "message").contains("Incident.Read.All"),
        "{:?}",
        refused.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_shown_once_and_removed_by_id() {
    let server = TestServer::start().await;
    let (app, secret) = server.create_app(&server.tenant, &[]).await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let path = format!("/applications(appId='{app}')");
    let read = graph.get(&path).await.body;
    assert!(!read.to_string().contains(&secret));
    let known = &read["passwordCredentials"][0];
    assert_eq!(known["hint"], secret[..3]);
    assert_eq!(known["secretText"], Value::Null);
    assert_eq!(&secret[3..6], "8Q~");
    let past = json!({ "passwordCredential": { "endDateTime": "2020-01-01T00:00:00Z" } });
    assert_eq!(
        graph
            .post(&format!("{path}/addPassword"), past)
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    let removed = graph
        .post(
            &format!("{path}/removePassword"),
            json!({ "keyId": known["keyId"] }),
        )
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{:?}", removed.body);
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        server.server.http_url(),
        server.tenant
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &app),
        ("client_secret", &secret),
        ("scope", ".default"),
    ];
    let answer: Value = server
        .http
        .post(url)
        .form(&form)
        .send()
        .await
        .expect("sent")
        .json()
        .await
        .expect("JSON");
    assert_eq!(answer["error_codes"], json!([7_000_215]), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_manages_only_what_it_registered() {
    let server = TestServer::start().await;
    let owner = server
        .create_app(
            &server.tenant,
            &[(GRAPH_APP, "Application.ReadWrite.OwnedBy")],
        )
        .await;
    let (other, _) = server.create_app(&server.tenant, &[]).await;
    let token = server
        .token_of(&server.tenant, (&owner.0, &owner.1), GRAPH)
        .await;
    let graph = Graph {
        token,
        server: &server,
    };
    let own = graph
        .post("/applications", json!({ "displayName": "mine" }))
        .await;
    assert_eq!(own.status, StatusCode::CREATED, "{:?}", own.body);
    let path = format!("/applications/{}", text(&own.body, "id"));
    assert_eq!(
        graph.patch(&path, json!({ "notes": "x" })).await.status,
        StatusCode::NO_CONTENT
    );
    let foreign = format!("/applications(appId='{other}')");
    for answer in [
        graph.patch(&foreign, json!({ "notes": "x" })).await,
        graph
            .post(&format!("{foreign}/addPassword"), json!({}))
            .await,
        graph.delete(&foreign).await,
        graph
            .delete(&format!("/servicePrincipals(appId='{other}')"))
            .await,
        graph
            .delete(&format!("/servicePrincipals(appId='{XDR_APP}')"))
            .await,
    ] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{:?}", answer.body);
        assert_eq!(answer.body["error"]["code"], "Authorization_RequestDenied");
    }
    assert_eq!(
        graph.get(&foreign).await.status,
        StatusCode::OK,
        "reading reaches all"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multi_tenant_application_works_where_it_was_installed() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let graph = Graph {
        token: server.token(GRAPH).await,
        server: &server,
    };
    let away = Graph {
        token: server.token_in(&second, GRAPH).await,
        server: &server,
    };
    let (app, secret) = server.create_app(&server.tenant, &[]).await;
    let install = json!({ "appId": app });
    assert_eq!(
        away.post("/servicePrincipals", install.clone())
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    let path = format!("/applications(appId='{app}')");
    let open = graph
        .patch(&path, json!({ "signInAudience": "AzureADMultipleOrgs" }))
        .await;
    assert_eq!(open.status, StatusCode::NO_CONTENT);
    let installed = away.post("/servicePrincipals", install.clone()).await;
    assert_eq!(
        installed.status,
        StatusCode::CREATED,
        "{:?}",
        installed.body
    );
    assert_eq!(
        installed.body["appOwnerOrganizationId"],
        server.tenant.as_str()
    );
    let twice = away.post("/servicePrincipals", install).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert_eq!(
        twice.body["error"]["code"],
        "Request_MultipleObjectsWithSameKeyValue"
    );
    server.token_of(&second, (&app, &secret), GRAPH).await;
    let principal = format!("/servicePrincipals/{}", text(&installed.body, "id"));
    let off = away
        .patch(&principal, json!({ "accountEnabled": false }))
        .await;
    assert_eq!(off.status, StatusCode::NO_CONTENT, "{:?}", off.body);
    let url = format!("{}/{second}/oauth2/v2.0/token", server.server.http_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &app),
        ("client_secret", &secret),
        ("scope", ".default"),
    ];
    let answer: Value = server
        .http
        .post(url)
        .form(&form)
        .send()
        .await
        .expect("sent")
        .json()
        .await
        .expect("JSON");
    assert_eq!(answer["error_codes"], json!([7_000_112]), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organization_is_the_callers() {
    let server = TestServer::start().await;
    let second = server.create_tenant("Second").await;
    let away = Graph {
        token: server.token_in(&second, GRAPH).await,
        server: &server,
    };
    let body = away.get("/organization").await.body;
    assert_eq!(body["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["value"][0]["id"], second.as_str());
    assert_eq!(
        body["value"][0]["verifiedDomains"][0]["name"], "second.onmicrosoft.com",
        "{body}"
    );
}
