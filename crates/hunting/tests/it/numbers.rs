//! Every aggregate over every numeric type: none of them may take one width of number for another.

use std::sync::Arc;

use bartizan_hunting::{EngineSettings, HuntRequest, Limits, LocalTables};
use bartizan_kql::types::Type;

use crate::engine::engine;

const TYPES: [Type; 6] = [
    Type::Int,
    Type::Long,
    Type::Real,
    Type::Decimal,
    Type::TimeSpan,
    Type::DateTime,
];

/// Calls, and those of them that take no times.
const CALLS: [&str; 22] = [
    "percentile(x, 50)",
    "percentiles(x, 5, 50, 95)",
    "percentiles_array(x, 5, 50)",
    "min(x)",
    "max(x)",
    "avg(x)",
    "avgif(x, n > 1)",
    "make_list(x)",
    "make_set(x)",
    "make_list_with_nulls(x)",
    "arg_max(x, n)",
    "arg_min(n, x)",
    "take_any(x)",
    "dcount(x)",
    "count_distinct(x)",
    "countif(x == x)",
    "sum(x)",
    "sumif(x, n > 1)",
    "stdev(x)",
    "stdevp(x)",
    "variance(x)",
    "variancep(x)",
];
const BITS: [&str; 3] = ["binary_all_and(x)", "binary_all_or(x)", "binary_all_xor(x)"];

fn value(ty: Type) -> &'static str {
    match ty {
        Type::Int => "toint(n)",
        Type::Real => "toreal(n)",
        Type::Decimal => "todecimal(n)",
        Type::TimeSpan => "n * 1s",
        Type::DateTime => "datetime(2026-01-01) + n * 1s",
        _ => "n",
    }
}

#[test]
fn every_aggregate_takes_every_numeric_type() {
    let (engine, runtime) = engine(EngineSettings {
        threads: 2,
        batch_rows: 16,
        ..EngineSettings::default()
    });
    let run = |query: String| {
        runtime.block_on(engine.run(HuntRequest {
            query,
            now_ticks: 639_079_632_000_000_000,
            timespan: None,
            limits: Limits::default(),
            tables: Arc::new(LocalTables::default()),
        }))
    };
    let mut failures = Vec::new();
    for ty in TYPES {
        let calls = CALLS.iter().chain(
            matches!(ty, Type::Int | Type::Long)
                .then_some(&BITS)
                .into_iter()
                .flatten(),
        );
        for call in calls {
            // One row without groups, then rows of several batches with and without groups.
            for (rows, by) in [
                ("print n = 5", ""),
                ("range n from 1 to 100 step 1", ""),
                ("range n from 1 to 100 step 1", " by g = n % 3"),
            ] {
                let query = format!("{rows} | extend x = {} | summarize {call}{by}", value(ty));
                let outcome =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(query.clone())));
                match outcome {
                    Ok(Ok(result)) => drop(result.to_columns_rows_json()),
                    // Moments in time have no sum and no spread.
                    Ok(Err(error))
                        if matches!(ty, Type::DateTime | Type::TimeSpan)
                            && error.to_string().contains("KS") => {}
                    Ok(Err(error)) => failures.push(format!("{query}: {error}")),
                    Err(_) => failures.push(format!("{query}: panicked")),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
