//! Smart lockout: how long a name is refused after wrong passwords, and how many wrong passwords one address may send.
//!
//! Names are counted whether or not an account bears them, so that a lock tells nothing about who exists. The budget of
//! an address catches what the count of a name cannot: one password tried on many names (password spraying).

/// Wrong passwords that a name is forgiven before it is locked.
pub const FORGIVEN: u32 = 10;
/// The first lock, seconds; each wrong password after it doubles the next one.
const FIRST_LOCK: i64 = 60;
/// The longest lock, seconds: a stranger must not be able to lock a person out for a day.
const LONGEST_LOCK: i64 = 3_600;
/// After this time without a wrong password all of them are forgotten, seconds.
pub const MEMORY: i64 = 86_400;

/// The wrong passwords of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many in a row.
    pub count: u32,
    /// The last one, seconds since 1970.
    pub last: i64,
    /// Refused until then, seconds since 1970; in the past when it is not locked.
    pub locked_until: i64,
}

impl Failures {
    /// Seconds until the lock opens; `None` when it is open.
    #[must_use]
    pub fn locked_for(&self, now: i64) -> Option<i64> {
        let left = self.locked_until.saturating_sub(now);
        (left > 0).then_some(left)
    }

    /// The count after one more wrong password.
    #[must_use]
    pub fn and_another(self, now: i64) -> Self {
        let forgotten = now.saturating_sub(self.last) > MEMORY;
        let count = if forgotten {
            1
        } else {
            self.count.saturating_add(1)
        };
        let lock = match count.checked_sub(FORGIVEN) {
            // 2^6 minutes are beyond the longest lock already.
            Some(beyond) => (FIRST_LOCK << beyond.min(6)).min(LONGEST_LOCK),
            None => 0,
        };
        Self {
            count,
            last: now,
            locked_until: now + lock,
        }
    }
}

/// Wrong passwords that one address may send in [`WINDOW`], whatever the names.
pub const BUDGET: u32 = 60;
/// The time after which an address has its whole budget again, seconds.
pub const WINDOW: i64 = 600;

/// What one address has left: a bucket that refills evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Seconds of refilling that the spent attempts are worth.
    debt: i64,
    /// When that was, seconds since 1970.
    at: i64,
}

/// Seconds in which one attempt grows back.
const PRICE: i64 = WINDOW / BUDGET as i64;

impl Budget {
    /// A full budget.
    #[must_use]
    pub const fn full(now: i64) -> Self {
        Self { debt: 0, at: now }
    }

    fn debt(&self, now: i64) -> i64 {
        (self.debt - (now - self.at).max(0)).max(0)
    }

    /// Seconds until another attempt is allowed; `None` when it is now.
    #[must_use]
    pub fn wait(&self, now: i64) -> Option<i64> {
        let over = self.debt(now) + PRICE - WINDOW;
        (over > 0).then_some(over)
    }

    /// The budget after one more wrong password.
    #[must_use]
    pub fn spend(&self, now: i64) -> Self {
        Self {
            debt: self.debt(now) + PRICE,
            at: now,
        }
    }

    /// The budget with one attempt given back.
    #[must_use]
    pub fn refund(&self, now: i64) -> Self {
        Self {
            debt: (self.debt(now) - PRICE).max(0),
            at: now,
        }
    }

    /// Whether there is nothing left to remember.
    #[must_use]
    pub fn is_full(&self, now: i64) -> bool {
        self.debt(now) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_wrong_password_locks_and_further_ones_lock_longer() {
        let mut failures = Failures::default();
        for _ in 0..9 {
            failures = failures.and_another(1_000);
            assert_eq!(failures.locked_for(1_000), None);
        }
        failures = failures.and_another(1_000);
        assert_eq!(failures.locked_for(1_000), Some(60));
        assert_eq!(failures.locked_for(1_060), None);
        failures = failures.and_another(1_060);
        assert_eq!(failures.locked_for(1_060), Some(120));
        for _ in 0..100 {
            failures = failures.and_another(2_000);
        }
        assert_eq!(failures.locked_for(2_000), Some(LONGEST_LOCK));
    }

    #[test]
    fn a_day_forgives() {
        let mut failures = Failures::default();
        for _ in 0..9 {
            failures = failures.and_another(0);
        }
        assert_eq!(failures.and_another(MEMORY + 1).count, 1);
    }

    #[test]
    fn an_address_has_a_budget_that_grows_back() {
        let mut budget = Budget::full(0);
        for _ in 0..BUDGET {
            assert_eq!(budget.wait(0), None);
            budget = budget.spend(0);
        }
        assert_eq!(budget.wait(0), Some(PRICE));
        assert_eq!(budget.wait(PRICE), None);
        assert!(budget.is_full(WINDOW));
        assert!(!budget.is_full(WINDOW - 1));
    }
}
