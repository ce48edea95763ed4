//! `range`: its values are made as they are read, in their order.

use std::sync::Arc;

use bartizan_hunting::{EngineSettings, HuntRequest, Limits, NoTables};

use crate::engine::engine;

fn request(query: &str, memory: usize) -> HuntRequest {
    HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_632_000_000_000,
        timespan: None,
        limits: Limits {
            memory,
            ..Limits::default()
        },
        tables: Arc::new(NoTables),
    }
}

/// The rows of a query, as JSON, and the most memory that it took.
fn answer(threads: usize, query: &str, memory: usize) -> (String, usize) {
    let (engine, runtime) = engine(EngineSettings {
        threads,
        ..EngineSettings::default()
    });
    let request = request(query, memory);
    let result = runtime.block_on(engine.run(request)).expect("a result");
    let mut rows = Vec::new();
    result.table.write_rows(&mut rows);
    let rows = String::from_utf8(rows).expect("UTF-8");
    (rows, result.stats.peak_memory)
}

#[test]
fn a_union_of_many_ranges_fits_into_little_memory() {
    let legs = ["(range x from 1 to 10000000 step 1)"; 30].join(", ");
    let (rows, _) = answer(2, &format!("union {legs} | count"), 32_000_000);
    assert_eq!(rows, r#"[{"Count":300000000}]"#);
    let legs = ["(range x from 1 to 1000000 step 1)"; 6].join(", ");
    let query = format!("union {legs} | where x % 2 == 0 | summarize n = count(), s = sum(x)");
    let (rows, peak) = answer(2, &query, 32_000_000);
    assert_eq!(rows, r#"[{"n":3000000,"s":1500003000000}]"#);
    assert!(peak < 4_000_000, "{peak}");
}

#[test]
fn many_values_are_made_by_all_threads() {
    let (engine, runtime) = engine(EngineSettings {
        threads: 4,
        ..EngineSettings::default()
    });
    let plan = |rows: usize| {
        let query = format!("range x from 1 to {rows} step 1 | where hash(x, 7) == 3 | count");
        let request = request(&query, 32_000_000);
        runtime.block_on(engine.explain(request)).expect("a plan")
    };
    assert!(plan(1_000_000).contains("parts=4"), "{}", plan(1_000_000));
    assert!(plan(10).contains("parts=1"), "{}", plan(10));
}

#[test]
fn the_order_is_that_of_the_values_on_any_number_of_threads() {
    for threads in [1, 2, 5] {
        for rows in [10, 8_192, 8_193, 50_000] {
            let query = format!(
                "range x from 1 to {rows} step 1 | extend y = x * 2 | serialize n = row_number() \
                 | summarize n = count(), wrong = countif(n != x or y != 2 * x)"
            );
            let (found, _) = answer(threads, &query, 32_000_000);
            let wanted = format!(r#"[{{"n":{rows},"wrong":0}}]"#);
            assert_eq!(found, wanted, "{threads} threads");
        }
    }
}

#[test]
fn sorts_in_unions_in_sorts_are_planned_once_each() {
    let (engine, runtime) = engine(EngineSettings::default());
    let leg = "(range x from 1 to 9 step 1)";
    let mut query = format!("let b0 = {leg};\n");
    for n in 1..=40 {
        let before = n - 1;
        query += &format!("let b{n} = union b{before}, {leg} | top 5 by x desc;\n");
    }
    let result = runtime.block_on(engine.run(request(&format!("{query}b40 | count"), 32_000_000)));
    let mut rows = Vec::new();
    result.expect("a result").table.write_rows(&mut rows);
    assert_eq!(String::from_utf8(rows).expect("UTF-8"), r#"[{"Count":5}]"#);
}
