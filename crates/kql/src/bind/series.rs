//! `make-series`: a `summarize` over bins of the axis, whose rows a plugin then makes arrays of.

use crate::ast::{self, BinaryOp, SeriesBounds};
use crate::bound::{Column, Expr, Node, Plan, Plugin, Value};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::naming::name_of;
use super::tabular::wrap;
use super::{Binder, Relation, Rows, literal, reference, written};

/// The clauses of the axis.
struct Axis<'a> {
    from: Option<&'a ast::Expr>,
    to: Option<&'a ast::Expr>,
    step: &'a ast::Expr,
    inclusive: bool,
}

impl Binder<'_> {
    /// Binds `make-series`.
    pub(super) fn make_series(
        &mut self,
        input: Relation,
        series: &ast::MakeSeries,
        span: Span,
    ) -> Relation {
        let Some(axis) = self.axis(&series.bounds, span) else {
            return Self::unknown();
        };
        let axis_name = series
            .axis
            .names
            .first()
            .map(|n| n.text.clone())
            .or_else(|| name_of(&series.axis.expr))
            .unwrap_or_else(|| "Column1".to_owned());
        let axis_type = self
            .scalar(&series.axis.expr, Rows::of(&input))
            .map(|e| e.ty);
        if axis_type.is_some_and(|ty| !is_axis(ty)) {
            let message = "'make-series' operator: The step does not fit the axis: a number, datetime or timespan is expected";
            self.error("KS178", axis.step.span, message);
            return Self::unknown();
        }
        let input = self.inside(input, &series.axis.expr, &axis);
        let binned = self.binned(&series.axis.expr, &axis);
        let mut by = series.by.clone();
        by.push(written::named("$axis", binned));
        let summarize = ast::Summarize {
            aggregates: series.aggregates.iter().map(|a| a.item.clone()).collect(),
            by: Some(by),
            parameters: Vec::new(),
        };
        let summarized = self.summarize(input, &summarize);
        self.operator = "make-series";
        let groups = series.by.len();
        let (columns, open) = (summarized.plan.columns.clone(), summarized.open);
        if columns.len() != groups + 1 + series.aggregates.len() {
            // After a mistake.
            return Relation {
                plan: summarized.plan,
                open: true,
            };
        }
        let at = columns[groups].clone();
        let constants = self.series_constants(&axis, at.ty, series, &columns[groups + 1..]);
        let mut outputs: Vec<Column> = columns[..groups]
            .iter()
            .map(|c| self.column(c.name.clone(), c.ty))
            .collect();
        for column in &columns[groups + 1..] {
            let poisoned = self.poisoned.contains(&column.id);
            let output = self.column(column.name.clone(), Type::Dynamic);
            if poisoned {
                self.poisoned.insert(output.id);
            }
            outputs.push(output);
        }
        outputs.push(self.column(axis_name, Type::Dynamic));
        let node = Node::Plugin {
            args: columns.iter().map(reference).collect(),
            input: Box::new(summarized.plan),
            plugin: Plugin::Series {
                groups,
                inclusive: axis.inclusive,
                nonempty: series.nonempty,
            },
            constants,
            lookup: None,
            outputs: outputs.clone(),
            partition: Vec::new(),
        };
        Relation {
            plan: Plan {
                node,
                columns: outputs,
            },
            open,
        }
    }

    fn axis<'a>(&mut self, bounds: &'a SeriesBounds, span: Span) -> Option<Axis<'a>> {
        match bounds {
            SeriesBounds::Steps(steps) => {
                let Some(step) = &steps.step else {
                    // The parser has said so.
                    self.failed = true;
                    return None;
                };
                Some(Axis {
                    from: steps.from.as_ref(),
                    to: steps.to.as_ref(),
                    step,
                    inclusive: false,
                })
            }
            SeriesBounds::Range(values) => match values.as_slice() {
                [from, to, step] => Some(Axis {
                    from: Some(from),
                    to: Some(to),
                    step,
                    inclusive: true,
                }),
                _ => {
                    let message = "The function 'range' expects 3 arguments: start, end and step";
                    self.error("KS119", span, message);
                    None
                }
            },
        }
    }

    /// The rows whose axis is inside the bounds.
    fn inside(&mut self, input: Relation, value: &ast::Expr, axis: &Axis<'_>) -> Relation {
        let upper = if axis.inclusive {
            BinaryOp::LessOrEqual
        } else {
            BinaryOp::Less
        };
        let bounds = [(BinaryOp::GreaterOrEqual, axis.from), (upper, axis.to)];
        let mut input = input;
        for (op, bound) in bounds {
            let Some(bound) = bound else { continue };
            let test = written::binary(op, value.clone(), bound.clone());
            if let Some(predicate) = self.condition(&test, Rows::of(&input)) {
                input = wrap(input, |input| Node::Filter { input, predicate });
            }
        }
        input
    }

    /// The bin of the axis: aligned to the start when there is one, as documented.
    fn binned(&self, value: &ast::Expr, axis: &Axis<'_>) -> ast::Expr {
        let span = value.span;
        match axis.from.filter(|_| !axis.inclusive) {
            Some(from) => written::call(
                "bin_at",
                vec![value.clone(), axis.step.clone(), from.clone()],
                span,
            ),
            None => written::call("bin", vec![value.clone(), axis.step.clone()], span),
        }
    }

    /// Start, end, step and the defaults.
    fn series_constants(
        &mut self,
        axis: &Axis<'_>,
        ty: Type,
        series: &ast::MakeSeries,
        aggregates: &[Column],
    ) -> Vec<Expr> {
        let bound = |b: &mut Self, value: Option<&ast::Expr>, ty: Type| {
            value
                .and_then(|v| b.scalar(v, Rows::NONE))
                .map_or_else(|| literal(Value::Null, ty), |v| coerce(v, ty))
        };
        let step_ty = if ty == Type::DateTime {
            Type::TimeSpan
        } else {
            ty
        };
        let mut constants = vec![
            bound(self, axis.from, ty),
            bound(self, axis.to, ty),
            bound(self, Some(axis.step), step_ty),
        ];
        for (aggregate, column) in series.aggregates.iter().zip(aggregates) {
            let value = match &aggregate.default {
                Some(default) => bound(self, Some(default), column.ty),
                None => zero(column.ty),
            };
            constants.push(value);
        }
        constants
    }
}

/// Whether a series can run along values of this type.
fn is_axis(ty: Type) -> bool {
    ty.is_numeric() || matches!(ty, Type::DateTime | Type::TimeSpan | Type::Dynamic)
}

/// What stands where there are no rows when the query does not say.
fn zero(ty: Type) -> Expr {
    let value = match ty {
        Type::Int => Value::Int(0),
        Type::Long => Value::Long(0),
        Type::Real => Value::Real(0.0),
        Type::Decimal => Value::Decimal("0".to_owned()),
        Type::TimeSpan => Value::TimeSpan(0),
        Type::String => Value::String(String::new()),
        _ => Value::Null,
    };
    literal(value, ty)
}
