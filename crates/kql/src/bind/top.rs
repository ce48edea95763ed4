//! `top-nested`, `top-hitters`, `project-by-names`, `assert-schema` and `reduce`.

use crate::ast::{self, SortDirection};
use crate::bound::{
    Column, Expr, ExprKind as Bound, JoinKind, Node, Plan, Plugin, SortKey, UnionInput, Value,
};
use crate::diagnostic::Span;
use crate::types::Type;

use super::apart::chosen;
use super::convert::coerce;
use super::naming::{Names, name_of};
use super::project::glob;
use super::{Binder, Relation, Rows, literal, reference, written};

impl Binder<'_> {
    /// `top-hitters`: exact here, where Kusto estimates.
    pub(super) fn top_hitters(
        &mut self,
        input: Relation,
        count: &ast::Expr,
        of: &ast::NamedExpr,
        by: Option<&ast::Expr>,
        span: Span,
    ) -> Relation {
        let count = self.count(count);
        let value = of.names.first().map(|n| n.text.clone());
        let value = value.or_else(|| name_of(&of.expr)).unwrap_or_default();
        let (name, aggregate) = match by {
            Some(by) => (
                format!("approximate_sum_{}", name_of(by).unwrap_or_default()),
                written::call("sum", vec![by.clone()], span),
            ),
            None => (
                format!("approximate_count_{value}"),
                written::call("count", Vec::new(), span),
            ),
        };
        let summarize = ast::Summarize {
            aggregates: vec![written::named(&name, aggregate)],
            by: Some(vec![of.clone()]),
            parameters: Vec::new(),
        };
        let summarized = self.summarize(input, &summarize);
        let Some(rank) = summarized.plan.columns.last().cloned() else {
            return summarized;
        };
        let keys = vec![ranked(&rank, true)];
        super::tabular::wrap(summarized, |input| Node::Top { input, count, keys })
    }

    /// `top-nested`: every level ranks the values within those that the levels above chose.
    pub(super) fn top_nested(
        &mut self,
        input: Relation,
        levels: &[ast::TopNested],
        span: Span,
    ) -> Relation {
        let mut names = Names::default();
        let mut base = input;
        let mut values: Vec<usize> = Vec::new();
        // The values of all levels as columns.
        for level in levels {
            let bound = self.scalar(&level.of.expr, Rows::of(&base));
            let name = level.of.names.first().map(|n| n.text.clone());
            let name = name.or_else(|| name_of(&level.of.expr));
            let name = name.unwrap_or_else(|| names.numbered());
            let name = names.unique(&name);
            if bound.as_ref().is_some_and(|b| b.ty == Type::Dynamic) {
                self.dynamic_refused(level.of.expr.span);
            }
            let column = self.column_for(name, bound.as_ref());
            let mut exprs: Vec<Expr> = base.plan.columns.iter().map(reference).collect();
            exprs.push(bound.unwrap_or_else(|| literal(Value::Null, Type::Dynamic)));
            let mut columns = base.plan.columns.clone();
            // Hidden behind the input's column of the same name, for the expressions of further levels.
            columns.push(column);
            values.push(columns.len() - 1);
            base.plan = Plan {
                node: Node::Project {
                    input: Box::new(base.plan),
                    exprs,
                },
                columns,
            };
        }
        let mut chosen_so_far: Option<Relation> = None;
        for (i, level) in levels.iter().enumerate() {
            let keys = &values[..=i];
            let next = self.level(&base, level, keys, chosen_so_far.as_ref(), &mut names, span);
            let Some(next) = next else {
                return Self::unknown();
            };
            chosen_so_far = Some(next);
        }
        chosen_so_far.unwrap_or_else(Self::unknown)
    }

    /// The result of one level: value and aggregate of every level so far.
    fn level(
        &mut self,
        base: &Relation,
        level: &ast::TopNested,
        keys: &[usize],
        above: Option<&Relation>,
        names: &mut Names,
        span: Span,
    ) -> Option<Relation> {
        let (own, parents) = keys.split_last()?;
        let copy = self.copy(base, span)?;
        let key = |at: &usize| copy.plan.columns[*at].clone();
        let (value, parents): (Column, Vec<Column>) = (key(own), parents.iter().map(key).collect());
        let name = level.by.names.first().map(|n| n.text.clone());
        let name = name.unwrap_or_else(|| format!("aggregated_{}", value.name));
        let name = names.unique(&name);
        // Rows of the values that were chosen above, with the aggregates from there.
        let mut carried: Vec<Column> = Vec::new();
        let mut rows = copy.plan.clone();
        if let Some(above) = above {
            let above = self.copy(above, span)?;
            let pairs = parents
                .iter()
                .enumerate()
                .map(|(i, parent)| (reference(parent), reference(&above.plan.columns[i * 2])));
            let on = pairs.collect();
            carried = above
                .plan
                .columns
                .iter()
                .skip(1)
                .step_by(2)
                .cloned()
                .collect();
            let columns = rows.columns.iter().chain(&carried).cloned().collect();
            rows = Plan {
                node: Node::Join {
                    kind: JoinKind::Inner,
                    left: Box::new(rows),
                    right: Box::new(above.plan),
                    on,
                },
                columns,
            };
        }
        let ranked_rows = Relation {
            plan: rows.clone(),
            open: copy.open,
        };
        let all: Vec<Column> = parents
            .iter()
            .chain(std::iter::once(&value))
            .chain(&carried)
            .cloned()
            .collect();
        let (plan, rank) = self.aggregated(ranked_rows, level, &all, &name)?;
        let descending = level.direction != Some(SortDirection::Asc);
        let by: Vec<_> = parents.iter().map(|c| c.id).collect();
        let top = match &level.count {
            None => plan,
            Some(count) => {
                let count = self.count(count);
                let mut sort: Vec<SortKey> = parents.iter().map(|c| ranked(c, false)).collect();
                sort.push(ranked(&rank, descending));
                let columns = plan.columns.clone();
                let sorted = Plan {
                    node: Node::Sort {
                        input: Box::new(plan),
                        keys: sort,
                    },
                    columns,
                };
                self.first_of_each(sorted, count, &by)
            }
        };
        let mut columns = Vec::new();
        for (parent, aggregate) in parents.iter().zip(&carried) {
            columns.extend([parent.clone(), aggregate.clone()]);
        }
        columns.extend([value.clone(), rank.clone()]);
        let top = Relation {
            plan: chosen(top, columns),
            open: base.open,
        };
        match &level.others {
            None => Some(top),
            Some(others) => {
                let rest = Rest {
                    rows,
                    value,
                    parents,
                    carried,
                    name,
                };
                self.with_others(top, rest, level, others, span)
            }
        }
    }

    /// The level's aggregate by these columns; gives the plan and the aggregate's column.
    fn aggregated(
        &mut self,
        rows: Relation,
        level: &ast::TopNested,
        by: &[Column],
        name: &str,
    ) -> Option<(Plan, Column)> {
        let summarize = ast::Summarize {
            aggregates: vec![ast::NamedExpr {
                names: vec![written::name(name, level.by.span)],
                ..level.by.clone()
            }],
            by: None,
            parameters: Vec::new(),
        };
        let summarized = self.summarize(rows, &summarize);
        self.operator = "top-nested";
        let rank = summarized.plan.columns.last().cloned()?;
        Some((grouped(summarized.plan, by)?, rank))
    }

    /// Adds one row for all values that are not among the top, in every group of the levels above.
    fn with_others(
        &mut self,
        top: Relation,
        rest: Rest,
        level: &ast::TopNested,
        others: &ast::Expr,
        span: Span,
    ) -> Option<Relation> {
        let kept = self.copy(&top, span)?;
        let width = kept.plan.columns.len();
        let mut on: Vec<(Expr, Expr)> = Vec::new();
        for (i, parent) in rest.parents.iter().enumerate() {
            on.push((reference(parent), reference(&kept.plan.columns[i * 2])));
        }
        on.push((
            reference(&rest.value),
            reference(&kept.plan.columns[width - 2]),
        ));
        let rows = self.copy(
            &Relation {
                plan: Plan {
                    columns: rest.rows.columns.clone(),
                    node: Node::Join {
                        kind: JoinKind::LeftAnti,
                        left: Box::new(rest.rows.clone()),
                        right: Box::new(kept.plan),
                        on,
                    },
                },
                open: false,
            },
            span,
        )?;
        let position = |c: &Column| rest.rows.columns.iter().position(|r| r.id == c.id);
        let by: Option<Vec<Column>> = rest
            .parents
            .iter()
            .chain(&rest.carried)
            .map(|c| Some(rows.plan.columns[position(c)?].clone()))
            .collect();
        let by = by?;
        let (plan, rank) = self.aggregated(rows, level, &by, &rest.name)?;
        let value = self.scalar(others, Rows::NONE)?;
        let value = coerce(value, rest.value.ty);
        let label = self.column(rest.value.name.clone(), rest.value.ty);
        let (parents, carried) = by.split_at(rest.parents.len());
        let (mut columns, mut exprs) = (Vec::new(), Vec::new());
        for (parent, aggregate) in parents.iter().zip(carried) {
            columns.extend([parent.clone(), aggregate.clone()]);
            exprs.extend([reference(parent), reference(aggregate)]);
        }
        columns.extend([label, rank.clone()]);
        exprs.extend([value, reference(&rank)]);
        let others = Plan {
            node: Node::Project {
                input: Box::new(plan),
                exprs,
            },
            columns,
        };
        let outputs: Vec<Column> = top
            .plan
            .columns
            .iter()
            .map(|c| self.column(c.name.clone(), c.ty))
            .collect();
        let inputs = [top.plan, others].map(|plan| UnionInput {
            mapping: plan.columns.iter().map(|c| Some(c.id)).collect(),
            plan,
        });
        Some(Relation {
            plan: Plan {
                node: Node::Union {
                    inputs: inputs.into(),
                },
                columns: outputs,
            },
            open: top.open,
        })
    }

    /// `project-by-names`: names and patterns by constants; what is not there is left out.
    pub(super) fn project_by_names(&mut self, input: Relation, items: &[ast::Expr]) -> Relation {
        let mut columns: Vec<Column> = Vec::new();
        for item in items {
            for pattern in self.names_of(item) {
                for column in &input.plan.columns {
                    let fits = if pattern.contains('*') {
                        glob(&pattern, &column.name)
                    } else {
                        pattern == column.name
                    };
                    if fits && !columns.iter().any(|c| c.id == column.id) {
                        columns.push(column.clone());
                    }
                }
            }
        }
        Relation {
            open: input.open,
            plan: chosen(input.plan, columns),
        }
    }

    /// The names that an item of `project-by-names` stands for.
    fn names_of(&mut self, item: &ast::Expr) -> Vec<String> {
        if let ast::ExprKind::Call(call) = &item.kind
            && call.name.text == "column_names_of"
            && let [table] = call.arguments.as_slice()
        {
            let (rows, _) = self.rows_of(&table.value);
            return rows.plan.columns.into_iter().map(|c| c.name).collect();
        }
        let Some(bound) = self.scalar(item, Rows::NONE) else {
            return Vec::new();
        };
        match bound.kind {
            Bound::Literal(Value::String(name)) => vec![name],
            Bound::Literal(Value::Dynamic(json)) => super::list::texts(&json).unwrap_or_default(),
            _ => {
                self.constant_wanted("KS103", item.span, "string or array of strings");
                Vec::new()
            }
        }
    }

    /// `assert-schema`: the input, when it has these columns.
    pub(super) fn assert_schema(
        &mut self,
        input: Relation,
        more: bool,
        declared: &[ast::ColumnDeclaration],
        span: Span,
    ) -> Relation {
        if input.open {
            return input;
        }
        let mut fits = more || declared.len() == input.plan.columns.len();
        for wanted in declared {
            let ty = self.type_named(&wanted.ty);
            fits &= input
                .plan
                .columns
                .iter()
                .any(|c| c.name == wanted.name.text && Some(c.ty) == ty);
        }
        if !fits {
            let columns: Vec<String> = input
                .plan
                .columns
                .iter()
                .map(|c| format!("{}:{}", c.name, c.ty))
                .collect();
            let message = format!(
                "{}The columns are not the declared ones but {}",
                self.prefix(),
                columns.join(", ")
            );
            self.error("BZ107", span, message);
        }
        input
    }

    /// `reduce`.
    pub(super) fn reduce(&mut self, input: Relation, reduce: &ast::Reduce) -> Relation {
        let text = self.scalar(&reduce.by.expr, Rows::of(&input));
        let mut constants = vec![
            literal(Value::Real(0.1), Type::Real),
            literal(Value::String(String::new()), Type::String),
        ];
        for property in &reduce.properties {
            let (at, ty) = match property.name.text.as_str() {
                "threshold" => (0, Type::Real),
                "characters" => (1, Type::String),
                _ => continue,
            };
            if let Some(value) = self.scalar(&property.value, Rows::NONE) {
                constants[at] = coerce(value, ty);
            }
        }
        let outputs: Vec<Column> = [
            ("Pattern", Type::String),
            ("Count", Type::Long),
            ("Representative", Type::String),
        ]
        .map(|(name, ty)| self.column(name, ty))
        .into();
        let columns = if reduce.with_source {
            input.plan.columns.iter().chain(&outputs).cloned().collect()
        } else {
            outputs.clone()
        };
        let text = text.unwrap_or_else(|| literal(Value::String(String::new()), Type::String));
        Relation {
            open: input.open && reduce.with_source,
            plan: Plan {
                node: Node::Plugin {
                    input: Box::new(input.plan),
                    plugin: Plugin::Reduce {
                        with_source: reduce.with_source,
                    },
                    args: vec![coerce(text, Type::String)],
                    constants,
                    lookup: None,
                    outputs,
                    partition: Vec::new(),
                },
                columns,
            },
        }
    }
}

/// What `with others` is computed from.
struct Rest {
    rows: Plan,
    value: Column,
    parents: Vec<Column>,
    carried: Vec<Column>,
    name: String,
}

fn ranked(column: &Column, descending: bool) -> SortKey {
    SortKey {
        expr: reference(column),
        descending,
        nulls_first: !descending,
    }
}

/// The same aggregation in groups: `summarize` was bound without them, because its columns are known by id here.
fn grouped(mut plan: Plan, by: &[Column]) -> Option<Plan> {
    match &mut plan.node {
        Node::Summarize { by: groups, .. } => {
            *groups = by.iter().map(reference).collect();
            plan.columns = by.iter().cloned().chain(plan.columns).collect();
            Some(plan)
        }
        Node::Project { input, exprs } => {
            let below = std::mem::replace(
                input.as_mut(),
                Plan {
                    node: Node::Unit,
                    columns: Vec::new(),
                },
            );
            **input = grouped(below, by)?;
            *exprs = by.iter().map(reference).chain(exprs.drain(..)).collect();
            plan.columns = by.iter().cloned().chain(plan.columns).collect();
            Some(plan)
        }
        _ => None,
    }
}
