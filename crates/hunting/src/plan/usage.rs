//! Which results of `arg_max`, `arg_min` and `take_any` nobody reads. DataFusion prunes columns, but not the fields
//! of a struct inside an aggregate: `arg_max(Timestamp, *)` would carry every column of the table.

use std::collections::HashSet;

use bartizan_kql::bound::{self, AggregateFn, ColumnId, Expr, ExprKind, Node, PathStep, Plan, Set};

/// Whether an aggregate gives a whole row.
pub(super) fn gives_row(function: AggregateFn) -> bool {
    matches!(
        function,
        AggregateFn::ArgMax | AggregateFn::ArgMin | AggregateFn::TakeAny
    )
}

/// The columns of whole-row aggregates that are in no expression and no result.
pub(super) fn unread(query: &bound::Query) -> HashSet<ColumnId> {
    let mut usage = Usage::default();
    for plan in query.shared.iter().chain([&query.plan]) {
        usage.read.extend(plan.columns.iter().map(|c| c.id));
        usage.plan(plan);
    }
    let Usage { read, mut made } = usage;
    made.retain(|id| !read.contains(id));
    made
}

#[derive(Default)]
struct Usage {
    read: HashSet<ColumnId>,
    made: HashSet<ColumnId>,
}

impl Usage {
    fn plan(&mut self, plan: &Plan) {
        match &plan.node {
            Node::Filter { predicate, .. } => self.expr(predicate),
            Node::Project { exprs, .. } => exprs.iter().for_each(|e| self.expr(e)),
            Node::Window {
                calls, partition, ..
            } => {
                self.read.extend(partition);
                calls
                    .iter()
                    .flat_map(|c| &c.args)
                    .for_each(|e| self.expr(e));
            }
            Node::Plugin {
                args, partition, ..
            } => {
                self.read.extend(partition);
                args.iter().for_each(|e| self.expr(e));
            }
            Node::Summarize { by, aggregates, .. } => {
                by.iter().for_each(|e| self.expr(e));
                for aggregate in aggregates {
                    aggregate
                        .args
                        .iter()
                        .chain(&aggregate.filter)
                        .for_each(|e| self.expr(e));
                    if gives_row(aggregate.function) {
                        self.made.extend(aggregate.outputs.iter().map(|c| c.id));
                    }
                }
            }
            Node::Distinct { .. } => self.read.extend(plan.columns.iter().map(|c| c.id)),
            Node::Sort { keys, .. } | Node::Top { keys, .. } => {
                keys.iter().for_each(|k| self.expr(&k.expr));
            }
            Node::Join { on, .. } => on.iter().for_each(|(l, r)| {
                self.expr(l);
                self.expr(r);
            }),
            Node::Union { inputs } => {
                for input in inputs {
                    self.read.extend(input.mapping.iter().flatten());
                }
            }
            Node::MvExpand { items, .. } => items.iter().for_each(|i| self.expr(&i.array)),
            Node::Parse { source, .. } => self.expr(source),
            Node::Table { .. }
            | Node::Unit
            | Node::DataTable { .. }
            | Node::Range { .. }
            | Node::External { .. }
            | Node::Shared(_)
            | Node::Take { .. }
            | Node::Sample { .. }
            | Node::Serialize { .. } => {}
        }
        for input in plan.inputs() {
            self.plan(input);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::SharedScalar(_) => {}
            ExprKind::Column(id) => {
                self.read.insert(*id);
            }
            ExprKind::Cast(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => {
                self.expr(inner);
            }
            ExprKind::Call { args, .. } => args.iter().for_each(|e| self.expr(e)),
            ExprKind::Binary { left, right, .. } | ExprKind::StringTest { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::SetTest { input, set, .. } => {
                self.expr(input);
                match set {
                    Set::Items(items) => items.iter().for_each(|e| self.expr(e)),
                    Set::Array(array) => self.expr(array),
                    Set::Shared(_) => {}
                }
            }
            ExprKind::And(terms) | ExprKind::Or(terms) => terms.iter().for_each(|e| self.expr(e)),
            ExprKind::Case {
                branches,
                otherwise,
            } => {
                for (when, then) in branches {
                    self.expr(when);
                    self.expr(then);
                }
                self.expr(otherwise);
            }
            ExprKind::Path { input, steps } => {
                self.expr(input);
                for step in steps {
                    if let PathStep::Computed(inner) = step {
                        self.expr(inner);
                    }
                }
            }
        }
    }
}
