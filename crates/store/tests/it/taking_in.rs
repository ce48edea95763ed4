//! Alerts of rules: deduplicated, correlated, kept.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_contract::IncidentId;
use bartizan_contract::time::ticks_from_unix_micros;
use bartizan_contract::value::Value;
use bartizan_security::detection::{Draft, Hit, drafts};
use bartizan_security::machine::{Machine, Sighting};
use bartizan_security::vocabulary::RiskScore;
use bartizan_security::{Alert, Incident, IncidentPatch, IncidentStatus, Rule};
use bartizan_store::detections::{Recorded, record};
use bartizan_store::{Page, Store, WriteTx, alerts, incidents, machines};
use serde_json::json;

use crate::fixture::{NOW, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    the_same_hits_again_change_nothing,
    hits_on_one_device_become_one_incident,
    a_bridge_merges_incidents_and_leaves_redirections,
    closed_incidents_take_nothing_in,
    order_and_batches_do_not_matter,
    tenants_do_not_correlate_with_each_other,
    workers_at_the_same_time_make_one_incident,
    a_taken_id_is_given_to_nobody_else,
);

const HOUR: i64 = 3_600_000_000;
const WINDOW: i64 = 4 * HOUR;

fn rule(id: &str, category: &str) -> Rule {
    Rule::parse(&format!(
        r#"
        id = "{id}"
        title = "{id} happened"
        severity = "High"
        category = "{category}"
        description = "d"
        query = "DeviceProcessEvents"
        [dedup]
        columns = ["DeviceId", "AccountName"]
        window = "1h"
        [[entities]]
        kind = "device"
        [[entities]]
        kind = "user"
        "#
    ))
    .unwrap()
}

/// A hit: device, user, hours after the start.
fn hit(rule: &Rule, device: &str, user: &str, hours: i64) -> Vec<Draft> {
    let columns = ["Timestamp", "DeviceId", "AccountName"].map(str::to_owned);
    let values = [
        Value::DateTime(ticks_from_unix_micros(NOW + hours * HOUR)),
        Value::String(device.to_owned()),
        Value::String(user.to_owned()),
    ];
    drafts(
        rule,
        [Hit {
            columns: &columns,
            values: &values,
        }],
        NOW,
    )
}

async fn take(tx: &mut WriteTx, drafts: Vec<Draft>) -> Recorded {
    record(tx, tenant_id(1), drafts, NOW + 1, WINDOW)
        .await
        .unwrap()
}

async fn all(tx: &mut WriteTx) -> (Vec<Incident>, Vec<Alert>) {
    let listing = incidents::list(tx, tenant_id(1), None, &Page::first(1000))
        .await
        .unwrap();
    let ids: Vec<IncidentId> = listing.items.iter().map(|i| i.id).collect();
    let alerts = alerts::of_incidents(tx, tenant_id(1), &ids).await.unwrap();
    (listing.items, alerts)
}

async fn the_same_hits_again_change_nothing(store: &Store) {
    let mut tx = two_tenants(store).await;
    let rule = rule("r", "Execution");
    let first = take(&mut tx, hit(&rule, "D1", "ann", 0)).await;
    assert_eq!((first.new_alerts.len(), first.new_incidents.len()), (1, 1));
    let before = all(&mut tx).await;
    assert_eq!(
        take(&mut tx, hit(&rule, "d1", "ann", 0)).await,
        Recorded::default()
    );
    assert_eq!(all(&mut tx).await, before);
}

async fn hits_on_one_device_become_one_incident(store: &Store) {
    let mut tx = two_tenants(store).await;
    let seen = Sighting {
        first_seen: NOW,
        last_seen: NOW,
        ..Sighting::default()
    };
    let machine = Machine::first_sighting("d1".into(), &seen);
    machines::insert(&mut tx, tenant_id(1), &machine)
        .await
        .unwrap();
    take(&mut tx, hit(&rule("a", "Execution"), "d1", "ann", 0)).await;
    let second = take(&mut tx, hit(&rule("b", "Persistence"), "d1", "bob", 3)).await;
    assert_eq!(
        (second.new_incidents.len(), second.updated_incidents.len()),
        (0, 1)
    );
    let far = take(&mut tx, hit(&rule("c", "Impact"), "d1", "ann", 20)).await;
    assert_eq!(far.new_incidents.len(), 1, "beyond the window");
    let (incidents, alerts) = all(&mut tx).await;
    assert_eq!(
        incidents[1].name,
        "Multi-stage incident involving Execution & Persistence on one endpoint"
    );
    assert_eq!(incidents[0].name, "c happened on one endpoint");
    assert_eq!(
        (incidents[1].first_activity, incidents[1].last_activity),
        (NOW, NOW + 3 * HOUR)
    );
    assert_eq!(alerts.len(), 3);
    let machine = machines::get(&mut tx, tenant_id(1), &"d1".into())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(machine.risk_score, RiskScore::High);
}

async fn a_bridge_merges_incidents_and_leaves_redirections(store: &Store) {
    let mut tx = two_tenants(store).await;
    let rule = rule("r", "Execution");
    take(&mut tx, hit(&rule, "d1", "ann", 0)).await;
    take(&mut tx, hit(&rule, "d2", "bob", 0)).await;
    take(&mut tx, hit(&rule, "d3", "cat", 0)).await;
    let tags = IncidentPatch::parse(&json!({ "tags": ["kept"] })).unwrap();
    incidents::patch(&mut tx, tenant_id(1), IncidentId(3), &tags, "ann", NOW)
        .await
        .unwrap();
    let bridge = take(&mut tx, hit(&rule, "d3", "bob", 1)).await;
    assert_eq!(bridge.redirected, [(IncidentId(3), IncidentId(2))]);
    let bridge = take(&mut tx, hit(&rule, "d1", "bob", 2)).await;
    assert_eq!(bridge.redirected, [(IncidentId(2), IncidentId(1))]);
    let (incidents, alerts) = all(&mut tx).await;
    assert!(alerts.iter().all(|a| a.incident_id == IncidentId(1)));
    for merged in incidents.iter().filter(|i| i.id != IncidentId(1)) {
        assert_eq!(merged.status, IncidentStatus::Redirected);
        assert_eq!(merged.redirect_to, Some(IncidentId(1)), "in one step");
    }
    let home = incidents.iter().find(|i| i.id == IncidentId(1)).unwrap();
    assert_eq!(home.tags, ["kept"]);
    assert_eq!(home.name, "r happened on multiple endpoints");
}

async fn closed_incidents_take_nothing_in(store: &Store) {
    let mut tx = two_tenants(store).await;
    take(&mut tx, hit(&rule("a", "Execution"), "d1", "ann", 0)).await;
    let close = IncidentPatch::parse(&json!({ "status": "Resolved" })).unwrap();
    incidents::patch(&mut tx, tenant_id(1), IncidentId(1), &close, "ann", NOW)
        .await
        .unwrap();
    let next = take(&mut tx, hit(&rule("b", "Execution"), "d1", "ann", 0)).await;
    assert_eq!(next.new_incidents, [IncidentId(2)]);
}

/// Sets of alerts of the live incidents, after checking that each alert is in exactly one.
fn partition(incidents: &[Incident], alerts: &[Alert]) -> BTreeSet<BTreeSet<String>> {
    let mut sets: BTreeMap<IncidentId, BTreeSet<String>> = BTreeMap::new();
    for alert in alerts {
        let holder = incidents
            .iter()
            .find(|i| i.id == alert.incident_id)
            .unwrap();
        assert!(holder.is_live(), "{} is held by {}", alert.id, holder.id);
        assert!(
            sets.entry(holder.id)
                .or_default()
                .insert(alert.id.0.clone())
        );
    }
    for incident in incidents {
        assert_eq!(
            incident.is_live(),
            sets.contains_key(&incident.id),
            "{}",
            incident.id
        );
        if let Some(to) = incident.redirect_to {
            assert!(incidents.iter().any(|i| i.id == to && i.is_live()));
        }
    }
    sets.into_values().collect()
}

async fn order_and_batches_do_not_matter(store: &Store) {
    let rule = rule("r", "Execution");
    let mut state = 7_u64;
    let mut random = move |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let hits: Vec<Draft> = (0..60)
        .flat_map(|_| {
            let (device, user) = (format!("d{}", random(12)), format!("u{}", random(12)));
            hit(&rule, &device, &user, i64::try_from(random(48)).unwrap())
        })
        .collect();
    let mut partitions = Vec::new();
    for size in [60, 7, 1] {
        let mut tx = store.write().await.unwrap();
        for n in [1, 2] {
            bartizan_store::tenants::create(&mut tx, &crate::fixture::tenant(n))
                .await
                .unwrap();
        }
        let mut shuffled = hits.clone();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, usize::try_from(random(i as u64 + 1)).unwrap());
        }
        for batch in shuffled.chunks(size) {
            take(&mut tx, batch.to_vec()).await;
        }
        let (incidents, alerts) = all(&mut tx).await;
        partitions.push(partition(&incidents, &alerts));
        tx.rollback().await.unwrap();
    }
    assert!(partitions[0].len() > 1 && partitions[0].len() < 60);
    assert_eq!(partitions[0], partitions[1]);
    assert_eq!(partitions[0], partitions[2]);
}

async fn tenants_do_not_correlate_with_each_other(store: &Store) {
    let mut tx = two_tenants(store).await;
    let rule = rule("r", "Execution");
    take(&mut tx, hit(&rule, "d1", "ann", 0)).await;
    let other = record(
        &mut tx,
        tenant_id(2),
        hit(&rule, "d1", "ann", 0),
        NOW,
        WINDOW,
    )
    .await
    .unwrap();
    assert_eq!(other.new_incidents, [IncidentId(2)]);
    assert_eq!(all(&mut tx).await.1.len(), 1);
}

async fn workers_at_the_same_time_make_one_incident(store: &Store) {
    two_tenants(store).await.commit().await.unwrap();
    let rule = rule("r", "Execution");
    let mut tasks = Vec::new();
    for n in 0..12 {
        let (store, drafts) = (store.clone(), hit(&rule, "d1", &format!("u{}", n % 6), 0));
        tasks.push(tokio::spawn(async move {
            let mut tx = store.write().await.unwrap();
            record(&mut tx, tenant_id(1), drafts, NOW, WINDOW)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut tx = store.write().await.unwrap();
    let (incidents, alerts) = all(&mut tx).await;
    assert_eq!((incidents.len(), alerts.len()), (1, 6));
}

async fn a_taken_id_is_given_to_nobody_else(store: &Store) {
    let mut tx = two_tenants(store).await;
    let rule = rule("r", "Execution");
    let drafts = hit(&rule, "d1", "ann", 0);
    let id = drafts[0].alert().id.clone();
    incidents::insert(&mut tx, tenant_id(1), &crate::fixture::incident(900))
        .await
        .unwrap();
    let squatter = crate::fixture::alert(id.as_str(), 900, "d9", "zoe");
    alerts::insert(&mut tx, tenant_id(1), &squatter)
        .await
        .unwrap();
    let recorded = take(&mut tx, drafts).await;
    assert_eq!(recorded.new_alerts.len(), 1);
    assert_ne!(recorded.new_alerts[0], id);
    let kept = alerts::get(&mut tx, tenant_id(1), &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.dedup_key, squatter.dedup_key);
    assert_eq!(
        take(&mut tx, hit(&rule, "d1", "ann", 0)).await,
        Recorded::default()
    );
}
