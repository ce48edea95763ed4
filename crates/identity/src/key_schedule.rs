//! The life of signing keys: published before they sign, published after they signed, or revoked.
//!
//! A key is `Next` (published, does not sign), `Active` (signs), `Retiring` (published for the
//! tokens that it signed), then `Retired`; `Revoked` from anywhere, when its private part may be in
//! wrong hands. Each decision is a list of [`Step`]s over the keys as they are, for whoever keeps
//! them to carry out in one transaction. All times are seconds since 1970.

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Published, does not sign yet.
    Next,
    /// Published and signs.
    Active,
    /// Published for the tokens that it signed.
    Retiring,
    /// Not published any more.
    Retired,
    /// Not to be trusted.
    Revoked,
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFact {
    /// Its name.
    pub kid: String,
    /// Where it stands.
    pub phase: Phase,
    /// Since when it stands there.
    pub since: i64,
    /// When its certificate ends.
    pub not_after: i64,
}

/// When keys change by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Seconds that a key signs; `None` leaves rotation to the operator, certificates' ends excepted.
    pub rotate_after: Option<i64>,
    /// Seconds that a key is published before it signs: longer than verifiers keep key sets.
    pub publish_ahead: i64,
    /// Seconds that a token outlives its signature, with the skew that verifiers grant.
    pub longest_token: i64,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new key is made, and stands there.
    Make(Phase),
    /// A key moves.
    Move {
        /// Its name.
        kid: String,
        /// Where to.
        to: Phase,
    },
}

/// Why a key does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There is no such key.
    #[error("there is no signing key of that kid")]
    Unknown,
    /// The key is the one that signs.
    #[error(
        "the key signs: rotate first (bartizan key rotate --now), then it retires by itself once its last token has expired; one that leaked is revoked at once (bartizan key revoke)"
    )]
    Signs,
    /// The key is out of use already.
    #[error("the key is out of use already")]
    Over,
}

/// What is due at `now` without anybody asking.
#[must_use]
pub fn due(keys: &[KeyFact], policy: Policy, now: i64) -> Vec<Step> {
    let mut steps = expired(keys, policy, now);
    let Some(active) = in_phase(keys, Phase::Active) else {
        steps.extend(replacement(keys));
        return steps;
    };
    match in_phase(keys, Phase::Next) {
        Some(next) if signs_from(next, policy).is_some_and(|from| now >= from) => {
            steps.extend(hand_over(active, next));
        }
        Some(_) => {}
        None => {
            let by_age = policy
                .rotate_after
                .map(|age| active.since.saturating_add(age));
            let ends = by_age.map_or(active.not_after, |age| age.min(active.not_after));
            if now >= ends.saturating_sub(policy.publish_ahead) {
                steps.push(Step::Make(Phase::Next));
            }
        }
    }
    steps
}

/// When a key that is only published yet begins to sign; `None` for every other.
#[must_use]
pub fn signs_from(key: &KeyFact, policy: Policy) -> Option<i64> {
    (key.phase == Phase::Next).then(|| key.since.saturating_add(policy.publish_ahead))
}

/// What the operator's wish for another key comes to: one is published now and signs when it has
/// been published long enough; `at_once` lets it sign now, and verifiers elsewhere must read the
/// key set anew.
#[must_use]
pub fn rotate(keys: &[KeyFact], at_once: bool) -> Vec<Step> {
    let active = in_phase(keys, Phase::Active);
    match (active, in_phase(keys, Phase::Next)) {
        (Some(active), Some(next)) if at_once => hand_over(active, next),
        (Some(active), None) if at_once => {
            vec![moved(active, Phase::Retiring), Step::Make(Phase::Active)]
        }
        (Some(_), Some(_)) => Vec::new(),
        (Some(_), None) => vec![Step::Make(Phase::Next)],
        (None, _) => replacement(keys),
    }
}

/// What it comes to that a key's private part may be known to others: no token of it is good from
/// now on, and another key signs.
///
/// # Errors
/// [`ScheduleError::Unknown`], [`ScheduleError::Over`] for one that is revoked.
pub fn revoke(keys: &[KeyFact], kid: &str) -> Result<Vec<Step>, ScheduleError> {
    let key = named(keys, kid)?;
    let mut steps = vec![moved(key, Phase::Revoked)];
    match key.phase {
        Phase::Revoked => return Err(ScheduleError::Over),
        Phase::Active => steps.extend(replacement(keys)),
        Phase::Next | Phase::Retiring | Phase::Retired => {}
    }
    Ok(steps)
}

/// What it comes to that a key shall not be published any more before its time; tokens that it
/// signed are refused from now on.
///
/// # Errors
/// [`ScheduleError`].
pub fn retire(keys: &[KeyFact], kid: &str) -> Result<Vec<Step>, ScheduleError> {
    let key = named(keys, kid)?;
    match key.phase {
        Phase::Next | Phase::Retiring => Ok(vec![moved(key, Phase::Retired)]),
        Phase::Active => Err(ScheduleError::Signs),
        Phase::Retired | Phase::Revoked => Err(ScheduleError::Over),
    }
}

/// Keys whose last token has expired.
fn expired(keys: &[KeyFact], policy: Policy, now: i64) -> Vec<Step> {
    let over = |key: &&KeyFact| {
        key.phase == Phase::Retiring && now >= key.since.saturating_add(policy.longest_token)
    };
    keys.iter()
        .filter(over)
        .map(|key| moved(key, Phase::Retired))
        .collect()
}

fn replacement(keys: &[KeyFact]) -> Vec<Step> {
    vec![match in_phase(keys, Phase::Next) {
        Some(next) => moved(next, Phase::Active),
        None => Step::Make(Phase::Active),
    }]
}

fn hand_over(active: &KeyFact, next: &KeyFact) -> Vec<Step> {
    vec![moved(active, Phase::Retiring), moved(next, Phase::Active)]
}

fn moved(key: &KeyFact, to: Phase) -> Step {
    Step::Move {
        kid: key.kid.clone(),
        to,
    }
}

/// The longest there of the keys that stand there.
fn in_phase(keys: &[KeyFact], phase: Phase) -> Option<&KeyFact> {
    let there = keys.iter().filter(|key| key.phase == phase);
    there.min_by_key(|key| key.since)
}

fn named<'k>(keys: &'k [KeyFact], kid: &str) -> Result<&'k KeyFact, ScheduleError> {
    keys.iter()
        .find(|key| key.kid == kid)
        .ok_or(ScheduleError::Unknown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;
    const POLICY: Policy = Policy {
        rotate_after: Some(90 * DAY),
        publish_ahead: 2 * DAY,
        longest_token: 3_900,
    };

    /// The keys after the steps; new ones are named by their number.
    fn after(mut keys: Vec<KeyFact>, steps: &[Step], now: i64) -> Vec<KeyFact> {
        for step in steps {
            match step {
                Step::Make(phase) => keys.push(KeyFact {
                    kid: keys.len().to_string(),
                    phase: *phase,
                    since: now,
                    not_after: now + 5 * 365 * DAY,
                }),
                Step::Move { kid, to } => {
                    let key = keys.iter_mut().find(|k| k.kid == *kid).unwrap();
                    (key.phase, key.since) = (*to, now);
                }
            }
        }
        keys
    }

    fn phases(keys: &[KeyFact]) -> Vec<Phase> {
        keys.iter().map(|key| key.phase).collect()
    }

    #[test]
    fn a_key_is_published_signs_and_is_published_after() {
        use Phase::{Active, Next, Retired, Retiring};
        let mut keys = after(Vec::new(), &due(&[], POLICY, 0), 0);
        assert_eq!(phases(&keys), [Active]);
        for (now, wanted) in [
            (88 * DAY - 1, vec![Active]),
            (88 * DAY, vec![Active, Next]),
            (90 * DAY - 1, vec![Active, Next]),
            (90 * DAY, vec![Retiring, Active]),
            (90 * DAY + 3_899, vec![Retiring, Active]),
            (90 * DAY + 3_900, vec![Retired, Active]),
            (178 * DAY, vec![Retired, Active, Next]),
        ] {
            let steps = due(&keys, POLICY, now);
            keys = after(keys, &steps, now);
            assert_eq!(phases(&keys), wanted, "{now}");
        }
    }

    #[test]
    fn a_certificate_that_ends_is_replaced_whatever_the_policy() {
        let never = Policy {
            rotate_after: None,
            ..POLICY
        };
        let keys = after(Vec::new(), &due(&[], never, 0), 0);
        assert_eq!(due(&keys, never, 1000 * DAY), []);
        let end = keys[0].not_after;
        assert_eq!(due(&keys, never, end - 2 * DAY), [Step::Make(Phase::Next)]);
    }

    #[test]
    fn the_operator_rotates_gently_or_at_once() {
        use Phase::{Active, Next, Retiring};
        let one = after(Vec::new(), &due(&[], POLICY, 0), 0);
        let gently = after(one.clone(), &rotate(&one, false), 10);
        assert_eq!(phases(&gently), [Active, Next]);
        assert_eq!(rotate(&gently, false), []);
        let later = due(&gently, POLICY, 10 + 2 * DAY);
        assert_eq!(
            phases(&after(gently.clone(), &later, 11)),
            [Retiring, Active]
        );
        assert_eq!(
            phases(&after(gently.clone(), &rotate(&gently, true), 11)),
            [Retiring, Active]
        );
        assert_eq!(
            phases(&after(one.clone(), &rotate(&one, true), 11)),
            [Retiring, Active]
        );
    }

    #[test]
    fn a_leaked_key_is_replaced_by_the_next_one() {
        use Phase::{Active, Next, Revoked};
        let one = after(Vec::new(), &due(&[], POLICY, 0), 0);
        let alone = after(one.clone(), &revoke(&one, "0").unwrap(), 1);
        assert_eq!(phases(&alone), [Revoked, Active]);
        assert_eq!(revoke(&alone, "0"), Err(ScheduleError::Over));
        let two = after(one.clone(), &rotate(&one, false), 1);
        assert_eq!(
            phases(&after(two.clone(), &revoke(&two, "0").unwrap(), 2)),
            [Revoked, Active]
        );
        assert_eq!(
            phases(&after(two.clone(), &revoke(&two, "1").unwrap(), 2)),
            [Active, Revoked]
        );
        assert_eq!(phases(&two), [Active, Next]);
        assert_eq!(revoke(&two, "x"), Err(ScheduleError::Unknown));
        assert_eq!(retire(&two, "0"), Err(ScheduleError::Signs));
        assert_eq!(retire(&alone, "0"), Err(ScheduleError::Over));
    }

    proptest! {
        /// Whatever happens in whatever order, exactly one key signs, and what signed stays
        /// published until its tokens are over, unless it was put out of use by hand.
        #[test]
        fn one_key_signs(acts in prop::collection::vec((0..5_u8, 0..6_usize, 0..40 * DAY), 1..60)) {
            let mut now = 0;
            let mut keys = after(Vec::new(), &due(&[], POLICY, now), now);
            for (act, which, pause) in acts {
                now += pause;
                let kid = which.to_string();
                let steps = match act {
                    0 | 1 => due(&keys, POLICY, now),
                    2 => rotate(&keys, which % 2 == 0),
                    3 => revoke(&keys, &kid).unwrap_or_default(),
                    _ => retire(&keys, &kid).unwrap_or_default(),
                };
                keys = after(keys, &steps, now);
                let active = keys.iter().filter(|k| k.phase == Phase::Active).count();
                prop_assert_eq!(active, 1);
                prop_assert!(keys.iter().filter(|k| k.phase == Phase::Next).count() <= 1);
            }
        }
    }
}
