//! Running a query: compile, plan, execute within limits, collect.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use bartizan_kql::bound::{self, Node};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use futures::StreamExt;

use crate::compile::{Compiled, compile};
use crate::error::HuntError;
use crate::external::{ExternalReader, OfOneHunt};
use crate::given_up::SetOnDrop;
use crate::meter::Meter;
use crate::places::Places;
use crate::plan::{Planner, QueryContext};
use crate::result::{HuntResult, HuntStats, NamedTable, ResultTable};
use crate::row_order::tests_while_reading;
use crate::session::{Attempt, QueryMemory, session_state};
use crate::source::TableSource;

/// What holds for every query of an engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Threads that evaluate queries; also the number of partitions of a plan.
    pub threads: usize,
    /// Rows that are handled at once.
    pub batch_rows: usize,
    /// Where addresses are; without it `geo_info_from_ip_address` is refused.
    pub places: Option<Arc<Places>>,
    /// What `externaldata` reads with; without it every location is refused.
    pub external: Option<Arc<dyn ExternalReader>>,
    /// Where a query puts what does not fit into its memory; without a folder, the system's own for temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Bytes that one query may have there; with 0 a query that would need it fails instead.
    pub spill_bytes: u64,
    /// Whether plans are optimised; without it they run as they are written, for tests that compare the two.
    pub optimize: bool,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch_rows: 8192,
            places: None,
            external: None,
            spill_folder: None,
            spill_bytes: 8 << 30,
            optimize: true,
        }
    }
}

/// What one query may use, for all its tables together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of the answer; further rows are cut off and [`HuntResult::truncated`] is set.
    pub max_rows: usize,
    /// Bytes of the answer as values in memory; a larger answer is [`HuntError::ResultTooLarge`].
    pub max_bytes: usize,
    /// Wall-clock time.
    pub timeout: Duration,
    /// Bytes of working memory. Joins, aggregation and sorting go on in files where it does not do; what cannot is
    /// [`HuntError::MemoryExhausted`].
    pub memory: usize,
}

impl Default for Limits {
    /// The documented limits of the hunting API: 100,000 rows, 124 MB, 3 minutes; and 2 GiB of working memory.
    fn default() -> Self {
        Self {
            max_rows: 100_000,
            max_bytes: 124_000_000,
            timeout: Duration::from_secs(180),
            memory: 2 << 30,
        }
    }
}

/// An interval of time, both ends included, in ticks since 0001-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// First tick.
    pub start: i64,
    /// Last tick.
    pub end: i64,
}

/// A query and what it runs against.
#[derive(Clone)]
pub struct HuntRequest {
    /// The KQL text.
    pub query: String,
    /// The value of `now()`, in ticks since 0001-01-01T00:00:00Z.
    pub now_ticks: i64,
    /// When given, rows of tables that have a `Timestamp` column are seen only inside this window (the API's
    /// look-back and Graph's `Timespan`).
    pub timespan: Option<TimeWindow>,
    /// What the query may use.
    pub limits: Limits,
    /// The tables, bound to one tenant.
    pub tables: Arc<dyn TableSource>,
}

/// Evaluates queries on threads of its own, so that a heavy hunt does not hold up the caller's I/O.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Engine {
    /// Starts an engine.
    ///
    /// # Errors
    /// [`HuntError::Internal`] when threads cannot be started.
    pub fn new(settings: EngineSettings) -> Result<Self, HuntError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("hunt")
            // Deep boolean expressions recurse in the engine's optimizer, which grows its stack, but not for free.
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .map_err(|e| HuntError::Internal(e.to_string()))?;
        Ok(Self {
            settings,
            runtime: Some(runtime),
        })
    }

    /// Runs a query. Dropping the future cancels it.
    ///
    /// # Errors
    /// See [`HuntError`].
    pub async fn run(&self, request: HuntRequest) -> Result<HuntResult, HuntError> {
        self.measured(request).await.0
    }

    /// Runs a query and says how much processor time its operators used, also when it failed.
    pub async fn measured(
        &self,
        request: HuntRequest,
    ) -> (Result<HuntResult, HuntError>, Duration) {
        let meter = Meter::default();
        let shared = meter.clone();
        // Dropped with the caller's interest, and at the end of the time.
        let _waiting = SetOnDrop(meter.given_up());
        let result = self
            .on_own_threads(request, |settings, request| async move {
                let query = resolve(&settings, &request, &shared).await?;
                run_bound(&settings, &request, &query, &shared).await
            })
            .await;
        (result, meter.read())
    }

    /// The logical and physical plan of a query as text, for people (`bartizan kql plan`).
    ///
    /// # Errors
    /// See [`HuntError`].
    pub async fn explain(&self, request: HuntRequest) -> Result<String, HuntError> {
        let meter = Meter::default();
        let shared = meter.clone();
        // What is computed before there is a plan ends with the caller's interest, too.
        let _waiting = SetOnDrop(meter.given_up());
        self.on_own_threads(request, |settings, request| async move {
            let query = resolve(&settings, &request, &shared).await?;
            let mut attempt = Attempt::Fast;
            let prepared = prepare(&settings, &request, &query, &mut attempt, &shared).await?;
            Ok(prepared.shown(&query))
        })
        .await
    }

    async fn on_own_threads<T, F, Fut>(&self, request: HuntRequest, work: F) -> Result<T, HuntError>
    where
        T: Send + 'static,
        F: FnOnce(EngineSettings, HuntRequest) -> Fut,
        Fut: Future<Output = Result<T, HuntError>> + Send + 'static,
    {
        let runtime = self
            .runtime
            .as_ref()
            .ok_or_else(|| HuntError::Internal("the engine is shut down".into()))?;
        let timeout = request.limits.timeout;
        let mut settings = self.settings.clone();
        settings.external = settings
            .external
            .map(|reader| Arc::new(OfOneHunt::new(reader)) as Arc<dyn ExternalReader>);
        let future = work(settings, request);
        // The caller's runtime keeps the time: a busy one of the engine may be late.
        let task = AbortOnDrop(runtime.spawn(future));
        match tokio::time::timeout(timeout, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(HuntError::Internal(panic.to_string())),
            Err(_elapsed) => Err(HuntError::Timeout),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A plain drop would block, which is not allowed inside another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Cancels the task when the caller gives up.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A query that is planned and can be executed.
struct Prepared {
    /// A plan for each table.
    tables: Vec<Planned>,
    context: QueryContext,
    /// The memory of rows that were computed before and that the plans read.
    _held: Vec<MemoryReservation>,
}

/// The plan of one table.
struct Planned {
    logical: String,
    physical: Arc<dyn ExecutionPlan>,
}

impl Prepared {
    async fn new(
        settings: &EngineSettings,
        request: &HuntRequest,
        query: &bound::Query,
        attempt: Attempt,
        meter: &Meter,
    ) -> Result<Self, HuntError> {
        let memory = Arc::new(QueryMemory::new(request.limits.memory, attempt));
        let state = session_state(settings, memory.clone(), attempt, meter.given_up())?;
        let context = QueryContext {
            state,
            memory,
            meter: meter.clone(),
            now_ticks: request.now_ticks,
            places: settings.places.clone(),
            external: settings.external.clone(),
            timespan: request.timespan,
            tables: request.tables.clone(),
        };
        let planner = Planner::new(&context, query).await?;
        let mut tables = Vec::with_capacity(1 + query.further.len());
        for table in query.tables() {
            let logical = planner
                .root(table, request.limits.max_rows.saturating_add(1))
                .await?;
            let optimized = context.state.optimize(&logical)?;
            let physical = context
                .state
                .query_planner()
                .create_physical_plan(&optimized, &context.state)
                .await?;
            tables.push(Planned {
                logical: optimized.display_indent().to_string(),
                physical,
            });
            // Planning waits for nothing: a query of many tables can be given up between them.
            tokio::task::yield_now().await;
        }
        let held = planner.into_memory();
        Ok(Self {
            tables,
            context,
            _held: held,
        })
    }

    fn physical(&self) -> impl Iterator<Item = &Arc<dyn ExecutionPlan>> {
        self.tables.iter().map(|table| &table.physical)
    }

    /// The plans as text, each under its table's name when there are several.
    fn shown(&self, query: &bound::Query) -> String {
        let further = query.further.iter().map(|table| &table.name);
        let names = query
            .name
            .iter()
            .chain(further)
            .map(|name| format!("-- {name}\n"));
        let heads = names.chain(std::iter::repeat(String::new()));
        let texts = self.tables.iter().zip(heads).map(|(table, head)| {
            let physical = displayable(table.physical.as_ref()).indent(false);
            format!("{head}{}\n\n{physical}", table.logical)
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// Columns that the data may give to a query (`bag_unpack`, `pivot`).
const MOST_PROBED: usize = 1_000;

/// How often a query may ask the data before it is bound.
const MOST_PROBES: usize = 16;

/// Binds a query; when its columns depend on the data, that is asked first.
async fn resolve(
    settings: &EngineSettings,
    request: &HuntRequest,
    meter: &Meter,
) -> Result<bound::Query, HuntError> {
    let scope = request.tables.scope();
    let mut answers = Vec::new();
    loop {
        let probe = match compile(&request.query, &scope, &answers)? {
            Compiled::Query(query) => return Ok(query),
            Compiled::Probe(probe) => probe,
        };
        if answers.len() == MOST_PROBES {
            return Err(HuntError::Evaluation(format!(
                "more than {MOST_PROBES} steps have columns that depend on the data: give them a schema"
            )));
        }
        let mut request = request.clone();
        request.limits.max_rows = MOST_PROBED;
        let result = run_bound(settings, &request, &probe, meter).await?;
        if result.truncated {
            return Err(HuntError::Evaluation(format!(
                "bag_unpack and pivot give at most {MOST_PROBED} columns: filter the rows or give a schema"
            )));
        }
        answers.push(result.table.pairs_of_texts());
    }
}

/// Runs a bound query on the calling thread's runtime.
///
/// # Errors
/// See [`HuntError`].
pub(crate) async fn run_bound(
    settings: &EngineSettings,
    request: &HuntRequest,
    query: &bound::Query,
    meter: &Meter,
) -> Result<HuntResult, HuntError> {
    let started = Instant::now();
    let Finished {
        collected,
        planning,
        peak_memory,
    } = finish(settings, request, query, meter).await?;
    let mut tables = query
        .tables()
        .zip(collected.tables)
        .map(|(plan, batches)| ResultTable::new(plan, batches));
    let table = tables
        .next()
        .ok_or_else(|| HuntError::Internal("a query without a table".into()))?;
    let names = query.further.iter().map(|further| further.name.clone());
    Ok(HuntResult {
        stats: HuntStats {
            execution_time: started.elapsed(),
            planning,
            cpu: meter.read(),
            peak_memory,
            rows: collected.rows,
            bytes: collected.bytes,
        },
        table,
        name: query.name.clone(),
        further: names
            .zip(tables)
            .map(|(name, table)| NamedTable { name, table })
            .collect(),
        truncated: collected.truncated,
        render: query.render.clone(),
    })
}

/// What a query gave and what it took.
struct Finished {
    collected: Collected,
    planning: Duration,
    peak_memory: usize,
}

/// Plans a query. What is computed for that may fail while a file is read, too, and is computed once more then.
async fn prepare(
    settings: &EngineSettings,
    request: &HuntRequest,
    query: &bound::Query,
    attempt: &mut Attempt,
    meter: &Meter,
) -> Result<Prepared, HuntError> {
    match Prepared::new(settings, request, query, *attempt, meter).await {
        Err(HuntError::Internal(_))
            if *attempt == Attempt::Fast
                && !query.shared.is_empty()
                && !meter.given_up().is_given_up() =>
        {
            *attempt = Attempt::InOrder;
            Prepared::new(settings, request, query, *attempt, meter).await
        }
        prepared => prepared,
    }
}

/// Plans and executes a query; when memory does not do, once more with steps that can go on in files. A condition that
/// fails while a file is read fails without a word of its own: it is asked again behind the reading.
async fn finish(
    settings: &EngineSettings,
    request: &HuntRequest,
    query: &bound::Query,
    meter: &Meter,
) -> Result<Finished, HuntError> {
    let mut attempt = Attempt::Fast;
    let (mut planning, mut peak_memory) = (Duration::ZERO, 0);
    let again = |attempt| attempt != Attempt::Frugal && settings.spill_bytes > 0;
    loop {
        let started = Instant::now();
        let prepared = match prepare(settings, request, query, &mut attempt, meter).await {
            // What is computed before the plans of the tables may do with less memory, too.
            Err(HuntError::MemoryExhausted)
                if again(attempt) && query.shared.iter().any(joins_or_sorts) =>
            {
                attempt = Attempt::Frugal;
                continue;
            }
            prepared => prepared?,
        };
        planning += started.elapsed();
        let running = meter.running(prepared.physical().cloned().collect());
        let collected = collect(&prepared, request.limits).await;
        drop(running);
        peak_memory = peak_memory.max(prepared.context.memory.peak());
        match collected {
            Err(HuntError::MemoryExhausted)
                if again(attempt) && prepared.physical().any(may_do_with_less) =>
            {
                attempt = Attempt::Frugal;
            }
            Err(HuntError::Internal(_))
                if attempt == Attempt::Fast
                    && !meter.given_up().is_given_up()
                    && prepared.physical().any(tests_while_reading) =>
            {
                attempt = Attempt::InOrder;
            }
            collected => {
                return Ok(Finished {
                    collected: collected?,
                    planning,
                    peak_memory,
                });
            }
        }
    }
}

/// Whether a plan has a step that another attempt would do with less memory.
fn may_do_with_less(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let sorts_all = |sort: &SortExec| sort.fetch().is_none();
    plan.is::<HashJoinExec>()
        || plan.downcast_ref::<SortExec>().is_some_and(sorts_all)
        || plan.children().into_iter().any(may_do_with_less)
}

/// The same of a plan that is not made yet.
fn joins_or_sorts(plan: &bound::Plan) -> bool {
    matches!(plan.node, Node::Join { .. } | Node::Sort { .. })
        || plan.inputs().into_iter().any(joins_or_sorts)
}

/// The rows of all tables, in their order.
#[derive(Default)]
struct Collected {
    tables: Vec<Vec<RecordBatch>>,
    rows: usize,
    bytes: usize,
    truncated: bool,
}

/// Executes one plan after the other. Where the limit on rows cuts a table off, those behind it are empty.
async fn collect(prepared: &Prepared, limits: Limits) -> Result<Collected, HuntError> {
    let mut out = Collected::default();
    for plan in prepared.physical() {
        let mut batches = Vec::new();
        if !out.truncated {
            let stream = execute_stream(plan.clone(), prepared.context.state.task_ctx())?;
            out.table(stream, limits, &mut batches).await?;
        }
        out.tables.push(batches);
    }
    Ok(out)
}

impl Collected {
    async fn table(
        &mut self,
        mut rows: SendableRecordBatchStream,
        limits: Limits,
        batches: &mut Vec<RecordBatch>,
    ) -> Result<(), HuntError> {
        while let Some(batch) = rows.next().await {
            let mut batch = batch?;
            if self.rows + batch.num_rows() > limits.max_rows {
                batch = batch.slice(0, limits.max_rows - self.rows);
                self.truncated = true;
            }
            self.rows += batch.num_rows();
            self.bytes += crate::result::value_bytes(&batch);
            if self.bytes > limits.max_bytes {
                return Err(HuntError::ResultTooLarge);
            }
            if batch.num_rows() > 0 {
                batches.push(batch);
            }
            if self.truncated {
                break;
            }
        }
        Ok(())
    }
}
