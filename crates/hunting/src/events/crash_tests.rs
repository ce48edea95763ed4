//! A crash between any two steps of a flush loses nothing and shows nothing twice.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bartizan_contract::TenantId;
use bartizan_contract::hunting::table;
use bartizan_contract::time::UNIX_EPOCH_TICKS;
use bartizan_contract::value::{Row, Value};
use bartizan_store::Store;
use datafusion::prelude::SessionContext;
use uuid::Uuid;

use super::flush::Step;
use super::{EventStore, EventsError, Settings, lock_plain, now_micros};

const TENANT: TenantId = TenantId::from_u128(1);
const STEPS: [Step; 6] = [
    Step::Rotated,
    Step::Staged,
    Step::Published,
    Step::InTransaction,
    Step::Committed,
    Step::Released,
];

async fn open(dir: &Path) -> Arc<EventStore> {
    let store = Store::open_file(&dir.join("store.db")).await.unwrap();
    EventStore::open(Settings::new(dir.join("events")), store)
        .await
        .unwrap()
}

async fn append(events: &Arc<EventStore>, id: u128, rows: usize) -> bool {
    let row = |table_name| {
        let mut row = Row::empty(table(table_name).unwrap());
        row.set("Timestamp", Value::DateTime(UNIX_EPOCH_TICKS + id as i64));
        row
    };
    let mut batch = vec![row("AlertInfo"); rows];
    batch.push(row("AlertEvidence"));
    events
        .append(TENANT, Uuid::from_u128(id), batch)
        .await
        .unwrap()
        .duplicate
}

async fn count(events: &Arc<EventStore>) -> usize {
    let mut rows = 0;
    for name in ["AlertInfo", "AlertEvidence"] {
        let provider = events.provider(TENANT, table(name).unwrap());
        let batches = SessionContext::new()
            .read_table(provider)
            .unwrap()
            .collect()
            .await
            .unwrap();
        rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    }
    rows
}

fn crash_at(events: &EventStore, step: Option<Step>) {
    *lock_plain(&events.crash_at) = step;
}

async fn crashed(dir: &Path, step: Step) -> Arc<EventStore> {
    let events = open(dir).await;
    append(&events, 1, 3).await;
    append(&events, 2, 5).await;
    crash_at(&events, Some(step));
    let error = events.flush().await.unwrap_err();
    let at = format!("{step:?}");
    assert!(
        matches!(&error, EventsError::Injected(found) if *found == at),
        "{at}: {error}"
    );
    assert_eq!(count(&events).await, 10, "{step:?}, right after");
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart() {
    for step in STEPS {
        let dir = tempfile::tempdir().unwrap();
        drop(crashed(dir.path(), step).await);
        let events = open(dir.path()).await;
        assert_eq!(count(&events).await, 10, "{step:?}");
        assert!(
            append(&events, 2, 5).await,
            "{step:?}: the batch is recognised"
        );
        assert!(!append(&events, 3, 1).await);
        events.flush().await.unwrap();
        assert_eq!(count(&events).await, 12, "{step:?}, flushed");
        // Later than any grace: what the crash left is gone, and nothing else.
        let swept = events.sweep(now_micros() + 7_200_000_000).await.unwrap();
        let left = matches!(step, Step::Published | Step::InTransaction);
        assert_eq!(swept.orphans, if left { 2 } else { 0 });
        assert_eq!(count(&events).await, 12, "{step:?}, swept");
        drop(events);
        assert_eq!(count(&open(dir.path()).await).await, 12, "{step:?}, again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_restart_the_next_flush_finishes() {
    for step in STEPS {
        let dir = tempfile::tempdir().unwrap();
        let events = crashed(dir.path(), step).await;
        crash_at(&events, None);
        assert!(!append(&events, 3, 1).await);
        assert!(
            append(&events, 1, 3).await,
            "{step:?}: the batch is recognised"
        );
        assert_eq!(count(&events).await, 12, "{step:?}");
        events.flush().await.unwrap();
        assert_eq!(count(&events).await, 12, "{step:?}, flushed");
        assert_eq!(events.unflushed().bytes, 0, "{step:?}");
        drop(events);
        assert_eq!(
            count(&open(dir.path()).await).await,
            12,
            "{step:?}, restarted"
        );
    }
}
