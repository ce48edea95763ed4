//! Copies of a bound plan with fresh column ids, so that it can be used twice in one query.

use std::collections::HashMap;

use crate::bound::{
    Column, ColumnId, Expr, ExprKind, GraphOperation, GraphPlan, Node, ParsePart, PathStep, Plan,
    Plugin, ScanPlan, Set, SortKey,
};

/// A copy of `plan` with new ids by `fresh`, and how many nodes, columns and expressions it has: what it cost.
pub(super) fn with_fresh_ids(plan: &Plan, fresh: impl FnMut() -> ColumnId) -> (Plan, usize) {
    let mut copy = plan.clone();
    let mut remap = Remap {
        ids: HashMap::new(),
        fresh,
        visited: 0,
    };
    remap.plan(&mut copy);
    (copy, remap.visited)
}

/// How many nodes an expression has.
pub(super) fn expr_size(expr: &Expr) -> usize {
    let mut size = 1;
    for_each_child(expr, &mut |child| size += expr_size(child));
    size
}

/// Calls `visit` with the expressions directly below `expr`.
pub(super) fn for_each_child<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Expr)) {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column(_) | ExprKind::SharedScalar(_) => {}
        ExprKind::Cast(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => visit(inner),
        ExprKind::Call { args, .. } | ExprKind::And(args) | ExprKind::Or(args) => {
            args.iter().for_each(visit)
        }
        ExprKind::Binary { left, right, .. } | ExprKind::StringTest { left, right, .. } => {
            visit(left);
            visit(right);
        }
        ExprKind::SetTest { input, set, .. } => {
            visit(input);
            match set {
                Set::Items(items) => items.iter().for_each(visit),
                Set::Array(array) => visit(array),
                Set::Shared(_) => {}
            }
        }
        ExprKind::Case {
            branches,
            otherwise,
        } => {
            for (condition, value) in branches {
                visit(condition);
                visit(value);
            }
            visit(otherwise);
        }
        ExprKind::Path { input, steps } => {
            visit(input);
            for step in steps {
                if let PathStep::Computed(index) = step {
                    visit(index);
                }
            }
        }
    }
}

struct Remap<F> {
    ids: HashMap<ColumnId, ColumnId>,
    fresh: F,
    visited: usize,
}

impl<F: FnMut() -> ColumnId> Remap<F> {
    fn id(&mut self, id: &mut ColumnId) {
        let fresh = &mut self.fresh;
        *id = *self.ids.entry(*id).or_insert_with(fresh);
    }

    fn columns(&mut self, columns: &mut [Column]) {
        self.visited += columns.len();
        for column in columns {
            self.id(&mut column.id);
        }
    }

    fn keys(&mut self, keys: &mut [SortKey]) {
        for key in keys {
            self.expr(&mut key.expr);
        }
    }

    fn exprs(&mut self, exprs: &mut [Expr]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn plan(&mut self, plan: &mut Plan) {
        self.node(&mut plan.node);
        self.columns(&mut plan.columns);
    }

    fn node(&mut self, node: &mut Node) {
        self.visited += 1;
        match node {
            Node::Table { .. }
            | Node::Unit
            | Node::DataTable { .. }
            | Node::Shared(_)
            | Node::External { .. } => {}
            Node::Range { from, to, step } => {
                self.expr(from);
                self.expr(to);
                self.expr(step);
            }
            Node::Distinct { input } | Node::Serialize { input } => self.plan(input),
            Node::Filter {
                input,
                predicate: expr,
            }
            | Node::Take { input, count: expr }
            | Node::Sample { input, count: expr } => {
                self.plan(input);
                self.expr(expr);
            }
            Node::Project { input, exprs } => {
                self.plan(input);
                self.exprs(exprs);
            }
            Node::Window {
                input,
                calls,
                partition,
            } => {
                self.plan(input);
                for call in calls {
                    self.exprs(&mut call.args);
                    self.id(&mut call.output.id);
                }
                partition.iter_mut().for_each(|id| self.id(id));
            }
            Node::Plugin {
                input,
                plugin,
                args,
                constants,
                outputs,
                partition,
                ..
            } => {
                self.plan(input);
                self.exprs(args);
                self.exprs(constants);
                self.columns(outputs);
                partition.iter_mut().for_each(|id| self.id(id));
                match plugin {
                    Plugin::Scan(scan) => self.scan(scan),
                    Plugin::Graph(graph) => self.graph(graph),
                    _ => {}
                }
            }
            Node::Summarize {
                input,
                by,
                aggregates,
            } => {
                self.plan(input);
                self.exprs(by);
                for aggregate in aggregates {
                    self.exprs(&mut aggregate.args);
                    self.exprs(aggregate.filter.as_mut_slice());
                    self.columns(&mut aggregate.outputs);
                }
            }
            Node::Sort { input, keys } => {
                self.plan(input);
                self.keys(keys);
            }
            Node::Top { input, count, keys } => {
                self.plan(input);
                self.expr(count);
                self.keys(keys);
            }
            Node::Join {
                left, right, on, ..
            } => {
                self.plan(left);
                self.plan(right);
                for (left, right) in on {
                    self.expr(left);
                    self.expr(right);
                }
            }
            Node::Union { inputs } => {
                for input in inputs {
                    self.plan(&mut input.plan);
                    for id in input.mapping.iter_mut().flatten() {
                        self.id(id);
                    }
                }
            }
            Node::MvExpand {
                input,
                items,
                index,
                ..
            } => {
                self.plan(input);
                for item in items {
                    self.expr(&mut item.array);
                    self.id(&mut item.output.id);
                }
                if let Some(id) = index {
                    self.id(id);
                }
            }
            Node::Parse {
                input,
                source,
                parts,
                ..
            } => {
                self.plan(input);
                self.expr(source);
                for part in parts {
                    if let ParsePart::Capture(column) = part {
                        self.id(&mut column.id);
                    }
                }
            }
        }
    }

    fn scan(&mut self, scan: &mut ScanPlan) {
        self.columns(&mut scan.input);
        for (column, default) in &mut scan.declared {
            self.id(&mut column.id);
            self.expr(default);
        }
        for step in &mut scan.steps {
            step.state.iter_mut().for_each(|id| self.id(id));
            self.expr(&mut step.condition);
            for (_, value) in &mut step.assignments {
                self.expr(value);
            }
        }
    }

    fn graph(&mut self, graph: &mut GraphPlan) {
        let GraphOperation::Match(pattern) = &mut graph.operation else {
            return;
        };
        let nodes = pattern.nodes.iter_mut().map(|n| &mut n.columns);
        let edges = pattern.edges.iter_mut().map(|e| &mut e.columns);
        for id in nodes.chain(edges).flatten() {
            self.visited += 1;
            self.id(id);
        }
        for collected in &mut pattern.collected {
            self.visited += collected.element.len();
            self.id(&mut collected.id);
            collected.element.iter_mut().for_each(|id| self.id(id));
            self.expr(&mut collected.value);
        }
        self.exprs(&mut pattern.conditions);
        self.exprs(&mut pattern.project);
    }

    fn expr(&mut self, expr: &mut Expr) {
        self.visited += 1;
        match &mut expr.kind {
            ExprKind::Literal(_) | ExprKind::SharedScalar(_) => {}
            ExprKind::Column(id) => self.id(id),
            ExprKind::Cast(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => {
                self.expr(inner)
            }
            ExprKind::Call { args, .. } | ExprKind::And(args) | ExprKind::Or(args) => {
                self.exprs(args)
            }
            ExprKind::Binary { left, right, .. } | ExprKind::StringTest { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::SetTest { input, set, .. } => {
                self.expr(input);
                match set {
                    Set::Items(items) => self.exprs(items),
                    Set::Array(array) => self.expr(array),
                    Set::Shared(_) => {}
                }
            }
            ExprKind::Case {
                branches,
                otherwise,
            } => {
                for (condition, value) in branches {
                    self.expr(condition);
                    self.expr(value);
                }
                self.expr(otherwise);
            }
            ExprKind::Path { input, steps } => {
                self.expr(input);
                for step in steps {
                    if let PathStep::Computed(index) = step {
                        self.expr(index);
                    }
                }
            }
        }
    }
}
