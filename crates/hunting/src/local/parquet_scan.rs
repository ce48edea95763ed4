//! Reading local Parquet files: what a hunt wants of them (`row_groups.rs`), and the scan of it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr_adapter::DefaultPhysicalExprAdapterFactory;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::parquet_files::files;
use super::stored_filter::{stored_text, translate};
use crate::row_groups::{Dealt, Footer, Pruning, add_wanted, deal, has_sound_pages};
use crate::settled::{gathered, passing, with_tested};
use crate::stored_times::StoredTimes;
use crate::terms::{KeptTerms, SUFFIX, TermFilter, settles};

/// Bytes of footers that are kept.
const FOOTERS: usize = 64 << 20;
/// Bytes of terms that are kept.
const TERMS: usize = 256 << 20;

/// Files of one schema, in the types that they are stored in.
#[derive(Debug)]
pub(super) struct StoredFiles {
    path: PathBuf,
    schema: SchemaRef,
    footers: Arc<FileMetadataCache>,
    terms: KeptTerms,
    /// Whether there were terms beside one of the files at first. A filter is settled in every scan or in none: the engine
    /// asks once who tests it.
    settles: bool,
}

impl StoredFiles {
    /// The files at a path: one, or those of a folder.
    pub(super) fn new(path: PathBuf, schema: SchemaRef) -> Self {
        let beside = |file: &PathBuf| file.with_added_extension(&SUFFIX[1..]).exists();
        let settles = files(&path).is_ok_and(|files| files.iter().any(beside));
        Self {
            path,
            schema,
            footers: Arc::new(DefaultCache::new(FOOTERS)),
            terms: KeptTerms::new(TERMS),
            settles,
        }
    }

    async fn footers(&self, store: &Arc<dyn ObjectStore>) -> Result<Vec<Footer>> {
        let paths = files(&self.path).map_err(external)?;
        let mut footers = Vec::with_capacity(paths.len());
        for path in paths {
            let path = ObjectPath::from_absolute_path(&path).map_err(external)?;
            let object = store.head(&path).await?;
            let metadata = DFParquetMetadata::new(&**store, &object)
                .with_file_metadata_cache(Some(self.footers.clone()))
                .fetch_metadata()
                .await?;
            footers.push(Footer::new(object, metadata));
        }
        Ok(footers)
    }

    /// What filters say about terms.
    fn terms_of(&self, filters: &[Expr]) -> Option<TermFilter> {
        TermFilter::of(filters, self.settles, &|expr| {
            stored_text(&self.schema, expr)
        })
    }

    /// Whether nobody else need test a filter.
    fn is_settled(&self, filter: &Expr) -> bool {
        self.settles && settles(filter, &|expr| stored_text(&self.schema, expr))
    }

    /// What filters say about row groups and pages.
    fn pruning(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Pruning>> {
        let translated = filters
            .iter()
            .filter_map(|filter| translate(&self.schema, filter));
        let Some(predicate) = conjunction(translated) else {
            return Ok(None);
        };
        let schema = DFSchema::try_from(self.schema.clone())?;
        let predicate = state.create_physical_expr(predicate, &schema)?;
        Pruning::new(self.schema.clone(), &predicate).map(Some)
    }

    /// Leaves out rows of the files that are not wanted, by the statistics of row groups and of their pages.
    fn prune(footers: &mut [Footer], pruning: &Pruning) {
        let shape = |f: &Footer| {
            f.metadata
                .file_metadata()
                .schema_descr()
                .root_schema()
                .clone()
        };
        let first = footers.first().map(shape);
        for footer in footers {
            // A file of another shape is read with what it lacks as null; its statistics would be misread.
            if first.as_ref() == Some(&shape(footer)) && !has_old_statistics(&footer.metadata) {
                footer.prune(pruning);
            }
        }
    }
}

/// Whether a writer put statistics where the order of texts is that of signed bytes (parquet.thrift, `Statistics.min`).
fn has_old_statistics(metadata: &ParquetMetaData) -> bool {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    columns.filter_map(|column| column.statistics()).any(is_old)
}

/// Those without a least and a greatest value, as of columns that are all null, look old and say nothing wrong.
fn is_old(statistics: &Statistics) -> bool {
    let is_said = statistics.min_bytes_opt().or(statistics.max_bytes_opt());
    statistics.is_min_max_deprecated() && is_said.is_some()
}

#[async_trait]
impl TableProvider for StoredFiles {
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
            let helps = translate(&self.schema, filter).is_some()
                || self.terms_of(std::slice::from_ref(*filter)).is_some();
            match helps {
                true if self.is_settled(filter) => TableProviderFilterPushDown::Exact,
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
        let url = ObjectStoreUrl::local_filesystem();
        let store = state.runtime_env().object_store(&url)?;
        let mut footers = self.footers(&store).await?;
        if let Some(pruning) = self.pruning(state, filters)? {
            Self::prune(&mut footers, &pruning);
        }
        if let Some(filter) = self.terms_of(filters) {
            add_wanted(&*store, &mut footers, &self.terms, &filter).await;
        }
        let every: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.unwrap_or(&every);
        let settled = filters.iter().filter(|f| self.is_settled(f)).cloned();
        let settled: Vec<Expr> = settled.collect();
        // With a filter any rows will not do.
        let limit = limit.filter(|_| filters.is_empty());
        let read = Read {
            store,
            state,
            limit,
            has_sound_pages: footers.iter().all(|f| has_sound_pages(&f.metadata)),
        };
        let parts = state.config().target_partitions();
        let known = deal(&footers, true, parts);
        let rest = deal(&footers, false, parts);
        let mut plans = Vec::new();
        if !known.is_empty() {
            plans.push(gathered(self.read(&read, known, columns)?));
        }
        if !rest.is_empty() || plans.is_empty() {
            let tested = with_tested(columns, &settled, &self.schema)?;
            let rest = self.read(&read, rest, &tested)?;
            plans.push(passing(rest, &settled, columns.len(), state)?);
        }
        UnionExec::try_new(plans)
    }
}

/// How the parts of files are read.
struct Read<'s> {
    store: Arc<dyn ObjectStore>,
    state: &'s dyn Session,
    limit: Option<usize>,
    has_sound_pages: bool,
}

impl StoredFiles {
    fn read(
        &self,
        read: &Read<'_>,
        dealt: Dealt,
        columns: &[usize],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut options = TableParquetOptions {
            global: read.state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        options.global.enable_page_index &= read.has_sound_pages;
        let (store, footers) = (read.store.clone(), self.footers.clone());
        let readers = CachedParquetFileReaderFactory::new(store, footers);
        let source = ParquetSource::new(self.schema.clone())
            .with_parquet_file_reader_factory(Arc::new(readers))
            .with_table_parquet_options(options);
        let then = Arc::new(DefaultPhysicalExprAdapterFactory);
        let url = ObjectStoreUrl::local_filesystem();
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(dealt.groups)
            .with_batch_size(dealt.batch)
            .with_expr_adapter(Some(Arc::new(StoredTimes { then })))
            .with_projection_indices(Some(columns.to_vec()))?
            .with_limit(read.limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringViewArray};
    use arrow::compute::SortOptions;
    use arrow::datatypes::Int64Type;
    use bartizan_kql::bound::StringOp;
    use datafusion::common::ScalarValue;
    use datafusion::datasource::listing::PartitionedFile;
    use datafusion::datasource::physical_plan::FileScanConfig;
    use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
    use datafusion::logical_expr::{col, lit};
    use datafusion::physical_expr::expressions::{IsNotNullExpr, col as column};
    use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
    use datafusion::physical_plan::collect;
    use datafusion::physical_plan::filter::FilterExec;
    use datafusion::physical_plan::sorts::sort::SortExec;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::functions::string_test;
    use crate::row_groups::ranges;
    use crate::row_order::greatest_first;
    use crate::terms::{LEAST_ROWS, TermsWriter, encode, fingerprint};

    /// Writes a file of many texts, one of which is another than the rest and one in a thousand yet another, and its terms
    /// beside it.
    fn write(path: &std::path::Path) -> SchemaRef {
        let texts = (0..LEAST_ROWS).map(|row| match row {
            30_000 => "a rare word among them",
            _ if row % 1_000 == 7 => "a Periodic word",
            _ => "an ordinary command line",
        });
        let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
        let batch = RecordBatch::try_from_iter([("s", texts)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        let metadata = writer.finish().unwrap();
        std::fs::write(path, writer.inner()).unwrap();
        let mut terms = TermsWriter::new(["s".to_owned()], LEAST_ROWS as usize);
        terms.write(&batch).unwrap();
        let print = fingerprint(writer.inner().len() as u64, &metadata);
        let beside = path.with_added_extension(&SUFFIX[1..]);
        std::fs::write(beside, encode(&terms.finish(), print)).unwrap();
        batch.schema()
    }

    #[tokio::test]
    async fn blocks_without_the_term_are_not_read_whatever_the_folder_is_called() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["plain", "100% [a] #~ \u{e9}"] {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            let schema = write(&folder.join("texts.parquet"));
            let files = StoredFiles::new(folder.canonicalize().unwrap(), schema);
            let context = SessionContext::new();
            let (state, files) = (context.state(), &files);
            let read = |filter: Option<(&str, bool)>| {
                let filter = filter.map(|(term, exact)| {
                    let term = ScalarValue::Utf8View(Some(term.to_owned()));
                    string_test(StringOp::Has, exact, col("s"), Expr::Literal(term, None))
                });
                let (state, tasks) = (state.clone(), context.task_ctx());
                async move {
                    let filters: Vec<Expr> = filter.into_iter().collect();
                    let plan = files.scan(&state, None, &filters, None).await.unwrap();
                    let batches = collect(plan, tasks).await.unwrap();
                    batches.iter().map(RecordBatch::num_rows).sum::<usize>()
                }
            };
            // The engine tests who has the term in this case.
            assert_eq!(read(Some(("rare", true))).await, 2_048, "{name}");
            assert_eq!(read(Some(("ordinary", true))).await, 65_536, "{name}");
            // The scan itself settles what does not ask for the case.
            assert_eq!(read(Some(("RARE", false))).await, 1, "{name}");
            assert_eq!(read(Some(("nowhere", false))).await, 0, "{name}");
            assert_eq!(read(Some(("ordinary", false))).await, 65_469, "{name}");
            assert_eq!(read(Some(("periodic", false))).await, 66, "{name}");
            assert_eq!(read(None).await, 65_536, "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_settled_is_counted_without_the_texts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("texts.parquet");
        let schema = write(&path);
        let context = SessionContext::new();
        let state = context.state();
        let has = |term: &str| {
            let term = ScalarValue::Utf8View(Some(term.to_owned()));
            string_test(StringOp::Has, false, col("s"), Expr::Literal(term, None))
        };
        let both = has("periodic").or(has("rare"));
        let files = StoredFiles::new(path.clone(), schema.clone());
        assert_eq!(
            files.supports_filters_pushdown(&[&both]).unwrap(),
            [TableProviderFilterPushDown::Exact]
        );
        let columns = |plan: &Arc<dyn ExecutionPlan>| plan.schema().fields().len();
        for (filter, rows, is_settled) in [
            (has("PERIODIC"), 66, true),
            (has("rare"), 1, false),
            (both, 67, false),
            (has("nowhere"), 0, false),
        ] {
            let (none, filters) = (Vec::new(), [filter]);
            let plan = files.scan(&state, Some(&none), &filters, None);
            let plan = plan.await.unwrap();
            assert_eq!(
                (columns(&plan), plan.is::<DataSourceExec>()),
                (0, is_settled)
            );
            let batches = collect(plan, context.task_ctx()).await.unwrap();
            let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(count, rows);
        }
        // Texts are gathered, and no rule of the engine removes that.
        let one = SessionConfig::new().with_target_partitions(1);
        let one = SessionContext::new_with_config(one);
        let read = one.read_table(Arc::new(files)).unwrap();
        let read = read.filter(has("periodic")).unwrap();
        let batches = read.collect().await.unwrap();
        let [batch] = batches.try_into().unwrap();
        assert_eq!(batch.num_rows(), 66);
        // Without terms the engine tests.
        std::fs::remove_file(path.with_added_extension(&SUFFIX[1..])).unwrap();
        let files = StoredFiles::new(path, schema);
        assert_eq!(
            files.supports_filters_pushdown(&[&has("rare")]).unwrap(),
            [TableProviderFilterPushDown::Inexact]
        );
    }

    /// A file of the numbers from 0 on in their order, in pages of a thousand, and its table.
    fn numbers(path: &std::path::Path, rows: i64) -> StoredFiles {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let properties = WriterProperties::builder()
            .set_write_batch_size(1_000)
            .set_data_page_row_count_limit(1_000);
        let mut file = std::fs::File::create(path).unwrap();
        let mut writer =
            ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        StoredFiles::new(path.to_owned(), batch.schema())
    }

    /// From where to where each part of a scan reads the first row group, part by part.
    fn parts(plan: &Arc<dyn ExecutionPlan>) -> Vec<Vec<(usize, usize)>> {
        let source = plan.downcast_ref::<DataSourceExec>().unwrap();
        let config = source.data_source().downcast_ref::<FileScanConfig>();
        let files = config.unwrap().file_groups.iter().map(|group| {
            let of = |file: &PartitionedFile| {
                let access = file.extension::<ParquetAccessPlan>().unwrap();
                match &access.inner()[0] {
                    RowGroupAccess::Selection(selection) => ranges(selection)
                        .into_iter()
                        .map(|range| (range.start, range.end))
                        .collect::<Vec<_>>(),
                    other => panic!("{other:?}"),
                }
            };
            group.iter().flat_map(of).collect()
        });
        files.collect()
    }

    fn two_partitions() -> SessionContext {
        SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
    }

    #[tokio::test]
    async fn what_pages_leave_is_dealt_evenly() {
        let dir = tempfile::tempdir().unwrap();
        let files = numbers(&dir.path().join("n.parquet"), 200_000);
        let wanted = col("n")
            .gt_eq(lit(90_500_i64))
            .and(col("n").lt(lit(150_000_i64)));
        let state = two_partitions().state();
        let plan = files.scan(&state, None, &[wanted], None).await.unwrap();
        assert_eq!(parts(&plan), [[(90_000, 120_000)], [(120_000, 150_000)]]);
        let wanted = col("n").gt(lit(1_000_000_i64));
        let plan = files.scan(&state, None, &[wanted], None).await.unwrap();
        assert_eq!(parts(&plan), [vec![]]);
    }

    #[tokio::test]
    async fn the_greatest_few_are_looked_for_from_the_end_in_small_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let files = numbers(&dir.path().join("n.parquet"), 100_000);
        let context = two_partitions();
        let plan = files.scan(&context.state(), None, &[], None).await.unwrap();
        assert_eq!(parts(&plan), [[(0, 50_000)], [(50_000, 100_000)]]);
        let number = column("n", &plan.schema()).unwrap();
        let filter = FilterExec::try_new(Arc::new(IsNotNullExpr::new(number.clone())), plan);
        let descending = SortOptions {
            descending: true,
            nulls_first: false,
        };
        let order = LexOrdering::new([PhysicalSortExpr::new(number, descending)]).unwrap();
        let sort = SortExec::new(order, Arc::new(filter.unwrap())).with_fetch(Some(7));
        let plan = greatest_first(Arc::new(sort), 16_384).unwrap();
        let filter = plan.children()[0];
        // The sort hears of seven rows before a batch is full.
        let batch = filter.downcast_ref::<FilterExec>().unwrap().batch_size();
        assert_eq!(batch, 7);
        assert_eq!(
            parts(filter.children()[0]),
            [
                [(83_616, 100_000), (50_000, 50_848)],
                [(50_848, 83_616), (0, 50_000)]
            ]
        );
        let rows = collect(plan, context.task_ctx()).await.unwrap();
        let rows = rows[0].column(0).as_primitive::<Int64Type>().values();
        assert_eq!(rows.to_vec(), (99_993..100_000).rev().collect::<Vec<_>>());
    }

    #[test]
    fn columns_of_nulls_are_no_old_statistics() {
        let nulls: ArrayRef = Arc::new(StringViewArray::new_null(3));
        let batch = RecordBatch::try_from_iter([("s", nulls)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let written = bytes::Bytes::from(writer.inner().clone());
        let metadata = parquet::file::metadata::ParquetMetaDataReader::new()
            .parse_and_finish(&written)
            .unwrap();
        let statistics = metadata.row_group(0).column(0).statistics().unwrap();
        assert_eq!(statistics.null_count_opt(), Some(3));
        assert!(!has_old_statistics(&metadata));
        let of = |text: &str| Some(text.as_bytes().to_vec().into());
        let old = |is_old| Statistics::byte_array(of("a"), of("b"), None, Some(0), is_old);
        assert!(is_old(&old(true)) && !is_old(&old(false)));
    }
}
