//! `bartizan kql run` and `plan`: a query over local files.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bartizan_contract::time::{Timestamp, parse_iso8601};
use bartizan_hunting::engine::EngineSettings;
use bartizan_hunting::local::LocalTables;
use bartizan_hunting::{
    Engine, HuntError, HuntRequest, HuntResult, Limits, Places, ResultTable, TableSource as _,
};
use bartizan_kql::{Diagnostic, Scope};
use bartizan_server::external::{Locations, Prefix};
use serde_json::{Map, Value};

use super::problems::{self, Problem};
use super::{accept, lines, read_over};
use crate::args::{Format, KqlData, KqlPlan, KqlRun};
use crate::exit::{Failure, Outcome};
use crate::printer::{self, Printer, Rows};

/// What one's own machine may spend on a query: everything but an afternoon.
const LIMITS: Limits = Limits {
    max_rows: usize::MAX >> 2,
    max_bytes: usize::MAX >> 2,
    timeout: Duration::from_secs(3_600),
    memory: 8 << 30,
};

/// `bartizan kql run`
pub(crate) fn evaluate(run: &KqlRun, printer: &Printer) -> Outcome {
    let session = Session::new(&run.data, printer)?;
    if run.io.is_some() {
        return lines::answer(|text| session.line(text, run.timing));
    }
    let text = read_over(&run.input, &names(&run.data))?;
    let mut result = session.answer(&text, run.timing, printer)?;
    for _ in 1..run.repeat {
        result = session.answer(&text, run.timing, printer)?;
    }
    print(&result, printer)
}

/// `bartizan kql plan`
pub(crate) fn plan(run: &KqlPlan, printer: &Printer) -> Outcome {
    let session = Session::new(&run.data, printer)?;
    let text = read_over(&run.input, &names(&run.data))?;
    let request = session.request(&text, printer)?;
    let plan = session.runtime.block_on(session.engine.explain(request));
    printer.text(&plan.map_err(|error| failed(&error, printer))?)
}

/// The names of the tables of the command line.
fn names(data: &KqlData) -> Vec<&str> {
    let tables = data.tables.iter();
    tables
        .filter_map(|table| Some(table.split_once('=')?.0))
        .collect()
}

/// The tables of the command line, their files opened.
fn opened(given: &[String], printer: &Printer) -> Result<LocalTables, Failure> {
    let mut tables = LocalTables::new();
    for table in given {
        let (name, path) = table
            .split_once('=')
            .filter(|(name, path)| !name.is_empty() && !path.is_empty())
            .ok_or_else(|| Failure::usage(format!("--table {table}: NAME=PATH is wanted")))?;
        tables
            .add(name, Path::new(path))
            .map_err(|error| nowhere("BZ310", &error.to_string(), 2, printer))?;
    }
    Ok(tables)
}

/// Adds the tables of the command line to those of the schema; one of the same name is replaced.
pub(super) fn add_tables(scope: &mut Scope, given: &[String], printer: &Printer) -> Outcome {
    let own = opened(given, printer)?.scope();
    for name in own.table_names() {
        let columns = own.table(name).unwrap_or_default();
        scope.add_table(name, columns.to_vec());
    }
    Ok(())
}

/// Says for a table of hunting where its rows may come from.
fn with_sources(text: &str, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for diagnostic in &mut diagnostics {
        let name = diagnostic.span.text(text);
        if diagnostic.code == "KS204" && bartizan_contract::hunting::table(name).is_some() {
            diagnostic.suggestion = Some(format!(
                "Give its rows with --table {name}=FILE, or ask a server: bartizan hunt"
            ));
        }
    }
    diagnostics
}

/// An engine over the tables of the command line; it can answer any number of queries.
struct Session {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    tables: Arc<LocalTables>,
    now_ticks: i64,
}

impl Session {
    fn new(data: &KqlData, printer: &Printer) -> Result<Self, Failure> {
        let tables = opened(&data.tables, printer)?;
        let now_ticks = match &data.now {
            None => now()?,
            Some(text) => parse_iso8601(text).ok_or_else(|| {
                Failure::usage(format!("--now {text}: an ISO 8601 time is wanted"))
            })?,
        };
        let places = data.places.as_deref().map(Places::open).transpose();
        let prefixes = data.external.iter().map(|prefix| prefix.parse());
        let prefixes = prefixes.collect::<Result<Vec<Prefix>, _>>();
        let prefixes = prefixes.map_err(|error| Failure::usage(format!("--external: {error}")))?;
        // Whoever types a host here may reach it anyway.
        let hosts = prefixes.iter().map(|prefix| prefix.host().to_owned());
        let hosts = hosts.collect();
        let engine = Engine::new(EngineSettings {
            external: Some(Arc::new(Locations::new(prefixes, hosts))),
            places: places.map_err(Failure::general)?.map(Arc::new),
            ..EngineSettings::default()
        })
        .map_err(Failure::general)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            runtime,
            engine,
            tables: Arc::new(tables),
            now_ticks,
        })
    }

    fn answer(&self, text: &str, timing: bool, printer: &Printer) -> Result<HuntResult, Failure> {
        let request = self.request(text, printer)?;
        let result = self
            .runtime
            .block_on(self.engine.run(request))
            .map_err(|error| failed(&error, printer))?;
        if timing {
            self.report_stages(text, &result);
        }
        Ok(result)
    }

    /// The answer to a query among several.
    fn line(&self, text: &str, timing: bool) -> Result<String, Problem> {
        let scope = self.tables.scope();
        lines::accepted(text, &scope)?;
        let request = HuntRequest {
            query: text.to_owned(),
            now_ticks: self.now_ticks,
            timespan: None,
            limits: LIMITS,
            tables: self.tables.clone(),
        };
        let result = self
            .runtime
            .block_on(self.engine.run(request))
            .map_err(|error| problem(&error))?;
        if timing {
            self.report_stages(text, &result);
        }
        Ok(result.to_columns_rows_json())
    }

    /// What every stage took, on standard error. Parsing and binding are done once more for that.
    fn report_stages(&self, text: &str, result: &HuntResult) {
        let start = Instant::now();
        let parsed = bartizan_kql::parse(text);
        let parse = start.elapsed();
        let scope = self.tables.scope();
        let start = Instant::now();
        let bound = bartizan_kql::bind(&parsed.query, &scope);
        let bind = start.elapsed();
        drop(bound);
        let stats = result.stats;
        let milliseconds = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        let line = serde_json::json!({
            "parse": milliseconds(parse),
            "bind": milliseconds(bind),
            "plan": milliseconds(stats.planning),
            "execute": milliseconds(stats.execution_time.saturating_sub(stats.planning)),
        });
        eprintln!("{line}");
    }

    /// A request, once the query has been found to be one: here diagnostics still have their places and advice.
    fn request(&self, text: &str, printer: &Printer) -> Result<HuntRequest, Failure> {
        let parsed = bartizan_kql::parse(text);
        accept(text, &parsed.diagnostics, printer)?;
        let bound = bartizan_kql::bind(&parsed.query, &self.tables.scope());
        accept(text, &with_sources(text, bound.diagnostics), printer)?;
        Ok(HuntRequest {
            query: text.to_owned(),
            now_ticks: self.now_ticks,
            timespan: None,
            limits: LIMITS,
            tables: self.tables.clone(),
        })
    }
}

fn now() -> Result<i64, Failure> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(Failure::general)?;
    let micros = i64::try_from(now.as_micros()).map_err(Failure::general)?;
    Ok(Timestamp::from_unix_micros(micros).ticks())
}

fn print(result: &HuntResult, printer: &Printer) -> Outcome {
    if printer.format() == Format::Json {
        return printer.text(&result.to_columns_rows_json());
    }
    let first = (result.name.as_deref().unwrap_or_default(), &result.table);
    let further = result.further.iter();
    let further = further.map(|table| (table.name.as_str(), &table.table));
    let tables = std::iter::once(first).chain(further);
    let tables = tables.map(|(name, table)| rows(name, table));
    printer.tables(&tables.collect::<Result<Vec<_>, _>>()?)
}

fn rows(name: &str, table: &ResultTable) -> Result<Rows, Failure> {
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    let mut broken = None;
    table.for_each_row(|row| match serde_json::from_slice(row) {
        Ok(row) => rows.push(row),
        Err(error) => broken = Some(error),
    });
    if let Some(error) = broken {
        return Err(Failure::general(format!("a row is not JSON: {error}")));
    }
    let columns = table.columns.iter().map(|column| column.name.clone());
    Ok(Rows {
        name: name.to_owned(),
        columns: columns.collect(),
        rows,
    })
}

/// An error of the evaluation, reported. It has no place in the text.
fn failed(error: &HuntError, printer: &Printer) -> Failure {
    let exit = match error {
        HuntError::Internal(_) => 1,
        _ => 2,
    };
    let Problem { code, message, .. } = problem(error);
    nowhere(&code, &message, exit, printer)
}

/// An error of the evaluation.
fn problem(error: &HuntError) -> Problem {
    let code = match error {
        HuntError::Syntax(found) | HuntError::Semantic(found) => match found.first() {
            Some(first) => return Problem::nowhere(first.code, &first.message),
            None => "BZ300",
        },
        HuntError::Evaluation(_) => "BZ301",
        HuntError::Timeout => "BZ302",
        HuntError::ResultTooLarge => "BZ303",
        HuntError::MemoryExhausted => "BZ304",
        HuntError::Internal(_) => "BZ399",
    };
    Problem::nowhere(code, &error.to_string())
}

/// An error that is at no place of the text: line and column are 0.
fn nowhere(code: &str, message: &str, exit: u8, printer: &Printer) -> Failure {
    if printer.is_table() {
        eprintln!("error: {code}: {}", printer::lines(message));
    } else {
        problems::report(&[Problem::nowhere(code, message)]);
    }
    Failure::reported(exit)
}
