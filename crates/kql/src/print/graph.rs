//! `make-graph` and the operators after it.

use super::Printer;
use crate::ast::{
    GraphCycles, GraphDirection, GraphEdge, GraphMarkComponents, GraphMatch, GraphMatchKind,
    GraphTable, GraphTableId, MakeGraph, Name, OperatorKind,
};

impl Printer {
    /// Prints the operator when it is one of these.
    pub(super) fn graph_operator(&mut self, kind: &OperatorKind) {
        match kind {
            OperatorKind::MakeGraph(graph) => self.make_graph(graph),
            OperatorKind::GraphMatch(found) => self.graph_match(found),
            OperatorKind::GraphMarkComponents(mark) => self.graph_mark_components(mark),
            OperatorKind::GraphToTable(tables) => {
                self.push("graph-to-table ");
                self.list(tables, Self::graph_table);
            }
            _ => {}
        }
    }

    fn make_graph(&mut self, graph: &MakeGraph) {
        self.push("make-graph ");
        self.name(&graph.source);
        self.push(if graph.directed { " --> " } else { " -- " });
        self.name(&graph.target);
        if !graph.nodes.is_empty() {
            self.push(" with ");
            self.list(&graph.nodes, |printer, nodes| {
                printer.tabular_operand(&nodes.table);
                printer.push(" on ");
                printer.name(&nodes.on);
            });
        }
        if let Some(name) = &graph.node_id {
            self.push(" with_node_id=");
            self.name(name);
        }
        if let Some(partition) = &graph.partition {
            self.push(" partitioned-by ");
            self.name(&partition.by);
            self.push(" ");
            self.bracketed_operators(&partition.operators);
        }
    }

    fn graph_match(&mut self, found: &GraphMatch) {
        self.push(match found.kind {
            GraphMatchKind::Match(None) => "graph-match ",
            GraphMatchKind::Match(Some(GraphCycles::All)) => "graph-match cycles=all ",
            GraphMatchKind::Match(Some(GraphCycles::None)) => "graph-match cycles=none ",
            GraphMatchKind::Match(Some(GraphCycles::UniqueEdges)) => {
                "graph-match cycles=unique_edges "
            }
            GraphMatchKind::ShortestPaths { all: false } => "graph-shortest-paths ",
            GraphMatchKind::ShortestPaths { all: true } => "graph-shortest-paths output=all ",
        });
        self.list(&found.patterns, |printer, pattern| {
            printer.graph_node(pattern.first.as_ref());
            for (edge, node) in &pattern.hops {
                printer.graph_edge(edge);
                printer.graph_node(node.as_ref());
            }
        });
        self.indent += 1;
        if let Some(predicate) = &found.predicate {
            self.newline();
            self.push("where ");
            self.expr(predicate);
        }
        if !found.project.is_empty() {
            self.newline();
            self.push("project ");
            self.list(&found.project, Self::named_expr);
        }
        self.indent -= 1;
    }

    fn graph_node(&mut self, name: Option<&Name>) {
        self.push("(");
        if let Some(name) = name {
            self.name(name);
        }
        self.push(")");
    }

    fn graph_edge(&mut self, edge: &GraphEdge) {
        self.push(match edge.direction {
            GraphDirection::Left => "<-",
            GraphDirection::Right | GraphDirection::Any => "-",
        });
        if edge.name.is_some() || edge.range.is_some() {
            self.push("[");
            if let Some(name) = &edge.name {
                self.name(name);
            }
            if let Some(range) = &edge.range {
                self.push("*");
                self.expr(&range.0);
                self.push("..");
                self.expr(&range.1);
            }
            self.push("]");
        }
        self.push(match edge.direction {
            GraphDirection::Right => "->",
            GraphDirection::Left | GraphDirection::Any => "-",
        });
    }

    fn graph_mark_components(&mut self, mark: &GraphMarkComponents) {
        self.push("graph-mark-components");
        if mark.strong {
            self.push(" kind=strong");
        }
        if let Some(name) = &mark.component_id {
            self.push(" with_component_id=");
            self.name(name);
        }
    }

    fn graph_table(&mut self, table: &GraphTable) {
        self.push(if table.edges { "edges" } else { "nodes" });
        if let Some(name) = &table.alias {
            self.push(" as ");
            self.name(name);
        }
        for (id, name) in &table.ids {
            self.push(match id {
                GraphTableId::Node => " with_node_id=",
                GraphTableId::Source => " with_source_id=",
                GraphTableId::Target => " with_target_id=",
            });
            self.name(name);
        }
    }
}
