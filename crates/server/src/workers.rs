//! What runs beside requests: detection rules that are due, forgetting of idle callers, and removal of what ended.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bartizan_contract::TenantId;
use bartizan_store::{StoreError, sign_in, tenants, tokens};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::detection::{self, Which};
use crate::identity;

/// Starts the workers; each ends soon after `stop`.
pub(crate) fn spawn(app: &Arc<App>, stop: &CancellationToken, tracker: &TaskTracker) {
    tracker.spawn(detect(Arc::clone(app), stop.clone()));
    let shared = Arc::clone(app);
    repeat(tracker, stop, Duration::from_secs(60), move || {
        let app = Arc::clone(&shared);
        async move {
            if let Err(error) = identity::keep_keys(&app).await {
                tracing::error!(%error, "signing keys could not be looked after");
            }
        }
    });
    let shared = Arc::clone(app);
    repeat(tracker, stop, Duration::from_secs(5), move || {
        // Samples of histograms wait in memory until this, or until somebody reads `/metrics`.
        shared.metrics.run_upkeep();
        async {}
    });
    let shared = Arc::clone(app);
    repeat(tracker, stop, Duration::from_secs(300), move || {
        let app = Arc::clone(&shared);
        async move {
            app.rates.forget_idle();
            app.passwords.forget_idle(app.clock.unix_seconds());
            app.budgets.forget_idle(app.clock.unix_micros());
            if let Err(error) = sweep(&app).await {
                tracing::warn!(%error, "ended sign-ins could not be removed");
            }
        }
    });
    let shared = Arc::clone(app);
    repeat(tracker, stop, Duration::from_secs(3600), move || {
        let app = Arc::clone(&shared);
        async move {
            if let Err(error) = forget_expired(&app).await {
                tracing::error!(%error, "expired codes and tokens could not be removed");
            }
            crate::tenants::remove_orphaned_rows(&app).await;
        }
    });
}

/// Removes codes and refresh tokens that expired a day ago or more: until then a late client learns that it is late.
async fn forget_expired(app: &App) -> Result<(), StoreError> {
    const DAY: i64 = 86_400_000_000;
    let mut tx = app.store.write_aside().await?;
    let removed = tokens::sweep(&mut tx, app.clock.unix_micros() - DAY).await?;
    tx.commit().await?;
    if removed > 0 {
        tracing::debug!(removed, "expired codes and tokens removed");
    }
    Ok(())
}

/// Removes sessions and sign-ins that ended, these at once because anybody may begin one, and wrong passwords after a
/// day, which is what the lock of a name counts.
async fn sweep(app: &App) -> Result<(), StoreError> {
    const DAY: i64 = 86_400 * 1_000_000;
    let mut tx = app.store.write_aside().await?;
    let now = app.clock.unix_micros();
    sign_in::sweep(&mut tx, now, now - DAY).await?;
    tx.commit().await
}

/// Starts rounds of detection until told to stop.
async fn detect(app: Arc<App>, stop: CancellationToken) {
    let seconds = u64::from(app.settings.detection_interval_seconds.max(1));
    let interval = Duration::from_secs(seconds);
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let rounds = Arc::new(Rounds::default());
    // Dropped at the end, and all rounds with it.
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        while tasks.try_join_next().is_some() {}
        if let Err(error) = start_rounds(&app, &rounds, &mut tasks).await {
            tracing::error!(%error, "detection rules could not be run");
        }
    }
}

/// The tenants whose rules are being run. Each tenant has one round at a time and waits for a place of its lane with
/// every rule anew, so that neither many rules nor slow ones of one tenant hold up another's.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    under_way: Mutex<HashSet<TenantId>>,
}

impl Rounds {
    fn under_way(&self) -> MutexGuard<'_, HashSet<TenantId>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tenant's round; over when this is dropped.
struct Round(Arc<Rounds>, TenantId);

impl Drop for Round {
    fn drop(&mut self) {
        self.0.under_way().remove(&self.1);
    }
}

/// Starts a round for every tenant that has none under way.
pub(crate) async fn start_rounds(
    app: &Arc<App>,
    rounds: &Arc<Rounds>,
    tasks: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    let mut tx = app.store.read().await?;
    let tenants = tenants::list(&mut tx).await?;
    drop(tx);
    for tenant in tenants {
        if !rounds.under_way().insert(tenant.id) {
            continue;
        }
        let (app, round) = (Arc::clone(app), Round(Arc::clone(rounds), tenant.id));
        tasks.spawn(async move {
            if let Err(error) = detection::run(&app, round.1, Which::Due).await {
                tracing::error!(tenant = %round.1, %error, "a tenant's detection rules could not be run");
            }
        });
    }
    Ok(())
}

fn repeat<F>(
    tracker: &TaskTracker,
    stop: &CancellationToken,
    interval: Duration,
    work: impl Fn() -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let stop = stop.clone();
    tracker.spawn(async move {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        // After a long pause one run catches up; a burst of them would not find more.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = work() => {}
            }
        }
    });
}
