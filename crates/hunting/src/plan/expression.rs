//! Scalar expressions.

use bartizan_kql::bound::{self, BinaryOp, ExprKind, GeoFn, PathStep, ScalarFn, Set, SetOp};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Case, Expr, Operator, binary_expr};

use super::predicate::balanced;
use super::relation::operator;
use super::{Planner, column};
use crate::error::HuntError;
use crate::functions::{self, Step};

impl Planner<'_> {
    /// A scalar expression with KQL's exact value, null included.
    pub(super) fn expression(&self, expr: &bound::Expr) -> Result<Expr, HuntError> {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(Expr::Literal(functions::scalar(value, expr.ty), None)),
            ExprKind::Column(id) => Ok(column(*id)),
            ExprKind::Cast(inner) => {
                let value = self.expression(inner)?;
                Ok(functions::cast(value, inner.ty, expr.ty))
            }
            ExprKind::Call { function, args } => {
                let args = args
                    .iter()
                    .map(|a| Ok((self.expression(a)?, a.ty)))
                    .collect::<Result<Vec<_>, HuntError>>()?;
                if *function == ScalarFn::Geo(GeoFn::InfoFromIpAddress) {
                    return functions::geo_info(args, self.context.places.clone());
                }
                functions::call(*function, args, expr.ty, self.context.now_ticks)
            }
            ExprKind::Negate(inner) => {
                let value = self.expression(inner)?;
                Ok(functions::negate(value, inner.ty, expr.ty))
            }
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, expr.ty),
            ExprKind::StringTest {
                op,
                case_sensitive,
                left,
                right,
            } => {
                let (l, r) = (self.expression(left)?, self.expression(right)?);
                Ok(functions::string_test(*op, *case_sensitive, l, r))
            }
            ExprKind::SetTest {
                op,
                case_sensitive,
                input,
                set,
            } => self.set_test(*op, *case_sensitive, input, set),
            ExprKind::And(terms) => self.connected(Operator::And, terms),
            ExprKind::Or(terms) => self.connected(Operator::Or, terms),
            ExprKind::Not(inner) => Ok(!self.expression(inner)?),
            ExprKind::Case {
                branches,
                otherwise,
            } => {
                let when_then = branches
                    .iter()
                    .map(|(when, then)| {
                        Ok((
                            Box::new(self.expression(when)?),
                            Box::new(self.expression(then)?),
                        ))
                    })
                    .collect::<Result<Vec<_>, HuntError>>()?;
                let otherwise = Some(Box::new(self.expression(otherwise)?));
                Ok(Expr::Case(Case::new(None, when_then, otherwise)))
            }
            ExprKind::Path { input, steps } => self.path(input, steps),
            ExprKind::SharedScalar(id) => {
                let result = self.shared(*id)?;
                let value = match result.batches.iter().find(|b| b.num_rows() > 0) {
                    Some(batch) => ScalarValue::try_from_array(batch.column(0), 0)?,
                    None => functions::null_of(expr.ty),
                };
                Ok(Expr::Literal(value, None))
            }
        }
    }

    fn connected(&self, op: Operator, terms: &[bound::Expr]) -> Result<Expr, HuntError> {
        let parts = terms
            .iter()
            .map(|t| self.expression(t))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(balanced(op, parts))
    }

    /// An operator with its exact value.
    pub(super) fn binary(
        &self,
        op: BinaryOp,
        left: &bound::Expr,
        right: &bound::Expr,
        ty: Type,
    ) -> Result<Expr, HuntError> {
        let (l, r) = (self.expression(left)?, self.expression(right)?);
        let same = left.ty == right.ty;
        let plain = |ty: Type| matches!(ty, Type::Long | Type::DateTime | Type::TimeSpan);
        let native = match op {
            // Wrapping 64-bit addition is DataFusion's as well.
            BinaryOp::Add | BinaryOp::Sub if plain(left.ty) && plain(right.ty) => {
                Some(if op == BinaryOp::Add {
                    Operator::Plus
                } else {
                    Operator::Minus
                })
            }
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge
                if same && !matches!(left.ty, Type::Real | Type::Dynamic) =>
            {
                operator(op)
            }
            BinaryOp::Eq | BinaryOp::Ne if same && left.ty == Type::String => operator(op),
            _ => None,
        };
        Ok(match native {
            Some(operator) => binary_expr(l, operator, r),
            None => functions::binary(op, (l, left.ty), (r, right.ty), ty),
        })
    }

    fn set_test(
        &self,
        op: SetOp,
        case_sensitive: bool,
        input: &bound::Expr,
        set: &Set,
    ) -> Result<Expr, HuntError> {
        let value = self.expression(input)?;
        if let Set::Array(array) = set {
            let array = self.expression(array)?;
            return Ok(functions::array_test(
                op,
                case_sensitive,
                (value, input.ty),
                array,
            ));
        }
        if let Some(values) = self.literals(set, input.ty)? {
            return Ok(functions::set_test(
                op,
                case_sensitive,
                (value, input.ty),
                values,
            ));
        }
        // Items that differ from row to row: one test each.
        let Set::Items(items) = set else {
            return Err(HuntError::Internal("a set of unknown values".into()));
        };
        let tests = items
            .iter()
            .map(|item| {
                let right = self.expression(item)?;
                Ok(functions::single_test(
                    op,
                    case_sensitive,
                    (value.clone(), input.ty),
                    (right, item.ty),
                ))
            })
            .collect::<Result<Vec<_>, HuntError>>()?;
        Ok(balanced(
            if op == SetOp::HasAll {
                Operator::And
            } else {
                Operator::Or
            },
            tests,
        ))
    }

    fn path(&self, input: &bound::Expr, steps: &[PathStep]) -> Result<Expr, HuntError> {
        let mut computed = Vec::new();
        let mut plan = Vec::with_capacity(steps.len());
        for step in steps {
            plan.push(match step {
                PathStep::Member(name) => Step::Member(name.clone()),
                PathStep::Index(i) => Step::Index(*i),
                PathStep::Computed(expr) => {
                    computed.push((self.expression(expr)?, expr.ty));
                    Step::Argument(computed.len())
                }
            });
        }
        // `parse_json(text).a.b` on a text: the path is walked in the text, which needs no parsing as a whole.
        Ok(functions::path(self.expression(input)?, plan, computed))
    }
}
