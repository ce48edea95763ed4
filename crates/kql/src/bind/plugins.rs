//! The plugins of `evaluate` whose columns are known without looking at the data.

use crate::ast::{self, ExprKind as Ast};
use crate::bound::{Column, Expr, ExprKind, Node, Plan, Plugin, SharedId, Value};
use crate::types::Type;

use super::convert::coerce;
use super::naming::name_of;
use super::timed::{Constant, timed_shape};
use super::{Binder, Relation, Rows, literal, reference};

/// Sketches that `dcount_intersect` takes at most (docs page "dcount-intersect-plugin").
const MOST_SKETCHES: usize = 16;

/// A plugin's call while it is bound.
pub(super) struct Parts {
    pub(super) plugin: Plugin,
    pub(super) args: Vec<Expr>,
    pub(super) constants: Vec<Expr>,
    pub(super) lookup: Option<SharedId>,
    pub(super) outputs: Vec<Column>,
}

/// The arguments of an analysis over identities and times: what stands after `id, time`.
struct Timeline<'a> {
    id: Expr,
    time: Column,
    rest: Vec<&'a ast::Expr>,
}

impl Binder<'_> {
    /// Binds a plugin by its name; none when there is none of that name.
    pub(super) fn plugin(
        &mut self,
        input: Relation,
        name: &str,
        call: &ast::Call,
    ) -> Option<Relation> {
        let open = input.open;
        let parts = match name {
            "narrow" => self.narrow(&input),
            "ipv4_lookup" => self.ip_lookup(&input, call, false),
            "ipv6_lookup" => self.ip_lookup(&input, call, true),
            "geo_line_lookup" => self.geo_lookup(&input, call, false),
            "geo_polygon_lookup" => self.geo_lookup(&input, call, true),
            "dcount_intersect" => self.dcount_intersect(&input, call),
            "rows_near" => self.rows_near(&input, call),
            "rolling_percentile" => self.rolling_percentile(&input, call),
            "sequence_detect" => self.sequence_detect(&input, call),
            "autocluster" | "basket" | "diffpatterns" => self.mined(&input, name, call),
            "sliding_window_counts"
            | "session_count"
            | "active_users_count"
            | "activity_counts_metrics"
            | "activity_engagement"
            | "activity_metrics"
            | "new_activity_metrics"
            | "funnel_sequence"
            | "funnel_sequence_completion" => self.timed(&input, name, call),
            _ => return None,
        };
        let Some(parts) = parts else {
            return Some(Self::unknown());
        };
        let adds = parts.plugin.adds();
        let mut columns = if adds {
            input.plan.columns.clone()
        } else {
            Vec::new()
        };
        columns.extend(parts.outputs.iter().cloned());
        let node = Node::Plugin {
            input: Box::new(input.plan),
            plugin: parts.plugin,
            args: parts.args,
            constants: parts.constants,
            lookup: parts.lookup,
            outputs: parts.outputs,
            partition: Vec::new(),
        };
        Some(Relation {
            plan: Plan { node, columns },
            open: open && adds,
        })
    }

    pub(super) fn too_few(&mut self, call: &ast::Call, least: usize) -> Option<()> {
        if call.arguments.len() >= least {
            return Some(());
        }
        let message = format!(
            "The function '{}' expects at least {least} arguments",
            call.name.text
        );
        self.error("KS120", call.span, message);
        None
    }

    /// A constant of a type.
    fn fixed(&mut self, expr: &ast::Expr, ty: Type) -> Option<Expr> {
        Some(coerce(self.scalar(expr, Rows::NONE)?, ty))
    }

    fn narrow(&mut self, input: &Relation) -> Option<Parts> {
        let columns = &input.plan.columns;
        Some(Parts {
            plugin: Plugin::Narrow {
                names: columns.iter().map(|c| c.name.clone()).collect(),
            },
            args: columns
                .iter()
                .map(|c| coerce(reference(c), Type::String))
                .collect(),
            constants: Vec::new(),
            lookup: None,
            outputs: vec![
                self.column("Row", Type::Long),
                self.column("Column", Type::String),
                self.column("Value", Type::String),
            ],
        })
    }

    /// `dcount_intersect(hll, hll, …)`: how many values the first sketch, the first two, … have in common.
    fn dcount_intersect(&mut self, input: &Relation, call: &ast::Call) -> Option<Parts> {
        self.too_few(call, 2)?;
        if call.arguments.len() > MOST_SKETCHES {
            let message = format!("dcount_intersect() takes {MOST_SKETCHES} sketches at most");
            self.error("KS119", call.span, message);
            return None;
        }
        let mut args = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            let sketch = self.scalar(&argument.value, Rows::of(input))?;
            args.push(coerce(sketch, Type::Dynamic));
        }
        let names = (0..args.len()).map(|i| format!("s{i}"));
        let outputs = names.map(|name| self.column(name, Type::Long)).collect();
        Some(Parts {
            plugin: Plugin::DcountIntersect,
            args,
            constants: Vec::new(),
            lookup: None,
            outputs,
        })
    }

    /// `rows_near(condition, rows before, rows after)`.
    fn rows_near(&mut self, input: &Relation, call: &ast::Call) -> Option<Parts> {
        self.too_few(call, 2)?;
        let condition = self.condition(&call.arguments[0].value, Rows::of(input))?;
        let before = self.fixed(&call.arguments[1].value, Type::Long)?;
        let after = match call.arguments.get(2) {
            Some(after) => self.fixed(&after.value, Type::Long)?,
            None => before.clone(),
        };
        Some(Parts {
            plugin: Plugin::RowsNear,
            args: vec![condition],
            constants: vec![before, after],
            lookup: None,
            outputs: Vec::new(),
        })
    }

    /// `rolling_percentile(value, percentage, index, bin, bins, group…)`.
    fn rolling_percentile(&mut self, input: &Relation, call: &ast::Call) -> Option<Parts> {
        self.too_few(call, 5)?;
        let argument = |i: usize| &call.arguments[i].value;
        let value = self.scalar(argument(0), Rows::of(input))?;
        let index = self.column_argument(argument(2), input)?;
        let bin_ty = length_of(index.ty);
        let percentage = self.fixed(argument(1), Type::Real)?;
        let bin = self.fixed(argument(3), bin_ty)?;
        let bins = self.fixed(argument(4), Type::Long)?;
        let name = format!(
            "rolling_{}_percentile_{}_{}",
            text_of(&bins),
            name_of(argument(0)).unwrap_or_else(|| "value".to_owned()),
            text_of(&percentage)
        );
        let mut outputs = vec![self.column(index.name.clone(), index.ty)];
        let mut args = vec![value, reference(&index)];
        for group in &call.arguments[5..] {
            let group = self.column_argument(&group.value, input)?;
            outputs.push(self.column(group.name.clone(), group.ty));
            args.push(reference(&group));
        }
        outputs.push(self.column(name, args[0].ty));
        Some(Parts {
            plugin: Plugin::RollingPercentile,
            args,
            constants: vec![percentage, bin, bins],
            lookup: None,
            outputs,
        })
    }

    /// `sequence_detect(time, step, span, name = condition…, dimension…)`.
    fn sequence_detect(&mut self, input: &Relation, call: &ast::Call) -> Option<Parts> {
        self.too_few(call, 4)?;
        let time = self.column_argument(&call.arguments[0].value, input)?;
        let length = length_of(time.ty);
        let constants = vec![
            self.fixed(&call.arguments[1].value, length)?,
            self.fixed(&call.arguments[2].value, length)?,
        ];
        let (mut conditions, mut dimensions) = (Vec::new(), Vec::new());
        let (mut outputs, mut times) = (Vec::new(), Vec::new());
        let mut unnamed = 0;
        for argument in &call.arguments[3..] {
            let bound = self.scalar(&argument.value, Rows::of(input))?;
            let name = argument.name.as_ref().map(|n| n.text.clone());
            let name = name.or_else(|| name_of(&argument.value));
            if bound.ty == Type::Bool && dimensions.is_empty() {
                let name = name.unwrap_or_else(|| {
                    unnamed += 1;
                    format!("Expr{unnamed}")
                });
                times.push(self.column(format!("{name}_{}", time.name), time.ty));
                conditions.push(bound);
            } else {
                let name = name.unwrap_or_else(|| format!("Dim{}", dimensions.len() + 1));
                outputs.push(self.column(name, bound.ty));
                dimensions.push(bound);
            }
        }
        let steps = conditions.len();
        outputs.extend(times);
        outputs.push(self.column("Duration", length));
        let mut args = vec![reference(&time)];
        args.extend(conditions);
        args.extend(dimensions);
        Some(Parts {
            plugin: Plugin::SequenceDetect { steps },
            args,
            constants,
            lookup: None,
            outputs,
        })
    }

    /// `autocluster`, `basket` and `diffpatterns`.
    fn mined(&mut self, input: &Relation, name: &str, call: &ast::Call) -> Option<Parts> {
        let columns = &input.plan.columns;
        let mut arguments: Vec<&ast::Expr> = call.arguments.iter().map(|a| &a.value).collect();
        let mut args = Vec::new();
        let mut constants = Vec::new();
        let mut heads = vec![("SegmentId", Type::Long)];
        if name == "diffpatterns" {
            self.too_few(call, 3)?;
            let split = self.scalar(arguments.remove(0), Rows::of(input))?;
            args.push(coerce(split, Type::String));
            for value in arguments.drain(..2).collect::<Vec<_>>() {
                constants.push(self.fixed(value, Type::String)?);
            }
            heads.extend([
                ("CountA", Type::Long),
                ("CountB", Type::Long),
                ("PercentA", Type::Real),
                ("PercentB", Type::Real),
                ("PercentDiffAB", Type::Real),
            ]);
        } else {
            heads.extend([("Count", Type::Long), ("Percent", Type::Real)]);
        }
        let given = |at: usize| arguments.get(at).copied().filter(|a| !is_tilde(a));
        // The weight is the first argument of diffpatterns that may be left out, the second one of the others.
        let (weight_at, number_at) = if name == "diffpatterns" {
            (0, 1)
        } else {
            (1, 0)
        };
        let weight = match given(weight_at) {
            Some(weight) => self.scalar(weight, Rows::of(input))?,
            None => literal(Value::Long(1), Type::Long),
        };
        args.extend(columns.iter().map(reference));
        args.push(coerce(weight, Type::Long));
        let default = if name == "autocluster" { 0.5 } else { 0.05 };
        constants.push(match given(number_at) {
            Some(number) => self.fixed(number, Type::Real)?,
            None => literal(Value::Real(default), Type::Real),
        });
        if name == "basket" {
            constants.push(match given(2) {
                Some(most) => self.fixed(most, Type::Long)?,
                None => literal(Value::Long(5), Type::Long),
            });
        }
        let columns = columns.clone();
        let mut outputs: Vec<Column> = heads
            .into_iter()
            .map(|(name, ty)| self.column(name, ty))
            .collect();
        for column in columns {
            outputs.push(self.column(column.name, column.ty));
        }
        Some(Parts {
            plugin: match name {
                "autocluster" => Plugin::AutoCluster,
                "basket" => Plugin::Basket,
                _ => Plugin::DiffPatterns,
            },
            args,
            constants,
            lookup: None,
            outputs,
        })
    }

    fn timeline<'a>(
        &mut self,
        input: &Relation,
        call: &'a ast::Call,
        least: usize,
    ) -> Option<Timeline<'a>> {
        self.too_few(call, least)?;
        let id = self.scalar(&call.arguments[0].value, Rows::of(input))?;
        let time = self.column_argument(&call.arguments[1].value, input)?;
        let rest = call.arguments[2..].iter().map(|a| &a.value).collect();
        Some(Timeline { id, time, rest })
    }

    /// The analyses over identities and times.
    fn timed(&mut self, input: &Relation, name: &str, call: &ast::Call) -> Option<Parts> {
        let shape = timed_shape(name)?;
        let Timeline { id, time, rest } = self.timeline(input, call, shape.least)?;
        let mut rest = rest.into_iter().peekable();
        let length = length_of(time.ty);
        let mut constants = Vec::new();
        // Start and end may be left out of some: then a length comes first.
        let mut bounds = true;
        if shape.bounds_optional
            && let Some(next) = rest.peek()
        {
            let next = self.scalar(next, Rows::NONE)?;
            bounds = next.ty == time.ty && (time.ty == Type::DateTime || rest.len() >= 4);
        }
        for _ in 0..2 {
            constants.push(if bounds {
                self.fixed(rest.next()?, time.ty)?
            } else {
                literal(Value::Null, time.ty)
            });
        }
        let mut args = vec![id, reference(&time)];
        let mut outputs = match name {
            "new_activity_metrics" => vec![
                self.column(format!("from_{}", time.name), time.ty),
                self.column(format!("to_{}", time.name), time.ty),
            ],
            _ => vec![self.column(time.name.clone(), time.ty)],
        };
        for constant in shape.constants {
            let ty = match constant {
                Constant::Length => length,
                Constant::Count => Type::Long,
                Constant::Array => Type::Dynamic,
                Constant::State => {
                    let state = self.column_argument(rest.next()?, input)?;
                    args.push(reference(&state));
                    continue;
                }
                Constant::Cohort => {
                    let cohort = match rest.peek() {
                        Some(next) if !matches!(next.kind, Ast::Name(_)) => {
                            self.fixed(rest.next()?, time.ty)?
                        }
                        _ => literal(Value::Null, time.ty),
                    };
                    constants.push(cohort);
                    continue;
                }
            };
            constants.push(self.fixed(rest.next()?, ty)?);
        }
        match (name, args.get(2)) {
            ("funnel_sequence", Some(state)) => {
                let ty = state.ty;
                outputs.extend([self.column("prev", ty), self.column("next", ty)]);
            }
            ("funnel_sequence_completion", Some(state)) => {
                let name = input
                    .plan
                    .columns
                    .iter()
                    .find(|c| matches!(state.kind, ExprKind::Column(id) if id == c.id))
                    .map_or_else(String::new, |c| c.name.clone());
                let ty = state.ty;
                outputs.extend([self.column(name, ty), self.column("Period", length)]);
            }
            _ => {
                for group in rest {
                    let group = self.column_argument(group, input)?;
                    outputs.push(self.column(group.name.clone(), group.ty));
                    args.push(reference(&group));
                }
            }
        }
        for (name, ty) in shape.results {
            outputs.push(self.column(*name, *ty));
        }
        Some(Parts {
            plugin: shape.plugin,
            args,
            constants,
            lookup: None,
            outputs,
        })
    }
}

/// The type of a distance between two values.
fn length_of(ty: Type) -> Type {
    if ty == Type::DateTime {
        Type::TimeSpan
    } else {
        ty
    }
}

/// `'~'` stands for the default.
fn is_tilde(expr: &ast::Expr) -> bool {
    matches!(&expr.kind, Ast::Literal(ast::Literal::String { value, .. }) if value == "~")
}

/// A constant number as part of a name.
fn text_of(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(Value::Long(n)) => n.to_string(),
        ExprKind::Literal(Value::Int(n)) => n.to_string(),
        ExprKind::Literal(Value::Real(n)) => n.to_string(),
        _ => String::new(),
    }
}
