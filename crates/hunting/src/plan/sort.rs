//! Orders: `sort`, `top` and `sample`.

use bartizan_kql::bound::{self, Plan, SortKey};
use bartizan_kql::types::Type;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr};

use super::{Planner, named};
use crate::error::HuntError;
use crate::functions;

impl Planner<'_> {
    pub(super) fn sort(
        &self,
        input: &Plan,
        keys: &[SortKey],
        fetch: Option<usize>,
    ) -> Result<LogicalPlan, HuntError> {
        let rows = self.relation(input)?;
        let mut sort = Vec::with_capacity(keys.len());
        // Keys are columns, so that what comes later can carry them along and the order stays known.
        let mut computed = Vec::new();
        let mut as_column = |value: Expr| match value {
            Expr::Column(_) => value,
            value => {
                let name = self.fresh_name();
                computed.push(value.alias(&name));
                named(&name)
            }
        };
        for key in keys {
            let value = self.expression(&key.expr)?;
            if key.expr.ty == Type::Real {
                // NaN sorts between null and the numbers, at either end.
                let rank = as_column(functions::real_rank(value.clone(), key.nulls_first));
                sort.push(SortExpr::new(rank, true, false));
            }
            sort.push(SortExpr::new(
                as_column(value),
                !key.descending,
                key.nulls_first,
            ));
        }
        ordered(rows, computed, sort, fetch)
    }

    /// Some rows by chance: the first ones by a random number.
    pub(super) fn sample(
        &self,
        input: &Plan,
        count: &bound::Expr,
    ) -> Result<LogicalPlan, HuntError> {
        let rows = self.relation(input)?;
        let count = self.row_count(count)?;
        // A column with a name of its own, as samples of samples have several.
        let name = self.fresh_name();
        let key = SortExpr::new(named(&name), true, false);
        ordered(
            rows,
            vec![functions::random().alias(&name)],
            vec![key],
            Some(count),
        )
    }
}

/// Rows in an order, of which some keys are computed first; with a number, the first of them.
fn ordered(
    rows: LogicalPlan,
    computed: Vec<Expr>,
    keys: Vec<SortExpr>,
    fetch: Option<usize>,
) -> Result<LogicalPlan, HuntError> {
    let mut builder = LogicalPlanBuilder::new(rows);
    if fetch == Some(0) {
        // The engine's sort cannot keep no rows.
        return Ok(builder.limit(0, Some(0))?.build()?);
    }
    if !computed.is_empty() {
        let all = builder.schema().columns().into_iter().map(Expr::Column);
        let columns: Vec<Expr> = all.chain(computed).collect();
        builder = builder.project(columns)?;
    }
    let sorted = match fetch {
        Some(fetch) => builder.sort_with_limit(keys, Some(fetch))?,
        None => builder.sort(keys)?,
    };
    Ok(sorted.build()?)
}
