//! Incidents and alerts: reading, paging, changing.

use bartizan_contract::{AlertId, DeviceId, IncidentId};
use bartizan_security::machine::{Machine, Sighting};
use bartizan_security::vocabulary::RiskScore;
use bartizan_security::{
    AlertPatch, AlertStatus, Classification, Determination, IncidentPatch, IncidentStatus,
    PatchError,
};
use bartizan_store::alerts::{self, AlertScope};
use bartizan_store::incidents::{self, Patched};
use bartizan_store::odata::{ALERTS_MDE, INCIDENTS_XDR, filter};
use bartizan_store::{Page, Store, StoreError, WriteTx, machines};
use serde_json::json;

use crate::fixture::{NOW, alert, incident, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    everything_comes_back_as_it_went_in,
    nothing_of_another_tenant_is_reached,
    pages_neither_lose_nor_double_while_rows_change,
    skip_and_filter_work_together,
    a_stale_write_is_refused,
    closing_an_incident_closes_its_alerts,
    refused_requests_change_nothing,
    alerts_are_found_by_what_they_point_at,
);

async fn everything_comes_back_as_it_went_in(store: &Store) {
    let mut tx = two_tenants(store).await;
    let mut whole = incident(1);
    whole.assigned_to = Some("ann".into());
    whole.classification = Some(Classification::TruePositive);
    whole.determination = Some(Determination::Malware);
    whole.status = IncidentStatus::Redirected;
    whole.redirect_to = Some(IncidentId(5));
    whole.tags = vec!["b".into(), "a".into()];
    incidents::insert(&mut tx, tenant_id(1), &whole)
        .await
        .unwrap();
    assert_eq!(
        incidents::get(&mut tx, tenant_id(1), whole.id)
            .await
            .unwrap(),
        Some(whole.clone())
    );
    let mut full = alert("da1_1", 1, "dev", "ann");
    full.details.investigation_id = Some(9);
    full.resolved = Some(NOW);
    alerts::insert(&mut tx, tenant_id(1), &full).await.unwrap();
    assert_eq!(
        alerts::get(&mut tx, tenant_id(1), &full.id).await.unwrap(),
        Some(full.clone())
    );
    assert_eq!(
        alerts::of_incidents(&mut tx, tenant_id(1), &[IncidentId(1)])
            .await
            .unwrap(),
        [full]
    );
}

async fn nothing_of_another_tenant_is_reached(store: &Store) {
    let mut tx = two_tenants(store).await;
    let (mine, other) = (tenant_id(1), tenant_id(2));
    incidents::insert(&mut tx, mine, &incident(1))
        .await
        .unwrap();
    let kept = alert("da1_1", 1, "dev", "ann");
    alerts::insert(&mut tx, mine, &kept).await.unwrap();

    assert_eq!(
        incidents::get(&mut tx, other, IncidentId(1)).await.unwrap(),
        None
    );
    assert!(
        incidents::get_many(&mut tx, other, &[IncidentId(1)])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        incidents::list(&mut tx, other, None, &Page::first(5))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(incidents::count(&mut tx, other, None).await.unwrap(), 0);
    assert!(matches!(
        incidents::update(&mut tx, other, &incident(1)).await,
        Err(StoreError::Changed(_))
    ));
    let patch = IncidentPatch::parse(&json!({ "status": "Resolved" })).unwrap();
    let missing = incidents::patch(&mut tx, other, IncidentId(1), &patch, "eve", NOW)
        .await
        .unwrap();
    assert_eq!(missing, Patched::Missing);

    assert_eq!(alerts::get(&mut tx, other, &kept.id).await.unwrap(), None);
    assert!(
        alerts::by_dedup_keys(&mut tx, other, std::slice::from_ref(&kept.dedup_key))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        alerts::of_incidents(&mut tx, other, &[IncidentId(1)])
            .await
            .unwrap()
            .is_empty()
    );
    let device = DeviceId::from("dev");
    for scope in [
        AlertScope::All,
        AlertScope::Device(&device),
        AlertScope::User("ann"),
    ] {
        assert_eq!(alerts::count(&mut tx, other, scope, None).await.unwrap(), 0);
        let listing = alerts::list(&mut tx, other, scope, None, &Page::first(5), true)
            .await
            .unwrap();
        assert!(listing.items.is_empty());
    }
    assert!(matches!(
        alerts::update(&mut tx, other, &kept).await,
        Err(StoreError::Changed(_))
    ));
    let patch = AlertPatch::parse(&json!({ "comment": "x" }), &[]).unwrap();
    let missing = alerts::patch(&mut tx, other, &kept.id, &patch, "eve", NOW)
        .await
        .unwrap();
    assert_eq!(missing, Patched::Missing);
    let foreign = alert("da2_2", 1, "dev", "ann");
    assert!(matches!(
        alerts::insert(&mut tx, other, &foreign).await,
        Err(StoreError::Missing("incident"))
    ));
    // The same alert id in two tenants is two alerts.
    incidents::insert(&mut tx, other, &incident(2))
        .await
        .unwrap();
    alerts::insert(&mut tx, other, &alert("da1_1", 2, "dev", "bob"))
        .await
        .unwrap();
    assert_eq!(
        alerts::get(&mut tx, mine, &kept.id).await.unwrap(),
        Some(kept.clone())
    );
    // An alert cannot be moved into another tenant's incident.
    let moved = bartizan_security::Alert {
        incident_id: IncidentId(2),
        ..kept
    };
    assert!(matches!(
        alerts::update(&mut tx, mine, &moved).await,
        Err(StoreError::Changed(_))
    ));
}

async fn touch(tx: &mut WriteTx, id: i64) {
    let patch = IncidentPatch::parse(&json!({ "comment": "touched" })).unwrap();
    let done = incidents::patch(tx, tenant_id(1), IncidentId(id), &patch, "ann", NOW + 999)
        .await
        .unwrap();
    assert!(matches!(done, Patched::Done(_)));
}

async fn pages_neither_lose_nor_double_while_rows_change(store: &Store) {
    let mut tx = two_tenants(store).await;
    for id in 1..=20 {
        let tenant = tenant_id(if id % 5 == 0 { 2 } else { 1 });
        incidents::insert(&mut tx, tenant, &incident(id))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page::first(3);
    loop {
        let listing = incidents::list(&mut tx, tenant_id(1), None, &page)
            .await
            .unwrap();
        seen.extend(listing.items.iter().map(|i| i.id.0));
        // Between pages: old rows change, and a new one comes.
        touch(&mut tx, 1).await;
        touch(&mut tx, 18).await;
        let newest = 100 + i64::try_from(seen.len()).unwrap();
        incidents::insert(&mut tx, tenant_id(1), &incident(newest))
            .await
            .unwrap();
        match listing.next {
            Some(next) => page = Page::after(next, 3),
            None => break,
        }
    }
    let expected: Vec<i64> = (1..=20).rev().filter(|id| id % 5 != 0).collect();
    assert_eq!(seen, expected);
}

async fn skip_and_filter_work_together(store: &Store) {
    let mut tx = two_tenants(store).await;
    for id in 1..=10 {
        let mut row = incident(id);
        row.status = if id % 2 == 0 {
            IncidentStatus::Resolved
        } else {
            IncidentStatus::Active
        };
        incidents::insert(&mut tx, tenant_id(1), &row)
            .await
            .unwrap();
    }
    let active = filter("status eq 'active'", &INCIDENTS_XDR).unwrap();
    assert_eq!(
        incidents::count(&mut tx, tenant_id(1), Some(&active))
            .await
            .unwrap(),
        5
    );
    let page = Page {
        after: None,
        skip: 1,
        top: 2,
    };
    let listing = incidents::list(&mut tx, tenant_id(1), Some(&active), &page)
        .await
        .unwrap();
    assert_eq!(
        listing.items.iter().map(|i| i.id.0).collect::<Vec<_>>(),
        [7, 5]
    );
    assert_eq!(listing.next, Some(IncidentId(5)));
    let beyond = Page {
        after: None,
        skip: u64::MAX,
        top: 2,
    };
    assert!(
        incidents::list(&mut tx, tenant_id(1), None, &beyond)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn a_stale_write_is_refused(store: &Store) {
    let mut tx = two_tenants(store).await;
    incidents::insert(&mut tx, tenant_id(1), &incident(1))
        .await
        .unwrap();
    alerts::insert(&mut tx, tenant_id(1), &alert("da1_1", 1, "dev", "ann"))
        .await
        .unwrap();
    let stale = incidents::get(&mut tx, tenant_id(1), IncidentId(1))
        .await
        .unwrap()
        .unwrap();
    touch(&mut tx, 1).await;
    let error = incidents::update(&mut tx, tenant_id(1), &stale)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Changed("incident")) && error.is_transient(),
        "{error:?}"
    );
    let stale = alerts::get(&mut tx, tenant_id(1), &AlertId::from("da1_1"))
        .await
        .unwrap()
        .unwrap();
    alerts::update(&mut tx, tenant_id(1), &stale).await.unwrap();
    let error = alerts::update(&mut tx, tenant_id(1), &stale)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Changed("alert")), "{error:?}");
}

async fn closing_an_incident_closes_its_alerts(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    incidents::insert(&mut tx, tenant, &incident(1))
        .await
        .unwrap();
    incidents::insert(&mut tx, tenant, &incident(2))
        .await
        .unwrap();
    for (id, incident) in [("da1_1", 1), ("da1_2", 1), ("da1_3", 2)] {
        alerts::insert(
            &mut tx,
            tenant,
            &alert(id, incident, &format!("dev{incident}"), "ann"),
        )
        .await
        .unwrap();
    }
    let sighting = Sighting {
        first_seen: NOW,
        last_seen: NOW,
        ..Sighting::default()
    };
    for device in ["dev1", "dev2"] {
        let machine = Machine::first_sighting(DeviceId::from(device), &sighting);
        machines::insert(&mut tx, tenant, &machine).await.unwrap();
    }
    let devices = ["dev1", "dev2"].map(DeviceId::from);
    machines::refresh_risk(&mut tx, tenant, devices.clone())
        .await
        .unwrap();
    let risks = async |tx: &mut WriteTx| {
        let machines = machines::get_many(tx, tenant, &devices).await.unwrap();
        machines
            .into_iter()
            .map(|m| m.risk_score)
            .collect::<Vec<_>>()
    };
    assert_eq!(risks(&mut tx).await, [RiskScore::High, RiskScore::High]);
    let body = json!({ "status": "Resolved", "classification": "TruePositive", "determination": "Malware" });
    let patch = IncidentPatch::parse(&body).unwrap();
    let Patched::Done(closed) =
        incidents::patch(&mut tx, tenant, IncidentId(1), &patch, "ann", NOW + 5)
            .await
            .unwrap()
    else {
        panic!("not applied");
    };
    assert_eq!(
        Some(closed),
        incidents::get(&mut tx, tenant, IncidentId(1))
            .await
            .unwrap()
    );
    for alert in alerts::of_incidents(&mut tx, tenant, &[IncidentId(1), IncidentId(2)])
        .await
        .unwrap()
    {
        let expected = if alert.incident_id == IncidentId(1) {
            AlertStatus::Resolved
        } else {
            AlertStatus::New
        };
        assert_eq!(alert.status, expected, "{}", alert.id);
        assert_eq!(alert.resolved.is_some(), expected == AlertStatus::Resolved);
        assert_eq!(
            alert.classification.is_some(),
            expected == AlertStatus::Resolved
        );
    }
    assert_eq!(risks(&mut tx).await, [RiskScore::None, RiskScore::High]);
}

async fn refused_requests_change_nothing(store: &Store) {
    let mut tx = two_tenants(store).await;
    incidents::insert(&mut tx, tenant_id(1), &incident(1))
        .await
        .unwrap();
    let patch =
        IncidentPatch::parse(&json!({ "comment": "c", "determination": "Malware" })).unwrap();
    let refused = incidents::patch(&mut tx, tenant_id(1), IncidentId(1), &patch, "ann", NOW)
        .await
        .unwrap();
    assert_eq!(refused, Patched::Refused(PatchError::DeterminationAlone));
    assert_eq!(
        incidents::get(&mut tx, tenant_id(1), IncidentId(1))
            .await
            .unwrap(),
        Some(incident(1))
    );
}

async fn alerts_are_found_by_what_they_point_at(store: &Store) {
    let mut tx = two_tenants(store).await;
    incidents::insert(&mut tx, tenant_id(1), &incident(1))
        .await
        .unwrap();
    for n in 0..6 {
        let mut row = alert(
            &format!("da1_{n}"),
            1,
            &format!("dev{}", n % 2),
            &format!("User{}", n % 3),
        );
        row.created = NOW + n / 2;
        alerts::insert(&mut tx, tenant_id(1), &row).await.unwrap();
    }
    let device = DeviceId::from("dev1");
    for (scope, count) in [
        (AlertScope::All, 6),
        (AlertScope::Device(&device), 3),
        (AlertScope::User("user2"), 2),
        (AlertScope::Ip("1.2.3.4"), 0),
        (AlertScope::FileHash("aa"), 0),
    ] {
        assert_eq!(
            alerts::count(&mut tx, tenant_id(1), scope, None)
                .await
                .unwrap(),
            count,
            "{scope:?}"
        );
    }
    let recent = filter(
        "alertCreationTime ge 2023-11-14T22:13:20.0000010Z and status ne 'Resolved'",
        &ALERTS_MDE,
    )
    .unwrap();
    assert_eq!(
        alerts::count(
            &mut tx,
            tenant_id(1),
            AlertScope::Device(&device),
            Some(&recent)
        )
        .await
        .unwrap(),
        2
    );
    let (mut seen, mut page) = (Vec::new(), Page::first(4));
    loop {
        let listing = alerts::list(&mut tx, tenant_id(1), AlertScope::All, None, &page, false)
            .await
            .unwrap();
        seen.extend(
            listing
                .items
                .into_iter()
                .map(|a| (a.created, a.id.0, a.evidence.len())),
        );
        match listing.next {
            Some(next) => page = Page::after(next, 4),
            None => break,
        }
    }
    let mut expected: Vec<_> = (0..6)
        .map(|n| (NOW + n / 2, format!("da1_{n}"), 0))
        .collect();
    expected.sort_by(|a, b| b.cmp(a));
    assert_eq!(seen, expected);
}
