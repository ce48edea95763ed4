//! Graphs: `make-graph` and what is asked of the graph. The edges are the rows that come in, the nodes those of the
//! lookup; both are in memory as a whole, and the query's limit of memory counts them.

mod answer;
mod build;
mod components;
mod formula;
mod search;
mod shortest;
mod steps;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};
use arrow::row::{OwnedRow, RowConverter, SortField};
use bartizan_kql::ast::GraphDirection;
use bartizan_kql::bound::{Fold, GraphSearch};
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};

use crate::plan::{Kernel, Made, Work};
use crate::types::data_type;
use answer::Answers;
use build::Graph;
pub(crate) use formula::{Formula, Input};

/// What a graph is made of.
pub(crate) struct Shape {
    /// Types of an edge's properties.
    pub edges: Vec<Type>,
    /// Types of a node's properties, those of components at the end.
    pub nodes: Vec<Type>,
    /// The properties of a node that are its key.
    pub ids: Vec<usize>,
    /// The type of keys.
    pub key: Type,
    /// Each value of the last argument has a graph of its own.
    pub partitioned: bool,
    /// Components that nodes are marked with; true for strong ones.
    pub components: Vec<bool>,
    /// Properties and keys of the nodes.
    pub lookup: Option<RecordBatch>,
}

/// What is asked of a graph.
pub(crate) enum Question {
    /// Its nodes, behind the hash of their keys.
    Nodes { id: bool },
    /// Its edges, behind the hashes of the keys of their ends.
    Edges { source: bool, target: bool },
    /// Where a pattern is found.
    Match(Pattern),
}

/// A pattern to look for.
pub(crate) struct Pattern {
    /// Which paths count.
    pub search: GraphSearch,
    /// How many nodes it has.
    pub nodes: usize,
    /// The edges.
    pub edges: Vec<PatternEdge>,
    /// Values over all elements of an edge.
    pub collected: Vec<Collected>,
    /// Conditions.
    pub conditions: Vec<Formula>,
    /// The outputs.
    pub project: Vec<Formula>,
}

/// An edge of a pattern.
pub(crate) struct PatternEdge {
    /// The node to its left.
    pub left: usize,
    /// The node to its right.
    pub right: usize,
    /// Where it points.
    pub direction: GraphDirection,
    /// How many edges it stands for.
    pub range: Option<(u32, u32)>,
}

/// A value over all elements of an edge.
pub(crate) struct Collected {
    /// What is made of the values.
    pub fold: Fold,
    /// The edge.
    pub edge: usize,
    /// The nodes between the edges.
    pub inner_nodes: bool,
    /// The value of an element.
    pub value: Formula,
    /// Its type.
    pub ty: Type,
}

/// The kernel.
pub(crate) struct GraphKernel {
    shape: Shape,
    question: Question,
    outputs: Vec<Type>,
}

impl GraphKernel {
    /// The kernel that answers this question with columns of these types.
    pub(crate) fn new(shape: Shape, question: Question, outputs: Vec<Type>) -> Self {
        Self {
            shape,
            question,
            outputs,
        }
    }

    fn answer(
        &self,
        args: &[ArrayRef],
        lookup: Option<&[ArrayRef]>,
        work: &Work,
        out: &mut Vec<Vec<ArrayRef>>,
    ) -> Result<()> {
        let graph = Graph::build(&self.shape, args, lookup, work)?;
        match &self.question {
            Question::Nodes { id } => {
                let mut columns = Vec::with_capacity(self.outputs.len());
                if *id {
                    columns.push(graph.hashes(self.shape.key)?);
                }
                columns.extend(graph.nodes[..self.shape.nodes.len()].iter().cloned());
                out.push(columns);
            }
            Question::Edges { source, target } => {
                let mut columns = Vec::with_capacity(self.outputs.len());
                let hashes = graph.hashes(self.shape.key)?;
                for (wanted, ends) in [(source, &graph.source), (target, &graph.target)] {
                    if *wanted {
                        columns.push(take(&hashes, &UInt32Array::from(ends.clone()), None)?);
                    }
                }
                columns.extend(graph.edges.iter().cloned());
                out.push(columns);
            }
            Question::Match(pattern) => {
                let mut answers = Answers::new(&graph, pattern, work, out);
                search::run(&graph, pattern, &mut answers, work)?;
                answers.finish()?;
            }
        }
        Ok(())
    }

    /// The rows of edges and nodes of every value of the partition's key, by first appearance.
    fn partitions(
        &self,
        edges: &ArrayRef,
        nodes: Option<&ArrayRef>,
    ) -> Result<Vec<(Vec<u32>, Vec<u32>)>> {
        let converter = RowConverter::new(vec![SortField::new(edges.data_type().clone())])?;
        let mut positions: HashMap<OwnedRow, usize> = HashMap::new();
        let mut parts: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
        for (is_edge, keys) in [(true, Some(edges)), (false, nodes)] {
            let Some(keys) = keys else { continue };
            let rows = converter.convert_columns(std::slice::from_ref(keys))?;
            for (at, row) in rows.iter().enumerate() {
                let part = *positions.entry(row.owned()).or_insert_with(|| {
                    parts.push(Default::default());
                    parts.len() - 1
                });
                let (edges, nodes) = &mut parts[part];
                if is_edge { edges } else { nodes }.push(at as u32);
            }
        }
        Ok(parts)
    }

    fn run_parts(
        &self,
        args: &[ArrayRef],
        lookup: Option<&[ArrayRef]>,
        work: &Work,
        out: &mut Vec<Vec<ArrayRef>>,
    ) -> Result<()> {
        let lost = || DataFusionError::Internal("a graph of partitions without key".into());
        let (key, args) = args.split_last().ok_or_else(lost)?;
        let (part, lookup) = match lookup.map(|l| l.split_last().ok_or_else(lost)) {
            Some(split) => {
                let (key, columns) = split?;
                (Some(key), Some(columns))
            }
            None => (None, None),
        };
        for (edges, nodes) in self.partitions(key, part)? {
            work.check()?;
            let chosen = |columns: &[ArrayRef], rows: Vec<u32>| {
                let rows = UInt32Array::from(rows);
                columns
                    .iter()
                    .map(|c| Ok(take(c, &rows, None)?))
                    .collect::<Result<Vec<_>>>()
            };
            let edges = chosen(args, edges)?;
            let nodes = lookup.map(|l| chosen(l, nodes)).transpose()?;
            self.answer(&edges, nodes.as_deref(), work, out)?;
        }
        Ok(())
    }
}

/// The same values with texts of their own: chosen ones refer to all the texts of where they are from, which would be
/// kept, and counted, with each of the choices.
fn owned(values: ArrayRef) -> ArrayRef {
    match values.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()),
        None => values,
    }
}

impl Kernel for GraphKernel {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        Err(DataFusionError::Internal(
            "a graph is worked on within limits".into(),
        ))
    }

    fn run_within(&self, args: &[ArrayRef], _rows: usize, work: &Work) -> Result<Made> {
        let lookup = self.shape.lookup.as_ref().map(|l| l.columns());
        let mut out = Vec::new();
        if self.shape.partitioned {
            self.run_parts(args, lookup, work, &mut out)?;
        } else {
            self.answer(args, lookup, work, &mut out)?;
        }
        let mut columns = Vec::with_capacity(self.outputs.len());
        for (at, ty) in self.outputs.iter().enumerate() {
            let wanted = data_type(*ty);
            let pieces = out
                .iter()
                .map(|piece| match piece[at].data_type() == &wanted {
                    true => Ok(piece[at].clone()),
                    false => Ok(arrow::compute::cast(&piece[at], &wanted)?),
                })
                .collect::<Result<Vec<_>>>()?;
            let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
            columns.push(if pieces.is_empty() {
                arrow::array::new_empty_array(&wanted)
            } else {
                concat(&pieces)?
            });
        }
        Ok(Made {
            rows: None,
            columns,
        })
    }
}

/// Whole numbers as a column.
fn longs(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}
