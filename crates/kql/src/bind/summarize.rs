//! `summarize`: groups, aggregates, and expressions over aggregates.

use std::collections::HashSet;

use crate::ast::{self, ExprKind, NamedExpr};
use crate::bound::{
    Aggregate, AggregateFn, Column, ColumnId, Expr, ExprKind as Bound, Node, Plan, Value,
};
use crate::catalogue::{self, AggregateFunction, BestNames, Naming, ResultType, Shape};
use crate::diagnostic::Diagnostic;
use crate::types::Type;

use super::call::Argument;
use super::convert::promoted;
use super::naming::{Names, name_of_argument, percentile_name};
use super::unknown::null_of;
use super::{Binder, Relation, Rows, literal, reference};

/// The columns of a `summarize` while they are found.
#[derive(Default)]
struct Results {
    names: Names,
    /// The columns that are groups as they are.
    groups: HashSet<ColumnId>,
    /// The final columns and their values over the aggregates.
    finals: Vec<(Column, Expr)>,
    /// Some columns are missing because of a mistake.
    lost: bool,
}

impl Binder<'_> {
    /// Binds `summarize`.
    pub(super) fn summarize(&mut self, input: Relation, summarize: &ast::Summarize) -> Relation {
        let mut results = Results::default();
        let mut columns = Vec::new();
        let mut by = Vec::new();
        let mut used = HashSet::new();
        self.windows = Some(Vec::new());
        for item in summarize.by.iter().flatten() {
            let Some((name, expr)) = self.group(&input, item, &mut results.names) else {
                continue;
            };
            columns.push(self.output(name, expr.as_ref(), &mut used));
            by.push(expr.unwrap_or_else(|| literal(Value::Null, Type::Dynamic)));
        }
        results.groups = by.iter().filter_map(column_id).collect();
        results.finals = columns.iter().map(|c| (c.clone(), reference(c))).collect();
        self.aggregates = Vec::new();
        for item in &summarize.aggregates {
            self.summarized(&input, item, &mut results);
        }
        let aggregates = std::mem::take(&mut self.aggregates);
        columns.extend(aggregates.iter().flat_map(|a| a.outputs.iter().cloned()));
        let input = self.with_windows(input);
        let open = results.lost || (input.open && summarize.aggregates.iter().any(has_star));
        let node = Node::Summarize {
            input: Box::new(input.plan),
            by,
            aggregates,
        };
        let plan = renamed(Plan { node, columns }, results.finals);
        Relation { plan, open }
    }

    fn group(
        &mut self,
        input: &Relation,
        item: &NamedExpr,
        names: &mut Names,
    ) -> Option<(String, Option<Expr>)> {
        let mut expr = self.scalar(&item.expr, Rows::of(input));
        if expr.as_ref().is_some_and(|e| e.ty == Type::Dynamic) {
            self.dynamic_refused(item.expr.span);
            expr = None;
        }
        let name = self.item_name(item, expr.as_ref(), names)?;
        Some((name, expr))
    }

    /// One item before `by`: adds its columns to the results.
    fn summarized(&mut self, input: &Relation, item: &NamedExpr, results: &mut Results) {
        if let Some((call, function)) = whole_aggregate(&item.expr)
            && self.environment.find(&call.name.text).is_none()
            && !matches!(function.shape, Shape::Plain | Shape::Filtered(_))
        {
            self.several(input, item, call, function, results);
            return;
        }
        let rows = Rows {
            columns: &[],
            open: input.open,
            aggregates: Some(&input.plan.columns),
        };
        let before = self.aggregates.len();
        let bound = self.scalar(&item.expr, rows);
        let derived = self.derived_name(&item.expr);
        let names = &mut results.names;
        let name = match self.explicit_name(item, bound.as_ref()) {
            Some(name) if !names.declare(&name.text) => {
                self.declared_twice(&name.text, name.span);
                return;
            }
            Some(name) => names.unique(&name.text),
            None => {
                let name = derived.unwrap_or_else(|| names.numbered());
                names.unique(&name)
            }
        };
        // An aggregate on its own is the result; anything else is computed from aggregates.
        if before + 1 == self.aggregates.len()
            && let Some(id) = bound.as_ref().and_then(column_id)
            && let Some(output) = self.aggregates[before]
                .outputs
                .iter_mut()
                .find(|o| o.id == id)
        {
            output.name = name;
            let output = output.clone();
            let value = reference(&output);
            results.finals.push((output, value));
            return;
        }
        let column = self.column_for(name, bound.as_ref());
        let value = bound.unwrap_or_else(|| literal(Value::Null, Type::Dynamic));
        results.finals.push((column, value));
    }

    /// An aggregate with one column per argument.
    fn several(
        &mut self,
        input: &Relation,
        item: &NamedExpr,
        call: &ast::Call,
        function: &'static AggregateFunction,
        results: &mut Results,
    ) {
        let said = self.diagnostics.len();
        let found = self.aggregate_over(call, function, Rows::of(input), &results.groups);
        let Some(mut found) = found else {
            results.lost = true;
            if self.diagnostics.len() == said {
                self.named_unknown(item, results);
            }
            return;
        };
        let names = &mut results.names;
        for (i, output) in found.outputs.iter_mut().enumerate() {
            let explicit = item.names.get(i);
            if let Some(name) = explicit
                && !names.declare(&name.text)
            {
                self.declared_twice(&name.text, name.span);
            }
            let name = explicit.map_or(output.name.as_str(), |n| n.text.as_str());
            let name = if name.is_empty() {
                names.numbered()
            } else {
                name.to_owned()
            };
            output.name = names.unique(&name);
            results.finals.push((output.clone(), reference(output)));
        }
        self.aggregates.push(found);
    }

    /// The columns that the query names of values that only the data tell.
    fn named_unknown(&mut self, item: &NamedExpr, results: &mut Results) {
        for name in &item.names {
            let name = results.names.unique(&name.text);
            let column = self.column_for(name, None);
            let value = literal(Value::Null, Type::Dynamic);
            results.finals.push((column, value));
        }
    }

    /// A call of an aggregate inside an expression.
    pub(super) fn aggregate(
        &mut self,
        call: &ast::Call,
        function: &'static AggregateFunction,
        input: Rows<'_>,
    ) -> Option<Aggregate> {
        self.aggregate_over(call, function, input, &HashSet::new())
    }

    fn aggregate_over(
        &mut self,
        call: &ast::Call,
        function: &'static AggregateFunction,
        input: Rows<'_>,
        groups: &HashSet<ColumnId>,
    ) -> Option<Aggregate> {
        let mut condition = None;
        let mut arguments: Vec<&ast::Argument> = call.arguments.iter().collect();
        let filtered_at = match function.shape {
            Shape::Filtered(at) => Some(at),
            // `count(predicate)` counts like countif.
            Shape::Plain if function.function == AggregateFn::Count && !arguments.is_empty() => {
                Some(0)
            }
            _ => None,
        };
        if let Some(at) = filtered_at {
            if at >= arguments.len() {
                let message = format!(
                    "{}The function '{}' expects {} arguments",
                    self.prefix(),
                    call.name.text,
                    at + 1
                );
                self.error("KS119", call.span, message);
                return None;
            }
            condition = Some(arguments.remove(at));
        }
        let filter = match condition {
            Some(argument) => Some(self.filter_argument(&argument.value, function, input)?),
            None => None,
        };
        let (values, labels) =
            self.aggregate_arguments(call, function, &arguments, input, groups)?;
        let spans: Vec<_> = arguments.iter().map(|a| a.value.span).collect();
        if values.is_empty() && input.open && !arguments.is_empty() {
            // `*` of rows whose columns only the data tell.
            return None;
        }
        let values = values.into_iter().map(Argument::Value).collect();
        let fitted = self.fit(
            &call.name.text,
            function.signatures,
            values,
            call.span,
            &spans,
        )?;
        let result = match (function.function, fitted.signature.result) {
            (AggregateFn::Percentile | AggregateFn::PercentileW, _) => promoted(fitted.ty),
            (_, ResultType::Argument(_))
                if matches!(function.shape, Shape::Best { .. } | Shape::Any { .. }) =>
            {
                fitted.values.first()?.ty
            }
            _ => fitted.ty,
        };
        let mut args = fitted.converted();
        if function.function == AggregateFn::DCount {
            args.truncate(1);
        }
        let outputs = labels
            .into_iter()
            .enumerate()
            .map(|(i, label)| {
                let ty = match function.shape {
                    Shape::Best { .. } | Shape::Any { .. } => match args.get(i) {
                        Some(unknown) if input.open && *unknown == null_of(Type::Long) => {
                            Type::Dynamic
                        }
                        Some(argument) => argument.ty,
                        None => result,
                    },
                    _ => result,
                };
                self.column(label, ty)
            })
            .collect();
        Some(Aggregate {
            function: function.function,
            args,
            filter,
            outputs,
        })
    }

    fn filter_argument(
        &mut self,
        value: &ast::Expr,
        function: &AggregateFunction,
        input: Rows<'_>,
    ) -> Option<Expr> {
        let bound = self.scalar(value, input)?;
        if bound.ty != Type::Bool {
            let message = format!(
                "{}A value of type bool expected, this one is {}",
                self.prefix(),
                bound.ty
            );
            let mut error = Diagnostic::error("KS107", value.span, message);
            if function.function == AggregateFn::Count {
                error = error.with_suggestion(
                    "count() counts rows, countif(condition) some of them, dcount(x) different values",
                );
            }
            self.report(error);
            return None;
        }
        Some(bound)
    }

    /// The values of the arguments and the names of the outputs (empty: none of its own).
    fn aggregate_arguments(
        &mut self,
        call: &ast::Call,
        function: &'static AggregateFunction,
        arguments: &[&ast::Argument],
        input: Rows<'_>,
        groups: &HashSet<ColumnId>,
    ) -> Option<(Vec<Expr>, Vec<String>)> {
        let mut values = Vec::with_capacity(arguments.len());
        let mut labels = Vec::with_capacity(arguments.len());
        let mut complete = true;
        for (i, argument) in arguments.iter().enumerate() {
            let star = matches!(argument.value.kind, ExprKind::Star);
            if star && takes_star(function.shape, i) {
                let seen: HashSet<_> = values
                    .iter()
                    .filter_map(column_id)
                    .chain(groups.iter().copied())
                    .collect();
                for column in input.columns.iter().filter(|c| !seen.contains(&c.id)) {
                    labels.push(label(function, arguments, i, Some(&column.name)));
                    values.push(reference(column));
                }
                continue;
            }
            let value = self.scalar(&argument.value, input).or_else(|| {
                // A column that is not known yet does not hide the others. It is taken for a number, which can be compared.
                let is_name = matches!(argument.value.kind, ExprKind::Name(_));
                let gives_rows = matches!(function.shape, Shape::Best { .. } | Shape::Any { .. });
                (input.open && is_name && gives_rows).then(|| null_of(Type::Long))
            });
            match value {
                Some(value) => {
                    labels.push(label(
                        function,
                        arguments,
                        i,
                        name_of_argument(argument).as_deref(),
                    ));
                    values.push(value);
                }
                None => complete = false,
            }
        }
        match function.shape {
            Shape::Percentiles(from) => {
                labels = (from..arguments.len())
                    .map(|i| percentile_name(call, i))
                    .collect();
            }
            Shape::Plain | Shape::Filtered(_) => labels = vec![name_of_call(call, function)],
            Shape::Best { .. } | Shape::Any { .. } => {}
        }
        complete.then_some((values, labels))
    }
}

fn takes_star(shape: Shape, index: usize) -> bool {
    match shape {
        Shape::Any { .. } => true,
        Shape::Best { .. } => index > 0,
        _ => false,
    }
}

/// The name of one output of `arg_max`, `take_any` and relatives.
fn label(
    function: &AggregateFunction,
    arguments: &[&ast::Argument],
    index: usize,
    own: Option<&str>,
) -> String {
    match function.shape {
        Shape::Best { names, unnamed } => {
            let first = arguments
                .first()
                .and_then(|first| name_of_argument(first))
                .unwrap_or_default();
            match (names, index, own) {
                (BestNames::Plain, _, Some(own)) => own.to_owned(),
                (_, 0, _) => format!("{unnamed}_{first}"),
                (BestNames::Prefixed, _, Some(own)) => format!("{unnamed}_{first}_{own}"),
                (_, _, None) => format!("{unnamed}_{first}_arg{index}"),
            }
        }
        Shape::Any { prefix } => match own {
            Some(own) => format!("{prefix}{own}"),
            None => prefix.to_owned(),
        },
        _ => String::new(),
    }
}

fn name_of_call(call: &ast::Call, function: &AggregateFunction) -> String {
    let first = call
        .arguments
        .first()
        .and_then(name_of_argument)
        .unwrap_or_default();
    match function.naming {
        Naming::Prefix(prefix) => format!("{prefix}_{first}"),
        _ => first,
    }
}

fn column_id(expr: &Expr) -> Option<ColumnId> {
    match expr.kind {
        Bound::Column(id) => Some(id),
        _ => None,
    }
}

/// The aggregate that an expression is, brackets aside.
fn whole_aggregate(expr: &ast::Expr) -> Option<(&ast::Call, &'static AggregateFunction)> {
    match &expr.kind {
        ExprKind::Paren(inner) => whole_aggregate(inner),
        ExprKind::Call(call) => catalogue::aggregate_function(&call.name.text).map(|f| (call, f)),
        _ => None,
    }
}

fn has_star(item: &NamedExpr) -> bool {
    whole_aggregate(&item.expr).is_some_and(|(call, _)| {
        call.arguments
            .iter()
            .any(|a| matches!(a.value.kind, ExprKind::Star))
    })
}

/// Gives the plan its final columns: by names alone when nothing is computed, otherwise by a projection.
fn renamed(mut plan: Plan, finals: Vec<(Column, Expr)>) -> Plan {
    let same = plan.columns.len() == finals.len()
        && plan
            .columns
            .iter()
            .zip(&finals)
            .all(|(c, (_, e))| column_id(e) == Some(c.id));
    let (columns, exprs): (Vec<_>, Vec<_>) = finals.into_iter().unzip();
    if same {
        plan.columns = columns;
        return plan;
    }
    Plan {
        node: Node::Project {
            input: Box::new(plan),
            exprs,
        },
        columns,
    }
}
