//! Real lines of the public recordings, and one event in each other shape: every column of every row.

use crate::{mapper, show};

fn map_all(lines: &str) -> String {
    let mut mapper = mapper();
    lines.lines().for_each(|line| mapper.learn(line.as_bytes()));
    let mut out = String::new();
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = event
            .get("SourceName")
            .and_then(|n| n.as_str())
            .unwrap_or("shape");
        let id = event
            .get("EventID")
            .map(ToString::to_string)
            .unwrap_or_default();
        let outcome = mapper.map(line.as_bytes());
        out.push_str(&format!("# {name} {id}\n"));
        if let Some(reason) = outcome.skipped {
            out.push_str(&format!("skipped: {}\n", reason.as_str()));
        }
        if let Some(reason) = outcome.rejected {
            out.push_str(&format!("rejected: {reason}\n"));
        }
        outcome.rows.iter().for_each(|row| out.push_str(&show(row)));
        out.push('\n');
    }
    out.push_str("# finish\n");
    mapper
        .finish()
        .iter()
        .for_each(|row| out.push_str(&show(row)));
    out
}

#[test]
fn lines_of_the_recordings() {
    insta::assert_snapshot!(map_all(include_str!("../data/otrf-excerpt.jsonl")));
}

#[test]
fn every_shape_of_event() {
    insta::assert_snapshot!(map_all(include_str!("../data/shapes.jsonl")));
}
