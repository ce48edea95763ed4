//! Pipelines: a source and its operators, one after the other.

use crate::ast::{self, NullsOrder, OperatorKind, SortDirection};
use crate::bound::{Aggregate, AggregateFn, Expr, Node, Plan, Render, SortKey, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::convert::coerce;
use super::height::{MAX_HEIGHT, height};
use super::{Binder, MAX_PIPELINE, Relation, Rows, Weight, literal};

impl Binder<'_> {
    /// Binds a pipeline.
    pub(super) fn tabular(&mut self, tabular: &ast::Tabular) -> Relation {
        self.pipeline(&tabular.source, &tabular.operators, tabular.span)
    }

    /// Binds a source and operators after it, which stand at a place.
    pub(super) fn pipeline(
        &mut self,
        source: &ast::Source,
        operators: &[ast::Operator],
        span: Span,
    ) -> Relation {
        let result = self.nested(Weight::Subquery, span, |b| {
            b.apart(|b| {
                b.operator = "";
                let relation = b.source(source);
                if !b.fits(relation.plan.columns.len(), source.span) {
                    return Self::unknown();
                }
                b.operators(relation, operators)
            })
        });
        result.unwrap_or_else(Self::unknown)
    }

    /// Operators over rows, one after the other.
    pub(super) fn operators(
        &mut self,
        mut relation: Relation,
        operators: &[ast::Operator],
    ) -> Relation {
        let mut levels = height(&relation.plan);
        for (i, operator) in operators.iter().enumerate() {
            if i == MAX_PIPELINE {
                let message = format!("A pipeline has more than {MAX_PIPELINE} operators");
                self.error("BZ102", operator.span, message);
                return Self::unknown();
            }
            if !self.fits(listed(&operator.kind), operator.span) {
                return Self::unknown();
            }
            relation = self.operator(relation, operator);
            if !self.fits(relation.plan.columns.len(), operator.span) {
                return Self::unknown();
            }
            levels = match operator.kind {
                OperatorKind::Where(_)
                | OperatorKind::NamedWhere(..)
                | OperatorKind::Extend(_)
                | OperatorKind::Project(_) => levels + 1,
                _ => height(&relation.plan),
            };
            if levels > MAX_HEIGHT {
                let message = format!(
                    "The query is more than {MAX_HEIGHT} steps deep, with those of its let statements and subqueries"
                );
                self.error("BZ102", operator.span, message);
                return Self::unknown();
            }
        }
        self.operator = "";
        relation
    }

    pub(super) fn operator(&mut self, input: Relation, operator: &ast::Operator) -> Relation {
        self.operator = operator_name(&operator.kind);
        if super::graph::concerns_graph(&operator.kind, &input.plan) {
            return self.graph_operator(input, operator);
        }
        match &operator.kind {
            OperatorKind::Where(predicate) => self.filter(input, predicate).0,
            OperatorKind::NamedWhere(name, predicate) => {
                let before = self.diagnostics.len();
                let (filtered, compares) = self.filter(input, predicate);
                self.compares_nothing(name, predicate.span, before, compares);
                filtered
            }
            OperatorKind::Project(items) => self.project(input, items),
            OperatorKind::Extend(items) => self.extend(input, items),
            OperatorKind::Serialize(items) => {
                let open = input.open;
                let columns = input.plan.columns.clone();
                let plan = Plan {
                    node: Node::Serialize {
                        input: Box::new(input.plan),
                    },
                    columns,
                };
                self.extend(Relation { plan, open }, items)
            }
            OperatorKind::ProjectAway(patterns) => self.project_away(input, patterns),
            OperatorKind::ProjectKeep(patterns) => self.project_keep(input, patterns),
            OperatorKind::ProjectRename(renames) => self.project_rename(input, renames),
            OperatorKind::ProjectReorder(columns) => self.project_reorder(input, columns),
            OperatorKind::Summarize(summarize) => self.summarize(input, summarize),
            OperatorKind::Distinct(items) => self.distinct(input, items, operator.span),
            OperatorKind::Sort { keys, .. } => {
                let keys = self.sort_keys(&input, keys, true);
                wrap(input, |input| Node::Sort { input, keys })
            }
            OperatorKind::Top { count, by, .. } => {
                let count = self.count(count);
                let keys = self.sort_keys(&input, std::slice::from_ref(by), false);
                wrap(input, |input| Node::Top { input, count, keys })
            }
            OperatorKind::Take(count) => {
                let count = self.count(count);
                wrap(input, |input| Node::Take { input, count })
            }
            OperatorKind::Sample(count) => {
                let count = self.count(count);
                wrap(input, |input| Node::Sample { input, count })
            }
            OperatorKind::SampleDistinct { count, of } => {
                let count = self.count(count);
                let of = ast::NamedExpr {
                    names: Vec::new(),
                    expr: of.clone(),
                    span: of.span,
                };
                let distinct = self.distinct(input, &[of], operator.span);
                wrap(distinct, |input| Node::Take { input, count })
            }
            OperatorKind::Count(name) => self.count_rows(input, name.as_ref()),
            OperatorKind::Join(join) => self.join(input, join, operator.span),
            OperatorKind::Lookup(join) => self.lookup(input, join, operator.span),
            OperatorKind::Union(union) => self.union(Some(input), union, operator.span),
            OperatorKind::MvExpand(expand) => {
                let seen = input.plan.columns.len();
                self.mv_expand(input, expand, seen)
            }
            OperatorKind::Parse(parse) => self.parse(input, parse),
            OperatorKind::Invoke(call) => self.invoke(input, call),
            OperatorKind::GetSchema => self.get_schema(&input),
            OperatorKind::Render(render) => {
                let properties = render
                    .properties
                    .iter()
                    .map(|p| (p.name.text.clone(), parameter_text(&p.value)));
                let visualization = render.chart.text.clone();
                self.render = Some(Render {
                    visualization,
                    properties: properties.collect(),
                });
                input
            }
            OperatorKind::As { name, .. } => {
                // The name can be used in what follows; rows are bound again there like those of a `let`.
                let copy = self.copy(&input, name.span).unwrap_or_else(Self::unknown);
                self.environment.declare(
                    &name.text,
                    super::environment::Binding::Tabular(std::rc::Rc::new(copy)),
                );
                input
            }
            // The rows are computed and thrown away: nothing of them is answered.
            OperatorKind::Consume => {
                let open = input.open;
                let plan = Plan {
                    node: Node::Project {
                        input: Box::new(input.plan),
                        exprs: Vec::new(),
                    },
                    columns: Vec::new(),
                };
                Relation { plan, open }
            }
            OperatorKind::MvApply(apply) => self.mv_apply(input, apply, operator.span),
            OperatorKind::Evaluate(evaluate) => self.evaluate(input, evaluate),
            OperatorKind::Search(search) => {
                let name = self.source_name.clone();
                self.search(Some((input, name)), search, operator.span)
            }
            OperatorKind::Find(_) => {
                let message = "The operator 'find' begins a query: write find in (…) where …";
                self.error("KS176", operator.span, message);
                Self::unknown()
            }
            OperatorKind::MakeSeries(series) => self.make_series(input, series, operator.span),
            OperatorKind::TopNested(levels) => self.top_nested(input, levels, operator.span),
            OperatorKind::TopHitters { count, of, by } => {
                self.top_hitters(input, count, of, by.as_ref(), operator.span)
            }
            OperatorKind::ParseKv(parse) => self.parse_kv(input, parse),
            OperatorKind::Partition(partition) => self.partition(input, partition, operator.span),
            OperatorKind::Scan(scan) => self.scan(input, scan),
            OperatorKind::Reduce(reduce) => self.reduce(input, reduce),
            OperatorKind::ProjectByNames(names) => self.project_by_names(input, names),
            OperatorKind::AssertSchema(open, columns) => {
                self.assert_schema(input, *open, columns, operator.span)
            }
            OperatorKind::Facet(_) | OperatorKind::Fork(_) => {
                self.several_tables_refused(operator.span)
            }
            OperatorKind::Unsupported { .. } => {
                self.failed = true;
                Self::unknown()
            }
            // These were bound above.
            OperatorKind::MakeGraph(_)
            | OperatorKind::GraphMatch(_)
            | OperatorKind::GraphMarkComponents(_)
            | OperatorKind::GraphToTable(_) => input,
        }
    }

    /// An operator that cannot be run yet: what comes after it is not known.
    pub(super) fn refused(&mut self, span: Span, what: &str) -> Relation {
        self.unsupported(span, what);
        Self::unknown()
    }

    /// The rows for which a condition is true, and whether there is one: after a mistake all rows stay.
    fn filter(&mut self, input: Relation, predicate: &ast::Expr) -> (Relation, bool) {
        self.windows = Some(Vec::new());
        let Some(predicate) = self.condition(predicate, Rows::of(&input)) else {
            self.windows = None;
            return (input, false);
        };
        let wanted = input.plan.columns.clone();
        let input = self.with_windows(input);
        if input.plan.columns.len() == wanted.len() {
            let filtered = wrap(input, |input| Node::Filter { input, predicate });
            return (filtered, true);
        }
        // The values of window functions were for the predicate alone.
        let filtered = wrap(input, |input| Node::Filter { input, predicate });
        let exprs = wanted.iter().map(super::reference).collect();
        let node = Node::Project {
            input: Box::new(filtered.plan),
            exprs,
        };
        let columns = wanted;
        let plan = Plan { node, columns };
        let open = filtered.open;
        (Relation { plan, open }, true)
    }

    /// Says what the `=` of `where name = predicate` does; the diagnostics from `before` on are the predicate's, which
    /// stands at `place` and is a condition if it `compares`.
    fn compares_nothing(&mut self, name: &ast::Name, place: Span, before: usize, compares: bool) {
        let advice = "Compare with ==";
        let mut found = self.diagnostics[before..].iter_mut();
        match found.rfind(|d| d.is_error()) {
            Some(error) if error.code == "KS141" && error.span == place => {
                error.span = name.span.to(error.span);
                error.message += ": a single = compares nothing";
                error.suggestion = Some(advice.to_owned());
            }
            None if compares => {
                let message = "A single = compares nothing: the rows are those for which what follows it is true";
                let warning = Diagnostic::warning("BZ202", name.span, message);
                self.report(warning.with_suggestion(advice));
            }
            _ => {}
        }
    }

    /// Puts the window functions that were found below the expressions that use them.
    pub(super) fn with_windows(&mut self, input: Relation) -> Relation {
        let mut relation = input;
        let mut calls = self.windows.take().unwrap_or_default();
        let mut level = 0;
        while !calls.is_empty() {
            let (here, above): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(l, _)| *l == level);
            let here: Vec<_> = here.into_iter().map(|(_, call)| call).collect();
            let mut columns = relation.plan.columns.clone();
            columns.extend(here.iter().map(|c| c.output.clone()));
            let node = Node::Window {
                input: Box::new(relation.plan),
                calls: here,
                partition: Vec::new(),
            };
            relation.plan = Plan { node, columns };
            calls = above;
            level += 1;
        }
        relation
    }

    /// The number of rows of `take` and its like: a constant.
    pub(super) fn count(&mut self, count: &ast::Expr) -> Expr {
        let Some(bound) = self.scalar(count, Rows::NONE) else {
            return literal(Value::Long(0), Type::Long);
        };
        if !bound.ty.is_integer() {
            let message = format!(
                "{}The expression must be an integer, this one is {}",
                self.prefix(),
                bound.ty
            );
            self.error("KS134", count.span, message);
        }
        coerce(bound, Type::Long)
    }

    fn sort_keys(&mut self, input: &Relation, keys: &[ast::SortKey], strict: bool) -> Vec<SortKey> {
        let mut bound = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(mut expr) = self.scalar(&key.expr, Rows::of(input)) else {
                continue;
            };
            if expr.ty == Type::Dynamic {
                if strict {
                    self.dynamic_refused(key.expr.span);
                    continue;
                }
                // `top` takes dynamic keys; they are compared as text.
                expr = coerce(expr, Type::String);
            }
            let descending = key.direction != Some(SortDirection::Asc);
            let nulls_first = match key.nulls {
                Some(nulls) => nulls == NullsOrder::First,
                None => !descending,
            };
            bound.push(SortKey {
                expr,
                descending,
                nulls_first,
            });
        }
        bound
    }

    /// Says that dynamic values have no order and cannot be grouped.
    pub(super) fn dynamic_refused(&mut self, span: Span) {
        let message = format!(
            "{}The value of type 'dynamic' is not allowed in this context: cast it first, for example with tostring()",
            self.prefix()
        );
        self.error("KS116", span, message);
    }

    fn count_rows(&mut self, input: Relation, name: Option<&ast::Name>) -> Relation {
        let name = name.map_or("Count", |name| &name.text);
        let count = self.column(name, Type::Long);
        let aggregate = Aggregate {
            function: AggregateFn::Count,
            args: Vec::new(),
            filter: None,
            outputs: vec![count.clone()],
        };
        let node = Node::Summarize {
            input: Box::new(input.plan),
            by: Vec::new(),
            aggregates: vec![aggregate],
        };
        Relation {
            plan: Plan {
                node,
                columns: vec![count],
            },
            open: false,
        }
    }

    fn get_schema(&mut self, input: &Relation) -> Relation {
        let names = [
            ("ColumnName", Type::String),
            ("ColumnOrdinal", Type::Long),
            ("DataType", Type::String),
            ("ColumnType", Type::String),
        ];
        let columns = names
            .into_iter()
            .map(|(name, ty)| self.column(name, ty))
            .collect();
        let row = |(i, column): (usize, &crate::bound::Column)| {
            vec![
                Value::String(column.name.clone()),
                Value::Long(i64::try_from(i).unwrap_or(i64::MAX)),
                Value::String(column.ty.clr_name().to_owned()),
                Value::String(column.ty.name().to_owned()),
            ]
        };
        let rows = input.plan.columns.iter().enumerate().map(row).collect();
        Relation {
            plan: Plan {
                node: Node::DataTable { rows },
                columns,
            },
            open: false,
        }
    }
}

/// A node that passes its input's columns through.
pub(super) fn wrap(input: Relation, node: impl FnOnce(Box<Plan>) -> Node) -> Relation {
    let columns = input.plan.columns.clone();
    Relation {
        plan: Plan {
            node: node(Box::new(input.plan)),
            columns,
        },
        open: input.open,
    }
}

/// The text of a property such as `title = "Logons"`.
pub(super) fn parameter_text(value: &ast::Expr) -> String {
    match &value.kind {
        ast::ExprKind::Literal(ast::Literal::String { value, .. }) => value.clone(),
        ast::ExprKind::Literal(ast::Literal::Long(Some(n))) => n.to_string(),
        ast::ExprKind::Literal(ast::Literal::Real(Some(n))) => n.to_string(),
        ast::ExprKind::Literal(ast::Literal::Bool(Some(b))) => b.to_string(),
        ast::ExprKind::Name(name) => name.text.clone(),
        _ => String::new(),
    }
}

/// How many columns an operator lists.
fn listed(operator: &OperatorKind) -> usize {
    match operator {
        OperatorKind::Project(items)
        | OperatorKind::Extend(items)
        | OperatorKind::Serialize(items)
        | OperatorKind::Distinct(items) => items.len(),
        OperatorKind::Summarize(summarize) => {
            summarize.aggregates.len() + summarize.by.as_ref().map_or(0, Vec::len)
        }
        _ => 0,
    }
}

pub(super) fn operator_name(kind: &OperatorKind) -> &'static str {
    match kind {
        OperatorKind::Where(_) | OperatorKind::NamedWhere(..) => "where",
        OperatorKind::Project(_) => "project",
        OperatorKind::ProjectAway(_) => "project-away",
        OperatorKind::ProjectKeep(_) => "project-keep",
        OperatorKind::ProjectRename(_) => "project-rename",
        OperatorKind::ProjectReorder(_) => "project-reorder",
        OperatorKind::Extend(_) => "extend",
        OperatorKind::Summarize(_) => "summarize",
        OperatorKind::Top { .. } => "top",
        OperatorKind::Take(_) => "take",
        OperatorKind::Sort { .. } => "sort",
        OperatorKind::Count(_) => "count",
        OperatorKind::Distinct(_) => "distinct",
        OperatorKind::Join(_) => "join",
        OperatorKind::Lookup(_) => "lookup",
        OperatorKind::Union(_) => "union",
        OperatorKind::MvExpand(_) => "mv-expand",
        OperatorKind::MvApply(_) => "mv-apply",
        OperatorKind::Parse(parse) if parse.drop_unmatched => "parse-where",
        OperatorKind::Parse(_) => "parse",
        OperatorKind::Evaluate(_) => "evaluate",
        OperatorKind::Invoke(_) => "invoke",
        OperatorKind::Serialize(_) => "serialize",
        OperatorKind::Search(_) => "search",
        OperatorKind::GetSchema => "getschema",
        OperatorKind::Render(_) => "render",
        OperatorKind::Sample(_) => "sample",
        OperatorKind::SampleDistinct { .. } => "sample-distinct",
        OperatorKind::As { .. } => "as",
        OperatorKind::Consume => "consume",
        OperatorKind::Find(_) => "find",
        OperatorKind::MakeSeries(_) => "make-series",
        OperatorKind::TopNested(_) => "top-nested",
        OperatorKind::TopHitters { .. } => "top-hitters",
        OperatorKind::ParseKv(_) => "parse-kv",
        OperatorKind::Partition(_) => "partition",
        OperatorKind::Scan(_) => "scan",
        OperatorKind::Facet(_) => "facet",
        OperatorKind::Fork(_) => "fork",
        OperatorKind::Reduce(_) => "reduce",
        OperatorKind::ProjectByNames(_) => "project-by-names",
        OperatorKind::AssertSchema(..) => "assert-schema",
        OperatorKind::MakeGraph(_) => "make-graph",
        OperatorKind::GraphMatch(found) => match found.kind {
            ast::GraphMatchKind::Match(_) => "graph-match",
            ast::GraphMatchKind::ShortestPaths { .. } => "graph-shortest-paths",
        },
        OperatorKind::GraphMarkComponents(_) => "graph-mark-components",
        OperatorKind::GraphToTable(_) => "graph-to-table",
        OperatorKind::Unsupported { .. } => "",
    }
}
