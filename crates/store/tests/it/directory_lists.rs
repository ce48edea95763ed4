//! Pages of directory objects in every order, lists within objects, and who owns what.

use bartizan_contract::ObjectId;
use bartizan_store::directory::search::{Key, Order, Search};
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::{
    Principal, PrincipalKind, Relation, applications, first_related, owners,
};
use bartizan_store::odata::{APPLICATIONS_GRAPH, SERVICE_PRINCIPALS_GRAPH, filter};
use bartizan_store::{Page, Store, StoreError, WriteTx};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{NOW, application, on_both_databases, tenant_id, two_tenants};

on_both_databases!(
    pages_continue_in_every_order,
    lists_within_objects_are_filtered_by,
    owners_belong_to_one_object_of_one_tenant,
);

async fn pages_continue_in_every_order(store: &Store) {
    let mut tx = two_tenants(store).await;
    for (n, name) in [(1, "b"), (2, "A"), (3, "a"), (4, "C"), (5, "B")] {
        let mut app = application(n, 1);
        app.display_name = name.to_owned();
        app.created = NOW - i64::try_from(n / 2).unwrap();
        applications::create(&mut tx, &app).await.unwrap();
    }
    for (key, descending, expected) in [
        (Key::Id, false, [1, 2, 3, 4, 5]),
        (Key::Id, true, [5, 4, 3, 2, 1]),
        (Key::Name, false, [2, 3, 1, 5, 4]),
        (Key::Name, true, [4, 1, 5, 2, 3]),
        (Key::Created, false, [4, 5, 2, 3, 1]),
        (Key::Created, true, [1, 2, 3, 4, 5]),
    ] {
        let order = Order { key, descending };
        assert_eq!(walk(&mut tx, order).await, expected, "{order:?}");
    }
}

async fn walk(tx: &mut WriteTx, order: Order) -> Vec<u128> {
    let mut seen = Vec::new();
    let mut page = Page::first(2);
    loop {
        let search = Search {
            order,
            ..Search::all(&page)
        };
        let listing = applications::list(tx, tenant_id(1), &search).await.unwrap();
        seen.extend(listing.items.iter().map(|a| a.id.uuid().as_u128() - 0x2000));
        let Some(next) = listing.next else {
            return seen;
        };
        page = Page::after(next, 2);
    }
}

async fn lists_within_objects_are_filtered_by(store: &Store) {
    let mut tx = two_tenants(store).await;
    for n in 1..=3 {
        let mut app = application(n, 1);
        if n == 2 {
            app.properties
                .insert("tags".to_owned(), json!(["Nightly", "it's \"odd\""]));
        }
        applications::create(&mut tx, &app).await.unwrap();
        let id = ObjectId(Uuid::from_u128(0x5000 + n));
        let mut sp = ServicePrincipal::of_application(id, tenant_id(1), &app, NOW);
        if n == 3 {
            sp.properties.insert("tags".to_owned(), json!(["HideApp"]));
        }
        service_principals::create(&mut tx, &sp).await.unwrap();
    }
    for (text, count) in [
        ("identifierUris/any(u: u eq 'API://app2/')", 1),
        ("identifierUris/any(u: startswith(u, 'api://app'))", 3),
        ("not identifierUris/any(u: u eq 'api://app2/')", 2),
        ("tags/any(t: t eq 'nightly')", 1),
        ("tags/any(t: t eq 'it''s \"odd\"')", 1),
        ("not tags/any()", 2),
        (
            "tags/any(t: t eq 'elements[x]') or identifierUris/any(u: u eq '$1')",
            0,
        ),
    ] {
        let condition = filter(text, &APPLICATIONS_GRAPH).unwrap();
        let found = applications::count(&mut tx, tenant_id(1), Some(&condition)).await;
        assert_eq!(found.unwrap(), count, "{text}");
        let elsewhere = applications::count(&mut tx, tenant_id(2), Some(&condition)).await;
        assert_eq!(elsewhere.unwrap(), 0, "{text}");
    }
    let hidden = filter("tags/any(t: t eq 'HideApp')", &SERVICE_PRINCIPALS_GRAPH).unwrap();
    let found = service_principals::count(&mut tx, tenant_id(1), Some(&hidden)).await;
    assert_eq!(found.unwrap(), 1);
}

async fn owners_belong_to_one_object_of_one_tenant(store: &Store) {
    let mut tx = two_tenants(store).await;
    let (tenant, other) = (tenant_id(1), tenant_id(2));
    let app = application(1, 1);
    applications::create(&mut tx, &app).await.unwrap();
    let id = ObjectId(Uuid::from_u128(0x5001));
    let sp = ServicePrincipal::of_application(id, tenant, &app, NOW);
    service_principals::create(&mut tx, &sp).await.unwrap();
    // Several at once come whole, each with its names in their order.
    let found = service_principals::by_ids(&mut tx, tenant, &[sp.id, app.id])
        .await
        .unwrap();
    assert_eq!(found, std::slice::from_ref(&sp));
    let elsewhere = service_principals::by_ids(&mut tx, other, &[sp.id]).await;
    assert_eq!(elsewhere.unwrap(), []);
    let owner = Principal {
        id: sp.id,
        kind: PrincipalKind::ServicePrincipal,
    };
    owners::add(&mut tx, tenant, app.id, owner, NOW)
        .await
        .unwrap();
    assert_eq!(owners::of(&mut tx, tenant, app.id).await.unwrap(), [owner]);
    for (top, expected) in [(0, None), (1, Some(vec![owner])), (20, Some(vec![owner]))] {
        let objects = [sp.id, app.id];
        let first = first_related(&mut tx, tenant, Relation::Owners, &objects, top).await;
        let first = first.unwrap();
        assert_eq!(first.get(&app.id).cloned(), expected, "{top}");
        assert!(!first.contains_key(&sp.id));
    }
    let elsewhere = first_related(&mut tx, other, Relation::Owners, &[app.id], 20).await;
    assert!(elsewhere.unwrap().is_empty());
    assert!(owners::owns(&mut tx, tenant, app.id, sp.id).await.unwrap());
    assert!(!owners::owns(&mut tx, other, app.id, sp.id).await.unwrap());
    assert!(!owners::remove(&mut tx, other, app.id, sp.id).await.unwrap());
    // Who goes owns nothing any more.
    service_principals::delete(&mut tx, tenant, sp.id)
        .await
        .unwrap();
    assert!(
        owners::of(&mut tx, tenant, app.id)
            .await
            .unwrap()
            .is_empty()
    );
    service_principals::create(&mut tx, &sp).await.unwrap();
    owners::add(&mut tx, tenant, app.id, owner, NOW)
        .await
        .unwrap();
    applications::delete(&mut tx, tenant, app.id).await.unwrap();
    assert!(
        owners::of(&mut tx, tenant, app.id)
            .await
            .unwrap()
            .is_empty()
    );
    let again = owners::add(&mut tx, tenant_id(9), app.id, owner, NOW).await;
    assert!(matches!(again, Err(StoreError::Missing(_))), "{again:?}");
}
