//! Conditions on what lies in JSON text: the text is looked at as a whole only where they are met, and what is no JSON
//! still holds nothing.

use std::fs;
use std::sync::Arc;

use bartizan_hunting::{EngineSettings, HuntRequest, Limits, LocalTables};

use crate::engine::engine;

const TEXTS: [&str; 7] = [
    r#"{"a":{"n":7,"s":"x"}}"#,
    r#"{"a":{"n":3,"s":"x"}}"#,
    r#"{"a":{"n":7,"s":"y"}}"#,
    r#"{"a":{"n":7,"s":"x"}"#,
    r#"{"a":{"n":7,"s":"x"}} and more"#,
    "no JSON",
    "",
];

/// What a query gives over the texts, in the column `t`, and how it is executed.
fn answer(query: &str, optimize: bool) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("t.jsonl");
    let lines = TEXTS.map(|t| serde_json::json!({ "t": t }).to_string());
    fs::write(&file, lines.join("\n")).expect("written");
    let mut tables = LocalTables::new();
    tables.add("Texts", &file).expect("a table");
    let request = || HuntRequest {
        query: query.to_owned(),
        now_ticks: 0,
        timespan: None,
        limits: Limits::default(),
        tables: Arc::new(tables.clone()),
    };
    let (engine, runtime) = engine(EngineSettings {
        threads: 1,
        optimize,
        ..EngineSettings::default()
    });
    let result = runtime.block_on(engine.run(request())).expect("a result");
    let mut rows = Vec::new();
    result.table.write_rows(&mut rows);
    let plan = runtime.block_on(engine.explain(request())).expect("a plan");
    (String::from_utf8(rows).expect("UTF-8"), plan)
}

#[test]
fn texts_are_looked_at_as_a_whole_only_where_a_condition_is_met() {
    for (condition, late, rows) in [
        ("toint(parse_json(t).a.n) > 5", true, 2),
        (
            "toint(parse_json(t).a.n) > 5 and tostring(parse_json(t).a.s) == 'x'",
            true,
            1,
        ),
        ("parse_json(t).a.s has 'X'", true, 2),
        ("isnotempty(parse_json(t).a.s)", true, 3),
        // Null passes these.
        ("tostring(parse_json(t).a.s) != 'x'", false, 5),
        ("isnull(parse_json(t).a.n)", false, 4),
        // What null does depends on more than the text.
        ("tostring(parse_json(t).a.s) != tolower(t)", false, 6),
    ] {
        let query = format!("Texts | where {condition} | count");
        let (found, plan) = answer(&query, true);
        assert_eq!(found, format!(r#"[{{"Count":{rows}}}]"#), "{condition}");
        assert_eq!(answer(&query, false).0, found, "{condition}");
        let physical = plan.rsplit("FilterExec").next().unwrap_or_default();
        assert_eq!(physical.contains("is_json"), late, "{condition}\n{plan}");
    }
}
