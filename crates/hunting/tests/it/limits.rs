//! Limits and extremes: rows, bytes, time, memory, depth.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_hunting::{
    Engine, EngineSettings, HuntError, HuntRequest, HuntResult, Limits, NoTables,
};

fn run(query: &str, limits: Limits) -> Result<HuntResult, HuntError> {
    let engine = Engine::new(EngineSettings {
        threads: 2,
        batch_rows: 1024,
    })
    .expect("an engine");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(engine.run(HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_632_000_000_000,
        timespan: None,
        limits,
        tables: Arc::new(NoTables),
    }))
}

#[test]
fn rows_beyond_the_limit_are_cut_off() {
    let limits = Limits {
        max_rows: 1500,
        ..Limits::default()
    };
    let result = run("range x from 1 to 5000 step 1", limits).expect("a result");
    assert_eq!((result.stats.rows, result.truncated), (1500, true));
    let result = run("range x from 1 to 1500 step 1", limits).expect("a result");
    assert_eq!((result.stats.rows, result.truncated), (1500, false));
}

#[test]
fn a_large_answer_is_an_error() {
    let limits = Limits {
        max_bytes: 10_000,
        ..Limits::default()
    };
    let result = run("range x from 1 to 5000 step 1", limits);
    assert!(
        matches!(result, Err(HuntError::ResultTooLarge)),
        "{result:?}"
    );
}

#[test]
fn a_slow_query_is_stopped() {
    let limits = Limits {
        timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let started = Instant::now();
    let query = "range x from 1 to 3000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 3000000 step 1 | extend k = 1) on k | summarize sum(x * y)";
    let result = run(query, limits);
    assert!(matches!(result, Err(HuntError::Timeout)), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_hungry_query_fails_alone() {
    let limits = Limits {
        memory: 4_000_000,
        ..Limits::default()
    };
    let result = run(
        "range x from 1 to 2000000 step 1 | summarize make_list(x)",
        limits,
    );
    assert!(
        matches!(result, Err(HuntError::MemoryExhausted)),
        "{result:?}"
    );
    assert!(run("print 1", limits).is_ok());
}

#[test]
fn thousands_of_terms_do_not_recurse_deeply() {
    for (connect, test, rows) in [
        ("or", "contains", 1),
        ("or", "==", 1),
        ("and", "!contains", 0),
        ("and", "!=", 0),
    ] {
        let mut query = String::from("datatable(s:string)['term 4999', 'nothing'] | where ");
        for i in 0..5000 {
            if i > 0 {
                let _ = write!(query, " {connect} ");
            }
            let _ = write!(query, "s {test} 'term {i}'");
        }
        let result = run(&query, Limits::default()).expect("a result");
        let wanted = if connect == "or" { rows } else { 1 };
        assert_eq!(result.stats.rows, wanted, "{connect} {test}");
    }
}

#[test]
fn errors_say_where() {
    let Err(HuntError::Semantic(problems)) =
        run("print a = 1\n| where nope == 1", Limits::default())
    else {
        panic!("no semantic error");
    };
    assert_eq!(
        (problems[0].line, problems[0].column),
        (2, 9),
        "{problems:?}"
    );
    assert!(matches!(
        run("print (", Limits::default()),
        Err(HuntError::Syntax(_))
    ));
}

#[test]
fn the_answer_as_rows_and_as_columns() {
    let result = run(
        "print b = true, i = int(5), l = 6, r = 1.5, n = real(nan), s = 'q\"', t = datetime(2026-03-01), d = 90m, g = guid(00000000-0000-0000-0000-00000000000A), j = dynamic({\"k\": [1, null]}), x = long(null), m = decimal(1.50)",
        Limits::default(),
    )
    .expect("a result");
    let mut rows = Vec::new();
    result.write_rows(&mut rows);
    assert_eq!(
        String::from_utf8(rows).expect("UTF-8"),
        r#"[{"b":true,"i":5,"l":6,"r":1.5,"n":"NaN","s":"q\"","t":"2026-03-01T00:00:00.0000000Z","d":"01:30:00","g":"00000000-0000-0000-0000-00000000000a","j":{"k":[1,null]},"x":null,"m":"1.5"}]"#
    );
    assert!(
        result
            .to_columns_rows_json()
            .starts_with(r#"{"columns":[{"name":"b","type":"bool"},{"name":"i","type":"int"}"#)
    );
}
