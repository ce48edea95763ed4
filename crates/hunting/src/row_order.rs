//! `top n by Timestamp`: the row groups with the newest rows are read first.
//!
//! Once the n newest rows so far are known, older row groups and rows are left out while they are read; but only if
//! the newest came first. Files are written oldest first, so for this the order of reading is turned round. The newest
//! row group is read in pieces, small ones at first: most hunts have their n rows before much of it is read.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{
    Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion,
};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use parquet::arrow::arrow_reader::RowSelection;

use crate::events::TICKS_FROM_TIMESTAMP;
use crate::row_groups::{RowGroup, has_sound_pages};
use crate::settled::{gathered_by, is_gathered};

/// Whether a plan tests conditions where a file is read. What fails there, the reader of Parquet makes a text of.
pub(crate) fn tests_while_reading(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let here = plan.downcast_ref::<DataSourceExec>().is_some_and(|source| {
        let config = source.data_source().downcast_ref::<FileScanConfig>();
        let parquet = config.and_then(|c| c.file_source().downcast_ref::<ParquetSource>());
        parquet.is_some_and(|p| p.table_parquet_options().global.pushdown_filters)
    });
    here || plan.children().into_iter().any(tests_while_reading)
}

/// Turns the order of reading round below sorts that want the greatest few of a column. The first piece that is read has
/// `first_rows`.
pub(crate) fn greatest_first(
    plan: Arc<dyn ExecutionPlan>,
    first_rows: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_down(|plan| {
        let Some(sort) = plan.downcast_ref::<SortExec>() else {
            return Ok(Transformed::no(plan));
        };
        let first = sort.expr().first();
        let Some(fetch) = sort.fetch().filter(|_| first.options.descending) else {
            return Ok(Transformed::no(plan));
        };
        let wanted = Wanted { fetch, first_rows };
        let turned = match turned(sort.input(), &first.expr, wanted)? {
            Some(input) => replace_children_if_necessary(plan.clone(), vec![input])?,
            None => return Ok(Transformed::no(plan)),
        };
        Ok(Transformed::new(turned, true, TreeNodeRecursion::Jump))
    })
    .data()
}

/// What a sort wants.
#[derive(Clone, Copy)]
struct Wanted {
    /// So many rows.
    fetch: usize,
    /// Rows of the first piece that is read; each further piece has twice as many.
    first_rows: usize,
}

/// A plan that reads the rows with the greatest values of `key` first; none when it cannot.
fn turned(
    plan: &Arc<dyn ExecutionPlan>,
    key: &Arc<dyn PhysicalExpr>,
    wanted: Wanted,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>() {
        return Ok(turned_source(source, key, wanted.first_rows));
    }
    if plan.is::<UnionExec>() {
        return turned_union(plan, key, wanted);
    }
    let below = if let Some(projection) = plan.downcast_ref::<ProjectionExec>()
        && !projection.expr().iter().any(|e| is_volatile(&e.expr))
    {
        let of = |column: &Column| Some(projection.expr().get(column.index())?.expr.clone());
        mapped(key, of)?
    } else if plan.is::<FilterExec>() {
        mapped(key, |column| same_below(plan, column))?
    } else if is_gathered(plan) {
        Some(key.clone())
    } else {
        None
    };
    let children = plan.children();
    let (Some(below), [input]) = (below, children.as_slice()) else {
        return Ok(None);
    };
    let Some(input) = turned(input, &below, wanted)? else {
        return Ok(None);
    };
    if is_gathered(plan) {
        return Ok(Some(gathered_by(input, wanted.fetch)));
    }
    let turned = replace_children_if_necessary(plan.clone(), vec![input])?;
    Ok(Some(match turned.downcast_ref::<FilterExec>() {
        // The sort hears of rows when there are as many as it wants, not when a batch is full: of few that pass, that would
        // be at the end, with all read.
        Some(filter) => {
            Arc::new(filter.with_batch_size(wanted.fetch.clamp(1, filter.batch_size()))?)
        }
        None => turned,
    }))
}

/// Events in memory and those in files are read side by side; what is in memory has no order to turn round.
fn turned_union(
    union: &Arc<dyn ExecutionPlan>,
    key: &Arc<dyn PhysicalExpr>,
    wanted: Wanted,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let inputs = union.children().into_iter();
    let turned = inputs.map(|input| turned(input, key, wanted));
    let turned = turned.collect::<Result<Vec<_>>>()?;
    // Before anything is done for the others: of unions in unions that would be done for nothing again and again.
    if turned.iter().all(Option::is_none) {
        return Ok(None);
    }
    let inputs = turned.into_iter().zip(union.children());
    let inputs = inputs.map(|(turned, input)| match turned {
        Some(turned) => Ok(turned),
        // There may be sorts in it.
        None => greatest_first(input.clone(), wanted.first_rows),
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(union.clone(), inputs).map(Some)
}

/// An expression with other columns in the place of its own; none when one of them has no other.
fn mapped(
    key: &Arc<dyn PhysicalExpr>,
    other: impl Fn(&Column) -> Option<Arc<dyn PhysicalExpr>>,
) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let mut lost = false;
    let mapped = key
        .clone()
        .transform_up(|e| {
            let Some(column) = e.downcast_ref::<Column>() else {
                return Ok(Transformed::no(e));
            };
            Ok(other(column).map_or_else(
                || {
                    lost = true;
                    Transformed::no(e.clone())
                },
                Transformed::yes,
            ))
        })
        .data()?;
    Ok((!lost).then_some(mapped))
}

/// The column of a filter's input that an output column is.
fn same_below(filter: &Arc<dyn ExecutionPlan>, column: &Column) -> Option<Arc<dyn PhysicalExpr>> {
    let input = filter.children().first()?.schema();
    let (index, _) = input.column_with_name(column.name())?;
    Some(Arc::new(Column::new(column.name(), index)))
}

fn turned_source(
    source: &DataSourceExec,
    key: &Arc<dyn PhysicalExpr>,
    first_rows: usize,
) -> Option<Arc<dyn ExecutionPlan>> {
    let config = source.data_source().downcast_ref::<FileScanConfig>()?;
    // A value that is another each time may be a further key: rows would be left out by another than they show.
    if let Some(projection) = config.file_source().projection()
        && projection.as_ref().iter().any(|e| is_volatile(&e.expr))
    {
        return None;
    }
    let column = stored_name(config, key)?;
    let mut parts: Vec<(i64, PartitionedFile)> = config
        .file_groups
        .iter()
        .flat_map(|group| group.iter())
        .map(|file| {
            let range = file.extension::<RowGroup>()?.range(&column)?;
            Some((range.1, file.clone()))
        })
        .collect::<Option<_>>()?;
    // Of two parts of a row group the later one is more likely to hold what is greatest.
    parts.reverse();
    parts.sort_by_key(|(greatest, _)| std::cmp::Reverse(*greatest));
    let count = config.file_groups.len();
    let mut dealt: Vec<Vec<PartitionedFile>> = vec![Vec::new(); count];
    let pieces = parts.into_iter().enumerate();
    let pieces = pieces.flat_map(|(number, (_, part))| match number {
        0 => in_pieces(part, first_rows),
        _ => vec![part],
    });
    for (number, part) in pieces.enumerate() {
        dealt[number % count].push(part);
    }
    // Other columns are only read of rows that may still be among the greatest.
    let parquet = config.file_source().downcast_ref::<ParquetSource>()?;
    let source = parquet.clone().with_pushdown_filters(true);
    let config = FileScanConfigBuilder::from(config.clone())
        .with_source(Arc::new(source))
        .with_file_groups(dealt.into_iter().map(FileGroup::new).collect())
        .build();
    Some(DataSourceExec::from_data_source(config))
}

/// A part in pieces, the last rows first. Without an index of its pages it stays whole: each piece would read all pages.
fn in_pieces(part: PartitionedFile, first_rows: usize) -> Vec<PartitionedFile> {
    let (Some(group), Some(access)) = (
        part.extension::<RowGroup>(),
        part.extension::<ParquetAccessPlan>(),
    ) else {
        return vec![part];
    };
    let rows = usize::try_from(group.metadata.row_group(group.index).num_rows()).unwrap_or(0);
    let wanted = match access.inner().get(group.index) {
        Some(RowGroupAccess::Selection(selection)) => selection.clone(),
        _ => RowSelection::from_consecutive_ranges(std::iter::once(0..rows), rows),
    };
    if group.metadata.offset_index().is_none() || !has_sound_pages(&group.metadata) {
        return vec![part];
    }
    let pieces = pieces(rows, first_rows).into_iter().map(|piece| {
        let piece = RowSelection::from_consecutive_ranges(std::iter::once(piece), rows);
        piece.intersection(&wanted)
    });
    let pieces = pieces.filter(|piece| piece.row_count() > 0).map(|piece| {
        let mut access = ParquetAccessPlan::new_none(group.metadata.num_row_groups());
        access.scan(group.index);
        access.scan_selection(group.index, piece);
        part.clone().with_extension(access)
    });
    pieces.collect()
}

/// Ranges of so many rows, from the last to the first, each but the last twice as long as the one before.
fn pieces(rows: usize, first_rows: usize) -> Vec<Range<usize>> {
    let (mut end, mut length) = (rows, first_rows.max(1));
    let mut pieces = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(length);
        pieces.push(start..end);
        (end, length) = (start, length * 2);
    }
    pieces
}

/// The stored column that an expression over a scan's output is or reads.
fn stored_name(config: &FileScanConfig, key: &Arc<dyn PhysicalExpr>) -> Option<String> {
    let column = read_from(key)?.downcast_ref::<Column>()?;
    let Some(projection) = config.file_source().projection() else {
        return Some(column.name().to_owned());
    };
    let stored = &projection.as_ref().get(column.index())?.expr;
    Some(
        read_from(stored)?
            .downcast_ref::<Column>()?
            .name()
            .to_owned(),
    )
}

/// What a conversion of stored values, all of which keep their order, reads; any other expression but a call is itself.
fn read_from(key: &Arc<dyn PhysicalExpr>) -> Option<&Arc<dyn PhysicalExpr>> {
    match key.downcast_ref::<ScalarFunctionExpr>() {
        Some(call)
            if call.fun().name().starts_with("read_")
                || call.fun().name() == TICKS_FROM_TIMESTAMP =>
        {
            call.args().first()
        }
        Some(_) => None,
        None => Some(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_rows_each_once_the_last_first() {
        assert_eq!(pieces(40_000, 16_384), [23_616..40_000, 0..23_616]);
        for rows in [0, 1, 100, 101, 300, 524_288] {
            let mut pieces = pieces(rows, 100);
            pieces.reverse();
            let all: Vec<usize> = pieces.into_iter().flatten().collect();
            assert!(all.into_iter().eq(0..rows), "{rows}");
        }
    }
}
