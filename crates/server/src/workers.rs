//! What runs beside requests: detection rules that are due, and forgetting of idle callers.

use std::sync::Arc;
use std::time::Duration;

use bartizan_store::{StoreError, sign_in, tokens};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::detection;

/// Starts the workers; each ends soon after `stop`.
pub(crate) fn spawn(app: &Arc<App>, stop: &CancellationToken, tracker: &TaskTracker) {
    let detection_interval = u64::from(app.settings.detection_interval_seconds.max(1));
    let shared = Arc::clone(app);
    repeat(
        tracker,
        stop,
        Duration::from_secs(detection_interval),
        move || {
            let app = Arc::clone(&shared);
            async move {
                if let Err(error) = detection::run_due(&app).await {
                    tracing::error!(%error, "detection rules could not be run");
                }
            }
        },
    );
    let shared = Arc::clone(app);
    repeat(tracker, stop, Duration::from_secs(300), move || {
        let app = Arc::clone(&shared);
        async move {
            app.rates.forget_idle();
            app.passwords.forget_idle(app.clock.unix_seconds());
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
        }
    });
}

/// Removes codes and refresh tokens that expired a day ago or more: until then a late client learns that it is late.
async fn forget_expired(app: &App) -> Result<(), StoreError> {
    const DAY: i64 = 86_400_000_000;
    let mut tx = app.store.write().await?;
    let removed = tokens::sweep(&mut tx, app.clock.unix_micros() - DAY).await?;
    tx.commit().await?;
    if removed > 0 {
        tracing::debug!(removed, "expired codes and tokens removed");
    }
    Ok(())
}

/// Removes sessions and sign-ins that ended a day ago: the lock of a name counts the wrong passwords of one day.
async fn sweep(app: &App) -> Result<(), StoreError> {
    const DAY: i64 = 86_400 * 1_000_000;
    let mut tx = app.store.write().await?;
    sign_in::sweep(&mut tx, app.clock.unix_micros() - DAY).await?;
    tx.commit().await
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
