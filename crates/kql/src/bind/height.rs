//! How high a plan is: how many nodes stand above each other on the longest way down.

use crate::bound::Plan;

/// Plans that are higher are refused. Whoever takes a plan apart goes down by recursion, on stacks of 2 MB and more;
/// `let` statements put pipelines below pipelines, so that the length of each is no bound.
pub(super) const MAX_HEIGHT: usize = 500;

/// The height of a plan, without recursion: it is asked of plans that may be too high.
pub(super) fn height(plan: &Plan) -> usize {
    let mut open = vec![(plan, 1)];
    let mut highest = 0;
    while let Some((plan, at)) = open.pop() {
        highest = highest.max(at);
        open.extend(plan.inputs().into_iter().map(|input| (input, at + 1)));
    }
    highest
}
