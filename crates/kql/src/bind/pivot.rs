//! `evaluate pivot`: one aggregate for every value of a column.

use crate::ast::{self, ExprKind as Ast};
use crate::bound::{Aggregate, BinaryOp, Column, Expr, Node, Plan, Value};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::evaluate::{Promised, distinct};
use super::expr::binary;
use super::naming::Names;
use super::{Binder, Relation, literal, reference, written};

impl Binder<'_> {
    pub(super) fn pivot(
        &mut self,
        input: Relation,
        call: &ast::Call,
        promised: Promised<'_>,
    ) -> Relation {
        let mut arguments = call.arguments.iter().map(|a| &a.value).peekable();
        let Some(first) = arguments.next() else {
            let message = "The function 'pivot' expects at least 1 argument";
            self.error("KS119", call.span, message);
            return Self::unknown();
        };
        let aggregate = match arguments.peek().map(|a| &a.kind) {
            Some(Ast::Call(_)) => arguments.next().cloned(),
            _ => None,
        };
        let aggregate = aggregate.unwrap_or_else(|| written::call("count", Vec::new(), call.span));
        let said = self.diagnostics.len();
        let by = self.column_argument(first, &input);
        let mut groups = Vec::new();
        let mut listed = false;
        for argument in arguments {
            listed = true;
            groups.extend(self.column_argument(argument, &input));
        }
        let Some(by) = by else {
            return self.groups_of_unknown(input, groups, said);
        };
        if !listed {
            let used = used_by(&aggregate);
            let free = |c: &&Column| c.id != by.id && !used.contains(&c.name.as_str());
            groups = input.plan.columns.iter().filter(free).cloned().collect();
        }
        let Some((call, rows)) = self.pivot_aggregate(&input, &aggregate) else {
            return self.groups_of_unknown(input, groups, said);
        };
        let (values, open) = match promised {
            Some((_, declared)) => {
                let names = declared.iter().map(|d| d.name.text.clone());
                let of_groups = |name: &String| groups.iter().any(|g| g.name == *name);
                (names.filter(|n| !of_groups(n)).collect(), false)
            }
            None => {
                let answer = self.probed(|b| b.values_of(&input, &by, first.span));
                let open = answer.is_none();
                let mut values: Vec<String> = answer
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(v, _)| v)
                    .collect();
                values.sort();
                (values, open)
            }
        };
        let open = open || input.open;
        let pivoted = self.pivoted(rows, &by, groups, &call, &values);
        let relation = Relation {
            plan: pivoted,
            open,
        };
        match promised {
            Some((star, declared)) => self.promised_columns(relation, *star, declared),
            None => relation,
        }
    }

    /// What is known of a pivot over columns that only the data tell: its groups. Nothing after a mistake, which has
    /// been reported since there were `said` diagnostics.
    fn groups_of_unknown(&self, input: Relation, groups: Vec<Column>, said: usize) -> Relation {
        if self.diagnostics.len() > said || !input.open {
            return Self::unknown();
        }
        Relation {
            open: true,
            plan: super::apart::chosen(input.plan, groups),
        }
    }

    /// The aggregate, without the condition that each column adds, and the rows that it goes over: the input, with the
    /// values of the window functions in its arguments.
    fn pivot_aggregate(&mut self, input: &Relation, expr: &ast::Expr) -> Option<(Aggregate, Plan)> {
        let summarize = ast::Summarize {
            aggregates: vec![written::named("value", expr.clone())],
            by: None,
            parameters: Vec::new(),
        };
        let summarized = self.summarize(input.clone(), &summarize);
        self.operator = "evaluate";
        match summarized.plan.node {
            Node::Summarize {
                input,
                mut aggregates,
                ..
            } if aggregates.len() == 1 && aggregates[0].outputs.len() == 1 => {
                aggregates.pop().map(|aggregate| (aggregate, *input))
            }
            _ => {
                if !summarized.open {
                    self.unsupported(expr.span, "An expression over aggregates in 'pivot'");
                }
                None
            }
        }
    }

    fn pivoted(
        &mut self,
        input: Plan,
        by: &Column,
        groups: Vec<Column>,
        call: &Aggregate,
        values: &[String],
    ) -> Plan {
        let mut names = Names::default();
        let mut columns = groups.clone();
        for column in &columns {
            names.reserve(&column.name);
        }
        let ty = call.outputs[0].ty;
        let mut aggregates = Vec::with_capacity(values.len());
        for value in values {
            let output = self.column(names.unique(value), ty);
            columns.push(output.clone());
            let wanted = literal(Value::String(value.clone()), Type::String);
            let text = coerce(reference(by), Type::String);
            let mut aggregate = Aggregate {
                outputs: vec![output],
                ..call.clone()
            };
            let test = binary(BinaryOp::Eq, text, wanted, Type::Bool);
            aggregate.filter = Some(match aggregate.filter.take() {
                None => test,
                Some(filter) => Expr {
                    kind: crate::bound::ExprKind::And(vec![filter, test]),
                    ty: Type::Bool,
                },
            });
            aggregates.push(aggregate);
        }
        let exprs = groups.iter().map(reference).collect();
        if aggregates.is_empty() {
            let projected = Plan {
                node: Node::Project {
                    input: Box::new(input),
                    exprs,
                },
                columns,
            };
            return distinct(projected);
        }
        Plan {
            node: Node::Summarize {
                input: Box::new(input),
                by: exprs,
                aggregates,
            },
            columns,
        }
    }

    /// The distinct values as texts: the probe of `pivot`.
    fn values_of(&mut self, input: &Relation, by: &Column, span: Span) -> Plan {
        let at = input.plan.columns.iter().position(|c| c.id == by.id);
        let copy = self.copy(input, span).unwrap_or_else(Self::unknown);
        let by = at.and_then(|at| copy.plan.columns.get(at)).cloned();
        let empty = || literal(Value::String(String::new()), Type::String);
        let value = by.map_or_else(empty, |by| coerce(reference(&by), Type::String));
        let columns = vec![
            self.column("value", Type::String),
            self.column("none", Type::String),
        ];
        distinct(Plan {
            node: Node::Project {
                input: Box::new(copy.plan),
                exprs: vec![value, empty()],
            },
            columns,
        })
    }

    /// The columns of a schema that the query promises, by name.
    fn promised_columns(
        &mut self,
        relation: Relation,
        star: bool,
        declared: &[ast::ColumnDeclaration],
    ) -> Relation {
        let mut columns = Vec::new();
        let mut exprs = Vec::new();
        if star {
            for column in &relation.plan.columns {
                if !declared.iter().any(|d| d.name.text == column.name) {
                    columns.push(column.clone());
                    exprs.push(reference(column));
                }
            }
        }
        for declaration in declared {
            let Some(ty) = self.type_named(&declaration.ty) else {
                continue;
            };
            let name = &declaration.name.text;
            let found = relation.plan.columns.iter().find(|c| c.name == *name);
            let value = found.map(|c| coerce(reference(c), ty));
            columns.push(self.column(name.clone(), ty));
            exprs.push(value.unwrap_or_else(|| coerce(literal(Value::Null, Type::Dynamic), ty)));
        }
        Relation {
            open: false,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(relation.plan),
                    exprs,
                },
                columns,
            },
        }
    }
}

/// The names that the arguments of a call mention directly.
fn used_by(expr: &ast::Expr) -> Vec<&str> {
    let Ast::Call(call) = &expr.kind else {
        return Vec::new();
    };
    let names = call.arguments.iter().filter_map(|a| match &a.value.kind {
        Ast::Name(name) => Some(name.text.as_str()),
        _ => None,
    });
    names.collect()
}
