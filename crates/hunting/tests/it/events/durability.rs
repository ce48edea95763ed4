//! What is acknowledged stays, once.

use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};

use bartizan_contract::hunting::table;
use bartizan_contract::time::MAX_TICKS;
use bartizan_contract::value::{Row, Value};
use bartizan_hunting::events::EventsError;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appended_rows_can_be_hunted_at_once_and_by_their_tenant_alone() {
    let place = Place::new();
    let events = place.open().await;
    let appended = events
        .append(CONTOSO, batch(1), some_processes(0..10))
        .await
        .unwrap();
    assert_eq!(
        (appended.rows, appended.duplicate, appended.dates_dropped),
        (10, false, 0)
    );
    events
        .append(FABRIKAM, batch(1), some_processes(50..52))
        .await
        .unwrap();
    for _ in ["in memory", "in files"] {
        assert_eq!(
            numbers(&events, CONTOSO, None).await,
            (0..10).collect::<Vec<_>>()
        );
        assert_eq!(numbers(&events, FABRIKAM, None).await, [50, 51]);
        let totals = events.totals(None).await.unwrap();
        let counts: Vec<_> = totals
            .iter()
            .map(|t| (t.tenant, t.table.as_str(), t.rows))
            .collect();
        assert_eq!(
            counts,
            [
                (CONTOSO, "DeviceProcessEvents", 10),
                (FABRIKAM, "DeviceProcessEvents", 2)
            ]
        );
        events.flush().await.unwrap();
    }
    assert!(
        numbers(&events, TenantId::from_u128(9), None)
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_reads_back_from_memory_log_and_file() {
    let place = Place::new();
    let events = place.open().await;
    let mut full = Row::empty(processes());
    for column in processes().columns {
        use bartizan_contract::KqlType as T;
        let value = match column.ty {
            T::Bool => Value::Bool(true),
            T::Int => Value::Int(-7),
            T::Long => Value::Long(1 << 40),
            T::Real => Value::Real(0.5),
            T::String => Value::String(format!("text of {}", column.name)),
            T::DateTime => Value::DateTime(noon() + 1_234_567),
            T::TimeSpan => Value::TimeSpan(-1),
            T::Guid => Value::Guid("00000000-0000-0000-0000-000000000001".into()),
            T::Dynamic => Value::Dynamic("[1, 2]".into()),
            T::Decimal => Value::Null,
        };
        assert!(full.set(column.name, value));
    }
    let rows = vec![Row::empty(processes()), full];
    events.append(CONTOSO, batch(1), rows).await.unwrap();
    let in_memory = read(&events, CONTOSO, processes(), None).await;
    drop(events);
    let events = place.open().await;
    let from_log = read(&events, CONTOSO, processes(), None).await;
    assert_eq!(from_log, in_memory);
    events.flush().await.unwrap();
    let from_file = read(&events, CONTOSO, processes(), None).await;
    assert_eq!(from_file, in_memory);
    assert_eq!(
        in_memory[0]
            .column_by_name("FileName")
            .unwrap()
            .null_count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_several_tables_comes_back_whole_after_a_restart() {
    let place = Place::new();
    let events = place.open().await;
    let mut rows = some_processes(0..3);
    rows.insert(1, Row::empty(table("AlertInfo").unwrap()));
    events.append(CONTOSO, batch(1), rows).await.unwrap();
    drop(events);
    let events = place.open().await;
    let totals = events.totals(Some(CONTOSO)).await.unwrap();
    let counts: Vec<_> = totals.iter().map(|t| (t.table.as_str(), t.rows)).collect();
    assert_eq!(counts, [("AlertInfo", 1), ("DeviceProcessEvents", 3)]);
    events.shutdown().await.unwrap();
    assert!(matches!(
        events.append(CONTOSO, batch(2), some_processes(0..1)).await,
        Err(EventsError::Closed)
    ));
    drop(events);
    let events = place.open().await;
    assert_eq!(numbers(&events, CONTOSO, None).await, [0, 1, 2]);
    assert_eq!(events.unflushed().bytes, 0, "shutting down flushed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retried_batch_adds_nothing_wherever_the_first_one_is() {
    let place = Place::new();
    let mut events = place.open().await;
    events
        .append(CONTOSO, batch(1), some_processes(0..4))
        .await
        .unwrap();
    for step in [
        "in memory",
        "in the log",
        "in files",
        "in files after a restart",
    ] {
        match step {
            "in the log" | "in files after a restart" => {
                drop(events);
                events = place.open().await;
            }
            "in files" => drop(events.flush().await.unwrap()),
            _ => {}
        }
        let again = events
            .append(CONTOSO, batch(1), some_processes(0..4))
            .await
            .unwrap();
        assert_eq!((again.rows, again.duplicate), (4, true), "{step}");
        assert_eq!(
            numbers(&events, CONTOSO, None).await,
            [0, 1, 2, 3],
            "{step}"
        );
    }
    let other = events
        .append(FABRIKAM, batch(1), some_processes(0..1))
        .await
        .unwrap();
    assert!(!other.duplicate, "ids are a tenant's own");
    // After 24 hours and an hour for good measure.
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    events
        .sweep(now.as_micros() as i64 + 25 * 3_600_000_000)
        .await
        .unwrap();
    let late = events
        .append(CONTOSO, batch(1), some_processes(4..5))
        .await
        .unwrap();
    assert!(!late.duplicate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_batch_sent_at_the_same_time_counts_once() {
    let place = Place::new();
    let events = place.open().await;
    let sends = (0..8).map(|_| events.append(CONTOSO, batch(1), some_processes(0..5)));
    let outcomes = futures::future::join_all(sends).await;
    let new = outcomes
        .iter()
        .filter(|o| !o.as_ref().unwrap().duplicate)
        .count();
    assert_eq!(new, 1);
    assert_eq!(numbers(&events, CONTOSO, None).await, [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_is_cut_and_a_damaged_middle_is_refused() {
    let place = Place::new();
    let events = place.open().await;
    events
        .append(CONTOSO, batch(1), some_processes(0..2))
        .await
        .unwrap();
    let log = place.segments().pop().unwrap();
    let first = fs::metadata(&log).unwrap().len();
    events
        .append(CONTOSO, batch(2), some_processes(2..4))
        .await
        .unwrap();
    drop(events);
    let whole = fs::read(&log).unwrap();
    // The unit tests of the log cut at every byte.
    for cut in [
        first,
        first + 1,
        (first + whole.len() as u64) / 2,
        whole.len() as u64 - 1,
    ] {
        fs::write(&log, &whole[..cut as usize]).unwrap();
        let events = place.open().await;
        assert_eq!(
            numbers(&events, CONTOSO, None).await,
            [0, 1],
            "cut at {cut}"
        );
        let retried = events
            .append(CONTOSO, batch(2), some_processes(2..4))
            .await
            .unwrap();
        assert!(!retried.duplicate, "it was never acknowledged");
        drop(events);
        let events = place.open().await;
        assert_eq!(
            numbers(&events, CONTOSO, None).await,
            [0, 1, 2, 3],
            "cut at {cut}"
        );
        drop(events);
        for later in place.segments().into_iter().filter(|path| *path != log) {
            fs::remove_file(later).unwrap();
        }
    }
    // A later segment exists, so no crash can explain a damaged earlier one.
    fs::write(&log, &whole).unwrap();
    drop(place.open().await);
    let mut damaged = whole;
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&log, damaged).unwrap();
    let error = EventStore::open(place.settings.clone(), place.database().await)
        .await
        .unwrap_err();
    assert!(
        matches!(error, EventsError::Corrupt { offset, .. } if offset == first),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_open_once() {
    let place = Place::new();
    let events = place.open().await;
    let second = EventStore::open(place.settings.clone(), place.database().await).await;
    assert!(matches!(second.unwrap_err(), EventsError::InUse(_)));
    drop(events);
    place.open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_releases_memory_and_log() {
    let place = Place::new();
    let events = place.open().await;
    events
        .append(CONTOSO, batch(1), some_processes(0..100))
        .await
        .unwrap();
    assert!(events.unflushed().bytes > 0);
    let flushed = events.flush().await.unwrap();
    assert_eq!((flushed.rows, flushed.files), (100, 1));
    assert_eq!(events.unflushed().bytes, 0);
    assert_eq!(place.segments().len(), 1, "the segment that is written now");
    assert_eq!(events.flush().await.unwrap().files, 0, "nothing new");
    let staging = place.settings.dir.join("staging");
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appending_beyond_the_memory_limit_flushes_and_a_batch_beyond_its_own_is_refused() {
    let mut place = Place::new();
    place.settings.memory_limit = 1;
    let events = place.open().await;
    for number in 0..5 {
        let id = batch(number as u128);
        events
            .append(CONTOSO, id, some_processes(number..number + 1))
            .await
            .unwrap();
    }
    assert!(events.totals(None).await.unwrap()[0].files >= 4);
    assert_eq!(numbers(&events, CONTOSO, None).await, [0, 1, 2, 3, 4]);
    drop(events);
    place.settings.max_batch_bytes = 10;
    let events = place.open().await;
    let large = events.append(CONTOSO, batch(9), some_processes(0..1)).await;
    assert!(matches!(
        large,
        Err(EventsError::TooLarge { limit: 10, .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datetimes_that_no_file_holds_become_null_and_are_counted() {
    let place = Place::new();
    let events = place.open().await;
    let mut row = process(1, 0);
    row.set("Timestamp", Value::DateTime(MAX_TICKS));
    let appended = events
        .append(CONTOSO, batch(1), vec![row, process(2, 0)])
        .await
        .unwrap();
    assert_eq!((appended.rows, appended.dates_dropped), (2, 1));
    events.flush().await.unwrap();
    assert_eq!(numbers(&events, CONTOSO, None).await, [1, 2]);
}

/// A hunt sees everything that was acknowledged before it and nothing twice, whatever a flush or a
/// compaction is doing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hunts_during_flushes_see_each_acknowledged_row_once() {
    let mut place = Place::new();
    place.settings.compact_files = 3;
    let events = place.open().await;
    let (begun, acknowledged) = (AtomicI64::new(0), AtomicI64::new(0));
    let append = async {
        for number in 0..60 {
            begun.store(number + 1, Ordering::SeqCst);
            let id = batch(number as u128);
            events
                .append(CONTOSO, id, some_processes(number..number + 1))
                .await
                .unwrap();
            acknowledged.store(number + 1, Ordering::SeqCst);
        }
    };
    let upkeep = async {
        while acknowledged.load(Ordering::SeqCst) < 60 {
            events.flush().await.unwrap();
            events.compact().await.unwrap();
        }
    };
    let hunt = async {
        while acknowledged.load(Ordering::SeqCst) < 60 {
            let at_least = acknowledged.load(Ordering::SeqCst);
            let found = numbers(&events, CONTOSO, None).await;
            let at_most = begun.load(Ordering::SeqCst);
            let count = found.len() as i64;
            assert_eq!(
                found,
                (0..count).collect::<Vec<_>>(),
                "none missing, none twice"
            );
            assert!(
                (at_least..=at_most).contains(&count),
                "{at_least} {count} {at_most}"
            );
        }
    };
    tokio::join!(append, upkeep, hunt);
    assert_eq!(
        numbers(&events, CONTOSO, None).await,
        (0..60).collect::<Vec<_>>()
    );
}
