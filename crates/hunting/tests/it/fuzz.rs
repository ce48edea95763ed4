//! Damaged queries as far as a result, and damaged files as tables.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bartizan_hunting::types::schema;
use bartizan_hunting::{
    Engine, EngineSettings, HuntError, HuntRequest, Limits, LocalTables, TableSource,
};
use bartizan_kql::Scope;
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use futures::future::BoxFuture;
use parquet::arrow::ArrowWriter;

use crate::fuzz_engine::{Corpus, run};

const QUERIES: [&str; 4] = [
    include_str!("../../../kql/tests/corpus/device.kql"),
    include_str!("../../../kql/tests/corpus/network.kql"),
    include_str!("../../../kql/tests/corpus/process.kql"),
    include_str!("../../../kql/tests/corpus/shapes.kql"),
];

/// All hunting tables, without rows.
struct Empty(Arc<Scope>);

impl Empty {
    fn new() -> Self {
        let mut scope = Scope::new();
        for table in bartizan_contract::hunting::TABLES {
            let columns = table.columns.iter();
            let columns = columns.map(|c| {
                let ty = Type::from_name(c.ty.name()).expect("a type");
                (c.name.to_owned(), ty)
            });
            scope.add_table(table.name, columns.collect());
        }
        Self(Arc::new(scope))
    }
}

impl TableSource for Empty {
    fn scope(&self) -> Arc<Scope> {
        self.0.clone()
    }

    fn provider<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, HuntError>> {
        let columns = self.0.table(name).unwrap_or_default();
        let columns = columns.iter().map(|(name, ty)| (name.as_str(), *ty));
        let table: Arc<dyn TableProvider> = Arc::new(EmptyTable::new(schema(columns)));
        Box::pin(async move { Ok(table) })
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(EngineSettings {
        threads: 1,
        batch_rows: 64,
        ..EngineSettings::default()
    })
    .expect("an engine")
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(crate) fn request(query: String, tables: Arc<dyn TableSource>) -> HuntRequest {
    HuntRequest {
        query,
        now_ticks: 639_080_064_000_000_000,
        timespan: None,
        limits: Limits {
            timeout: Duration::from_secs(10),
            ..Limits::default()
        },
        tables,
    }
}

#[test]
fn fuzz_planner() {
    let queries = QUERIES.iter().flat_map(|file| file.split("\n=>"));
    let queries = queries.filter_map(|text| Some(text.split_once('\n')?.1.trim()));
    let corpus = Corpus {
        // One in nine is enough to be planned whole in every run; all of them are mutated when there is time.
        seeds: queries
            .filter(|query| !query.is_empty())
            .step_by(9)
            .map(|query| query.as_bytes().to_vec())
            .collect(),
        words: vec![
            "(",
            ")",
            "'a'",
            "5",
            "1d",
            "null",
            "-",
            "!",
            "not(",
            " and ",
            " or ",
            " has ",
            "dynamic([1])",
            "| take 0",
            "| distinct *",
            "| summarize count() by DeviceName",
            "| where Timestamp > ago(1d)",
            "| join kind=fullouter (DeviceInfo) on DeviceId",
            "| union DeviceInfo",
            "| extend x = row_number()",
            "| mv-expand x = pack_array(1, 2)",
            "| top 3 by Timestamp",
            "| count",
        ],
        rounds: 60,
    };
    let (engine, runtime) = (engine(), runtime());
    let tables: Arc<dyn TableSource> = Arc::new(Empty::new());
    run("planner", &corpus, |input| {
        let query = String::from_utf8_lossy(input).into_owned();
        let outcome = runtime.block_on(engine.run(request(query, tables.clone())));
        if let Err(HuntError::Internal(message)) = outcome {
            panic!("{message}");
        }
    });
}

/// A small Parquet file.
fn parquet() -> Vec<u8> {
    let at = TimestampMicrosecondArray::from(vec![Some(1_772_323_200_000_000), None, Some(0)]);
    let batch = RecordBatch::try_from_iter([
        ("Timestamp", Arc::new(at.with_timezone("UTC")) as _),
        (
            "Text",
            Arc::new(StringArray::from(vec![Some("a"), None, Some("b")])) as _,
        ),
        (
            "Number",
            Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX)])) as _,
        ),
    ])
    .expect("a batch");
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    out
}

/// Reads a file as a table, if it is one.
fn fuzz_files(name: &str, extension: &str, corpus: &Corpus) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t").with_extension(extension);
    let (engine, runtime) = (engine(), runtime());
    run(name, corpus, |input| {
        fs::write(&path, input).expect("written");
        for table in ["T", "DeviceProcessEvents"] {
            let mut tables = LocalTables::new();
            if tables.add(table, &path).is_ok() {
                let tables = Arc::new(tables);
                // All rows, those that statistics leave, those that are looked for from the end, and by dictionaries.
                for steps in [
                    "take 50",
                    "where Number > 0",
                    "where Number < 3 | top 2 by Number",
                    "summarize count(), dcount(Text) by Text",
                ] {
                    let query = format!("{table} | {steps}");
                    let _ = runtime.block_on(engine.run(request(query, tables.clone())));
                }
            }
        }
    });
}

#[test]
fn fuzz_parquet_files() {
    let corpus = Corpus {
        seeds: vec![parquet()],
        words: vec!["PAR1", "PARE", "\0\0\0\0"],
        rounds: 60,
    };
    fuzz_files("Parquet files", "parquet", &corpus);
}

#[test]
fn fuzz_csv_files() {
    let corpus = Corpus {
        seeds: vec![
            b"Timestamp,Text,Number\n2026-01-01T00:00:00Z,a,1\n,\"b \"\"c\"\"\",\n".to_vec(),
            b"FileName,ProcessId\n\"x\ny\",4\n".to_vec(),
        ],
        words: vec![
            ",",
            "\"",
            "\n",
            "\r\n",
            "1e999",
            "true",
            "9999-99-99",
            "\u{feff}",
            "\0",
        ],
        rounds: 20,
    };
    fuzz_files("CSV files", "csv", &corpus);
}

#[test]
fn fuzz_json_files() {
    let corpus = Corpus {
        seeds: vec![
            b"{\"Timestamp\":\"2026-01-01T00:00:00Z\",\"n\":1,\"d\":{\"a\":[1,null]}}\n{\"n\":2.5}\n".to_vec(),
            b"{\"FileName\":\"x\",\"ProcessId\":\"17\",\"AdditionalFields\":{}}\n".to_vec(),
        ],
        words: vec!["{", "}", "[", "]", ",", ":", "\"", "null", "true", "1e999", "\\ud800", "\n"],
        rounds: 60,
    };
    fuzz_files("JSON lines", "jsonl", &corpus);
}
