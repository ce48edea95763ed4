//! What is redeemed once or in somebody else's name: codes and assertions.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_for_its_client_with_its_verifier() {
    let story = Story::begin().await;
    let web = json!({ "web": { "redirectUris": ["https://app.example/cb"] } });
    let client = story.client(web.clone()).await;
    let other = story.client(web).await;
    story.grant(&client, XDR_APP, "Incident.Read").await;
    story.grant(&other, XDR_APP, "Incident.Read").await;
    story.code(&client, "one", Platform::Web, true).await;
    let form = redemption(&client, "one");
    for (form, expected) in [
        (without(&form, "code_verifier"), 501_481),
        (with(&form, "code_verifier", CHALLENGE), 501_481),
        (with(&form, "code_verifier", "short"), 50_147),
        (
            with(&form, "redirect_uri", "https://evil.example/cb"),
            500_112,
        ),
        (without(&form, "redirect_uri"), 500_112),
        (without(&form, "client_secret"), 7_000_218),
        (with(&form, "client_secret", "wrong"), 7_000_215),
        (redemption(&other, "one"), 70_000),
        (with(&form, "code", "none"), 70_000),
        (
            with(&form, "scope", "https://x.example/a https://y.example/b"),
            700_022,
        ),
    ] {
        let answer = story.token(&form).await;
        assert_eq!(
            code_of(&answer).0,
            Some(expected),
            "{form:?}: {:?}",
            answer.body
        );
    }
    let path = format!("/{}/oauth2/v2.0/token", story.server.tenant);
    let cross = story.at(&path, &form, Some("https://evil.example")).await;
    assert_eq!(code_of(&cross).0, Some(9_002_326));

    let answer = story.token(&form).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(claims(&answer.body["access_token"])["appidacr"], "1");
    let id = claims(&answer.body["id_token"]);
    assert_eq!(
        (&id["nonce"], &id["auth_time"]),
        (&json!("n-1"), &json!(START))
    );
    let refresh = answer.body["refresh_token"].as_str().expect("a token");
    let form_of = |secret: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.id.as_str()),
            ("refresh_token", refresh),
            ("client_secret", secret),
        ];
        form.map(|(n, v)| (n.to_owned(), v.to_owned()))
    };
    let owned = form_of(&client.secret);
    let refreshing: Vec<(&str, &str)> = owned
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let bare = story.token(&without(&refreshing, "client_secret")).await;
    assert_eq!(code_of(&bare).0, Some(7_000_218), "a confidential client's");
    assert_eq!(story.token(&refreshing).await.status, StatusCode::OK);
    // The code comes again: whoever has it, what it gave is revoked.
    let replay = story.token(&form).await;
    assert_eq!(code_of(&replay), (Some(54_005), Some("invalid_grant")));
    let revoked = story.token(&refreshing).await;
    assert_eq!(code_of(&revoked).0, Some(50_173));

    // A verifier where the challenge was taken out on the way.
    story.code(&client, "two", Platform::Web, false).await;
    let downgraded = story.token(&redemption(&client, "two")).await;
    assert_eq!(code_of(&downgraded).0, Some(501_481));
    story.server.advance(601);
    let late = story
        .token(&without(&redemption(&client, "two"), "code_verifier"))
        .await;
    assert_eq!(code_of(&late), (Some(70_008), Some("invalid_grant")));
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_pages_and_programs_have_rules_of_their_own() {
    let story = Story::begin().await;
    let client = story.client(json!({})).await;
    story.grant(&client, XDR_APP, "Incident.Read").await;
    let path = format!("/{}/oauth2/v2.0/token", story.server.tenant);
    story
        .code(&client, "native", Platform::PublicClient, true)
        .await;
    let form = redemption(&client, "native");
    let proof = story.token(&form).await;
    assert_eq!(code_of(&proof).0, Some(700_025));
    let bare = without(&form, "client_secret");
    assert_eq!(story.token(&bare).await.status, StatusCode::OK);

    story.code(&client, "page", Platform::Spa, true).await;
    let form = redemption(&client, "page");
    let form = without(&form, "client_secret");
    let direct = story.token(&form).await;
    assert_eq!(code_of(&direct).0, Some(9_002_327));
    let origin = Some("https://app.example");
    let answer = story.at(&path, &form, origin).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let refresh = answer.body["refresh_token"].as_str().expect("a token");
    let refreshing = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("refresh_token", refresh),
    ];
    story.server.advance(80_000);
    let again = story.at(&path, &refreshing, origin).await;
    assert_eq!(again.status, StatusCode::OK, "{:?}", again.body);
    // A page's sign-in ends after a day, however often it is refreshed.
    let last = again.body["refresh_token"].as_str().expect("a token");
    story.server.advance(6_400);
    let refreshing = with(&refreshing, "refresh_token", last);
    let over = story.at(&path, &refreshing, origin).await;
    assert_eq!(code_of(&over), (Some(700_084), Some("invalid_grant")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_calls_on_in_the_name_of_its_caller() {
    let story = Story::begin().await;
    let scope = Uuid::new_v4();
    let middle = story
        .client(json!({
            "identifierUris": ["api://middle"],
            "api": { "oauth2PermissionScopes": [{
                "id": scope, "value": "access", "type": "User", "isEnabled": true,
                "userConsentDisplayName": "x", "userConsentDescription": "x",
                "adminConsentDisplayName": "x", "adminConsentDescription": "x",
            }]},
        }))
        .await;
    let client = story.public().await;
    story.grant(&client, &middle.id, "access").await;
    let front = story
        .password(&client, PASSWORD, "api://middle/access openid profile")
        .await;
    assert_eq!(front.status, StatusCode::OK, "{:?}", front.body);
    let assertion = front.body["access_token"].as_str().expect("a token");
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("requested_token_use", "on_behalf_of"),
        ("client_id", middle.id.as_str()),
        ("client_secret", middle.secret.as_str()),
        ("assertion", assertion),
        ("scope", "https://api.security.microsoft.com/Incident.Read"),
    ];
    let unconsented = story.token(&form).await;
    assert_eq!(code_of(&unconsented), (Some(65_001), Some("invalid_grant")));
    assert_eq!(unconsented.body["suberror"], "consent_required");
    story.grant(&middle, XDR_APP, "Incident.Read").await;
    let answer = story.token(&form).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert!(answer.body.get("refresh_token").is_none());
    let token = claims(&answer.body["access_token"]);
    assert_eq!(
        (&token["appid"], &token["oid"], &token["scp"]),
        (
            &json!(middle.id),
            &json!(story.user.to_string()),
            &json!("Incident.Read")
        )
    );
    let own = story
        .server
        .token_of(
            &story.server.tenant,
            (&middle.id, &middle.secret),
            "api://middle/.default",
        )
        .await;
    let for_another = story.password(&client, PASSWORD, INCIDENTS).await;
    let for_another = for_another.body["access_token"].as_str().expect("a token");
    let forged = format!("{}x", &assertion[..assertion.len() - 1]);
    for (assertion, expected) in [
        (own.as_str(), 7_000_114),
        (for_another, 500_131),
        (forged.as_str(), 50_013),
        ("junk", 50_013),
    ] {
        let answer = story.token(&with(&form, "assertion", assertion)).await;
        assert_eq!(code_of(&answer).0, Some(expected), "{:?}", answer.body);
    }
    let id_token = story
        .password(&middle_as_public(&middle), PASSWORD, "openid")
        .await;
    assert_eq!(code_of(&id_token).0, Some(7_000_218), "{:?}", id_token.body);
}

/// v2 tokens do not say how their user signed in, and the next API may ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_reaches_the_next_api_by_tokens_of_either_version() {
    let story = Story::begin().await;
    let mut tx = story
        .server
        .server
        .app()
        .store
        .write()
        .await
        .expect("a store");
    tenant_policies::put(&mut tx, story.tenant(), "second_factor", "administrators")
        .await
        .expect("a policy");
    tx.commit().await.expect("a commit");
    let client = story.public().await;
    for version in [1, 2] {
        let name = format!("api://middle-{version}");
        let middle = story
            .client(json!({
                "identifierUris": [name],
                "api": { "requestedAccessTokenVersion": version, "oauth2PermissionScopes": [{
                    "id": Uuid::new_v4(), "value": "access", "type": "User", "isEnabled": true,
                    "userConsentDisplayName": "x", "userConsentDescription": "x",
                    "adminConsentDisplayName": "x", "adminConsentDescription": "x",
                }]},
            }))
            .await;
        story.grant(&client, &middle.id, "access").await;
        story.grant(&middle, XDR_APP, "Incident.Read").await;
        story
            .code(&client, &name, Platform::PublicClient, false)
            .await;
        let form = redemption(&client, &name);
        let form = without(&without(&form, "client_secret"), "code_verifier");
        let scope = format!("{name}/access");
        let front = story.token(&with(&form, "scope", &scope)).await;
        assert_eq!(front.status, StatusCode::OK, "{:?}", front.body);
        let told = claims(&front.body["access_token"]);
        assert_eq!(told["ver"], format!("{version}.0"));
        assert_eq!(told.get("amr").is_some(), version == 1, "{told}");
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("requested_token_use", "on_behalf_of"),
            ("client_id", middle.id.as_str()),
            ("client_secret", middle.secret.as_str()),
            (
                "assertion",
                front.body["access_token"].as_str().expect("a token"),
            ),
            ("scope", "https://api.security.microsoft.com/Incident.Read"),
        ];
        let answer = story.token(&form).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{version}: {:?}",
            answer.body
        );
    }
}

fn middle_as_public(client: &Client) -> Client {
    Client {
        id: client.id.clone(),
        principal: client.principal,
        secret: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_info_tells_who_the_token_is_of() {
    let story = Story::begin().await;
    let client = story.public().await;
    let answer = story.password(&client, PASSWORD, "openid profile").await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.body["scope"], "openid profile");
    let token = answer.body["access_token"].as_str().expect("a token");
    let told = story.server.get("/oidc/userinfo", token).await;
    assert_eq!(told.status, StatusCode::OK, "{:?}", told.body);
    assert_eq!(told.body["sub"], claims(&answer.body["id_token"])["sub"]);
    assert_eq!(told.body["name"], "Ada");
    let app = story.server.token(GRAPH).await;
    let refused = story.server.get("/oidc/userinfo", &app).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

/// What a sign-in gave that can be redeemed later: a refresh token, a code, a device that was approved.
struct Redeemable {
    refresh: Value,
    code: String,
    device: Value,
}

impl Redeemable {
    async fn of(story: &Story, client: &Client, code: &str, password: &str) -> Self {
        let given = story.password(client, password, INCIDENTS).await;
        assert_eq!(given.status, StatusCode::OK, "{:?}", given.body);
        story
            .code(client, code, Platform::PublicClient, false)
            .await;
        let path = format!("/{}/oauth2/v2.0/devicecode", story.server.tenant);
        let form = [("client_id", client.id.as_str()), ("scope", INCIDENTS)];
        let begun = story.at(&path, &form, None).await;
        let typed = begun.body["user_code"].as_str().expect("user_code");
        let app = story.server.server.app();
        let mut tx = app.store.write().await.expect("a store");
        let found = device_codes::by_user_code(&mut tx, &secret_hash(&normalized(typed))).await;
        let approval = DeviceApproval {
            tenant: story.tenant(),
            principal: story.user,
            details: serde_json::to_value(story.authentication()).expect("JSON"),
        };
        let hash = found.expect("a store").expect("the code").hash;
        let approved = device_codes::approve(&mut tx, &hash, &approval).await;
        assert!(approved.expect("a store"));
        tx.commit().await.expect("a commit");
        Self {
            refresh: given.body["refresh_token"].clone(),
            code: code.to_owned(),
            device: begun.body["device_code"].clone(),
        }
    }

    /// The codes with which each of them is refused.
    async fn redeem(&self, story: &Story, client: &Client) -> [Option<i64>; 3] {
        let refreshed = story.refresh(&client.id, &self.refresh).await;
        let form = redemption(client, &self.code);
        let form = without(&without(&form, "client_secret"), "code_verifier");
        let redeemed = story.token(&form).await;
        let poll = [
            ("grant_type", "device_code"),
            ("client_id", client.id.as_str()),
            ("device_code", self.device.as_str().expect("device_code")),
        ];
        let polled = story.token(&poll).await;
        [&refreshed, &redeemed, &polled].map(|answer| code_of(answer).0)
    }
}

/// The clock of these stories stands still: everything belongs to one second.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_in_the_second_of_a_revocation_ends_with_it() {
    let story = Story::begin().await;
    let client = story.public().await;
    let graph = story.server.token(GRAPH).await;
    let user = format!("/v1.0/users/{}", story.user);
    let revoke = format!("{user}/revokeSignInSessions");
    let disabled = json!({ "accountEnabled": false });
    let new = "Another-Horse-1";
    let reset = json!({ "passwordProfile": { "password": new } });
    for (name, method, path, body, password) in [
        ("revoked", Method::POST, &revoke, None, PASSWORD),
        ("disabled", Method::PATCH, &user, Some(disabled), PASSWORD),
        ("reset", Method::PATCH, &user, Some(reset), new),
    ] {
        let given = Redeemable::of(&story, &client, name, PASSWORD).await;
        let done = story.server.call(method, path, Some(&graph), body).await;
        assert!(done.status.is_success(), "{name}: {:?}", done.body);
        let enabled = Some(json!({ "accountEnabled": true }));
        let on = story
            .server
            .call(Method::PATCH, &user, Some(&graph), enabled)
            .await;
        assert!(on.status.is_success(), "{name}: {:?}", on.body);
        let refused = given.redeem(&story, &client).await;
        assert_eq!(
            refused,
            [Some(50_173), Some(70_008), Some(70_020)],
            "{name}"
        );
        // Whoever signs in again is signed in.
        let fresh = Redeemable::of(&story, &client, &format!("after {name}"), password).await;
        let good = fresh.redeem(&story, &client).await;
        assert_eq!(good, [None; 3], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_resource_by_several_names_is_one() {
    let story = Story::begin().await;
    let client = story.public().await;
    let graph = "00000003-0000-0000-c000-000000000000";
    story
        .grant(
            &client,
            graph,
            "User.Read User.Read.All email offline_access",
        )
        .await;
    let openid = "openid profile email offline_access";
    for (asked, audience, scope) in [
        (
            "User.Read https://graph.microsoft.com/User.Read.All",
            graph,
            "User.Read User.Read.All email openid profile",
        ),
        (
            "https://graph.microsoft.com/User.Read User.Read.All",
            "https://graph.microsoft.com",
            "https://graph.microsoft.com/User.Read https://graph.microsoft.com/User.Read.All email openid profile",
        ),
        (
            "https://api.security.microsoft.com/Incident.Read https://api.security.microsoft.com//Incident.Read",
            "https://api.security.microsoft.com",
            "https://api.security.microsoft.com/Incident.Read",
        ),
    ] {
        let answer = story
            .password(&client, PASSWORD, &format!("{asked} {openid}"))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        assert_eq!(answer.body["scope"], scope);
        let token = claims(&answer.body["access_token"]);
        assert_eq!(token["aud"], audience);
        let words = token["scp"].as_str().expect("scp");
        assert!(!words.contains("offline_access"), "{words}");
        assert!(answer.body["refresh_token"].is_string());
    }
    let two = "User.Read https://api.security.microsoft.com/Incident.Read";
    let refused = story.password(&client, PASSWORD, two).await;
    assert_eq!(code_of(&refused), (Some(700_022), Some("invalid_scope")));
}
