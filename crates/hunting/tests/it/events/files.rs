//! Files: merging, dropping, deleting, and that other engines can read them.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::array::{ArrayRef, Int64Array, TimestampNanosecondArray};
use arrow::compute::concat_batches;
use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
use bartizan_hunting::events::EventsError;
use bartizan_store::segments::{self, EventFile};
use parquet::arrow::ArrowWriter;
use parquet::basic::{LogicalType, Repetition, TimeUnit};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::*;

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_micros() as i64
}

/// All rows in one batch, by process number.
async fn table_of(events: &Arc<EventStore>) -> RecordBatch {
    let batches = read(events, CONTOSO, processes(), None).await;
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let values = all.column_by_name("ProcessId").unwrap().clone();
    let order = lexsort_to_indices(
        &[SortColumn {
            values,
            options: None,
        }],
        None,
    )
    .unwrap();
    take_record_batch(&all, &order).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compaction_keeps_every_row_and_hunts_under_way() {
    let mut place = Place::new();
    place.settings.compact_files = 3;
    let events = place.open().await;
    for number in 0..5_i64 {
        // Later batches hold earlier rows too, so merging has to merge.
        let rows = (0..20)
            .map(|i| process(number * 20 + i, i * 5 - number))
            .collect();
        events
            .append(CONTOSO, batch(number as u128), rows)
            .await
            .unwrap();
        events
            .append(FABRIKAM, batch(number as u128), some_processes(0..1))
            .await
            .unwrap();
        events.flush().await.unwrap();
    }
    let before = table_of(&events).await;
    let hunter = session(2);
    let planned = {
        let provider = events.provider(CONTOSO, processes());
        let frame = hunter.read_table(provider).unwrap();
        frame.create_physical_plan().await.unwrap()
    };
    let compacted = events.compact().await.unwrap();
    assert_eq!((compacted.from, compacted.to), (10, 2));
    assert_eq!(table_of(&events).await, before);
    assert_eq!(numbers(&events, FABRIKAM, None).await, [0, 0, 0, 0, 0]);
    let totals = events.totals(Some(CONTOSO)).await.unwrap();
    assert_eq!((totals[0].rows, totals[0].files), (100, 1));
    assert_eq!(
        events.compact().await.unwrap().from,
        0,
        "nothing is left to merge"
    );

    let old = datafusion::physical_plan::collect(planned, hunter.task_ctx())
        .await
        .unwrap();
    assert_eq!(
        old.iter().map(RecordBatch::num_rows).sum::<usize>(),
        100,
        "planned before"
    );
    assert_eq!(place.files().len(), 12, "the old files stay for a while");
    let hours = |n: i64| n * 3_600_000_000;
    assert_eq!(events.sweep(now()).await.unwrap().removed, 0);
    assert_eq!(events.sweep(now() + hours(2)).await.unwrap().removed, 10);
    assert_eq!(place.files().len(), 2);
    assert_eq!(table_of(&events).await, before);
    drop(events);
    assert_eq!(table_of(&place.open().await).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_drops_files_whose_last_row_is_too_old() {
    let mut place = Place::new();
    place.settings.retention = Some(Duration::from_secs(100));
    let events = place.open().await;
    for (id, second) in [(1, 0), (2, 1000)] {
        events
            .append(CONTOSO, batch(id), vec![process(id as i64, second)])
            .await
            .unwrap();
        events.flush().await.unwrap();
    }
    let noon = bartizan_contract::time::unix_micros_from_ticks(noon());
    assert_eq!(events.expire(noon + 100_000_000).await.unwrap(), 0);
    assert_eq!(events.expire(noon + 600_000_000).await.unwrap(), 1);
    assert_eq!(numbers(&events, CONTOSO, None).await, [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_may_have_a_retention_of_its_own() {
    let tables = ["DeviceProcessEvents", "DeviceEvents", "DeviceInfo"];
    let mut place = Place::new();
    place.settings.retention = Some(Duration::from_secs(100));
    let own = &mut place.settings.retention_of;
    own.insert("DeviceEvents".to_owned(), Some(Duration::from_secs(1000)));
    own.insert("DeviceInfo".to_owned(), None);
    let events = place.open().await;
    let rows = tables.map(|name| {
        let mut row = Row::empty(table(name).unwrap());
        assert!(row.set("Timestamp", Value::DateTime(noon())));
        row
    });
    events
        .append(CONTOSO, batch(1), rows.to_vec())
        .await
        .unwrap();
    events.flush().await.unwrap();
    let noon = bartizan_contract::time::unix_micros_from_ticks(noon());
    let left = async || -> Vec<String> {
        let totals = events.totals(Some(CONTOSO)).await.unwrap();
        totals.into_iter().map(|total| total.table).collect()
    };
    events.expire(noon + 99_000_000).await.unwrap();
    assert_eq!(left().await.len(), 3);
    events.expire(noon + 101_000_000).await.unwrap();
    assert_eq!(left().await, ["DeviceEvents", "DeviceInfo"]);
    events.expire(noon + 1_001_000_000).await.unwrap();
    assert_eq!(left().await, ["DeviceInfo"]);
    events.expire(noon + 1_000_000_000_000).await.unwrap();
    assert_eq!(left().await, ["DeviceInfo"], "kept for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_tenant_leaves_nothing_behind() {
    let place = Place::new();
    let events = place.open().await;
    for id in [1, 2] {
        events
            .append(CONTOSO, batch(id), some_processes(0..3))
            .await
            .unwrap();
        events
            .append(FABRIKAM, batch(id), some_processes(0..3))
            .await
            .unwrap();
        if id == 1 {
            events.flush().await.unwrap();
        }
    }
    let logged = |tenant: TenantId| {
        let logs = place.segments().into_iter().map(std::fs::read);
        let mut logs = logs.map(|log| log.unwrap());
        logs.any(|log| log.windows(16).any(|at| at == tenant.uuid().as_bytes()))
    };
    assert!(logged(CONTOSO) && logged(FABRIKAM));
    events.delete_tenant(CONTOSO).await.unwrap();
    assert!(!logged(CONTOSO));
    assert!(numbers(&events, CONTOSO, None).await.is_empty());
    assert_eq!(numbers(&events, FABRIKAM, None).await.len(), 6);
    let late = events.append(CONTOSO, batch(3), some_processes(0..3)).await;
    assert!(matches!(late, Err(EventsError::Gone)), "{late:?}");
    assert_eq!(events.totals(Some(CONTOSO)).await.unwrap(), []);
    drop(events);
    let events = place.open().await;
    assert!(
        numbers(&events, CONTOSO, None).await.is_empty(),
        "the log does not bring it back"
    );
    events.sweep(now() + 7_200_000_000).await.unwrap();
    let (mine, others): (Vec<_>, Vec<_>) = place
        .files()
        .into_iter()
        .partition(|path| path.to_string_lossy().contains(&CONTOSO.to_string()));
    assert_eq!((mine.len(), others.len()), (0, 2), "{mine:?}");
    assert_eq!(numbers(&events, FABRIKAM, None).await.len(), 6);
    let store = place.database().await;
    let paths = segments::all_paths(&mut store.read().await.unwrap()).await;
    assert_eq!(paths.unwrap().len(), 2);
    assert!(
        !events
            .append(CONTOSO, batch(1), some_processes(0..1))
            .await
            .unwrap()
            .duplicate
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_no_catalogue_knows_go_after_a_while() {
    let mut place = Place::new();
    let events = place.open().await;
    events
        .append(CONTOSO, batch(1), some_processes(0..3))
        .await
        .unwrap();
    events.flush().await.unwrap();
    let known = place.files().pop().unwrap();
    let orphan = known.with_file_name("00000000-0000-0000-0000-000000000000.parquet");
    std::fs::copy(&known, &orphan).unwrap();
    drop(events);
    drop(place.open().await);
    assert!(orphan.exists(), "it may be a flush of this minute");
    place.settings.orphan_grace = Duration::ZERO;
    let events = place.open().await;
    assert!(!orphan.exists());
    assert_eq!(numbers(&events, CONTOSO, None).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_plain_sorted_parquet_with_bloom_filters() {
    let place = Place::new();
    let events = place.open().await;
    let rows = (0..50).map(|number| process(number, 50 - number)).collect();
    events.append(CONTOSO, batch(1), rows).await.unwrap();
    events.flush().await.unwrap();
    let path = place.files().pop().unwrap();
    let folder = format!("{CONTOSO}/DeviceProcessEvents");
    assert!(path.parent().unwrap().ends_with(folder), "{path:?}");

    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let metadata = reader.metadata();
    let keys = metadata.file_metadata().key_value_metadata();
    assert!(keys.is_none_or(|keys| keys.iter().all(|entry| entry.key != "ARROW:schema")));
    let columns = metadata.file_metadata().schema_descr();
    let time = columns.column(0);
    assert_eq!(time.name(), "Timestamp");
    assert_eq!(
        time.logical_type_ref(),
        Some(&LogicalType::timestamp(true, TimeUnit::NANOS))
    );
    let name = processes().column_index("FileName").unwrap();
    assert_eq!(
        columns.column(name).logical_type_ref(),
        Some(&LogicalType::String)
    );
    let repetition = columns
        .column(name)
        .self_type()
        .get_basic_info()
        .repetition();
    assert_eq!(repetition, Repetition::REQUIRED);
    let group = metadata.row_group(0);
    let device = processes().column_index("DeviceId").unwrap();
    assert!(group.column(device).bloom_filter_offset().is_some());
    assert!(group.column(name).bloom_filter_offset().is_none());
    assert!(
        group.column(0).column_index_offset().is_some(),
        "page statistics"
    );

    let batches = read(&events, CONTOSO, processes(), None).await;
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let found = all
        .column_by_name("ProcessId")
        .unwrap()
        .as_primitive::<Int64Type>()
        .values();
    assert_eq!(found.to_vec(), (0..50).rev().collect::<Vec<_>>(), "by time");
}

/// A file of a version whose table had only two columns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_that_an_older_file_lacks_read_as_empty_or_null() {
    let mut place = Place::new();
    place.settings.compact_files = 2;
    let events = place.open().await;
    events
        .append(CONTOSO, batch(1), vec![process(5, 5)])
        .await
        .unwrap();
    events.flush().await.unwrap();
    let times = TimestampNanosecondArray::from(vec![1_777_636_800_000_000_000]);
    let old = RecordBatch::try_from_iter([
        (
            "Timestamp",
            Arc::new(times.with_timezone("UTC")) as ArrayRef,
        ),
        ("ProcessId", Arc::new(Int64Array::from(vec![4]))),
    ])
    .unwrap();
    let name = format!("{CONTOSO}/DeviceProcessEvents/old.parquet");
    let path = place.settings.dir.join("files").join(&name);
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), old.schema(), None).unwrap();
    writer.write(&old).unwrap();
    writer.close().unwrap();
    let log = std::fs::read_to_string(place.settings.dir.join("wal/id")).unwrap();
    let log = Uuid::parse_str(&log).unwrap();
    let file = EventFile {
        path: name,
        tenant: CONTOSO,
        table: "DeviceProcessEvents".to_owned(),
        rows: 1,
        bytes: std::fs::metadata(&path).unwrap().len() as i64,
        min_time: Some(1_777_636_800_000_000),
        max_time: Some(1_777_636_800_000_000),
        first_seq: 1,
        last_seq: 1,
        created: now(),
    };
    let database = place.database().await;
    let mut tx = database.write().await.unwrap();
    let mark = segments::watermark(&mut tx, log).await.unwrap();
    segments::commit_flush(&mut tx, log, mark, mark, &[file], &[], now())
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let named = |name: &str| Expr::Column(datafusion::common::Column::from_name(name));
    for step in ["apart", "merged"] {
        assert_eq!(numbers(&events, CONTOSO, None).await, [4, 5], "{step}");
        let empty = named("FileName").eq(datafusion::logical_expr::lit(""));
        assert_eq!(numbers(&events, CONTOSO, Some(empty)).await, [4], "{step}");
        let missing = named("InitiatingProcessId").is_null();
        assert_eq!(
            numbers(&events, CONTOSO, Some(missing)).await,
            [4],
            "{step}"
        );
        let named = named("FileName").gt(datafusion::logical_expr::lit("a"));
        assert_eq!(numbers(&events, CONTOSO, Some(named)).await, [5], "{step}");
        events.compact().await.unwrap();
    }
    assert_eq!(events.totals(None).await.unwrap()[0].files, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_background_task_flushes_by_age_and_ends_with_the_store() {
    let mut place = Place::new();
    place.settings.flush_age = Duration::ZERO;
    let events = place.open().await;
    let task = events.start();
    events
        .append(CONTOSO, batch(1), some_processes(0..3))
        .await
        .unwrap();
    while events.unflushed().bytes > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(place.files().len(), 1);
    assert!(!task.is_finished());
    task.abort();
}
