//! How much work is under way at once, and whose turn is next.
//!
//! Hunts, runs of detection rules and uploads have a lane each, so that none of them can use up what another needs.
//! A lane has places; no tenant holds more than half of them, and a place that becomes free goes to the waiting tenant
//! that holds the fewest, of these to the one that was served longest ago. Who waits too long is refused.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bartizan_contract::TenantId;
use tokio::sync::oneshot;

use crate::error::{ApiError, Kind};
use crate::settings::Bounds;

/// The most calls of one tenant that wait in a lane; each may hold a body of some megabytes.
const QUEUE: usize = 32;

/// The lanes of a server.
#[derive(Debug)]
pub struct Lanes {
    /// Hunts over the APIs.
    pub hunts: Lane,
    /// Runs of a tenant's detection rules.
    pub rule_runs: Lane,
    /// Telemetry being taken in, from the first byte of the body on.
    pub uploads: Lane,
}

impl Lanes {
    /// Empty lanes of these sizes.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        let patience = Duration::from_secs(u64::from(bounds.queue_seconds));
        let lane = |what, places: u32| Lane::new(what, places as usize, patience);
        Self {
            hunts: lane("hunts", bounds.hunts),
            rule_runs: lane("runs of detection rules", bounds.rule_runs),
            uploads: lane("uploads", bounds.uploads),
        }
    }
}

/// Places for one kind of work.
#[derive(Debug, Clone)]
pub struct Lane {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    what: &'static str,
    places: usize,
    per_tenant: usize,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    turn: u64,
    // Tenants that hold a place or wait for one.
    tenants: HashMap<TenantId, Tenant>,
}

#[derive(Debug, Default)]
struct Tenant {
    held: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
    served: u64,
}

/// A place in a lane, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    tenant: TenantId,
}

impl Lane {
    /// A lane of so many places, in which callers wait so long.
    fn new(what: &'static str, places: usize, patience: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                what,
                places,
                per_tenant: places.div_ceil(2),
                patience,
                state: Mutex::default(),
            }),
        }
    }

    /// A place, at once or after a short wait.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`] when none became free in time, or too many of the tenant's calls wait already.
    pub async fn enter(&self, tenant: TenantId) -> Result<Place, ApiError> {
        let turn = self.queue(tenant, QUEUE).ok_or_else(|| self.full())?;
        match tokio::time::timeout(self.shared.patience, turn).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(self.full()),
        }
    }

    /// A place, however long it takes: for the server's own work, which asks for one at a time. `None` never comes
    /// while the lane lives.
    pub async fn wait(&self, tenant: TenantId) -> Option<Place> {
        self.queue(tenant, usize::MAX)?.await.ok()
    }

    /// Joins the queue; `None` when `limit` calls of the tenant are in it.
    fn queue(&self, tenant: TenantId, limit: usize) -> Option<oneshot::Receiver<Place>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.shared.lock();
        let entry = state.tenants.entry(tenant).or_default();
        entry.waiting.retain(|waiting| !waiting.is_closed());
        if entry.waiting.len() >= limit {
            return None;
        }
        entry.waiting.push_back(sender);
        let abandoned = self.shared.serve(&mut state);
        drop(state);
        drop(abandoned);
        Some(receiver)
    }

    fn full(&self) -> ApiError {
        let Shared {
            what,
            places,
            per_tenant,
            patience,
            ..
        } = &*self.shared;
        let seconds = patience.as_secs().max(1);
        let text = format!(
            "Too many {what} are under way: at most {places} at once, {per_tenant} of one tenant. Retry in {seconds} seconds."
        );
        ApiError::new(Kind::TooManyRequests, text).retry_after(Duration::from_secs(seconds))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to those whose turn it is. Places of callers that went away meanwhile come back; they must
    /// be dropped after the lock.
    fn serve(self: &Arc<Self>, state: &mut State) -> Vec<Place> {
        let mut abandoned = Vec::new();
        while state.held < self.places {
            let next = state
                .tenants
                .iter()
                .filter(|(_, tenant)| !tenant.waiting.is_empty() && tenant.held < self.per_tenant)
                .min_by_key(|(_, tenant)| (tenant.held, tenant.served))
                .map(|(id, _)| *id);
            let Some(id) = next else {
                break;
            };
            state.turn += 1;
            let turn = state.turn;
            let Some(tenant) = state.tenants.get_mut(&id) else {
                break;
            };
            let Some(waiting) = tenant.waiting.pop_front() else {
                break;
            };
            let place = Place {
                shared: Arc::clone(self),
                tenant: id,
            };
            tenant.held += 1;
            tenant.served = turn;
            state.held += 1;
            if let Err(place) = waiting.send(place) {
                abandoned.push(place);
            }
        }
        abandoned
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.held -= 1;
        if let Some(tenant) = state.tenants.get_mut(&self.tenant) {
            tenant.held -= 1;
            tenant.waiting.retain(|waiting| !waiting.is_closed());
            if tenant.held == 0 && tenant.waiting.is_empty() {
                state.tenants.remove(&self.tenant);
            }
        }
        let abandoned = self.shared.serve(&mut state);
        drop(state);
        drop(abandoned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TenantId = TenantId::from_u128(1);
    const B: TenantId = TenantId::from_u128(2);

    fn lane(places: usize, patience: Duration) -> Lane {
        Lane::new("tests", places, patience)
    }

    #[tokio::test]
    async fn one_tenant_leaves_half_of_the_places_to_others() {
        let lane = lane(4, Duration::ZERO);
        let _first = lane.enter(A).await.expect("a place");
        let _second = lane.enter(A).await.expect("a place");
        let refused = lane.enter(A).await.expect_err("half is held");
        assert_eq!(refused.kind(), Kind::TooManyRequests);
        let _other = lane.enter(B).await.expect("the other half");
    }

    #[tokio::test]
    async fn a_free_place_goes_to_the_tenant_that_holds_the_fewest() {
        let lane = lane(2, Duration::from_secs(3600));
        let first = lane.enter(A).await.expect("a place");
        let second = lane.enter(B).await.expect("a place");
        // B's second call came before the third tenant's first one.
        let mut again = lane.queue(B, QUEUE).expect("a turn");
        let mut third = lane.queue(TenantId::from_u128(3), QUEUE).expect("a turn");
        drop(first);
        assert!(again.try_recv().is_err(), "B holds one already");
        let third = third.try_recv().expect("the third tenant's turn");
        drop(second);
        again.try_recv().expect("now B's turn");
        drop(third);
    }

    #[tokio::test]
    async fn callers_that_went_away_hold_nothing() {
        let lane = lane(1, Duration::from_secs(3600));
        let held = lane.enter(A).await.expect("a place");
        for _ in 0..1000 {
            drop(lane.queue(A, QUEUE).expect("those who left do not count"));
        }
        drop(held);
        // Given, but its caller left before it was taken.
        let given = lane.queue(B, QUEUE).expect("a turn");
        drop(given);
        let _place = lane.enter(A).await.expect("a place");
        assert_eq!(lane.shared.lock().tenants.len(), 1, "others are forgotten");
    }
}
