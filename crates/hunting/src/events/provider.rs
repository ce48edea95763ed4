//! One tenant's table for the engine: what a scan reads, and in how many even parts.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use bartizan_contract::hunting::Table;
use bartizan_contract::time::unix_micros_from_ticks;
use bartizan_contract::{KqlType, TenantId};
use bartizan_store::segments;
use bartizan_store::segments::EventFile;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use super::files::Files;
use super::memory::MemoryBatch;
use super::predicate::{TimeRange, translate};
use super::scan::{FileScan, scan_schema};
use super::schema::engine_schema;
use super::ticks::ticks_from_timestamp;
use super::writer::lock;
use super::{EventStore, EventsError};

/// See [`EventStore::provider`].
#[derive(Debug)]
pub(super) struct EventTable {
    events: Arc<EventStore>,
    tenant: TenantId,
    table: &'static Table,
    schema: SchemaRef,
}

impl EventTable {
    pub(super) fn new(events: Arc<EventStore>, tenant: TenantId, table: &'static Table) -> Self {
        Self { events, tenant, table, schema: engine_schema(table) }
    }

    /// Memory and files that may hold rows of a time range; each acknowledged row once.
    async fn snapshot(
        &self,
        range: TimeRange,
    ) -> std::result::Result<(Vec<MemoryBatch>, Vec<EventFile>), EventsError> {
        // Memory before the catalogue: what a flush moves in between is in both and is taken out
        // below. The other way round it could be in neither.
        let mut memory = lock(&self.events.memory).snapshot(self.tenant, self.table.name);
        let mut tx = self.events.store.read().await?;
        let snapshot = segments::snapshot(
            &mut tx,
            self.events.log_id,
            self.tenant,
            self.table.name,
            range.from.map(unix_micros_from_ticks),
            range.to.map(unix_micros_from_ticks),
        )
        .await?;
        memory.retain(|batch| batch.last_seq > snapshot.watermark && range.may_hold(batch.times));
        let folder = Files::folder(self.tenant, self.table.name);
        if snapshot.files.iter().any(|file| !file.path.starts_with(&folder)) {
            // Only a catalogue that somebody edited can name another tenant's file here.
            return Err(EventsError::Log("the catalogue names a foreign file".to_owned()));
        }
        Ok((memory, snapshot.files))
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
            parts[number % count].push(batch.rows);
        }
        Ok(MemorySourceConfig::try_new_exec(&parts, self.schema.clone(), projection.cloned())?)
    }

    /// Scans of the files: those with all of the table's columns together, and those that an
    /// older version wrote, without the statistics' help, as a missing text reads as the empty one.
    async fn file_plans(
        &self,
        state: &dyn Session,
        files: Vec<EventFile>,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let scan = FileScan { events: &self.events, state, projection, limit };
        let footers = scan.footers(files).await?;
        let (old, new): (Vec<_>, Vec<_>) =
            footers.into_iter().partition(|footer| footer.lacks_any(self.table));
        let mut plans = Vec::new();
        if !new.is_empty() {
            let schema = scan_schema(self.table, &HashSet::new());
            let translated = filters.iter().filter_map(|filter| translate(self.table, filter));
            let predicate = conjunction(translated)
                .map(|expr| {
                    let df_schema = DFSchema::try_from(schema.clone())?;
                    state.create_physical_expr(expr, &df_schema)
                })
                .transpose()?;
            if let Some(plan) = scan.plan(new, schema, predicate)? {
                plans.push(self.to_engine_types(plan, projection, &HashSet::new(), state)?);
            }
        }
        if !old.is_empty() {
            let missing: HashSet<&'static str> =
                old.iter().flat_map(|footer| footer.missing(self.table)).collect();
            if let Some(plan) = scan.plan(old, scan_schema(self.table, &missing), None)? {
                plans.push(self.to_engine_types(plan, projection, &missing, state)?);
            }
        }
        Ok(plans)
    }

    /// Columns as files hold them to columns of the engine's types.
    fn to_engine_types(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        projection: &[usize],
        missing: &HashSet<&str>,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let config = Arc::new(state.config_options().clone());
        let input = plan.schema();
        let mut converts = false;
        let mut expressions = Vec::with_capacity(projection.len());
        for (at, &index) in projection.iter().enumerate() {
            let column = &self.table.columns[index];
            let plain: Arc<dyn PhysicalExpr> = Arc::new(Column::new(column.name, at));
            let expression = match column.ty {
                KqlType::DateTime => call(ticks_from_timestamp(), vec![plain], &input, &config)?,
                KqlType::String if missing.contains(column.name) => {
                    let empty = Literal::new(ScalarValue::Utf8View(Some(String::new())));
                    call(coalesce(), vec![plain, Arc::new(empty)], &input, &config)?
                }
                _ => {
                    expressions.push((plain, column.name.to_owned()));
                    continue;
                }
            };
            converts = true;
            expressions.push((expression, column.name.to_owned()));
        }
        if !converts {
            return Ok(plan);
        }
        Ok(Arc::new(ProjectionExec::try_new(expressions, plan)?))
    }
}

fn call(
    function: Arc<datafusion::logical_expr::ScalarUDF>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    schema: &Schema,
    config: &Arc<ConfigOptions>,
) -> Result<Arc<dyn PhysicalExpr>> {
    Ok(Arc::new(ScalarFunctionExpr::try_new(function, arguments, schema, config.clone())?))
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
            let helps = translate(self.table, filter).is_some()
                || TimeRange::of(std::slice::from_ref(*filter)) != TimeRange::default();
            match helps {
                // Row groups are left out by it, rows are not.
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
        let (memory, files) =
            self.snapshot(TimeRange::of(filters)).await.map_err(external)?;
        let every: Vec<usize> = (0..self.table.columns.len()).collect();
        let columns = projection.unwrap_or(&every);
        // With a filter the engine needs rows that pass it, not any rows.
        let limit = limit.filter(|_| filters.is_empty());
        let mut plans = self.file_plans(state, files, columns, filters, limit).await?;
        if !memory.is_empty() || plans.is_empty() {
            let partitions = state.config().target_partitions();
            plans.push(self.memory_plan(memory, projection, partitions)?);
        }
        UnionExec::try_new(plans)
    }
}

pub(super) fn external(error: EventsError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
