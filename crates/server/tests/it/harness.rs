//! A server of its own for each test, and the few calls that every story makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bartizan_server::Server;
use bartizan_server::clock::Clock;
use bartizan_server::settings::{Partial, Settings};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

/// 2026-01-15T12:00:00Z, when every test begins.
pub(crate) const START: i64 = 1_768_478_400;

/// Scope of tokens for Defender XDR.
pub(crate) const XDR: &str = "https://api.security.microsoft.com/.default";
/// Scope of tokens for Defender for Endpoint.
pub(crate) const MDE: &str = "https://api.securitycenter.microsoft.com/.default";
/// Scope of tokens for Microsoft Graph.
pub(crate) const GRAPH: &str = "https://graph.microsoft.com/.default";
/// Scope of tokens for the server's own administration.
pub(crate) const OWN: &str = "api://bartizan/.default";

/// A running server.
pub(crate) struct TestServer {
    /// The server.
    pub(crate) server: Server,
    /// Its data directory, removed at the end.
    pub(crate) data: TempDir,
    /// A client without redirects that trusts its authority.
    pub(crate) http: reqwest::Client,
    /// The operator's tenant.
    pub(crate) tenant: String,
    operator: (String, String),
    seconds: Arc<AtomicI64>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The body as JSON; null when it is none.
    pub(crate) body: Value,
}

impl TestServer {
    /// Starts one on ports that the system chooses.
    pub(crate) async fn start() -> Self {
        Self::start_with(Partial::default()).await
    }

    /// Starts one with further settings.
    pub(crate) async fn start_with(partial: Partial) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), partial).await
    }

    /// Starts one on a data directory, which may be that of an earlier one.
    pub(crate) async fn start_in(data: TempDir, partial: Partial) -> Self {
        let any = || Some("127.0.0.1:0".parse().expect("an address"));
        let partial = Partial {
            https: any(),
            http: any(),
            proxy: any(),
            // Rules run when a test says so.
            detection_interval_seconds: Some(86_400),
            ..partial
        };
        let settings = Settings::resolve(data.path().to_owned(), partial).expect("settings");
        let seconds = Arc::new(AtomicI64::new(START));
        let told = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || {
            OffsetDateTime::from_unix_timestamp(told.load(Ordering::SeqCst)).expect("a time")
        });
        let server = Server::start(settings, clock).await.expect("a server");
        let profile: toml::Table = std::fs::read_to_string(data.path().join("admin.toml"))
            .expect("the operator's profile")
            .parse()
            .expect("TOML");
        let text = |key: &str| profile[key].as_str().expect("a text").to_owned();
        let authority = server.app().authority.certificate_pem().as_bytes().to_vec();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .add_root_certificate(reqwest::Certificate::from_pem(&authority).expect("a root"))
            .build()
            .expect("a client");
        Self {
            tenant: text("tenant"),
            operator: (text("client-id"), text("client-secret")),
            server,
            data,
            http,
            seconds,
        }
    }

    /// The client id of the operator's application.
    pub(crate) fn operator_id(&self) -> &str {
        &self.operator.0
    }

    /// The secret of the operator's application.
    pub(crate) fn operator_secret(&self) -> &str {
        &self.operator.1
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A token by secret, from a tenant's v2 endpoint.
    pub(crate) async fn token_of(&self, tenant: &str, client: (&str, &str), scope: &str) -> String {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.server.http_url());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.0),
            ("client_secret", client.1),
            ("scope", scope),
        ];
        let answer = self
            .http
            .post(url)
            .form(&form)
            .send()
            .await
            .expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        body["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {body}"))
            .to_owned()
    }

    /// The operator's token in its own tenant.
    pub(crate) async fn token(&self, scope: &str) -> String {
        self.token_in(&self.tenant, scope).await
    }

    /// The operator's token in any tenant.
    pub(crate) async fn token_in(&self, tenant: &str, scope: &str) -> String {
        self.token_of(tenant, (&self.operator.0, &self.operator.1), scope)
            .await
    }

    /// A user's token with these scopes for the resource of a `…/.default` scope, signed by the server's own key.
    pub(crate) fn user_token(
        &self,
        tenant: &str,
        user: &str,
        resource: &str,
        scopes: &str,
    ) -> String {
        let now = self.seconds.load(Ordering::SeqCst);
        let claims = json!({
            "aud": resource.trim_end_matches("/.default"),
            "iss": format!("https://sts.windows.net/{tenant}/"),
            "iat": now, "nbf": now, "exp": now + 3600,
            "appid": self.operator.0, "appidacr": "0",
            "oid": user, "sub": "pairwise", "tid": tenant, "scp": scopes, "ver": "1.0",
        });
        let claims = serde_json::from_value(claims).expect("claims");
        self.server.app().keys.sign(&claims).expect("a token")
    }

    /// A new user in a tenant; gives the object id.
    pub(crate) async fn create_user(&self, tenant: &str, name: &str) -> String {
        let token = self.token_in(tenant, GRAPH).await;
        let organization = self.get("/v1.0/organization", &token).await.body;
        let domain = organization["value"][0]["verifiedDomains"][0]["name"]
            .as_str()
            .expect("a domain")
            .to_owned();
        let body = json!({
            "accountEnabled": true,
            "displayName": name,
            "mailNickname": name,
            "userPrincipalName": format!("{name}@{domain}"),
            "passwordProfile": { "password": "Correct-Horse-1" },
        });
        let answer = self
            .call(Method::POST, "/v1.0/users", Some(&token), Some(body))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// Gives a user a directory role by name.
    pub(crate) async fn assign_role(&self, tenant: &str, user: &str, role: &str) {
        let role = bartizan_contract::access::directory_role_named(role).expect("a role");
        let token = self.token_in(tenant, GRAPH).await;
        let body = json!({
            "principalId": user,
            "roleDefinitionId": role.template,
            "directoryScopeId": "/",
        });
        let path = "/v1.0/roleManagement/directory/roleAssignments";
        let answer = self
            .call(Method::POST, path, Some(&token), Some(body))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    }

    /// A call over plain HTTP.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.server.http_url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request.send().await.expect("an answer")).await
    }

    /// A GET.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, Some(token), None).await
    }

    /// A second tenant.
    pub(crate) async fn create_tenant(&self, name: &str) -> String {
        let token = self.token(OWN).await;
        let body = Some(json!({ "displayName": name }));
        let answer = self
            .call(Method::POST, "/bartizan/v1/tenants", Some(&token), body)
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// An application in a tenant, with these app roles granted, and its secret.
    pub(crate) async fn create_app(
        &self,
        tenant: &str,
        roles: &[(&str, &str)],
    ) -> (String, String) {
        let token = self.token_in(tenant, GRAPH).await;
        let post = |path: String, body: Value| {
            let token = token.clone();
            async move {
                let answer = self
                    .call(Method::POST, &path, Some(&token), Some(body))
                    .await;
                assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
                answer.body
            }
        };
        let app = post(
            "/v1.0/applications".to_owned(),
            json!({ "displayName": "story" }),
        )
        .await;
        let app_id = app["appId"].as_str().expect("appId").to_owned();
        let principal = post(
            "/v1.0/servicePrincipals".to_owned(),
            json!({ "appId": app_id }),
        )
        .await;
        let principal_id = principal["id"].as_str().expect("id").to_owned();
        for (resource, role) in roles {
            let path = format!("/v1.0/servicePrincipals(appId='{resource}')");
            let resource = self.get(&path, &token).await.body;
            let offered = resource["appRoles"].as_array().expect("appRoles");
            let role = offered
                .iter()
                .find(|r| r["value"] == **role)
                .expect("the role")["id"]
                .clone();
            let body = json!({ "principalId": principal_id, "resourceId": resource["id"], "appRoleId": role });
            post(
                format!("/v1.0/servicePrincipals/{principal_id}/appRoleAssignments"),
                body,
            )
            .await;
        }
        let path = format!(
            "/v1.0/applications/{}/addPassword",
            app["id"].as_str().expect("id")
        );
        let secret = post(
            path,
            json!({ "passwordCredential": { "displayName": "story" } }),
        )
        .await;
        (
            app_id,
            secret["secretText"]
                .as_str()
                .expect("secretText")
                .to_owned(),
        )
    }

    /// Sends rows of a table.
    pub(crate) async fn ingest(&self, tenant: &str, table: &str, rows: &[Value]) -> Answer {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        self.ingest_bytes(
            tenant,
            &format!("table={table}&name=rows.ndjson"),
            lines.into_bytes(),
        )
        .await
    }

    /// Sends a body.
    pub(crate) async fn ingest_bytes(&self, tenant: &str, query: &str, body: Vec<u8>) -> Answer {
        let token = self.token_in(tenant, OWN).await;
        let url = format!("{}/bartizan/v1/ingest?{query}", self.server.http_url());
        let request = self.http.post(url).bearer_auth(token).body(body);
        read(request.send().await.expect("an answer")).await
    }

    /// Stores a rule and runs all rules.
    pub(crate) async fn detect(&self, tenant: &str, id: &str, source: &str) -> Answer {
        let token = self.token_in(tenant, OWN).await;
        let path = format!("/bartizan/v1/rules/{id}");
        let body = Some(json!({ "source": source }));
        let stored = self.call(Method::PUT, &path, Some(&token), body).await;
        assert!(stored.status.is_success(), "{:?}", stored.body);
        self.call(Method::POST, "/bartizan/v1/rules/run", Some(&token), None)
            .await
    }

    /// Incidents made by one suspicious process on each of `devices`; gives the listing.
    pub(crate) async fn with_incidents(&self, tenant: &str, devices: &[&str]) -> Vec<Value> {
        let rows: Vec<Value> = devices
            .iter()
            .map(|device| process(device, "evil.exe"))
            .collect();
        let taken = self.ingest(tenant, "DeviceProcessEvents", &rows).await;
        assert_eq!(
            taken.body["acceptedRows"],
            devices.len(),
            "{:?}",
            taken.body
        );
        let ran = self.detect(tenant, "evil-process", RULE).await;
        assert_eq!(ran.body["value"][0]["error"], Value::Null, "{:?}", ran.body);
        let token = self.token_in(tenant, XDR).await;
        let listed = self.get("/api/incidents", &token).await;
        assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);
        listed.body["value"].as_array().expect("a list").clone()
    }
}

/// A rule that finds `evil.exe`.
pub(crate) const RULE: &str = r#"
id = "evil-process"
title = "Evil process started"
severity = "High"
category = "Execution"
description = "A process named evil.exe was started."
mitre = ["T1204"]
query = '''
DeviceProcessEvents
| where FileName =~ "evil.exe"
| project Timestamp, DeviceId, DeviceName, FileName, FolderPath, ProcessId, ProcessCommandLine, AccountName, AccountDomain
'''

[[entities]]
kind = "device"

[[entities]]
kind = "process"
"#;

/// A row of DeviceProcessEvents, an hour before the start.
pub(crate) fn process(device: &str, file: &str) -> Value {
    json!({
        "Timestamp": "2026-01-15T11:00:00Z",
        "DeviceId": device_id(device),
        "DeviceName": format!("{device}.contoso.com"),
        "ActionType": "ProcessCreated",
        "FileName": file,
        "FolderPath": format!("C:\\tools\\{file}"),
        "ProcessId": 4711,
        "ProcessCommandLine": format!("{file} --now"),
        "AccountName": format!("user-{device}"),
        "AccountDomain": "contoso",
    })
}

/// 40 hexadecimal digits for a name.
pub(crate) fn device_id(name: &str) -> String {
    name.bytes()
        .cycle()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Reads an answer to its end.
pub(crate) async fn read(answer: reqwest::Response) -> Answer {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.expect("a body");
    Answer {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}
