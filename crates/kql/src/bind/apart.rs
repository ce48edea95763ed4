//! Subqueries over parts of the rows: `mv-apply` and `partition`.
//!
//! The subquery is bound once, over all rows, and then told to keep its parts apart: groups get the part's key,
//! sorts begin with it, and `top`, `take` and window functions count in each part for themselves.

use crate::ast::{self, PartitionBody};
use crate::bound::{
    Aggregate, AggregateFn, BinaryOp, Column, ColumnId, Expr, JoinKind, Node, Plan, SortKey, Value,
    WindowCall, WindowFn,
};
use crate::diagnostic::Span;
use crate::types::Type;

use super::expr::binary;
use super::naming::name_of;
use super::{Binder, Relation, Weight, literal, reference};

/// What goes along with the rows of a subquery: after its own columns every node has these.
struct Along {
    /// The key of the part.
    key: Column,
    /// Columns of the outer rows, the same for all rows of a part. Their ids change below aggregations.
    outer: Vec<Column>,
}

/// A subquery whose parts are kept apart.
struct Parts {
    plan: Plan,
    /// The columns of the subquery itself.
    own: Vec<Column>,
    along: Along,
}

impl Along {
    fn columns(&self) -> impl Iterator<Item = &Column> {
        std::iter::once(&self.key).chain(&self.outer)
    }
}

impl Binder<'_> {
    /// Binds `mv-apply`.
    pub(super) fn mv_apply(
        &mut self,
        input: Relation,
        apply: &ast::MvApply,
        span: Span,
    ) -> Relation {
        let open = input.open;
        let outer = input.plan.columns.clone();
        let seen = outer.len();
        // Rows are told apart by their number.
        let key = self.column("", Type::Long);
        let numbered = with_row_number(input, &key);
        let (numbered, outer, kept) = self.beside(numbered, outer, &apply.columns);
        let expand = ast::MvExpand {
            legacy: false,
            kind: None,
            item_index: apply.item_index.clone(),
            columns: apply.columns.clone(),
            limit: apply.limit.clone(),
        };
        let expanded = self.mv_expand(numbered, &expand, seen);
        // Outer columns that an item replaced are gone.
        let outer: Vec<Column> = outer
            .into_iter()
            .filter(|c| has(&expanded.plan.columns, c.id))
            .collect();
        // The column of an item that stands for a whole column of the outer rows keeps its old value beside it.
        let visible: Vec<Column> = expanded
            .plan
            .columns
            .iter()
            .filter(|c| c.id != key.id && !kept.contains(&c.id))
            .cloned()
            .collect();
        let parts = self.in_parts(expanded, &visible, key, &outer, span, |b, r| {
            b.operators(r, &apply.operators)
        });
        let Some(Parts { plan, own, along }) = parts else {
            return Self::unknown();
        };
        let mut columns = Vec::new();
        for column in &outer {
            let same = |c: &&Column| c.name == column.name;
            let found = own.iter().find(same);
            columns.extend(found.or_else(|| along.outer.iter().find(same)).cloned());
        }
        let added = own
            .iter()
            .filter(|c| !outer.iter().any(|o| o.name == c.name));
        columns.extend(added.cloned());
        self.operator = "mv-apply";
        Relation {
            open,
            plan: chosen(plan, columns),
        }
    }

    /// The rows, the outer columns of `mv-apply`, and those that the subquery does not see. Only a bare name stands for
    /// the column itself; a value that has the name of a column otherwise hides it, and the rows have it again where
    /// the subquery gives no column of that name.
    fn beside(
        &mut self,
        rows: Relation,
        mut outer: Vec<Column>,
        items: &[ast::MvColumn],
    ) -> (Relation, Vec<Column>, Vec<ColumnId>) {
        let mut columns = rows.plan.columns.clone();
        let mut exprs: Vec<Expr> = columns.iter().map(reference).collect();
        let mut kept = Vec::new();
        for item in items {
            let bare = item.name.is_none() && matches!(item.expr.kind, ast::ExprKind::Name(_));
            let name = match &item.name {
                Some(name) => Some(name.text.clone()),
                None => name_of(&item.expr),
            };
            let hidden = outer.iter_mut().find(|c| Some(&c.name) == name.as_ref());
            let Some(column) = hidden.filter(|c| !bare && !kept.contains(&c.id)) else {
                continue;
            };
            exprs.push(reference(column));
            column.id = self.fresh();
            kept.push(column.id);
            columns.push(column.clone());
        }
        if kept.is_empty() {
            return (rows, outer, kept);
        }
        let input = Box::new(rows.plan);
        let plan = Plan {
            node: Node::Project { input, exprs },
            columns,
        };
        let open = rows.open;
        (Relation { plan, open }, outer, kept)
    }

    /// Binds `partition`.
    pub(super) fn partition(
        &mut self,
        input: Relation,
        partition: &ast::Partition,
        span: Span,
    ) -> Relation {
        let found = input
            .plan
            .columns
            .iter()
            .find(|c| c.name == partition.by.text)
            .cloned();
        let Some(by) = found else {
            if !input.open {
                self.unknown_name(&partition.by, super::Rows::of(&input));
            }
            return Self::unknown();
        };
        if by.ty == Type::Dynamic && !self.poisoned.contains(&by.id) {
            self.dynamic_refused(partition.by.span);
            return Self::unknown();
        }
        let operators = match &partition.body {
            PartitionBody::Operators(operators) => operators,
            PartitionBody::Query(query) => return self.partition_query(input, &by, query, span),
        };
        let visible = input.plan.columns.clone();
        let key = self.column("", by.ty);
        let mut columns = visible.clone();
        columns.push(key.clone());
        let mut exprs: Vec<Expr> = visible.iter().map(reference).collect();
        exprs.push(reference(&by));
        let keyed = Relation {
            open: input.open,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(input.plan),
                    exprs,
                },
                columns,
            },
        };
        let open = keyed.open;
        let parts = self.in_parts(keyed, &visible, key, &[], span, |b, r| {
            b.operators(r, operators)
        });
        let Some(Parts { plan, own, .. }) = parts else {
            return Self::unknown();
        };
        self.operator = "partition";
        Relation {
            open,
            plan: chosen(plan, own),
        }
    }

    /// A subquery with a source of its own: its rows once for every value of the column.
    fn partition_query(
        &mut self,
        input: Relation,
        by: &Column,
        query: &ast::Tabular,
        span: Span,
    ) -> Relation {
        let relation = self.tabular(query);
        self.operator = "partition";
        let value = self.column("", by.ty);
        let values = Plan {
            node: Node::Distinct {
                input: Box::new(Plan {
                    node: Node::Project {
                        input: Box::new(input.plan),
                        exprs: vec![reference(by)],
                    },
                    columns: vec![value.clone()],
                }),
            },
            columns: vec![value],
        };
        let _ = span;
        let one = || literal(Value::Long(1), Type::Long);
        let columns = relation.plan.columns.clone();
        Relation {
            open: relation.open,
            plan: Plan {
                node: Node::Join {
                    kind: JoinKind::Inner,
                    left: Box::new(relation.plan),
                    right: Box::new(values),
                    on: vec![(one(), one())],
                },
                columns,
            },
        }
    }

    /// Binds operators over `base`, of which they see the `visible` columns, and keeps the parts apart that its
    /// column `key` tells. The result has the subquery's columns and then those of [`Along`].
    fn in_parts(
        &mut self,
        base: Relation,
        visible: &[Column],
        key: Column,
        outer: &[Column],
        span: Span,
        operators: impl FnOnce(&mut Self, Relation) -> Relation,
    ) -> Option<Parts> {
        let open = base.open;
        let hidden = Relation {
            open,
            plan: chosen(base.plan, visible.to_vec()),
        };
        let bound = self.nested(Weight::Subquery, span, |b| {
            b.apart(|b| operators(b, hidden))
        })?;
        // What the subquery still has need not be carried.
        let missing: Vec<Column> = outer
            .iter()
            .filter(|c| !bound.plan.columns.iter().any(|own| own.name == c.name))
            .cloned()
            .collect();
        let mut along = Along {
            key,
            outer: missing,
        };
        let own = bound.plan.columns.clone();
        let plan = self.keep_apart(bound.plan, &mut along, span)?;
        Some(Parts { plan, own, along })
    }

    /// The same plan with the columns of `along` at its end. A loop, since pipelines are longer than a stack is deep.
    fn keep_apart(&mut self, mut plan: Plan, along: &mut Along, span: Span) -> Option<Plan> {
        let mut above = Vec::new();
        while let Some(input) = input_of(&mut plan.node).filter(|i| !has(&i.columns, along.key.id))
        {
            let nothing = Plan {
                node: Node::Unit,
                columns: Vec::new(),
            };
            let below = std::mem::replace(input, nothing);
            above.push(std::mem::replace(&mut plan, below));
        }
        plan = self.kept_apart(plan, along, span)?;
        while let Some(mut upper) = above.pop() {
            *input_of(&mut upper.node)? = plan;
            plan = self.kept_apart(upper, along, span)?;
        }
        Some(plan)
    }

    /// A node with the columns of `along` at its end; its input has them already.
    fn kept_apart(&mut self, plan: Plan, along: &mut Along, span: Span) -> Option<Plan> {
        let Plan { node, columns } = plan;
        let with = |columns: &[Column], along: &Along| -> Vec<Column> {
            let carried = along.columns().filter(|c| !has(columns, c.id));
            columns.iter().chain(carried).cloned().collect()
        };
        Some(match node {
            Node::Project { input, exprs } => {
                let carried = along.columns().filter(|c| !has(&columns, c.id));
                let exprs = exprs.into_iter().chain(carried.map(reference)).collect();
                Plan {
                    node: Node::Project { input, exprs },
                    columns: with(&columns, along),
                }
            }
            Node::Filter { input, predicate } => {
                through(Node::Filter { input, predicate }, with(&columns, along))
            }
            Node::Distinct { input } => through(Node::Distinct { input }, with(&columns, along)),
            Node::Serialize { input } => through(Node::Serialize { input }, with(&columns, along)),
            Node::Sort { input, keys } => sorted_apart(*input, keys, along),
            Node::Top { input, count, keys } => {
                let input = sorted_apart(*input, keys, along);
                self.first_of_each(input, count, &[along.key.id])
            }
            Node::Take { input, count } | Node::Sample { input, count } => {
                self.first_of_each(*input, count, &[along.key.id])
            }
            Node::Summarize {
                input,
                by,
                aggregates,
            } => self.summarized_apart(*input, by, aggregates, &columns, along),
            Node::Window {
                input,
                calls,
                mut partition,
            } => {
                partition.push(along.key.id);
                let mut all = input.columns.clone();
                all.extend(calls.iter().map(|c| c.output.clone()));
                let node = Node::Window {
                    input,
                    calls,
                    partition,
                };
                chosen(Plan { node, columns: all }, with(&columns, along))
            }
            Node::MvExpand {
                input,
                items,
                index,
                limit,
                kind,
            } => {
                let node = Node::MvExpand {
                    input,
                    items,
                    index,
                    limit,
                    kind,
                };
                through(node, with(&columns, along))
            }
            Node::Parse {
                input,
                source,
                kind,
                flags,
                parts,
                only_matching,
            } => {
                let node = Node::Parse {
                    input,
                    source,
                    kind,
                    flags,
                    parts,
                    only_matching,
                };
                through(node, with(&columns, along))
            }
            Node::Join {
                kind,
                left,
                right,
                on,
            } if keeps_left(kind) => {
                let node = Node::Join {
                    kind,
                    left,
                    right,
                    on,
                };
                through(node, with(&columns, along))
            }
            Node::Plugin {
                input,
                plugin,
                args,
                constants,
                lookup,
                outputs,
                mut partition,
            } => {
                if !plugin.adds() && !along.outer.is_empty() {
                    let what = format!("'{}' in this subquery", plugin.name());
                    self.unsupported(span, &what);
                    return None;
                }
                partition.push(along.key.id);
                let before: Vec<Column> = if plugin.adds() {
                    input.columns.clone()
                } else {
                    vec![along.key.clone()]
                };
                let all = before.into_iter().chain(outputs.iter().cloned()).collect();
                let node = Node::Plugin {
                    input,
                    plugin,
                    args,
                    constants,
                    lookup,
                    outputs,
                    partition,
                };
                chosen(Plan { node, columns: all }, with(&columns, along))
            }
            Node::Join { .. } => {
                let what = "A join of this kind in a subquery over parts of the rows";
                self.unsupported(span, what);
                return None;
            }
            // After a mistake.
            Node::Unit => return None,
            _ => {
                let what = "Another table in a subquery over parts of the rows";
                self.unsupported(span, what);
                return None;
            }
        })
    }

    fn summarized_apart(
        &mut self,
        input: Plan,
        mut by: Vec<Expr>,
        mut aggregates: Vec<Aggregate>,
        columns: &[Column],
        along: &mut Along,
    ) -> Plan {
        let mut all = columns[..by.len()].to_vec();
        by.push(reference(&along.key));
        all.push(along.key.clone());
        if !along.outer.is_empty() {
            let args = along.outer.iter().map(reference).collect();
            let outputs: Vec<Column> = along
                .outer
                .iter()
                .map(|c| self.column(c.name.clone(), c.ty))
                .collect();
            along.outer.clone_from(&outputs);
            aggregates.push(Aggregate {
                function: AggregateFn::TakeAny,
                args,
                filter: None,
                outputs,
            });
        }
        all.extend(aggregates.iter().flat_map(|a| a.outputs.iter().cloned()));
        let node = Node::Summarize {
            input: Box::new(input),
            by,
            aggregates,
        };
        let wanted = columns.iter().chain(along.columns()).cloned().collect();
        chosen(Plan { node, columns: all }, wanted)
    }

    /// The first `count` rows for every combination of values of `partition`.
    pub(super) fn first_of_each(
        &mut self,
        input: Plan,
        count: Expr,
        partition: &[ColumnId],
    ) -> Plan {
        let number = self.column("", Type::Long);
        let wanted = input.columns.clone();
        let mut columns = wanted.clone();
        columns.push(number.clone());
        let call = WindowCall {
            function: WindowFn::RowNumber,
            args: vec![literal(Value::Long(1), Type::Long)],
            output: number.clone(),
        };
        let numbered = Plan {
            node: Node::Window {
                input: Box::new(input),
                calls: vec![call],
                partition: partition.to_vec(),
            },
            columns: columns.clone(),
        };
        let predicate = binary(BinaryOp::Le, reference(&number), count, Type::Bool);
        let first = Plan {
            node: Node::Filter {
                input: Box::new(numbered),
                predicate,
            },
            columns,
        };
        chosen(first, wanted)
    }
}

/// Whether every row of a join has one of its left side.
fn keeps_left(kind: JoinKind) -> bool {
    use JoinKind::{Inner, LeftAnti, LeftOuter, LeftSemi};
    matches!(kind, Inner | LeftOuter | LeftSemi | LeftAnti)
}

/// The rows that a node of a subquery goes over: those whose parts are kept apart.
fn input_of(node: &mut Node) -> Option<&mut Plan> {
    match node {
        Node::Project { input, .. }
        | Node::Filter { input, .. }
        | Node::Distinct { input }
        | Node::Serialize { input }
        | Node::Sort { input, .. }
        | Node::Top { input, .. }
        | Node::Take { input, .. }
        | Node::Sample { input, .. }
        | Node::Summarize { input, .. }
        | Node::Window { input, .. }
        | Node::MvExpand { input, .. }
        | Node::Parse { input, .. }
        | Node::Plugin { input, .. } => Some(input),
        Node::Join { left, kind, .. } if keeps_left(*kind) => Some(left),
        _ => None,
    }
}

fn has(columns: &[Column], id: ColumnId) -> bool {
    columns.iter().any(|c| c.id == id)
}

fn with_row_number(input: Relation, key: &Column) -> Relation {
    let mut columns = input.plan.columns.clone();
    columns.push(key.clone());
    let call = WindowCall {
        function: WindowFn::RowNumber,
        args: vec![literal(Value::Long(1), Type::Long)],
        output: key.clone(),
    };
    Relation {
        open: input.open,
        plan: Plan {
            node: Node::Window {
                input: Box::new(input.plan),
                calls: vec![call],
                partition: Vec::new(),
            },
            columns,
        },
    }
}

/// Sorted by the part first.
fn sorted_apart(input: Plan, keys: Vec<SortKey>, along: &Along) -> Plan {
    let mut all = vec![SortKey {
        expr: reference(&along.key),
        descending: false,
        nulls_first: true,
    }];
    all.extend(keys);
    let columns = input.columns.clone();
    let node = Node::Sort {
        input: Box::new(input),
        keys: all,
    };
    Plan { node, columns }
}

fn through(node: Node, columns: Vec<Column>) -> Plan {
    Plan { node, columns }
}

/// A projection to columns that the plan has.
pub(super) fn chosen(plan: Plan, columns: Vec<Column>) -> Plan {
    let exprs = columns.iter().map(reference).collect();
    let node = Node::Project {
        input: Box::new(plan),
        exprs,
    };
    Plan { node, columns }
}
