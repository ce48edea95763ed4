//! Carrying out what the schedule of keys decides: one transaction, audited, in force at once.

use bartizan_identity::grant::Lifetimes;
use bartizan_identity::key_schedule::{self, KeyFact, Phase, Policy, ScheduleError, Step};
use bartizan_store::keys::{self as stored, KeyState, SigningKey};
use bartizan_store::sign_in::factors;
use bartizan_store::{WriteTx, audit};
use serde_json::json;
use uuid::Uuid;

use super::seal::{Seal, SealSource};
use super::{KeysError, make};
use crate::app::App;
use crate::identity::sign_in::seal_name;

/// Microseconds of the store in a second of the schedule.
const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;
/// Clients keep key sets for a day, as the answer tells them; twice that before a key signs.
const PUBLISH_AHEAD: i64 = 2 * DAY;
/// By how many seconds those who verify may let a token outlive its end.
const SKEW: i64 = 300;

/// What is to happen to the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// What is due.
    Due,
    /// Another key.
    Rotate {
        /// Without publishing it first.
        at_once: bool,
    },
    /// A key is in wrong hands.
    Revoke(String),
    /// A key shall not be published any more.
    Retire(String),
    /// All keys are to be sealed with a new key-encryption key.
    Reseal,
}

impl Wish {
    fn steps(
        &self,
        keys: &[KeyFact],
        policy: Policy,
        now: i64,
    ) -> Result<Vec<Step>, ScheduleError> {
        match self {
            Self::Due => Ok(key_schedule::due(keys, policy, now)),
            Self::Rotate { at_once } => Ok(key_schedule::rotate(keys, *at_once)),
            Self::Revoke(kid) => key_schedule::revoke(keys, kid),
            Self::Retire(kid) => key_schedule::retire(keys, kid),
            Self::Reseal => Ok(Vec::new()),
        }
    }
}

/// Who wished it, for the audit trail.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The actor.
    pub(crate) actor: String,
    /// The request.
    pub(crate) request_id: Option<String>,
}

/// Carries out a wish, and gives all keys as they are then.
///
/// # Errors
/// [`KeysError`].
pub(crate) async fn carry_out(
    app: &App,
    wish: &Wish,
    origin: &Origin,
) -> Result<Vec<SigningKey>, KeysError> {
    let policy = policy(app);
    let now = app.clock.unix_micros();
    let mut tx = app.store.write().await?;
    let before = stored::all(&mut tx).await?;
    let facts: Vec<KeyFact> = before.iter().map(fact).collect();
    let steps = wish.steps(&facts, policy, now.div_euclid(MICROS))?;
    for step in &steps {
        let (kid, to) = match step {
            Step::Make(phase) => {
                let fresh = make(&app.keys.seal, &app.clock, state(*phase))?;
                stored::insert(&mut tx, &fresh).await?;
                (fresh.kid, *phase)
            }
            Step::Move { kid, to } => {
                stored::set_state(&mut tx, kid, state(*to), now).await?;
                if matches!(to, Phase::Retired | Phase::Revoked) {
                    // It will not sign again: what is not kept cannot leak.
                    stored::set_private(&mut tx, kid, "").await?;
                }
                (kid.clone(), *to)
            }
        };
        note(&mut tx, app, now, action(to), &kid, origin).await?;
    }
    if *wish == Wish::Reseal {
        if app.keys.seal.source == SealSource::Environment {
            return Err(KeysError::SealElsewhere);
        }
        app.keys.seal.renew(&app.settings.data)?;
        reseal(&mut tx, &app.keys.seal).await?;
        note(&mut tx, app, now, "signing-key.reseal", "all", origin).await?;
    }
    let after = stored::all(&mut tx).await?;
    tx.commit().await?;
    if *wish == Wish::Reseal {
        Seal::settle(&app.settings.data)?;
    }
    app.keys.refresh(&app.store).await?;
    for step in &steps {
        tracing::info!(?step, "signing keys changed");
    }
    Ok(after)
}

/// Carries out what is due, if anything is, and reads what other servers of the database changed.
///
/// # Errors
/// [`KeysError`].
pub async fn keep(app: &App) -> Result<(), KeysError> {
    let now = app.clock.unix_seconds();
    let mut tx = app.store.read().await?;
    let facts: Vec<KeyFact> = stored::all(&mut tx).await?.iter().map(fact).collect();
    drop(tx);
    if key_schedule::due(&facts, policy(app), now).is_empty() {
        return app.keys.refresh(&app.store).await;
    }
    let origin = Origin {
        actor: "schedule".to_owned(),
        request_id: None,
    };
    carry_out(app, &Wish::Due, &origin).await.map(|_| ())
}

/// When a key begins to sign that is only published yet, microseconds.
pub(crate) fn signs_from(app: &App, key: &SigningKey) -> Option<i64> {
    let from = key_schedule::signs_from(&fact(key), policy(app))?;
    Some(from.saturating_mul(MICROS))
}

fn policy(app: &App) -> Policy {
    let days = app.settings.key_rotation_days;
    Policy {
        rotate_after: (days > 0).then(|| i64::from(days) * DAY),
        publish_ahead: PUBLISH_AHEAD,
        longest_token: Lifetimes::default().access_token + SKEW,
    }
}

/// Seals with the key in force what was sealed with another one.
pub(super) async fn reseal(tx: &mut WriteTx, seal: &Seal) -> Result<(), KeysError> {
    for key in stored::published(tx).await? {
        let (private, current) = seal.open_sealed(&key.kid, &key.private_key)?;
        if !current {
            let sealed = seal.close(&key.kid, &private)?;
            stored::set_private(tx, &key.kid, &sealed).await?;
        }
    }
    for (user, factor) in factors::sealed(tx).await? {
        let name = seal_name(user);
        // One that cannot be opened concerns its owner alone, who sets it up again.
        let Ok((secret, current)) = seal.open_sealed(&name, &factor.secret) else {
            tracing::warn!(factor = %factor.id, "the secret of an authenticator app cannot be opened");
            continue;
        };
        if !current {
            factors::set_sealed(tx, factor.id, &seal.close(&name, &secret)?).await?;
        }
    }
    Ok(())
}

fn fact(key: &SigningKey) -> KeyFact {
    KeyFact {
        kid: key.kid.clone(),
        phase: match key.state {
            KeyState::Next => Phase::Next,
            KeyState::Active => Phase::Active,
            KeyState::Retiring => Phase::Retiring,
            KeyState::Retired => Phase::Retired,
            KeyState::Revoked => Phase::Revoked,
        },
        since: key.changed.div_euclid(MICROS),
        not_after: key.not_after.div_euclid(MICROS),
    }
}

const fn state(phase: Phase) -> KeyState {
    match phase {
        Phase::Next => KeyState::Next,
        Phase::Active => KeyState::Active,
        Phase::Retiring => KeyState::Retiring,
        Phase::Retired => KeyState::Retired,
        Phase::Revoked => KeyState::Revoked,
    }
}

/// What the audit trail calls it.
const fn action(phase: Phase) -> &'static str {
    match phase {
        Phase::Next => "signing-key.publish",
        Phase::Active => "signing-key.activate",
        Phase::Retiring => "signing-key.replace",
        Phase::Retired => "signing-key.retire",
        Phase::Revoked => "signing-key.revoke",
    }
}

/// In the operator's trail: keys sign for every tenant.
async fn note(
    tx: &mut WriteTx,
    app: &App,
    now: i64,
    action: &str,
    kid: &str,
    origin: &Origin,
) -> Result<(), KeysError> {
    let Some(operator) = app.operator.get() else {
        return Ok(());
    };
    let event = audit::AuditEvent {
        id: Uuid::now_v7(),
        occurred: now,
        actor: origin.actor.clone(),
        action: action.to_owned(),
        target: kid.to_owned(),
        outcome: "success".to_owned(),
        request_id: origin.request_id.clone(),
        details: json!({}),
    };
    Ok(audit::append(tx, operator.home, &event).await?)
}
