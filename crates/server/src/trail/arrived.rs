//! Which times the rows have that the trail wrote: detection rules look at what arrived, also when they did not run for a
//! while.
//!
//! Noting it costs several statements, so it is put off for some seconds and done for many rows and tenants at once. What a
//! crash leaves unnoted is in the event store's log, whose times are noted at the next start; all but rows that went to
//! files in those very seconds, at which rules look all the same unless the server was down for longer than they look back.

use std::collections::BTreeMap;
use std::time::Duration;

use bartizan_contract::TenantId;
use bartizan_store::arrivals::{self, Span};
use bartizan_store::{StoreError, tenants};
use tokio::time::Instant;

use crate::app::App;
use crate::handlers::hunting::LOOK_BACK_MICROS;

/// How long a note is put off.
const DELAY: Duration = Duration::from_secs(5);
/// By how much a row may be older than its place in the log, microseconds: the queue's and the batch's time, amply.
const OLDER: i64 = 60 * 1_000_000;

/// What is to be noted, in the order of the tenants, so that two servers never wait for each other.
#[derive(Debug)]
pub(super) struct Arrived {
    spans: BTreeMap<TenantId, Span>,
    last: Instant,
}

impl Arrived {
    /// What an earlier run may have left unnoted: nothing, unless it crashed.
    pub(super) async fn after_start(app: &App) -> Self {
        let mut arrived = Self {
            spans: BTreeMap::new(),
            last: Instant::now(),
        };
        if let Some(oldest) = app.events.unflushed().oldest {
            let to = app.clock.unix_micros();
            let from = oldest.saturating_sub(OLDER).min(to);
            match all_tenants(app).await {
                Ok(tenants) => {
                    let spans = tenants
                        .into_iter()
                        .map(|tenant| (tenant, Span { from, to }));
                    arrived.spans.extend(spans);
                }
                Err(error) => {
                    tracing::error!(%error, "what arrived before the crash could not be noted");
                }
            }
        }
        arrived
    }

    /// Rows of these times were written.
    pub(super) fn add(&mut self, tenant: TenantId, span: Option<Span>) {
        if let Some(span) = span {
            let known = self.spans.entry(tenant).or_insert(span);
            *known = known.with(span);
        }
    }

    /// Notes what there is, when it is time or at once. What cannot be noted stays for the next time.
    pub(super) async fn note(&mut self, app: &App, at_once: bool) {
        if self.spans.is_empty() || !(at_once || self.last.elapsed() >= DELAY) {
            return;
        }
        self.last = Instant::now();
        match write(app, &self.spans).await {
            Ok(()) => self.spans.clear(),
            Err(error) => tracing::error!(%error, "what arrived could not be noted"),
        }
    }
}

async fn write(app: &App, spans: &BTreeMap<TenantId, Span>) -> Result<(), StoreError> {
    let forget = app.clock.unix_micros() - LOOK_BACK_MICROS;
    let mut tx = app.store.write_aside().await?;
    arrivals::note_all(&mut tx, spans, forget).await?;
    tx.commit().await
}

async fn all_tenants(app: &App) -> Result<Vec<TenantId>, StoreError> {
    let mut tx = app.store.read().await?;
    let tenants = tenants::list(&mut tx).await?;
    Ok(tenants.into_iter().map(|tenant| tenant.id).collect())
}
