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
        let length = CYCLE as i64 * TICKS_PER_SECOND;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let cycle = now.div_euclid(length);
        if used.cycle != cycle {
            *used = Used {
                cycle,
                by_tenant: HashMap::new(),
            };
        }
        let spent = used.by_tenant.get(&tenant).copied().unwrap_or_default();
        if spent >= self.allowed {
            let left = length - now.rem_euclid(length);
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
            cycle,
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
    cycle: i64,
    started: Instant,
    processor: Option<Duration>,
}

impl Charge<'_> {
    /// Ends the hunt with the processor time that it used. A hunt that does not get so far costs the time that it took.
    pub fn end(mut self, processor: Duration) {
        self.processor = Some(processor);
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        let cost = self.processor.unwrap_or_else(|| self.started.elapsed());
        let mut used = self
            .budget
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if used.cycle == self.cycle {
            *used.by_tenant.entry(self.tenant).or_default() += cost;
        }
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
}
