//! Applications that prove themselves without a secret: certificates, and tokens of other issuers.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use bartizan_identity::certificate::Certificate;
use bartizan_server::settings::{IssuerMode, Partial};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, OWN, START, TestServer, XDR, read};

const XDR_APP: &str = "8ee8fdad-f234-4243-8f3b-15c294843740";
const DIRECTORY: &str = "00000002-0000-0000-c000-000000000000";

/// A key with its certificate, good for the year of the stories.
pub(crate) struct Holder {
    pair: KeyPair,
    pub(crate) der: Vec<u8>,
}

impl Holder {
    pub(crate) fn new() -> Self {
        let key =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
                .expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        params.not_before = rcgen::date_time_ymd(2025, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        let der = params
            .self_signed(&key)
            .expect("a certificate")
            .der()
            .to_vec();
        let pair = KeyPair::from_pkcs8(key.serialized_der()).expect("RSA");
        Self { pair, der }
    }

    pub(crate) fn jwt(&self, header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let padding: &'static dyn RsaEncoding = match header["alg"].as_str() {
            Some("PS256") => &RSA_PSS_SHA256,
            _ => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                padding,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .expect("signed");
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn header(&self) -> Value {
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Certificate::sha256(&self.der));
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
    }

    /// An assertion of the client itself.
    pub(crate) fn assertion(&self, client: &str, audience: &str) -> String {
        let claims =
            json!({"aud": audience, "iss": client, "sub": client, "exp": START + 600, "jti": "x"});
        self.jwt(&self.header(), &claims)
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let public = self.pair.public_key();
        let n = BASE64_URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        json!({"kty": "RSA", "kid": kid, "n": n, "e": "AQAB"})
    }

    pub(crate) fn wire(&self) -> Value {
        json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": BASE64_STANDARD.encode(&self.der)})
    }
}

/// A token by assertion, from either endpoint.
async fn ask(server: &TestServer, client: &str, endpoint: &str, assertion: &str) -> Answer {
    let target = match endpoint {
        "oauth2/token" => ("resource", "https://api.security.microsoft.com"),
        _ => ("scope", XDR),
    };
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
        target,
    ];
    let url = format!("{}/{}/{endpoint}", server.server.http_url(), server.tenant);
    read(
        server
            .http
            .post(url)
            .form(&form)
            .send()
            .await
            .expect("an answer"),
    )
    .await
}

fn code(answer: &Answer) -> i64 {
    answer.body["error_codes"][0]
        .as_i64()
        .unwrap_or_else(|| panic!("{:?}", answer.body))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A call to Graph as the operator.
async fn graph(server: &TestServer, method: Method, path: &str, body: Option<Value>) -> Answer {
    let token = server.token(GRAPH).await;
    server
        .call(method, &format!("/v1.0{path}"), Some(&token), body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_with_a_certificate() {
    let server = TestServer::start().await;
    let (client, _) = server
        .create_app(&server.tenant, &[(XDR_APP, "Incident.Read.All")])
        .await;
    let (mine, other) = (Holder::new(), Holder::new());
    let path = format!("/applications(appId='{client}')");
    let v2 = format!(
        "https://login.microsoftonline.com/{}/oauth2/v2.0/token",
        server.tenant
    );

    let unknown = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &mine.assertion(&client, &v2),
    )
    .await;
    assert_eq!(
        (unknown.status, code(&unknown)),
        (StatusCode::UNAUTHORIZED, 700_027)
    );

    let body = json!({"keyCredentials": [mine.wire()]});
    let patched = graph(&server, Method::PATCH, &path, Some(body)).await;
    assert_eq!(patched.status, StatusCode::NO_CONTENT, "{:?}", patched.body);
    for endpoint in ["oauth2/v2.0/token", "oauth2/token"] {
        let answer = ask(&server, &client, endpoint, &mine.assertion(&client, &v2)).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        let token = answer.body["access_token"].as_str().expect("a token");
        assert_eq!(claims(token)["appidacr"], "2");
        assert_eq!(
            server.get("/api/incidents", token).await.status,
            StatusCode::OK
        );
    }
    // Own origins and the tenant's domain are good audiences; another tenant is not.
    let own = format!(
        "{}/{}/oauth2/v2.0/token",
        server.server.http_url(),
        server.tenant
    );
    let answer = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &mine.assertion(&client, &own),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let elsewhere = v2.replace(&server.tenant, XDR_APP);
    let answer = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &mine.assertion(&client, &elsewhere),
    )
    .await;
    assert_eq!(code(&answer), 700_023);
    let foreign = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &mine.assertion(XDR_APP, &v2),
    )
    .await;
    assert_eq!(code(&foreign), 700_021);
    let impostor = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &other.assertion(&client, &v2),
    )
    .await;
    assert_eq!(code(&impostor), 700_027);

    // What is read has no key, unless it is asked for by name.
    let app = graph(&server, Method::GET, &path, None).await.body;
    let key = &app["keyCredentials"][0];
    assert_eq!(key["key"], Value::Null);
    assert_eq!(
        key["customKeyIdentifier"],
        BASE64_STANDARD.encode(Certificate::sha1(&mine.der))
    );
    let selected = graph(
        &server,
        Method::GET,
        &format!("{path}?$select=keyCredentials"),
        None,
    )
    .await;
    assert_eq!(
        selected.body["keyCredentials"][0]["key"],
        BASE64_STANDARD.encode(&mine.der)
    );

    // Its last use is known, and the trail says who added it.
    let token = server.token(OWN).await;
    let listed = server
        .get(&format!("/bartizan/v1/credentials?appId={client}"), &token)
        .await;
    let found = listed.body["value"].as_array().expect("a list");
    let certificate = found
        .iter()
        .find(|c| c["kind"] == "certificate")
        .expect("listed");
    assert_eq!(certificate["lastUsedDateTime"], "2026-01-15T12:00:00Z");

    // What a change names without its key stays; what it does not name goes.
    let body = json!({"keyCredentials": [{"keyId": key["keyId"]}, other.wire()]});
    assert_eq!(
        graph(&server, Method::PATCH, &path, Some(body))
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    for holder in [&mine, &other] {
        let answer = ask(
            &server,
            &client,
            "oauth2/token",
            &holder.assertion(&client, &v2),
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    let body = json!({"keyCredentials": []});
    assert_eq!(
        graph(&server, Method::PATCH, &path, Some(body))
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let gone = ask(
        &server,
        &client,
        "oauth2/token",
        &mine.assertion(&client, &v2),
    )
    .await;
    assert_eq!(code(&gone), 700_027);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rolled_by_who_holds_one() {
    let server = TestServer::start().await;
    let (client, _) = server.create_app(&server.tenant, &[]).await;
    let (old, new) = (Holder::new(), Holder::new());
    let path = format!("/applications(appId='{client}')");
    let object = graph(&server, Method::GET, &path, None).await.body["id"].clone();
    let proof = |holder: &Holder| {
        let claims = json!({"aud": DIRECTORY, "iss": object, "nbf": START, "exp": START + 600});
        holder.jwt(&holder.header(), &claims)
    };
    let add = |holder: &Holder| json!({"keyCredential": new.wire(), "passwordCredential": null, "proof": proof(holder)});

    let first = graph(
        &server,
        Method::POST,
        &format!("{path}/addKey"),
        Some(add(&new)),
    )
    .await;
    assert_eq!(first.status, StatusCode::BAD_REQUEST, "{:?}", first.body);
    assert!(
        first.body["error"]["message"]
            .as_str()
            .expect("text")
            .contains("PATCH")
    );

    let body = json!({"keyCredentials": [old.wire()]});
    graph(&server, Method::PATCH, &path, Some(body)).await;
    let added = graph(
        &server,
        Method::POST,
        &format!("{path}/addKey"),
        Some(add(&old)),
    )
    .await;
    assert_eq!(added.status, StatusCode::OK, "{:?}", added.body);
    let app = graph(&server, Method::GET, &path, None).await.body;
    let keys = app["keyCredentials"].as_array().expect("a list");
    assert_eq!(keys.len(), 2);
    let gone = keys
        .iter()
        .find(|k| k["keyId"] != added.body["keyId"])
        .expect("the old one");
    let remove = json!({"keyId": gone["keyId"], "proof": proof(&new)});
    let removed = graph(
        &server,
        Method::POST,
        &format!("{path}/removeKey"),
        Some(remove),
    )
    .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{:?}", removed.body);
    let again = graph(
        &server,
        Method::POST,
        &format!("{path}/addKey"),
        Some(add(&old)),
    )
    .await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_rolls_its_own_keys_without_a_permission() {
    let server = TestServer::start().await;
    let (client, secret) = server.create_app(&server.tenant, &[]).await;
    let (old, new) = (Holder::new(), Holder::new());
    let path = format!("/applications(appId='{client}')");
    let body = json!({"keyCredentials": [old.wire()]});
    graph(&server, Method::PATCH, &path, Some(body)).await;
    let object = graph(&server, Method::GET, &path, None).await.body["id"].clone();
    let proof = |holder: &Holder| {
        let claims = json!({"aud": DIRECTORY, "iss": object, "nbf": START, "exp": START + 600});
        holder.jwt(&holder.header(), &claims)
    };
    let own = server
        .token_of(&server.tenant, (&client, &secret), GRAPH)
        .await;
    let (other, other_secret) = server.create_app(&server.tenant, &[]).await;
    let stranger = server
        .token_of(&server.tenant, (&other, &other_secret), GRAPH)
        .await;
    let add = |token: String, holder: &Holder| {
        let body = json!({"keyCredential": new.wire(), "proof": proof(holder)});
        let path = format!("/v1.0{path}/addKey");
        let server = &server;
        async move {
            server
                .call(Method::POST, &path, Some(&token), Some(body))
                .await
                .status
        }
    };
    assert_eq!(add(stranger, &old).await, StatusCode::FORBIDDEN);
    assert_eq!(add(own.clone(), &new).await, StatusCode::BAD_REQUEST);
    assert_eq!(add(own.clone(), &old).await, StatusCode::OK);
    // Nothing else of its own registration without the permission.
    let body = json!({"keyCredentials": []});
    let change = server
        .call(
            Method::PATCH,
            &format!("/v1.0{path}"),
            Some(&own),
            Some(body),
        )
        .await;
    assert_eq!(change.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_whose_issuers_keys_are_kept() {
    let server = TestServer::start().await;
    let (client, _) = server.create_app(&server.tenant, &[]).await;
    let issuer = Holder::new();
    let path = format!("/applications(appId='{client}')/federatedIdentityCredentials");
    let body = json!({
        "name": "main", "issuer": "https://token.actions.example.com", "subject": "repo:contoso/hunts",
        "audiences": ["api://AzureADTokenExchange"], "bartizanKeySet": {"keys": [issuer.jwk("a")]},
    });
    let made = graph(&server, Method::POST, &path, Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert_eq!(
        graph(&server, Method::POST, &path, Some(body)).await.status,
        StatusCode::CONFLICT
    );

    let token = |subject: &str| {
        let claims = json!({
            "iss": "https://token.actions.example.com", "sub": subject, "aud": "api://AzureADTokenExchange",
            "exp": START + 300,
        });
        issuer.jwt(&json!({"alg": "RS256", "typ": "JWT", "kid": "a"}), &claims)
    };
    let answer = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &token("repo:contoso/hunts"),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let access = answer.body["access_token"].as_str().expect("a token");
    assert_eq!(claims(access)["appidacr"], "2");
    let other = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &token("repo:contoso/other"),
    )
    .await;
    assert_eq!(code(&other), 700_213);

    let one = format!("{path}/main");
    let change = json!({"subject": "repo:contoso/other"});
    assert_eq!(
        graph(&server, Method::PATCH, &one, Some(change))
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let other = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &token("repo:contoso/other"),
    )
    .await;
    assert_eq!(other.status, StatusCode::OK, "{:?}", other.body);
    assert_eq!(
        graph(&server, Method::GET, &one, None).await.body["subject"],
        "repo:contoso/other"
    );
    assert_eq!(
        graph(&server, Method::DELETE, &one, None).await.status,
        StatusCode::NO_CONTENT
    );
    let listed = graph(&server, Method::GET, &path, None).await;
    assert_eq!(listed.body["value"], json!([]));
    let after = ask(
        &server,
        &client,
        "oauth2/v2.0/token",
        &token("repo:contoso/other"),
    )
    .await;
    assert_eq!(code(&after), 700_211);
}

/// One server's token stands for an application of another one, which reads the issuer's keys itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_keys_are_read_where_it_may_be() {
    let issuer = TestServer::start_with(Partial {
        issuer: Some(IssuerMode::Own),
        ..Partial::default()
    })
    .await;
    let (client, secret) = issuer.create_app(&issuer.tenant, &[]).await;
    let token = issuer
        .token_of(&issuer.tenant, (&client, &secret), XDR)
        .await;
    let said = claims(&token);
    let ca = issuer.data.path().join("trust.pem");
    std::fs::write(&ca, issuer.server.app().authority.certificate_pem()).expect("written");
    let host = format!("localhost:{}", issuer.server.https_address().port());

    for (hosts, wanted) in [(vec![host], None), (Vec::new(), Some(50_166))] {
        let server = TestServer::start_with(Partial {
            issuer_hosts: Some(hosts),
            issuer_ca: Some(ca.clone()),
            ..Partial::default()
        })
        .await;
        let (app, _) = server.create_app(&server.tenant, &[]).await;
        let path = format!("/applications(appId='{app}')/federatedIdentityCredentials");
        let body = json!({"name": "twin", "issuer": said["iss"], "subject": said["sub"], "audiences": [said["aud"]]});
        let made = graph(&server, Method::POST, &path, Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
        let answer = ask(&server, &app, "oauth2/v2.0/token", &token).await;
        match wanted {
            None => assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body),
            Some(wanted) => {
                assert_eq!(code(&answer), wanted);
                let text = answer.body["error_description"].as_str().expect("text");
                assert!(text.contains("private network"), "{text}");
            }
        }
    }
}
