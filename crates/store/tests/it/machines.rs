//! Devices.

use bartizan_contract::DeviceId;
use bartizan_security::machine::{IpAddress, Machine, Sighting};
use bartizan_security::vocabulary::DeviceValue;
use bartizan_store::odata::{MACHINES_MDE, filter};
use bartizan_store::{Page, Store, StoreError, machines};

use crate::fixture::{NOW, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    sightings_make_and_widen_machines,
    machines_are_a_tenants_own,
    tags_are_filtered_by_any_and_all
);

fn sighting(name: &str, first_seen: i64, last_seen: i64) -> Sighting {
    Sighting {
        first_seen,
        last_seen,
        dns_name: Some(name.to_owned()),
        os_platform: Some("Windows10".into()),
        ip_addresses: vec![IpAddress {
            ip: "10.0.0.1".into(),
            mac: None,
        }],
        ..Sighting::default()
    }
}

async fn sightings_make_and_widen_machines(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    let id = DeviceId::from("ABCDEF");
    let batch = [
        (id.clone(), sighting("a.corp", NOW, NOW + 5)),
        (id.clone(), sighting("b.corp", NOW - 5, NOW + 9)),
    ];
    assert_eq!(machines::see(&mut tx, tenant, &batch).await.unwrap(), 2);
    assert_eq!(
        machines::see(&mut tx, tenant, &batch).await.unwrap(),
        0,
        "nothing new"
    );
    let machine = machines::get(&mut tx, tenant, &id).await.unwrap().unwrap();
    assert_eq!(machine.id.as_str(), "abcdef");
    assert_eq!((machine.first_seen, machine.last_seen), (NOW - 5, NOW + 9));
    assert_eq!(
        machines::by_name(&mut tx, tenant, "B.CORP").await.unwrap(),
        Some(machine.clone())
    );
    let changed = Machine {
        tags: vec!["z".into(), "a".into()],
        device_value: DeviceValue::High,
        is_aad_joined: Some(true),
        ..machine.clone()
    };
    machines::update(&mut tx, tenant, &changed).await.unwrap();
    let kept = machines::get(&mut tx, tenant, &id).await.unwrap().unwrap();
    assert_eq!(
        kept,
        Machine {
            version_count: machine.version_count + 1,
            ..changed.clone()
        }
    );
    assert!(matches!(
        machines::update(&mut tx, tenant, &changed).await,
        Err(StoreError::Changed("machine"))
    ));
}

async fn machines_are_a_tenants_own(store: &Store) {
    let mut tx = two_tenants(store).await;
    let (mine, other) = (tenant_id(1), tenant_id(2));
    let id = DeviceId::from("aa");
    machines::see(&mut tx, mine, &[(id.clone(), sighting("a.corp", NOW, NOW))])
        .await
        .unwrap();
    assert_eq!(machines::get(&mut tx, other, &id).await.unwrap(), None);
    assert_eq!(
        machines::by_name(&mut tx, other, "a.corp").await.unwrap(),
        None
    );
    assert_eq!(machines::count(&mut tx, other, None).await.unwrap(), 0);
    assert!(
        machines::list(&mut tx, other, None, &Page::first(5))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    machines::see(
        &mut tx,
        other,
        &[(id.clone(), sighting("other.corp", NOW, NOW))],
    )
    .await
    .unwrap();
    let kept = machines::get(&mut tx, mine, &id).await.unwrap().unwrap();
    assert_eq!(kept.dns_name.as_deref(), Some("a.corp"));
}

async fn tags_are_filtered_by_any_and_all(store: &Store) {
    let mut tx = two_tenants(store).await;
    for (tenant, id, tags) in [
        (1, "a", vec!["x", "y"]),
        (1, "b", vec!["y"]),
        (1, "c", vec![]),
        (2, "a", vec!["only-other"]),
    ] {
        let seen = sighting(id, NOW, NOW);
        let mut machine = Machine::first_sighting(DeviceId::from(id), &seen);
        machine.tags = tags.into_iter().map(str::to_owned).collect();
        machines::insert(&mut tx, tenant_id(tenant), &machine)
            .await
            .unwrap();
    }
    for (text, expected) in [
        ("machineTags/any(t: t eq 'X')", vec!["a"]),
        ("machineTags/any(t: startswith(t, 'y'))", vec!["a", "b"]),
        ("machineTags/all(t: t eq 'y')", vec!["b", "c"]),
        ("machineTags/any()", vec!["a", "b"]),
        ("not machineTags/any()", vec!["c"]),
        ("machineTags/any(t: t eq 'only-other')", vec![]),
        (
            "lastSeen gt 2018-08-01Z and osPlatform eq 'windows10' and contains(computerDnsName,'b')",
            vec!["b"],
        ),
    ] {
        let condition = filter(text, &MACHINES_MDE).unwrap();
        let found = machines::list(&mut tx, tenant_id(1), Some(&condition), &Page::first(9))
            .await
            .unwrap();
        let ids: Vec<_> = found.items.iter().map(|m| m.id.as_str()).collect();
        assert_eq!(ids, expected, "{text}");
    }
}
