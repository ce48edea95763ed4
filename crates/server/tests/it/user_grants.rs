//! The grants in which a person stands behind a token: password, refresh token, device code, authorization code, on
//! behalf of; and what an attacker gets who has one of these in the wrong hands.

mod redeemed;

use argon2::PasswordHasher as _;
use bartizan_contract::access::GLOBAL_ADMINISTRATOR;
use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::authentication::Authentication;
use bartizan_identity::authorize::CodeDetails;
use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::device_code::normalized;
use bartizan_identity::pkce::{Challenge, Method as Pkce};
use bartizan_identity::redirect::Platform;
use bartizan_store::directory::permission_grants::{self, PermissionGrant};
use bartizan_store::directory::users::{self, User};
use bartizan_store::directory::{Principal, PrincipalKind, roles, service_principals};
use bartizan_store::tenant_policies;
use bartizan_store::tokens::authorization_codes::{self, AuthorizationCode};
use bartizan_store::tokens::device_codes::{self, DeviceApproval};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, GRAPH, START, TestServer, XDR, read};

const XDR_APP: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";
const NAME: &str = "ada@bartizan.onmicrosoft.com";
const PASSWORD: &str = "correct horse battery";
const INCIDENTS: &str =
    "https://api.security.microsoft.com/Incident.Read openid profile offline_access";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Story {
    server: TestServer,
    user: ObjectId,
}

struct Client {
    id: String,
    principal: ObjectId,
    secret: String,
}

fn claims(token: &Value) -> Value {
    let token = token.as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn code_of(answer: &Answer) -> (Option<i64>, Option<&str>) {
    (
        answer.body["error_codes"][0].as_i64(),
        answer.body["error"].as_str(),
    )
}

impl Story {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let user = ObjectId(Uuid::new_v4());
        let hash = argon2::Argon2::default()
            .hash_password_with_salt(PASSWORD.as_bytes(), b"a salt for tests")
            .expect("a hash");
        let mut tx = server.server.app().store.write().await.expect("a store");
        let account = User {
            password_hash: Some(hash.to_string()),
            ..User::new(user, NAME, "Ada", START * 1_000_000)
        };
        users::create(&mut tx, server.tenant.parse().expect("an id"), &account)
            .await
            .expect("a user");
        let everything = roles::RoleAssignment {
            id: Uuid::new_v4().to_string(),
            template: GLOBAL_ADMINISTRATOR,
            principal: Principal {
                id: user,
                kind: PrincipalKind::User,
            },
            created: START,
        };
        roles::assign(&mut tx, server.tenant.parse().expect("an id"), &everything)
            .await
            .expect("a role");
        tx.commit().await.expect("a commit");
        Self { server, user }
    }

    fn tenant(&self) -> TenantId {
        self.server.tenant.parse().expect("an id")
    }

    /// Registers a client, a resource of its own name too, with a secret.
    async fn client(&self, properties: Value) -> Client {
        let token = self.server.token(GRAPH).await;
        let post = async |path: &str, body: Value| {
            let answer = self
                .server
                .call(Method::POST, path, Some(&token), Some(body))
                .await;
            assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
            answer.body
        };
        let mut body = json!({ "displayName": "Story" });
        for (name, value) in properties.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let app = post("/v1.0/applications", body).await;
        let id = app["appId"].as_str().expect("appId").to_owned();
        let principal = post("/v1.0/servicePrincipals", json!({ "appId": id })).await;
        let path = format!(
            "/v1.0/applications/{}/addPassword",
            app["id"].as_str().expect("id")
        );
        let secret = post(&path, json!({})).await;
        Client {
            id,
            principal: principal["id"]
                .as_str()
                .expect("id")
                .parse()
                .expect("an id"),
            secret: secret["secretText"].as_str().expect("text").to_owned(),
        }
    }

    /// Grants scopes of a resource to a client, for everybody.
    async fn grant(&self, client: &Client, resource: &str, scope: &str) {
        let mut tx = self
            .server
            .server
            .app()
            .store
            .write()
            .await
            .expect("a store");
        let resource: AppId = resource.parse().expect("an id");
        let resource = service_principals::by_app_id(&mut tx, self.tenant(), resource)
            .await
            .expect("a store")
            .expect("a resource");
        let grant = PermissionGrant {
            id: Uuid::new_v4().to_string(),
            client: client.principal,
            resource: resource.id,
            principal: None,
            scope: scope.to_owned(),
            created: START,
        };
        permission_grants::create(&mut tx, self.tenant(), &grant)
            .await
            .expect("a grant");
        tx.commit().await.expect("a commit");
    }

    /// A public client that may read incidents.
    async fn public(&self) -> Client {
        let client = self
            .client(json!({
                "isFallbackPublicClient": true,
                "publicClient": { "redirectUris": ["http://localhost"] },
            }))
            .await;
        self.grant(&client, XDR_APP, "Incident.Read").await;
        client
    }

    async fn at(&self, path: &str, form: &[(&str, &str)], origin: Option<&str>) -> Answer {
        let url = format!("{}{path}", self.server.server.http_url());
        let mut request = self.server.http.post(url).form(form);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        read(request.send().await.expect("an answer")).await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let path = format!("/{}/oauth2/v2.0/token", self.server.tenant);
        self.at(&path, form, None).await
    }

    async fn password(&self, client: &Client, password: &str, scope: &str) -> Answer {
        self.token(&[
            ("grant_type", "password"),
            ("client_id", &client.id),
            ("username", NAME),
            ("password", password),
            ("scope", scope),
            ("client_info", "1"),
        ])
        .await
    }

    async fn refresh(&self, client: &str, token: &Value) -> Answer {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", client),
            ("refresh_token", token.as_str().expect("a token")),
        ])
        .await
    }

    fn authentication(&self) -> Authentication {
        Authentication {
            tenant: self.tenant(),
            user: self.user,
            at: START,
            methods: vec!["pwd".to_owned(), "mfa".to_owned()],
            session: Uuid::from_u128(9),
            address: None,
        }
    }

    /// A code as the authorization endpoint keeps it.
    async fn code(&self, client: &Client, code: &str, platform: Platform, pkce: bool) {
        let details = CodeDetails {
            v2: true,
            scope: Some(INCIDENTS.to_owned()),
            resource: None,
            redirect_uri: Some("https://app.example/cb".to_owned()),
            platform,
            challenge: pkce.then(|| Challenge {
                method: Pkce::S256,
                value: CHALLENGE.to_owned(),
            }),
            nonce: Some("n-1".to_owned()),
            auth_time: true,
            authentication: self.authentication(),
        };
        let mut tx = self
            .server
            .server
            .app()
            .store
            .write()
            .await
            .expect("a store");
        let row = AuthorizationCode {
            hash: secret_hash(code),
            tenant: self.tenant(),
            client: client.id.parse().expect("an id"),
            principal: self.user,
            family: Uuid::new_v4(),
            details: serde_json::to_value(&details).expect("JSON"),
            issued: START * 1_000_000,
            expires: (START + 600) * 1_000_000,
            redeemed: None,
        };
        authorization_codes::insert(&mut tx, &row)
            .await
            .expect("a code");
        tx.commit().await.expect("a commit");
    }
}

fn redemption<'a>(client: &'a Client, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("code", code),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", VERIFIER),
    ]
}

fn without<'a>(form: &[(&'a str, &'a str)], name: &str) -> Vec<(&'a str, &'a str)> {
    form.iter().copied().filter(|(n, _)| *n != name).collect()
}

fn with<'a>(form: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut form = without(form, name);
    form.push((name, value));
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_gives_tokens_that_are_refreshed_until_they_are_revoked() {
    let story = Story::begin().await;
    let client = story.public().await;
    let answer = story.password(&client, PASSWORD, INCIDENTS).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        answer.body["scope"],
        "https://api.security.microsoft.com/Incident.Read"
    );
    assert_eq!(answer.body["expires_in"], 3599);
    let token = claims(&answer.body["access_token"]);
    assert_eq!(token["scp"], "Incident.Read");
    assert_eq!(token["aud"], "https://api.security.microsoft.com");
    assert_eq!(token["appidacr"], "0");
    assert_eq!(token["amr"], json!(["pwd"]));
    assert_eq!(token["upn"], NAME);
    assert_eq!(token["oid"], story.user.to_string());
    assert_ne!(token["sub"], token["oid"]);
    assert!(token.get("roles").is_none());
    let id = claims(&answer.body["id_token"]);
    assert_eq!(id["aud"], client.id);
    assert_eq!(id["ver"], "2.0");
    assert_eq!(id["preferred_username"], NAME);
    assert!(id.get("nonce").is_none() && id.get("auth_time").is_none());
    let info = BASE64_URL_SAFE_NO_PAD
        .decode(answer.body["client_info"].as_str().expect("client_info"))
        .expect("base64url");
    let info: Value = serde_json::from_slice(&info).expect("JSON");
    assert_eq!(
        info,
        json!({ "uid": story.user.to_string(), "utid": story.server.tenant })
    );
    let access = answer.body["access_token"].as_str().expect("a token");
    let listed = story.server.get("/api/incidents", access).await;
    assert_eq!(listed.status, StatusCode::OK, "{:?}", listed.body);

    let first = &answer.body["refresh_token"];
    let again = story.refresh(&client.id, first).await;
    assert_eq!(again.status, StatusCode::OK, "{:?}", again.body);
    assert_eq!(claims(&again.body["access_token"])["scp"], "Incident.Read");
    assert_ne!(&again.body["refresh_token"], first);
    assert_eq!(
        story.refresh(&client.id, first).await.status,
        StatusCode::OK,
        "the old one stays good"
    );
    let other = story.public().await;
    let stolen = story.refresh(&other.id, first).await;
    assert_eq!(code_of(&stolen), (Some(70_000), Some("invalid_grant")));

    story.server.advance(5);
    let mut tx = story.server.server.app().store.write().await.expect("tx");
    users::revoke_sessions(&mut tx, story.tenant(), story.user, (START + 5) * 1_000_000)
        .await
        .expect("a user");
    tx.commit().await.expect("a commit");
    let revoked = story.refresh(&client.id, first).await;
    assert_eq!(code_of(&revoked), (Some(50_173), Some("invalid_grant")));
    assert_eq!(revoked.body["suberror"], "bad_token");
    let fresh = story.password(&client, PASSWORD, INCIDENTS).await;
    story.server.advance(90 * 86_400);
    let expired = story
        .refresh(&client.id, &fresh.body["refresh_token"])
        .await;
    assert_eq!(code_of(&expired), (Some(700_082), Some("invalid_grant")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_refused_as_documented() {
    let story = Story::begin().await;
    let client = story.public().await;
    let confidential = story.client(json!({})).await;
    for (client, scope, expected) in [
        (
            &client,
            "https://api.security.microsoft.com/AdvancedHunting.Read",
            65_001,
        ),
        (
            &client,
            "https://api.security.microsoft.com/Nothing.Read",
            70_011,
        ),
        (&client, "https://nobody.example/x", 500_011),
        (&confidential, INCIDENTS, 7_000_218),
    ] {
        let answer = story.password(client, PASSWORD, scope).await;
        assert_eq!(code_of(&answer).0, Some(expected), "{:?}", answer.body);
    }
    let form = [
        ("grant_type", "password"),
        ("client_id", client.id.as_str()),
        ("username", NAME),
        ("password", PASSWORD),
        ("scope", INCIDENTS),
    ];
    let common = story.at("/common/oauth2/v2.0/token", &form, None).await;
    assert_eq!(code_of(&common).0, Some(9_001_023), "{:?}", common.body);
    // A client that may not ask learns nothing, where the name alone tells the tenant neither.
    let everywhere = story
        .client(json!({ "signInAudience": "AzureADMultipleOrgs" }))
        .await;
    for password in [PASSWORD, "wrong"] {
        let form = with(
            &with(&form, "client_id", &everywhere.id),
            "password",
            password,
        );
        let answer = story
            .at("/organizations/oauth2/v2.0/token", &form, None)
            .await;
        assert_eq!(code_of(&answer).0, Some(7_000_218), "{:?}", answer.body);
    }
    let missing = story.token(&without(&form, "password")).await;
    assert_eq!(code_of(&missing).0, Some(900_144));
    // Known or unknown, the name gets the same answers.
    for name in [NAME, "nobody@bartizan.onmicrosoft.com"] {
        let form = with(&with(&form, "username", name), "password", "wrong");
        let first = story.token(&form).await;
        assert_eq!(code_of(&first), (Some(50_126), Some("invalid_grant")));
        let mut last = first;
        for _ in 0..12 {
            last = story.token(&form).await;
        }
        assert_eq!(
            code_of(&last),
            (Some(50_053), Some("invalid_grant")),
            "{name}"
        );
    }
    let locked = story.password(&client, PASSWORD, INCIDENTS).await;
    assert_eq!(
        code_of(&locked).0,
        Some(50_053),
        "the right one is no way round"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v1_answers_in_its_own_way() {
    let story = Story::begin().await;
    let client = story.public().await;
    let form = [
        ("grant_type", "password"),
        ("client_id", client.id.as_str()),
        ("username", NAME),
        ("password", PASSWORD),
        ("resource", "https://api.security.microsoft.com/"),
    ];
    let path = format!("/{}/oauth2/token", story.server.tenant);
    let answer = story.at(&path, &form, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.body["expires_in"], "3599");
    assert_eq!(answer.body["scope"], "Incident.Read");
    assert_eq!(
        answer.body["resource"],
        "https://api.security.microsoft.com/"
    );
    assert!(answer.body["refresh_token"].is_string());
    assert_eq!(claims(&answer.body["id_token"])["ver"], "1.0");
    let default = story.password(&client, PASSWORD, XDR).await;
    assert_eq!(
        default.body["scope"],
        "https://api.security.microsoft.com/Incident.Read https://api.security.microsoft.com/.default"
    );
    assert!(default.body.get("refresh_token").is_none());
    assert!(default.body.get("id_token").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_waits_for_its_person() {
    let story = Story::begin().await;
    let client = story.public().await;
    let other = story.public().await;
    let base = format!("/{}/oauth2", story.server.tenant);
    let form = [("client_id", client.id.as_str()), ("scope", INCIDENTS)];
    let begun = story
        .at(&format!("{base}/v2.0/devicecode"), &form, None)
        .await;
    assert_eq!(begun.status, StatusCode::OK, "{:?}", begun.body);
    let typed = begun.body["user_code"].as_str().expect("user_code");
    let device = begun.body["device_code"].as_str().expect("device_code");
    assert_eq!(typed.len(), 9);
    assert!(begun.body.get("verification_uri_complete").is_none());
    let poll = [
        ("grant_type", "device_code"),
        ("client_id", client.id.as_str()),
        ("device_code", device),
    ];
    let pending = story.token(&poll).await;
    assert_eq!(
        code_of(&pending),
        (Some(70_016), Some("authorization_pending"))
    );
    let stolen = story.token(&with(&poll, "client_id", &other.id)).await;
    assert_eq!(
        code_of(&stolen),
        (Some(70_018), Some("bad_verification_code"))
    );
    let elsewhere = story.server.create_tenant("Elsewhere").await;
    let path = format!("/{elsewhere}/oauth2/v2.0/token");
    let elsewhere = story.at(&path, &poll, None).await;
    assert_eq!(code_of(&elsewhere).0, Some(700_016), "{:?}", elsewhere.body);

    let mut tx = story.server.server.app().store.write().await.expect("tx");
    let found =
        device_codes::by_user_code(&mut tx, &secret_hash(&normalized(&typed.to_lowercase())))
            .await
            .expect("a store")
            .expect("the code");
    let approval = DeviceApproval {
        tenant: story.tenant(),
        principal: story.user,
        details: serde_json::to_value(story.authentication()).expect("JSON"),
    };
    assert!(
        device_codes::approve(&mut tx, &found.hash, &approval)
            .await
            .expect("a store")
    );
    tx.commit().await.expect("a commit");
    let long = "urn:ietf:params:oauth:grant-type:device_code";
    let answer = story.token(&with(&poll, "grant_type", long)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        claims(&answer.body["access_token"])["amr"],
        json!(["pwd", "mfa"])
    );
    let again = story.token(&poll).await;
    assert_eq!(
        code_of(&again),
        (Some(70_018), Some("bad_verification_code"))
    );

    let form = [
        ("client_id", client.id.as_str()),
        ("resource", "https://api.security.microsoft.com"),
    ];
    let begun = story.at(&format!("{base}/devicecode"), &form, None).await;
    assert_eq!(begun.body["expires_in"], "900");
    assert!(begun.body["verification_url"].is_string());
    story.server.advance(901);
    let code = begun.body["device_code"].as_str().expect("device_code");
    let poll = [
        ("grant_type", "device_code"),
        ("client_id", client.id.as_str()),
        ("code", code),
    ];
    let expired = story.at(&format!("{base}/token"), &poll, None).await;
    assert_eq!(code_of(&expired), (Some(70_020), Some("code_expired")));
}
