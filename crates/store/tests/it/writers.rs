//! Transactions that write at the same time.

use bartizan_contract::ObjectId;
use bartizan_store::Store;
use bartizan_store::directory::people;
use bartizan_store::directory::users::{self, User};
use uuid::Uuid;

use crate::fixture::{NOW, on_both_databases, tenant_id, two_tenants};

on_both_databases!(changes_of_one_object_do_not_undo_each_other);

/// Whoever changes an object reads it, decides, and writes it whole.
async fn changes_of_one_object_do_not_undo_each_other(store: &Store) {
    let mut tx = two_tenants(store).await;
    let tenant = tenant_id(1);
    let user = User::new(
        ObjectId(Uuid::from_u128(77)),
        "both@t1.example.com",
        "Both",
        NOW,
    );
    users::create(&mut tx, tenant, &user).await.unwrap();
    tx.commit().await.unwrap();
    let mut first = store.write().await.unwrap();
    let mut renamed = people::find(&mut first, tenant, &user.id.to_string())
        .await
        .unwrap()
        .unwrap();
    let second = {
        let (store, id) = (store.clone(), user.id);
        tokio::spawn(async move {
            let mut tx = store.write().await.unwrap();
            let mut disabled = people::find(&mut tx, tenant, &id.to_string())
                .await
                .unwrap()
                .unwrap();
            disabled.user.enabled = false;
            people::update(&mut tx, tenant, &disabled).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    // Long enough for the second to read what the first has not written yet, if it may.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    "Renamed".clone_into(&mut renamed.user.display_name);
    people::update(&mut first, tenant, &renamed).await.unwrap();
    first.commit().await.unwrap();
    second.await.unwrap();
    let mut tx = store.read().await.unwrap();
    let both = people::find(&mut tx, tenant, &user.id.to_string())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (both.user.display_name.as_str(), both.user.enabled),
        ("Renamed", false)
    );
}
