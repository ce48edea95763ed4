//! Which aggregations read their keys as dictionaries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::exec::DictionaryAggregate;
use super::groups::Key;
use super::scan::{Readable, read, readable};
use crate::aggregates::takes_dictionaries;

/// Aggregates by numbers of dictionaries where all keys of a first stage are texts that files keep so.
#[derive(Debug)]
pub(crate) struct DictionaryGroups;

impl PhysicalOptimizerRule for DictionaryGroups {
    fn name(&self) -> &'static str {
        "dictionary_groups"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let stage = plan.downcast_ref::<AggregateExec>();
            let stage = stage.and_then(|stage| Some((stage, Wanted::of(stage)?)));
            Ok(
                match stage.map(|(stage, wanted)| aggregated(stage, &wanted)) {
                    Some(read) => match read? {
                        Some(read) => Transformed::yes(read),
                        None => Transformed::no(plan),
                    },
                    None => Transformed::no(plan),
                },
            )
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What a first stage of an aggregation wants of its input.
struct Wanted {
    /// The columns that it groups by.
    keys: Vec<usize>,
    /// Columns of which it counts or collects different values and which it needs for nothing else.
    counted: BTreeSet<usize>,
}

impl Wanted {
    /// None when some key is wanted for something else, too, or is no column.
    fn of(stage: &AggregateExec) -> Option<Self> {
        let by = stage.group_expr();
        let is_plain = *stage.mode() == AggregateMode::Partial
            && *stage.input_order_mode() == InputOrderMode::Linear
            && stage.limit_options().is_none()
            && by.is_single()
            && !by.is_empty();
        let supported = |a: &Arc<AggregateFunctionExpr>| {
            a.groups_accumulator_supported() && a.order_bys().is_empty() && !a.is_distinct()
        };
        if !is_plain || !stage.aggr_expr().iter().all(supported) {
            return None;
        }
        let column =
            |expr: &Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().map(Column::index);
        let keys = by.expr().iter().map(|(expr, _)| column(expr));
        let keys: Vec<usize> = keys.collect::<Option<_>>()?;
        let (mut counted, mut needed) = (BTreeSet::new(), BTreeSet::new());
        let mut need = |expr: &Arc<dyn PhysicalExpr>| {
            needed.extend(collect_columns(expr).iter().map(Column::index));
        };
        for function in stage.aggr_expr() {
            let of = function.expressions();
            match of.as_slice() {
                [of] if takes_dictionaries(function.fun())
                    && let Some(column) = column(of) =>
                {
                    counted.insert(column);
                }
                _ => of.iter().for_each(&mut need),
            }
        }
        stage.filter_expr().iter().flatten().for_each(need);
        counted.retain(|column| !needed.contains(column));
        keys.iter()
            .all(|key| !needed.contains(key))
            .then_some(Self { keys, counted })
    }
}

/// A first stage that reads its keys as dictionaries wherever it can.
fn aggregated(stage: &AggregateExec, wanted: &Wanted) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let branches = branches(stage.input())?;
    let by_dictionaries = branches.iter().map(|input| by_dictionaries(input, wanted));
    let by_dictionaries = by_dictionaries.collect::<Result<Vec<_>>>()?;
    if by_dictionaries.iter().all(Option::is_none) {
        return Ok(None);
    }
    let stages = branches.into_iter().zip(by_dictionaries);
    let stages = stages.map(|(branch, by_dictionaries)| {
        let plain = Arc::new(AggregateExec::try_new(
            *stage.mode(),
            stage.group_expr().clone(),
            stage.aggr_expr().to_vec(),
            stage.filter_expr().to_vec(),
            branch,
            stage.input_schema(),
        )?);
        Ok(match by_dictionaries {
            Some(read) => Arc::new(DictionaryAggregate::new(plain, read.keys, read.input)),
            None => plain as Arc<dyn ExecutionPlan>,
        })
    });
    let mut stages = stages.collect::<Result<Vec<_>>>()?;
    match stages.len() {
        1 => Ok(stages.pop()),
        _ => UnionExec::try_new(stages).map(Some),
    }
}

/// A branch that reads its keys as dictionaries.
struct ByDictionaries {
    keys: Arc<[Key]>,
    input: Arc<dyn ExecutionPlan>,
}

/// One branch with its keys as dictionaries; none when it cannot.
fn by_dictionaries(
    input: &Arc<dyn ExecutionPlan>,
    wanted: &Wanted,
) -> Result<Option<ByDictionaries>> {
    let asked = wanted.keys.iter().chain(&wanted.counted).copied();
    let found = all_readable(input, asked.collect(), wanted);
    let key = |column: &usize| {
        let null_is_empty = found.get(column)?.null_is_empty;
        Some(Key {
            column: *column,
            null_is_empty,
        })
    };
    let Some(keys) = wanted.keys.iter().map(key).collect::<Option<Arc<[Key]>>>() else {
        return Ok(None);
    };
    let input = read(input, &found.into_keys().collect())?;
    Ok(input.map(|input| ByDictionaries { keys, input }))
}

/// Those of some columns that can be read as dictionaries together.
fn all_readable(
    input: &Arc<dyn ExecutionPlan>,
    mut asked: BTreeSet<usize>,
    wanted: &Wanted,
) -> BTreeMap<usize, Readable> {
    // Where a row without a text is one with an empty one, groups know it and counts do not.
    let counts = |column: &usize, read: &Readable| {
        !(wanted.counted.contains(column) && read.null_is_empty && read.may_be_null)
    };
    loop {
        let mut found = readable(input, &asked);
        found.retain(|column, read| counts(column, read));
        // A column that is left may be one of those that are not: then it cannot be read so, either.
        if found.len() == asked.len() {
            return found;
        }
        asked = found.into_keys().collect();
    }
}

/// What a plan reads side by side, as events in files and in memory, each with the steps that follow.
fn branches(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    if plan.is::<UnionExec>() {
        let inputs = plan.children().into_iter().map(branches);
        let inputs: Vec<Vec<_>> = inputs.collect::<Result<_>>()?;
        return Ok(inputs.into_iter().flatten().collect());
    }
    let children = plan.children();
    let ([input], true) = (children.as_slice(), passes_rows_on(plan)) else {
        return Ok(vec![plan.clone()]);
    };
    let inputs = branches(input)?;
    if inputs.len() == 1 {
        return Ok(vec![plan.clone()]);
    }
    let copies = inputs
        .into_iter()
        .map(|input| replace_children_if_necessary(plan.clone(), vec![input]));
    copies.collect()
}

fn passes_rows_on(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<FilterExec>() || plan.is::<ProjectionExec>()
}
