//! Reading local Parquet files: row groups are pruned first, and the rows of what is left are dealt evenly.
//!
//! The engine's own way is to split files by bytes and prune afterwards, which leaves a short time range to one thread.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetAccessPlan, ParquetFileMetrics, RowGroupAccessPlanFilter,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::parquet_files::files;
use super::stored_filter::{stored_text, translate};
use super::times::StoredTimes;
use crate::row_order::RowGroup;
use crate::terms::{KeptTerms, TermCondition, WantedRows, load, of_group};

/// Bytes of footers that are kept.
const FOOTERS: usize = 64 << 20;
/// Bytes of sketches of terms that are kept.
const TERMS: usize = 64 << 20;
/// Rows below which a part is not worth a thread.
const LEAST_ROWS: usize = 16_384;

/// Files of one schema, in the types that they are stored in.
#[derive(Debug)]
pub(super) struct StoredFiles {
    path: PathBuf,
    schema: SchemaRef,
    footers: Arc<FileMetadataCache>,
    terms: KeptTerms,
}

/// A file with its footer.
struct Footer {
    object: ObjectMeta,
    metadata: Arc<ParquetMetaData>,
    /// What terms say of the rows that the hunt wants.
    wanted: Option<WantedRows>,
}

/// Rows of one row group of a file.
struct Unit {
    file: usize,
    group: usize,
    /// In order; none of the ranges is empty.
    wanted: Vec<Range<usize>>,
}

impl Unit {
    fn rows(&self) -> usize {
        self.wanted.iter().map(ExactSizeIterator::len).sum()
    }

    /// The rows from one of them up to another, counted among the wanted ones alone.
    fn between(&self, from: usize, to: usize) -> Vec<Range<usize>> {
        let mut before = 0;
        let mut cut = Vec::new();
        for range in &self.wanted {
            let at =
                |count: usize| range.start + count.clamp(before, before + range.len()) - before;
            let part = at(from)..at(to);
            before += range.len();
            if !part.is_empty() {
                cut.push(part);
            }
        }
        cut
    }
}

impl StoredFiles {
    /// The files at a path: one, or those of a folder.
    pub(super) fn new(path: PathBuf, schema: SchemaRef) -> Self {
        Self {
            path,
            schema,
            footers: Arc::new(DefaultCache::new(FOOTERS)),
            terms: KeptTerms::new(TERMS),
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
            footers.push(Footer {
                object,
                metadata,
                wanted: None,
            });
        }
        Ok(footers)
    }

    /// What filters say about terms.
    fn terms_of(&self, filters: &[Expr]) -> Option<TermCondition> {
        TermCondition::of(filters, &|expr| stored_text(&self.schema, expr))
    }

    /// What filters say about row groups.
    fn pruning(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<PruningPredicate>> {
        let translated = filters
            .iter()
            .filter_map(|filter| translate(&self.schema, filter));
        let Some(predicate) = conjunction(translated) else {
            return Ok(None);
        };
        let schema = DFSchema::try_from(self.schema.clone())?;
        let predicate = state.create_physical_expr(predicate, &schema)?;
        PruningPredicateBuilder::new()
            .with_file_schema(self.schema.clone())
            .try_build(predicate)
            .map(Some)
    }

    /// The row groups that may hold rows.
    fn units(&self, footers: &[Footer], pruning: Option<&PruningPredicate>) -> Vec<Unit> {
        let shape = |f: &Footer| {
            f.metadata
                .file_metadata()
                .schema_descr()
                .root_schema()
                .clone()
        };
        let first = footers.first().map(shape);
        let mut units = Vec::new();
        for (file, footer) in footers.iter().enumerate() {
            let groups = footer.metadata.row_groups();
            let mut filter =
                RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(groups.len()));
            // A file of another shape is read with what it lacks as null; its statistics would be misread.
            if let Some(predicate) = pruning
                && first.as_ref() == Some(&shape(footer))
                && !has_old_statistics(&footer.metadata)
            {
                let metrics = ParquetFileMetrics::new(0, "", &ExecutionPlanMetricsSet::new());
                let descriptor = footer.metadata.file_metadata().schema_descr();
                filter.prune_by_statistics(&self.schema, descriptor, groups, predicate, &metrics);
            }
            units.extend(filter.row_group_indexes().map(|group| {
                let rows = usize::try_from(groups[group].num_rows()).unwrap_or(0);
                Unit {
                    file,
                    group,
                    wanted: of_group(footer.wanted.as_ref(), group, rows),
                }
            }));
        }
        units
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

/// Cuts the units into parts of equal numbers of rows, in order; a row group may be cut.
fn deal(footers: &[Footer], units: &[Unit], parts: usize) -> Vec<FileGroup> {
    let total: usize = units.iter().map(Unit::rows).sum();
    let parts = parts.min(total.div_ceil(LEAST_ROWS)).max(1);
    let mut dealt: Vec<Vec<PartitionedFile>> = vec![Vec::new(); parts];
    let mut before = 0;
    for unit in units {
        let (start, end) = (before, before + unit.rows());
        for (part, files) in dealt.iter_mut().enumerate() {
            let from = (total * part / parts).clamp(start, end);
            let to = (total * (part + 1) / parts).clamp(start, end);
            if from < to {
                let rows = unit.between(from - start, to - start);
                files.push(part_of_group(&footers[unit.file], unit.group, &rows));
            }
        }
        before = end;
    }
    dealt.into_iter().map(FileGroup::new).collect()
}

/// Some rows of a row group as a file to read.
fn part_of_group(footer: &Footer, group: usize, rows: &[Range<usize>]) -> PartitionedFile {
    let mut access = ParquetAccessPlan::new_none(footer.metadata.num_row_groups());
    access.scan(group);
    let all = usize::try_from(footer.metadata.row_group(group).num_rows()).unwrap_or(0);
    if rows.iter().map(ExactSizeIterator::len).sum::<usize>() < all {
        let rows = rows.iter().cloned();
        access.scan_selection(group, RowSelection::from_consecutive_ranges(rows, all));
    }
    PartitionedFile::new_from_meta(footer.object.clone())
        .with_extension(access)
        .with_extension(RowGroup {
            metadata: footer.metadata.clone(),
            index: group,
        })
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
        if let Some(condition) = self.terms_of(filters) {
            let files = footers
                .iter()
                .map(|f| (f.object.clone(), f.metadata.clone()));
            let known = load(&*store, files.collect(), &self.terms, &condition).await;
            for (footer, wanted) in footers.iter_mut().zip(known) {
                footer.wanted = wanted;
            }
        }
        let pruning = self.pruning(state, filters)?;
        let units = self.units(&footers, pruning.as_ref());
        let groups = deal(&footers, &units, state.config().target_partitions());
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let readers = CachedParquetFileReaderFactory::new(store, self.footers.clone());
        let source = ParquetSource::new(self.schema.clone())
            .with_parquet_file_reader_factory(Arc::new(readers))
            .with_table_parquet_options(options);
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_expr_adapter(Some(Arc::new(StoredTimes)))
            .with_projection_indices(projection.cloned())?
            // With a filter any rows will not do.
            .with_limit(limit.filter(|_| filters.is_empty()))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

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

    #[test]
    fn parts_of_a_unit_are_its_rows_each_once() {
        let wanted = vec![2..5, 7..8, 10..20];
        let unit = Unit {
            file: 0,
            group: 0,
            wanted: wanted.clone(),
        };
        let all: Vec<usize> = wanted.into_iter().flatten().collect();
        for first in 0..=all.len() {
            for second in first..=all.len() {
                let cuts = [(0, first), (first, second), (second, all.len())];
                let parts = cuts.map(|(from, to)| unit.between(from, to));
                assert!(parts.iter().flatten().all(|range| !range.is_empty()));
                let rows: Vec<usize> = parts.into_iter().flatten().flatten().collect();
                assert_eq!(rows, all, "{first} {second}");
            }
        }
    }
}
