//! Plans read the columns of paths instead of whole texts.
//!
//! After the engine's own rules the conditions and the values of a hunt stand above the scan of its table. There a walk
//! into a column, or into what a projection on the way made of one, becomes a choice between two columns of the scan: what
//! is stored at the end of the path, and the whole text where a file has no such column. Walks stay where they were,
//! behind the conditions that come first; what nobody needs any more on the way is left out.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider as _;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, TableScan};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::{Extra, KeyPath, MOST_KEYS};
use crate::events::EventTable;
use crate::functions::{Step, Walk, parsed_text, walk_of, walk_or_stored};

/// Paths of one scan; further ones are walked in the whole text.
const MOST_PATHS: usize = 32;

/// Has paths read where they are stored.
#[derive(Debug)]
pub(crate) struct ShreddedPaths;

impl OptimizerRule for ShreddedPaths {
    fn name(&self) -> &str {
        "shredded_paths"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        None
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        plan.transform_down(|plan| {
            let settles = matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_));
            if !settles && !matches!(plan, LogicalPlan::Filter(_)) {
                return Ok(Transformed::no(plan));
            }
            let Some((steps, scan)) = steps_of(&plan) else {
                return Ok(Transformed::no(plan));
            };
            // What is below has been looked at with this, whatever comes of it.
            let provider = source_as_provider(&scan.source)?;
            let Some(table) = provider.downcast_ref::<EventTable>() else {
                return Ok(Transformed::new(plan, false, TreeNodeRecursion::Jump));
            };
            if !steps.iter().any(|step| has_walks(step)) {
                return Ok(Transformed::new(plan, false, TreeNodeRecursion::Jump));
            }
            let read = if settles {
                shredded(&steps, scan, table)?
            } else {
                // A filter gives all columns that it gets: there must not be more of them than before.
                let every = plan.schema().columns();
                let every = every.into_iter().map(Expr::Column).collect();
                let top = Projection::try_new(every, Arc::new(plan.clone()))?;
                let top = LogicalPlan::Projection(top);
                let steps: Vec<_> = std::iter::once(&top).chain(steps).collect();
                shredded(&steps, scan, table)?
            };
            Ok(match read {
                Some(read) => Transformed::new(read, true, TreeNodeRecursion::Jump),
                None => Transformed::new(plan, false, TreeNodeRecursion::Jump),
            })
        })
    }
}

/// Steps from the top down to a scan, where every one reads only the one below.
fn steps_of(top: &LogicalPlan) -> Option<(Vec<&LogicalPlan>, &TableScan)> {
    let mut steps = vec![top];
    loop {
        let below = *steps.last()?.inputs().first()?;
        match below {
            LogicalPlan::TableScan(scan) => return Some((steps, scan)),
            LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Projection(_)
            | LogicalPlan::SubqueryAlias(_) => steps.push(below),
            _ => return None,
        }
    }
}

/// Whether a step walks into JSON.
fn has_walks(step: &LogicalPlan) -> bool {
    let mut found = false;
    let looked = step.apply_expressions(|expr| {
        expr.apply(|expr| {
            found |= walk_of(expr).is_some();
            Ok(if found {
                TreeNodeRecursion::Stop
            } else {
                TreeNodeRecursion::Continue
            })
        })
    });
    found || looked.is_err()
}

/// Steps down to a scan, of which the first settles its columns, with the paths in all of them read where they are stored;
/// none when there are none.
fn shredded(
    steps: &[&LogicalPlan],
    scan: &TableScan,
    table: &EventTable,
) -> Result<Option<LogicalPlan>> {
    let mut asked = Asked {
        table: &scan.table_name,
        paths: table.paths().to_vec(),
        any: false,
    };
    let known = asked.paths.len();
    let mut used = HashSet::new();
    let mut exprs = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        exprs.push(asked.exprs(step, &steps[at + 1..], &mut used)?);
    }
    if !asked.any {
        return Ok(None);
    }
    let extended = Arc::new(table.with_paths(asked.paths[known..].to_vec()));
    let schema = extended.schema();
    let columns = schema.fields().iter().enumerate();
    let columns = columns.filter(|(_, field)| used.contains(field.name()));
    let name = scan.table_name.clone();
    let read = TableScanBuilder::new(name, provider_as_source(extended.clone()))
        .with_projection(Some(columns.map(|(index, _)| index).collect()))
        .with_filters(scan.filters.clone())
        .with_fetch(scan.fetch)
        .with_statistics_requests(scan.statistics_requests.clone())
        .build()?;
    let mut plan = LogicalPlan::TableScan(read);
    for (at, (step, exprs)) in steps.iter().zip(exprs).enumerate().rev() {
        plan = over(step, exprs, plan, at == 0)?;
    }
    Ok(Some(plan))
}

/// What is asked of a scan.
struct Asked<'s> {
    table: &'s TableReference,
    paths: Vec<KeyPath>,
    /// Whether some path is read where it is stored.
    any: bool,
}

impl Asked<'_> {
    /// The expressions of a step with their paths as columns. Names of columns that the steps above use become those that
    /// are used of the steps below.
    fn exprs(
        &mut self,
        step: &LogicalPlan,
        below: &[&LogicalPlan],
        used: &mut HashSet<String>,
    ) -> Result<Vec<Expr>> {
        let names = NamePreserver::new(step);
        let is_top = used.is_empty();
        let mut exprs = Vec::new();
        for expr in step.expressions() {
            let is_column = matches!(step, LogicalPlan::Projection(_));
            if is_column && !is_top && !used.contains(&expr.qualified_name().1) {
                continue;
            }
            let name = names.save(&expr);
            let new = expr.transform_down(|expr| {
                Ok(match self.stored(&expr, below) {
                    Some(stored) => Transformed::new(stored, true, TreeNodeRecursion::Jump),
                    None => Transformed::no(expr),
                })
            })?;
            self.any |= new.transformed;
            exprs.push(name.restore(new.data));
        }
        if let LogicalPlan::Projection(_) = step {
            // The columns of paths that steps above use pass through.
            let extras = Extra::of(&self.paths);
            let mut passed: Vec<Expr> = extras
                .iter()
                .map(Extra::name)
                .filter(|name| used.contains(name))
                .map(|name| self.column(name, below))
                .collect();
            passed.retain(|column| !exprs.contains(column));
            exprs.extend(passed);
            used.clear();
        }
        let read = exprs.iter().flat_map(Expr::column_refs);
        used.extend(read.map(|column| column.name.clone()));
        Ok(exprs)
    }

    /// A column of the scan above some steps.
    fn column(&self, name: String, below: &[&LogicalPlan]) -> Expr {
        let alias = below.iter().find_map(|step| match step {
            LogicalPlan::SubqueryAlias(alias) => Some(&alias.alias),
            _ => None,
        });
        Expr::Column(Column::new(Some(alias.unwrap_or(self.table).clone()), name))
    }

    /// A walk into a column of the scan as what is stored or walked; none for everything else.
    fn stored(&mut self, expr: &Expr, below: &[&LogicalPlan]) -> Option<Expr> {
        let (walk, Expr::Column(column)) = walk_of(expr)? else {
            return None;
        };
        let (column, walk) = from_scan(&column.name, walk.clone(), below)?;
        let path = key_path(column, &walk)?;
        if !self.paths.contains(&path) {
            if self.paths.len() >= MOST_PATHS {
                return None;
            }
            self.paths.push(path.clone());
        }
        let names = [path.stored(), path.is_stored(), path.whole()];
        let columns = names.map(|name| self.column(name, below));
        Some(walk_or_stored(columns, path.keys.len(), &walk))
    }
}

/// A walk into a column of a step as one into a column of the scan below some steps; none when it is into something else.
fn from_scan<'p>(
    mut column: &'p str,
    mut walk: Walk,
    below: &[&'p LogicalPlan],
) -> Option<(&'p str, Walk)> {
    for step in below {
        let LogicalPlan::Projection(projection) = step else {
            continue;
        };
        let at = projection.schema.index_of_column_by_name(None, column)?;
        let made = unaliased(projection.expr.get(at)?);
        let from = if let Expr::Column(_) = made {
            made
        } else if walk.in_text {
            return None;
        } else if let Some(text) = parsed_text(made) {
            walk.in_text = true;
            text
        } else {
            let (first, from) = walk_of(made)?;
            let steps = first.steps.iter().chain(&*walk.steps).cloned();
            walk = Walk {
                steps: steps.collect(),
                in_text: first.in_text,
            };
            from
        };
        let Expr::Column(from) = from else {
            return None;
        };
        column = &from.name;
    }
    Some((column, walk))
}

fn unaliased(mut expr: &Expr) -> &Expr {
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    expr
}

/// The keys that a walk into a column begins with.
fn key_path(column: &str, walk: &Walk) -> Option<KeyPath> {
    let keys = walk.steps.iter().map_while(|step| match step {
        Step::Member(key) => Some(key.clone()),
        Step::Index(_) | Step::Argument(_) => None,
    });
    let keys: Vec<String> = keys.take(MOST_KEYS).collect();
    let column = column.to_owned();
    (!keys.is_empty()).then_some(KeyPath { column, keys })
}

/// A step with other expressions over another plan. The columns of the top are those that they were.
fn over(
    step: &LogicalPlan,
    mut exprs: Vec<Expr>,
    below: LogicalPlan,
    is_top: bool,
) -> Result<LogicalPlan> {
    Ok(match step {
        LogicalPlan::Projection(projection) if is_top => {
            let schema = projection.schema.clone();
            let below = Arc::new(below);
            LogicalPlan::Projection(Projection::try_new_with_schema(exprs, below, schema)?)
        }
        LogicalPlan::Projection(_) => {
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(below))?)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let aggregates = exprs.split_off(aggregate.group_expr.len());
            let (below, schema) = (Arc::new(below), aggregate.schema.clone());
            LogicalPlan::Aggregate(Aggregate::try_new_with_schema(
                below, exprs, aggregates, schema,
            )?)
        }
        other => other.with_new_exprs(exprs, vec![below])?,
    })
}
