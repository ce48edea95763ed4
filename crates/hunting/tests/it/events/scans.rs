//! Scans: what they leave out, how they share the work, and that filters mean the same everywhere.

use arrow::array::StringViewArray;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, lit};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties as _, displayable};
use object_store::memory::InMemory;

use super::*;
use bartizan_hunting::events::Location;
use bartizan_hunting::{Engine, EngineSettings, HuntRequest, Limits, Reach, TenantTables};

pub(super) fn named(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

pub(super) async fn plan(
    events: &Arc<EventStore>,
    filter: Expr,
    partitions: usize,
) -> Arc<dyn ExecutionPlan> {
    let frame = session(partitions)
        .read_table(events.provider(CONTOSO, processes()))
        .unwrap();
    frame
        .filter(filter)
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap()
}

/// How many units of files a plan reads.
pub(super) fn units(plan: &Arc<dyn ExecutionPlan>) -> usize {
    displayable(plan.as_ref())
        .indent(true)
        .to_string()
        .matches(".parquet")
        .count()
}

/// Three files of a hundred seconds each, and the last hundred in memory.
async fn four_hundred(place: &Place) -> Arc<EventStore> {
    let events = place.open().await;
    for number in 0..4_i64 {
        let rows = some_processes(number * 100..number * 100 + 100);
        events
            .append(CONTOSO, batch(number as u128), rows)
            .await
            .unwrap();
        if number < 3 {
            events.flush().await.unwrap();
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_give_the_same_rows_as_reading_everything() {
    let place = Place::new();
    let events = four_hundred(&place).await;
    let second = |n: i64| lit(noon() + n * TICKS_PER_SECOND + 1);
    let time = || named("Timestamp");
    let long_name = |n: i64| lit(format!("a rather long file name {n}.exe"));
    let view = |text: &str| {
        Expr::Literal(
            datafusion::common::ScalarValue::Utf8View(Some(text.into())),
            None,
        )
    };
    let cases: Vec<(Expr, Vec<i64>)> = vec![
        (
            time().gt_eq(second(95)).and(time().lt(second(103))),
            (95..103).collect(),
        ),
        (
            time().between(second(298), second(301)),
            (298..=301).collect(),
        ),
        (time().eq(second(250)), vec![250]),
        (second(390).lt(time()), (391..400).collect()),
        (named("ProcessId").lt(lit(3_i64)), vec![0, 1, 2]),
        (
            named("ProcessId").in_list(vec![lit(5_i64), lit(305_i64)], false),
            vec![5, 305],
        ),
        (named("FileName").eq(long_name(150)), vec![150]),
        (
            named("FileName")
                .eq(long_name(150))
                .or(time().lt(second(1))),
            vec![0, 150],
        ),
        (
            named("DeviceId")
                .eq(view("device-3"))
                .and(named("ProcessId").lt(lit(20_i64))),
            vec![3, 10, 17],
        ),
        (named("DeviceId").eq(view("no such device")), vec![]),
        (
            named("FileName")
                .not_eq(long_name(1))
                .and(named("ProcessId").lt(lit(3_i64))),
            vec![0, 2],
        ),
        (
            named("AccountName")
                .eq(lit(""))
                .and(named("ProcessId").gt(lit(398_i64))),
            vec![399],
        ),
        (time().gt(lit(bartizan_contract::time::MAX_TICKS)), vec![]),
        (
            time().gt(lit(0_i64)).and(named("ProcessId").eq(lit(7_i64))),
            vec![7],
        ),
        (time().is_null(), vec![]),
    ];
    for (filter, expected) in cases {
        let text = filter.to_string();
        assert_eq!(
            numbers(&events, CONTOSO, Some(filter)).await,
            expected,
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_row_groups_outside_a_filter_are_not_read() {
    let place = Place::new();
    let events = four_hundred(&place).await;
    let late = named("Timestamp").gt(lit(noon() + 150 * TICKS_PER_SECOND));
    assert_eq!(
        units(&plan(&events, late, 2).await),
        2,
        "the catalogue knows the first is older"
    );
    let low = named("ProcessId").lt(lit(50_i64));
    assert_eq!(
        units(&plan(&events, low, 2).await),
        1,
        "statistics of row groups"
    );
    let all = named("ProcessId").gt(lit(-1_i64));
    let plan = plan(&events, all, 2).await;
    assert_eq!(units(&plan), 3);
    assert!(
        plan.output_partitioning().partition_count() >= 2,
        "dealt to both threads"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projections_and_counts_read_only_what_they_need() {
    let place = Place::new();
    let events = four_hundred(&place).await;
    let frame = || {
        session(2)
            .read_table(events.provider(CONTOSO, processes()))
            .unwrap()
    };
    assert_eq!(frame().count().await.unwrap(), 400);
    let names = frame()
        .select(vec![named("FileName")])
        .unwrap()
        .collect()
        .await
        .unwrap();
    let texts = names.iter().flat_map(|batch| {
        let column: &StringViewArray = batch.column(0).as_string_view();
        column
            .iter()
            .map(|text| text.unwrap().len())
            .collect::<Vec<_>>()
    });
    assert_eq!(texts.filter(|length| *length > 20).count(), 400);
    let few = frame().limit(0, Some(7)).unwrap().collect().await.unwrap();
    assert_eq!(few.iter().map(RecordBatch::num_rows).sum::<usize>(), 7);
    let newest = frame()
        .sort(vec![named("Timestamp").sort(false, false)])
        .unwrap()
        .limit(0, Some(2))
        .unwrap()
        .collect()
        .await
        .unwrap();
    let ids = newest[0]
        .column_by_name("ProcessId")
        .unwrap()
        .as_primitive::<Int64Type>();
    assert_eq!(ids.values().to_vec(), [399, 398]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_may_be_in_an_object_store() {
    let mut place = Place::new();
    place.settings.location = Location::Remote(Arc::new(InMemory::new()));
    place.settings.compact_files = 2;
    let events = four_hundred(&place).await;
    events.compact().await.unwrap();
    assert_eq!(
        numbers(&events, CONTOSO, None).await,
        (0..400).collect::<Vec<_>>()
    );
    drop(events);
    let events = place.open().await;
    assert_eq!(
        numbers(&events, CONTOSO, None).await,
        (0..400).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_reads_a_table_twice_reads_one_state() {
    let place = Place::new();
    let events = four_hundred(&place).await;
    let provider = events.provider(CONTOSO, processes());
    let count = async || {
        let frame = session(2).read_table(provider.clone()).unwrap();
        frame.count().await.unwrap()
    };
    assert_eq!(count().await, 400);
    events
        .append(CONTOSO, batch(9), some_processes(400..500))
        .await
        .unwrap();
    events.flush().await.unwrap();
    assert_eq!(count().await, 400);
    assert_eq!(
        numbers(&events, CONTOSO, None).await.len(),
        500,
        "a new one reads the new state"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_are_looked_for_in_the_newest_files_first() {
    let place = Place::new();
    let events = place.open().await;
    for first in [100, 200, 0, 300] {
        let rows = some_processes(first..first + 100);
        let id = batch(first as u128);
        events.append(CONTOSO, id, rows).await.unwrap();
        if first < 300 {
            events.flush().await.unwrap();
        }
    }
    let engine = Engine::new(EngineSettings {
        threads: 1,
        ..EngineSettings::default()
    });
    let engine = engine.unwrap();
    let request = |query: &str| HuntRequest {
        query: format!("DeviceProcessEvents | {query} | project ProcessId"),
        now_ticks: noon(),
        timespan: None,
        limits: Limits::default(),
        tables: Arc::new(TenantTables::new(events.clone(), CONTOSO, Reach::All)),
    };
    let files = async |query: &str| {
        let plan = engine.explain(request(query)).await.unwrap();
        let words = plan.split([' ', '[', ']', ',', ':']).map(str::to_owned);
        words
            .filter(|word| word.ends_with(".parquet"))
            .collect::<Vec<_>>()
    };
    let top = "where FileName has 'rather' and ProcessId < 203 | top 5 by Timestamp";
    let by_time = files(&format!("{top} desc")).await;
    let mut as_written = by_time.clone();
    as_written.sort();
    let [second, first, third] = as_written.as_slice() else {
        panic!("{as_written:?}");
    };
    assert_eq!(by_time.iter().collect::<Vec<_>>(), [first, second, third]);
    let found = engine.run(request(top)).await.unwrap();
    let mut rows = Vec::new();
    found.table.write_rows(&mut rows);
    let wanted: Vec<String> = [202, 201, 200, 199, 198]
        .iter()
        .map(|n| format!("{{\"ProcessId\":{n}}}"))
        .collect();
    assert_eq!(
        String::from_utf8(rows).unwrap(),
        format!("[{}]", wanted.join(","))
    );
}
