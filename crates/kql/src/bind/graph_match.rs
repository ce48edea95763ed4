//! `graph-match` and `graph-shortest-paths`: the pattern's names, its conditions, and what is projected.

use crate::ast::{self, ExprKind as Ast, GraphCycles, GraphMatchKind, LogicalOp};
use crate::bound::{
    Collected, Column, Expr, ExprKind, Fold, GraphColumn, GraphOperation, GraphPattern, GraphPlan,
    GraphSearch, Node, PatternEdge, PatternNode, Plugin, Value,
};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::graph_values::{PatternScope, Variable, pattern_call};
use super::naming::{Names, name_of};
use super::{Binder, Relation, Rows, literal, reference};

/// How many edges the patterns of an operator may have together.
const MOST_EDGES: usize = 100;

impl Binder<'_> {
    /// Binds `graph-match` and `graph-shortest-paths`.
    pub(super) fn graph_match(
        &mut self,
        input: Relation,
        found: &ast::GraphMatch,
        span: Span,
    ) -> Relation {
        let Node::Plugin {
            plugin: Plugin::Graph(graph),
            ..
        } = &input.plan.node
        else {
            return Self::unknown();
        };
        let open = input.open;
        let Some((scope, pattern_edges)) = self.pattern(graph, found, span) else {
            return Self::unknown();
        };
        let outer = self.pattern.take();
        self.pattern = Some(Box::new(scope));
        let mut conditions = Vec::new();
        for condition in found.predicate.iter().flat_map(conjuncts) {
            conditions.extend(self.pattern_condition(condition, open));
        }
        let (columns, project) = self.pattern_items(&found.project, open);
        let scope = std::mem::replace(&mut self.pattern, outer);
        let Some(scope) = scope else {
            return Self::unknown();
        };
        let ids = |columns: &[Column]| columns.iter().map(|c| c.id).collect::<Vec<_>>();
        let pattern = GraphPattern {
            search: search(found.kind),
            nodes: scope
                .nodes
                .iter()
                .map(|v| PatternNode {
                    columns: ids(&v.columns),
                })
                .collect(),
            edges: pattern_edges
                .into_iter()
                .zip(&scope.edges)
                .map(|(edge, v)| PatternEdge {
                    columns: ids(&v.columns),
                    ..edge
                })
                .collect(),
            collected: scope.collected,
            conditions,
            project,
        };
        let mut answer = self.asked(input, |_, graph| {
            graph.operation = GraphOperation::Match(Box::new(pattern));
            columns
        });
        answer.open = false;
        answer
    }

    /// The variables and edges of the patterns.
    fn pattern(
        &mut self,
        graph: &GraphPlan,
        found: &ast::GraphMatch,
        span: Span,
    ) -> Option<(PatternScope, Vec<PatternEdge>)> {
        let mut scope = PatternScope {
            node_columns: graph.nodes.clone(),
            edge_columns: graph.edges.clone(),
            nodes: Vec::new(),
            edges: Vec::new(),
            collected: Vec::new(),
            each: Vec::new(),
            inner: None,
        };
        let hops: usize = found.patterns.iter().map(|p| p.hops.len() + 1).sum();
        if hops > MOST_EDGES {
            let message = format!("{}A pattern has at most {MOST_EDGES} edges", self.prefix());
            self.error("BZ112", span, message);
            return None;
        }
        let mut edges = Vec::new();
        for pattern in &found.patterns {
            let mut left = self.pattern_node(&mut scope, pattern.first.as_ref(), span)?;
            for (edge, node) in &pattern.hops {
                let right = self.pattern_node(&mut scope, node.as_ref(), span)?;
                let range = match &edge.range {
                    Some(range) => Some(self.pattern_range(range)?),
                    None => None,
                };
                self.pattern_edge(&mut scope, edge, span)?;
                edges.push(PatternEdge {
                    left,
                    right,
                    direction: edge.direction,
                    range,
                    columns: Vec::new(),
                });
                left = right;
            }
        }
        let message = if !is_connected(scope.nodes.len(), &edges) {
            "The patterns must be connected: give them a node in common"
        } else if !matches!(found.kind, GraphMatchKind::ShortestPaths { .. }) {
            return Some((scope, edges));
        } else if found.patterns.len() > 1 || !is_chain(&edges) {
            "The pattern of shortest paths is one sequence in which no node occurs twice"
        } else if edges.iter().all(|e| e.range.is_none()) {
            "The pattern of shortest paths needs an edge of variable length, such as -[e*1..5]->"
        } else {
            return Some((scope, edges));
        };
        let message = format!("{}{message}", self.prefix());
        self.error("BZ112", span, message);
        None
    }

    /// The position of a node of the pattern, which is new unless its name was there before.
    fn pattern_node(
        &mut self,
        scope: &mut PatternScope,
        name: Option<&ast::Name>,
        span: Span,
    ) -> Option<usize> {
        if let Some(at) = name.and_then(|name| scope.node(&name.text)) {
            return Some(at);
        }
        if name.is_some_and(|name| scope.edge(&name.text).is_some()) {
            return self.named_twice(name);
        }
        let columns = self.node_columns(&scope.node_columns, span)?;
        scope.nodes.push(Variable {
            name: name.map_or_else(String::new, |n| n.text.clone()),
            columns,
        });
        Some(scope.nodes.len() - 1)
    }

    fn pattern_edge(
        &mut self,
        scope: &mut PatternScope,
        edge: &ast::GraphEdge,
        span: Span,
    ) -> Option<()> {
        let name = edge.name.as_ref();
        let known =
            |name: &ast::Name| scope.edge(&name.text).is_some() || scope.node(&name.text).is_some();
        if name.is_some_and(known) {
            return self.named_twice(name);
        }
        let columns = if edge.range.is_none() {
            self.element_columns(&scope.edge_columns, span)?
        } else {
            Vec::new()
        };
        scope.edges.push(Variable {
            name: name.map_or_else(String::new, |n| n.text.clone()),
            columns,
        });
        Some(())
    }

    fn named_twice<T>(&mut self, name: Option<&ast::Name>) -> Option<T> {
        let name = name?;
        let message = format!(
            "{}The name '{}' is there twice: only a node may occur again",
            self.prefix(),
            name.text
        );
        self.error("BZ112", name.span, message);
        None
    }

    /// `*least..most`.
    fn pattern_range(&mut self, range: &(ast::Expr, ast::Expr)) -> Option<(u32, u32)> {
        let mut bound = |expr: &ast::Expr| {
            let value = self.scalar(expr, Rows::NONE)?;
            let number = match value.kind {
                ExprKind::Literal(Value::Long(n)) => u32::try_from(n).ok(),
                ExprKind::Literal(Value::Int(n)) => u32::try_from(n).ok(),
                _ => None,
            };
            if number.is_none() {
                let message = "The number of edges is a constant whole number from 0 up";
                self.error("KS134", expr.span, message);
            }
            number
        };
        let (least, most) = (bound(&range.0), bound(&range.1));
        let (least, most) = (least?, most?);
        if least > most {
            let message = "The least number of edges is greater than the most";
            self.error("BZ112", range.0.span, message);
            return None;
        }
        Some((least, most))
    }

    /// Columns of their own for the properties of an edge or a node.
    pub(super) fn element_columns(
        &mut self,
        properties: &[GraphColumn],
        span: Span,
    ) -> Option<Vec<Column>> {
        if !self.spend(properties.len() + 1, span) {
            return None;
        }
        let columns = properties.iter();
        Some(columns.map(|p| self.column(p.name.clone(), p.ty)).collect())
    }

    pub(super) fn node_columns(
        &mut self,
        properties: &[GraphColumn],
        span: Span,
    ) -> Option<Vec<Column>> {
        let mut columns = self.element_columns(properties, span)?;
        columns.push(self.column("", Type::Long));
        columns.push(self.column("", Type::Long));
        columns.push(self.column("", Type::String));
        Some(columns)
    }

    /// A condition; when it names an edge of variable length, it holds for each of its edges.
    fn pattern_condition(&mut self, condition: &ast::Expr, open: bool) -> Option<Expr> {
        let rows = Rows { open, ..Rows::NONE };
        let bound = self.condition(condition, rows);
        self.lifted(bound, Fold::All, condition.span)
    }

    /// An expression over the edges of a variable edge becomes one over the whole of them.
    fn lifted(&mut self, bound: Option<Expr>, fold: Fold, span: Span) -> Option<Expr> {
        let scope = self.pattern.as_mut()?;
        let mut each = std::mem::take(&mut scope.each);
        let value = bound?;
        let Some((edge, element)) = each.pop() else {
            return Some(value);
        };
        if !each.is_empty() {
            let message = "An expression over the single edges of two edges of variable length";
            self.unsupported(span, message);
            return None;
        }
        let ty = if fold == Fold::Map {
            Type::Dynamic
        } else {
            Type::Bool
        };
        let result = self.column("", ty);
        let scope = self.pattern.as_mut()?;
        scope.collected.push(Collected {
            id: result.id,
            fold,
            edge,
            inner_nodes: false,
            element: element.iter().map(|c| c.id).collect(),
            value,
        });
        Some(reference(&result))
    }

    fn pattern_items(&mut self, items: &[ast::NamedExpr], open: bool) -> (Vec<Column>, Vec<Expr>) {
        let rows = Rows { open, ..Rows::NONE };
        let mut names = Names::default();
        let mut columns = Vec::with_capacity(items.len());
        let mut exprs = Vec::with_capacity(items.len());
        for item in items {
            let bound = self.scalar(&item.expr, rows);
            let mut bound = self.lifted(bound, Fold::Map, item.span);
            // What is made of the elements of an edge is dynamic, as the analyser has it.
            if let (Some(value), Some(scope)) = (&bound, &self.pattern)
                && scope.is_collected(value)
            {
                bound = bound.map(|b| coerce(b, Type::Dynamic));
            }
            let name = if item.names.is_empty() {
                self.pattern_name(&item.expr, &mut names)
            } else {
                self.item_name(item, bound.as_ref(), &mut names)
            };
            let Some(name) = name else { continue };
            columns.push(self.column_for(name, bound.as_ref()));
            exprs.push(bound.unwrap_or_else(|| literal(Value::Null, Type::Dynamic)));
        }
        (columns, exprs)
    }

    /// The name of an item that says none: a path has its variable in it, unless it is an argument.
    fn pattern_name(&self, expr: &ast::Expr, names: &mut Names) -> Option<String> {
        let scope = self.pattern.as_deref()?;
        let name = match pattern_call(expr) {
            Some(true) => None,
            Some(false) => name_of(&scope.without_variables(expr)),
            None => name_of(expr),
        };
        let name = name.unwrap_or_else(|| names.numbered());
        Some(names.unique(&name))
    }
}

fn search(kind: GraphMatchKind) -> GraphSearch {
    match kind {
        GraphMatchKind::Match(Some(GraphCycles::All)) => GraphSearch::All,
        GraphMatchKind::Match(Some(GraphCycles::None)) => GraphSearch::UniqueNodes,
        GraphMatchKind::Match(_) => GraphSearch::UniqueEdges,
        GraphMatchKind::ShortestPaths { all } => GraphSearch::Shortest { all },
    }
}

/// The conditions that `and` joins.
fn conjuncts(predicate: &ast::Expr) -> Vec<&ast::Expr> {
    match &predicate.kind {
        Ast::Paren(inner) => conjuncts(inner),
        Ast::Logical {
            op: LogicalOp::And,
            operands,
            ..
        } => operands.iter().flat_map(conjuncts).collect(),
        _ => vec![predicate],
    }
}

/// Whether every node can be reached from the first one.
fn is_connected(nodes: usize, edges: &[PatternEdge]) -> bool {
    let mut roots: Vec<usize> = (0..nodes).collect();
    fn root(roots: &mut [usize], mut at: usize) -> usize {
        while roots[at] != at {
            roots[at] = roots[roots[at]];
            at = roots[at];
        }
        at
    }
    for edge in edges {
        let (left, right) = (root(&mut roots, edge.left), root(&mut roots, edge.right));
        roots[left] = right;
    }
    let first = root(&mut roots, 0);
    (0..nodes).all(|at| root(&mut roots, at) == first)
}

/// Whether the edges go from the first node on and on to new ones.
fn is_chain(edges: &[PatternEdge]) -> bool {
    edges
        .iter()
        .enumerate()
        .all(|(i, e)| e.left == i && e.right == i + 1)
}
