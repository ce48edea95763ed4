//! Values are computed behind the steps that leave rows out.
//!
//! DataFusion moves a projection below a filter, or below a sort that wants few rows, whenever that leaves fewer columns;
//! what the projection computes is then computed for rows that nobody sees. Here only columns move down there.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{
    ProjectionExec, ProjectionExpr, remove_unnecessary_projections,
};

/// The name of the rule in DataFusion that this one stands for.
const REPLACED: &str = "ProjectionPushdown";

/// DataFusion's rules for physical plans, with this one in the place of its own.
pub(crate) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let rules = PhysicalOptimizer::new().rules.into_iter();
    let rule = |rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>| match rule.name() {
        REPLACED => Arc::new(LateValues) as _,
        _ => rule,
    };
    rules.map(rule).collect()
}

/// Moves projections towards what is read, but nothing that is computed past a step that leaves rows out.
#[derive(Debug)]
struct LateValues;

impl PhysicalOptimizerRule for LateValues {
    fn name(&self) -> &'static str {
        "late_values"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|plan| match columns_alone(&plan)? {
            Some(plan) => Ok(Transformed::yes(plan)),
            None => remove_unnecessary_projections(plan),
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A projection that computes something above a step that leaves rows out, with one of the columns that it uses between
/// them; none when it is another plan.
fn columns_alone(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(projection) = plan.downcast_ref::<ProjectionExec>() else {
        return Ok(None);
    };
    let below = projection.input();
    let leaves_out = below.is::<FilterExec>() || below.fetch().is_some();
    if !leaves_out || !projection.expr().iter().any(|e| is_computed(&e.expr)) {
        return Ok(None);
    }
    let used = projection.expr().iter();
    let used = used.flat_map(|e| collect_columns(&e.expr));
    let used: BTreeSet<usize> = used.map(|column| column.index()).collect();
    let schema = below.schema();
    if used.len() == schema.fields().len() {
        return Ok(Some(plan.clone()));
    }
    let columns = used.iter().map(|index| {
        let name = schema.field(*index).name();
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(name, *index));
        (column, name.clone())
    });
    let columns = ProjectionExec::try_new(columns.collect::<Vec<_>>(), below.clone())?;
    let at = |column: &Column| used.range(..column.index()).count();
    let exprs = projection.expr().iter().map(|e| {
        let expr = e.expr.clone().transform_down(|expr| {
            Ok(match expr.downcast_ref::<Column>() {
                Some(column) => {
                    let moved = Column::new(column.name(), at(column));
                    Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>)
                }
                None => Transformed::no(expr),
            })
        });
        Ok(ProjectionExpr::new(expr.data()?, e.alias.clone()))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    Ok(Some(Arc::new(ProjectionExec::try_new(
        exprs,
        Arc::new(columns),
    )?)))
}

fn is_computed(expr: &Arc<dyn PhysicalExpr>) -> bool {
    !expr.is::<Column>() && !expr.is::<Literal>()
}
