//! Filters that a scan settles itself, so that what they test need not be read: by terms where the rows that pass are known
//! ([`crate::terms`]), else row by row.

#![expect(
    deprecated,
    reason = "other steps gather what they make themselves; what is read has no such step behind it"
)]

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_batches::CoalesceBatchesExec;
use datafusion::physical_plan::filter::FilterExecBuilder;

use crate::row_groups::{BATCH, LEAST_BATCH};

/// Columns of a table with those behind them that filters test besides.
///
/// # Errors
/// When a filter tests a column that the table has not.
pub(crate) fn with_tested(
    columns: &[usize],
    filters: &[Expr],
    schema: &Schema,
) -> Result<Vec<usize>> {
    let mut tested = columns.to_vec();
    for column in filters.iter().flat_map(Expr::column_refs) {
        let index = schema.index_of(&column.name)?;
        if !tested.contains(&index) {
            tested.push(index);
        }
    }
    Ok(tested)
}

/// The first so many columns of the rows that pass all filters.
///
/// # Errors
/// When the plan lacks a column that a filter tests.
pub(crate) fn passing(
    plan: Arc<dyn ExecutionPlan>,
    filters: &[Expr],
    columns: usize,
    state: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>> {
    let filters = filters.iter().cloned().map(without_table);
    let Some(filter) = conjunction(filters.collect::<Result<Vec<_>>>()?) else {
        return Ok(plan);
    };
    let schema = DFSchema::try_from(plan.schema())?;
    let predicate = state.create_physical_expr(filter, &schema)?;
    let passing = FilterExecBuilder::new(predicate, plan)
        .apply_projection(Some((0..columns).collect()))?
        .build()?;
    Ok(Arc::new(passing))
}

/// The rows of a plan, which are few of those around them, with their texts alone: as they are read they hold the pages that
/// they are in.
pub(crate) fn gathered(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let schema = plan.schema();
    let mut types = schema.fields().iter().map(|field| field.data_type());
    match types.any(|ty| *ty == DataType::Utf8View) {
        true => Arc::new(CoalesceBatchesExec::new(plan, BATCH)),
        false => plan,
    }
}

/// Whether a plan is [`gathered`], all of it: a limit may have been moved there.
pub(crate) fn is_gathered(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<CoalesceBatchesExec>() && plan.fetch().is_none()
}

/// The same for who waits for so many rows. Batches of more than half of that pass as they are.
pub(crate) fn gathered_by(plan: Arc<dyn ExecutionPlan>, rows: usize) -> Arc<dyn ExecutionPlan> {
    Arc::new(CoalesceBatchesExec::new(
        plan,
        rows.clamp(2 * LEAST_BATCH, BATCH),
    ))
}

/// The schema of what is read has no table's name.
fn without_table(filter: Expr) -> Result<Expr> {
    let renamed = filter.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) if column.relation.is_some() => {
                Transformed::yes(Expr::Column(Column::from_name(column.name)))
            }
            other => Transformed::no(other),
        })
    });
    Ok(renamed?.data)
}
