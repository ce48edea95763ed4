//! Alerts on their way into the hunting tables, and the functions that a tenant keeps for hunts.

use bartizan_contract::{AlertId, IncidentId};
use bartizan_security::Evidence;
use bartizan_security::evidence::{Entity, Ip};
use bartizan_store::alert_outbox::{self, News};
use bartizan_store::hunting_functions::{self, StoredFunction};
use bartizan_store::outbox::{Batch, Outbox};
use bartizan_store::refusals::{self, Refusal, Share};
use bartizan_store::{Store, StoreError, alerts, incidents, tenants};
use uuid::Uuid;

use crate::fixture::{NOW, alert, incident, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    alerts_and_new_evidence_go_once,
    functions_are_a_tenants_own,
    a_deleted_tenant_takes_all_with_it,
    refusals_of_one_kind_do_not_push_out_others,
);

async fn gather(store: &Store, most: u32) -> Vec<Batch> {
    let mut tx = store.write().await.unwrap();
    let batches = Outbox::Alerts.gather(&mut tx, most, Uuid::new_v4).await;
    tx.commit().await.unwrap();
    batches.unwrap()
}

async fn news(store: &Store, batch: Batch) -> News {
    let mut tx = store.read().await.unwrap();
    alert_outbox::news(&mut tx, batch).await.unwrap()
}

async fn finish(store: &Store, batch: Batch) {
    let mut tx = store.write().await.unwrap();
    Outbox::Alerts.done(&mut tx, batch).await.unwrap();
    tx.commit().await.unwrap();
}

async fn waits(store: &Store) -> bool {
    let mut tx = store.read().await.unwrap();
    Outbox::Alerts.waits(&mut tx).await.unwrap()
}

async fn alerts_and_new_evidence_go_once(store: &Store) {
    let mut tx = two_tenants(store).await;
    for (tenant, number) in [(1, 1), (2, 2)] {
        let tenant = tenant_id(tenant);
        incidents::insert(&mut tx, tenant, &incident(number))
            .await
            .unwrap();
        let id = format!("da1_{number}");
        let new = alert(&id, number, "dev", "ann");
        alerts::insert(&mut tx, tenant, &new).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(waits(store).await);
    let batches = gather(store, 100).await;
    assert_eq!(batches.len(), 2);
    let again = gather(store, 100).await;
    assert_eq!(again.len(), 2, "claimed and not done");
    assert!(again.iter().all(|batch| batches.contains(batch)));
    for batch in batches {
        let news = news(store, batch).await;
        assert_eq!(news.alerts.len(), 1);
        assert!(!news.evidence.is_empty());
        assert!(news.evidence.iter().all(|(a, _)| a.id == news.alerts[0].id));
        finish(store, batch).await;
    }
    assert!(!waits(store).await);

    // Another piece of evidence goes alone.
    let mut tx = store.write().await.unwrap();
    let mut widened = alerts::get(&mut tx, tenant_id(1), &alert("da1_1", 1, "dev", "ann").id)
        .await
        .unwrap()
        .unwrap();
    let address = Evidence {
        created: NOW + 1,
        device_id: None,
        entity: Entity::Ip(Ip {
            address: "192.0.2.1".to_owned(),
        }),
    };
    widened.evidence.push(address.clone());
    alerts::update(&mut tx, tenant_id(1), &widened)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let [batch]: [Batch; 1] = gather(store, 100).await.try_into().unwrap();
    assert_eq!(batch.tenant, tenant_id(1));
    let news = news(store, batch).await;
    assert!(news.alerts.is_empty());
    let [(of, evidence)]: [_; 1] = news.evidence.try_into().unwrap();
    assert_eq!((of.id, evidence), (widened.id, address));
    finish(store, batch).await;
    assert!(!waits(store).await);
}

fn function(name: &str, body: &str) -> StoredFunction {
    StoredFunction {
        name: name.to_owned(),
        parameters: "n:long".to_owned(),
        body: body.to_owned(),
        description: String::new(),
        created: NOW,
        updated: NOW,
    }
}

async fn functions_are_a_tenants_own(store: &Store) {
    let mut tx = two_tenants(store).await;
    let (mine, other) = (tenant_id(1), tenant_id(2));
    for name in ["b", "a", "A"] {
        hunting_functions::put(&mut tx, mine, &function(name, "T"))
            .await
            .unwrap();
    }
    let later = StoredFunction {
        created: NOW + 5,
        updated: NOW + 5,
        ..function("a", "U")
    };
    hunting_functions::put(&mut tx, mine, &later).await.unwrap();
    let mut listed = hunting_functions::list(&mut tx, mine).await.unwrap();
    listed.sort_by(|x, y| x.name.cmp(&y.name));
    let names: Vec<&str> = listed.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["A", "a", "b"]);
    let replaced = &listed[1];
    assert_eq!(
        (replaced.body.as_str(), replaced.created, replaced.updated),
        ("U", NOW, NOW + 5)
    );
    assert!(
        hunting_functions::list(&mut tx, other)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        !hunting_functions::delete(&mut tx, other, "a")
            .await
            .unwrap()
    );
    assert!(hunting_functions::delete(&mut tx, mine, "a").await.unwrap());
    assert!(!hunting_functions::delete(&mut tx, mine, "a").await.unwrap());
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let unknown = hunting_functions::put(&mut tx, tenant_id(9), &function("a", "T")).await;
    assert!(
        matches!(unknown, Err(StoreError::Missing(_))),
        "{unknown:?}"
    );
}

fn refusal(tenant: u128) -> Refusal {
    Refusal {
        trace: Uuid::from_u128(tenant),
        tenant: Some(tenant_id(tenant)),
        occurred: NOW,
        correlation: "c".to_owned(),
        code: "AADSTS50126".to_owned(),
        facts: serde_json::json!({}),
        share: Share::Grants,
    }
}

async fn refusals_of_one_kind_do_not_push_out_others(store: &Store) {
    let mut tx = two_tenants(store).await;
    let kept = |number: u128, share, age: i64| Refusal {
        trace: Uuid::from_u128(number),
        occurred: NOW - age,
        share,
        ..refusal(1)
    };
    let all = [
        kept(1, Share::Grants, 90),
        kept(2, Share::Grants, 50),
        kept(3, Share::Calls, 3),
        kept(4, Share::Calls, 2),
        kept(5, Share::Calls, 1),
        kept(6, Share::Silent, 40),
        kept(7, Share::Nobody, 6),
        kept(8, Share::Nobody, 0),
    ];
    for refusal in &all {
        refusals::append(&mut tx, refusal).await.unwrap();
    }
    let keep = [
        (Share::Grants, 2),
        (Share::Calls, 2),
        (Share::Silent, 2),
        (Share::Nobody, 1),
    ];
    let gone = refusals::forget(&mut tx, NOW - 60, &keep).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        gone, 3,
        "one for its age, one of too many calls, one of nobody"
    );
    let mut tx = store.read().await.unwrap();
    for refusal in &all {
        let found = refusals::find(&mut tx, refusal.tenant, refusal.trace).await;
        let there = ![1, 3, 7].contains(&refusal.trace.as_u128());
        assert_eq!(found.unwrap(), there.then(|| refusal.clone()));
    }
}

async fn a_deleted_tenant_takes_all_with_it(store: &Store) {
    let mut tx = two_tenants(store).await;
    for tenant in [1, 2] {
        let id = tenant_id(tenant);
        let number = i64::try_from(tenant).unwrap();
        incidents::insert(&mut tx, id, &incident(number))
            .await
            .unwrap();
        let new = alert(&format!("da1_{tenant}"), number, "dev", "ann");
        alerts::insert(&mut tx, id, &new).await.unwrap();
        hunting_functions::put(&mut tx, id, &function("a", "T"))
            .await
            .unwrap();
        refusals::append(&mut tx, &refusal(tenant)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.write().await.unwrap();
    assert!(tenants::delete(&mut tx, tenant_id(1)).await.unwrap());
    assert!(!tenants::delete(&mut tx, tenant_id(1)).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let left = tenants::list(&mut tx).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(
        hunting_functions::list(&mut tx, tenant_id(1))
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        hunting_functions::list(&mut tx, tenant_id(2))
            .await
            .unwrap()
            .len(),
        1
    );
    for tenant in [1, 2] {
        let id = tenant_id(tenant);
        let number = IncidentId(i64::try_from(tenant).unwrap());
        let alert = AlertId(format!("da1_{tenant}"));
        let there = tenant == 2;
        let incident = incidents::get(&mut tx, id, number).await.unwrap();
        assert_eq!(incident.is_some(), there);
        let alert = alerts::get(&mut tx, id, &alert).await.unwrap();
        assert_eq!(alert.is_some_and(|a| !a.evidence.is_empty()), there);
        let refusal = refusals::find(&mut tx, Some(id), Uuid::from_u128(tenant)).await;
        assert_eq!(refusal.unwrap().is_some(), there);
    }
    drop(tx);
    let [batch]: [Batch; 1] = gather(store, 10).await.try_into().unwrap();
    assert_eq!(batch.tenant, tenant_id(2), "nothing of the other one waits");
}
