//! What a query takes: processor time, and the most of what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datafusion::physical_plan::ExecutionPlan;

use crate::given_up::GivenUp;

/// Time that the operators of a finished plan spent computing, over all threads.
fn cpu_time(plan: &dyn ExecutionPlan) -> Duration {
    let own = plan
        .metrics()
        .and_then(|m| m.elapsed_compute())
        .unwrap_or(0);
    let below: Duration = plan.children().iter().map(|c| cpu_time(c.as_ref())).sum();
    Duration::from_nanos(own as u64) + below
}

/// The processor time of a query, over all its attempts and what it asks the data beforehand; and whether anybody still
/// waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<AtomicU64>, GivenUp);

impl Meter {
    /// The time so far.
    pub(crate) fn read(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Tells those who compute for long whether anybody waits.
    pub(crate) fn given_up(&self) -> GivenUp {
        self.1.clone()
    }

    /// Plans that are executed; their time is added when what is given ends, also by being stopped.
    pub(crate) fn running(&self, plans: Vec<Arc<dyn ExecutionPlan>>) -> Running {
        let meter = self.clone();
        Running { plans, meter }
    }

    /// Work that is no plan: the time that it is busy is added, not the time that it waits.
    pub(crate) async fn busy<F: Future>(&self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            let started = Instant::now();
            let polled = work.as_mut().poll(context);
            self.add(started.elapsed());
            polled
        })
        .await
    }
}

/// Plans that are executed.
pub(crate) struct Running {
    plans: Vec<Arc<dyn ExecutionPlan>>,
    meter: Meter,
}

impl Drop for Running {
    fn drop(&mut self) {
        let time: Duration = self.plans.iter().map(|plan| cpu_time(plan.as_ref())).sum();
        self.meter.add(time);
    }
}

/// A counter that remembers its greatest value.
#[derive(Debug, Default)]
pub(crate) struct HighWater {
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl HighWater {
    pub(crate) fn grow(&self, by: usize) {
        let now = self.now.fetch_add(by, Ordering::Relaxed) + by;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn shrink(&self, by: usize) {
        self.now.fetch_sub(by, Ordering::Relaxed);
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}
