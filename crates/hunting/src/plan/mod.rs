//! From the bound tree to DataFusion's logical plans, through builders and expressions, never SQL.
//!
//! A column of the bound tree is a DataFusion column named `c<id>`; names of the query are not looked at. Where KQL
//! needs the rows' order or has no relational counterpart, a [`rows::RowNode`] stands in the plan.

mod expression;
mod graph;
mod join;
mod plugin;
mod predicate;
mod range;
mod relation;
mod rows;
mod sort;
mod summarize;
mod usage;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bartizan_kql::bound::{self, ColumnId, Node, Plan};
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;

use crate::engine::TimeWindow;
use crate::error::HuntError;
use crate::external::{ExternalReader, Wanted};
use crate::meter::Meter;
use crate::places::Places;
use crate::session::QueryMemory;
use crate::source::TableSource;
pub(crate) use rows::{Kernel, KqlQueryPlanner, Made, Parts, Work, numbered};

/// What a query's planning and execution share.
pub(crate) struct QueryContext {
    /// The DataFusion session of this query.
    pub state: SessionState,
    /// The session's memory pool.
    pub memory: Arc<QueryMemory>,
    /// What the execution costs.
    pub meter: Meter,
    /// `now()`.
    pub now_ticks: i64,
    /// Where addresses are.
    pub places: Option<Arc<Places>>,
    /// What `externaldata` reads with.
    pub external: Option<Arc<dyn ExternalReader>>,
    /// The window that tables with a `Timestamp` are seen through.
    pub timespan: Option<TimeWindow>,
    /// Where tables come from.
    pub tables: Arc<dyn TableSource>,
}

/// A sub-result that was computed: `materialize`, `toscalar`, the right side of `in (…)`.
pub(crate) struct SharedResult {
    /// Names are `c<id>` of the shared plan's columns.
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Keeps the memory accounted for, also while the plans that were made of it run ([`Planner::into_memory`]).
    memory: MemoryReservation,
}

/// Plans one query. Shared results are computed when it is made.
pub(crate) struct Planner<'q> {
    context: &'q QueryContext,
    query: &'q bound::Query,
    providers: HashMap<String, Arc<dyn TableProvider>>,
    shared: Vec<SharedResult>,
    /// What `externaldata` read, by the columns that it makes.
    external: HashMap<Vec<ColumnId>, SharedResult>,
    /// Columns that are not carried along because nobody reads them.
    unread: HashSet<ColumnId>,
    /// How many names were made up.
    names: AtomicUsize,
}

impl<'q> Planner<'q> {
    /// Opens the tables and computes the shared results, in order.
    pub(crate) async fn new(
        context: &'q QueryContext,
        query: &'q bound::Query,
    ) -> Result<Self, HuntError> {
        let mut planner = Self {
            context,
            query,
            providers: HashMap::new(),
            shared: Vec::with_capacity(query.shared.len()),
            external: HashMap::new(),
            unread: usage::unread(query),
            names: AtomicUsize::new(0),
        };
        let mut names = BTreeSet::new();
        for plan in query.plans() {
            tables_of(plan, &mut names);
        }
        for name in names {
            let provider = context.tables.provider(&name).await?;
            planner.providers.insert(name, provider);
        }
        let mut external = Vec::new();
        for plan in query.plans() {
            externals_of(plan, &mut external);
        }
        for plan in external {
            let rows = planner.read_external(plan).await?;
            planner.external.insert(ids(plan), rows);
        }
        for (i, plan) in query.shared.iter().enumerate() {
            let logical = planner.relation(plan)?;
            let logical = planner.select(plan, planner.in_order(plan, logical)?)?;
            let result = planner
                .compute(logical, &format!("shared result {i}"))
                .await?;
            planner.shared.push(result);
        }
        Ok(planner)
    }

    /// The plan of a table of the query's result, cut off after `max_rows`.
    pub(crate) async fn root(
        &self,
        table: &Plan,
        max_rows: usize,
    ) -> Result<LogicalPlan, HuntError> {
        let plan = self.relation(table)?;
        let plan = self.select(table, plan)?;
        let plan = match table.node {
            Node::Sort { .. } | Node::Top { .. } => plan,
            _ => self.in_order(table, plan)?,
        };
        // Columns that only carried the order are no part of the result.
        let columns = relation::dedup_aliases(self.carried(&table.columns));
        Ok(LogicalPlanBuilder::new(plan)
            .project(columns)?
            .limit(0, Some(max_rows))?
            .build()?)
    }

    /// What keeps the memory of the rows accounted for that plans read.
    pub(crate) fn into_memory(self) -> Vec<MemoryReservation> {
        let results = self.shared.into_iter().chain(self.external.into_values());
        results.map(|result| result.memory).collect()
    }

    /// Runs a plan to its end and holds the rows.
    async fn compute(&self, plan: LogicalPlan, what: &str) -> Result<SharedResult, HuntError> {
        let state = &self.context.state;
        let physical = state.create_physical_plan(&plan).await?;
        let task = state.task_ctx();
        let memory = MemoryConsumer::new(what.to_owned()).register(task.memory_pool());
        let schema = physical.schema();
        let _running = self.context.meter.running(vec![physical.clone()]);
        let mut stream = execute_stream(physical, task)?;
        let mut batches = Vec::new();
        // Batches may be slices of what a step made at once.
        let mut counter = RecordBatchMemoryCounter::new();
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            memory.try_grow(counter.count_batch(&batch))?;
            batches.push(batch);
        }
        Ok(SharedResult {
            schema,
            batches,
            memory,
        })
    }

    /// Reads the locations of an `externaldata` and holds the rows; what the files themselves take counts, too.
    async fn read_external(&self, plan: &Plan) -> Result<SharedResult, HuntError> {
        let Node::External { uris, properties } = &plan.node else {
            return Err(HuntError::Internal("not an externaldata node".into()));
        };
        let columns: Vec<_> = plan.columns.iter().map(|c| (&*c.name, c.ty)).collect();
        let schema = relation::columns_schema(plan);
        let wanted = Wanted::new(&columns, schema.clone(), uris, properties)?;
        let task = self.context.state.task_ctx();
        let memory = MemoryConsumer::new("externaldata").register(task.memory_pool());
        let mut batches = Vec::new();
        let keep = |batch: Option<RecordBatch>, size| -> Result<(), HuntError> {
            memory.try_grow(size)?;
            batches.extend(batch);
            Ok(())
        };
        let read = wanted.read(self.context.external.as_deref(), keep);
        self.context.meter.busy(read).await?;
        Ok(SharedResult {
            schema,
            batches,
            memory,
        })
    }

    /// References to the columns of a node that are carried along.
    fn carried(&self, columns: &[bound::Column]) -> Vec<Expr> {
        columns
            .iter()
            .filter(|c| !self.unread.contains(&c.id))
            .map(|c| column(c.id))
            .collect()
    }

    /// The name of a column that no other has.
    fn fresh_name(&self) -> String {
        format!("s{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    fn shared(&self, id: bound::SharedId) -> Result<&SharedResult, HuntError> {
        self.shared
            .get(id.0 as usize)
            .ok_or_else(|| HuntError::Internal(format!("shared result {} is not there yet", id.0)))
    }
}

/// The DataFusion name of a column.
pub(crate) fn column_name(id: ColumnId) -> String {
    format!("c{}", id.0)
}

/// A reference to a column of the bound tree.
pub(crate) fn column(id: ColumnId) -> Expr {
    named(&column_name(id))
}

/// A reference to a column by its DataFusion name.
pub(crate) fn named(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// A column that may have become null where a string must be "": after outer joins and aggregates.
pub(crate) fn never_null(expr: Expr, ty: Type) -> Expr {
    if ty == Type::String {
        crate::functions::null_to_empty(expr)
    } else {
        expr
    }
}

/// The columns that a node makes.
fn ids(plan: &Plan) -> Vec<ColumnId> {
    plan.columns.iter().map(|column| column.id).collect()
}

/// Adds every `externaldata` of a plan.
fn externals_of<'p>(plan: &'p Plan, found: &mut Vec<&'p Plan>) {
    if let Node::External { .. } = &plan.node {
        found.push(plan);
    }
    for input in plan.inputs() {
        externals_of(input, found);
    }
}

/// Adds the names of all tables that a plan reads.
fn tables_of(plan: &Plan, names: &mut BTreeSet<String>) {
    if let Node::Table { name, .. } = &plan.node {
        names.insert(name.clone());
    }
    for input in plan.inputs() {
        tables_of(input, names);
    }
}
