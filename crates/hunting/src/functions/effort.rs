//! How much a function may do for one batch. It runs within one poll, where neither the time limit nor a cancellation
//! reaches it unless it looks; so what takes more steps than its input is long looks whether the hunt was given up, is
//! counted, and is refused where it would take minutes.

use std::cell::Cell;

use datafusion::error::Result;

use crate::error::evaluation;
use crate::given_up::GivenUp;

/// Steps of a few operations each, for one batch: some ten seconds.
const MOST_STEPS: u64 = 1 << 32;

/// What is left of the steps of a batch.
pub(super) struct Effort {
    left: Cell<u64>,
    exceeded: Cell<bool>,
    given_up: GivenUp,
}

impl Effort {
    /// For one batch, with steps that cost as much as so many simple ones.
    pub(super) fn of(cost: u64, given_up: GivenUp) -> Self {
        Self {
            left: Cell::new(MOST_STEPS / cost.max(1)),
            exceeded: Cell::new(false),
            given_up,
        }
    }

    /// Takes steps for `outer` times `inner` turns; false when there are not so many, or nobody waits for the outcome.
    pub(super) fn spend(&self, outer: usize, inner: usize) -> bool {
        let steps = (outer as u64).saturating_mul(inner as u64);
        match self.left.get().checked_sub(steps) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(0);
                self.exceeded.set(true);
            }
        }
        self.goes_on()
    }

    /// There are no steps for what is needed, however many are left.
    pub(super) fn exceed(&self) {
        self.exceeded.set(true);
    }

    /// Whether there were steps enough so far, and somebody waits for the outcome.
    pub(super) fn goes_on(&self) -> bool {
        !self.exceeded.get() && !self.given_up.is_given_up()
    }

    /// The outcome, unless there were not steps enough for it.
    pub(super) fn outcome<T>(&self, made: T, function: &str) -> Result<T> {
        self.given_up.check()?;
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
        let effort = Effort::of(1, GivenUp::default());
        assert!(effort.spend(1 << 16, 1 << 15));
        assert!(effort.outcome((), "f").is_ok());
        assert!(!effort.spend(usize::MAX, usize::MAX));
        assert!(!effort.spend(1, 1));
        assert!(effort.outcome((), "f").is_err());
    }

    #[test]
    fn what_nobody_waits_for_ends() {
        let given_up = GivenUp::default();
        let effort = Effort::of(1, given_up.clone());
        assert!(effort.spend(1, 1));
        given_up.give_up();
        assert!(!effort.goes_on() && !effort.spend(0, 0));
        assert!(effort.outcome((), "f").is_err());
    }
}
