//! One query, many ways to run it: random pipelines give the same rows with and without the optimiser, from a text file
//! and from Parquet files that are pruned, with one partition and with several, in small batches and in large ones.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bartizan_hunting::{Engine, EngineSettings, HuntRequest, Limits, LocalTables};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::fuzz_engine::{Corpus, Random, run};

/// 2026-03-02T00:00:00Z.
const NOW: i64 = 639_080_064_000_000_000;
/// 2026-03-01T00:00:00Z, in microseconds since 1970.
const MARCH_MICROS: i64 = 1_772_323_200_000_000;
const NAMES: [&str; 6] = [
    "cmd.exe",
    "PowerShell.exe",
    "rundll32.exe",
    "",
    "\u{e9}t\u{e9}.exe",
    "cmd",
];
const TABLE: &str = "DeviceProcessEvents";

/// A row of the table.
struct Row {
    at: i64,
    name: &'static str,
    host: String,
    process: Option<i64>,
    size: Option<i64>,
    fields: String,
}

fn rows(count: i64) -> Vec<Row> {
    let mut random = Random::new(7);
    (0..count)
        .map(|n| Row {
            at: MARCH_MICROS + n * 60_000_000 + i64::try_from(random.below(1_000_000)).unwrap(),
            name: NAMES[random.below(NAMES.len())],
            host: format!("pc{}", random.below(5)),
            process: (random.below(5) > 0).then(|| i64::try_from(random.below(50)).unwrap()),
            size: (random.below(3) > 0).then(|| i64::try_from(random.below(9)).unwrap() - 4),
            fields: [
                "",
                "{\"a\":[1,2,3],\"b\":\"x\"}",
                "{\"a\":[],\"b\":null}",
                "no json",
                "{\"a\":[1,2,3],\"b\":\"x\"",
            ][random.below(5)]
            .to_owned(),
        })
        .collect()
}

fn write_lines(path: &Path, rows: &[Row]) {
    let mut out = String::new();
    for (id, row) in rows.iter().enumerate() {
        let micros = row.at - MARCH_MICROS;
        let (minutes, micros) = (micros / 60_000_000, micros % 60_000_000);
        let at = format!(
            "2026-03-01T{:02}:{:02}:{:02}.{:06}Z",
            minutes / 60,
            minutes % 60,
            micros / 1_000_000,
            micros % 1_000_000
        );
        let line = json!({
            "Timestamp": at, "FileName": row.name, "DeviceName": row.host, "ProcessId": row.process,
            "FileSize": row.size, "AdditionalFields": row.fields, "ReportId": id,
        });
        let _ = writeln!(out, "{line}");
    }
    fs::write(path, out).expect("written");
}

fn write_parquet(path: &Path, first: i64, rows: &[Row]) {
    let ids = (first..).take(rows.len()).map(Some);
    let texts = |of: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.at));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Timestamp", Arc::new(at.with_timezone("UTC"))),
        ("FileName", texts(|r| r.name)),
        ("DeviceName", texts(|r| &r.host)),
        (
            "ProcessId",
            Arc::new(rows.iter().map(|r| r.process).collect::<Int64Array>()),
        ),
        (
            "FileSize",
            Arc::new(rows.iter().map(|r| r.size).collect::<Int64Array>()),
        ),
        ("AdditionalFields", texts(|r| &r.fields)),
        ("ReportId", Arc::new(ids.collect::<Int64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = fs::File::create(path).expect("a file");
    // Row groups and pages of a few rows, so that some of each are left out.
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(20))
        .set_write_batch_size(4)
        .set_data_page_row_count_limit(4)
        .build();
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

/// Writes a pipeline whose result does not depend on the order of rows.
struct Writer<'r> {
    random: &'r mut Random,
    text: String,
    numbers: Vec<String>,
    texts: Vec<String>,
    /// Rows have different numbers here.
    id: Option<String>,
    /// No column was added or taken away.
    original: bool,
    fresh: usize,
}

const START: &str = "DeviceProcessEvents | project k = ReportId, n = ProcessId, z = FileSize, s = FileName, h = DeviceName, t = Timestamp, j = AdditionalFields";

impl Writer<'_> {
    fn name(&mut self) -> String {
        self.original = false;
        self.fresh += 1;
        format!("c{}", self.fresh)
    }

    fn number(&mut self) -> String {
        if self.numbers.is_empty() {
            return self.random.below(20).to_string();
        }
        let (a, b) = (
            self.random.below(self.numbers.len()),
            self.random.below(self.numbers.len()),
        );
        let (a, b) = (&self.numbers[a], &self.numbers[b]);
        match self.random.below(9) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} * 3 - {b})"),
            2 => format!("({a} % 7)"),
            3 => format!("coalesce({a}, {b}, 5)"),
            4 => format!("bin({a}, 10)"),
            5 => format!("iff({a} > {b}, {a}, 0)"),
            _ => a.clone(),
        }
    }

    fn string(&mut self) -> String {
        if self.texts.is_empty() {
            return "'cmd.exe'".to_owned();
        }
        let at = self.random.below(self.texts.len());
        let text = self.texts[at].clone();
        match self.random.below(8) {
            0 => format!("tolower({text})"),
            1 => format!("substring({text}, 1, 4)"),
            2 => format!("strcat({text}, '-', {})", self.number()),
            3 => format!("replace_string({text}, 'c', 'C')"),
            4 => format!("case({text} has 'exe', 'program', {text} == '', 'none', {text})"),
            _ => text,
        }
    }

    fn test(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 10 } else { 13 }) {
            0 => format!("{} == 'cmd.exe'", self.string()),
            1 => format!("{} =~ 'CMD.EXE'", self.string()),
            2 => format!("{} has 'exe'", self.string()),
            3 => format!("{} !contains 'md'", self.string()),
            4 => format!("{} in~ ('CMD', 'rundll32.exe', '')", self.string()),
            5 => format!("{} > {}", self.number(), self.random.below(20)),
            6 => format!("isnull({})", self.number()),
            7 => format!("{} between (2 .. 30)", self.number()),
            8 => format!("{} != {}", self.number(), self.random.below(9)),
            9 => self.path_test().to_owned(),
            10 => format!("not({})", self.test(depth - 1)),
            11 => format!("({} and {})", self.test(depth - 1), self.test(depth - 1)),
            _ => format!("({} or {})", self.test(depth - 1), self.test(depth - 1)),
        }
    }

    /// A condition on what is in JSON text, which some nulls pass.
    fn path_test(&mut self) -> &'static str {
        if !self.original {
            return "true";
        }
        let tests = [
            "tostring(j.b) == 'x'",
            "tostring(j.b) != 'x'",
            "toint(j.a[1]) > 1",
            "toint(j.a[-1]) in (2, 3)",
            "isempty(j.b)",
            "isnotnull(j.a)",
            "j.b has 'x' or k > 100",
            "array_length(j.a) > 0 and tostring(j.a) contains '2'",
            "tostring(parse_json(tostring(j)).b) startswith 'X'",
        ];
        tests[self.random.below(tests.len())]
    }

    fn operator(&mut self) {
        let step = match self.random.below(13) {
            0..=2 => format!("where {}", self.test(2)),
            3 => {
                let (a, b) = (self.name(), self.name());
                let step = format!("extend {a} = {}, {b} = {}", self.number(), self.string());
                self.numbers.push(a);
                self.texts.push(b);
                step
            }
            4 | 5 => self.summarize(),
            6 if !self.texts.is_empty() && !self.numbers.is_empty() => {
                self.texts.truncate(2);
                self.numbers.truncate(2);
                self.id = None;
                self.original = false;
                format!(
                    "distinct {}, {}",
                    self.texts.join(", "),
                    self.numbers.join(", ")
                )
            }
            7 | 8 => self.join(),
            9 => {
                let column = self.name();
                let step = format!(
                    "mv-expand {column} = pack_array(1, {}, 1) to typeof(long)",
                    self.number()
                );
                self.numbers.push(column);
                self.id = None;
                step
            }
            10 => match self.id.clone() {
                Some(id) => {
                    let order = if self.random.below(3) == 0 {
                        "asc"
                    } else {
                        "desc"
                    };
                    format!("top {} by {id} {order}", self.random.below(60))
                }
                None => format!("where {}", self.test(1)),
            },
            11 if self.original => {
                self.id = None;
                "project k, n, z, s, h, j | union (T | project s, h, k, n, z, j | where n > 20)"
                    .to_owned()
            }
            _ => format!(
                "where {} in ((DeviceProcessEvents | where ProcessId > 5 | distinct FileName))",
                self.string()
            ),
        };
        let _ = write!(self.text, "\n| {step}");
    }

    fn summarize(&mut self) -> String {
        let by = match self.random.below(3) {
            0 => self.string(),
            1 => self.number(),
            _ => format!("{}, c_b = {}", self.string(), self.number()),
        };
        let group = self.name();
        let names: Vec<String> = (0..6).map(|_| self.name()).collect();
        let step = format!(
            "summarize {} = count(), {} = sum({}), {} = min({}), {} = max({}), {} = countif({}), {} = dcount({}) by c_a = {by} | extend {group} = tostring(c_a)",
            names[0],
            names[1],
            self.number(),
            names[2],
            self.number(),
            names[3],
            self.number(),
            names[4],
            self.test(1),
            names[5],
            self.string()
        );
        self.numbers = names;
        self.texts = vec![group];
        self.id = None;
        step
    }

    fn join(&mut self) -> String {
        let kinds = [
            "inner",
            "leftouter",
            "rightouter",
            "fullouter",
            "leftsemi",
            "leftanti",
            "rightsemi",
            "rightanti",
        ];
        let kind = *self.random.pick(&kinds);
        let key = self.name();
        let (number, other) = (self.name(), self.name());
        let left = self.string();
        let right = format!(
            "DeviceProcessEvents | where ReportId % 11 == {} | project {key} = FileName, {number} = ProcessId, {other} = DeviceName",
            self.random.below(11)
        );
        self.id = None;
        if kind.starts_with("right") && kind != "rightouter" {
            self.numbers.clear();
            self.texts.clear();
        }
        if !matches!(kind, "leftsemi" | "leftanti") {
            self.numbers.push(number);
            self.texts.push(other);
        }
        format!("extend {key} = {left} | join kind={kind} ({right}) on {key}")
    }
}

fn query(random: &mut Random) -> String {
    let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let mut writer = Writer {
        random,
        text: "T".to_owned(),
        numbers: own(&["k", "n", "z"]),
        texts: own(&["s", "h"]),
        id: Some("k".to_owned()),
        original: true,
        fresh: 0,
    };
    for _ in 0..=writer.random.below(5) {
        writer.operator();
    }
    format!("let T = {START};\n{}", writer.text)
}

/// The rows of an answer in an order of their own, or the error. None when there are too many of them.
fn answer(
    engine: &Engine,
    runtime: &tokio::runtime::Runtime,
    tables: &LocalTables,
    query: &str,
) -> Option<Vec<String>> {
    let request = HuntRequest {
        query: query.to_owned(),
        now_ticks: NOW,
        timespan: None,
        limits: Limits {
            max_rows: 2_000,
            ..Limits::default()
        },
        tables: Arc::new(tables.clone()),
    };
    match runtime.block_on(engine.run(request)) {
        Ok(result) if result.truncated => None,
        Ok(result) => {
            let mut out = Vec::new();
            result.table.write_rows(&mut out);
            let rows: Vec<Value> = serde_json::from_slice(&out).expect("rows");
            let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            rows.sort();
            Some(rows)
        }
        Err(error) => Some(vec![format!("error: {error:?}")]),
    }
}

#[test]
fn fuzz_plans_are_equal_however_they_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = rows(120);
    let lines = folder.path().join("t.jsonl");
    write_lines(&lines, &all);
    let parquet = folder.path().join("parts");
    fs::create_dir(&parquet).expect("a folder");
    for (part, rows) in all.chunks(30).enumerate() {
        let first = i64::try_from(part * 30).expect("small");
        write_parquet(&parquet.join(format!("{part}.parquet")), first, rows);
    }
    let table = |path: &Path| {
        let mut tables = LocalTables::new();
        tables.add(TABLE, path).expect("a table");
        tables
    };
    let (text, files) = (table(&lines), table(&parquet));
    let engine = |threads, batch_rows, optimize| {
        let settings = EngineSettings {
            threads,
            batch_rows,
            optimize,
            ..EngineSettings::default()
        };
        Engine::new(settings).expect("an engine")
    };
    let plain = engine(1, 8192, false);
    let others = [
        ("text, 1 partition, batches of 7", engine(1, 7, true), &text),
        ("files, 4 partitions", engine(4, 64, true), &files),
        (
            "files, 2 partitions, batches of 3",
            engine(2, 3, true),
            &files,
        ),
        (
            "files, 3 partitions, unoptimised",
            engine(3, 8192, false),
            &files,
        ),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    // The bytes of an input are the seed of a query.
    let corpus = Corpus {
        seeds: (0_u8..2).map(|n| vec![n]).collect(),
        words: Vec::new(),
        rounds: 0,
    };
    run("plans", &corpus, |input| {
        let seed = input.iter().fold(0_u64, |seed, byte| {
            seed.wrapping_mul(257).wrapping_add(u64::from(*byte))
        });
        let query = query(&mut Random::new(seed));
        // Which rows are cut off is nobody's promise.
        let Some(expected) = answer(&plain, &runtime, &text, &query) else {
            return;
        };
        let error = expected.first().filter(|row| row.starts_with("error: "));
        // DataFusion compares what a plan said of nulls with what it does, and leaves it to its optimiser to make them agree.
        if error.is_some_and(|error| error.contains("field nullability at index")) {
            return;
        }
        assert!(error.is_none(), "{query}\n{expected:?}");
        for (how, engine, tables) in &others {
            let got = answer(engine, &runtime, tables, &query).unwrap_or_default();
            assert!(
                got == expected,
                "{how}:\n{query}\n{} rows: {got:?}\nexpected {}: {expected:?}",
                got.len(),
                expected.len()
            );
        }
    });
}
