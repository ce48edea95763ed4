//! Reading Parquet files: footers, what a hunt wants of them (`row_groups.rs`), and the scan of it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use bartizan_contract::hunting::Table;
use bartizan_store::segments::EventFile;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::prelude::SessionContext;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore};

use super::older_files::MissingTexts;
use super::schema::{TIMESTAMP, file_schema};
use super::{EventStore, EventsError};
use crate::row_groups::{Footer, Pruning, add_wanted, deal};
use crate::shredded::{KeyPath, ShreddedFiles, with_extras};
use crate::stored_times::StoredTimes;
use crate::terms::TermFilter;

/// Footers read at the same time.
const READ_AHEAD: usize = 16;

/// Whether a file has every column of the table: else statistics of missing columns would be taken for those of nulls.
fn is_complete(footer: &Footer, table: &Table) -> bool {
    let root = footer.metadata.file_metadata().schema_descr().root_schema();
    let has: HashSet<&str> = root.get_fields().iter().map(|field| field.name()).collect();
    table.column_names().all(|name| has.contains(name))
}

/// A scan of files for one hunt.
pub(super) struct FileScan<'a> {
    pub(super) events: &'a EventStore,
    pub(super) state: &'a dyn Session,
    pub(super) table: &'static Table,
    /// Paths that have columns behind those of the table.
    pub(super) paths: &'a Arc<[KeyPath]>,
    pub(super) limit: Option<usize>,
    /// What filters say about the terms of texts.
    pub(super) terms: Option<&'a TermFilter>,
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
                    Ok(Footer::new(object, metadata))
                }
            })
            .buffered(READ_AHEAD)
            .try_collect()
            .await
    }

    /// Leaves out the rows that do not meet a predicate over a file's types, by the statistics of row groups and pages, and
    /// files that have no other.
    pub(super) fn prune(
        &self,
        footers: &mut Vec<Footer>,
        predicate: &Arc<dyn PhysicalExpr>,
    ) -> Result<()> {
        let pruning = Pruning::new(file_schema(self.table), predicate)?;
        let complete = footers.iter_mut().filter(|f| is_complete(f, self.table));
        complete.for_each(|footer| footer.prune(&pruning));
        footers.retain(|footer| !footer.is_empty());
        Ok(())
    }

    /// Adds what terms say of the rows of files, where the hunt asks for some. They are read, so that the files should be
    /// as few as they can be by then.
    pub(super) async fn add_wanted(&self, footers: &mut [Footer]) {
        if let Some(filter) = self.terms {
            let store = self.events.files.store();
            add_wanted(&*store, footers, &self.events.terms, filter).await;
        }
    }

    /// Reads columns of what is left of the files, where terms have settled what they can or elsewhere, by a predicate over a
    /// file's types; `None` when that is nothing.
    pub(super) fn plan(
        &self,
        footers: &[Footer],
        settled: bool,
        columns: &[usize],
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let schema = with_extras(&file_schema(self.table), self.paths);
        let dealt = deal(footers, settled, self.state.config().target_partitions());
        if dealt.is_empty() {
            return Ok(None);
        }
        let options = TableParquetOptions {
            global: self.state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let mut source = self
            .events
            .parquet_source(schema, self.events.files.hunted())
            .with_table_parquet_options(options);
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let url = self.events.register(self.state)?;
        let then = Arc::new(MissingTexts);
        let then = Arc::new(StoredTimes { then });
        let paths = self.paths.clone();
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(dealt.groups)
            .with_batch_size(dealt.batch)
            .with_projection_indices(Some(columns.to_vec()))?
            .with_limit(self.limit)
            .with_expr_adapter(Some(Arc::new(ShreddedFiles { paths, then })))
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }
}

impl EventStore {
    fn parquet_source(&self, schema: SchemaRef, files: Arc<dyn ObjectStore>) -> ParquetSource {
        let readers = CachedParquetFileReaderFactory::new(files, self.footers.clone());
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
        let source = self.parquet_source(file_schema(table), self.files.store());
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
