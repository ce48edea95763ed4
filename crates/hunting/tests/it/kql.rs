//! The documents of `tests/kql`: every query in them has to give the table that follows it.
//!
//! A document is Markdown. A block ` ```csv Name ` is a table for the queries after it; a block ` ```kql ` is a
//! query; the next thing after it is its result as a Markdown table, whose header says `name:type`, or a block
//! ` ```error ` with a part of the error's text. Cells are JSON as the API writes it, strings without their quotes.
//! `(any order)` before the table means that rows may come in any order.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartizan_hunting::{EngineSettings, HuntRequest, HuntResult, Limits, LocalTables};

use crate::engine::engine;

/// 2026-03-01T12:00:00Z.
const NOW: i64 = 639_079_632_000_000_000;

/// What a document expects of a query.
#[derive(Debug)]
enum Expected {
    Table {
        header: Vec<String>,
        rows: Vec<Vec<String>>,
        any_order: bool,
    },
    Error(String),
}

#[derive(Debug)]
struct Case {
    line: usize,
    query: String,
    expected: Expected,
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    let mut all = vec![String::new()];
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let last = all.last_mut().expect("there is a cell");
        match c {
            '\\' if chars.peek() == Some(&'|') => last.extend(chars.next()),
            '|' => all.push(String::new()),
            c => last.push(c),
        }
    }
    all.into_iter().map(|c| c.trim().to_owned()).collect()
}

/// Reads a document: its tables are added to `tables`, its cases returned.
fn read(path: &Path, folder: &Path, tables: &mut LocalTables) -> Vec<Case> {
    let text = std::fs::read_to_string(path).expect("a readable document");
    let lines: Vec<&str> = text.lines().collect();
    let mut cases: Vec<Case> = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    let mut any_order = false;
    let mut i = 0;
    while i < lines.len() {
        let line = lines[i];
        if let Some(kind) = line.strip_prefix("```") {
            let from = i + 1;
            i = (from..lines.len())
                .find(|j| lines[*j] == "```")
                .expect("a closed block");
            let body = lines[from..i].join("\n");
            match kind
                .split_once(' ')
                .map_or((kind, ""), |(k, rest)| (k, rest))
            {
                ("csv", name) => {
                    let file = folder.join(format!("{name}.csv"));
                    std::fs::write(&file, body).expect("a writable folder");
                    tables.add(name, &file).expect("a table");
                }
                ("kql", _) => {
                    assert!(
                        pending.is_none(),
                        "{}:{from}: a query without a result before this one",
                        path.display()
                    );
                    pending = Some((from, body));
                }
                ("error", _) => {
                    let (line, query) = pending.take().expect("a query before its error");
                    cases.push(Case {
                        line,
                        query,
                        expected: Expected::Error(body),
                    });
                }
                _ => {}
            }
        } else if line.trim() == "(any order)" {
            any_order = true;
        } else if line.starts_with('|') && pending.is_some() {
            let (at, query) = pending.take().expect("checked");
            let header = cells(line);
            let mut rows = Vec::new();
            i += 2;
            while i < lines.len() && lines[i].starts_with('|') {
                rows.push(cells(lines[i]));
                i += 1;
            }
            let any_order = std::mem::take(&mut any_order);
            cases.push(Case {
                line: at,
                query,
                expected: Expected::Table {
                    header,
                    rows,
                    any_order,
                },
            });
            continue;
        }
        i += 1;
    }
    assert!(
        pending.is_none(),
        "{}: the last query has no result",
        path.display()
    );
    cases
}

/// A result as header and cells.
fn render(result: &HuntResult) -> (Vec<String>, Vec<Vec<String>>) {
    let header = result
        .columns
        .iter()
        .map(|c| format!("{}:{}", c.name, c.ty))
        .collect();
    let value: serde_json::Value =
        serde_json::from_str(&result.to_columns_rows_json()).expect("JSON");
    let cell = |v: &serde_json::Value| match v {
        serde_json::Value::String(s) => s.replace('\n', "\\n"),
        other => other.to_string(),
    };
    let rows = value["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|r| r.as_array().expect("a row").iter().map(cell).collect())
        .collect();
    (header, rows)
}

fn markdown(header: &[String], rows: &[Vec<String>]) -> String {
    let mut out = format!(
        "| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for row in rows {
        let cells: Vec<String> = row.iter().map(|c| c.replace('|', "\\|")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

fn check(
    case: &Case,
    result: Result<HuntResult, bartizan_hunting::HuntError>,
) -> Result<(), String> {
    match (&case.expected, result) {
        (Expected::Error(part), Err(error)) if error.to_string().contains(part.trim()) => Ok(()),
        (Expected::Error(_), Err(error)) => Err(format!("another error: {error}")),
        (Expected::Error(_), Ok(result)) => {
            let (header, rows) = render(&result);
            Err(format!("no error but\n{}", markdown(&header, &rows)))
        }
        (Expected::Table { .. }, Err(error)) => Err(format!("an error: {error}")),
        (
            Expected::Table {
                header,
                rows,
                any_order,
            },
            Ok(result),
        ) => {
            let (got_header, mut got) = render(&result);
            let shown = markdown(&got_header, &got);
            let mut wanted = rows.clone();
            if *any_order {
                wanted.sort();
                got.sort();
            }
            if *header == got_header && wanted == got {
                Ok(())
            } else {
                Err(format!("got\n{shown}"))
            }
        }
    }
}

#[test]
fn documents_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kql");
    let mut documents: Vec<PathBuf> = std::fs::read_dir(&root)
        .expect("the folder of documents")
        .map(|entry| entry.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .collect();
    documents.sort();
    let (engine, runtime) = engine(EngineSettings {
        threads: 2,
        batch_rows: 4,
        ..EngineSettings::default()
    });
    let (mut count, mut failures) = (0, String::new());
    for document in documents {
        let folder = tempfile::tempdir().expect("a folder");
        let mut tables = LocalTables::new();
        let cases = read(&document, folder.path(), &mut tables);
        let tables = Arc::new(tables);
        for case in cases {
            let request = HuntRequest {
                query: case.query.clone(),
                now_ticks: NOW,
                timespan: None,
                limits: Limits::default(),
                tables: tables.clone(),
            };
            count += 1;
            if let Err(why) = check(&case, runtime.block_on(engine.run(request))) {
                let name = document.file_name().expect("a name").to_string_lossy();
                let _ = writeln!(failures, "--- {name}:{}\n{}\n{why}", case.line, case.query);
            }
        }
    }
    assert!(count > 0, "no query was found");
    assert!(failures.is_empty(), "\n{failures}");
}
