//! How much one network may cost without having proven anything: failed proofs of clients, and rows for people who are
//! not signed in. Generous: what people and programs do that work is far below.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bartizan_contract::AppId;
use bartizan_identity::Refusal;

use crate::source::network;

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;
/// The time after which a spent budget is whole again, microseconds.
const WINDOW: i64 = 600 * MICROS;
/// Failed proofs of one client from one network.
const PROOFS_OF_CLIENT: i64 = 300;
/// Failed proofs of all clients from one network.
const PROOFS: i64 = 6_000;
/// Sign-ins and device codes that are begun by nobody yet, from one network.
const BEGUN: i64 = 10_000;
/// Networks that are remembered; beyond that a table begins anew, so that a flood costs no memory.
const MOST: usize = 100_000;

/// The budgets of one server.
#[derive(Debug)]
pub struct Budgets {
    proofs_of_client: Table<(IpAddr, Option<AppId>)>,
    proofs: Table<IpAddr>,
    begun: Table<IpAddr>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            proofs_of_client: Table::of(PROOFS_OF_CLIENT),
            proofs: Table::of(PROOFS),
            begun: Table::of(BEGUN),
        }
    }
}

impl Budgets {
    /// Lets a client try to prove itself, from an address, while there is budget. `now` in microseconds.
    ///
    /// # Errors
    /// [`Refusal::Throttled`].
    pub(super) fn may_prove(
        &self,
        source: Option<IpAddr>,
        client: &str,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(network) = source.map(network) else {
            return Ok(());
        };
        let of_client = self.proofs_of_client.wait(&(network, named(client)), now);
        allowed(of_client.or_else(|| self.proofs.wait(&network, now)))
    }

    /// Notes that a client did not prove itself.
    pub(super) fn not_proven(&self, source: Option<IpAddr>, client: &str, now: i64) {
        if let Some(network) = source.map(network) {
            self.proofs_of_client.spend((network, named(client)), now);
            self.proofs.spend(network, now);
        }
    }

    /// Takes from the budget what is kept for somebody who is not signed in.
    ///
    /// # Errors
    /// [`Refusal::Throttled`].
    pub(super) fn begin(&self, source: Option<IpAddr>, now: i64) -> Result<(), Refusal> {
        let Some(network) = source.map(network) else {
            return Ok(());
        };
        allowed(self.begun.wait(&network, now))?;
        self.begun.spend(network, now);
        Ok(())
    }

    /// Forgets networks whose budgets are whole again.
    pub(crate) fn forget_idle(&self, now: i64) {
        self.proofs_of_client.forget_idle(now);
        self.proofs.forget_idle(now);
        self.begun.forget_idle(now);
    }
}

fn named(client: &str) -> Option<AppId> {
    client.parse().ok()
}

fn allowed(wait: Option<i64>) -> Result<(), Refusal> {
    match wait {
        Some(seconds) => Err(Refusal::Throttled { seconds }),
        None => Ok(()),
    }
}

/// Budgets of one kind, each as the time at which it is whole again.
#[derive(Debug)]
struct Table<K> {
    /// Microseconds in which one grows back.
    price: i64,
    whole: Mutex<HashMap<K, i64>>,
}

impl<K: Eq + Hash> Table<K> {
    fn of(number: i64) -> Self {
        Self {
            price: WINDOW / number,
            whole: Mutex::default(),
        }
    }

    /// Seconds until one more is allowed; `None` when it is now.
    fn wait(&self, key: &K, now: i64) -> Option<i64> {
        let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let over = whole.get(key)? - now + self.price - WINDOW;
        (over > 0).then(|| over.div_euclid(MICROS) + 1)
    }

    fn spend(&self, key: K, now: i64) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.len() >= MOST {
            whole.clear();
        }
        let at = whole.entry(key).or_insert(now);
        *at = (*at).max(now) + self.price;
    }

    fn forget_idle(&self, now: i64) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.retain(|_, at| *at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_waits_when_its_budget_is_spent_and_others_do_not() {
        let budgets = Budgets::default();
        let address = |text: &str| text.parse::<IpAddr>().ok();
        for i in 0..BEGUN {
            let from = address(&format!("2001:db8::{:x}", i % 100));
            assert!(budgets.begin(from, 0).is_ok());
        }
        let wait = budgets.begin(address("2001:db8::ffff"), 0);
        assert_eq!(wait, Err(Refusal::Throttled { seconds: 1 }));
        assert!(budgets.begin(address("192.0.2.1"), 0).is_ok());
        assert!(budgets.begin(address("2001:db8::1"), MICROS).is_ok());
        budgets.forget_idle(WINDOW + MICROS);
        let whole = budgets.begun.whole.lock().expect("no panic");
        assert!(whole.is_empty());
    }

    #[test]
    fn one_client_that_fails_keeps_no_other_waiting() {
        let budgets = Budgets::default();
        let from = "192.0.2.1".parse::<IpAddr>().ok();
        let (bad, good) = (
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-0000-0000-000000000002",
        );
        for _ in 0..PROOFS_OF_CLIENT {
            assert!(budgets.may_prove(from, bad, 0).is_ok());
            budgets.not_proven(from, bad, 0);
        }
        let seconds = 3;
        assert_eq!(
            budgets.may_prove(from, bad, 0),
            Err(Refusal::Throttled { seconds })
        );
        assert!(budgets.may_prove(from, good, 0).is_ok());
        assert!(budgets.may_prove(from, bad, seconds * MICROS).is_ok());
    }
}
