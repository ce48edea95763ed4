//! What runs by itself: flushing by size and age, compaction, retention and sweeping.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{EventStore, EventsError, now_micros};

/// How often sizes and ages are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between compactions.
const COMPACT_EVERY: u64 = 60;
/// Ticks between looking for files to drop or delete.
const SWEEP_EVERY: u64 = 600;

impl EventStore {
    /// Starts the background task. It ends when the store is dropped or shut down, or when the
    /// handle is aborted: no step of it needs to be finished.
    pub fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let events = Arc::downgrade(self);
        tokio::spawn(run(events))
    }

    fn is_flush_due(&self, now: i64) -> bool {
        let unflushed = self.unflushed();
        let age = self.settings.flush_age.as_micros() as i64;
        unflushed.oldest.is_some_and(|oldest| {
            unflushed.bytes >= self.settings.flush_bytes || now - oldest >= age
        })
    }

    async fn tick(self: &Arc<Self>, tick: u64) -> Result<(), EventsError> {
        let now = now_micros();
        if self.is_flush_due(now) {
            self.flush().await?;
        }
        if tick.is_multiple_of(COMPACT_EVERY) {
            self.compact().await?;
        }
        if tick.is_multiple_of(SWEEP_EVERY) {
            if let Some(retention) = self.settings.retention {
                self.expire(now - retention.as_micros() as i64).await?;
            }
            self.sweep(now).await?;
        }
        Ok(())
    }
}

async fn run(events: Weak<EventStore>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 1.. {
        interval.tick().await;
        let Some(events) = events.upgrade() else { return };
        match events.tick(tick).await {
            Ok(()) => {}
            Err(EventsError::Closed) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "event store upkeep failed");
            }
        }
    }
}
