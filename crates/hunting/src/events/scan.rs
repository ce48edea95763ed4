//! Reading Parquet files: footers, pruning of row groups, and dealing what is left evenly.
//!
//! The engine's own way is to split files into byte ranges and prune afterwards, which leaves all
//! of a short time range to one thread. Here row groups are pruned first and each that is left is
//! a unit of work of its own; idle threads take the next.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{Schema, SchemaRef};
use bartizan_contract::hunting::Table;
use bartizan_store::segments::EventFile;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetAccessPlan, ParquetFileMetrics, RowGroupAccessPlanFilter,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::prelude::SessionContext;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectMeta;
use object_store::path::Path as ObjectPath;
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::older_files::MissingTexts;
use super::schema::{TIMESTAMP, file_schema};
use super::{EventStore, EventsError};
use crate::row_order::RowGroup;
use crate::stored_times::StoredTimes;
use crate::terms::{TermCondition, WantedRows, load, of_group};

/// Footers read at the same time.
const READ_AHEAD: usize = 16;

/// A file and its footer.
pub(super) struct Footer {
    object: ObjectMeta,
    metadata: Arc<ParquetMetaData>,
    /// The row groups that may have rows that the hunt wants.
    groups: Vec<usize>,
    /// What is known of these rows.
    wanted: Option<WantedRows>,
}

impl Footer {
    /// Whether the file has every column of the table: else statistics of missing columns would
    /// be taken for those of nulls.
    fn is_complete(&self, table: &Table) -> bool {
        let root = self.metadata.file_metadata().schema_descr().root_schema();
        let has: HashSet<&str> = root.get_fields().iter().map(|field| field.name()).collect();
        table.column_names().all(|name| has.contains(name))
    }

    /// Leaves out the row groups in which no row passes.
    fn prune(&mut self, schema: &Schema, predicate: &PruningPredicate) {
        let groups = self.metadata.row_groups();
        let mut filter = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(groups.len()));
        let metrics = ParquetFileMetrics::new(0, "", &ExecutionPlanMetricsSet::new());
        let descriptor = self.metadata.file_metadata().schema_descr();
        filter.prune_by_statistics(schema, descriptor, groups, predicate, &metrics);
        self.groups = filter.row_group_indexes().collect();
    }

    /// The row groups that are left, each as work of its own.
    fn units(&self) -> impl Iterator<Item = PartitionedFile> {
        let groups = self.metadata.row_groups();
        self.groups.iter().filter_map(move |index| {
            let mut access = ParquetAccessPlan::new_none(groups.len());
            access.scan(*index);
            let rows = usize::try_from(groups[*index].num_rows()).unwrap_or(0);
            let wanted = of_group(self.wanted.as_ref(), *index, rows);
            if wanted.is_empty() {
                return None;
            }
            if wanted.iter().map(ExactSizeIterator::len).sum::<usize>() < rows {
                let wanted = wanted.into_iter();
                let selection = RowSelection::from_consecutive_ranges(wanted, rows);
                access.scan_selection(*index, selection);
            }
            let (start, end) = byte_range(&groups[*index]);
            // The range gives the unit its size, should the engine want to split parts again.
            let part = PartitionedFile::new_from_meta(self.object.clone());
            let group = RowGroup {
                metadata: self.metadata.clone(),
                index: *index,
            };
            let part = part.with_range(start, end).with_extension(access);
            Some(part.with_extension(group))
        })
    }
}

/// A scan of files for one hunt.
pub(super) struct FileScan<'a> {
    pub(super) events: &'a EventStore,
    pub(super) state: &'a dyn Session,
    pub(super) table: &'static Table,
    pub(super) projection: &'a [usize],
    pub(super) limit: Option<usize>,
    /// What every wanted row meets as for the terms of its texts.
    pub(super) terms: Option<&'a TermCondition>,
}

impl FileScan<'_> {
    /// The footers of files, in their order, from memory where it has them.
    pub(super) async fn footers(&self, files: Vec<EventFile>) -> Result<Vec<Footer>> {
        let store = self.events.files.store();
        futures::stream::iter(files)
            .map(|file| {
                let (store, cache) = (store.clone(), self.events.footers.clone());
                async move {
                    let object = object_of(&file);
                    let metadata = DFParquetMetadata::new(&*store, &object)
                        .with_file_metadata_cache(Some(cache))
                        .fetch_metadata()
                        .await?;
                    Ok(Footer {
                        object,
                        groups: (0..metadata.num_row_groups()).collect(),
                        metadata,
                        wanted: None,
                    })
                }
            })
            .buffered(READ_AHEAD)
            .try_collect()
            .await
    }

    /// Leaves out the row groups in which no row meets a predicate over a file's types, by their statistics, and files that
    /// have no other.
    pub(super) fn prune(
        &self,
        footers: &mut Vec<Footer>,
        predicate: &Arc<dyn PhysicalExpr>,
    ) -> Result<()> {
        let schema = file_schema(self.table);
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(schema.clone())
            .try_build(predicate.clone())?;
        for footer in footers.iter_mut().filter(|f| f.is_complete(self.table)) {
            footer.prune(&schema, &pruning);
        }
        footers.retain(|footer| !footer.groups.is_empty());
        Ok(())
    }

    /// Adds what terms say of the rows of files, where the hunt asks for some. They are read, so that the files should be
    /// as few as they can be by then.
    pub(super) async fn add_wanted(&self, footers: &mut [Footer]) {
        let Some(condition) = self.terms else {
            return;
        };
        let files = footers
            .iter()
            .map(|f| (f.object.clone(), f.metadata.clone()))
            .collect();
        let store = self.events.files.store();
        let known = load(&*store, files, &self.events.terms, condition).await;
        for (footer, wanted) in footers.iter_mut().zip(known) {
            footer.wanted = wanted;
        }
    }

    /// Reads what is left of the files, by a predicate over a file's types; `None` when that is nothing.
    pub(super) fn plan(
        &self,
        footers: &[Footer],
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let schema = file_schema(self.table);
        let units: Vec<PartitionedFile> = footers.iter().flat_map(Footer::units).collect();
        if units.is_empty() {
            return Ok(None);
        }
        let partitions = self
            .state
            .config()
            .target_partitions()
            .min(units.len())
            .max(1);
        let mut parts = vec![Vec::new(); partitions];
        for (number, unit) in units.into_iter().enumerate() {
            parts[number % partitions].push(unit);
        }
        let options = TableParquetOptions {
            global: self.state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let mut source = self
            .events
            .parquet_source(schema)
            .with_table_parquet_options(options);
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let url = self.events.register(self.state)?;
        let then = Arc::new(MissingTexts);
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(parts.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(Some(self.projection.to_vec()))?
            .with_limit(self.limit)
            .with_expr_adapter(Some(Arc::new(StoredTimes { then })))
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }
}

impl EventStore {
    fn parquet_source(&self, schema: SchemaRef) -> ParquetSource {
        let readers = CachedParquetFileReaderFactory::new(self.files.store(), self.footers.clone());
        ParquetSource::new(schema).with_parquet_file_reader_factory(Arc::new(readers))
    }

    /// Makes the files known to a session, under a URL of this store's own.
    fn register(&self, state: &dyn Session) -> Result<ObjectStoreUrl> {
        let url = ObjectStoreUrl::parse(format!("bartizan-events://{}", self.log_id))?;
        state
            .runtime_env()
            .register_object_store(url.as_ref(), self.files.store());
        Ok(url)
    }

    /// The rows of files of one table in a file's types, by `Timestamp` where the table has it.
    pub(super) async fn sorted_rows(
        &self,
        table: &'static Table,
        files: &[EventFile],
    ) -> std::result::Result<SendableRecordBatchStream, EventsError> {
        let context = SessionContext::new();
        let state = context.state();
        let groups = files
            .iter()
            .map(|file| FileGroup::new(vec![PartitionedFile::new_from_meta(object_of(file))]))
            .collect();
        let order = table.column_index(TIMESTAMP).and_then(|index| {
            let column = Arc::new(Column::new(TIMESTAMP, index));
            let options = SortOptions {
                descending: false,
                nulls_first: true,
            };
            LexOrdering::new([PhysicalSortExpr::new(column, options)])
        });
        let source = self.parquet_source(file_schema(table));
        let config = FileScanConfigBuilder::new(self.register(&state)?, Arc::new(source))
            .with_file_groups(groups)
            .with_output_ordering(order.iter().cloned().collect())
            .with_expr_adapter(Some(Arc::new(MissingTexts)))
            .build();
        let scan = DataSourceExec::from_data_source(config);
        let merged: Arc<dyn ExecutionPlan> = match order {
            Some(order) => Arc::new(SortPreservingMergeExec::new(order, scan)),
            None => Arc::new(CoalescePartitionsExec::new(scan)),
        };
        Ok(merged.execute(0, context.task_ctx())?)
    }
}

fn object_of(file: &EventFile) -> ObjectMeta {
    ObjectMeta {
        location: ObjectPath::from(file.path.as_str()),
        // Files never change, so any moment that stays the same will do.
        last_modified: chrono::DateTime::UNIX_EPOCH,
        size: file.bytes as u64,
        e_tag: None,
        version: None,
    }
}

/// Where a row group's pages are. Its first column's first page lies in it, by which the reader
/// tells whose row group it is.
fn byte_range(group: &RowGroupMetaData) -> (i64, i64) {
    let ranges = || {
        group
            .columns()
            .iter()
            .map(parquet::file::metadata::ColumnChunkMetaData::byte_range)
    };
    let start = ranges().map(|(start, _)| start).min().unwrap_or(0);
    let end = ranges()
        .map(|(start, length)| start + length)
        .max()
        .unwrap_or(0);
    (start as i64, end as i64)
}
