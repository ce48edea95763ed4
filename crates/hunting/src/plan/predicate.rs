//! Conditions. KQL's `==` and `!=` know no null: one null side is simply different. DataFusion's comparisons do,
//! and only those can be pushed down to the storage, so they are used wherever the outcome is the same.

use bartizan_kql::bound::{self, BinaryOp, ExprKind, Node, Plan, Set, SetOp, StringOp};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};

use super::Planner;
use super::relation::operator;
use crate::error::HuntError;
use crate::functions;

/// Conditions of one filter that DataFusion sees one by one, to push them down.
const MOST_CONJUNCTS: usize = 64;

impl Planner<'_> {
    /// A condition for a filter: true exactly when `expr` (or with `negated` its negation) is true; where it is not
    /// true it may be false or null, whichever is cheaper.
    pub(super) fn predicate(&self, expr: &bound::Expr, negated: bool) -> Result<Expr, HuntError> {
        match &expr.kind {
            ExprKind::And(terms) => self.connect(terms.iter().collect(), negated, !negated),
            ExprKind::Or(terms) => self.connect(terms.iter().collect(), negated, negated),
            ExprKind::Not(inner) => self.predicate(inner, !negated),
            ExprKind::Binary { op, left, right } => {
                let op = if negated {
                    negate(*op, left.ty)
                } else {
                    Some(*op)
                };
                match op {
                    Some(op) => self.filter_comparison(op, left, right),
                    None => Ok(!self.expression(expr)?),
                }
            }
            ExprKind::SetTest {
                op: SetOp::In,
                case_sensitive: true,
                input,
                set,
            } if input.ty != Type::Dynamic && input.ty != Type::Real => {
                match self.literals(set, input.ty)? {
                    Some(values) => self.filter_in(input, values, negated),
                    None => self.negated(self.expression(expr)?, negated),
                }
            }
            _ => self.negated(self.expression(expr)?, negated),
        }
    }

    fn negated(&self, expr: Expr, negated: bool) -> Result<Expr, HuntError> {
        Ok(if negated { !expr } else { expr })
    }

    /// Filters that follow each other are one, so that the cheap conditions of all come first.
    pub(super) fn filter(
        &self,
        input: &Plan,
        predicate: &bound::Expr,
    ) -> Result<LogicalPlan, HuntError> {
        let (mut input, mut terms) = (input, vec![predicate]);
        while let Node::Filter {
            input: below,
            predicate,
        } = &input.node
        {
            terms.insert(0, predicate);
            input = below;
        }
        let rows = self.relation(input)?;
        let predicate = self.conjunction(&terms)?;
        Ok(LogicalPlanBuilder::new(rows).filter(predicate)?.build()?)
    }

    /// Several filters as one, as [`Self::predicate`].
    fn conjunction(&self, filters: &[&bound::Expr]) -> Result<Expr, HuntError> {
        let terms: Vec<&bound::Expr> = filters
            .iter()
            .flat_map(|filter| match &filter.kind {
                ExprKind::And(terms) => terms.iter().collect(),
                _ => vec![*filter],
            })
            .collect();
        match terms.as_slice() {
            [only] => self.predicate(only, false),
            _ => self.connect(terms, false, true),
        }
    }

    /// Terms as conditions; `all` when all have to hold. Or-ed tests of one column become one test.
    fn connect(
        &self,
        mut ordered: Vec<&bound::Expr>,
        negated: bool,
        all: bool,
    ) -> Result<Expr, HuntError> {
        let op = if all { Operator::And } else { Operator::Or };
        // What is cheap goes first: it decides most rows, and the rest sees only what is left.
        ordered.sort_by_key(|t| cost(t));
        // Or-ed terms, negated or not; and-ed ones are not for one pass.
        let merged = if negated == all {
            self.merge_tests(&ordered, negated)?
        } else {
            None
        };
        let mut parts = match merged {
            Some(parts) => parts,
            None => ordered
                .into_iter()
                .map(|t| self.predicate(t, negated))
                .collect::<Result<Vec<_>, _>>()?,
        };
        if all && parts.len() > MOST_CONJUNCTS {
            // DataFusion takes conjunctions apart and puts them together as a chain, which must not grow deep.
            let size = parts.len().div_ceil(MOST_CONJUNCTS);
            parts = parts
                .chunks(size)
                .map(|chunk| balanced(op, chunk.to_vec()).is_true())
                .collect();
        }
        Ok(balanced(op, parts))
    }

    /// `a contains "x" or a contains "y" …`: tests of the same kind on the same text are done in one pass over it.
    fn merge_tests(
        &self,
        terms: &[&bound::Expr],
        negated: bool,
    ) -> Result<Option<Vec<Expr>>, HuntError> {
        type Group<'t> = (StringOp, bool, &'t bound::Expr, Vec<String>);
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut others = Vec::new();
        for &term in terms {
            let ExprKind::StringTest {
                op,
                case_sensitive,
                left,
                right,
            } = &term.kind
            else {
                others.push(term);
                continue;
            };
            let (ExprKind::Literal(bound::Value::String(text)), ExprKind::Column(_)) =
                (&right.kind, &left.kind)
            else {
                others.push(term);
                continue;
            };
            if *op == StringOp::MatchesRegex {
                others.push(term);
                continue;
            }
            match groups
                .iter_mut()
                .find(|g| g.0 == *op && g.1 == *case_sensitive && *g.2 == **left)
            {
                Some(group) => group.3.push(text.clone()),
                None => groups.push((*op, *case_sensitive, left, vec![text.clone()])),
            }
        }
        if groups.len() + others.len() == terms.len() {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for (op, case_sensitive, left, patterns) in groups {
            let left = self.expression(left)?;
            let test = functions::test_any(op, case_sensitive, left, patterns);
            parts.push(if negated { !test } else { test });
        }
        for term in others {
            parts.push(self.predicate(term, negated)?);
        }
        Ok(Some(parts))
    }

    /// A comparison in a filter.
    fn filter_comparison(
        &self,
        op: BinaryOp,
        left: &bound::Expr,
        right: &bound::Expr,
    ) -> Result<Expr, HuntError> {
        let native = left.ty == right.ty && !matches!(left.ty, Type::Dynamic | Type::Real);
        let (Some(operator), true) = (operator(op), native) else {
            return self.binary(op, left, right, Type::Bool);
        };
        let (l, r) = (self.expression(left)?, self.expression(right)?);
        if op != BinaryOp::Ne || left.ty == Type::String {
            return Ok(binary_expr(l, operator, r));
        }
        // null != 5 is true; null != null is null, which a filter drops like false.
        Ok(binary_expr(l, Operator::IsDistinctFrom, r))
    }

    fn filter_in(
        &self,
        input: &bound::Expr,
        values: Vec<ScalarValue>,
        negated: bool,
    ) -> Result<Expr, HuntError> {
        let input_expr = self.expression(input)?;
        let list: Vec<Expr> = values
            .into_iter()
            .filter(|v| !v.is_null())
            .map(|v| Expr::Literal(v, None))
            .collect();
        if list.is_empty() {
            return Ok(datafusion::logical_expr::lit(negated));
        }
        let nullable = input.ty != Type::String;
        if !negated {
            return Ok(input_expr.in_list(list, false));
        }
        let outside = input_expr.clone().in_list(list, true);
        Ok(if nullable {
            outside.or(input_expr.is_null())
        } else {
            outside
        })
    }

    /// The constants of a set, or none when one is known only per row.
    pub(super) fn literals(
        &self,
        set: &Set,
        ty: Type,
    ) -> Result<Option<Vec<ScalarValue>>, HuntError> {
        match set {
            Set::Items(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    match self.literal(item)? {
                        Some(value) => values.push(value),
                        None => return Ok(None),
                    }
                }
                Ok(Some(values))
            }
            Set::Array(_) => Ok(None),
            Set::Shared(id) => {
                let element = self
                    .query
                    .shared
                    .get(id.0 as usize)
                    .and_then(|p| p.columns.first())
                    .map(|c| c.ty);
                let result = self.shared(*id)?;
                functions::set_values(&result.batches, element.unwrap_or(ty), ty).map(Some)
            }
        }
    }

    /// The value of an expression that has no columns.
    fn literal(&self, expr: &bound::Expr) -> Result<Option<ScalarValue>, HuntError> {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(Some(functions::scalar(value, expr.ty))),
            _ if is_constant(expr) => self.constant(expr).map(Some),
            _ => Ok(None),
        }
    }
}

/// What a term costs per row, roughly: comparisons of numbers least, searches in texts and walks through JSON most.
fn cost(expr: &bound::Expr) -> u32 {
    if is_constant(expr) {
        return 0;
    }
    let own = match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column(_) | ExprKind::SharedScalar(_) => 0,
        ExprKind::Binary { left, right, .. } => match (left.ty, right.ty) {
            (Type::Dynamic, _) | (_, Type::Dynamic) => 40,
            _ => 1,
        },
        ExprKind::Not(_) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Negate(_) => 0,
        ExprKind::SetTest {
            op: SetOp::In,
            input,
            ..
        } if input.ty == Type::String => 2,
        ExprKind::SetTest { op: SetOp::In, .. } => 5,
        ExprKind::SetTest { .. } => 25,
        ExprKind::StringTest { op, .. } => match op {
            StringOp::Equals => 2,
            StringOp::StartsWith => 4,
            StringOp::EndsWith => 6,
            StringOp::MatchesRegex => 60,
            _ => 20,
        },
        ExprKind::Cast(inner) if inner.ty == Type::Dynamic => 20,
        ExprKind::Cast(_) | ExprKind::Case { .. } => 10,
        ExprKind::Call { .. } => 30,
        ExprKind::Path { .. } => 100,
    };
    let mut below = 0u32;
    each_operand(expr, &mut |operand| {
        below = below.saturating_add(cost(operand))
    });
    own + below.min(1_000_000)
}

/// Calls `visit` with the operands of an expression.
fn each_operand(expr: &bound::Expr, visit: &mut impl FnMut(&bound::Expr)) {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column(_) | ExprKind::SharedScalar(_) => {}
        ExprKind::Cast(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => visit(inner),
        ExprKind::Call { args, .. } => args.iter().for_each(visit),
        ExprKind::And(terms) | ExprKind::Or(terms) => terms.iter().for_each(visit),
        ExprKind::Binary { left, right, .. } | ExprKind::StringTest { left, right, .. } => {
            visit(left);
            visit(right);
        }
        ExprKind::SetTest { input, .. } | ExprKind::Path { input, .. } => visit(input),
        ExprKind::Case {
            branches,
            otherwise,
        } => {
            for (when, then) in branches {
                visit(when);
                visit(then);
            }
            visit(otherwise);
        }
    }
}

/// The comparison that is true when `op` is not, or none. With NaN `<` and `>=` are both false.
fn negate(op: BinaryOp, ty: Type) -> Option<BinaryOp> {
    let ordered = ty != Type::Real && ty != Type::Dynamic;
    Some(match op {
        BinaryOp::Eq => BinaryOp::Ne,
        BinaryOp::Ne => BinaryOp::Eq,
        BinaryOp::Lt if ordered => BinaryOp::Ge,
        BinaryOp::Le if ordered => BinaryOp::Gt,
        BinaryOp::Gt if ordered => BinaryOp::Le,
        BinaryOp::Ge if ordered => BinaryOp::Lt,
        _ => return None,
    })
}

/// Connects terms in a tree of logarithmic depth: chains of thousands must not recurse deeply.
pub(super) fn balanced(op: Operator, mut parts: Vec<Expr>) -> Expr {
    match parts.len() {
        0 => datafusion::logical_expr::lit(op == Operator::And),
        1 => parts.remove(0),
        n => {
            let right = parts.split_off(n / 2);
            binary_expr(balanced(op, parts), op, balanced(op, right))
        }
    }
}

/// Whether an expression has neither columns nor randomness.
pub(super) fn is_constant(expr: &bound::Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::SharedScalar(_) => true,
        ExprKind::Column(_) => false,
        ExprKind::Cast(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => {
            is_constant(inner)
        }
        ExprKind::Call { function, args } => {
            !functions::is_volatile(*function) && args.iter().all(is_constant)
        }
        ExprKind::Binary { left, right, .. } => is_constant(left) && is_constant(right),
        _ => false,
    }
}
