//! The processor time that a query is said to have used. It is measured by the clock, and other tests run beside these: of
//! what should be little the least of several counts, of what should be much the greatest.

use std::sync::Arc;
use std::time::Duration;

use bartizan_hunting::{EngineSettings, HuntError, HuntRequest, HuntResult, Limits, NoTables};

use crate::engine::engine;

/// The least and the greatest time of two, each measured three times by turns.
pub(crate) fn least_and_greatest(
    little: impl Fn() -> Duration,
    much: impl Fn() -> Duration,
) -> (Duration, Duration) {
    let pairs = (0..3).map(|_| (little(), much()));
    pairs.fold(
        (Duration::MAX, Duration::ZERO),
        |(least, greatest), pair| (least.min(pair.0), greatest.max(pair.1)),
    )
}

fn measured(query: &str, limits: Limits) -> (Result<HuntResult, HuntError>, Duration) {
    let (engine, runtime) = engine(EngineSettings::default());
    runtime.block_on(engine.measured(HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_632_000_000_000,
        timespan: None,
        limits,
        tables: Arc::new(NoTables),
    }))
}

/// What a query used that succeeds.
fn used(query: &str) -> Duration {
    let (result, used) = measured(query, Limits::default());
    let result = result.unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(result.stats.cpu, used, "{query}");
    used
}

#[test]
fn what_a_query_used_is_told_when_it_fails_and_when_it_asked_first() {
    let small = Limits {
        max_bytes: 1_000,
        ..Limits::default()
    };
    let (result, time) = measured("range x from 1 to 500000 step 1 | sort by hash(x)", small);
    assert!(matches!(result, Err(HuntError::ResultTooLarge)));
    assert!(time > Duration::ZERO);
    used("range x from 1 to 10 step 1 | evaluate pivot(x)");
}

#[test]
fn what_is_computed_before_the_answer_counts_as_time_used() {
    // What is joined is computed before, and is a number.
    let (little, much) = least_and_greatest(
        || used("let n = toscalar(range x from 1 to 1 step 1 | summarize sum(hash(x))); print n"),
        || {
            used(
                "let n = toscalar(range x from 1 to 200000 step 1 | summarize dcount(hash_sha256(tostring(x)))); print n",
            )
        },
    );
    assert!(much > 10 * little, "{much:?} for {little:?}");
}

#[test]
fn processor_time_is_that_of_source_and_tables() {
    let heavy = "range x from 1 to 100000 step 1 | extend h = hash_sha256(tostring(x)) | summarize n = dcount(h)";
    let (alone, forked) = least_and_greatest(
        || used(heavy),
        || used(&format!("{heavy} | fork (project n) (count)")),
    );
    assert!(forked > alone / 3, "{forked:?} {alone:?}");
}
