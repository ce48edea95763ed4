//! Conditions on values within JSON text: whether the text is JSON at all is asked last, of the few rows that they let
//! through.
//!
//! A path into a text that is no JSON leads to null. A condition that no null passes may as well be tested on whatever
//! stands at the end of the path, as long as the rows that pass are tested to hold JSON afterwards.

use arrow::array::AsArray as _;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{ColumnarValue, Expr, Filter, LogicalPlan};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::create_physical_expr;

use crate::functions::untested;

/// Moves the tests of texts behind the conditions on what is in them.
#[derive(Debug)]
pub(crate) struct LateTests;

impl OptimizerRule for LateTests {
    fn name(&self) -> &str {
        "late_tests"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = plan else {
            return Ok(Transformed::no(plan));
        };
        let (mut terms, mut tests) = (Vec::new(), Vec::new());
        for term in split_conjunction_owned(filter.predicate.clone()) {
            match late(&term)? {
                Some((test, rest)) => {
                    // Without nulls the next term sees only the rows that passed.
                    terms.push(rest.is_true());
                    if !tests.contains(&test) {
                        tests.push(test);
                    }
                }
                None => terms.push(term),
            }
        }
        if tests.is_empty() {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        }
        terms.extend(tests);
        let Some(predicate) = conjunction(terms) else {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        };
        let filter = Filter::try_new(predicate, filter.input)?;
        Ok(Transformed::yes(LogicalPlan::Filter(filter)))
    }
}

/// A condition as the test of one text, and what has to hold beside it; none when it has to stay as it is.
fn late(condition: &Expr) -> Result<Option<(Expr, Expr)>> {
    if condition.is_volatile() {
        return Ok(None);
    }
    let mut tests = Vec::new();
    let rest = condition.clone().transform_down(|expr| {
        Ok(match untested(&expr) {
            Some((test, value)) => {
                tests.push(test);
                Transformed::new(value, true, TreeNodeRecursion::Jump)
            }
            None => Transformed::no(expr),
        })
    })?;
    let one_text = tests.windows(2).all(|pair| pair[0] == pair[1]);
    match tests.pop() {
        Some(test) if one_text && !passes_null(condition)? => Ok(Some((test, rest.data))),
        _ => Ok(None),
    }
}

/// Whether a condition may hold where its text is none. What depends on other columns, too, may.
fn passes_null(condition: &Expr) -> Result<bool> {
    let nothing = condition.clone().transform_down(|expr| {
        Ok(match untested(&expr) {
            Some(_) => {
                let null = Expr::Literal(ScalarValue::Utf8View(None), None);
                Transformed::new(null, true, TreeNodeRecursion::Jump)
            }
            None => Transformed::no(expr),
        })
    })?;
    if !nothing.data.column_refs().is_empty() {
        return Ok(true);
    }
    let (schema, properties) = (DFSchema::empty(), ExecutionProps::new());
    let context = PhysicalPlanningContext::default();
    // What cannot be evaluated on its own, such as a subquery, has to stay.
    let Ok(outcome) = create_physical_expr(&nothing.data, &schema, &properties, &context) else {
        return Ok(true);
    };
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
    let row = arrow::array::RecordBatch::try_new_with_options(
        std::sync::Arc::new(arrow::datatypes::Schema::empty()),
        Vec::new(),
        &options,
    )?;
    Ok(match outcome.evaluate(&row) {
        Ok(ColumnarValue::Scalar(ScalarValue::Boolean(passed))) => passed == Some(true),
        Ok(ColumnarValue::Array(array)) => array
            .as_boolean_opt()
            .is_none_or(|passed| passed.iter().any(|p| p == Some(true))),
        _ => true,
    })
}
