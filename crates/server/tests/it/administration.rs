//! What administrators decide about sign-ins: second factors of people, policies of the tenant; and rules that go.

use bartizan_contract::{ObjectId, TenantId};
use bartizan_store::sign_in::factors::{self, Factor, FactorKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, GRAPH, OWN, TestServer};

/// Gives a person an authenticator app, whose secret nobody must see.
async fn enrol(server: &TestServer, tenant: &str, user: &str) {
    let factor = Factor {
        id: Uuid::new_v4(),
        kind: FactorKind::Totp,
        name: "Authenticator app".to_owned(),
        secret: "sealed-secret".to_owned(),
        counter: 0,
        created: 1_768_000_000_000_000,
        last_used: None,
    };
    let tenant: TenantId = tenant.parse().expect("an id");
    let user: ObjectId = user.parse().expect("an id");
    let mut tx = server.server.app().store.write().await.expect("a store");
    let added = factors::add(&mut tx, tenant, user, &factor).await;
    added.expect("a factor");
    tx.commit().await.expect("kept");
}

fn path(user: &str) -> String {
    format!("/bartizan/v1/users/{user}/secondFactors")
}

async fn require(server: &TestServer, user: &str, token: &str, required: bool) -> Answer {
    let body = json!({ "required": required });
    server
        .call(Method::PATCH, &path(user), Some(token), Some(body))
        .await
}

async fn reset(server: &TestServer, user: &str, token: &str) -> Answer {
    server
        .call(Method::DELETE, &path(user), Some(token), None)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factors_are_required_shown_and_reset() {
    let server = TestServer::start().await;
    let user = server.create_user(&server.tenant, "ann").await;
    let token = server.token(OWN).await;
    let before = server.get(&path(&user), &token).await;
    assert_eq!(before.status, StatusCode::OK, "{:?}", before.body);
    let now = |body: &Value| (body["required"].clone(), body["demanded"].clone());
    assert_eq!(now(&before.body), (json!(false), json!(false)));

    let required = require(&server, &user, &token, true).await;
    assert_eq!(required.status, StatusCode::OK, "{:?}", required.body);
    assert_eq!(now(&required.body), (json!(true), json!(true)));
    enrol(&server, &server.tenant, &user).await;
    // By principal name, too.
    let upn = before.body["userPrincipalName"].as_str().expect("a name");
    let shown = server.get(&path(upn), &token).await.body;
    assert_eq!(shown["factors"][0]["kind"], "totp", "{shown}");
    assert!(!shown.to_string().contains("sealed-secret"), "{shown}");

    let done = reset(&server, &user, &token).await;
    assert_eq!(
        (done.status, &done.body["removed"]),
        (StatusCode::OK, &json!(1))
    );
    let free = require(&server, &user, &token, false).await.body;
    // Nothing demanded hers: the reset does not leave the password alone. Nothing to reset demands nothing.
    assert_eq!(
        reset(&server, &user, &token).await.body,
        json!({ "removed": 0, "required": false })
    );
    enrol(&server, &server.tenant, &user).await;
    assert_eq!(
        reset(&server, &user, &token).await.body,
        json!({ "removed": 1, "required": true })
    );
    let kept = server.get(&path(&user), &token).await.body;
    assert_eq!(now(&kept), (json!(true), json!(true)));
    let undone = require(&server, &user, &token, false).await.body;
    assert_eq!(now(&undone), (json!(false), json!(false)));
    assert_eq!(now(&free), (json!(false), json!(false)));
    assert_eq!(free["factors"], json!([]));

    let nobody = server.get(&path("nobody@nowhere.example"), &token).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND, "{:?}", nobody.body);
    let graph = server.token(GRAPH).await;
    let audits = server.get("/v1.0/auditLogs/directoryAudits", &graph).await;
    let told = audits.body.to_string();
    for name in [
        "Enable Strong Authentication",
        "Disable Strong Authentication",
        "Admin deleted security info",
    ] {
        assert!(told.contains(name), "{name}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factors_are_in_the_hands_of_those_whose_role_it_is() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let (ann, boss) = (
        server.create_user(&tenant, "ann").await,
        server.create_user(&tenant, "boss").await,
    );
    server.assign_role(&tenant, &boss, "Security Reader").await;
    let (mut tokens, mut holders) = (Vec::new(), Vec::new());
    for role in [
        "Global Reader",
        "Authentication Administrator",
        "Global Administrator",
    ] {
        let user = server
            .create_user(&tenant, &role.replace(' ', "").to_lowercase())
            .await;
        server.assign_role(&tenant, &user, role).await;
        tokens.push(server.user_token(&tenant, &user, OWN, "SecondFactor.ReadWrite"));
        holders.push(user);
    }
    let [reader, helper, administrator] = tokens.try_into().expect("three");

    assert_eq!(
        server.get(&path(&ann), &reader).await.status,
        StatusCode::OK
    );
    let refused = require(&server, &ann, &reader, true).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
    assert_eq!(reset(&server, &ann, &helper).await.status, StatusCode::OK);
    // Whoever could take the factor of somebody with a role could take the role.
    let refused = reset(&server, &boss, &helper).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.body.to_string().contains("Global Administrator"),
        "{:?}",
        refused.body
    );
    let done = reset(&server, &boss, &administrator).await;
    assert_eq!(done.status, StatusCode::OK, "{:?}", done.body);

    // A token that was taken is no way round its owner's own second factor.
    for (own, token) in [(&holders[1], &helper), (&holders[2], &administrator)] {
        assert_eq!(
            reset(&server, own, token).await.status,
            StatusCode::FORBIDDEN
        );
        let loosened = require(&server, own, token, false).await;
        assert_eq!(loosened.status, StatusCode::FORBIDDEN);
        let tightened = require(&server, own, token, true).await;
        assert_eq!(tightened.status, StatusCode::OK, "{:?}", tightened.body);
    }

    // The same person seen from another tenant is nobody.
    let other = server.create_tenant("Fabrikam").await;
    let foreign = server.token_in(&other, OWN).await;
    assert_eq!(
        reset(&server, &ann, &foreign).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_policies_are_its_own() {
    let server = TestServer::start().await;
    let path = "/bartizan/v1/policy";
    let token = server.token(OWN).await;
    let before = server.get(path, &token).await.body;
    assert_eq!(
        before,
        json!({ "secondFactor": "none", "userConsent": "all" })
    );
    let set = |token: String, body: Value| {
        let server = &server;
        async move {
            server
                .call(Method::PATCH, path, Some(&token), Some(body))
                .await
        }
    };
    for wrong in [
        json!({ "secondFactor": "sometimes" }),
        json!({ "unknown": "all" }),
        json!({}),
    ] {
        let refused = set(token.clone(), wrong.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let body = json!({ "secondFactor": "all", "userConsent": "verified" });
    let done = set(token.clone(), body.clone()).await;
    assert_eq!(
        (done.status, &done.body),
        (StatusCode::OK, &body),
        "{:?}",
        done.body
    );

    // It holds for everybody of this tenant, and for nobody of another.
    let ann = server.create_user(&server.tenant, "ann").await;
    let shown = server.get(&self::path(&ann), &token).await.body;
    assert_eq!(
        (&shown["required"], &shown["demanded"]),
        (&json!(false), &json!(true))
    );
    let other = server.create_tenant("Fabrikam").await;
    let foreign = server.token_in(&other, OWN).await;
    assert_eq!(server.get(path, &foreign).await.body, before);

    let user = server.create_user(&server.tenant, "security").await;
    server
        .assign_role(&server.tenant, &user, "Security Administrator")
        .await;
    let reading = server.user_token(&server.tenant, &user, OWN, "TenantPolicy.ReadWrite");
    assert_eq!(server.get(path, &reading).await.body, body);
    let refused = set(reading, json!({ "secondFactor": "none" })).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_deleted_and_its_alerts_stay() {
    let server = TestServer::start().await;
    let incidents = server.with_incidents(&server.tenant, &["alpha"]).await;
    assert!(!incidents.is_empty());
    let token = server.token(OWN).await;
    let rules = server.get("/bartizan/v1/rules", &token).await.body;
    let id = rules["value"][0]["id"].as_str().expect("a rule");
    let path = format!("/bartizan/v1/rules/{id}");
    let delete = || server.call(Method::DELETE, &path, Some(&token), None);
    assert_eq!(delete().await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete().await.status, StatusCode::NOT_FOUND);
    let left = server.get("/bartizan/v1/rules", &token).await.body;
    assert!(
        left["value"]
            .as_array()
            .is_some_and(|rules| rules.iter().all(|rule| rule["id"] != id)),
        "{left}"
    );
    let xdr = server.token(crate::harness::XDR).await;
    let kept = server.get("/api/incidents", &xdr).await.body;
    assert_eq!(
        kept["value"].as_array().map(Vec::len),
        Some(incidents.len())
    );
}
