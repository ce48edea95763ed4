//! What stands before password checks: how many run at once, and how many an address may get wrong.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bartizan_identity::sign_in::lockout::Budget;
use tokio::sync::Semaphore;

use crate::source::network;

/// Addresses that are remembered; beyond that the whole table begins anew, so that a flood costs no memory.
const MOST_SOURCES: usize = 100_000;

/// The guards of one server.
#[derive(Debug)]
pub struct PasswordGuards {
    hashing: Semaphore,
    sources: Mutex<HashMap<IpAddr, Budget>>,
}

impl Default for PasswordGuards {
    fn default() -> Self {
        // Each hash takes a core and 19 MiB; more at once would only slow each other and everything else.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            hashing: Semaphore::new(cores),
            sources: Mutex::default(),
        }
    }
}

impl PasswordGuards {
    /// Takes one attempt from an address's budget. False when there is none left.
    pub(in crate::identity) fn spend(&self, source: IpAddr, now: i64) -> bool {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= MOST_SOURCES {
            sources.clear();
        }
        let budget = sources
            .entry(network(source))
            .or_insert_with(|| Budget::full(now));
        if budget.wait(now).is_some() {
            return false;
        }
        *budget = budget.spend(now);
        true
    }

    /// Gives an attempt back: the password was right.
    pub(in crate::identity) fn refund(&self, source: IpAddr, now: i64) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = sources.get_mut(&network(source)) {
            *budget = budget.refund(now);
        }
    }

    /// Forgets addresses whose budget is whole again.
    pub(crate) fn forget_idle(&self, now: i64) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|_, budget| !budget.is_full(now));
    }

    /// Runs a hash or a check of one on a thread of its own, when it is its turn. `None` when the server stops.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _turn = self.hashing.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_identity::sign_in::lockout::BUDGET;

    #[test]
    fn a_network_shares_one_budget() {
        let guards = PasswordGuards::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for i in 0..BUDGET {
            let from = address(&format!("2001:db8::{i:x}"));
            assert!(guards.spend(from, 0));
        }
        assert!(!guards.spend(address("2001:db8::ffff"), 0));
        assert!(guards.spend(address("2001:db8:0:1::1"), 0));
        assert!(guards.spend(address("192.0.2.1"), 0));
        guards.refund(address("2001:db8::1"), 0);
        assert!(guards.spend(address("2001:db8::ffff"), 0));
    }
}
