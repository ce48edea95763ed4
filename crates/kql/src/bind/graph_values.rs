//! What expressions of a pattern of `graph-match` see: properties of nodes and edges, and the functions of patterns.

use crate::ast::{self, ExprKind as Ast};
use crate::bound::{Collected, Column, Expr, ExprKind, Fold, GraphColumn, Value};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::graph::unknown_property;
use super::{Binder, Rows, literal, reference, remap};

/// The functions that only a pattern has.
const FUNCTIONS: [&str; 8] = [
    "all",
    "any",
    "map",
    "inner_nodes",
    "node_degree_in",
    "node_degree_out",
    "node_id",
    "labels",
];

/// What expressions of a pattern can see.
pub(super) struct PatternScope {
    /// The properties of a node and of an edge.
    pub(super) node_columns: Vec<GraphColumn>,
    pub(super) edge_columns: Vec<GraphColumn>,
    pub(super) nodes: Vec<Variable>,
    pub(super) edges: Vec<Variable>,
    pub(super) collected: Vec<Collected>,
    /// The edges of variable length whose properties the expression names, with the ids of these: it stands for each
    /// of the edges.
    pub(super) each: Vec<(usize, Vec<Column>)>,
    /// Inside of `all`, `any` or `map`.
    pub(super) inner: Option<Inner>,
}

/// A name of the pattern; empty for what has none.
pub(super) struct Variable {
    pub(super) name: String,
    /// The columns; none for edges of variable length. Those of nodes end with what has no name of its own:
    /// in-degree, out-degree and key.
    pub(super) columns: Vec<Column>,
}

/// The element that `all`, `any` or `map` looks at.
pub(super) struct Inner {
    edge: usize,
    nodes: bool,
    pub(super) columns: Vec<Column>,
}

/// How many columns of a node have no name.
const UNNAMED: usize = 3;

impl PatternScope {
    /// The position of a node's variable.
    pub(super) fn node(&self, name: &str) -> Option<usize> {
        self.nodes
            .iter()
            .position(|v| v.name == name && !name.is_empty())
    }

    pub(super) fn edge(&self, name: &str) -> Option<usize> {
        self.edges
            .iter()
            .position(|v| v.name == name && !name.is_empty())
    }

    /// Whether a value is made of one over all elements of an edge.
    pub(super) fn is_collected(&self, value: &Expr) -> bool {
        if let ExprKind::Column(id) = &value.kind {
            return self.collected.iter().any(|c| c.id == *id);
        }
        let mut found = false;
        remap::for_each_child(value, &mut |child| found |= self.is_collected(child));
        found
    }

    /// The expression with `property` for `variable.property`: what names are made of inside of a call.
    pub(super) fn without_variables(&self, expr: &ast::Expr) -> ast::Expr {
        let mut kind = expr.kind.clone();
        match &mut kind {
            Ast::Paren(inner) => **inner = self.without_variables(inner),
            Ast::Call(call) => {
                for argument in &mut call.arguments {
                    argument.value = self.without_variables(&argument.value);
                }
            }
            Ast::Index { object, .. } => **object = self.without_variables(object),
            Ast::Member { object, name } => match &object.kind {
                Ast::Name(variable)
                    if self.node(&variable.text).is_some()
                        || self.edge(&variable.text).is_some() =>
                {
                    kind = Ast::Name(name.clone());
                }
                _ => **object = self.without_variables(object),
            },
            _ => {}
        }
        ast::Expr {
            kind,
            span: expr.span,
        }
    }
}

impl Binder<'_> {
    /// `variable.property`; none when `object` is no variable of the pattern.
    pub(super) fn pattern_property(
        &mut self,
        object: &ast::Expr,
        name: &ast::Name,
        rows: Rows<'_>,
    ) -> Option<Option<Expr>> {
        let Ast::Name(variable) = &object.kind else {
            return None;
        };
        let scope = self.pattern.as_deref()?;
        if rows.columns.iter().any(|c| c.name == variable.text) {
            return None;
        }
        let find = |columns: &[Column]| columns.iter().find(|c| c.name == name.text).cloned();
        if let Some(at) = scope.node(&variable.text) {
            let columns = &scope.nodes[at].columns;
            let found = find(&columns[..columns.len() - UNNAMED]);
            return Some(self.property(found, &variable.text, name, rows));
        }
        let at = scope.edge(&variable.text)?;
        if let Some(inner) = &scope.inner
            && inner.edge == at
            && !inner.nodes
        {
            let found = find(&inner.columns);
            return Some(self.property(found, &variable.text, name, rows));
        }
        if !scope.edges[at].columns.is_empty() {
            let found = find(&scope.edges[at].columns);
            return Some(self.property(found, &variable.text, name, rows));
        }
        Some(self.property_of_each(at, &variable.text, name, rows))
    }

    /// A property of an edge of variable length: that of each of its edges.
    fn property_of_each(
        &mut self,
        edge: usize,
        variable: &str,
        name: &ast::Name,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let scope = self.pattern.as_deref()?;
        if scope.inner.is_some() {
            self.unsupported(
                name.span,
                "A property of another edge inside of all, any or map",
            );
            return None;
        }
        let known = scope.each.iter().find(|(at, _)| *at == edge);
        let columns = match known {
            Some((_, columns)) => columns.clone(),
            None => {
                let properties = scope.edge_columns.clone();
                let columns = self.element_columns(&properties, name.span)?;
                let scope = self.pattern.as_mut()?;
                scope.each.push((edge, columns.clone()));
                columns
            }
        };
        let found = columns.iter().find(|c| c.name == name.text).cloned();
        self.property(found, variable, name, rows)
    }

    fn property(
        &mut self,
        found: Option<Column>,
        variable: &str,
        name: &ast::Name,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        if let Some(column) = found {
            return Some(reference(&column));
        }
        if !rows.open {
            let scope = self.pattern.as_deref()?;
            let properties = match scope.node(variable) {
                Some(_) => &scope.node_columns,
                None => &scope.edge_columns,
            };
            let said = unknown_property(&self.prefix(), variable, name, properties);
            self.report(said);
        }
        None
    }

    /// Says that a variable of the pattern is no value; false when it is none.
    pub(super) fn is_pattern_variable(&mut self, name: &ast::Name) -> bool {
        let Some(scope) = self.pattern.as_deref() else {
            return false;
        };
        let what = if scope.node(&name.text).is_some() {
            "a node"
        } else if scope.edge(&name.text).is_some() {
            "an edge"
        } else {
            return false;
        };
        let message = format!(
            "{}'{}' is {what} of the pattern: scalar value expected, write {}.property",
            self.prefix(),
            name.text,
            name.text
        );
        self.error("KS108", name.span, message);
        true
    }

    /// A call of a function that only patterns have; none when it is another.
    pub(super) fn pattern_function(
        &mut self,
        call: &ast::Call,
        rows: Rows<'_>,
    ) -> Option<Option<Expr>> {
        self.pattern.as_ref()?;
        let name = call.name.text.as_str();
        Some(match name {
            "all" => self.collected(call, Fold::All, rows),
            "any" => self.collected(call, Fold::Any, rows),
            "map" => self.collected(call, Fold::Map, rows),
            "node_degree_in" => self.of_node(call, 0),
            "node_degree_out" => self.of_node(call, 1),
            "node_id" => self.of_node(call, 2),
            // Only stored graphs have labels.
            "labels" => Some(literal(Value::Dynamic("[]".to_owned()), Type::Dynamic)),
            "inner_nodes" => {
                let message = "inner_nodes can only be the first argument of all, any and map";
                self.error("KS211", call.span, message);
                None
            }
            _ => return None,
        })
    }

    fn collected(&mut self, call: &ast::Call, fold: Fold, rows: Rows<'_>) -> Option<Expr> {
        let name = call.name.text.as_str();
        let [over, value] = call.arguments.as_slice() else {
            let message = format!("The function '{name}' expects 2 arguments");
            self.error("KS119", call.span, message);
            return None;
        };
        let (over, nodes) = match &over.value.kind {
            Ast::Call(inner) if inner.name.text == "inner_nodes" => {
                (inner.arguments.first().map(|a| &a.value), true)
            }
            _ => (Some(&over.value), false),
        };
        let scope = self.pattern.as_deref()?;
        if scope.inner.is_some() {
            self.unsupported(call.span, "all, any or map within each other");
            return None;
        }
        let edge = match over.map(|o| &o.kind) {
            Some(Ast::Name(name)) => scope.edge(&name.text),
            _ => None,
        };
        let Some(edge) = edge else {
            let message = format!(
                "{}The first argument of '{name}' is an edge of the pattern, or inner_nodes of one",
                self.prefix()
            );
            self.error("BZ112", call.span, message);
            return None;
        };
        let properties = if nodes {
            scope.node_columns.clone()
        } else {
            scope.edge_columns.clone()
        };
        let columns = if nodes {
            self.node_columns(&properties, call.span)?
        } else {
            self.element_columns(&properties, call.span)?
        };
        let scope = self.pattern.as_mut()?;
        scope.inner = Some(Inner {
            edge,
            nodes,
            columns: columns.clone(),
        });
        let named = columns.len() - if nodes { UNNAMED } else { 0 };
        let seen = Rows {
            columns: &columns[..named],
            open: rows.open,
            aggregates: None,
        };
        let bound = if fold == Fold::Map {
            self.scalar(&value.value, seen)
        } else {
            let bound = self.scalar(&value.value, seen);
            self.truth(bound, value.value.span)
        };
        let ty = if fold == Fold::Map {
            Type::Dynamic
        } else {
            Type::Bool
        };
        let result = self.column("", ty);
        let scope = self.pattern.as_mut()?;
        scope.inner = None;
        scope.collected.push(Collected {
            id: result.id,
            fold,
            edge,
            inner_nodes: nodes,
            element: columns.iter().map(|c| c.id).collect(),
            value: bound?,
        });
        Some(reference(&result))
    }

    fn truth(&mut self, bound: Option<Expr>, span: Span) -> Option<Expr> {
        let bound = bound?;
        if matches!(bound.ty, Type::Bool | Type::Dynamic) {
            return Some(coerce(bound, Type::Bool));
        }
        let message = format!(
            "{}The expression must have the type bool, this one is {}",
            self.prefix(),
            bound.ty
        );
        self.error("KS141", span, message);
        None
    }

    /// What has no name of its own, of the node that is the argument or of the inner node that is looked at.
    fn of_node(&mut self, call: &ast::Call, which: usize) -> Option<Expr> {
        let scope = self.pattern.as_deref()?;
        let columns = match call.arguments.first().map(|a| &a.value.kind) {
            Some(Ast::Name(name)) => scope.node(&name.text).map(|at| &scope.nodes[at].columns),
            Some(_) => None,
            None => scope.inner.as_ref().filter(|i| i.nodes).map(|i| &i.columns),
        };
        let Some(columns) = columns else {
            let message = format!(
                "{}The argument of '{}' is a node of the pattern; it is left out inside of all, any or map of inner_nodes",
                self.prefix(),
                call.name.text
            );
            self.error("BZ112", call.span, message);
            return None;
        };
        columns.get(columns.len() - UNNAMED + which).map(reference)
    }
}

/// Whether an expression is a call, and then whether it is one of a function that only patterns have.
pub(super) fn pattern_call(expr: &ast::Expr) -> Option<bool> {
    match &expr.kind {
        Ast::Paren(inner) => pattern_call(inner),
        Ast::Call(call) => Some(FUNCTIONS.contains(&call.name.text.as_str())),
        _ => None,
    }
}
