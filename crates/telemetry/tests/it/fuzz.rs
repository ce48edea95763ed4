//! Damaged recordings: every line is mapped, skipped or refused.

#[expect(
    clippy::disallowed_methods,
    reason = "saved inputs are files; the crate itself still reads and writes none"
)]
#[path = "../../../../tests/fuzz/engine.rs"]
mod engine;

use bartizan_telemetry::{Detected, Limits, detect, ndjson};
use engine::{Corpus, run};

use crate::mapper;

#[test]
fn fuzz_events_and_rows() {
    let excerpt = include_str!("../data/otrf-excerpt.jsonl");
    let lines = excerpt
        .lines()
        .chain(include_str!("../data/shapes.jsonl").lines());
    let corpus = Corpus {
        seeds: lines.map(|line| line.as_bytes().to_vec()).collect(),
        words: vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\u0000",
            "\\ud800",
            "null",
            "true",
            "-1",
            "1e400",
            "99999999999999999999",
            "\"EventID\":",
            "\"EventData\":",
            "\"System\":",
            "\"Timestamp\":",
            "\"UtcTime\":\"",
            "<Event>",
            "<Data Name='x'>",
            "</Data>",
            "<![CDATA[",
            "&#x0;",
            "&amp;",
            "2026-01-01T00:00:00.0000000Z",
            "0001-01-01",
            "0x",
            "S-1-5-18",
            "\r\n\t",
        ],
        rounds: 2_000,
    };
    run("events and rows", &corpus, |line| {
        let mut mapper = mapper();
        mapper.learn(line);
        let outcome = mapper.map(line);
        let said =
            !outcome.rows.is_empty() || outcome.skipped.is_some() || outcome.rejected.is_some();
        assert!(said || detect(line) == Detected::Envelope);
        for row in outcome.rows.iter().chain(&mapper.finish()) {
            assert_eq!(row.values.len(), row.table.columns.len());
        }
        let _ = ndjson::row("DeviceEvents", line, &Limits::default());
        let _ = ndjson::rows(line, &Limits::default());
    });
}
