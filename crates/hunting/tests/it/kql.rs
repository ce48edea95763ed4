//! The documents of `tests/kql`: every query in them has to give the table that follows it.
//!
//! A document is Markdown. A block ` ```csv Name ` is a table for the queries after it; a block ` ```kql ` is a
//! query; the next thing after it is its result as a Markdown table, whose header says `name:type`, or a block
//! ` ```error ` with a part of the error's text. Cells are JSON as the API writes it, strings without their quotes.
//! `(any order)` before the table means that rows may come in any order. A query that gives several tables is followed by
//! all of them, each behind its name as `(table Name)`.

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
    Tables(Vec<Table>),
    Error(String),
}

/// A table of a result.
#[derive(Debug)]
struct Table {
    name: Option<String>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    any_order: bool,
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
    let mut name: Option<String> = None;
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
        } else if let Some(given) = table_name(line) {
            name = Some(given.to_owned());
        } else if line.starts_with('|') && (pending.is_some() || name.is_some()) {
            let header = cells(line);
            let mut rows = Vec::new();
            i += 2;
            while i < lines.len() && lines[i].starts_with('|') {
                rows.push(cells(lines[i]));
                i += 1;
            }
            let table = Table {
                name: name.take(),
                header,
                rows,
                any_order: std::mem::take(&mut any_order),
            };
            match (pending.take(), cases.last_mut()) {
                (Some((line, query)), _) => cases.push(Case {
                    line,
                    query,
                    expected: Expected::Tables(vec![table]),
                }),
                (
                    None,
                    Some(Case {
                        expected: Expected::Tables(tables),
                        ..
                    }),
                ) => tables.push(table),
                (None, _) => panic!("{}:{i}: a table without a query", path.display()),
            }
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

/// The name in `(table Name)`.
fn table_name(line: &str) -> Option<&str> {
    line.trim().strip_prefix("(table ")?.strip_suffix(')')
}

/// The tables of a result.
fn render(result: &HuntResult) -> Vec<Table> {
    let value: serde_json::Value =
        serde_json::from_str(&result.to_columns_rows_json()).expect("JSON");
    let further = value["tables"].as_array().into_iter().flatten();
    std::iter::once(&value).chain(further).map(table).collect()
}

/// A table as header and cells.
fn table(value: &serde_json::Value) -> Table {
    let array = |value: &serde_json::Value| value.as_array().expect("an array").clone();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let cell = |v: &serde_json::Value| match v {
        serde_json::Value::String(s) => s.replace('\n', "\\n"),
        other => other.to_string(),
    };
    let columns = array(&value["columns"]);
    let header = columns.iter().map(|c| {
        let (name, ty) = (text(&c["name"]), text(&c["type"]));
        format!("{}:{}", name.expect("a name"), ty.expect("a type"))
    });
    let rows = array(&value["rows"]);
    Table {
        name: text(&value["name"]),
        header: header.collect(),
        rows: rows
            .iter()
            .map(|r| array(r).iter().map(cell).collect())
            .collect(),
        any_order: false,
    }
}

fn markdown(tables: &[Table]) -> String {
    let mut out = String::new();
    for table in tables {
        if let Some(name) = &table.name {
            let _ = writeln!(out, "\n(table {name})\n");
        }
        let _ = writeln!(
            out,
            "| {} |\n|{}",
            table.header.join(" | "),
            "---|".repeat(table.header.len())
        );
        for row in &table.rows {
            let cells: Vec<String> = row.iter().map(|c| c.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }
    out
}

/// Whether a table is the one that is wanted.
fn same(wanted: &Table, got: &Table) -> bool {
    let rows = |table: &Table| {
        let mut rows = table.rows.clone();
        if wanted.any_order {
            rows.sort();
        }
        rows
    };
    wanted.name == got.name && wanted.header == got.header && rows(wanted) == rows(got)
}

fn check(
    case: &Case,
    result: Result<HuntResult, bartizan_hunting::HuntError>,
) -> Result<(), String> {
    match (&case.expected, result) {
        (Expected::Error(part), Err(error)) if error.to_string().contains(part.trim()) => Ok(()),
        (Expected::Error(_), Err(error)) => Err(format!("another error: {error}")),
        (Expected::Error(_), Ok(result)) => {
            Err(format!("no error but\n{}", markdown(&render(&result))))
        }
        (Expected::Tables(_), Err(error)) => Err(format!("an error: {error}")),
        (Expected::Tables(wanted), Ok(result)) => {
            let got = render(&result);
            let pairs = || wanted.iter().zip(&got);
            if wanted.len() == got.len() && pairs().all(|(wanted, got)| same(wanted, got)) {
                Ok(())
            } else {
                Err(format!("got\n{}", markdown(&got)))
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
