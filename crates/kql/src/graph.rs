//! Graphs in the bound tree: how they are made of rows, and what is asked of them.

use crate::bound::{ColumnId, Expr};
use crate::types::Type;

/// A graph and what is asked of it. The arguments of the node are the edges' columns, the keys of an edge's source and
/// target, and the partition's key if there is one. The node's lookup has the columns of the nodes, the key of the
/// node, and the partition's key. Nodes are the same when their keys are.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPlan {
    /// The properties of an edge.
    pub edges: Vec<GraphColumn>,
    /// The properties of a node: the columns of the lookup, then those of `components`.
    pub nodes: Vec<GraphColumn>,
    /// Which properties of a node are its key, for nodes that only edges name.
    pub ids: Vec<usize>,
    /// The type of the keys.
    pub key: Type,
    /// Every value of the partition's key has a graph of its own.
    pub partitioned: bool,
    /// `graph-mark-components`, in order; true for strong components. Each is a property (long) of the nodes.
    pub components: Vec<bool>,
    /// What is asked; its outputs are those of the node.
    pub operation: GraphOperation,
}

/// A property of nodes or edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphColumn {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub ty: Type,
}

/// What is asked of a graph.
#[derive(Clone, Debug, PartialEq)]
pub enum GraphOperation {
    /// Nothing yet: the graph is no table.
    Graph,
    /// `graph-to-table nodes`. Outputs: the hash of the key if wanted, the properties.
    Nodes {
        /// `with_node_id`.
        id: bool,
    },
    /// `graph-to-table edges`. Outputs: the hashes of source and target if wanted, the properties.
    Edges {
        /// `with_source_id`.
        source: bool,
        /// `with_target_id`.
        target: bool,
    },
    /// `graph-match` and `graph-shortest-paths`. Outputs: those of `project`.
    Match(Box<GraphPattern>),
}

/// What `graph-match` or `graph-shortest-paths` looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPattern {
    /// Which paths count.
    pub search: GraphSearch,
    /// The nodes; every name is there once.
    pub nodes: Vec<PatternNode>,
    /// The edges in the order of the text. For shortest paths they are a chain.
    pub edges: Vec<PatternEdge>,
    /// Values over all elements of an edge of variable length.
    pub collected: Vec<Collected>,
    /// Conditions (bool) that all hold, over the ids of nodes, edges and `collected`.
    pub conditions: Vec<Expr>,
    /// The values of the outputs, over the same ids.
    pub project: Vec<Expr>,
}

/// Which paths count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphSearch {
    /// All.
    All,
    /// Those on which no node occurs twice.
    UniqueNodes,
    /// Those on which no edge occurs twice.
    UniqueEdges,
    /// The shortest from every first node to every last one: all of them, or any one.
    Shortest {
        /// All paths of the least length.
        all: bool,
    },
}

/// A node of a pattern: the ids under which expressions see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternNode {
    /// The properties, in the order of [`GraphPlan::nodes`]; then in-degree, out-degree (long) and key (string).
    pub columns: Vec<ColumnId>,
}

/// An edge of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternEdge {
    /// The node to its left, by position.
    pub left: usize,
    /// The node to its right.
    pub right: usize,
    /// Where it points.
    pub direction: crate::ast::GraphDirection,
    /// How many edges it stands for; exactly one when none.
    pub range: Option<(u32, u32)>,
    /// The ids of the properties, in the order of [`GraphPlan::edges`]; empty for a range.
    pub columns: Vec<ColumnId>,
}

/// `all(e, …)`, `any(e, …)`, `map(e, …)`, also of `inner_nodes(e)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// The id of the result: bool, or dynamic for `map`.
    pub id: ColumnId,
    /// What is made of the values.
    pub fold: Fold,
    /// The edge, by position.
    pub edge: usize,
    /// The nodes between its edges, otherwise its edges.
    pub inner_nodes: bool,
    /// The ids of the element, as [`PatternNode::columns`] or [`GraphPlan::edges`].
    pub element: Vec<ColumnId>,
    /// The value for an element; it may also see the nodes and edges of the pattern.
    pub value: Expr,
}

/// What is made of the values of all elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    /// `all`: true without elements.
    All,
    /// `any`: false without elements.
    Any,
    /// `map`: an array.
    Map,
}

impl GraphPlan {
    /// The name of the operator that asks, as plans show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.operation {
            GraphOperation::Graph => "make-graph",
            GraphOperation::Nodes { .. } | GraphOperation::Edges { .. } => "graph-to-table",
            GraphOperation::Match(pattern) => match pattern.search {
                GraphSearch::Shortest { .. } => "graph-shortest-paths",
                _ => "graph-match",
            },
        }
    }
}
