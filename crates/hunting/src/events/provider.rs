//! One tenant's table for the engine: what a scan reads, and in how many even parts.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bartizan_contract::hunting::Table;
use bartizan_contract::time::{MAX_TICKS, unix_micros_from_ticks};
use bartizan_contract::{KqlType, TenantId};
use bartizan_store::segments;
use bartizan_store::segments::EventFile;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use tokio::sync::OnceCell;

use super::files::Files;
use super::memory::{MemoryBatch, compact};
use super::predicate::{TimeRange, translate};
use super::scan::FileScan;
use super::schema::{engine_schema, file_schema};
use super::ticks::ticks_from_timestamp;
use super::writer::lock;
use super::{EventStore, EventsError};
use crate::settled::{gathered, passing, with_tested};
use crate::shredded::{Extra, KeyPath, with_extras};
use crate::terms::{TermFilter, settles};

/// See [`EventStore::provider`].
#[derive(Debug)]
pub(crate) struct EventTable {
    events: Arc<EventStore>,
    tenant: TenantId,
    table: &'static Table,
    /// Paths that have columns behind those of the table.
    paths: Arc<[KeyPath]>,
    schema: SchemaRef,
    snapshot: Arc<OnceCell<Snapshot>>,
}

/// What a provider shows: each row that was acknowledged before it, once.
#[derive(Debug)]
struct Snapshot {
    memory: Vec<MemoryBatch>,
    files: Vec<EventFile>,
}

impl EventTable {
    pub(super) fn new(events: Arc<EventStore>, tenant: TenantId, table: &'static Table) -> Self {
        Self {
            events,
            tenant,
            table,
            paths: Arc::default(),
            schema: engine_schema(table),
            snapshot: Arc::default(),
        }
    }

    /// The paths that have columns.
    pub(crate) fn paths(&self) -> &[KeyPath] {
        &self.paths
    }

    /// The same rows with columns for further paths behind those that there are.
    pub(crate) fn with_paths(&self, further: Vec<KeyPath>) -> Self {
        let paths: Arc<[KeyPath]> = self.paths.iter().cloned().chain(further).collect();
        Self {
            events: self.events.clone(),
            tenant: self.tenant,
            table: self.table,
            schema: with_extras(&engine_schema(self.table), &paths),
            paths,
            snapshot: self.snapshot.clone(),
        }
    }

    async fn take_snapshot(&self) -> std::result::Result<Snapshot, EventsError> {
        // Memory before the catalogue: what a flush moves in between is in both and is taken out
        // below. The other way round it could be in neither.
        let mut memory = lock(&self.events.memory).snapshot(self.tenant, self.table.name);
        let mut tx = self.events.store.read().await?;
        let log = self.events.log_id;
        let in_files = segments::snapshot(&mut tx, log, self.tenant, self.table.name).await?;
        memory.retain(|batch| batch.last_seq > in_files.watermark);
        let folder = Files::folder(self.tenant, self.table.name);
        if in_files
            .files
            .iter()
            .any(|file| !file.path.starts_with(&folder))
        {
            // Only a catalogue that somebody edited can name another tenant's file here.
            return Err(EventsError::Log(
                "the catalogue names a foreign file".to_owned(),
            ));
        }
        Ok(Snapshot {
            memory,
            files: in_files.files,
        })
    }

    /// What of the snapshot may hold rows of a time range.
    async fn within(
        &self,
        range: TimeRange,
    ) -> std::result::Result<(Vec<MemoryBatch>, Vec<EventFile>), EventsError> {
        let snapshot = self
            .snapshot
            .get_or_try_init(|| self.take_snapshot())
            .await?;
        let memory = snapshot
            .memory
            .iter()
            .filter(|batch| range.may_hold(batch.times));
        // A file's times are microseconds rounded outwards, so cutting off the range's is safe.
        let micros = range.map(|ticks| unix_micros_from_ticks(ticks.clamp(0, MAX_TICKS)));
        let files = snapshot.files.iter().filter(|file| {
            micros.may_hold(file.min_time.and_then(|from| Some((from, file.max_time?))))
        });
        Ok((memory.cloned().collect(), files.cloned().collect()))
    }

    /// The rows in memory, dealt to at most `partitions` parts.
    fn memory_plan(
        &self,
        memory: Vec<MemoryBatch>,
        wanted: &[usize],
        partitions: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut parts = vec![Vec::new(); partitions.min(memory.len()).max(1)];
        let count = parts.len();
        for (number, batch) in memory.into_iter().enumerate() {
            // What small batches refer to may be much more than what they hold, and a hunt pays for it.
            let rows = if batch.is_small() {
                compact(batch.rows)
            } else {
                batch.rows
            };
            parts[number % count].push(rows);
        }
        let schema = engine_schema(self.table);
        if wanted.iter().all(|index| *index < schema.fields().len()) {
            let projection = Some(wanted.to_vec());
            return Ok(MemorySourceConfig::try_new_exec(
                &parts, schema, projection,
            )?);
        }
        let wanted = wanted.iter().map(|index| {
            let name = self.schema.field(*index).name();
            Ok((self.of_memory(*index, &schema)?, name.clone()))
        });
        let wanted = wanted.collect::<Result<Vec<_>>>()?;
        let rows = MemorySourceConfig::try_new_exec(&parts, schema, None)?;
        Ok(Arc::new(ProjectionExec::try_new(wanted, rows)?))
    }

    /// A column of the rows in memory: nobody walked in their texts.
    fn of_memory(&self, index: usize, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
        let Some(behind) = index.checked_sub(schema.fields().len()) else {
            let name = schema.field(index).name();
            return Ok(Arc::new(Column::new(name, index)));
        };
        let extra = Extra::of(&self.paths).swap_remove(behind);
        let given = extra.given(&self.paths, |_| false, schema)?;
        given.ok_or_else(|| DataFusionError::Internal("nothing is stored in memory".to_owned()))
    }

    /// The column of texts that an expression is.
    fn text<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        let Expr::Column(column) = expr else {
            return None;
        };
        let ty = self.table.column(&column.name)?.ty;
        (ty == KqlType::String).then_some(&column.name)
    }

    /// What filters say about terms.
    fn terms_of(&self, filters: &[Expr]) -> Option<TermFilter> {
        TermFilter::of(filters, true, &|expr| self.text(expr))
    }

    /// Whether nobody else need test a filter.
    fn is_settled(&self, filter: &Expr) -> bool {
        settles(filter, &|expr| self.text(expr))
    }

    /// Scans of the files: of the columns where terms have settled what they can, of columns with those that are tested
    /// where they have not. Statistics may say that no row of either passes.
    async fn file_plans(
        &self,
        state: &dyn Session,
        files: Vec<EventFile>,
        (columns, tested): (&[usize], &[usize]),
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<[Option<Arc<dyn ExecutionPlan>>; 2]> {
        let translated = filters
            .iter()
            .filter_map(|filter| translate(self.table, filter));
        let predicate = conjunction(translated)
            .map(|expr| {
                let schema = DFSchema::try_from(file_schema(self.table))?;
                state.create_physical_expr(expr, &schema)
            })
            .transpose()?;
        let terms = self.terms_of(filters);
        let scan = FileScan {
            events: &self.events,
            state,
            table: self.table,
            paths: &self.paths,
            limit,
            terms: terms.as_ref(),
        };
        let mut footers = scan.footers(files).await?;
        if let Some(predicate) = &predicate {
            scan.prune(&mut footers, predicate)?;
        }
        scan.add_wanted(&mut footers).await;
        let plan = |settled, columns: &[usize]| {
            let plan = scan.plan(&footers, settled, columns, predicate.clone())?;
            // What is gathered is what is read: with a projection below it, the rules that move projections find no end.
            let plan = plan.map(|plan| if settled { gathered(plan) } else { plan });
            plan.map(|plan| self.to_engine_types(plan, columns, state))
                .transpose()
        };
        Ok([plan(true, columns)?, plan(false, tested)?])
    }

    /// Columns as files hold them to columns of the engine's types.
    fn to_engine_types(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        projection: &[usize],
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let config = Arc::new(state.config_options().clone());
        let input = plan.schema();
        let mut converts = false;
        let mut expressions = Vec::with_capacity(projection.len());
        for (at, &index) in projection.iter().enumerate() {
            let name = self.schema.field(index).name();
            let plain: Arc<dyn PhysicalExpr> = Arc::new(Column::new(name, at));
            let column = self.table.columns.get(index);
            if column.is_none_or(|column| column.ty != KqlType::DateTime) {
                expressions.push((plain, name.clone()));
                continue;
            }
            let (function, arguments) = (ticks_from_timestamp(), vec![plain]);
            let call = ScalarFunctionExpr::try_new(function, arguments, &input, config.clone())?;
            converts = true;
            expressions.push((Arc::new(call), name.clone()));
        }
        if !converts {
            return Ok(plan);
        }
        Ok(Arc::new(ProjectionExec::try_new(expressions, plan)?))
    }
}

#[async_trait]
impl TableProvider for EventTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            let one = std::slice::from_ref(*filter);
            let helps = translate(self.table, filter).is_some()
                || TimeRange::of(one) != TimeRange::default()
                || self.terms_of(one).is_some();
            match helps {
                true if self.is_settled(filter) => TableProviderFilterPushDown::Exact,
                // Data is left out by it, not every row that does not pass.
                true => TableProviderFilterPushDown::Inexact,
                false => TableProviderFilterPushDown::Unsupported,
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (memory, files) = self
            .within(TimeRange::of(filters))
            .await
            .map_err(external)?;
        let every: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.unwrap_or(&every);
        // With a filter the engine needs rows that pass it, not any rows.
        let limit = limit.filter(|_| filters.is_empty());
        let settled = filters.iter().filter(|f| self.is_settled(f)).cloned();
        let settled: Vec<Expr> = settled.collect();
        let tested = with_tested(columns, &settled, &self.schema)?;
        let [known, mut rest] = if files.is_empty() {
            [None, None]
        } else {
            let columns = (columns.as_slice(), tested.as_slice());
            self.file_plans(state, files, columns, filters, limit)
                .await?
        };
        if !memory.is_empty() || (known.is_none() && rest.is_none()) {
            let partitions = state.config().target_partitions();
            let memory = self.memory_plan(memory, &tested, partitions)?;
            rest = Some(match rest {
                Some(rest) => UnionExec::try_new(vec![rest, memory])?,
                None => memory,
            });
        }
        let rest = rest.map(|rest| passing(rest, &settled, columns.len(), state));
        UnionExec::try_new(known.into_iter().chain(rest.transpose()?).collect())
    }
}

fn external(error: EventsError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
