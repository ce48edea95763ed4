//! What a kernel does before it asks whether it may go on.

use datafusion::error::{DataFusionError, Result};

use crate::plan::Work;

/// Steps between two looks at whether the query is still wanted: well below a second of any kernel's work.
const STEPS_BETWEEN: usize = 4_096;

/// Bytes that are asked for at once.
const BYTES_AT_ONCE: usize = 64 * 1024;

/// Steps and memory of a kernel, told to its [`Work`] now and then, since each telling costs more than a step.
pub(super) struct Pace<'w> {
    work: &'w Work,
    steps: usize,
    bytes: usize,
}

impl<'w> Pace<'w> {
    pub(super) fn new(work: &'w Work) -> Self {
        Self {
            work,
            steps: 0,
            bytes: 0,
        }
    }

    /// Counts steps; an error when the query was given up.
    pub(super) fn step(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps >= STEPS_BETWEEN {
            self.steps = 0;
            self.work.check()?;
        }
        Ok(())
    }

    /// Counts bytes that stay until the kernel ends; an error when there are no more.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= BYTES_AT_ONCE {
            self.work.grow(std::mem::take(&mut self.bytes))?;
            self.work.check()?;
        }
        Ok(())
    }
}

/// The answer of kernels that only work within limits when they are asked without.
pub(super) fn without_limits<T>() -> Result<T> {
    Err(DataFusionError::Internal(
        "this step is worked on within limits".into(),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};

    use super::*;
    use crate::given_up::GivenUp;

    /// Work with so much memory, given up or not.
    fn work(bytes: usize, is_given_up: bool) -> Work {
        let given_up = GivenUp::default();
        if is_given_up {
            given_up.give_up();
        }
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(bytes));
        let memory = MemoryConsumer::new("test").register(&pool);
        Work::new(memory, given_up)
    }

    #[test]
    fn memory_and_interest_end_the_work() {
        let small = work(BYTES_AT_ONCE, false);
        let mut pace = Pace::new(&small);
        assert!(pace.step(usize::MAX).is_ok());
        assert!(pace.keep(BYTES_AT_ONCE).is_ok());
        assert!(matches!(
            pace.keep(BYTES_AT_ONCE),
            Err(DataFusionError::ResourcesExhausted(_))
        ));
        let over = work(BYTES_AT_ONCE, true);
        let mut pace = Pace::new(&over);
        let looked = (0..=STEPS_BETWEEN).position(|_| pace.step(1).is_err());
        assert_eq!(looked, Some(STEPS_BETWEEN - 1));
    }
}
