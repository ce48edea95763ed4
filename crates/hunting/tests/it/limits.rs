//! Limits and extremes: rows, bytes, time, memory, depth.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_hunting::{
    Engine, EngineSettings, HuntError, HuntRequest, HuntResult, Limits, NoTables, TableSource,
};

use crate::engine::engine;

fn run(query: &str, limits: Limits) -> Result<HuntResult, HuntError> {
    let engine = Engine::new(EngineSettings {
        threads: 2,
        batch_rows: 1024,
        ..EngineSettings::default()
    })
    .expect("an engine");
    run_on(&engine, query, limits)
}

fn run_on(engine: &Engine, query: &str, limits: Limits) -> Result<HuntResult, HuntError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(engine.run(request(query, limits, Arc::new(NoTables))))
}

fn request(query: &str, limits: Limits, tables: Arc<dyn TableSource>) -> HuntRequest {
    HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_632_000_000_000,
        timespan: None,
        limits,
        tables,
    }
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
fn rows_that_become_many_are_stopped_and_leave_the_thread() {
    let engine = Engine::new(EngineSettings {
        threads: 1,
        ..EngineSettings::default()
    })
    .expect("an engine");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let run = |query: &str, millis| {
        let limits = Limits {
            timeout: Duration::from_millis(millis),
            ..Limits::default()
        };
        runtime.block_on(engine.run(request(query, limits, Arc::new(NoTables))))
    };
    let endless = "range i from 1 to 8192 step 1 | mv-expand x = range(1, 20000, 1) | summarize sum(tolong(x))";
    let result = run(endless, 500);
    assert!(matches!(result, Err(HuntError::Timeout)), "{result:?}");
    // Its thread is the only one.
    assert!(run("print 1", 30_000).is_ok());
}

/// Whether a query that takes minutes ends when its time is over, so that its thread, the only one, is free again.
fn leaves_the_thread(query: &str) {
    let engine = Engine::new(EngineSettings {
        threads: 1,
        ..EngineSettings::default()
    })
    .expect("an engine");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let run = |query: &str, millis| {
        let limits = Limits {
            timeout: Duration::from_millis(millis),
            ..Limits::default()
        };
        runtime.block_on(engine.run(request(query, limits, Arc::new(NoTables))))
    };
    let result = run(query, 1_000);
    assert!(matches!(result, Err(HuntError::Timeout)), "{result:?}");
    let result = run("print 1", 20_000);
    assert!(result.is_ok(), "{result:?}");
}

/// A covering of some ten thousand cells takes a good part of a second, and all rows are one batch.
const COVERINGS: &str = "range i from 1 to 8000 step 1 | extend p = bag_pack('type', 'Polygon', 'coordinates', pack_array(pack_array(\
     pack_array(0, 0), pack_array(10 + i * 0.001, 0), pack_array(10, 10), pack_array(0, 10), pack_array(0, 0)))) \
     | summarize max(array_length(geo_polygon_to_s2cells(p, 10)))";

#[test]
fn functions_that_take_long_for_each_row_are_stopped_between_two() {
    leaves_the_thread(COVERINGS);
}

#[test]
fn what_a_plan_needs_first_is_stopped_with_it() {
    let (engine, runtime) = engine(EngineSettings {
        threads: 1,
        ..EngineSettings::default()
    });
    let limits = |millis| Limits {
        timeout: Duration::from_millis(millis),
        ..Limits::default()
    };
    let query = format!("let most = toscalar({COVERINGS}); print most");
    let plan = engine.explain(request(&query, limits(1_000), Arc::new(NoTables)));
    let plan = runtime.block_on(plan);
    assert!(matches!(plan, Err(HuntError::Timeout)), "{plan:?}");
    let other = engine.run(request("print 1", limits(20_000), Arc::new(NoTables)));
    assert!(runtime.block_on(other).is_ok());
}

#[test]
fn lookups_of_many_shapes_are_stopped_within_a_batch() {
    // Nothing is near, and all the edges have to be looked at to know it.
    leaves_the_thread(
        "let shapes = range n from 1 to 2000 step 1 \
         | extend line = parse_json(strcat('{\"type\":\"LineString\",\"coordinates\":[[-90,0],[0,80],[90,0],[0,-80],[', n * 0.001, ',1]]}')); \
         range i from 1 to 8000 step 1 | extend lng = i * 0.001 + 20.5, lat = 20.5 \
         | evaluate geo_line_lookup(shapes, line, lng, lat, 1.0) | count",
    );
}

#[test]
fn slices_of_what_a_step_made_count_as_memory_once() {
    let engine = Engine::new(EngineSettings {
        threads: 1,
        batch_rows: 64,
        ..EngineSettings::default()
    })
    .expect("an engine");
    let limits = Limits {
        memory: 32_000_000,
        ..Limits::default()
    };
    let active = "let events = range x from 1 to 20000 step 1 | serialize n = row_number() | extend id = x % 100; \
         events | union (events | extend n = n + 20000) | evaluate active_users_count(id, n, 1, 40000, 40000, 10, 2, 1000) | count";
    let shared = "let events = materialize(range x from 1 to 20000 step 1 | serialize n = row_number()); \
         events | join kind=inner events on n | count";
    for query in [active, shared] {
        let result = run_on(&engine, query, limits);
        assert!(result.is_ok(), "{query}: {result:?}");
    }
}

#[test]
fn rows_that_are_shared_count_where_they_are_put_together() {
    let limits = Limits {
        memory: 32_000_000,
        ..Limits::default()
    };
    let legs = vec!["rows"; 50].join(", ");
    let query = format!(
        "let rows = materialize(range x from 1 to 100000 step 1); union {legs} | serialize n = row_number() | summarize sum(n)"
    );
    let result = run(&query, limits);
    assert!(
        matches!(result, Err(HuntError::MemoryExhausted)),
        "{result:?}"
    );
}

#[test]
fn a_long_array_counts_as_memory() {
    let limits = Limits {
        memory: 16_000_000,
        ..Limits::default()
    };
    let query = "print x = range(1, 1000000, 1) | mv-expand x | count";
    let result = run(query, limits);
    assert!(
        matches!(result, Err(HuntError::MemoryExhausted)),
        "{result:?}"
    );
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

/// Queries that take more memory than they may have: the threads, that memory, the query and what it finds.
const LARGE: [(&str, usize, usize, &str, &str); 4] = [
    (
        // What stands for the numbers of sets goes into a file once, not with every group.
        "distinct",
        2,
        24 << 20,
        "range i from 1 to 1000000 step 1 | extend k = iff(i % 10 == 0, i % 20, i % 90000)
        | summarize d = dcount(i % 3000) by k | summarize n = count(), s = sum(d), m = max(d)",
        r#"[{"n":81002,"s":81300,"m":150}]"#,
    ),
    (
        "groups",
        2,
        48_000_000,
        "range x from 1 to 3000000 step 1 | summarize n = count() by x | summarize c = count(), n = sum(n)",
        r#"[{"c":3000000,"n":3000000}]"#,
    ),
    (
        "a join",
        1,
        48_000_000,
        "range x from 1 to 1000000 step 1 | extend s = strcat('text ', x) | join kind=inner (range y from 1 to 1000000 step 1 | extend s = strcat('text ', y * 2)) on s | summarize c = count(), wrong = countif(x != 2 * y)",
        r#"[{"c":500000,"wrong":0}]"#,
    ),
    (
        "an outer join",
        2,
        48_000_000,
        "range x from 1 to 1000000 step 1 | extend s = strcat('text ', x) | join kind=leftouter (range y from 1 to 1000000 step 1 | extend s = strcat('text ', y * 2)) on s | summarize c = count(), without = countif(isnull(y))",
        r#"[{"c":1000000,"without":500000}]"#,
    ),
];

#[test]
fn what_does_not_fit_into_memory_goes_on_in_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for (what, threads, memory, query, found) in LARGE {
        let run = |spill_bytes| {
            let engine = Engine::new(EngineSettings {
                threads,
                spill_folder: Some(folder.path().to_owned()),
                spill_bytes,
                ..EngineSettings::default()
            })
            .expect("an engine");
            let limits = Limits {
                memory,
                ..Limits::default()
            };
            run_on(&engine, query, limits)
        };
        let result = run(1 << 30).unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut rows = Vec::new();
        result.table.write_rows(&mut rows);
        assert_eq!(String::from_utf8_lossy(&rows), found, "{what}");
        assert!(result.stats.peak_memory <= memory, "{what}");
        assert!(matches!(run(0), Err(HuntError::MemoryExhausted)), "{what}");
    }
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "files are deleted with their query");
}

#[test]
fn a_query_nobody_waits_for_ends() {
    let engine = Engine::new(EngineSettings {
        threads: 1,
        ..EngineSettings::default()
    })
    .expect("an engine");
    let tables: Arc<dyn TableSource> = Arc::new(NoTables);
    let query = "range x from 1 to 3000000 step 1 | extend k = 1 | join kind=inner (range y from 1 to 3000000 step 1 | extend k = 1) on k | summarize sum(x * y)";
    let request = request(query, Limits::default(), tables.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let waited = tokio::time::timeout(Duration::from_millis(300), engine.run(request)).await;
        assert!(waited.is_err(), "the query takes minutes");
        // The query holds its tables as long as it runs.
        for _ in 0..600 {
            if Arc::strong_count(&tables) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the query goes on for nobody");
    });
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
    result.table.write_rows(&mut rows);
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

/// `piece` for the numbers up to `n`, with `between` between them.
fn many(n: usize, between: &str, piece: impl Fn(usize) -> String) -> String {
    (0..n).map(piece).collect::<Vec<_>>().join(between)
}

/// Queries of about 100 KB, each wide in another way. Their sizes are such that work which grows with the square of the
/// query would not come to an end in a test's time.
#[test]
fn wide_queries_are_answered() {
    let queries = [
        (
            "conditions of several kinds",
            format!(
                "print s = 'x', i = 7 | where {}",
                many(2_500, " or ", |n| format!(
                    "s == 'v{n}' or (i == {n} and s != 'w{n}')"
                ))
            ),
        ),
        (
            "a list",
            format!(
                "print s = 'name 4999' | where s in~ ({})",
                many(5_000, ", ", |n| format!("'Name {n}'"))
            ),
        ),
        (
            "terms",
            format!(
                "print s = 'a term4999 b' | where s has_any ({})",
                many(5_000, ", ", |n| format!("'term{n}'"))
            ),
        ),
        ("a text", format!("print s = '{}'", "long ".repeat(20_000))),
        (
            "a dynamic value",
            format!(
                "print d = dynamic([{}])",
                many(8_000, ",", |n| format!("{{\"a\":{n}}}"))
            ),
        ),
        (
            "branches",
            format!(
                "print i = 900 | extend c = case({}, 'none')",
                many(1_000, ", ", |n| format!("i == {n}, 'is {n}'"))
            ),
        ),
        (
            "arguments",
            format!(
                "print s = 'x' | extend t = strcat({})",
                many(1_000, ", ", |n| format!("s, '{n}'"))
            ),
        ),
        (
            "columns",
            format!("print {}", many(1_500, ", ", |n| format!("c{n} = {n}"))),
        ),
        (
            "aggregates",
            format!(
                "range i from 1 to 10 step 1 | summarize {}",
                many(300, ", ", |n| format!("s{n} = sum(i + {n})"))
            ),
        ),
        (
            "rows",
            format!(
                "datatable(a:long, b:string)[{}] | count",
                many(6_000, ", ", |n| format!("{n}, 'b{n}'"))
            ),
        ),
        (
            "names",
            format!(
                "{} print x2999",
                many(3_000, "", |n| format!("let x{n} = {n} + 1; "))
            ),
        ),
        (
            "a union",
            format!(
                "union {} | count",
                many(150, ", ", |n| format!("(print a = {n}, b{} = 'x')", n % 7))
            ),
        ),
        (
            "a pipeline",
            format!(
                "print i = 0{}",
                many(150, "", |n| format!(" | extend i = i + {n}"))
            ),
        ),
    ];
    for (what, query) in queries {
        let result = run(&query, Limits::default());
        let rows = result.map(|r| r.stats.rows);
        assert!(matches!(rows, Ok(1)), "{what}: {rows:?}");
    }
}

/// What nests up to a thousand levels is answered: with a result, or with the message that it is too deep.
#[test]
fn deep_queries_are_answered() {
    let forms = [
        ("brackets", "print x = ", "(", "1", ")"),
        ("negations", "print x = ", "not(", "true", ")"),
        ("choices", "print x = ", "iff(1 == 2, 'a', ", "'b'", ")"),
        ("texts", "print x = ", "strcat('a', ", "'b'", ")"),
        ("sums", "print x = ", "(1 + ", "1", ")"),
        (
            "conditions",
            "print p = true | where ",
            "(p and (p or ",
            "p",
            "))",
        ),
        ("arrays", "print x = ", "pack_array(", "1", ")"),
        (
            "tables",
            "",
            "print i = 1 | where i in (",
            "print i = 1",
            ")",
        ),
        ("joins", "", "print i = 1 | join (", "print i = 1", ") on i"),
    ];
    for (what, before, open, inner, close) in forms {
        for depth in [10, 30, 100, 250, 500, 1_000] {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            let result = run(&format!("{before}{open}{inner}{close}"), Limits::default());
            match result {
                Ok(result) => assert_eq!(result.stats.rows, 1, "{what} {depth}"),
                Err(HuntError::Syntax(p) | HuntError::Semantic(p)) => {
                    let code = p.first().map_or("", |p| p.code);
                    assert!(depth > 10, "{what} {depth}: {p:?}");
                    assert!(["KS245", "BZ102"].contains(&code), "{what} {depth}: {p:?}");
                }
                Err(error) => panic!("{what} {depth}: {error}"),
            }
        }
    }
}

/// All pairs of so many nodes are edges.
fn dense(nodes: usize) -> String {
    format!(
        "range a from 1 to {nodes} step 1 | extend k = 1 | join kind=inner (range b from 1 to {nodes} step 1 | extend k = 1) on k \
         | make-graph a --> b with_node_id=id"
    )
}

#[test]
fn a_graph_with_endless_paths_is_stopped() {
    let limits = Limits {
        timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let started = Instant::now();
    // No path fulfils the condition, which is known of whole paths only.
    let query = format!(
        "{} | graph-match cycles=all (x)-[e*1..9]->(y) where x.id + y.id < 0 project x.id",
        dense(60)
    );
    let result = run(&query, limits);
    assert!(
        matches!(result, Err(HuntError::Timeout | HuntError::Evaluation(_))),
        "{result:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn the_paths_of_a_graph_count_as_memory() {
    let limits = Limits {
        memory: 24_000_000,
        ..Limits::default()
    };
    let query = format!(
        "{} | graph-match (x)-->(y)-->(z) project x = strcat('a long text of a node', x.id, y.id, z.id) | summarize make_list(x)",
        dense(120)
    );
    let result = run(&query, limits);
    assert!(
        matches!(result, Err(HuntError::MemoryExhausted)),
        "{result:?}"
    );
}
