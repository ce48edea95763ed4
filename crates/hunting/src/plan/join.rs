//! Joins.

use bartizan_kql::bound::{self, JoinKind, Plan};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder};

use super::relation::is_sorted;
use super::rows::{RowNode, RowOp};
use super::{Planner, column, column_name, named, never_null};
use crate::error::HuntError;

impl Planner<'_> {
    pub(super) fn join(
        &self,
        plan: &Plan,
        kind: JoinKind,
        left: &Plan,
        right: &Plan,
        on: &[(bound::Expr, bound::Expr)],
    ) -> Result<LogicalPlan, HuntError> {
        let (left_exprs, right_exprs): (Vec<_>, Vec<_>) = on.iter().map(|(l, r)| (l, r)).unzip();
        let (mut left_rows, left_keys) = self.with_keys(left, &left_exprs, "l")?;
        let (right_rows, right_keys) = self.with_keys(right, &right_exprs, "r")?;
        if kind == JoinKind::InnerUnique {
            left_rows = RowNode::plan(
                left_rows,
                RowOp::FirstPerKey {
                    keys: left_keys.clone(),
                },
                is_sorted(left),
            )?;
        }
        let join_type = match kind {
            JoinKind::InnerUnique | JoinKind::Inner => JoinType::Inner,
            JoinKind::LeftOuter => JoinType::Left,
            JoinKind::RightOuter => JoinType::Right,
            JoinKind::FullOuter => JoinType::Full,
            JoinKind::LeftSemi => JoinType::LeftSemi,
            JoinKind::RightSemi => JoinType::RightSemi,
            JoinKind::LeftAnti => JoinType::LeftAnti,
            JoinKind::RightAnti => JoinType::RightAnti,
        };
        let keys = |names: Vec<String>| names.iter().map(|n| named(n)).collect::<Vec<Expr>>();
        let joined = LogicalPlanBuilder::new(left_rows)
            .join_with_expr_keys(
                right_rows,
                join_type,
                (keys(left_keys), keys(right_keys)),
                None,
            )?
            .build()?;
        let outer = matches!(
            kind,
            JoinKind::LeftOuter | JoinKind::RightOuter | JoinKind::FullOuter
        );
        if !outer {
            return self.select(plan, joined);
        }
        let columns = plan
            .columns
            .iter()
            .filter(|c| !self.unread.contains(&c.id))
            .map(|c| never_null(column(c.id), c.ty).alias(column_name(c.id)))
            .collect::<Vec<_>>();
        Ok(LogicalPlanBuilder::new(joined).project(columns)?.build()?)
    }

    /// The rows of a side with its key expressions as columns, and the names of those.
    fn with_keys(
        &self,
        side: &Plan,
        keys: &[&bound::Expr],
        prefix: &str,
    ) -> Result<(LogicalPlan, Vec<String>), HuntError> {
        let rows = self.relation(side)?;
        let mut columns = self.carried(&side.columns);
        let mut names = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let name = format!("{prefix}{i}");
            columns.push(self.expression(key)?.alias(&name));
            names.push(name);
        }
        let rows = LogicalPlanBuilder::new(rows).project(columns)?.build()?;
        Ok((rows, names))
    }
}
