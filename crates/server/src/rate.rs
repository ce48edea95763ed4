//! Calls counted against the documented rates, per tenant, application and operation.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use bartizan_contract::operations::{self, OperationId, Rate};
use bartizan_contract::{AppId, TenantId};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

type Limiter = DefaultKeyedRateLimiter<(TenantId, AppId)>;

/// A call came too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyRequests {
    /// When the next call will be let through; whole seconds, rounded up, go into `Retry-After`.
    pub retry_after: Duration,
    /// The limit that was met, for the message.
    pub limit: u32,
    /// Its window.
    pub window: &'static str,
}

/// The counters of all operations.
#[derive(Debug)]
pub struct RateLimits {
    limiters: HashMap<OperationId, Vec<(u32, &'static str, Limiter)>>,
    clock: DefaultClock,
}

impl Default for RateLimits {
    fn default() -> Self {
        let limiters = operations::all()
            .filter_map(|operation| Some((operation.id, limiters(operation.rate?))))
            .collect();
        Self {
            limiters,
            clock: DefaultClock::default(),
        }
    }
}

fn limiters(rate: Rate) -> Vec<(u32, &'static str, Limiter)> {
    let limiter = |calls: Option<u32>, window, quota: fn(NonZeroU32) -> Quota| {
        let calls = NonZeroU32::new(calls?)?;
        Some((calls.get(), window, RateLimiter::keyed(quota(calls))))
    };
    let windows = [
        limiter(rate.per_minute, "minute", Quota::per_minute),
        limiter(rate.per_hour, "hour", Quota::per_hour),
    ];
    windows.into_iter().flatten().collect()
}

impl RateLimits {
    /// Counts a call.
    ///
    /// # Errors
    /// [`TooManyRequests`] when the call must wait; it is then not counted by the limit that refused it.
    pub fn check(
        &self,
        operation: OperationId,
        tenant: TenantId,
        app: AppId,
    ) -> Result<(), TooManyRequests> {
        let Some(limiters) = self.limiters.get(&operation) else {
            return Ok(());
        };
        for (limit, window, limiter) in limiters {
            if let Err(refused) = limiter.check_key(&(tenant, app)) {
                let retry_after = refused.wait_time_from(self.clock.now());
                return Err(TooManyRequests {
                    retry_after,
                    limit: *limit,
                    window,
                });
            }
        }
        Ok(())
    }

    /// Forgets callers that have not called for a while, so that memory follows use.
    pub fn forget_idle(&self) {
        for (_, _, limiter) in self.limiters.values().flatten() {
            limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ids(app: u128) -> (TenantId, AppId) {
        (TenantId::from_u128(1), AppId::from_u128(app))
    }

    #[test]
    fn refuses_the_call_after_the_documented_number() {
        let limits = RateLimits::default();
        let operation = operations::get(OperationId::XdrListIncidents);
        let per_minute = operation
            .rate
            .and_then(|rate| rate.per_minute)
            .expect("a rate");
        let (tenant, app) = ids(1);
        for _ in 0..per_minute {
            limits
                .check(operation.id, tenant, app)
                .expect("within the rate");
        }
        let refused = limits
            .check(operation.id, tenant, app)
            .expect_err("over the rate");
        assert_eq!((refused.limit, refused.window), (per_minute, "minute"));
        assert!(refused.retry_after > Duration::ZERO);
        let (tenant, other) = ids(2);
        limits
            .check(operation.id, tenant, other)
            .expect("another application has its own count");
    }
}
