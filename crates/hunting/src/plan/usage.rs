//! Which columns nobody reads, where DataFusion does not see it: results of `arg_max`, `arg_min` and `take_any`, which are
//! fields of a struct inside an aggregate (`arg_max(Timestamp, *)` would carry every column of the table), and columns
//! of rows that are computed once for several plans (`fork` would hold every column of its source).

use std::collections::{HashMap, HashSet};

use bartizan_kql::bound::{self, AggregateFn, ColumnId, Expr, ExprKind, Node, PathStep, Plan, Set};

/// Whether an aggregate gives a whole row.
pub(super) fn gives_row(function: AggregateFn) -> bool {
    matches!(
        function,
        AggregateFn::ArgMax | AggregateFn::ArgMin | AggregateFn::TakeAny
    )
}

/// The columns of whole-row aggregates and of shared rows that are in no expression and no result.
pub(super) fn unread(query: &bound::Query) -> HashSet<ColumnId> {
    let mut usage = Usage::default();
    for plan in query.plans() {
        usage.plan(plan);
    }
    for table in query.tables() {
        usage.read.extend(table.columns.iter().map(|c| c.id));
    }
    // What refers to an entry stands behind it.
    for (i, plan) in query.shared.iter().enumerate().rev() {
        usage.shared(i, plan);
    }
    let Usage { read, mut made, .. } = usage;
    made.retain(|id| !read.contains(id));
    made
}

#[derive(Default)]
struct Usage {
    read: HashSet<ColumnId>,
    made: HashSet<ColumnId>,
    /// The columns of the plans that go over the rows of a shared entry. One that has none is a value, a set or a table
    /// to look into, and read as a whole.
    references: HashMap<usize, Vec<Vec<ColumnId>>>,
}

impl Usage {
    /// Settles which columns of a shared entry are read, once that is settled for everything behind it.
    fn shared(&mut self, entry: usize, plan: &Plan) {
        let Some(references) = self.references.remove(&entry) else {
            self.read.extend(plan.columns.iter().map(|c| c.id));
            return;
        };
        // Rows without a column could not be counted; one that is there for another plan costs nothing.
        let read = |at: &usize| {
            references
                .iter()
                .any(|columns| self.read.contains(&columns[*at]))
        };
        let any = (0..plan.columns.len()).find(read).unwrap_or(0);
        for columns in &references {
            if !columns.iter().any(|id| self.read.contains(id)) {
                self.read.extend(columns.get(any));
            }
        }
        for (at, column) in plan.columns.iter().enumerate() {
            if references
                .iter()
                .any(|columns| self.read.contains(&columns[at]))
            {
                self.read.insert(column.id);
            }
            self.made.insert(column.id);
            self.made
                .extend(references.iter().map(|columns| columns[at]));
        }
    }

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
                input,
                args,
                partition,
                ..
            } => {
                // What is asked inside of a plugin is not looked at.
                self.read.extend(input.columns.iter().map(|c| c.id));
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
            Node::Shared(id) => {
                let columns = plan.columns.iter().map(|c| c.id).collect();
                let references = self.references.entry(id.0 as usize).or_default();
                references.push(columns);
            }
            Node::Table { .. }
            | Node::Unit
            | Node::DataTable { .. }
            | Node::Range { .. }
            | Node::External { .. }
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
