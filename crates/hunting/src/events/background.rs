//! What runs by itself: flushing by size and age, compaction, retention and sweeping.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{EventStore, EventsError, now_micros};

/// How often sizes and ages are looked at.
const FLUSH_CHECK: Duration = Duration::from_secs(1);
/// Between compactions.
const COMPACT_EVERY: Duration = Duration::from_secs(60);
/// Compactions between looking for files to drop or delete.
const SWEEP_EVERY: u64 = 10;
/// The longest pause after failures: each failed flush may leave files that wait for the sweep.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl EventStore {
    /// Starts the background task. It ends when the store is dropped or shut down, or when the
    /// handle is aborted: no step of it needs to be finished.
    pub fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let events = Arc::downgrade(self);
        tokio::spawn(async move {
            // Apart, as merging may take longer than rows may stay in memory.
            tokio::join!(flush_loop(events.clone()), upkeep_loop(events));
        })
    }

    fn is_flush_due(&self, now: i64) -> bool {
        let unflushed = self.unflushed();
        let age = self.settings.flush_age.as_micros() as i64;
        unflushed.oldest.is_some_and(|oldest| {
            unflushed.bytes >= self.settings.flush_bytes || now - oldest >= age
        })
    }

    async fn upkeep(self: &Arc<Self>, round: u64) -> Result<(), EventsError> {
        self.compact().await?;
        if round.is_multiple_of(SWEEP_EVERY) {
            let now = now_micros();
            self.expire(now).await?;
            self.sweep(now).await?;
        }
        Ok(())
    }
}

async fn flush_loop(events: Weak<EventStore>) {
    let mut pause = FLUSH_CHECK;
    loop {
        tokio::time::sleep(pause).await;
        let Some(events) = events.upgrade() else {
            return;
        };
        if events.is_closed() {
            return;
        }
        if !events.is_flush_due(now_micros()) {
            continue;
        }
        match events.flush().await {
            Ok(_) => pause = FLUSH_CHECK,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "flush failed");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn upkeep_loop(events: Weak<EventStore>) {
    for round in 1.. {
        tokio::time::sleep(COMPACT_EVERY).await;
        let Some(events) = events.upgrade() else {
            return;
        };
        if events.is_closed() {
            return;
        }
        if let Err(error) = events.upkeep(round).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "event upkeep failed"
            );
        }
    }
}
