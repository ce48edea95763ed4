//! What reaches the storage: conditions and columns that a table provider is asked for.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bartizan_hunting::types::schema;
use bartizan_hunting::{
    EngineSettings, HuntError, HuntRequest, Limits, LocalTables, NoTables, TableSource,
};
use bartizan_kql::Scope;
use bartizan_kql::types::Type;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::future::BoxFuture;

use crate::engine::engine;

const COLUMNS: [(&str, Type); 4] = [
    ("Timestamp", Type::DateTime),
    ("FileName", Type::String),
    ("ProcessId", Type::Long),
    ("AdditionalFields", Type::Dynamic),
];

/// An empty table that writes down what it is asked for.
#[derive(Debug, Default)]
struct Recorder {
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl TableProvider for Recorder {
    fn schema(&self) -> SchemaRef {
        schema(COLUMNS)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        let projection = projection
            .cloned()
            .unwrap_or_else(|| (0..COLUMNS.len()).collect());
        let mut asked = self.asked.lock().expect("a lock");
        asked.extend(filters.iter().map(ToString::to_string));
        let columns: Vec<&str> = projection.iter().map(|i| COLUMNS[*i].0).collect();
        asked.push(format!("columns {}", columns.join(" ")));
        Ok(Arc::new(EmptyExec::new(Arc::new(
            self.schema().project(&projection)?,
        ))))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> datafusion::error::Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

struct Tables(Arc<Recorder>);

impl TableSource for Tables {
    fn scope(&self) -> Arc<Scope> {
        Arc::new(Scope::new().with_table("E", &COLUMNS))
    }

    fn provider<'a>(
        &'a self,
        _name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, HuntError>> {
        let provider: Arc<dyn TableProvider> = self.0.clone();
        Box::pin(async move { Ok(provider) })
    }
}

/// What a query asks of the table.
fn asked(query: &str) -> Vec<String> {
    let recorder = Arc::new(Recorder::default());
    let (engine, runtime) = engine(EngineSettings {
        threads: 1,
        batch_rows: 64,
        ..EngineSettings::default()
    });
    let request = HuntRequest {
        query: query.to_owned(),
        now_ticks: 1_000_000_000_000_000,
        timespan: None,
        limits: Limits::default(),
        tables: Arc::new(Tables(recorder.clone())),
    };
    runtime.block_on(engine.run(request)).expect("a result");
    recorder.asked.lock().expect("a lock").clone()
}

#[test]
fn simple_conditions_reach_the_storage_as_comparisons_of_columns() {
    assert_eq!(
        asked(
            "E | where Timestamp > ago(1d) | where FileName == 'a.exe' and ProcessId != 4 | project FileName"
        ),
        [
            "Timestamp > Int64(999136000000000)",
            "FileName = Utf8View(\"a.exe\")",
            "ProcessId IS DISTINCT FROM Int64(4)",
            "columns Timestamp FileName ProcessId",
        ]
    );
    assert_eq!(
        asked(
            "E | where Timestamp between (datetime(0001-01-02) .. 1d) and FileName in ('a', 'b', 'c', 'd') | count"
        ),
        [
            "Timestamp >= Int64(864000000000)",
            "Timestamp <= Int64(1728000000000)",
            "FileName IN ([Utf8View(\"a\"), Utf8View(\"b\"), Utf8View(\"c\"), Utf8View(\"d\")])",
            "columns Timestamp FileName",
        ]
    );
}

#[test]
fn conditions_pass_through_steps_that_do_not_change_the_column() {
    let asked = asked(
        "E | extend x = parse_json(AdditionalFields).a | mv-expand x | where ProcessId == 7 and tostring(x) == 'y'",
    );
    assert_eq!(asked[0], "ProcessId = Int64(7)");
}

#[test]
fn columns_that_nobody_reads_are_not_asked_for() {
    assert_eq!(
        asked(
            "E | summarize arg_max(Timestamp, *) by FileName | where ProcessId > 3 | project FileName, Timestamp"
        ),
        ["columns Timestamp FileName ProcessId"]
    );
    assert_eq!(
        asked("E | take 5 | project ProcessId"),
        ["columns ProcessId"]
    );
    assert_eq!(
        asked("E | join kind=inner (E | project FileName) on FileName | project Timestamp").len(),
        2
    );
}

#[test]
fn rows_that_are_kept_for_several_plans_have_the_columns_that_one_of_them_reads() {
    for (query, columns) in [
        (
            "E | fork (summarize count() by FileName) (count)",
            "FileName",
        ),
        ("E | fork (count) (count)", "Timestamp"),
        ("E | facet by FileName, ProcessId", "FileName ProcessId"),
        (
            "E | fork (take 1) (count)",
            "Timestamp FileName ProcessId AdditionalFields",
        ),
        (
            "E | fork (project FileName) (where ProcessId > 3 | project FileName)",
            "FileName ProcessId",
        ),
        (
            "let m = materialize(E); union (m | where ProcessId > 1 | count), (m | summarize max(Timestamp))",
            "Timestamp ProcessId",
        ),
        (
            "let m = materialize(E); let k = materialize(m | where ProcessId > 1); union (k | distinct FileName), (k | count)",
            "FileName ProcessId",
        ),
        (
            "let m = materialize(E); m | where FileName in (m | project FileName) | project ProcessId",
            "FileName ProcessId",
        ),
    ] {
        assert_eq!(asked(query), [format!("columns {columns}")], "{query}");
    }
}

#[test]
fn values_are_computed_of_the_rows_that_are_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("t.jsonl");
    std::fs::write(&file, r#"{"a": "x", "b": "y", "c": "z"}"#).expect("written");
    let mut tables = LocalTables::new();
    tables.add("T", &file).expect("a table");
    for (query, step, is_behind) in [
        (
            "T | where a has 'x' | project a, v = strcat(b, c)",
            "FilterExec",
            true,
        ),
        (
            "T | top 3 by a | project a, v = strcat(b, c)",
            "SortExec",
            true,
        ),
        (
            "T | sort by a asc, b asc | take 3 | project a, v = strcat(b, c)",
            "SortExec",
            true,
        ),
        (
            "union (T | where a has 'x'), (T | where a has 'y') | project a, v = strcat(b, c)",
            "FilterExec",
            true,
        ),
        // All rows are sorted, with what is computed rather than what it is computed from.
        (
            "T | sort by a asc | project a, v = strcat(b, c)",
            "SortExec",
            false,
        ),
    ] {
        let (engine, runtime) = engine(EngineSettings {
            threads: 2,
            ..EngineSettings::default()
        });
        let plan = runtime.block_on(engine.explain(HuntRequest {
            query: query.to_owned(),
            now_ticks: 0,
            timespan: None,
            limits: Limits::default(),
            tables: Arc::new(tables.clone()),
        }));
        let plan = plan.expect("a plan");
        let physical = plan.rsplit("\n\n").next().unwrap_or_default();
        let lines: Vec<&str> = physical.lines().collect();
        let at = |what: &str| lines.iter().position(|line| line.contains(what));
        let (computed, step) = (at("strcat"), at(step));
        assert!(computed.is_some() && step.is_some(), "{query}\n{plan}");
        assert_eq!(computed < step, is_behind, "{query}\n{plan}");
    }
}

#[test]
fn projections_that_come_to_nothing_leave_nothing_behind() {
    for (query, found) in [
        (
            "datatable(A:int)[1, 2, 3] | where A > 1 | extend C = 5 | sort by C, A | take 3 | project A",
            r#"[{"A":3},{"A":2}]"#,
        ),
        (
            "datatable(A:int)[1, 2, 3] | where A > 1 | extend C = 1 | where A > 2 | project A",
            r#"[{"A":3}]"#,
        ),
        (
            "datatable(A:int)[1, 2, 3] | where A > 1 | extend C = 5 | sort by C, A | take 1 | project A",
            r#"[{"A":3}]"#,
        ),
    ] {
        for optimize in [true, false] {
            let (engine, runtime) = engine(EngineSettings {
                threads: 2,
                optimize,
                ..EngineSettings::default()
            });
            let request = || HuntRequest {
                query: query.to_owned(),
                now_ticks: 0,
                timespan: None,
                limits: Limits::default(),
                tables: Arc::new(NoTables),
            };
            let plan = runtime.block_on(engine.explain(request())).expect("a plan");
            assert!(!plan.contains("Stop"), "{query}\n{plan}");
            let result = runtime.block_on(engine.run(request())).expect("a result");
            let mut rows = Vec::new();
            result.table.write_rows(&mut rows);
            assert_eq!(String::from_utf8(rows).expect("UTF-8"), found, "{query}");
        }
    }
}
