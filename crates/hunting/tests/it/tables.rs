//! Results of several tables: what they share, and limits that hold for all of them together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_hunting::{
    EngineSettings, HuntError, HuntRequest, HuntResult, Limits, NoTables, ResultTable,
};

use crate::engine::engine;

fn run_with(
    settings: EngineSettings,
    query: &str,
    limits: Limits,
) -> (Result<HuntResult, HuntError>, Duration) {
    let (engine, runtime) = engine(settings);
    runtime.block_on(engine.measured(HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_632_000_000_000,
        timespan: None,
        limits,
        tables: Arc::new(NoTables),
    }))
}

fn run(query: &str, limits: Limits) -> Result<HuntResult, HuntError> {
    let settings = EngineSettings {
        threads: 2,
        batch_rows: 1_024,
        ..EngineSettings::default()
    };
    run_with(settings, query, limits).0
}

fn tables(result: &HuntResult) -> Vec<&ResultTable> {
    let further = result.further.iter().map(|further| &further.table);
    std::iter::once(&result.table).chain(further).collect()
}

fn counts(result: &HuntResult) -> Vec<usize> {
    let rows = |table: &&ResultTable| table.batches.iter().map(|b| b.num_rows()).sum();
    tables(result).iter().map(rows).collect()
}

fn text(table: &ResultTable) -> String {
    let mut rows = Vec::new();
    table.write_rows(&mut rows);
    String::from_utf8(rows).expect("UTF-8")
}

#[test]
fn the_source_is_computed_once() {
    let query = "range i from 1 to 1000 step 1 | extend r = rand() | fork (summarize total = sum(r)) (summarize total = sum(r)) (where i < 0)";
    let result = run(query, Limits::default()).expect("a result");
    let [first, second, third] = tables(&result)[..] else {
        panic!("{result:?}");
    };
    assert_eq!(text(first), text(second), "rand() was asked twice");
    assert_eq!(text(third), "[]");
    assert_eq!(third.columns.len(), 2);
    // The same without `fork` gives two numbers: the test above can fail.
    let apart = "let T = range i from 1 to 1000 step 1 | extend r = rand() | summarize total = sum(r); union T, T | distinct total";
    assert_eq!(
        counts(&run(apart, Limits::default()).expect("a result")),
        [2]
    );
}

#[test]
fn the_limit_on_rows_is_for_all_tables() {
    let query = "range i from 1 to 1000 step 1 | fork (where i <= 600) (where i <= 700) (count)";
    for (max_rows, expected, truncated) in [
        (1_301, [600, 700, 1], false),
        (1_300, [600, 700, 0], true),
        (900, [600, 300, 0], true),
        (600, [600, 0, 0], true),
        (10, [10, 0, 0], true),
    ] {
        let limits = Limits {
            max_rows,
            ..Limits::default()
        };
        let result = run(query, limits).expect("a result");
        assert_eq!(counts(&result), expected, "{max_rows}");
        assert_eq!(result.truncated, truncated, "{max_rows}");
        assert_eq!(result.stats.rows, expected.iter().sum::<usize>());
        assert_eq!(result.further.len(), 2, "a table that is cut off is there");
    }
}

#[test]
fn the_limit_on_bytes_is_for_all_tables() {
    let query = "range i from 1 to 1000 step 1 | fork (project i) (project j = i)";
    let with = |max_bytes| {
        let limits = Limits {
            max_bytes,
            ..Limits::default()
        };
        run(query, limits)
    };
    assert_eq!(with(16_000).expect("a result").stats.bytes, 16_000);
    assert!(matches!(with(15_999), Err(HuntError::ResultTooLarge)));
}

#[test]
fn the_limit_on_time_is_for_all_tables_and_the_source() {
    let endless = "extend k = 1 | join kind=inner (range y from 1 to 3000000 step 1 | extend k = 1) on k | summarize s = sum(x * y)";
    for query in [
        format!("range x from 1 to 3000000 step 1 | {endless} | fork (count) (take 1)"),
        format!("range x from 1 to 3000000 step 1 | facet by x with ({endless})"),
    ] {
        let limits = Limits {
            timeout: Duration::from_millis(400),
            ..Limits::default()
        };
        let started = Instant::now();
        let result = run(&query, limits);
        assert!(matches!(result, Err(HuntError::Timeout)), "{result:?}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn the_rows_of_the_source_count_as_long_as_branches_run() {
    // Either fits alone: 16 MB that are kept, and a list of 16 MB.
    let limits = |memory| Limits {
        memory,
        ..Limits::default()
    };
    let branch = "summarize s = array_length(make_list(x))";
    let source = "range x from 1 to 1000000 step 1 | extend y = x * 2";
    let query = format!("{source} | fork ({branch}) (summarize max(y))");
    let alone = format!("range x from 1 to 1000000 step 1 | {branch}");
    let needed = run(&alone, limits(1 << 30))
        .expect("a result")
        .stats
        .peak_memory;
    let both = run(&query, limits(1 << 30))
        .expect("a result")
        .stats
        .peak_memory;
    assert!(both >= needed + 8_000_000, "{both} {needed}");
    run(&alone, limits(needed + 4_000_000)).expect("a result");
    let result = run(&query, limits(needed + 4_000_000));
    assert!(
        matches!(result, Err(HuntError::MemoryExhausted)),
        "{result:?}"
    );
}

#[test]
fn a_source_that_joins_goes_on_in_files() {
    let query = "range x from 1 to 1000000 step 1 | extend s = strcat('text ', x) \
                 | join kind=inner (range y from 1 to 1000000 step 1 | extend s = strcat('text ', y * 2)) on s \
                 | summarize n = count(), wrong = countif(x != 2 * y) | fork (project n) (project wrong)";
    let with = |spill_bytes| {
        let settings = EngineSettings {
            threads: 1,
            spill_bytes,
            ..EngineSettings::default()
        };
        let limits = Limits {
            memory: 48_000_000,
            ..Limits::default()
        };
        run_with(settings, query, limits).0
    };
    let result = with(1 << 30).expect("a result");
    let texts: Vec<String> = tables(&result).into_iter().map(text).collect();
    assert_eq!(texts, ["[{\"n\":500000}]", "[{\"wrong\":0}]"]);
    assert!(matches!(with(0), Err(HuntError::MemoryExhausted)));
}
