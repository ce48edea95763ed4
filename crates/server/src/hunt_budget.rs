//! The processor time of hunts, per tenant: each may use its share in every quarter of an hour, and is refused with 429 until
//! the next one when it has used it up (documentation page "advanced-hunting-limits").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bartizan_contract::TenantId;
use bartizan_contract::time::TICKS_PER_SECOND;

use crate::error::{ApiError, Kind};

/// The documented cycle, in seconds.
const CYCLE: u64 = 15 * 60;

/// The same in ticks.
const LENGTH: i64 = CYCLE as i64 * TICKS_PER_SECOND;

/// What the tenants' hunts have used.
#[derive(Debug)]
pub struct HuntBudget {
    allowed: Duration,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    cycle: i64,
    by_tenant: HashMap<TenantId, Duration>,
}

impl Used {
    fn enter(&mut self, cycle: i64) {
        if self.cycle != cycle {
            self.cycle = cycle;
            self.by_tenant.clear();
        }
    }
}

impl HuntBudget {
    /// A tenant's hunts may use `percent` of the time of `threads` processors.
    #[must_use]
    pub fn new(percent: u32, threads: usize) -> Self {
        let threads = u32::try_from(threads).unwrap_or(u32::MAX);
        let all = Duration::from_secs(CYCLE).saturating_mul(threads);
        Self {
            allowed: all.saturating_mul(percent) / 100,
            used: Mutex::default(),
        }
    }

    /// Begins a hunt at a moment in ticks. What it costs is counted when the charge is dropped.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`] when the tenant has used up its share.
    pub fn begin(&self, tenant: TenantId, now: i64) -> Result<Charge<'_>, ApiError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.enter(now.div_euclid(LENGTH));
        let spent = used.by_tenant.get(&tenant).copied().unwrap_or_default();
        if spent >= self.allowed {
            let left = LENGTH - now.rem_euclid(LENGTH);
            let left = Duration::from_secs((left as u64).div_ceil(TICKS_PER_SECOND as u64));
            let text = format!(
                "You have exceeded processing resources allocated to this tenant. You can run queries again in {} seconds. Every 15 minutes its hunts have {} seconds of the processors; the server's setting hunt-cpu-percent is the share.",
                left.as_secs(),
                self.allowed.as_secs(),
            );
            return Err(ApiError::new(Kind::TooManyRequests, text).retry_after(left));
        }
        Ok(Charge {
            budget: self,
            tenant,
            began: now,
            started: Instant::now(),
            processor: None,
        })
    }
}

/// A hunt under way.
#[derive(Debug)]
pub struct Charge<'b> {
    budget: &'b HuntBudget,
    tenant: TenantId,
    began: i64,
    started: Instant,
    processor: Option<Duration>,
}

impl Charge<'_> {
    /// Ends the hunt with the processor time that it used. A hunt that does not get so far costs the time that it took.
    pub fn end(mut self, processor: Duration) {
        self.processor = Some(processor);
    }

    /// Ends a hunt that failed: operators that were stopped did not count all their time, so that it costs at least the
    /// time that it took.
    pub fn failed(mut self, processor: Duration) {
        self.processor = Some(processor.max(self.started.elapsed()));
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let cost = self.processor.unwrap_or(elapsed);
        let ticks = elapsed.as_nanos() / 100;
        let now = self
            .began
            .saturating_add(i64::try_from(ticks).unwrap_or(i64::MAX));
        let mut used = self
            .budget
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // What it cost is known only now, and is of the cycle that is now; another hunt may have begun that already.
        let cycle = used.cycle.max(now.div_euclid(LENGTH));
        used.enter(cycle);
        *used.by_tenant.entry(self.tenant).or_default() += cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_used_its_share_waits_for_the_next_cycle_and_others_do_not() {
        let budget = HuntBudget::new(50, 2);
        let tenant = |n| TenantId::from_u128(n);
        let minute = 60 * TICKS_PER_SECOND;
        let spend = |seconds| {
            let hunt = budget
                .begin(tenant(1), 5 * minute)
                .expect("a share is left");
            hunt.end(Duration::from_secs(seconds));
        };
        spend(800);
        spend(100);
        let refused = budget.begin(tenant(1), 14 * minute).expect_err("used up");
        assert_eq!(refused.kind(), Kind::TooManyRequests);
        assert!(budget.begin(tenant(1), 15 * minute - 1).is_err());
        assert!(budget.begin(tenant(2), 14 * minute).is_ok());
        assert!(budget.begin(tenant(1), 15 * minute).is_ok());
    }

    #[test]
    fn a_hunt_that_crosses_into_the_next_cycle_costs_that_one() {
        let budget = HuntBudget::new(50, 2);
        let tenant = TenantId::from_u128(1);
        let minute = 60 * TICKS_PER_SECOND;
        let long = budget.begin(tenant, 14 * minute).expect("nothing is used");
        let other = budget.begin(TenantId::from_u128(2), 15 * minute);
        drop(other.expect("a share of its own"));
        long.end(Duration::from_secs(900));
        assert!(budget.begin(tenant, 16 * minute).is_err());
        assert!(budget.begin(tenant, 31 * minute).is_ok());
    }
}
