//! How much a function may do for one batch. It runs within one poll, where neither the time limit nor a cancellation
//! reaches it; so what takes more steps than its input is long is counted, and refused where it would take minutes.

use std::cell::Cell;

use datafusion::error::Result;

use crate::error::evaluation;

/// Steps of a few operations each, for one batch: some ten seconds.
const MOST_STEPS: u64 = 1 << 32;

/// What is left of the steps of a batch.
pub(super) struct Effort {
    left: Cell<u64>,
    exceeded: Cell<bool>,
}

impl Effort {
    /// For one batch, with steps that cost as much as so many simple ones.
    pub(super) fn of(cost: u64) -> Self {
        Self {
            left: Cell::new(MOST_STEPS / cost.max(1)),
            exceeded: Cell::new(false),
        }
    }

    /// Takes steps for `outer` times `inner` turns; false when there are not so many.
    pub(super) fn spend(&self, outer: usize, inner: usize) -> bool {
        let steps = (outer as u64).saturating_mul(inner as u64);
        match self.left.get().checked_sub(steps) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(0);
                self.exceeded.set(true);
            }
        }
        !self.exceeded.get()
    }

    /// The outcome, unless there were not steps enough for it.
    pub(super) fn outcome<T>(&self, made: T, function: &str) -> Result<T> {
        if self.exceeded.get() {
            return Err(evaluation(format!(
                "{function}: too much to compute at once: give it less, or take fewer rows"
            )));
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused_for_good() {
        let effort = Effort::of(1);
        assert!(effort.spend(1 << 16, 1 << 15));
        assert!(effort.outcome((), "f").is_ok());
        assert!(!effort.spend(usize::MAX, usize::MAX));
        assert!(!effort.spend(1, 1));
        assert!(effort.outcome((), "f").is_err());
    }
}
