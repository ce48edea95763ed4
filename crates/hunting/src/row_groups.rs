//! Rows of Parquet files for one hunt: what statistics and terms leave out, and dealing the rest evenly to the threads.
//!
//! The engine's own way is to split files by bytes and to leave rows out afterwards, which leaves a short time range to one
//! thread.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::physical_plan::parquet::{
    PagePruningAccessPlanFilter, ParquetAccessPlan, ParquetFileMetrics, RowGroupAccess,
    RowGroupAccessPlanFilter,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;

use crate::terms::{KeptTerms, TermFilter, WantedRows, load, of_group};

/// Rows below which a part is not worth a thread.
const LEAST_ROWS: usize = 16_384;
/// Rows of a page of long texts, about.
const PAGE_ROWS: usize = 1_024;
/// Pages of a column that the rows of a batch are of, at most. Texts stay in the pages that they are read from.
const BATCH_PAGES: usize = 16;
/// Rows of a batch at least.
pub(crate) const LEAST_BATCH: usize = 16;
/// Rows of a batch unless rows are few and far between.
pub(crate) const BATCH: usize = 8_192;

/// Which row group a part of a file is, for those who order parts.
#[derive(Clone, Debug)]
pub(crate) struct RowGroup {
    /// The file's footer.
    pub metadata: Arc<ParquetMetaData>,
    /// The row group.
    pub index: usize,
}

impl RowGroup {
    /// The least and the greatest value of a column of whole numbers or times.
    pub(crate) fn range(&self, column: &str) -> Option<(i64, i64)> {
        let group = self.metadata.row_group(self.index);
        let column = group
            .columns()
            .iter()
            .find(|c| c.column_descr().name() == column)?;
        match column.statistics()? {
            Statistics::Int64(range) => Some((*range.min_opt()?, *range.max_opt()?)),
            _ => None,
        }
    }
}

/// A file with its footer, and what of it is read.
pub(crate) struct Footer {
    /// The file.
    pub object: ObjectMeta,
    /// Its footer.
    pub metadata: Arc<ParquetMetaData>,
    /// What statistics leave of it.
    left: ParquetAccessPlan,
    /// What terms say of the rows that the hunt wants.
    wanted: Option<WantedRows>,
}

impl Footer {
    /// All of a file.
    pub(crate) fn new(object: ObjectMeta, metadata: Arc<ParquetMetaData>) -> Self {
        let left = ParquetAccessPlan::new_all(metadata.num_row_groups());
        Self {
            object,
            metadata,
            left,
            wanted: None,
        }
    }

    /// Leaves out the row groups and the pages in which no row passes. The file has all columns that are asked for.
    pub(crate) fn prune(&mut self, pruning: &Pruning) {
        let none = ParquetAccessPlan::new_none(0);
        let left = std::mem::replace(&mut self.left, none);
        self.left = pruning.prune(left, &self.metadata);
    }

    /// Whether no rows are left.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.row_group_index_iter().next().is_none()
    }

    /// What is read of each row group, where terms have settled what they can or elsewhere.
    fn units(&self, settled: bool) -> impl Iterator<Item = Unit<'_>> {
        let groups = self.left.row_group_index_iter().map(move |group| {
            let rows = self.metadata.row_group(group).num_rows();
            let rows = usize::try_from(rows).unwrap_or(0);
            let left = of_group(self.wanted.as_ref(), group, rows);
            let wanted = if settled { left.settled } else { left.open };
            Unit {
                footer: self,
                group,
                wanted: within(wanted, &self.left.inner()[group], rows),
            }
        });
        groups.filter(|unit| unit.rows() > 0)
    }
}

/// What is known of the wanted rows, in the types that they are stored in.
pub(crate) struct Pruning {
    schema: SchemaRef,
    groups: PruningPredicate,
    pages: PagePruningAccessPlanFilter,
}

impl Pruning {
    /// From a predicate over the files' columns that passes at least the wanted rows.
    ///
    /// # Errors
    /// When the engine cannot make sense of the predicate.
    pub(crate) fn new(schema: SchemaRef, predicate: &Arc<dyn PhysicalExpr>) -> Result<Self> {
        let pages = PagePruningAccessPlanFilter::new(predicate, schema.clone());
        let groups = PruningPredicateBuilder::new()
            .with_file_schema(schema.clone())
            .try_build(predicate.clone())?;
        Ok(Self {
            schema,
            groups,
            pages,
        })
    }

    /// Leaves rows out of a file's plan.
    fn prune(&self, plan: ParquetAccessPlan, metadata: &ParquetMetaData) -> ParquetAccessPlan {
        let metrics = ParquetFileMetrics::new(0, "", &ExecutionPlanMetricsSet::new());
        let descriptor = metadata.file_metadata().schema_descr();
        let schema = &self.schema;
        let mut groups = RowGroupAccessPlanFilter::new(plan);
        let every = metadata.row_groups();
        groups.prune_by_statistics(schema, descriptor, every, &self.groups, &metrics);
        let plan = groups.build();
        if !has_sound_pages(metadata) {
            return plan;
        }
        // Row groups are large: without this, a part could get the rows before a week and another the rows of it.
        let pages = &self.pages;
        pages.prune_plan_with_page_index(plan, schema, descriptor, metadata, &metrics)
    }
}

/// Whether pages are where they can be: each column's begin with the first row, one behind the other. Who reads an index
/// that says otherwise may look for a last page where there is none.
pub(crate) fn has_sound_pages(metadata: &ParquetMetaData) -> bool {
    let Some(index) = metadata.offset_index() else {
        return true;
    };
    let sound = |(group, columns): (&RowGroupMetaData, &Vec<OffsetIndexMetaData>)| {
        columns.len() == group.num_columns()
            && columns.iter().all(|column| {
                let pages = column.page_locations();
                let rows = || pages.iter().map(|page| page.first_row_index);
                rows().next() == Some(0)
                    && rows().is_sorted_by(|a, b| a < b)
                    && rows().all(|row| row < group.num_rows())
            })
    };
    index.len() == metadata.num_row_groups() && metadata.row_groups().iter().zip(index).all(sound)
}

/// Adds what terms say of the rows of files of which some are left.
pub(crate) async fn add_wanted(
    store: &dyn ObjectStore,
    footers: &mut [Footer],
    kept: &KeptTerms,
    filter: &TermFilter,
) {
    let mut asked: Vec<&mut Footer> = footers.iter_mut().filter(|f| !f.is_empty()).collect();
    let files = asked
        .iter()
        .map(|f| (f.object.clone(), f.metadata.clone()))
        .collect();
    let known = load(store, files, kept, filter).await;
    for (footer, wanted) in asked.iter_mut().zip(known) {
        footer.wanted = wanted;
    }
}

/// Those of some rows of a row group that its access plan reads.
fn within(wanted: Vec<Range<usize>>, access: &RowGroupAccess, rows: usize) -> Vec<Range<usize>> {
    let selection = match access {
        RowGroupAccess::Skip => return Vec::new(),
        RowGroupAccess::Scan => return wanted,
        RowGroupAccess::Selection(selection) => selection,
    };
    let wanted = RowSelection::from_consecutive_ranges(wanted.into_iter(), rows);
    ranges(&wanted.intersection(selection))
}

/// Rows of one row group of a file.
struct Unit<'f> {
    footer: &'f Footer,
    group: usize,
    /// In order.
    wanted: Vec<Range<usize>>,
}

impl Unit<'_> {
    fn rows(&self) -> usize {
        self.wanted.iter().map(ExactSizeIterator::len).sum()
    }

    /// What reading them costs, in rows: a page is read for one of its rows, too.
    fn cost(&self) -> usize {
        let ranges = self.wanted.iter().map(ExactSizeIterator::len);
        let pages: usize = ranges.map(|rows| rows.max(PAGE_ROWS)).sum();
        let span = self.wanted.last().map_or(0, |range| range.end)
            - self.wanted.first().map_or(0, |range| range.start);
        pages.min(span.max(PAGE_ROWS))
    }
}

/// Those of some rows from one of them up to another, counted among them alone.
fn between(wanted: &[Range<usize>], from: usize, to: usize) -> Vec<Range<usize>> {
    let mut before = 0;
    let mut cut = Vec::new();
    for range in wanted {
        let at = |count: usize| range.start + count.clamp(before, before + range.len()) - before;
        let part = at(from)..at(to);
        before += range.len();
        if !part.is_empty() {
            cut.push(part);
        }
    }
    cut
}

/// Parts of files, each for a thread.
pub(crate) struct Dealt {
    /// The parts; there is one at least.
    pub groups: Vec<FileGroup>,
    /// Rows of a batch, where it has to be smaller than usual because rows are far between.
    pub batch: Option<usize>,
}

impl Dealt {
    /// Whether nothing is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.iter().all(FileGroup::is_empty)
    }
}

/// What is left of the files, where terms have settled what they can or elsewhere, in parts of equal numbers of rows, in
/// order; a row group may be cut.
pub(crate) fn deal(footers: &[Footer], settled: bool, parts: usize) -> Dealt {
    let units = footers.iter().flat_map(|footer| footer.units(settled));
    let units: Vec<Unit<'_>> = units.collect();
    let total: usize = units.iter().map(Unit::rows).sum();
    let cost: usize = units.iter().map(Unit::cost).sum();
    let parts = parts.min(cost.div_ceil(LEAST_ROWS)).max(1);
    let bound = |part: usize| (total as u128 * part as u128 / parts as u128) as usize;
    let mut dealt: Vec<Vec<PartitionedFile>> = vec![Vec::new(); parts];
    let mut before = 0;
    for unit in units {
        let (start, end) = (before, before + unit.rows());
        for (part, files) in dealt.iter_mut().enumerate() {
            let (from, to) = (
                bound(part).clamp(start, end),
                bound(part + 1).clamp(start, end),
            );
            if from < to {
                let rows = between(&unit.wanted, from - start, to - start);
                files.push(part_of_group(unit.footer, unit.group, &rows));
            }
        }
        before = end;
    }
    Dealt {
        groups: dealt.into_iter().map(FileGroup::new).collect(),
        batch: batch(total, cost),
    }
}

/// Rows of a batch of so many rows whose pages have so many.
fn batch(rows: usize, cost: usize) -> Option<usize> {
    let batch = (BATCH_PAGES * PAGE_ROWS * rows).checked_div(cost)?;
    (batch < BATCH).then_some(batch.max(LEAST_BATCH))
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

/// The rows of a selection.
pub(crate) fn ranges(selection: &RowSelection) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for selector in selection.iter() {
        let end = at + selector.row_count;
        if !selector.skip && end > at {
            ranges.push(at..end);
        }
        at = end;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_rows_that_are_far_between_are_small() {
        assert_eq!(batch(5_000_000, 5_000_000), None);
        assert_eq!(batch(2_500_000, 5_000_000), None);
        assert_eq!(batch(80_000, 5_000_000), Some(262));
        assert_eq!(batch(10, 10 * PAGE_ROWS), Some(LEAST_BATCH));
        assert_eq!(batch(1, 5_000_000), Some(LEAST_BATCH));
        assert_eq!(batch(0, 0), None);
    }

    #[test]
    fn parts_of_some_rows_are_these_each_once() {
        let wanted = vec![2..5, 7..8, 10..20];
        let all: Vec<usize> = wanted.iter().cloned().flatten().collect();
        for first in 0..=all.len() {
            for second in first..=all.len() {
                let cuts = [(0, first), (first, second), (second, all.len())];
                let parts = cuts.map(|(from, to)| between(&wanted, from, to));
                assert!(parts.iter().flatten().all(|range| !range.is_empty()));
                let rows: Vec<usize> = parts.into_iter().flatten().flatten().collect();
                assert_eq!(rows, all, "{first} {second}");
            }
        }
    }
}
