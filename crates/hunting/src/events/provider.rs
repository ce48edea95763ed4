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
use crate::shredded::{Extra, KeyPath, with_extras};
use crate::terms::TermCondition;

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
        projection: Option<&Vec<usize>>,
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
        let every: Vec<usize> = (0..schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&every);
        if wanted.iter().all(|index| every.contains(index)) {
            let projection = projection.cloned();
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

    /// What filters say about terms.
    fn terms_of(&self, filters: &[Expr]) -> Option<TermCondition> {
        let is_text = |name: &str| {
            self.table
                .column(name)
                .is_some_and(|c| c.ty == KqlType::String)
        };
        TermCondition::of(filters, &|expr| match expr {
            Expr::Column(column) if is_text(&column.name) => Some(&column.name),
            _ => None,
        })
    }

    /// A scan of the files; `None` when statistics say that no row passes.
    async fn file_plan(
        &self,
        state: &dyn Session,
        files: Vec<EventFile>,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
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
            projection,
            limit,
            terms: terms.as_ref(),
        };
        let mut footers = scan.footers(files).await?;
        if let Some(predicate) = &predicate {
            scan.prune(&mut footers, predicate)?;
        }
        scan.add_wanted(&mut footers).await;
        let plan = scan.plan(&footers, predicate)?;
        plan.map(|plan| self.to_engine_types(plan, projection, state))
            .transpose()
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
        let mut plans = Vec::new();
        if !files.is_empty() {
            plans.extend(
                self.file_plan(state, files, columns, filters, limit)
                    .await?,
            );
        }
        if !memory.is_empty() || plans.is_empty() {
            let partitions = state.config().target_partitions();
            plans.push(self.memory_plan(memory, projection, partitions)?);
        }
        UnionExec::try_new(plans)
    }
}

fn external(error: EventsError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
