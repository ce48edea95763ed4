//! What conditions on times say about a file's statistics, while a query runs.
//!
//! Times are compared in ticks, files hold them in other units. Beside each comparison of a time that is read with a
//! value goes the comparison of the stored time, which lets at least the same rows pass and which statistics
//! understand. That includes the moment from which on rows can still be among the newest n.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use bartizan_kql::time::TICKS_PER_DAY;
use datafusion::common::tree_node::{
    Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, Literal,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use crate::events::TICKS_FROM_TIMESTAMP;
use crate::functions::READS_DATETIME;

/// 1970-01-01 in ticks.
pub(crate) const UNIX_EPOCH: i64 = 719_162 * TICKS_PER_DAY;

/// Adds comparisons of stored times to those of times in ticks.
#[derive(Debug)]
pub(crate) struct StoredTimes {
    /// What else is done for a file.
    pub(crate) then: Arc<dyn PhysicalExprAdapterFactory>,
}

impl PhysicalExprAdapterFactory for StoredTimes {
    fn create(
        &self,
        logical_file_schema: SchemaRef,
        physical_file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let table = logical_file_schema.clone();
        let rest = self
            .then
            .create(logical_file_schema, physical_file_schema)?;
        Ok(Arc::new(Adapter { table, rest }))
    }
}

#[derive(Debug)]
struct Adapter {
    table: SchemaRef,
    rest: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = expr
            .transform_down(|expr| {
                let stored = match expr.downcast_ref::<DynamicFilterPhysicalExpr>() {
                    Some(filter) => stored(&self.table, &filter.current()?),
                    None if is_comparison(&expr) => stored(&self.table, &expr),
                    None => None,
                };
                Ok(match stored {
                    Some(stored) => {
                        let both = binary(expr, Operator::And, stored);
                        Transformed::new(both, true, TreeNodeRecursion::Jump)
                    }
                    None => Transformed::no(expr),
                })
            })
            .data()?;
        self.rest.rewrite(expr)
    }
}

fn binary(
    left: Arc<dyn PhysicalExpr>,
    op: Operator,
    right: Arc<dyn PhysicalExpr>,
) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(left, op, right))
}

fn is_comparison(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<BinaryExpr>()
        .is_some_and(|binary| !matches!(binary.op(), Operator::And | Operator::Or))
}

/// A condition over stored times that lets at least the same rows pass; none when nothing is known.
fn stored(table: &Schema, expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
    let compared = expr.downcast_ref::<BinaryExpr>()?;
    match compared.op() {
        Operator::And => match (
            stored(table, compared.left()),
            stored(table, compared.right()),
        ) {
            (Some(left), Some(right)) => Some(binary(left, Operator::And, right)),
            (left, right) => left.or(right),
        },
        Operator::Or => {
            let left = stored(table, compared.left())?;
            Some(binary(left, Operator::Or, stored(table, compared.right())?))
        }
        op => {
            let read = compared.left().downcast_ref::<ScalarFunctionExpr>()?;
            if ![READS_DATETIME, TICKS_FROM_TIMESTAMP].contains(&read.fun().name()) {
                return None;
            }
            let input = read.args().first()?;
            let column = input.downcast_ref::<Column>()?;
            let value = compared.right().downcast_ref::<Literal>()?.value();
            let ScalarValue::Int64(Some(ticks)) = value else {
                return None;
            };
            let ty = table.field_with_name(column.name()).ok()?.data_type();
            stored_bounds(ty, *op, *ticks)?
                .into_iter()
                .map(|(op, value)| binary(input.clone(), op, Arc::new(Literal::new(value))))
                .reduce(|a, b| binary(a, Operator::And, b))
        }
    }
}

/// `stored time op value` for a comparison of the time in ticks: between them they let at least the same rows pass.
pub(crate) fn stored_bounds(
    stored: &DataType,
    op: Operator,
    ticks: i64,
) -> Option<Vec<(Operator, ScalarValue)>> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq};
    let DataType::Timestamp(unit, zone) = stored else {
        return None;
    };
    let moment = |value: i64| match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(Some(value), zone.clone()),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(Some(value), zone.clone()),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(value), zone.clone()),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(Some(value), zone.clone()),
    };
    let (below, above) = around(ticks, *unit)?;
    let (from, to) = ((GtEq, moment(below)), (LtEq, moment(above)));
    match op {
        Gt | GtEq => Some(vec![from]),
        Lt | LtEq => Some(vec![to]),
        Eq => Some(vec![from, to]),
        _ => None,
    }
}

/// The last moment of a unit that is not after, and the first that is not before.
fn around(ticks: i64, unit: TimeUnit) -> Option<(i64, i64)> {
    let since = ticks.checked_sub(UNIX_EPOCH)?;
    let per = match unit {
        TimeUnit::Second => 10_000_000,
        TimeUnit::Millisecond => 10_000,
        TimeUnit::Microsecond => 10,
        // A nanosecond is cut off to its tick.
        TimeUnit::Nanosecond => {
            return Some((
                since.checked_mul(100)?,
                since.checked_mul(100)?.checked_add(99)?,
            ));
        }
    };
    let below = since.div_euclid(per);
    Some((below, below + i64::from(since.rem_euclid(per) != 0)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::datatypes::Field;
    use datafusion::common::config::ConfigOptions;
    use datafusion::logical_expr::ScalarUDF;
    use datafusion::physical_expr_adapter::DefaultPhysicalExprAdapterFactory;

    use super::*;
    use crate::events::ticks_from_timestamp;

    /// What the adapter of files with a time in nanoseconds makes of `function(time) > ticks`.
    fn adapted(function: Arc<ScalarUDF>, ticks: i64) -> String {
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let schema = Arc::new(Schema::new_with_metadata(
            vec![Field::new("Time", time, true)],
            HashMap::new(),
        ));
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new("Time", 0));
        let config = Arc::new(ConfigOptions::default());
        let call = ScalarFunctionExpr::try_new(function, vec![column], &schema, config).unwrap();
        let value = Arc::new(Literal::new(ScalarValue::Int64(Some(ticks))));
        let adapter = StoredTimes {
            then: Arc::new(DefaultPhysicalExprAdapterFactory),
        };
        let adapter = adapter.create(schema.clone(), schema).unwrap();
        let expr = binary(Arc::new(call), Operator::Gt, value);
        adapter.rewrite(expr).unwrap().to_string()
    }

    #[test]
    fn a_time_of_an_event_file_is_compared_as_it_is_stored_too() {
        let text = adapted(ticks_from_timestamp(), UNIX_EPOCH + 25);
        assert_eq!(
            text,
            format!(
                "ticks_from_timestamp(Time@0) > {} AND Time@0 >= 2500",
                UNIX_EPOCH + 25
            )
        );
        // What no nanosecond can say is left to the comparison in ticks.
        let text = adapted(ticks_from_timestamp(), 5);
        assert_eq!(text, "ticks_from_timestamp(Time@0) > 5");
    }
}
