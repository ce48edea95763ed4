//! Opening, transactions, settings, tenants, keys, audit events.

use bartizan_contract::permissions::RESOURCES;
use bartizan_store::arrivals::{self, Span};
use bartizan_store::audit::{self, AuditEvent};
use bartizan_store::directory::search::Search;
use bartizan_store::directory::service_principals;
use bartizan_store::keys::{self, KeyState, SigningKey};
use bartizan_store::revision;
use bartizan_store::rules::{self, RuleState, StoredRule};
use bartizan_store::tenants::{self, Domain};
use bartizan_store::{Page, Store, StoreError, settings};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{NOW, on_both_databases, tenant, tenant_id, two_tenants};

on_both_databases!(
    what_is_not_committed_is_gone,
    the_instance_keeps_its_first_id,
    every_commit_counts_as_a_change_but_those_aside,
    incident_numbers_are_never_given_twice,
    readers_that_wait_to_write_do_not_block_each_other,
    tenants_are_found_by_every_name,
    resources_of_microsoft_are_in_each_tenant,
    keys_are_published_until_retired,
    audit_pages_lose_nothing,
    rules_and_their_states_are_a_tenants_own,
    arrivals_are_seen_once_and_numbers_only_grow,
);

async fn what_is_not_committed_is_gone(store: &Store) {
    let mut tx = store.write().await.unwrap();
    settings::put(&mut tx, "a", "1").await.unwrap();
    drop(tx);
    let mut tx = store.write().await.unwrap();
    assert_eq!(settings::get(&mut tx, "a").await.unwrap(), None);
    settings::put(&mut tx, "a", "2").await.unwrap();
    settings::put(&mut tx, "a", "3").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    assert_eq!(
        settings::get(&mut tx, "a").await.unwrap().as_deref(),
        Some("3")
    );
    store.ping().await.unwrap();
}

async fn every_commit_counts_as_a_change_but_those_aside(store: &Store) {
    let before = store.revisions().await.unwrap();
    let tx = store.write().await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = store.write_aside().await.unwrap();
    settings::put(&mut tx, "a", "1").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.revisions().await.unwrap(), before);
    let mut snapshot = store.read().await.unwrap();
    assert_eq!(revision::of(&mut snapshot).await.unwrap(), before);
    let mut last = before;
    for _ in 0..20 {
        store.write().await.unwrap().commit().await.unwrap();
        // Whoever asks after the commit gets the new one, however many ask at once.
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let store = store.clone();
            asking.spawn(async move { store.revisions().await.unwrap() });
        }
        let answers = asking.join_all().await;
        assert_ne!(answers[0], last);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        last = answers[0];
    }
    assert_eq!(last.signing_keys, before.signing_keys);
    assert!(last.directory > before.directory);
    // A state that was read before keeps its own.
    assert_eq!(revision::of(&mut snapshot).await.unwrap(), before);
    drop(snapshot);
    let mut now = store.read().await.unwrap();
    assert_eq!(revision::of(&mut now).await.unwrap(), last);
}

async fn the_instance_keeps_its_first_id(store: &Store) {
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut tx = store.write().await.unwrap();
    assert_eq!(settings::instance_id(&mut tx, first).await.unwrap(), first);
    assert_eq!(settings::instance_id(&mut tx, second).await.unwrap(), first);
}

async fn incident_numbers_are_never_given_twice(store: &Store) {
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut tx = store.write().await.unwrap();
            let id = settings::next_incident_id(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            id.0
        }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=8).collect::<Vec<_>>());
}

async fn readers_that_wait_to_write_do_not_block_each_other(store: &Store) {
    let mut tasks = Vec::new();
    for n in 0..30 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut reading = store.read().await.unwrap();
            settings::get(&mut reading, "n").await.unwrap();
            let mut tx = store.write().await.unwrap();
            settings::put(&mut tx, "n", &n.to_string()).await.unwrap();
            tx.commit().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn tenants_are_found_by_every_name(store: &Store) {
    let mut tx = two_tenants(store).await;
    for name in [
        tenant_id(1).to_string().to_uppercase(),
        "T1.EXAMPLE.com".into(),
        "t1.onmicrosoft.com".into(),
    ] {
        let found = tenants::resolve(&mut tx, &name).await.unwrap().unwrap();
        assert_eq!(found, tenant(1), "{name}");
        assert_eq!(found.default_domain(), Some("t1.example.com"));
    }
    for name in ["nobody.example.com", "t1\0.example.com"] {
        assert_eq!(tenants::resolve(&mut tx, name).await.unwrap(), None);
    }
    assert_eq!(tenants::list(&mut tx).await.unwrap().len(), 2);
    tx.commit().await.unwrap();
    let mut tx = store.write().await.unwrap();
    let taken = Domain {
        name: "T1.example.com".into(),
        is_default: false,
        is_initial: false,
    };
    let error = tenants::add_domain(&mut tx, tenant_id(2), &taken)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Exists("domain")), "{error:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let fresh = Domain {
        name: "new.example.com".into(),
        is_default: false,
        is_initial: false,
    };
    let error = tenants::add_domain(&mut tx, tenant_id(9), &fresh)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Missing("domain")), "{error:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let error = tenants::create(&mut tx, &tenant(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists("tenant")), "{error:?}");
}

async fn resources_of_microsoft_are_in_each_tenant(store: &Store) {
    let mut tx = two_tenants(store).await;
    for resource in RESOURCES {
        for n in [1, 2] {
            let by_app = service_principals::by_app_id(&mut tx, tenant_id(n), resource.app_id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(by_app.tenant, tenant_id(n));
            for uri in resource.identifier_uris {
                let name = format!("{}/", uri.to_uppercase());
                let by_name = service_principals::by_name(&mut tx, tenant_id(n), &name)
                    .await
                    .unwrap();
                assert_eq!(by_name.as_ref(), Some(&by_app), "{name}");
            }
            let by_id = service_principals::by_id(&mut tx, tenant_id(n), by_app.id)
                .await
                .unwrap();
            assert_eq!(by_id.as_ref(), Some(&by_app));
            let elsewhere = service_principals::by_id(&mut tx, tenant_id(3 - n), by_app.id)
                .await
                .unwrap();
            assert_eq!(elsewhere, None);
        }
    }
    let page = Page::first(100);
    let before = service_principals::list(&mut tx, tenant_id(1), &Search::all(&page))
        .await
        .unwrap();
    service_principals::seed_first_party(&mut tx, tenant_id(1), NOW + 5)
        .await
        .unwrap();
    let after = service_principals::list(&mut tx, tenant_id(1), &Search::all(&page))
        .await
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(before.items.len(), RESOURCES.len());
}

async fn keys_are_published_until_retired(store: &Store) {
    let mut tx = store.write().await.unwrap();
    let key = |kid: &str, created| SigningKey {
        kid: kid.to_owned(),
        certificate_pem: "c".into(),
        private_key: "very secret".into(),
        not_before: 1,
        not_after: 2,
        state: KeyState::Active,
        created,
        changed: created,
    };
    keys::insert(&mut tx, &key("a", 1)).await.unwrap();
    keys::insert(&mut tx, &key("b", 2)).await.unwrap();
    keys::set_state(&mut tx, "a", KeyState::Retiring, 9)
        .await
        .unwrap();
    let kids = |keys: Vec<SigningKey>| keys.into_iter().map(|k| k.kid).collect::<Vec<_>>();
    let published = keys::published(&mut tx).await.unwrap();
    assert!(!format!("{published:?}").contains("very secret"));
    assert_eq!(kids(published), ["b", "a"]);
    keys::set_state(&mut tx, "a", KeyState::Retired, 9)
        .await
        .unwrap();
    assert_eq!(kids(keys::published(&mut tx).await.unwrap()), ["b"]);
    assert!(matches!(
        keys::set_state(&mut tx, "z", KeyState::Next, 9).await,
        Err(StoreError::Missing(_))
    ));
}

async fn audit_pages_lose_nothing(store: &Store) {
    let mut tx = two_tenants(store).await;
    let event = |n: u128| AuditEvent {
        id: Uuid::from_u128(n),
        // Several of one instant.
        occurred: NOW + i64::try_from(n / 3).unwrap(),
        actor: "admin@t1.example.com".into(),
        action: "application.create".into(),
        target: n.to_string(),
        outcome: "success".into(),
        request_id: n.is_multiple_of(2).then(|| "r".to_owned()),
        details: json!({ "n": n.to_string() }),
    };
    for n in 0..10 {
        audit::append(&mut tx, tenant_id(1), &event(n))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page::first(3);
    loop {
        let listing = audit::list(&mut tx, tenant_id(1), None, &page)
            .await
            .unwrap();
        seen.extend(listing.items);
        match listing.next {
            Some(next) => page = Page::after(next, 3),
            None => break,
        }
    }
    assert_eq!(seen, (0..10).rev().map(event).collect::<Vec<_>>());
    let elsewhere = audit::list(&mut tx, tenant_id(2), None, &Page::first(3))
        .await
        .unwrap();
    assert!(elsewhere.items.is_empty());
}

async fn rules_and_their_states_are_a_tenants_own(store: &Store) {
    let mut tx = two_tenants(store).await;
    let rule = |updated| StoredRule {
        id: "r".into(),
        source: "s".into(),
        enabled: true,
        created: updated,
        updated,
    };
    rules::put(&mut tx, tenant_id(1), &rule(1)).await.unwrap();
    rules::put(&mut tx, tenant_id(1), &rule(2)).await.unwrap();
    let state = RuleState {
        rule_id: "r".into(),
        watermark: 5,
        last_run: Some(6),
        outcome: "success".into(),
        backlog: Some(Span { from: 1, to: 2 }),
        remark: Some("m".into()),
        failures: 3,
        next_try: Some(7),
    };
    let kept = rules::put_state(&mut tx, tenant_id(1), 1, &state).await;
    assert!(kept.unwrap());
    let kept = rules::list(&mut tx, tenant_id(1)).await.unwrap();
    assert_eq!((kept[0].created, kept[0].updated), (1, 2));
    assert_eq!(rules::states(&mut tx, tenant_id(1)).await.unwrap(), [state]);
    rules::retry_now(&mut tx, tenant_id(1), "r").await.unwrap();
    let states = rules::states(&mut tx, tenant_id(1)).await.unwrap();
    assert_eq!((states[0].failures, states[0].next_try), (0, None));
    assert!(rules::list(&mut tx, tenant_id(2)).await.unwrap().is_empty());
    assert!(
        rules::states(&mut tx, tenant_id(2))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!rules::delete(&mut tx, tenant_id(2), "r").await.unwrap());
    assert!(rules::delete(&mut tx, tenant_id(1), "r").await.unwrap());
    // A run that began before neither brings the state back nor gives it to the next rule of that name.
    let state = states.into_iter().next().unwrap();
    for created in [None, Some(9)] {
        if let Some(created) = created {
            let next = rule(created);
            rules::put(&mut tx, tenant_id(1), &next).await.unwrap();
        }
        assert!(!rules::hold(&mut tx, tenant_id(1), "r", 1).await.unwrap());
        let late = rules::put_state(&mut tx, tenant_id(1), 1, &state).await;
        assert!(!late.unwrap());
        let states = rules::states(&mut tx, tenant_id(1)).await.unwrap();
        assert_eq!(states, []);
    }
}

async fn arrivals_are_seen_once_and_numbers_only_grow(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    let span = |from, to| Span { from, to };
    let rule = StoredRule {
        id: "r".into(),
        source: "s".into(),
        enabled: true,
        created: 1,
        updated: 1,
    };
    rules::put(&mut tx, tenant, &rule).await.unwrap();
    for (from, to) in [(50, 60), (40, 45)] {
        arrivals::note(&mut tx, tenant, span(from, to), 0)
            .await
            .unwrap();
    }
    let first = arrivals::unseen(&mut tx, tenant, 0, 0).await.unwrap();
    assert_eq!(first.span, Some(span(40, 60)));
    let clipped = arrivals::unseen(&mut tx, tenant, 0, 55).await.unwrap();
    assert_eq!(clipped.span, Some(span(55, 60)));
    // What comes while a rule looks has a higher number than it read, also in the same row.
    arrivals::note(&mut tx, tenant, span(10, 11), 0)
        .await
        .unwrap();
    let state = RuleState {
        rule_id: "r".into(),
        watermark: first.number,
        ..RuleState::default()
    };
    assert!(rules::put_state(&mut tx, tenant, 1, &state).await.unwrap());
    let second = arrivals::unseen(&mut tx, tenant, first.number, 0)
        .await
        .unwrap();
    assert!(second.number > first.number);
    assert_eq!(second.span, Some(span(10, 60)));
    let state = RuleState {
        watermark: second.number,
        ..state
    };
    assert!(rules::put_state(&mut tx, tenant, 1, &state).await.unwrap());
    let none = arrivals::unseen(&mut tx, tenant, second.number, 0)
        .await
        .unwrap();
    assert_eq!((none.number, none.span), (second.number, None));
    // All of it is old now; the next has a higher number all the same.
    arrivals::note(&mut tx, tenant, span(90, 91), 80)
        .await
        .unwrap();
    let third = arrivals::unseen(&mut tx, tenant, second.number, 0)
        .await
        .unwrap();
    assert_eq!(third.span, Some(span(90, 91)));
    let all = arrivals::unseen(&mut tx, tenant, 0, 0).await.unwrap();
    assert_eq!(all.span, Some(span(90, 91)), "what is too old is forgotten");
    let other = arrivals::unseen(&mut tx, tenant_id(2), 0, 0).await.unwrap();
    assert_eq!((other.number, other.span), (0, None));
    // Of many tenants, one of which is no more, some known and some new.
    let spans = [(1, span(95, 96)), (2, span(70, 71)), (3, span(1, 2))];
    let spans = spans.map(|(id, span)| (tenant_id(id), span)).into();
    arrivals::note_all(&mut tx, &spans, 80).await.unwrap();
    let fourth = arrivals::unseen(&mut tx, tenant, second.number, 0)
        .await
        .unwrap();
    assert!(fourth.number > third.number);
    assert_eq!(fourth.span, Some(span(90, 96)));
    let other = arrivals::unseen(&mut tx, tenant_id(2), 0, 0).await.unwrap();
    assert_eq!((other.number, other.span), (1, Some(span(70, 71))));
    let none = arrivals::note(&mut tx, tenant_id(3), span(1, 2), 0).await;
    assert!(matches!(none, Err(StoreError::Missing("tenant"))));
}

#[tokio::test]
async fn a_sqlite_file_is_private_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("with space?.db");
    for value in ["1", "2"] {
        let store = Store::open_file(&path).await.unwrap();
        let mut tx = store.write().await.unwrap();
        settings::put(&mut tx, "v", value).await.unwrap();
        tx.commit().await.unwrap();
        #[cfg(unix)]
        for file in std::fs::read_dir(folder.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", file.path());
        }
        store.close().await;
    }
    assert!(path.exists());
}
