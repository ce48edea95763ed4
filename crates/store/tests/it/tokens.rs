//! Delegated permission grants, and what clients hold in a user's name.

use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::{AppId, ObjectId};
use bartizan_store::directory::permission_grants::{self, PermissionGrant};
use bartizan_store::directory::search::Search;
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::users::{self, User};
use bartizan_store::tokens::authorization_codes::{self, AuthorizationCode};
use bartizan_store::tokens::device_codes::{self, DeviceApproval, DeviceCode, DeviceCodeState};
use bartizan_store::tokens::refresh_tokens::{self, Family, RefreshToken};
use bartizan_store::{Page, Store, StoreError, WriteTx, tenant_policies, tokens};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{NOW, application, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    a_grant_stays_in_its_tenant_and_grows,
    a_code_is_redeemed_once,
    families_are_revoked_by_their_tenant,
    a_device_code_is_decided_once,
    what_expired_is_swept,
);

const USER: ObjectId = ObjectId::from_u128(5);
const CLIENT: AppId = AppId::from_u128(0x3001);

/// Two tenants; the first has a user and a client's service principal.
async fn with_user(store: &Store) -> (WriteTx, ObjectId, ObjectId) {
    let mut tx = two_tenants(store).await;
    let user = User::new(USER, "u@t1.example.com", "U", NOW);
    users::create(&mut tx, tenant_id(1), &user).await.unwrap();
    let client = ServicePrincipal::of_application(
        ObjectId(Uuid::from_u128(77)),
        tenant_id(1),
        &application(1, 1),
        NOW,
    );
    service_principals::create(&mut tx, &client).await.unwrap();
    let resource = service_principals::by_app_id(&mut tx, tenant_id(1), RESOURCES[0].app_id)
        .await
        .unwrap()
        .unwrap();
    (tx, client.id, resource.id)
}

async fn a_grant_stays_in_its_tenant_and_grows(store: &Store) {
    let (mut tx, client, resource) = with_user(store).await;
    let (mine, other) = (tenant_id(1), tenant_id(2));
    let grant = |id: &str, principal, scope: &str| PermissionGrant {
        id: id.to_owned(),
        client,
        resource,
        principal,
        scope: scope.to_owned(),
        created: NOW,
    };
    let all = grant("a", None, " Incident.Read");
    assert!(matches!(
        permission_grants::create(&mut tx, other, &all).await,
        Err(StoreError::Missing(_))
    ));
    permission_grants::create(&mut tx, mine, &all)
        .await
        .unwrap();
    let stranger = grant("s", Some(ObjectId::from_u128(99)), "x");
    assert!(matches!(
        permission_grants::create(&mut tx, mine, &stranger).await,
        Err(StoreError::Missing(_))
    ));
    let own = grant("b", Some(USER), "Incident.Read");
    permission_grants::add(&mut tx, mine, &own).await.unwrap();
    let grown = permission_grants::add(
        &mut tx,
        mine,
        &grant("c", Some(USER), "incident.read AdvancedHunting.Read"),
    )
    .await
    .unwrap();
    assert_eq!(
        (grown.id.as_str(), grown.scope.as_str()),
        ("b", "Incident.Read AdvancedHunting.Read")
    );
    let held = permission_grants::of_client(&mut tx, mine, client)
        .await
        .unwrap();
    assert_eq!(held, [all.clone(), grown.clone()]);
    let of_user = permission_grants::of_principal(&mut tx, mine, USER)
        .await
        .unwrap();
    assert_eq!(of_user, [grown]);
    assert_eq!(
        permission_grants::by_id(&mut tx, other, "a").await.unwrap(),
        None
    );
    assert!(matches!(
        permission_grants::set_scope(&mut tx, other, "a", "y").await,
        Err(StoreError::Missing(_))
    ));
    assert!(
        !permission_grants::delete(&mut tx, other, "a")
            .await
            .unwrap()
    );
    let page = permission_grants::list(&mut tx, mine, &Search::all(&Page::first(1)))
        .await
        .unwrap();
    assert_eq!(
        (page.items.len(), page.next.map(|next| next.id)),
        (1, Some("a".to_owned())),
        "one more follows"
    );
    // A client that goes takes its grants along.
    service_principals::delete(&mut tx, mine, client)
        .await
        .unwrap();
    assert_eq!(
        permission_grants::by_id(&mut tx, mine, "a").await.unwrap(),
        None
    );
    assert_eq!(
        tenant_policies::get(&mut tx, mine, tenant_policies::USER_CONSENT)
            .await
            .unwrap(),
        None
    );
    for value in ["none", "all"] {
        tenant_policies::put(&mut tx, mine, tenant_policies::USER_CONSENT, value)
            .await
            .unwrap();
    }
    let policy = tenant_policies::get(&mut tx, mine, tenant_policies::USER_CONSENT);
    assert_eq!(policy.await.unwrap().as_deref(), Some("all"));
}

fn code(hash: &str) -> AuthorizationCode {
    AuthorizationCode {
        hash: hash.to_owned(),
        tenant: tenant_id(1),
        client: CLIENT,
        principal: USER,
        family: Uuid::from_u128(8),
        details: json!({ "x": 1 }),
        issued: NOW,
        expires: NOW + 600,
        redeemed: None,
    }
}

fn token(hash: &str, expires: i64) -> RefreshToken {
    RefreshToken {
        hash: hash.to_owned(),
        family: Family {
            id: Uuid::from_u128(8),
            tenant: tenant_id(1),
            client: CLIENT,
            principal: USER,
            created: NOW,
            revoked: None,
        },
        details: json!({ "y": [2] }),
        issued: NOW,
        last_used: None,
        expires,
    }
}

async fn a_code_is_redeemed_once(store: &Store) {
    let (mut tx, ..) = with_user(store).await;
    authorization_codes::insert(&mut tx, &code("h"))
        .await
        .unwrap();
    let found = authorization_codes::by_hash(&mut tx, "h").await.unwrap();
    assert_eq!(found, Some(code("h")));
    assert!(
        authorization_codes::redeem(&mut tx, "h", NOW + 1)
            .await
            .unwrap()
    );
    assert!(
        !authorization_codes::redeem(&mut tx, "h", NOW + 2)
            .await
            .unwrap()
    );
    let found = authorization_codes::by_hash(&mut tx, "h").await.unwrap();
    assert_eq!(found.unwrap().redeemed, Some(NOW + 1));
}

async fn families_are_revoked_by_their_tenant(store: &Store) {
    let (mut tx, ..) = with_user(store).await;
    let (mine, other) = (tenant_id(1), tenant_id(2));
    for hash in ["a", "b"] {
        refresh_tokens::insert(&mut tx, &token(hash, NOW + 9))
            .await
            .unwrap();
    }
    refresh_tokens::touch(&mut tx, "a", NOW + 3).await.unwrap();
    let found = refresh_tokens::by_hash(&mut tx, "a").await.unwrap();
    assert_eq!(
        found,
        Some(RefreshToken {
            last_used: Some(NOW + 3),
            ..token("a", NOW + 9)
        })
    );
    let family = Uuid::from_u128(8);
    assert!(
        !refresh_tokens::revoke_family(&mut tx, other, family, NOW)
            .await
            .unwrap()
    );
    assert!(
        refresh_tokens::revoke_family(&mut tx, mine, family, NOW + 5)
            .await
            .unwrap()
    );
    let found = refresh_tokens::by_hash(&mut tx, "b").await.unwrap();
    assert_eq!(found.unwrap().family.revoked, Some(NOW + 5));
    let revoked = refresh_tokens::revoke_of_user(&mut tx, mine, USER, None, NOW).await;
    assert_eq!(revoked.unwrap(), 0, "it is revoked already");
    let families = refresh_tokens::of_user(&mut tx, mine, USER).await.unwrap();
    assert_eq!(families.len(), 1);
}

async fn a_device_code_is_decided_once(store: &Store) {
    let (mut tx, ..) = with_user(store).await;
    let fresh = |hash: &str, user_code: &str| DeviceCode {
        hash: hash.to_owned(),
        user_code: user_code.to_owned(),
        path: "common".to_owned(),
        client: CLIENT,
        details: json!({}),
        issued: NOW,
        expires: NOW + 900,
        state: DeviceCodeState::Pending,
    };
    device_codes::insert(&mut tx, &fresh("d", "u"))
        .await
        .unwrap();
    device_codes::insert(&mut tx, &fresh("e", "v"))
        .await
        .unwrap();
    assert!(!device_codes::redeem(&mut tx, "d").await.unwrap());
    let approval = DeviceApproval {
        tenant: tenant_id(1),
        principal: USER,
        details: json!({ "z": 3 }),
    };
    assert!(
        device_codes::approve(&mut tx, "d", &approval)
            .await
            .unwrap()
    );
    assert!(!device_codes::decline(&mut tx, "d").await.unwrap());
    let found = device_codes::by_user_code(&mut tx, "u").await.unwrap();
    assert_eq!(found.unwrap().state, DeviceCodeState::Approved(approval));
    assert!(device_codes::redeem(&mut tx, "d").await.unwrap());
    assert!(!device_codes::redeem(&mut tx, "d").await.unwrap());
    assert!(device_codes::decline(&mut tx, "e").await.unwrap());
    let found = device_codes::by_hash(&mut tx, "e").await.unwrap();
    assert_eq!(found.unwrap().state, DeviceCodeState::Declined);
}

async fn what_expired_is_swept(store: &Store) {
    let (mut tx, ..) = with_user(store).await;
    authorization_codes::insert(&mut tx, &code("h"))
        .await
        .unwrap();
    refresh_tokens::insert(&mut tx, &token("old", NOW + 700))
        .await
        .unwrap();
    assert_eq!(tokens::sweep(&mut tx, NOW + 600).await.unwrap(), 0);
    assert_eq!(tokens::sweep(&mut tx, NOW + 601).await.unwrap(), 1);
    let token = refresh_tokens::by_hash(&mut tx, "old").await.unwrap();
    assert!(token.is_some());
    // The token and, with nothing left of it, the family.
    assert_eq!(tokens::sweep(&mut tx, NOW + 701).await.unwrap(), 2);
}
