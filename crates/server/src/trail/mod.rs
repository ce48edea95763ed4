//! The trail of what happened: sign-ins, directory changes and alerts as rows of the hunting tables, and refusals with the facts
//! that explain them; and when the credentials of applications were used last.
//!
//! Requests only put a note into a bounded queue; one worker resolves names, writes rows in batches within a second, and
//! keeps refusals in SQL. A queue that is full loses the note and counts it, so no request waits for it; of a flood of
//! refusals some hundred of each tenant are written of each batch, within its number of an hour and the room there is
//! (`refusal.rs`). Audit events and alerts are durable before they get here and are read from SQL, each exactly once
//! (`bartizan_store::outbox`).

mod activity;
mod alerts;
mod arrived;
mod attempt;
mod credential_use;
mod hourly;
mod names;
mod refusal;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use bartizan_hunting::events::{Appended, EventsError, NewBatch};
use bartizan_store::StoreError;
use bartizan_store::outbox::{Batch, Outbox};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, timeout_at};
use uuid::Uuid;

use crate::app::App;

use arrived::Arrived;
pub(crate) use attempt::{Attempt, Called};
pub(crate) use credential_use::{CredentialKind, CredentialUse};
pub(crate) use hourly::ALIKE;
pub(crate) use names::Named;
pub(crate) use refusal::RefusedRequest;
pub(crate) use sign_in::{Origin, Parties, SignIn, Subject};

/// Notes that may wait.
const QUEUE: usize = 8_192;
/// Notes that are written together.
const BATCH: usize = 4_096;
/// How long notes wait for company.
const GATHER: Duration = Duration::from_millis(200);
/// How often audit events are looked for when nothing else happens.
const TICK: Duration = Duration::from_secs(1);
/// How often a batch is tried; the event store asks to come back when its memory is full.
const TRIES: u32 = 4;

/// What the worker is told.
#[derive(Debug)]
enum Note {
    SignIn(Box<SignIn>),
    Refused(Box<RefusedRequest>),
    Used(CredentialUse),
    /// All before this note is written; with `true`, the worker ends.
    Flush(oneshot::Sender<()>, bool),
}

/// The queue's entrance.
#[derive(Debug)]
pub struct Trail {
    notes: mpsc::Sender<Note>,
}

/// The queue's exit, for [`start`].
#[derive(Debug)]
pub(crate) struct Exit(mpsc::Receiver<Note>);

impl Trail {
    /// A queue.
    pub(crate) fn new() -> (Self, Exit) {
        let (notes, exit) = mpsc::channel(QUEUE);
        (Self { notes }, Exit(exit))
    }

    /// Notes a sign-in.
    pub(crate) fn sign_in(&self, sign_in: SignIn) {
        self.note(Note::SignIn(Box::new(sign_in)), "sign-in");
    }

    /// Notes a refusal.
    pub(crate) fn refused(&self, refused: RefusedRequest) {
        self.note(Note::Refused(Box::new(refused)), "refusal");
    }

    /// Notes the use of a credential.
    pub(crate) fn used(&self, credential: CredentialUse) {
        self.note(Note::Used(credential), "credential-use");
    }

    /// Whether a note would be lost; spares the work of making it.
    pub(crate) fn is_full(&self) -> bool {
        self.notes.capacity() == 0
    }

    /// Whether the queue is half full: what matters less than the rest is no longer noted.
    pub(crate) fn is_crowded(&self) -> bool {
        self.notes.capacity() < QUEUE / 2
    }

    /// Counts a refusal of which no note was made.
    pub(crate) fn lost_refusal(&self) {
        lost("refusal", 1);
    }

    /// Counts a token request whose notes were not even made.
    pub(crate) fn lost_request(&self, refused: bool) {
        lost("sign-in", 1);
        if refused {
            lost("refusal", 1);
        }
    }

    fn note(&self, note: Note, kind: &'static str) {
        if self.notes.try_send(note).is_err() {
            lost(kind, 1);
        }
    }

    /// Returns when all that was noted before is written and can be hunted.
    pub async fn flush(&self) {
        self.told(false).await;
    }

    /// Writes what was noted and ends the worker.
    pub(crate) async fn close(&self) {
        self.told(true).await;
    }

    async fn told(&self, end: bool) {
        let (done, written) = oneshot::channel();
        if self.notes.send(Note::Flush(done, end)).await.is_ok() {
            // An error means that the worker has ended, and with it all writing.
            let _ = written.await;
        }
    }
}

/// Counts notes that were not written.
fn lost(kind: &'static str, count: u64) {
    metrics::counter!("bartizan_trail_lost_total", "kind" => kind).increment(count);
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
enum TrailError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Events(#[from] EventsError),
}

/// Starts the worker; [`Trail::close`] ends it.
pub(crate) fn start(app: &Arc<App>, exit: Exit) {
    let app = Arc::clone(app);
    tokio::spawn(work(app, exit.0));
}

async fn work(app: Arc<App>, mut queue: mpsc::Receiver<Note>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keeper = refusal::Keeper::default();
    let mut arrived = Arrived::after_start(&app).await;
    loop {
        let mut notes = Vec::new();
        tokio::select! {
            _ = queue.recv_many(&mut notes, BATCH) => {}
            _ = ticks.tick() => {}
        }
        gather(&mut queue, &mut notes).await;
        let mut sign_ins = Vec::new();
        let mut refused = Vec::new();
        let mut used = Vec::new();
        let mut waiting = Vec::new();
        let mut end = false;
        for note in notes {
            match note {
                Note::SignIn(sign_in) => sign_ins.push(*sign_in),
                Note::Refused(request) => refused.push(*request),
                Note::Used(credential) => used.push(credential),
                Note::Flush(done, last) => {
                    waiting.push(done);
                    end |= last;
                }
            }
        }
        if !used.is_empty()
            && let Err(error) = credential_use::write(&app, used).await
        {
            tracing::warn!(%error, "the last use of credentials could not be noted");
        }
        write(&app, sign_ins, refused, &mut keeper, &mut arrived).await;
        arrived.note(&app, !waiting.is_empty()).await;
        for done in waiting {
            // Who asked may have gone.
            let _ = done.send(());
        }
        if end {
            return;
        }
    }
}

/// Lets notes of the same moment come along, so that many become one batch; somebody who waits ends it.
async fn gather(queue: &mut mpsc::Receiver<Note>, notes: &mut Vec<Note>) {
    let deadline = Instant::now() + GATHER;
    let mut looked = 0;
    while !notes.is_empty() && notes.len() < BATCH {
        let urgent = |note: &Note| matches!(note, Note::Flush(..));
        if notes[looked..].iter().any(urgent) {
            return;
        }
        looked = notes.len();
        let room = BATCH - notes.len();
        match timeout_at(deadline, queue.recv_many(notes, room)).await {
            Ok(received) if received > 0 => {}
            _ => return,
        }
    }
}

async fn write(
    app: &Arc<App>,
    sign_ins: Vec<SignIn>,
    refused: Vec<RefusedRequest>,
    keeper: &mut refusal::Keeper,
    arrived: &mut Arrived,
) {
    let rows = app.settings.activity_events;
    if rows && !sign_ins.is_empty() {
        sign_in::write(app, sign_ins, arrived).await;
    }
    let count = refused.len() as u64;
    if count > 0
        && let Err(error) = keeper.keep(app, refused).await
    {
        lost("refusal", count);
        tracing::error!(%error, count, "refusals could not be kept");
    }
    if let Err(error) = keeper.forget(app).await {
        tracing::warn!(%error, "old refusals could not be removed");
    }
    // Audit events stay in SQL until they are written: an error costs time, not events.
    if rows && let Err(error) = activity::write(app, arrived).await {
        tracing::error!(%error, "audit events that wait could not be read");
    }
    if let Err(error) = alerts::write(app, arrived).await {
        tracing::error!(%error, "alerts that wait could not be read");
    }
}

/// Appends batches, each for itself; one that the store had no room for was not written and is tried again. Says of each
/// how many rows were kept.
async fn append(app: &App, batches: Vec<NewBatch>) -> Vec<Result<usize, EventsError>> {
    let batches: Vec<Arc<NewBatch>> = batches.into_iter().map(Arc::new).collect();
    let mut done = app.events.append_all(batches.clone()).await;
    for (batch, result) in batches.iter().zip(&mut done) {
        let mut tries = 1;
        while matches!(result, Err(EventsError::Busy)) && tries < TRIES {
            let mut again = app.events.append_all(vec![Arc::clone(batch)]).await;
            *result = again.pop().unwrap_or(Err(EventsError::Closed));
            tries += 1;
        }
    }
    let rows = |appended: Appended| appended.rows;
    done.into_iter().map(|done| done.map(rows)).collect()
}

/// Claims what waits in an outbox, at most `most` rows of each table and tenant, and gives every batch that is not done.
async fn claimed(app: &App, outbox: Outbox, most: u32) -> Result<Vec<Batch>, StoreError> {
    let mut tx = app.store.read().await?;
    let waits = outbox.waits(&mut tx).await?;
    drop(tx);
    if !waits {
        return Ok(Vec::new());
    }
    let mut tx = app.store.write_aside().await?;
    let batches = outbox.gather(&mut tx, most, Uuid::new_v4).await?;
    tx.commit().await?;
    Ok(batches)
}

/// Marks a batch, all of which is in the hunting tables.
async fn done(app: &App, outbox: Outbox, batch: Batch) -> Result<(), TrailError> {
    let mut tx = app.store.write_aside().await?;
    outbox.done(&mut tx, batch).await?;
    tx.commit().await?;
    Ok(())
}
