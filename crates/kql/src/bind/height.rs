//! How high a plan is: how many nodes stand above each other on the longest way down.

use crate::bound::{Node, Plan};

/// Plans that are higher are refused. Whoever takes a plan apart goes down by recursion, on stacks of 2 MB and more;
/// `let` statements put pipelines below pipelines, so that the length of each is no bound.
pub(super) const MAX_HEIGHT: usize = 500;

/// The height of a plan, without recursion: it is asked of plans that may be too high.
pub(super) fn height(plan: &Plan) -> usize {
    let mut open = vec![(plan, 1)];
    let mut highest = 0;
    while let Some((plan, at)) = open.pop() {
        highest = highest.max(at);
        match &plan.node {
            Node::Table { .. }
            | Node::Unit
            | Node::DataTable { .. }
            | Node::Range { .. }
            | Node::Shared(_)
            | Node::External { .. } => {}
            Node::Filter { input, .. }
            | Node::Project { input, .. }
            | Node::Window { input, .. }
            | Node::Summarize { input, .. }
            | Node::Distinct { input }
            | Node::Sort { input, .. }
            | Node::Top { input, .. }
            | Node::Take { input, .. }
            | Node::Sample { input, .. }
            | Node::Serialize { input }
            | Node::MvExpand { input, .. }
            | Node::Parse { input, .. }
            | Node::Plugin { input, .. } => open.push((input, at + 1)),
            Node::Join { left, right, .. } => open.extend([(&**left, at + 1), (&**right, at + 1)]),
            Node::Union { inputs } => open.extend(inputs.iter().map(|i| (&i.plan, at + 1))),
        }
    }
    highest
}
