//! Looking for a pattern: depth first, with a stack of its own.

use bartizan_kql::bound::GraphSearch;
use datafusion::error::Result;

use super::Pattern;
use super::answer::Answers;
use super::build::Graph;
use super::steps::{FAR, Filters, Step, distances, fits, order};
use crate::plan::Work;

/// A node of the pattern that is not known yet.
const UNKNOWN: u32 = u32::MAX;

/// Nodes that are looked at between two looks at whether the query is still wanted.
const LOOKS: u64 = 4_096;

/// A path that was found.
pub(super) struct Found<'s> {
    /// By node of the pattern.
    pub nodes: &'s [u32],
    steps: &'s [Step],
    gone: &'s [Gone],
}

/// The edges that were gone for a step, with the node behind each.
#[derive(Clone, Default)]
struct Gone {
    edges: Vec<u32>,
    nodes: Vec<u32>,
}

/// A step of a path that was found.
pub(super) struct FoundStep<'s> {
    /// The edge of the pattern.
    pub edge: usize,
    /// The edges, as they were gone.
    pub edges: &'s [u32],
    /// The node behind each edge.
    pub nodes: &'s [u32],
    /// From left to right.
    pub forward: bool,
}

impl<'s> Found<'s> {
    /// The steps.
    pub(super) fn steps(&self) -> impl Iterator<Item = FoundStep<'s>> {
        self.steps
            .iter()
            .zip(self.gone)
            .map(|(step, gone)| FoundStep {
                edge: step.edge,
                edges: &gone.edges,
                nodes: &gone.nodes,
                forward: step.forward,
            })
    }
}

/// A place on the stack: a node that was reached within a step.
struct Place {
    step: usize,
    node: u32,
    /// Edges of the step that were gone.
    gone: u32,
    /// Ending the step here was tried.
    tried: bool,
    /// The step's end was made known here.
    bound: bool,
    /// How many of the edges here were followed.
    followed: usize,
}

impl Place {
    fn new(step: usize, node: u32, gone: u32) -> Self {
        Self {
            step,
            node,
            gone,
            tried: false,
            bound: false,
            followed: 0,
        }
    }
}

/// How long a path is to be.
pub(super) struct Budget {
    /// Its edges.
    pub total: u32,
    /// For every step and node how many edges are to come at least.
    pub ahead: Vec<Vec<u32>>,
    /// Something was left out because it would be longer.
    pub cut: bool,
}

/// The state of looking.
pub(super) struct Search<'g> {
    pub(super) graph: &'g Graph,
    pub(super) filters: &'g Filters,
    pub(super) steps: &'g [Step],
    first: usize,
    /// By node of the pattern; [`UNKNOWN`] or the node.
    pub(super) nodes: Vec<u32>,
    gone: Vec<Gone>,
    total: u32,
    unique_nodes: bool,
    unique_edges: bool,
    used: Vec<bool>,
    /// By step: for every node how far the nearest end is.
    reach: Vec<Option<Vec<u32>>>,
    /// Only paths of one length count.
    pub(super) budget: Option<Budget>,
    pub(super) work: &'g Work,
    looks: u64,
}

/// Looks for the pattern and hands every path to `answers`.
pub(super) fn run<'g>(
    graph: &'g Graph,
    pattern: &'g Pattern,
    answers: &mut Answers<'g>,
    work: &Work,
) -> Result<()> {
    let (filters, conditions) = Filters::new(graph, pattern)?;
    answers.set_conditions(conditions);
    let (first, steps) = order(graph, pattern, &filters);
    let mut search = Search::new(graph, pattern, &filters, first, &steps, work);
    if let GraphSearch::Shortest { all } = pattern.search {
        return search.shortest(all, answers);
    }
    search.look_ahead();
    for node in filters.candidates(first, graph.count) {
        search.from(node, answers)?;
    }
    Ok(())
}

impl<'g> Search<'g> {
    fn new(
        graph: &'g Graph,
        pattern: &Pattern,
        filters: &'g Filters,
        first: usize,
        steps: &'g [Step],
        work: &'g Work,
    ) -> Self {
        let unique_nodes = pattern.search == GraphSearch::UniqueNodes;
        let unique_edges = !unique_nodes && pattern.search != GraphSearch::All;
        let used = if unique_nodes {
            graph.count
        } else {
            graph.source.len()
        };
        Self {
            graph,
            filters,
            steps,
            first,
            nodes: vec![UNKNOWN; pattern.nodes],
            gone: vec![Gone::default(); steps.len()],
            total: 0,
            unique_nodes,
            unique_edges,
            used: vec![false; used],
            reach: vec![None; steps.len()],
            budget: None,
            work,
            looks: 0,
        }
    }

    /// Where few nodes end a variable step, ways that cannot come there are not gone.
    fn look_ahead(&mut self) {
        for (at, step) in self.steps.iter().enumerate() {
            let Some(ends) = &self.filters.nodes[step.to] else {
                continue;
            };
            if step.most > 1 {
                let ends = (0..self.graph.count as u32).filter(|n| ends[*n as usize]);
                let reach = distances(self.graph, self.filters, step, |_| 0, ends, step.most);
                self.reach[at] = Some(reach);
            }
        }
    }

    /// All paths from a node; true when `answers` wanted no more of them.
    pub(super) fn from(&mut self, start: u32, answers: &mut Answers<'_>) -> Result<bool> {
        self.nodes[self.first] = start;
        if self.unique_nodes {
            self.used[start as usize] = true;
        }
        let stopped = if self.steps.is_empty() {
            self.found(answers)?
        } else {
            self.walk(start, answers)?
        };
        if self.unique_nodes {
            self.used[start as usize] = false;
        }
        self.nodes[self.first] = UNKNOWN;
        Ok(stopped)
    }

    fn walk(&mut self, start: u32, answers: &mut Answers<'_>) -> Result<bool> {
        let mut stack = vec![Place::new(0, start, 0)];
        let mut stopped = false;
        while let Some(place) = stack.last_mut() {
            self.looks += 1;
            if self.looks.is_multiple_of(LOOKS) {
                self.work.check()?;
            }
            let at = place.step;
            let step = &self.steps[at];
            if !stopped && !place.tried {
                place.tried = true;
                if place.gone >= step.least && self.may_end(step, place) {
                    if self.nodes[step.to] == UNKNOWN {
                        self.nodes[step.to] = place.node;
                        place.bound = true;
                    }
                    match self.steps.get(at + 1) {
                        Some(next) => {
                            let from = self.nodes[next.from];
                            stack.push(Place::new(at + 1, from, 0));
                        }
                        None => stopped = self.found(answers)?,
                    }
                    continue;
                }
            }
            if place.bound {
                self.nodes[step.to] = UNKNOWN;
                place.bound = false;
            }
            let next = if stopped { None } else { self.follow(place) };
            match next {
                Some((edge, node)) => {
                    let gone = place.gone + 1;
                    self.go(at, edge, node);
                    stack.push(Place::new(at, node, gone));
                }
                None => {
                    if place.gone > 0 {
                        self.go_back(at);
                    }
                    stack.pop();
                }
            }
        }
        Ok(stopped)
    }

    /// Whether a step can end where it is.
    fn may_end(&self, step: &Step, place: &Place) -> bool {
        let known = self.nodes[step.to];
        if known != UNKNOWN && (known != place.node || (self.unique_nodes && place.gone > 0)) {
            return false;
        }
        fits(&self.filters.nodes[step.to], place.node)
    }

    /// The next edge that can be gone from a place, and the node behind it.
    fn follow(&mut self, place: &mut Place) -> Option<(u32, u32)> {
        let step = &self.steps[place.step];
        let inside = place.gone == 0 || fits(&self.filters.inner[step.edge], place.node);
        if place.gone >= step.most || !inside {
            return None;
        }
        let graph = self.graph;
        let along: &[u32] = if step.along {
            graph.out.of(place.node)
        } else {
            &[]
        };
        let against: &[u32] = if step.against {
            graph.into.of(place.node)
        } else {
            &[]
        };
        while place.followed < along.len() + against.len() {
            let at = place.followed;
            place.followed += 1;
            let (edge, node) = match along.get(at) {
                Some(edge) => (*edge, graph.target[*edge as usize]),
                None => {
                    let edge = against[at - along.len()];
                    let node = graph.source[edge as usize];
                    // An edge from a node to itself was followed already.
                    if step.along && node == place.node {
                        continue;
                    }
                    (edge, node)
                }
            };
            let used = (self.unique_edges && self.used[edge as usize])
                || (self.unique_nodes && self.used[node as usize]);
            if !used && fits(&self.filters.edges[step.edge], edge) && self.leads_on(place, node) {
                return Some((edge, node));
            }
        }
        None
    }

    /// Whether an end can be reached from the node behind the next edge.
    fn leads_on(&mut self, place: &Place, node: u32) -> bool {
        if let Some(reach) = &self.reach[place.step] {
            let ahead = reach[node as usize];
            if ahead == FAR || place.gone + 1 + ahead > self.steps[place.step].most {
                return false;
            }
        }
        let total = self.total + 1;
        let Some(budget) = &mut self.budget else {
            return true;
        };
        let ahead = budget.ahead[place.step][node as usize];
        if ahead == FAR {
            return false;
        }
        let fits = total.saturating_add(ahead) <= budget.total;
        budget.cut |= !fits;
        fits
    }

    fn go(&mut self, step: usize, edge: u32, node: u32) {
        self.gone[step].edges.push(edge);
        self.gone[step].nodes.push(node);
        self.total += 1;
        if self.unique_nodes {
            self.used[node as usize] = true;
        } else if self.unique_edges {
            self.used[edge as usize] = true;
        }
    }

    fn go_back(&mut self, step: usize) {
        let (edge, node) = (self.gone[step].edges.pop(), self.gone[step].nodes.pop());
        self.total -= 1;
        if let (true, Some(node)) = (self.unique_nodes, node) {
            self.used[node as usize] = false;
        } else if let (true, Some(edge)) = (self.unique_edges, edge) {
            self.used[edge as usize] = false;
        }
    }

    fn found(&mut self, answers: &mut Answers<'_>) -> Result<bool> {
        if self.budget.as_ref().is_some_and(|b| b.total != self.total) {
            return Ok(false);
        }
        answers.take(&Found {
            nodes: &self.nodes,
            steps: self.steps,
            gone: &self.gone,
        })
    }
}
