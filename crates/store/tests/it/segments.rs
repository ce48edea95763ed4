//! The catalogue of event files: watermarks, files and batches move together.

use bartizan_store::segments::{self, EventFile, IngestedBatch, Tables};
use bartizan_store::{Store, StoreError};
use uuid::Uuid;

use crate::fixture::{NOW, on_both_databases, tenant_id};

on_both_databases!(
    a_flush_moves_everything_or_nothing,
    snapshots_leave_out_other_tables_and_tenants,
    files_are_swapped_once,
    what_is_old_expires_and_is_forgotten_at_last,
    batches_are_a_tenants_own_and_not_for_ever,
);

const LOG: Uuid = Uuid::from_u128(7);

fn file(path: &str, tenant: u128, times: Option<(i64, i64)>) -> EventFile {
    EventFile {
        path: path.to_owned(),
        tenant: tenant_id(tenant),
        table: "AlertInfo".to_owned(),
        rows: 10,
        bytes: 1000,
        min_time: times.map(|(from, _)| from),
        max_time: times.map(|(_, to)| to),
        first_seq: 1,
        last_seq: 5,
        created: NOW,
    }
}

fn batch(tenant: u128, id: u128) -> IngestedBatch {
    IngestedBatch {
        tenant: tenant_id(tenant),
        batch_id: Uuid::from_u128(id),
        rows: 10,
        appended: NOW,
    }
}

async fn flush(store: &Store, to: i64, files: &[EventFile], batches: &[IngestedBatch]) {
    let mut tx = store.write().await.unwrap();
    let from = segments::open_log(&mut tx, LOG, NOW).await.unwrap();
    segments::commit_flush(&mut tx, LOG, from, to, files, batches, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn paths(store: &Store, tenant: u128) -> Vec<String> {
    let mut tx = store.read().await.unwrap();
    let snapshot = segments::snapshot(&mut tx, LOG, tenant_id(tenant), "AlertInfo")
        .await
        .unwrap();
    snapshot.files.into_iter().map(|file| file.path).collect()
}

async fn a_flush_moves_everything_or_nothing(store: &Store) {
    let mut tx = store.read().await.unwrap();
    assert!(matches!(
        segments::watermark(&mut tx, LOG).await,
        Err(StoreError::Missing(_))
    ));
    drop(tx);
    flush(store, 5, &[file("a", 1, None)], &[batch(1, 1)]).await;
    let mut tx = store.read().await.unwrap();
    assert_eq!(segments::watermark(&mut tx, LOG).await.unwrap(), 5);
    drop(tx);

    let mut tx = store.write().await.unwrap();
    assert_eq!(segments::open_log(&mut tx, LOG, NOW).await.unwrap(), 5);
    let stale = segments::commit_flush(&mut tx, LOG, 4, 9, &[file("b", 1, None)], &[], NOW).await;
    assert!(matches!(stale, Err(StoreError::Changed(_))));
    drop(tx);
    assert_eq!(paths(store, 1).await, ["a"]);
}

async fn snapshots_leave_out_other_tables_and_tenants(store: &Store) {
    let mut other_table = file("d", 1, None);
    other_table.table = "AlertEvidence".to_owned();
    let files = [
        file("a", 1, Some((10, 19))),
        file("b", 1, Some((20, 29))),
        file("c", 2, Some((10, 19))),
        other_table,
    ];
    flush(store, 1, &files, &[]).await;
    assert_eq!(paths(store, 1).await, ["b", "a"]);
    assert_eq!(paths(store, 2).await, ["c"]);
    let mut tx = store.read().await.unwrap();
    let totals = segments::totals(&mut tx, Some(tenant_id(1))).await.unwrap();
    let totals: Vec<_> = totals
        .iter()
        .map(|t| (t.table.as_str(), t.rows, t.files, t.bytes))
        .collect();
    assert_eq!(
        totals,
        [("AlertEvidence", 10, 1, 1000), ("AlertInfo", 20, 2, 2000)]
    );
    assert_eq!(segments::totals(&mut tx, None).await.unwrap().len(), 3);
    assert_eq!(segments::small_files(&mut tx, 1000).await.unwrap().len(), 0);
    assert_eq!(segments::small_files(&mut tx, 1001).await.unwrap().len(), 4);
}

async fn files_are_swapped_once(store: &Store) {
    let old = [file("a", 1, None), file("b", 1, None)];
    flush(store, 1, &old, &[]).await;
    let mut tx = store.write().await.unwrap();
    segments::replace_files(&mut tx, &old, &[file("ab", 1, None)], NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(paths(store, 1).await, ["ab"]);

    let mut tx = store.write().await.unwrap();
    let again = segments::replace_files(&mut tx, &old, &[file("ab2", 1, None)], NOW).await;
    assert!(matches!(again, Err(StoreError::Changed(_))));
    drop(tx);
    let mut tx = store.read().await.unwrap();
    let mut all = segments::all_paths(&mut tx).await.unwrap();
    all.sort();
    assert_eq!(all, ["a", "ab", "b"]);
}

async fn what_is_old_expires_and_is_forgotten_at_last(store: &Store) {
    let files = [
        file("a", 1, Some((10, 19))),
        file("b", 1, Some((10, 20))),
        file("c", 2, None),
    ];
    flush(store, 1, &files, &[batch(1, 1)]).await;
    let mut tx = store.write().await.unwrap();
    let table = files[0].table.as_str();
    for (tables, expired) in [
        (Tables::Only("another"), 0),
        (Tables::AllBut(&["another", table]), 0),
        (Tables::AllBut(&["another"]), 1),
        (Tables::AllBut(&[]), 0),
    ] {
        let done = segments::expire_files(&mut tx, tables, 20, NOW).await;
        assert_eq!(done.unwrap(), expired, "{tables:?}");
    }
    assert_eq!(
        segments::remove_tenant(&mut tx, tenant_id(2), NOW + 5)
            .await
            .unwrap(),
        1
    );
    tx.commit().await.unwrap();
    assert_eq!(paths(store, 1).await, ["b"]);
    assert!(paths(store, 2).await.is_empty());

    let mut tx = store.write().await.unwrap();
    assert_eq!(
        segments::removed_paths(&mut tx, NOW + 1).await.unwrap(),
        ["a"]
    );
    assert_eq!(
        segments::removed_paths(&mut tx, NOW + 6).await.unwrap(),
        ["a", "c"]
    );
    segments::forget_file(&mut tx, "a").await.unwrap();
    segments::forget_file(&mut tx, "b").await.unwrap();
    let mut left = segments::all_paths(&mut tx).await.unwrap();
    left.sort();
    assert_eq!(left, ["b", "c"], "a file in use is never forgotten");
}

async fn batches_are_a_tenants_own_and_not_for_ever(store: &Store) {
    flush(store, 1, &[], &[batch(1, 1)]).await;
    flush(store, 2, &[], &[batch(1, 1), batch(2, 2)]).await;
    let mut tx = store.write().await.unwrap();
    let id = Uuid::from_u128(1);
    assert_eq!(
        segments::find_batch(&mut tx, tenant_id(1), id)
            .await
            .unwrap(),
        Some(10)
    );
    assert_eq!(
        segments::find_batch(&mut tx, tenant_id(2), id)
            .await
            .unwrap(),
        None
    );
    assert_eq!(segments::forget_batches(&mut tx, NOW).await.unwrap(), 0);
    assert_eq!(segments::forget_batches(&mut tx, NOW + 1).await.unwrap(), 2);
    assert_eq!(
        segments::find_batch(&mut tx, tenant_id(1), id)
            .await
            .unwrap(),
        None
    );
}
