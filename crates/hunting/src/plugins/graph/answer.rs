//! Paths that were found: conditions that only whole paths can fulfil, and what is projected of them.

use arrow::array::{ArrayRef, BooleanArray, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use bartizan_kql::bound::Fold;
use datafusion::error::Result;
use std::sync::Arc;

use super::build::Graph;
use super::formula::truths;
use super::search::Found;
use super::{Collected, Formula, Input, Pattern, owned};
use crate::error::evaluation;
use crate::functions::json_column;
use crate::plan::Work;

/// Paths that are worked on at once.
const CHUNK: usize = 4_096;

/// Edges in the paths that are worked on at once.
const CHUNK_EDGES: usize = 1 << 20;

/// How many paths may be looked at. More is a pattern that says too little, and would only run into the time limit.
const MOST_PATHS: usize = 10_000_000;

/// Paths, column by column.
#[derive(Default)]
struct Chunk {
    rows: usize,
    /// For every node of the pattern the node.
    nodes: Vec<Vec<u32>>,
    /// For every edge of the pattern its edges, and the nodes between them.
    edges: Vec<Lists>,
    inner: Vec<Lists>,
    elements: usize,
}

/// A list for every row.
#[derive(Clone, Default)]
struct Lists {
    ends: Vec<u32>,
    values: Vec<u32>,
}

impl Lists {
    fn push(&mut self, values: impl Iterator<Item = u32>) {
        self.values.extend(values);
        self.ends.push(self.values.len() as u32);
    }

    fn of(&self, row: usize) -> &[u32] {
        let from = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.values[from as usize..self.ends[row] as usize]
    }
}

impl Chunk {
    fn new(pattern: &Pattern) -> Self {
        Self {
            rows: 0,
            nodes: vec![Vec::new(); pattern.nodes],
            edges: vec![Lists::default(); pattern.edges.len()],
            inner: vec![Lists::default(); pattern.edges.len()],
            elements: 0,
        }
    }

    fn push(&mut self, found: &Found<'_>) {
        for (column, node) in self.nodes.iter_mut().zip(found.nodes) {
            column.push(*node);
        }
        for step in found.steps() {
            let (edges, inner) = (&mut self.edges[step.edge], &mut self.inner[step.edge]);
            self.elements += step.edges.len() * 2;
            let between = &step.nodes[..step.nodes.len().saturating_sub(1)];
            if step.forward {
                edges.push(step.edges.iter().copied());
                inner.push(between.iter().copied());
            } else {
                edges.push(step.edges.iter().rev().copied());
                inner.push(between.iter().rev().copied());
            }
        }
        self.rows += 1;
    }

    /// Moves rows over, at most `most` of those that are kept.
    fn move_kept(&mut self, kept: &[bool], most: usize, to: &mut Chunk) -> usize {
        let rows: Vec<usize> = (0..self.rows).filter(|r| kept[*r]).take(most).collect();
        for (from, to) in self.nodes.iter().zip(&mut to.nodes) {
            to.extend(rows.iter().map(|row| from[*row]));
        }
        let lists = self.edges.iter().zip(&mut to.edges);
        for (from, to) in lists.chain(self.inner.iter().zip(&mut to.inner)) {
            for row in &rows {
                to.push(from.of(*row).iter().copied());
            }
        }
        to.rows += rows.len();
        to.elements += self.elements;
        rows.len()
    }

    fn is_full(&self) -> bool {
        self.rows >= CHUNK || self.elements >= CHUNK_EDGES
    }
}

/// What is made of the paths.
pub(super) struct Answers<'g> {
    graph: &'g Graph,
    pattern: &'g Pattern,
    work: &'g Work,
    /// Conditions that are not settled while paths are looked for.
    conditions: Vec<&'g Formula>,
    /// Paths before the conditions.
    pending: Chunk,
    /// Paths after them.
    accepted: Chunk,
    out: &'g mut Vec<Vec<ArrayRef>>,
    paths: usize,
    /// Of paths between the same nodes one is enough.
    any: bool,
    /// Paths between the present nodes that were accepted.
    between: usize,
}

impl<'g> Answers<'g> {
    pub(super) fn new(
        graph: &'g Graph,
        pattern: &'g Pattern,
        work: &'g Work,
        out: &'g mut Vec<Vec<ArrayRef>>,
    ) -> Self {
        Self {
            graph,
            pattern,
            work,
            conditions: Vec::new(),
            pending: Chunk::new(pattern),
            accepted: Chunk::new(pattern),
            out,
            paths: 0,
            any: false,
            between: 0,
        }
    }

    /// The conditions that are left for whole paths.
    pub(super) fn set_conditions(&mut self, conditions: Vec<&'g Formula>) {
        self.conditions = conditions;
    }

    /// One path between the same nodes is enough.
    pub(super) fn set_any(&mut self) {
        self.any = true;
    }

    /// Begins with paths between two other nodes.
    pub(super) fn begin(&mut self) {
        self.between = 0;
    }

    /// Takes a path; true when no further one between the same nodes is wanted.
    pub(super) fn take(&mut self, found: &Found<'_>) -> Result<bool> {
        self.paths += 1;
        if self.paths > MOST_PATHS {
            return Err(evaluation(format!(
                "The pattern has more than {MOST_PATHS} paths: say more about its nodes and edges in 'where', or make \
                 its variable edges shorter"
            )));
        }
        if self.conditions.is_empty() {
            self.accepted.push(found);
            self.between += 1;
            if self.accepted.is_full() {
                self.project()?;
            }
            return Ok(self.any);
        }
        self.pending.push(found);
        if self.pending.is_full() {
            self.settle()?;
        }
        Ok(self.any && self.between > 0)
    }

    /// Tests the paths so far; how many between the present nodes were accepted.
    pub(super) fn settle(&mut self) -> Result<usize> {
        if self.pending.rows == 0 {
            return Ok(self.between);
        }
        let mut pending = std::mem::replace(&mut self.pending, Chunk::new(self.pattern));
        let mut kept = vec![true; pending.rows];
        for condition in &self.conditions {
            let holds = condition.truths(pending.rows, |input| self.column(&pending, input))?;
            for (kept, holds) in kept.iter_mut().zip(holds) {
                *kept &= holds;
            }
        }
        let most = if self.any {
            1usize.saturating_sub(self.between)
        } else {
            usize::MAX
        };
        self.between += pending.move_kept(&kept, most, &mut self.accepted);
        if self.accepted.is_full() {
            self.project()?;
        }
        Ok(self.between)
    }

    /// The rest.
    pub(super) fn finish(mut self) -> Result<()> {
        self.settle()?;
        self.project()
    }

    fn project(&mut self) -> Result<()> {
        let chunk = std::mem::replace(&mut self.accepted, Chunk::new(self.pattern));
        if chunk.rows == 0 {
            return Ok(());
        }
        self.work.check()?;
        let mut columns = Vec::with_capacity(self.pattern.project.len());
        for formula in &self.pattern.project {
            let values = owned(formula.values(chunk.rows, |input| self.column(&chunk, input))?);
            self.work.grow(values.get_array_memory_size())?;
            columns.push(values);
        }
        self.out.push(columns);
        Ok(())
    }

    /// What an expression sees for every path.
    fn column(&self, chunk: &Chunk, input: Input) -> Result<ArrayRef> {
        Ok(match input {
            Input::Node(node, column) => {
                let rows = UInt32Array::from(chunk.nodes[node].clone());
                take(&self.graph.nodes[column], &rows, None)?
            }
            Input::Edge(edge, column) => {
                let rows = UInt32Array::from(chunk.edges[edge].values.clone());
                take(&self.graph.edges[column], &rows, None)?
            }
            Input::Collected(at) => self.collected(chunk, &self.pattern.collected[at])?,
            Input::Element(_) => return Err(evaluation("an element outside of all, any and map")),
        })
    }

    fn collected(&self, chunk: &Chunk, collected: &Collected) -> Result<ArrayRef> {
        let (lists, columns) = if collected.inner_nodes {
            (&chunk.inner[collected.edge], &self.graph.nodes)
        } else {
            (&chunk.edges[collected.edge], &self.graph.edges)
        };
        let elements = UInt32Array::from(lists.values.clone());
        // The path that each element is of.
        let paths =
            || (0..chunk.rows).flat_map(|row| std::iter::repeat_n(row as u32, lists.of(row).len()));
        let values = collected
            .value
            .values(elements.len(), |input| match input {
                Input::Element(column) => Ok(take(&columns[column], &elements, None)?),
                outer => {
                    let by_path = self.column(chunk, outer)?;
                    Ok(take(
                        &by_path,
                        &UInt32Array::from_iter_values(paths()),
                        None,
                    )?)
                }
            })?;
        if collected.fold == Fold::Map {
            let mut json = json_column(&values, collected.ty);
            let mut arrays = StringViewBuilder::with_capacity(chunk.rows);
            let mut at = 0;
            for row in 0..chunk.rows {
                let mut text = String::from("[");
                for (i, _) in lists.of(row).iter().enumerate() {
                    if i > 0 {
                        text.push(',');
                    }
                    text.push_str(&json(at)?);
                    at += 1;
                }
                text.push(']');
                arrays.append_value(text);
            }
            return Ok(Arc::new(arrays.finish()));
        }
        let values = truths(&values);
        let mut at = 0;
        let folded: Vec<bool> = (0..chunk.rows)
            .map(|row| {
                let own = &values[at..at + lists.of(row).len()];
                at += own.len();
                if collected.fold == Fold::All {
                    own.iter().all(|v| *v)
                } else {
                    own.iter().any(|v| *v)
                }
            })
            .collect();
        Ok(Arc::new(BooleanArray::from(folded)))
    }
}
