//! People, groups, roles, and what a caller's device groups leave of devices, alerts and incidents.

use std::collections::BTreeSet;

use bartizan_contract::access::{DefenderPermission, GLOBAL_ADMINISTRATOR, directory_role_named};
use bartizan_contract::{AlertId, DeviceId, IncidentId, ObjectId};
use bartizan_security::access::DeviceScope;
use bartizan_security::machine::{Machine, Sighting};
use bartizan_store::alerts::{self, AlertScope};
use bartizan_store::defender_roles::{self, DefenderAssignment, DefenderRole};
use bartizan_store::device_groups::{self, DeviceList};
use bartizan_store::directory::groups::{self, Group};
use bartizan_store::directory::people::{self, Person};
use bartizan_store::directory::roles::{self, RoleAssignment};
use bartizan_store::directory::search::{Order, Search};
use bartizan_store::directory::users::User;
use bartizan_store::directory::{Principal, PrincipalKind, Relation, first_related, principal};
use bartizan_store::odata::{USERS_GRAPH, filter};
use bartizan_store::{Page, Store, StoreError, WriteTx, incidents, machines};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::fixture::{NOW, alert, incident, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    people_are_listed_by_name_and_page_by_page,
    a_person_is_changed_and_deleted_with_everything,
    groups_lie_in_groups_of_the_tenant,
    rights_come_by_groups_too,
    device_groups_narrow_what_is_read,
);

const fn object(n: u128) -> ObjectId {
    ObjectId::from_u128(0x5000 + n)
}

fn person(n: u128, name: &str) -> Person {
    let mut profile = Map::new();
    profile.insert("jobTitle".to_owned(), json!("Analyst"));
    Person {
        user: User::new(object(n), &format!("{name}@t1.example.com"), name, NOW),
        profile,
    }
}

fn group(n: u128, role_assignable: bool) -> Group {
    Group {
        id: object(n),
        display_name: format!("Group {n}"),
        mail_nickname: format!("group{n}"),
        description: None,
        security: true,
        mail_enabled: false,
        role_assignable,
        properties: Map::new(),
        created: NOW,
    }
}

const fn user(n: u128) -> Principal {
    Principal {
        id: object(n),
        kind: PrincipalKind::User,
    }
}

const fn member_group(n: u128) -> Principal {
    Principal {
        id: object(n),
        kind: PrincipalKind::Group,
    }
}

async fn people_are_listed_by_name_and_page_by_page(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    for (n, name) in [(1, "cecil"), (2, "Anna"), (3, "bert"), (4, "ANNA")] {
        let mut person = person(n, name);
        person.user.upn = format!("{n}@t1.example.com");
        people::create(&mut tx, tenant, &person).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page = Page::first(2);
    loop {
        let search = Search {
            filter: None,
            order: Order {
                descending: true,
                ..Order::NAME
            },
            page: &page,
        };
        let listing = people::list(&mut tx, tenant, &search).await.unwrap();
        names.extend(listing.items.into_iter().map(|p| p.user.display_name));
        let Some(next) = listing.next else { break };
        page = Page::after(next, 2);
    }
    assert_eq!(names, ["cecil", "bert", "Anna", "ANNA"]);
    let anna = filter(
        "startswith(displayName,'an') and accountEnabled eq true",
        &USERS_GRAPH,
    );
    let anna = anna.unwrap();
    assert_eq!(
        people::count(&mut tx, tenant, Some(&anna)).await.unwrap(),
        2
    );
    assert_eq!(people::count(&mut tx, tenant_id(2), None).await.unwrap(), 0);
    let mut guest = person(9, "Gast");
    guest.profile.insert("userType".to_owned(), json!("Guest"));
    guest
        .profile
        .insert("department".to_owned(), json!("It's \"x\""));
    people::create(&mut tx, tenant, &guest).await.unwrap();
    for (text, count) in [
        ("userType eq 'guest'", 1),
        ("userType eq 'Member'", 4),
        ("department eq 'It''s \"x\"'", 1),
        ("department eq null", 4),
        ("startswith(department,'it') or city ne null", 1),
    ] {
        let condition = filter(text, &USERS_GRAPH).unwrap();
        let found = people::count(&mut tx, tenant, Some(&condition)).await;
        assert_eq!(found.unwrap(), count, "{text}");
    }
}

async fn a_person_is_changed_and_deleted_with_everything(store: &Store) {
    let mut tx = two_tenants(store).await;
    let (tenant, other) = (tenant_id(1), tenant_id(2));
    let mut anna = person(1, "Anna");
    people::create(&mut tx, tenant, &anna).await.unwrap();
    people::create(&mut tx, tenant, &person(2, "Bert"))
        .await
        .unwrap();
    anna.user.enabled = false;
    anna.user.mail = Some("anna@example.com".to_owned());
    anna.profile.insert("department".to_owned(), json!("SOC"));
    people::update(&mut tx, tenant, &anna).await.unwrap();
    for key in ["ANNA@t1.example.com", &object(1).to_string()] {
        let found = people::find(&mut tx, tenant, key).await.unwrap();
        assert_eq!(found.as_ref(), Some(&anna), "{key}");
        assert_eq!(people::find(&mut tx, other, key).await.unwrap(), None);
    }
    assert!(matches!(
        people::update(&mut tx, other, &anna).await,
        Err(StoreError::Missing(_))
    ));
    assign(&mut tx, 1, "Global Administrator").await;
    assert!(!people::delete(&mut tx, other, object(1)).await.unwrap());
    assert_eq!(roles::list(&mut tx, tenant).await.unwrap().len(), 1);
    assert!(people::delete(&mut tx, tenant, object(1)).await.unwrap());
    assert_eq!(roles::list(&mut tx, tenant).await.unwrap(), []);
    assert_eq!(principal(&mut tx, tenant, object(1)).await.unwrap(), None);
    assert_eq!(
        principal(&mut tx, tenant, object(2)).await.unwrap(),
        Some(user(2))
    );
}

async fn assign(tx: &mut WriteTx, n: u128, role: &str) {
    let assignment = RoleAssignment {
        id: format!("{n}-{role}"),
        template: directory_role_named(role).unwrap().template,
        principal: principal(tx, tenant_id(1), object(n))
            .await
            .unwrap()
            .unwrap(),
        created: NOW,
    };
    roles::assign(tx, tenant_id(1), &assignment).await.unwrap();
}

async fn groups_lie_in_groups_of_the_tenant(store: &Store) {
    let mut tx = two_tenants(store).await;
    let (tenant, other) = (tenant_id(1), tenant_id(2));
    people::create(&mut tx, tenant, &person(1, "Anna"))
        .await
        .unwrap();
    for n in [10, 11] {
        groups::create(&mut tx, tenant, &group(n, false))
            .await
            .unwrap();
    }
    groups::add_member(&mut tx, tenant, object(10), user(1), NOW)
        .await
        .unwrap();
    groups::add_member(&mut tx, tenant, object(11), member_group(10), NOW)
        .await
        .unwrap();
    // A circle does no harm.
    groups::add_member(&mut tx, tenant, object(10), member_group(11), NOW)
        .await
        .unwrap();
    assert!(matches!(
        groups::add_member(&mut tx, other, object(10), user(1), NOW).await,
        Err(StoreError::Missing(_))
    ));
    let ids = |groups: Vec<Group>| groups.iter().map(|g| g.id).collect::<Vec<_>>();
    let direct = groups::of_member(&mut tx, tenant, object(1)).await.unwrap();
    assert_eq!(ids(direct), [object(10)]);
    let all = groups::all_of_member(&mut tx, tenant, object(1))
        .await
        .unwrap();
    assert_eq!(ids(all), [object(10), object(11)]);
    assert_eq!(
        groups::members(&mut tx, other, object(10)).await.unwrap(),
        []
    );
    assert_eq!(
        groups::members(&mut tx, tenant, object(11)).await.unwrap(),
        [member_group(10)]
    );
    let both = [object(10), object(11)];
    let first = first_related(&mut tx, tenant, Relation::Members, &both, 1).await;
    let first = first.unwrap();
    assert_eq!(first[&object(10)].len(), 1, "of two");
    assert_eq!(first[&object(11)], [member_group(10)]);
    let all = first_related(&mut tx, tenant, Relation::Members, &both, 20).await;
    let in_order = groups::members(&mut tx, tenant, object(10)).await;
    assert_eq!(all.unwrap()[&object(10)], in_order.unwrap());
    let ids = [object(11), object(10), object(99)];
    let found = groups::by_ids(&mut tx, tenant, &ids).await.unwrap();
    assert_eq!(found.len(), 2, "who is not there is left out");
    assert_eq!(groups::by_ids(&mut tx, other, &ids).await.unwrap(), []);
    let found = people::by_ids(&mut tx, tenant, &[object(1)]).await.unwrap();
    assert_eq!(found[0].user.display_name, "Anna");
    assert_eq!(people::by_ids(&mut tx, tenant, &[]).await.unwrap(), []);
    assert!(
        !groups::remove_member(&mut tx, other, object(10), object(1))
            .await
            .unwrap()
    );
    assert!(
        groups::remove_member(&mut tx, tenant, object(10), object(1))
            .await
            .unwrap()
    );
    assert!(groups::delete(&mut tx, tenant, object(10)).await.unwrap());
    assert_eq!(
        groups::members(&mut tx, tenant, object(11)).await.unwrap(),
        []
    );
}

async fn rights_come_by_groups_too(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    people::create(&mut tx, tenant, &person(1, "Anna"))
        .await
        .unwrap();
    for (n, assignable) in [(10, true), (11, false)] {
        groups::create(&mut tx, tenant, &group(n, assignable))
            .await
            .unwrap();
        groups::add_member(&mut tx, tenant, object(n), user(1), NOW)
            .await
            .unwrap();
    }
    assign(&mut tx, 10, "Security Reader").await;
    // A group that roles may not be assigned to gives none, even where a row says so.
    assign(&mut tx, 11, "Global Administrator").await;
    let role = DefenderRole {
        id: Uuid::from_u128(1),
        display_name: "Tier 1".to_owned(),
        description: None,
        permissions: vec![DefenderPermission::AlertsManage],
        created: NOW,
    };
    defender_roles::create(&mut tx, tenant, &role)
        .await
        .unwrap();
    let assignment = DefenderAssignment {
        id: Uuid::from_u128(2),
        role: role.id,
        principal: member_group(11),
        devices: DeviceScope::Groups(BTreeSet::from([3])),
        created: NOW,
    };
    defender_roles::assign(&mut tx, tenant, &assignment)
        .await
        .unwrap();
    assert!(matches!(
        defender_roles::assign(&mut tx, tenant_id(2), &assignment).await,
        Err(StoreError::Missing(_))
    ));
    let facts = defender_roles::facts_of(&mut tx, tenant, object(1))
        .await
        .unwrap()
        .unwrap();
    assert!(facts.enabled && facts.holds("Security Reader"));
    assert!(!facts.roles.contains(&GLOBAL_ADMINISTRATOR));
    assert_eq!(
        facts.reach(&[DefenderPermission::AlertsManage]),
        Some(assignment.devices.clone())
    );
    assert_eq!(
        facts.reach(&[DefenderPermission::SecurityDataRead]),
        Some(DeviceScope::All)
    );
    assert_eq!(
        defender_roles::facts_of(&mut tx, tenant_id(2), object(1))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        defender_roles::assignments(&mut tx, tenant).await.unwrap(),
        [assignment]
    );
    assert!(
        !defender_roles::delete(&mut tx, tenant_id(2), role.id)
            .await
            .unwrap()
    );
    assert!(
        defender_roles::delete(&mut tx, tenant, role.id)
            .await
            .unwrap()
    );
    assert_eq!(
        defender_roles::assignments(&mut tx, tenant).await.unwrap(),
        []
    );
}

async fn device_groups_narrow_what_is_read(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    for (n, device) in [(1, "aa"), (2, "bb"), (3, "cc")] {
        let machine = Machine::first_sighting(DeviceId::from(device), &Sighting::default());
        machines::insert(&mut tx, tenant, &machine).await.unwrap();
        incidents::insert(&mut tx, tenant, &incident(n))
            .await
            .unwrap();
        let id = format!("alert-{device}");
        alerts::insert(&mut tx, tenant, &alert(&id, n, device, "anna"))
            .await
            .unwrap();
    }
    let servers = device_groups::create(&mut tx, tenant, "Servers", None, NOW)
        .await
        .unwrap();
    let laptops = device_groups::create(&mut tx, tenant, "Laptops", None, NOW)
        .await
        .unwrap();
    assert_eq!((servers.id, laptops.id), (1, 2));
    let put = [DeviceId::from("AA"), DeviceId::from("nobody")];
    assert_eq!(
        device_groups::put(&mut tx, tenant, 1, &put).await.unwrap(),
        1
    );
    let put = [DeviceId::from("bb")];
    assert_eq!(
        device_groups::put(&mut tx, tenant, 2, &put).await.unwrap(),
        1
    );
    assert!(
        device_groups::put(&mut tx, tenant_id(2), 1, &put)
            .await
            .is_err()
    );
    assert_eq!(
        device_groups::list(&mut tx, tenant).await.unwrap()[0].devices,
        1
    );

    let only = |ids: &[i64]| DeviceScope::Groups(ids.iter().copied().collect());
    assert_eq!(seen(&mut tx, only(&[1])).await, ["aa"]);
    assert_eq!(seen(&mut tx, only(&[0, 2])).await, ["bb", "cc"]);
    assert_eq!(seen(&mut tx, only(&[])).await, Vec::<String>::new());
    let list = device_groups::devices_of(&mut tx, tenant, &only(&[0, 2]))
        .await
        .unwrap();
    assert_eq!(list, DeviceList::Except(vec!["aa".to_owned()]));
    let list = device_groups::devices_of(&mut tx, tenant, &only(&[2]))
        .await
        .unwrap();
    assert_eq!(list, DeviceList::Only(vec!["bb".to_owned()]));
    let ended = [
        given_on(&mut tx, 1, &[1]).await,
        given_on(&mut tx, 2, &[1, 2]).await,
    ];
    assert!(device_groups::delete(&mut tx, tenant, 1).await.unwrap());
    // Roles on the group end with it, and its number is nobody's again.
    let left = defender_roles::assignments(&mut tx, tenant).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].id, &left[0].devices), (ended[1], &only(&[2])));
    assert!(device_groups::delete(&mut tx, tenant, 2).await.unwrap());
    let tablets = device_groups::create(&mut tx, tenant, "Tablets", None, NOW)
        .await
        .unwrap();
    assert_eq!(tablets.id, 3);
    let put = [DeviceId::from("bb")];
    device_groups::put(&mut tx, tenant, 3, &put).await.unwrap();
    assert_eq!(seen(&mut tx, only(&[0])).await, ["aa", "cc"]);
}

/// Gives a role on device groups.
async fn given_on(tx: &mut WriteTx, n: u128, groups: &[i64]) -> Uuid {
    let role = DefenderRole {
        id: Uuid::from_u128(n),
        display_name: format!("Role {n}"),
        description: None,
        permissions: vec![DefenderPermission::AlertsManage],
        created: NOW,
    };
    defender_roles::create(tx, tenant_id(1), &role)
        .await
        .unwrap();
    let assignment = DefenderAssignment {
        id: Uuid::from_u128(100 + n),
        role: role.id,
        principal: user(n),
        devices: DeviceScope::Groups(groups.iter().copied().collect()),
        created: NOW,
    };
    defender_roles::assign(tx, tenant_id(1), &assignment)
        .await
        .unwrap();
    assignment.id
}

/// The devices that a scope shows, which must be those whose alerts and incidents it shows by every way of reading.
async fn seen(tx: &mut WriteTx, scope: DeviceScope) -> Vec<String> {
    let tenant = tenant_id(1);
    tx.see_only(scope);
    let listed = machines::list(tx, tenant, None, &Page::first(9))
        .await
        .unwrap();
    let devices: Vec<String> = listed
        .items
        .iter()
        .map(|m| m.id.as_str().to_owned())
        .collect();
    assert_eq!(
        machines::count(tx, tenant, None).await.unwrap() as usize,
        devices.len()
    );
    let page = Page::first(9);
    let found = alerts::list(tx, tenant, AlertScope::All, None, &page, false)
        .await
        .unwrap();
    let mut of_alerts: Vec<String> = found
        .items
        .iter()
        .map(|a| a.device_id.as_ref().unwrap().as_str().to_owned())
        .collect();
    of_alerts.sort();
    assert_eq!(of_alerts, devices);
    let incidents_seen = incidents::list(tx, tenant, None, &Page::first(9))
        .await
        .unwrap();
    assert_eq!(incidents_seen.items.len(), devices.len());
    assert_eq!(
        incidents::count(tx, tenant, None).await.unwrap() as usize,
        devices.len()
    );
    for (n, device) in [(1, "aa"), (2, "bb"), (3, "cc")] {
        let visible = devices.iter().any(|d| d == device);
        let id = DeviceId::from(device);
        assert_eq!(
            machines::get(tx, tenant, &id).await.unwrap().is_some(),
            visible
        );
        let id = AlertId::from(format!("alert-{device}").as_str());
        assert_eq!(
            alerts::get(tx, tenant, &id).await.unwrap().is_some(),
            visible
        );
        let id = IncidentId(n);
        assert_eq!(
            incidents::get(tx, tenant, id).await.unwrap().is_some(),
            visible
        );
        let embedded = alerts::of_incidents(tx, tenant, &[id]).await.unwrap();
        assert_eq!(embedded.len(), usize::from(visible));
    }
    tx.see_only(DeviceScope::All);
    devices
}
