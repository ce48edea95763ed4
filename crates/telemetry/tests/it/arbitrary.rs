//! Whatever the bytes, a line is mapped, skipped or refused with a reason, and nothing panics.

use bartizan_telemetry::{Detected, Limits, detect, ndjson};
use proptest::prelude::*;

use crate::mapper;

const EXCERPT: &str = include_str!("../data/otrf-excerpt.jsonl");
const SHAPES: &str = include_str!("../data/shapes.jsonl");

fn lines() -> Vec<&'static str> {
    EXCERPT.lines().chain(SHAPES.lines()).collect()
}

/// Maps a line by every door and checks that something was said about it.
fn survive(line: &[u8]) {
    let mut mapper = mapper();
    mapper.learn(line);
    let outcome = mapper.map(line);
    let said = !outcome.rows.is_empty() || outcome.skipped.is_some() || outcome.rejected.is_some();
    let empty_envelope = detect(line) == Detected::Envelope;
    assert!(said || empty_envelope, "{}", String::from_utf8_lossy(line));
    for row in outcome.rows.iter().chain(&mapper.finish()) {
        assert_eq!(row.values.len(), row.table.columns.len());
        for (column, value) in row.table.columns.iter().zip(&row.values) {
            assert!(
                value.ty().is_none_or(|ty| ty == column.ty),
                "{}",
                column.name
            );
        }
    }
    let _ = ndjson::row("DeviceEvents", line, &Limits::default());
}

/// A JSON value of any shape, with names that events and rows use.
fn json(depth: u32) -> BoxedStrategy<serde_json::Value> {
    let names = prop::sample::select(vec![
        "Event",
        "System",
        "EventData",
        "UserData",
        "EventID",
        "SourceName",
        "Channel",
        "Hostname",
        "Computer",
        "winlog",
        "event_id",
        "event_data",
        "records",
        "category",
        "properties",
        "$table",
        "Timestamp",
        "UtcTime",
        "Hashes",
        "TargetObject",
        "Details",
        "Data",
        "#text",
        "@Name",
    ]);
    let words = prop::sample::select(vec![
        "Microsoft-Windows-Sysmon",
        "Security",
        "AdvancedHunting-DeviceInfo",
        "DeviceInfo",
        "é\u{202e}",
        "2026-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "0001-01-01T00:00:00Z",
        "-",
        "HKLM\\",
        "\\\\",
        "DWORD (0x",
        "SHA1=",
        "{00000000-0000-0000-0000-000000000001}",
        "%%1842",
        "&#x10ffff;",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (0i64..30).prop_map(Into::into),
        prop::sample::select(vec![1i64, 3, 13, 4624, 4688, 5156, 7045]).prop_map(Into::into),
        words.prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(depth, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((names.clone(), inner), 0..8)
                .prop_map(|m| m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes);
    }

    #[test]
    fn random_objects(value in json(4)) {
        survive(value.to_string().as_bytes());
    }

    /// Real lines with bytes changed, cut out or repeated.
    #[test]
    fn damaged_lines(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0usize..40,
        with in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let lines = lines();
        let mut line = lines[pick.index(lines.len())].as_bytes().to_vec();
        let from = at.index(line.len());
        let to = (from + length).min(line.len());
        line.splice(from..to, with);
        survive(&line);
    }

    /// Real events whose values are swapped for one another's, or for something of another kind.
    #[test]
    fn shuffled_values(
        pick in any::<prop::sample::Index>(),
        member in any::<prop::sample::Index>(),
        value in json(2),
    ) {
        let lines = lines();
        let mut event: serde_json::Value = serde_json::from_str(lines[pick.index(lines.len())]).unwrap();
        let object = event.as_object_mut().unwrap();
        let name = object.keys().nth(member.index(object.len())).unwrap().clone();
        object.insert(name, value);
        survive(event.to_string().as_bytes());
    }
}
