//! Values are computed behind the steps that leave rows out.
//!
//! DataFusion moves a projection below a filter, or below a sort that wants few rows, whenever that leaves fewer columns;
//! what the projection computes is then computed for rows that nobody sees. Here such a step stops what is computed, and only
//! columns move on.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{
    Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion,
};
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{
    ProjectionExec, ProjectionExpr, remove_unnecessary_projections,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
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
        // Projections are first merged and moved as far as the steps that leave rows out, where a step without any effect
        // stops them: they are merged with what they meet on the way, and what comes of it would not stop.
        let stopped = plan.transform_up(|plan| {
            Ok(if leaves_out(&plan) {
                Transformed::yes(Arc::new(Stop { input: plan }) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(plan)
            })
        });
        let merged = stopped
            .data()?
            .transform_down(remove_unnecessary_projections);
        let moved = merged.data()?.transform_down(past_stop);
        // Merging two projections to none brings a stop up that was not met on the way.
        moved.data()?.transform_up(without_stop).data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Rows up to which a step that gives so many is one that leaves rows out. Beyond them, holding what values are computed
/// from costs more than computing them: every sort has the limit of an answer.
const FEW_ROWS: usize = 8_192;

fn leaves_out(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<FilterExec>() || plan.fetch().is_some_and(|rows| rows <= FEW_ROWS)
}

/// What stopped projections.
fn stopped(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    plan.downcast_ref::<Stop>().map(|stop| &stop.input)
}

/// A step that no projection is moved past.
#[derive(Debug)]
struct Stop {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for Stop {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stop")
    }
}

impl ExecutionPlan for Stop {
    fn name(&self) -> &str {
        "Stop"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self { input })),
            None => internal_err!("a step without input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

fn without_stop(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    Ok(match stopped(&plan) {
        Some(below) => Transformed::yes(below.clone()),
        None => Transformed::no(plan),
    })
}

/// Takes stops away; of projections above them columns alone move on.
fn past_stop(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if let Some(below) = stopped(&plan) {
        return Ok(Transformed::yes(below.clone()));
    }
    let projection = plan.downcast_ref::<ProjectionExec>();
    let Some((projection, below)) = projection.and_then(|p| Some((p, stopped(p.input())?))) else {
        return remove_unnecessary_projections(plan);
    };
    if !projection.expr().iter().any(|e| is_computed(&e.expr)) {
        let exprs = projection.expr().to_vec();
        let moved = Arc::new(ProjectionExec::try_new(exprs, below.clone())?);
        return Ok(Transformed::yes(
            remove_unnecessary_projections(moved)?.data,
        ));
    }
    Ok(Transformed::yes(with_columns_below(projection, below)?))
}

/// A projection over a step that gives only the columns that are used.
fn with_columns_below(
    projection: &ProjectionExec,
    below: &Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let used = projection.expr().iter();
    let used = used.flat_map(|e| collect_columns(&e.expr));
    let used: BTreeSet<usize> = used.map(|column| column.index()).collect();
    let schema = below.schema();
    let columns = used.iter().map(|index| {
        let name = schema.field(*index).name();
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(name, *index));
        (column, name.clone())
    });
    let columns = ProjectionExec::try_new(columns.collect::<Vec<_>>(), below.clone())?;
    let below = remove_unnecessary_projections(Arc::new(columns))?.data;
    let mut places = vec![0; schema.fields().len()];
    for (place, index) in used.iter().enumerate() {
        places[*index] = place;
    }
    let exprs = projection.expr().iter().map(|e| {
        let expr = e.expr.clone().transform_down(|expr| {
            Ok(match expr.downcast_ref::<Column>() {
                Some(column) => {
                    let moved = Column::new(column.name(), places[column.index()]);
                    Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>)
                }
                None => Transformed::no(expr),
            })
        });
        Ok(ProjectionExpr::new(expr.data()?, e.alias.clone()))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ProjectionExec::try_new(exprs, below)?))
}

fn is_computed(expr: &Arc<dyn PhysicalExpr>) -> bool {
    !expr.is::<Column>() && !expr.is::<Literal>()
}
