//! `make-graph` and the operators after it.

use super::Parser;
use super::joining::tabular_of;
use crate::ast::{
    GraphCycles, GraphDirection, GraphEdge, GraphMarkComponents, GraphMatch, GraphMatchKind,
    GraphNodes, GraphPartition, GraphPattern, GraphTable, GraphTableId, MakeGraph, Name,
    OperatorKind,
};
use crate::token::TokenKind;

impl Parser<'_> {
    /// The operator of this name, which has been taken; none when it is not one of these.
    pub(super) fn graph_operator(&mut self, name: &str) -> Option<OperatorKind> {
        Some(match name {
            "make-graph" => OperatorKind::MakeGraph(Box::new(self.make_graph())),
            "graph-match" => OperatorKind::GraphMatch(Box::new(self.graph_match())),
            "graph-shortest-paths" => OperatorKind::GraphMatch(Box::new(self.shortest_paths())),
            "graph-mark-components" => {
                OperatorKind::GraphMarkComponents(self.graph_mark_components())
            }
            "graph-to-table" => OperatorKind::GraphToTable(self.list(Self::graph_table)),
            _ => return None,
        })
    }

    fn make_graph(&mut self) -> MakeGraph {
        let source = self.name();
        let mut directed = false;
        if self.expect(TokenKind::Minus, "-->") {
            self.expect(TokenKind::Minus, "-->");
            directed = self.eat(TokenKind::Greater);
        }
        let target = self.name();
        let nodes = if self.eat_word("with") {
            self.list(Self::graph_nodes)
        } else {
            Vec::new()
        };
        let mut parameters = self.parameters(&["with_node_id"]);
        let node_id = self.take_word(&mut parameters, "with_node_id");
        let by = |word: &str| word == "partitioned-by";
        let partition = (self.at_word("partitioned") && self.dashed_word(by) == "partitioned-by")
            .then(|| GraphPartition {
                by: self.name(),
                operators: self.bracketed_operators(),
            });
        MakeGraph {
            source,
            directed,
            target,
            nodes,
            node_id,
            partition,
        }
    }

    fn graph_nodes(&mut self) -> GraphNodes {
        let table = tabular_of(self.expression());
        self.expect_word("on");
        GraphNodes {
            table,
            on: self.name(),
        }
    }

    fn graph_match(&mut self) -> GraphMatch {
        let mut parameters = self.parameters(&["cycles"]);
        let cycles = [
            ("all", GraphCycles::All),
            ("none", GraphCycles::None),
            ("unique_edges", GraphCycles::UniqueEdges),
        ];
        let cycles = self.take_choice(&mut parameters, "cycles", &cycles);
        self.graph_patterns(GraphMatchKind::Match(cycles))
    }

    fn shortest_paths(&mut self) -> GraphMatch {
        let mut parameters = self.parameters(&["output"]);
        let outputs = [("any", false), ("all", true)];
        let all = self.take_choice(&mut parameters, "output", &outputs) == Some(true);
        self.graph_patterns(GraphMatchKind::ShortestPaths { all })
    }

    /// Patterns, `where`, `project`.
    fn graph_patterns(&mut self, kind: GraphMatchKind) -> GraphMatch {
        let patterns = self.list(Self::graph_pattern);
        let predicate = self.eat_word("where").then(|| self.expression());
        let project = if self.eat_word("project") {
            self.named_expressions()
        } else {
            self.expected("project");
            Vec::new()
        };
        GraphMatch {
            kind,
            patterns,
            predicate,
            project,
        }
    }

    fn graph_pattern(&mut self) -> GraphPattern {
        let first = self.graph_node();
        let mut hops = Vec::new();
        while matches!(self.kind(), TokenKind::Minus | TokenKind::Less) {
            let edge = self.graph_edge();
            hops.push((edge, self.graph_node()));
        }
        GraphPattern { first, hops }
    }

    /// `(name)` or `()`.
    fn graph_node(&mut self) -> Option<Name> {
        if !self.expect(TokenKind::OpenParen, "(") {
            return None;
        }
        let name = self.eat_name();
        self.expect(TokenKind::CloseParen, ")");
        name
    }

    /// `-->`, `<--`, `--`, and the same with `[name*least..most]` inside.
    fn graph_edge(&mut self) -> GraphEdge {
        let left = self.eat(TokenKind::Less);
        self.expect(TokenKind::Minus, "-");
        let (mut name, mut range) = (None, None);
        if self.eat(TokenKind::OpenBracket) {
            name = self.eat_name();
            if self.eat(TokenKind::Star) {
                let least = self.expression();
                self.expect(TokenKind::DotDot, "..");
                range = Some(Box::new((least, self.expression())));
            }
            self.expect(TokenKind::CloseBracket, "]");
        }
        self.expect(TokenKind::Minus, "-");
        let direction = if left {
            GraphDirection::Left
        } else if self.eat(TokenKind::Greater) {
            GraphDirection::Right
        } else {
            GraphDirection::Any
        };
        GraphEdge {
            name,
            direction,
            range,
        }
    }

    fn graph_mark_components(&mut self) -> GraphMarkComponents {
        let mut parameters = self.parameters(&["kind", "with_component_id"]);
        let kinds = [("weak", false), ("strong", true)];
        GraphMarkComponents {
            strong: self.take_choice(&mut parameters, "kind", &kinds) == Some(true),
            component_id: self.take_word(&mut parameters, "with_component_id"),
        }
    }

    fn graph_table(&mut self) -> GraphTable {
        let edges = self.eat_word("edges");
        if !edges && !self.eat_word("nodes") {
            self.expected("nodes or edges");
        }
        let alias = self.eat_word("as").then(|| self.name());
        let known: &[(&str, GraphTableId)] = if edges {
            &[
                ("with_source_id", GraphTableId::Source),
                ("with_target_id", GraphTableId::Target),
            ]
        } else {
            &[("with_node_id", GraphTableId::Node)]
        };
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let mut parameters = self.parameters(&names);
        let ids = known
            .iter()
            .filter_map(|(name, id)| Some((*id, self.take_word(&mut parameters, name)?)))
            .collect();
        // The documentation has the name last, its examples have it first.
        let alias = match alias {
            None if self.eat_word("as") => Some(self.name()),
            alias => alias,
        };
        GraphTable { edges, alias, ids }
    }
}
