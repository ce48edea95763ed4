//! Scalar expressions: constants, names, paths, signs, `and`/`or`.

use std::rc::Rc;

use crate::ast::{self, JoinSide, LogicalOp, UnaryOp};
use crate::bound::{BinaryOp, Expr, ExprKind, PathStep, ScalarFn, Value};
use crate::catalogue;
use crate::diagnostic::{Diagnostic, Span};
use crate::habit;
use crate::types::Type;

use super::constant::constant;
use super::convert::{coerce, promoted};
use super::environment::Binding;
use super::unknown::{null_of, type_of_unknown};
use super::{Binder, Relation, Rows, Weight, literal, reference, remap, suggest};

/// What an expression turned out to be.
pub(super) enum Meaning {
    /// A value; none after a mistake.
    Scalar(Option<Expr>),
    /// Rows, and the name that `withsource` calls them by.
    Tabular(Relation, Option<String>),
}

impl Binder<'_> {
    /// Binds a scalar expression; none after a mistake, which has been reported. Where nothing is wrong, but a column is not
    /// known, what has one type whatever its operands are is a null of it.
    pub(super) fn scalar(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Option<Expr> {
        let said = self.diagnostics.len();
        let bound = self.value(expr, rows);
        if bound.is_some() || self.diagnostics.len() > said {
            return bound;
        }
        type_of_unknown(expr).map(null_of)
    }

    fn value(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Option<Expr> {
        match &expr.kind {
            ast::ExprKind::Literal(value) => Some(constant(value)),
            ast::ExprKind::Name(name) => self.name(name, rows),
            ast::ExprKind::Call(_) => {
                self.nested(Weight::Call, expr.span, |b| b.compound(expr, rows))?
            }
            _ => self.nested(Weight::Operator, expr.span, |b| b.compound(expr, rows))?,
        }
    }

    fn compound(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Option<Expr> {
        match &expr.kind {
            ast::ExprKind::Paren(inner) => self.scalar(inner, rows),
            ast::ExprKind::Call(call) => self.call(call, rows),
            ast::ExprKind::Member { .. } | ast::ExprKind::Index { .. } => self.path(expr, rows),
            ast::ExprKind::Unary { op, operand } => self.unary(*op, operand, expr.span, rows),
            ast::ExprKind::Binary {
                op: ast::BinaryOp::Text(op),
                left,
                right,
                ..
            } if matches!(left.kind, ast::ExprKind::Star) => self.any_text(*op, right, rows),
            ast::ExprKind::Binary {
                op,
                at,
                left,
                right,
            } => {
                let left = self.scalar(left, rows);
                let said = self.diagnostics.len();
                let bound = self.scalar(right, rows);
                let text = left.as_ref().is_some_and(|left| left.ty == Type::String);
                if text && suggest::compares(*op) {
                    suggest::quotes(&mut self.diagnostics[said..], right);
                }
                let (left, bound) = (left?, bound?);
                if matches!(op, ast::BinaryOp::MatchesRegex) {
                    self.check_expression(&bound, right.span);
                }
                self.binary(*op, left, bound, *at)
            }
            ast::ExprKind::Logical {
                op,
                operands,
                places,
            } => self.logical(*op, operands, places, rows),
            ast::ExprKind::List { op, value, items } => {
                self.list(*op, value, items, expr.span, rows)
            }
            ast::ExprKind::Between {
                negated,
                at,
                value,
                low,
                high,
            } => self.between(*negated, [value, low, high], *at, rows),
            other => self.not_scalar(other, expr.span),
        }
    }

    fn not_scalar(&mut self, kind: &ast::ExprKind, span: Span) -> Option<Expr> {
        match kind {
            ast::ExprKind::Error => self.failed = true,
            ast::ExprKind::Star => {
                let error = Diagnostic::error("KS191", span, "The * syntax is not allowed here");
                let advice =
                    "Name the columns: without project all of them stay, and count() counts rows";
                self.report(error.with_suggestion(advice));
            }
            ast::ExprKind::Side(side) => {
                let name = if *side == JoinSide::Left {
                    "$left"
                } else {
                    "$right"
                };
                self.error(
                    "KS142",
                    span,
                    format!("'{name}' can be used only in the conditions of a join"),
                );
            }
            ast::ExprKind::TypeOf(_) => self.error(
                "KS108",
                span,
                "A type is not a value: scalar value expected",
            ),
            ast::ExprKind::MemberCall { .. } => {
                self.unsupported(span, "A function of another object")
            }
            _ => self.error("KS108", span, "Scalar value expected"),
        }
        None
    }

    /// Binds what may be a value or rows: an argument, the right side of `let`, an operand of `union`.
    pub(super) fn meaning(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Meaning {
        let tabular = match &expr.kind {
            ast::ExprKind::Tabular(tabular) => {
                Some(Meaning::Tabular(self.tabular(tabular), named_as(tabular)))
            }
            ast::ExprKind::Paren(inner) => {
                self.nested(Weight::Operator, expr.span, |b| b.meaning(inner, rows))
            }
            ast::ExprKind::Name(name) => self.tabular_name(name, rows),
            ast::ExprKind::Call(call) => self.tabular_call(call, rows),
            _ => return Meaning::Scalar(self.scalar(expr, rows)),
        };
        match tabular {
            Some(meaning) => meaning,
            None if matches!(
                expr.kind,
                ast::ExprKind::Tabular(_) | ast::ExprKind::Paren(_)
            ) =>
            {
                Meaning::Scalar(None)
            }
            None => Meaning::Scalar(self.scalar(expr, rows)),
        }
    }

    /// A name that stands for rows, or none.
    fn tabular_name(&mut self, name: &ast::Name, rows: Rows<'_>) -> Option<Meaning> {
        if rows.columns.iter().any(|c| c.name == name.text) {
            return None;
        }
        match self.environment.find(&name.text).cloned() {
            Some(Binding::Tabular(relation)) => Some(Meaning::Tabular(
                self.copy(&relation, name.span)
                    .unwrap_or_else(Self::unknown),
                Some(name.text.clone()),
            )),
            Some(Binding::Function(closure)) if closure.needs_no_arguments() => {
                match self.apply(&name.text, &closure, &[], None, rows, name.span) {
                    Meaning::Tabular(relation, _) => {
                        Some(Meaning::Tabular(relation, Some(name.text.clone())))
                    }
                    scalar => Some(scalar),
                }
            }
            Some(_) => None,
            None => self
                .table(&name.text)
                .map(|relation| Meaning::Tabular(relation, Some(name.text.clone()))),
        }
    }

    fn name(&mut self, name: &ast::Name, rows: Rows<'_>) -> Option<Expr> {
        if let Some(column) = rows.columns.iter().find(|c| c.name == name.text) {
            return (!self.poisoned.contains(&column.id)).then(|| reference(column));
        }
        if rows
            .aggregates
            .is_some_and(|columns| columns.iter().any(|c| c.name == name.text))
        {
            let message = format!(
                "{}The name '{}' is not an aggregate or scalar function",
                self.prefix(),
                name.text
            );
            self.error("KS236", name.span, message);
            return None;
        }
        match self.environment.find(&name.text).cloned() {
            Some(Binding::Scalar(value)) => return self.substitute(value.as_ref()?, name.span),
            Some(Binding::Function(closure)) if closure.needs_no_arguments() => {
                if let Meaning::Scalar(value) =
                    self.apply(&name.text, &closure, &[], None, rows, name.span)
                {
                    return value;
                }
            }
            None if self.scope.table(&name.text).is_none() => {
                if !self.is_pattern_variable(name) && !rows.open {
                    self.unknown_name(name, rows);
                }
                return None;
            }
            _ => {}
        }
        self.error(
            "KS108",
            name.span,
            format!("'{}' is not a scalar: scalar value expected", name.text),
        );
        None
    }

    /// A copy of a `let` value or an argument.
    fn substitute(&mut self, value: &Rc<Expr>, span: Span) -> Option<Expr> {
        // Constants are free; only what doubles itself has to be bounded.
        if !matches!(value.kind, ExprKind::Literal(_) | ExprKind::Column(_))
            && !self.spend(remap::expr_size(value), span)
        {
            return None;
        }
        Some(Expr::clone(value))
    }

    /// Says that a name is not known, with the nearest one that is.
    pub(super) fn unknown_name(&mut self, name: &ast::Name, rows: Rows<'_>) {
        if self.said_enough() {
            self.failed = true;
            return;
        }
        let message = format!(
            "{}Failed to resolve scalar expression named '{}'",
            self.prefix(),
            name.text
        );
        let mut diagnostic = Diagnostic::error("KS142", name.span, message);
        let variables = self.environment.visible();
        let columns = rows
            .aggregates
            .unwrap_or(rows.columns)
            .iter()
            .map(|c| c.name.as_str());
        let candidates = columns.chain(variables.iter().map(|(name, _)| *name));
        let near = suggest::closest(&name.text, candidates);
        let aggregate = rows.aggregates.is_some()
            && catalogue::aggregate_functions().any(|f| f.name == name.text);
        diagnostic.suggestion = if aggregate {
            Some(format!("Write {}(…)", name.text))
        } else {
            near.or_else(|| habit::name(&name.text)).map(str::to_owned)
        };
        self.report(diagnostic);
    }

    /// `a.b['c'][0]`: all steps from one base become one path.
    fn path(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Option<Expr> {
        let mut keys = Vec::new();
        let mut base = expr;
        loop {
            match &base.kind {
                ast::ExprKind::Member { object, name } => {
                    // In a `scan`, the state of a step.
                    if let Some(state) = self.state(object, &name.text, rows) {
                        return self.path_from(state, base, keys, rows);
                    }
                    // In a `graph-match`, a property of a node or an edge.
                    if let Some(property) = self.pattern_property(object, name, rows) {
                        return self.path_from(property?, base, keys, rows);
                    }
                    keys.push(Key::Member(&name.text));
                    base = object;
                }
                ast::ExprKind::Index { object, index } => {
                    keys.push(Key::Index(index));
                    base = object;
                }
                _ => break,
            }
        }
        let input = self.path_base(base, rows)?;
        self.path_from(input, base, keys, rows)
    }

    /// A path from a value by keys, the last one first.
    fn path_from(
        &mut self,
        input: Expr,
        base: &ast::Expr,
        keys: Vec<Key<'_>>,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        if keys.is_empty() {
            return Some(input);
        }
        let mut steps = Vec::with_capacity(keys.len());
        for key in keys.into_iter().rev() {
            steps.push(match key {
                Key::Member(name) => PathStep::Member(name.to_owned()),
                Key::Index(index) => self.path_step(index, rows)?,
            });
        }
        let input = self.walked(input, base)?;
        Some(match input.kind {
            ExprKind::Path {
                input,
                steps: mut first,
            } => {
                first.extend(steps);
                Expr {
                    kind: ExprKind::Path {
                        input,
                        steps: first,
                    },
                    ty: Type::Dynamic,
                }
            }
            _ => Expr {
                kind: ExprKind::Path {
                    input: Box::new(input),
                    steps,
                },
                ty: Type::Dynamic,
            },
        })
    }

    /// What a path walks into. A string is parsed first: recorded hunts do that with columns such as
    /// AdditionalFields, which are string in some tables and dynamic in others.
    fn walked(&mut self, input: Expr, base: &ast::Expr) -> Option<Expr> {
        match input.ty {
            Type::Dynamic => Some(input),
            Type::String => {
                let message = "A path into a string: the text is parsed as JSON";
                self.report(
                    Diagnostic::warning("BZ201", base.span, message).with_suggestion("parse_json"),
                );
                let kind = ExprKind::Call {
                    function: ScalarFn::ParseJson,
                    args: vec![input],
                };
                Some(Expr {
                    kind,
                    ty: Type::Dynamic,
                })
            }
            ty => {
                let message = format!(
                    "{}A path needs a dynamic value, this one is {ty}",
                    self.prefix()
                );
                self.error("KS147", base.span, message);
                None
            }
        }
    }

    fn path_step(&mut self, index: &ast::Expr, rows: Rows<'_>) -> Option<PathStep> {
        let bound = self.scalar(index, rows)?;
        Some(match (bound.kind, bound.ty) {
            (ExprKind::Literal(Value::String(key)), _) => PathStep::Member(key),
            (ExprKind::Literal(Value::Long(n)), _) => PathStep::Index(n),
            (ExprKind::Literal(Value::Int(n)), _) => PathStep::Index(i64::from(n)),
            (kind, ty @ (Type::String | Type::Long)) => {
                PathStep::Computed(Box::new(Expr { kind, ty }))
            }
            (kind, Type::Int) => PathStep::Computed(Box::new(coerce(
                Expr {
                    kind,
                    ty: Type::Int,
                },
                Type::Long,
            ))),
            (kind, Type::Dynamic) => PathStep::Computed(Box::new(coerce(
                Expr {
                    kind,
                    ty: Type::Dynamic,
                },
                Type::String,
            ))),
            _ => {
                self.error(
                    "KS141",
                    index.span,
                    "The expression must have one of the types: int, long or string",
                );
                return None;
            }
        })
    }

    fn unary(
        &mut self,
        op: UnaryOp,
        operand: &ast::Expr,
        span: Span,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let operand = self.scalar(operand, rows)?;
        let ty = match operand.ty {
            Type::TimeSpan | Type::Dynamic => operand.ty,
            ty if ty.is_numeric() => promoted(ty),
            ty => {
                let sign = if op == UnaryOp::Minus { '-' } else { '+' };
                let message = format!(
                    "{}The operator '{sign}' is not defined for {ty}",
                    self.prefix()
                );
                self.error("KS106", span, message);
                return None;
            }
        };
        if op == UnaryOp::Plus {
            return Some(coerce(operand, ty));
        }
        Some(match (&operand.kind, ty) {
            (ExprKind::Literal(Value::Long(n)), _) => literal(Value::Long(n.wrapping_neg()), ty),
            (ExprKind::Literal(Value::Real(n)), _) => literal(Value::Real(-n), ty),
            (ExprKind::Literal(Value::TimeSpan(n)), _) => {
                literal(Value::TimeSpan(n.wrapping_neg()), ty)
            }
            (_, Type::Dynamic) => {
                let real = Expr {
                    kind: ExprKind::Negate(Box::new(coerce(operand, Type::Real))),
                    ty: Type::Real,
                };
                coerce(real, ty)
            }
            _ => Expr {
                kind: ExprKind::Negate(Box::new(coerce(operand, ty))),
                ty,
            },
        })
    }

    fn logical(
        &mut self,
        op: LogicalOp,
        operands: &[ast::Expr],
        places: &[Span],
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let mut terms = Vec::with_capacity(operands.len());
        let mut complete = true;
        for (index, operand) in operands.iter().enumerate() {
            let Some(term) = self.scalar(operand, rows) else {
                complete = false;
                continue;
            };
            match term.ty {
                Type::Bool | Type::Dynamic => terms.push(coerce(term, Type::Bool)),
                ty => {
                    let word = if op == LogicalOp::And { "and" } else { "or" };
                    let message = format!(
                        "{}The operator '{word}' is not defined for {ty}",
                        self.prefix()
                    );
                    // The first operand stands before its operator, every other one behind it.
                    let at = places.get(index.saturating_sub(1)).copied();
                    let span = match at {
                        Some(at) if index == 0 => at,
                        Some(at) => at.to(operand.span),
                        None => operand.span,
                    };
                    let mut error = Diagnostic::error("KS106", span, message);
                    if ty == Type::String {
                        let advice = format!(
                            "Write the whole comparison again behind '{word}', or a list: x in (…, …)"
                        );
                        error = error.with_suggestion(advice);
                    }
                    self.report(error);
                    complete = false;
                }
            }
        }
        if !complete {
            return None;
        }
        let kind = if op == LogicalOp::And {
            ExprKind::And(terms)
        } else {
            ExprKind::Or(terms)
        };
        Some(Expr {
            kind,
            ty: Type::Bool,
        })
    }

    /// A condition: a bool, or nothing and a message.
    pub(super) fn condition(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Option<Expr> {
        let bound = self.scalar(expr, rows)?;
        if bound.ty == Type::Bool {
            return Some(bound);
        }
        let message = format!(
            "{}The expression must have the type bool, this one is {}",
            self.prefix(),
            bound.ty
        );
        self.error("KS141", expr.span, message);
        None
    }
}

/// The name that a pipeline's rows get by an `as` at its end.
fn named_as(tabular: &ast::Tabular) -> Option<String> {
    match tabular.operators.last().map(|o| &o.kind) {
        Some(ast::OperatorKind::As { name, .. }) => Some(name.text.clone()),
        _ => None,
    }
}

enum Key<'a> {
    Member(&'a str),
    Index(&'a ast::Expr),
}

/// `not(expr)`.
pub(super) fn negated(expr: Expr) -> Expr {
    Expr {
        kind: ExprKind::Not(Box::new(expr)),
        ty: Type::Bool,
    }
}

/// A binary operator whose operands fit already.
pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr, ty: Type) -> Expr {
    Expr {
        kind: ExprKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        },
        ty,
    }
}
