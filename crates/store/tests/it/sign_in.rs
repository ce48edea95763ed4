//! Second factors, wrong passwords, sessions and sign-ins under way.

use bartizan_contract::ObjectId;
use bartizan_store::directory::users::{self, User};
use bartizan_store::sign_in::factors::{self, Factor, FactorKind};
use bartizan_store::sign_in::failures::{self, PasswordFailures};
use bartizan_store::sign_in::pending::{self, SignIn};
use bartizan_store::sign_in::sessions::{self, Session};
use bartizan_store::{Store, StoreError, WriteTx, sign_in};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{NOW, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    a_second_factor_is_used_once,
    a_passkey_has_one_owner,
    sessions_end,
    a_sign_in_belongs_to_its_browser,
    wrong_passwords_are_counted_by_name,
);

const USER: ObjectId = ObjectId::from_u128(77);

async fn with_user(store: &Store) -> WriteTx {
    let mut tx = two_tenants(store).await;
    let user = User::new(USER, "ann@contoso.example", "Ann", NOW);
    users::create(&mut tx, tenant_id(1), &user).await.unwrap();
    tx
}

fn totp(id: u128) -> Factor {
    Factor {
        id: Uuid::from_u128(id),
        kind: FactorKind::Totp,
        name: "app".to_owned(),
        secret: "sealed".to_owned(),
        counter: 0,
        created: NOW,
        last_used: None,
    }
}

async fn a_second_factor_is_used_once(store: &Store) {
    let mut tx = with_user(store).await;
    let (mine, other) = (tenant_id(1), tenant_id(2));
    let factor = totp(1);
    let stolen = factors::add(&mut tx, other, USER, &factor).await;
    assert!(matches!(stolen, Err(StoreError::Missing(_))), "{stolen:?}");
    factors::add(&mut tx, mine, USER, &factor).await.unwrap();
    let id = factor.id;
    assert!(
        !factors::advance(&mut tx, other, id, (0, 9), NOW)
            .await
            .unwrap()
    );
    assert!(
        factors::advance(&mut tx, mine, id, (0, 9), NOW)
            .await
            .unwrap()
    );
    assert!(
        !factors::advance(&mut tx, mine, id, (0, 9), NOW)
            .await
            .unwrap()
    );
    let kept = factors::of_user(&mut tx, mine, USER).await.unwrap();
    assert_eq!((kept[0].counter, kept[0].last_used), (9, Some(NOW)));
    assert_eq!(factors::of_user(&mut tx, other, USER).await.unwrap(), []);
    assert!(!factors::remove(&mut tx, other, USER, id).await.unwrap());
    assert_eq!(factors::reset(&mut tx, mine, USER).await.unwrap(), 1);

    assert!(
        !sign_in::second_factor_required(&mut tx, mine, USER)
            .await
            .unwrap()
    );
    sign_in::require_second_factor(&mut tx, mine, USER, true)
        .await
        .unwrap();
    assert!(
        sign_in::second_factor_required(&mut tx, mine, USER)
            .await
            .unwrap()
    );
    assert!(
        !sign_in::second_factor_required(&mut tx, other, USER)
            .await
            .unwrap()
    );
}

async fn a_passkey_has_one_owner(store: &Store) {
    let mut tx = with_user(store).await;
    let passkey = |id| Factor {
        kind: FactorKind::Passkey {
            credential: "Y3JlZA".to_owned(),
            host: "localhost".to_owned(),
        },
        ..totp(id)
    };
    let tenant = tenant_id(1);
    factors::add(&mut tx, tenant, USER, &passkey(1))
        .await
        .unwrap();
    let again = factors::add(&mut tx, tenant, USER, &passkey(2)).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
}

async fn sessions_end(store: &Store) {
    let mut tx = with_user(store).await;
    let session = Session {
        hash: "h".to_owned(),
        id: Uuid::from_u128(5),
        tenant: tenant_id(1),
        principal: USER,
        methods: json!(["password"]),
        auth_time: NOW,
        stay: true,
        expires: NOW + 10,
        revoked: None,
    };
    sessions::insert(&mut tx, &session).await.unwrap();
    let kept = sessions::by_hash(&mut tx, "h").await.unwrap();
    assert_eq!(kept.as_ref(), Some(&session));
    let live = sessions::of_user(&mut tx, tenant_id(1), USER, NOW)
        .await
        .unwrap();
    assert_eq!(live, [session]);
    let other = sessions::of_user(&mut tx, tenant_id(2), USER, NOW)
        .await
        .unwrap();
    assert_eq!(other, []);
    assert!(sessions::revoke(&mut tx, "h", NOW).await.unwrap());
    assert!(!sessions::revoke(&mut tx, "h", NOW).await.unwrap());
    let live = sessions::of_user(&mut tx, tenant_id(1), USER, NOW)
        .await
        .unwrap();
    assert_eq!(live, []);
    assert_eq!(sign_in::sweep(&mut tx, NOW + 11, 0).await.unwrap(), 1);
}

async fn a_sign_in_belongs_to_its_browser(store: &Store) {
    let mut tx = store.write().await.unwrap();
    let mut sign_in = SignIn {
        hash: "s".to_owned(),
        browser: "b".to_owned(),
        state: json!({ "step": 1 }),
        expires: NOW + 10,
    };
    pending::begin(&mut tx, &sign_in).await.unwrap();
    sign_in.state = json!({ "step": 2 });
    assert!(
        pending::advance(&mut tx, "s", &sign_in.state)
            .await
            .unwrap()
    );
    let found = pending::of_browser(&mut tx, "s", "b", NOW).await.unwrap();
    assert_eq!(found, Some(sign_in));
    for (browser, now) in [("other", NOW), ("b", NOW + 10)] {
        let found = pending::of_browser(&mut tx, "s", browser, now)
            .await
            .unwrap();
        assert_eq!(found, None);
    }
    assert_eq!(sign_in::sweep(&mut tx, NOW, 0).await.unwrap(), 0);
    assert!(pending::end(&mut tx, "s").await.unwrap());
    assert!(!pending::end(&mut tx, "s").await.unwrap());
    // What has ended does not come back.
    let state = json!({ "step": 3 });
    assert!(!pending::advance(&mut tx, "s", &state).await.unwrap());
    let found = pending::of_browser(&mut tx, "s", "b", NOW).await.unwrap();
    assert_eq!(found, None);
}

async fn wrong_passwords_are_counted_by_name(store: &Store) {
    let mut tx = store.write().await.unwrap();
    assert_eq!(failures::of(&mut tx, "n").await.unwrap(), None);
    let mut state = PasswordFailures {
        count: 1,
        last: 1_000,
        locked_until: 1_060,
    };
    failures::put(&mut tx, "n", state).await.unwrap();
    state.count = 2;
    failures::put(&mut tx, "n", state).await.unwrap();
    assert_eq!(failures::of(&mut tx, "n").await.unwrap(), Some(state));
    failures::forget(&mut tx, "n").await.unwrap();
    assert_eq!(failures::of(&mut tx, "n").await.unwrap(), None);
}
