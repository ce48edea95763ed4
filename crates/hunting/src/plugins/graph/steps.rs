//! In which order a pattern is looked for, and what can be said of nodes and edges before.

use std::collections::VecDeque;

use bartizan_kql::ast::GraphDirection;
use bartizan_kql::bound::{Fold, GraphSearch};
use datafusion::error::Result;

use super::build::Graph;
use super::{Formula, Input, Pattern};

/// A distance that cannot be gone.
pub(super) const FAR: u32 = u32::MAX;

/// Which nodes and edges can stand where; none where all can.
pub(super) struct Filters {
    /// By node of the pattern.
    pub nodes: Vec<Option<Vec<bool>>>,
    /// By edge of the pattern.
    pub edges: Vec<Option<Vec<bool>>>,
    /// The nodes inside of an edge of variable length.
    pub inner: Vec<Option<Vec<bool>>>,
}

/// An edge of the pattern as it is gone.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The edge.
    pub edge: usize,
    /// The node where it begins, which is known by then.
    pub from: usize,
    /// The node where it ends.
    pub to: usize,
    /// It is gone from left to right.
    pub forward: bool,
    /// Edges are followed to their target.
    pub along: bool,
    /// Edges are followed to their source.
    pub against: bool,
    /// How many edges at least.
    pub least: u32,
    /// How many edges at most.
    pub most: u32,
}

impl Filters {
    /// Settles the conditions on single nodes and edges; gives those that are left.
    pub(super) fn new<'p>(graph: &Graph, pattern: &'p Pattern) -> Result<(Self, Vec<&'p Formula>)> {
        let mut filters = Self {
            nodes: vec![None; pattern.nodes],
            edges: vec![None; pattern.edges.len()],
            inner: vec![None; pattern.edges.len()],
        };
        let (nodes, edges) = (graph.count, graph.source.len());
        let mut left = Vec::new();
        for condition in &pattern.conditions {
            let of_all = match condition.inputs.as_slice() {
                [Input::Collected(at)] if condition.is_bare => {
                    let collected = &pattern.collected[*at];
                    (collected.fold == Fold::All && collected.value.is_of_element())
                        .then_some(collected)
                }
                _ => None,
            };
            let column = |input| {
                Ok(match input {
                    Input::Node(_, column) => graph.nodes[column].clone(),
                    Input::Edge(_, column) => graph.edges[column].clone(),
                    Input::Element(column) if of_all.is_some_and(|c| c.inner_nodes) => {
                        graph.nodes[column].clone()
                    }
                    Input::Element(column) => graph.edges[column].clone(),
                    Input::Collected(_) => {
                        return Err(crate::error::evaluation("a path before it was found"));
                    }
                })
            };
            if let Some(node) = condition.only_node() {
                narrow(&mut filters.nodes[node], condition.truths(nodes, column)?);
            } else if let Some(edge) = condition.only_edge() {
                narrow(&mut filters.edges[edge], condition.truths(edges, column)?);
            } else if let Some(all) = of_all {
                let (rows, filter) = if all.inner_nodes {
                    (nodes, &mut filters.inner[all.edge])
                } else {
                    (edges, &mut filters.edges[all.edge])
                };
                narrow(filter, all.value.truths(rows, column)?);
            } else {
                left.push(condition);
            }
        }
        Ok((filters, left))
    }

    /// The nodes that can stand at a node of the pattern.
    pub(super) fn candidates(&self, node: usize, count: usize) -> Vec<u32> {
        match &self.nodes[node] {
            Some(fits) => (0..count as u32).filter(|n| fits[*n as usize]).collect(),
            None => (0..count as u32).collect(),
        }
    }

    fn candidate_count(&self, node: usize, count: usize) -> usize {
        match &self.nodes[node] {
            Some(fits) => fits.iter().filter(|f| **f).count(),
            None => count,
        }
    }
}

fn narrow(filter: &mut Option<Vec<bool>>, by: Vec<bool>) {
    match filter {
        Some(filter) => filter.iter_mut().zip(by).for_each(|(f, b)| *f &= b),
        None => *filter = Some(by),
    }
}

/// Whether an optional filter lets something through.
pub(super) fn fits(filter: &Option<Vec<bool>>, at: u32) -> bool {
    filter.as_ref().is_none_or(|f| f[at as usize])
}

/// The node that is begun with, and the edges in an order in which each begins at a node that is known. Nodes for which
/// there are few candidates come first.
pub(super) fn order(graph: &Graph, pattern: &Pattern, filters: &Filters) -> (usize, Vec<Step>) {
    let counts: Vec<usize> = (0..pattern.nodes)
        .map(|node| filters.candidate_count(node, graph.count))
        .collect();
    let first = match pattern.search {
        GraphSearch::Shortest { .. } => 0,
        _ => (0..pattern.nodes).min_by_key(|n| counts[*n]).unwrap_or(0),
    };
    let mut known = vec![false; pattern.nodes];
    known[first] = true;
    let mut left: Vec<usize> = (0..pattern.edges.len()).collect();
    let mut steps = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let cost = |edge: &usize| {
            let edge = &pattern.edges[*edge];
            let closes = known[edge.left] && known[edge.right];
            let to = if known[edge.left] {
                edge.right
            } else {
                edge.left
            };
            (!closes, edge.range.is_some(), counts[to])
        };
        let reachable =
            |edge: &usize| known[pattern.edges[*edge].left] || known[pattern.edges[*edge].right];
        let next = left
            .iter()
            .copied()
            .filter(reachable)
            .min_by_key(|edge| cost(edge))
            .unwrap_or(left[0]);
        left.retain(|edge| *edge != next);
        let edge = &pattern.edges[next];
        let forward = known[edge.left];
        let (from, to) = if forward {
            (edge.left, edge.right)
        } else {
            (edge.right, edge.left)
        };
        let (least, most) = edge.range.unwrap_or((1, 1));
        let any = edge.direction == GraphDirection::Any;
        let along = (edge.direction == GraphDirection::Right) == forward;
        steps.push(Step {
            edge: next,
            from,
            to,
            forward,
            along: any || along,
            against: any || !along,
            least,
            most,
        });
        known[to] = true;
    }
    (first, steps)
}

/// For every node the least number of edges of a step to a node where it can end. `cost` is what comes after it there,
/// [`FAR`] where it cannot end; what is more than `most` is not looked for.
pub(super) fn distances(
    graph: &Graph,
    filters: &Filters,
    step: &Step,
    cost: impl Fn(u32) -> u32,
    ends: impl Iterator<Item = u32>,
    most: u32,
) -> Vec<u32> {
    let mut distance = vec![FAR; graph.count];
    let mut sources: Vec<(u32, u32)> = ends
        .map(|node| (cost(node), node))
        .filter(|(cost, _)| *cost <= most)
        .collect();
    sources.sort_unstable();
    let mut sources: VecDeque<(u32, u32)> = sources.into();
    let mut queue: VecDeque<(u32, u32)> = VecDeque::new();
    loop {
        // Both queues are sorted by distance.
        let from_sources = match (sources.front(), queue.front()) {
            (Some((a, _)), Some((b, _))) => a <= b,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => break,
        };
        let next = if from_sources {
            sources.pop_front()
        } else {
            queue.pop_front()
        };
        let Some((reached, node)) = next else { break };
        if from_sources {
            // A node where the step ends may have been passed before; going on from it costs nothing less then.
            distance[node as usize] = distance[node as usize].min(reached);
        } else if !fits(&filters.inner[step.edge], node) {
            continue;
        }
        if reached >= most {
            continue;
        }
        let mut follow = |edges: &[u32], ends: &[u32]| {
            for edge in edges {
                let before = ends[*edge as usize];
                if fits(&filters.edges[step.edge], *edge) && distance[before as usize] > reached + 1
                {
                    distance[before as usize] = reached + 1;
                    queue.push_back((reached + 1, before));
                }
            }
        };
        if step.along {
            follow(graph.into.of(node), &graph.source);
        }
        if step.against {
            follow(graph.out.of(node), &graph.target);
        }
    }
    distance
}
