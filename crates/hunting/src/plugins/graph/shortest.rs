//! Shortest paths: from every first node to every last one, ever longer paths until one counts. How far it is at least
//! to the last node is known beforehand, so that usually the first length is the right one and no way is gone in vain.

use datafusion::error::Result;

use super::answer::Answers;
use super::search::{Budget, Search};
use super::steps::{FAR, distances, fits};

impl<'g> Search<'g> {
    /// The shortest paths between all pairs of nodes.
    pub(super) fn shortest(&mut self, all: bool, answers: &mut Answers<'_>) -> Result<()> {
        if !all {
            answers.set_any();
        }
        let count = self.graph.count;
        let last = self.nodes.len() - 1;
        let edges = u32::try_from(self.graph.source.len()).unwrap_or(u32::MAX);
        let most = self
            .steps
            .iter()
            .fold(0u32, |sum, step| sum.saturating_add(step.most))
            .min(edges);
        let least = self
            .steps
            .iter()
            .fold(0u32, |sum, step| sum.saturating_add(step.least));
        let starts = self.filters.candidates(0, count);
        for target in self.filters.candidates(last, count) {
            self.work.check()?;
            let mut ahead = self.ahead(target, most);
            for start in &starts {
                let nearest = ahead[0][*start as usize];
                if nearest == FAR {
                    continue;
                }
                answers.begin();
                let mut total = nearest.max(least);
                while total <= most {
                    self.nodes[last] = target;
                    self.budget = Some(Budget {
                        total,
                        ahead,
                        cut: false,
                    });
                    self.from(*start, answers)?;
                    let budget = self.budget.take();
                    let cut = budget.as_ref().is_some_and(|b| b.cut);
                    ahead = budget.map(|b| b.ahead).unwrap_or_default();
                    if answers.settle()? > 0 || !cut {
                        break;
                    }
                    total += 1;
                }
            }
        }
        Ok(())
    }

    /// For every step and node, how many edges it is to the target at least.
    fn ahead(&self, target: u32, most: u32) -> Vec<Vec<u32>> {
        let mut ahead: Vec<Vec<u32>> = Vec::with_capacity(self.steps.len());
        for step in self.steps.iter().rev() {
            let after = ahead.last();
            let cost = |node: u32| match after {
                None => 0,
                Some(_) if !fits(&self.filters.nodes[step.to], node) => FAR,
                Some(after) => after[node as usize],
            };
            let found = match after {
                None => distances(
                    self.graph,
                    self.filters,
                    step,
                    cost,
                    std::iter::once(target),
                    most,
                ),
                Some(_) => {
                    let ends = 0..self.graph.count as u32;
                    distances(self.graph, self.filters, step, cost, ends, most)
                }
            };
            ahead.push(found);
        }
        ahead.reverse();
        ahead
    }
}
