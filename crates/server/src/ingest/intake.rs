//! Rows on their way into the event store: batches made durable, devices seen, and arrivals noted for the rules.

use std::ops::ControlFlow;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::time::unix_micros_from_ticks;
use bartizan_contract::value::Row;
use bartizan_hunting::events::EventsError;
use bartizan_store::arrivals::{self, Span};
use bartizan_store::{StoreError, machines, tenants};
use uuid::Uuid;

use super::sightings::Sightings;
use crate::app::App;
use crate::handlers::hunting::LOOK_BACK_MICROS;

/// Devices that are kept in memory before they are written down.
const DEVICES: usize = 10_000;

/// Why an intake ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    /// The event store.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was taken in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// Rows that are new.
    pub(crate) rows: u64,
    /// Rows that were there already, in batches that were sent before.
    pub(crate) duplicates: u64,
    /// New rows that are older than what hunts through the API look back.
    pub(crate) outside_look_back: u64,
    /// Times that became null.
    pub(crate) dates_dropped: u64,
}

/// One upload. Its calls block: it lives on a blocking thread.
pub(crate) struct Intake<'a> {
    app: &'a Arc<App>,
    tenant: TenantId,
    upload: Uuid,
    batches: u32,
    taken: Taken,
    sightings: Sightings,
    failure: Option<IntakeError>,
}

impl<'a> Intake<'a> {
    /// The upload of this id; the same id recognises batches that were sent before.
    pub(crate) fn new(app: &'a Arc<App>, tenant: TenantId, upload: Uuid) -> Self {
        Self {
            app,
            tenant,
            upload,
            batches: 0,
            taken: Taken::default(),
            sightings: Sightings::default(),
            failure: None,
        }
    }

    /// Appends a batch. After a failure, which [`Self::finish`] gives, it wants no more.
    pub(crate) fn append(&mut self, rows: Vec<Row>) -> ControlFlow<()> {
        let append = self.append_durably(rows);
        match tokio::runtime::Handle::current().block_on(append) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    async fn append_durably(&mut self, rows: Vec<Row>) -> Result<(), IntakeError> {
        let now = self.app.clock.unix_micros();
        let oldest = now - LOOK_BACK_MICROS;
        let mut span: Option<Span> = None;
        let mut outside = 0;
        for row in &rows {
            self.sightings.add(row);
            let Some(at) = row.timestamp().map(unix_micros_from_ticks) else {
                continue;
            };
            let this = Span { from: at, to: at };
            span = Some(span.map_or(this, |known| known.with(this)));
            outside += u64::from(at < oldest);
        }
        // The id follows from the upload and the batch's number, so a retry finds it there.
        let id = Uuid::new_v5(&self.upload, &self.batches.to_be_bytes());
        self.batches += 1;
        // A token outlives its tenant, and the event store forgets with a restart which tenants were deleted.
        let mut tx = self.app.store.read().await?;
        if !tenants::exists(&mut tx, self.tenant).await? {
            return Err(EventsError::Gone.into());
        }
        drop(tx);
        let appended = self.app.events.append(self.tenant, id, rows).await?;
        if appended.duplicate {
            self.taken.duplicates += appended.rows as u64;
        } else {
            self.taken.rows += appended.rows as u64;
            self.taken.outside_look_back += outside;
            self.taken.dates_dropped += appended.dates_dropped as u64;
        }
        // Also of a duplicate: the server may have been killed between the two writes.
        if let Some(span) = span.filter(|span| span.to >= oldest) {
            let mut tx = self.app.store.write_aside().await?;
            arrivals::note(&mut tx, self.tenant, span, oldest).await?;
            tx.commit().await?;
        }
        if self.sightings.len() >= DEVICES {
            self.remember_devices().await?;
        }
        Ok(())
    }

    async fn remember_devices(&mut self) -> Result<(), IntakeError> {
        let seen = std::mem::take(&mut self.sightings).into_vec();
        if seen.is_empty() {
            return Ok(());
        }
        let mut tx = self.app.store.write_aside().await?;
        machines::see(&mut tx, self.tenant, &seen).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What was taken in.
    ///
    /// # Errors
    /// The failure that ended the intake; what was taken in before it stays and is recognised when it comes again.
    pub(crate) fn finish(mut self) -> Result<Taken, IntakeError> {
        let remembered = tokio::runtime::Handle::current().block_on(self.remember_devices());
        match self.failure {
            Some(failure) => Err(failure),
            None => remembered.map(|()| self.taken),
        }
    }
}
