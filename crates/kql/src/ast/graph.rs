//! The operators that make graphs of rows and ask them.

use super::{Expr, Name, NamedExpr, Operator, Tabular};

/// `make-graph`.
#[derive(Clone, Debug, PartialEq)]
pub struct MakeGraph {
    /// The column of the edges that names their beginning.
    pub source: Name,
    /// False for `--`: edges without direction.
    pub directed: bool,
    /// The column of the edges that names their end.
    pub target: Name,
    /// `with nodes on id, …`.
    pub nodes: Vec<GraphNodes>,
    /// `with_node_id = name`.
    pub node_id: Option<Name>,
    /// `partitioned-by column (operator)`.
    pub partition: Option<GraphPartition>,
}

/// A table of nodes in `make-graph`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNodes {
    /// The rows.
    pub table: Tabular,
    /// The column that names the node.
    pub on: Name,
}

/// `partitioned-by column (operator)`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPartition {
    /// The column, of the edges and of the nodes.
    pub by: Name,
    /// What is asked of the graph of every value.
    pub operators: Vec<Operator>,
}

/// `graph-match` and `graph-shortest-paths`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMatch {
    /// Which of the two, and its option.
    pub kind: GraphMatchKind,
    /// The patterns.
    pub patterns: Vec<GraphPattern>,
    /// `where …`.
    pub predicate: Option<Expr>,
    /// `project …`; empty only after a mistake.
    pub project: Vec<NamedExpr>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphMatchKind {
    /// `graph-match cycles = …`.
    Match(Option<GraphCycles>),
    /// `graph-shortest-paths output = …`; true for all paths of the least length.
    ShortestPaths {
        /// `output = all`.
        all: bool,
    },
}

/// Which cycles `graph-match` finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphCycles {
    /// `all`.
    All,
    /// `none`: no node occurs twice.
    None,
    /// `unique_edges`, the default: no edge occurs twice.
    UniqueEdges,
}

/// Nodes with edges between them: `(a)-[e]->(b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPattern {
    /// The first node's name; none for `()`.
    pub first: Option<Name>,
    /// Every edge with the node behind it.
    pub hops: Vec<(GraphEdge, Option<Name>)>,
}

/// An edge of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEdge {
    /// Its name.
    pub name: Option<Name>,
    /// Where it points.
    pub direction: GraphDirection,
    /// `*least..most`.
    pub range: Option<Box<(Expr, Expr)>>,
}

/// Where an edge of a pattern points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphDirection {
    /// `-->`.
    Right,
    /// `<--`.
    Left,
    /// `--`.
    Any,
}

/// `graph-mark-components`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMarkComponents {
    /// `kind = strong`.
    pub strong: bool,
    /// `with_component_id = name`.
    pub component_id: Option<Name>,
}

/// A table that `graph-to-table` makes.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphTable {
    /// Of the edges, otherwise of the nodes.
    pub edges: bool,
    /// `as name`.
    pub alias: Option<Name>,
    /// `with_node_id`, or `with_source_id` and `with_target_id`.
    pub ids: Vec<(GraphTableId, Name)>,
}

/// A column of hashes that `graph-to-table` adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphTableId {
    /// `with_node_id`.
    Node,
    /// `with_source_id`.
    Source,
    /// `with_target_id`.
    Target,
}
