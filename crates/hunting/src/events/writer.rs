//! The thread that writes the log: group commit, and the only place where the order of batches is
//! decided.
//!
//! Batches that arrive while a commit is under way, or within the commit's delay, share one
//! fdatasync; those whose rows were encoded together share a record. A batch becomes visible in memory after its commit and before it is acknowledged.
//! Rotating runs in the same thread, between commits, so a segment of the log and a generation of
//! memory always hold the same batches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bartizan_contract::TenantId;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::convert::{Part, TableBatch};
use super::error::EventsError;
use super::log::Log;
use super::memory::{Batch, Entry, Generation, Memory};
use super::record::{EncodedRows, Member};

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Command {
    /// Write batches.
    Append(Vec<Append>),
    /// End the segment and freeze its rows; `None` when there are none.
    Rotate(oneshot::Sender<Result<Option<Arc<Generation>>, EventsError>>),
    /// Delete segments up to a watermark.
    Release(i64, oneshot::Sender<()>),
}

/// A batch to write.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) batch: Batch,
    /// [`Memory::epoch`] before the batch id was looked up in the catalogue.
    pub(super) epoch: u64,
    pub(super) content: Content,
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// A batch's rows, and the memory that is promised to them.
#[derive(Debug)]
pub(super) struct Content {
    /// Its rows, perhaps among those of other batches.
    pub(super) encoded: Arc<EncodedRows>,
    /// Which of them are its own.
    pub(super) parts: Vec<Part>,
    /// Its own rows.
    pub(super) tables: Vec<TableBatch>,
    pub(super) reservation: Reservation,
}

/// Bytes counted against the memory limit, given back on drop.
#[derive(Debug)]
pub(super) struct Reservation {
    reserved: Arc<AtomicUsize>,
    bytes: usize,
}

impl Reservation {
    pub(super) fn new(reserved: &Arc<AtomicUsize>, bytes: usize) -> Self {
        reserved.fetch_add(bytes, Ordering::Relaxed);
        Self {
            reserved: reserved.clone(),
            bytes,
        }
    }

    /// Leaves the bytes counted; who releases the rows gives them back.
    fn keep(mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Durable and visible.
    Written,
    /// The same batch is durable already, with so many rows.
    Duplicate(i64),
    /// A flush ended since the id was looked up: look again, and send the content again.
    LookAgain(Content),
    /// Not written.
    Failed(String),
}

/// When to commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupCommit {
    pub(super) delay: Duration,
    pub(super) bytes: usize,
}

/// Memory, whatever a thread that panicked left of it: every change is complete in itself.
pub(super) fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves commands until every sender is gone.
pub(super) fn run(
    commands: &Receiver<Command>,
    mut log: Log,
    memory: &Mutex<Memory>,
    group: GroupCommit,
) {
    let mut held = None;
    loop {
        let Some(command) = held.take().or_else(|| commands.recv().ok()) else {
            return;
        };
        match command {
            Command::Append(first) => {
                let (batches, next) = gather(commands, first, group);
                held = next;
                commit(&mut log, memory, batches);
            }
            Command::Rotate(reply) => {
                // Who asked may be gone; then the rows stay frozen and the next flush takes them.
                let _ = reply.send(rotate(&mut log, memory));
            }
            Command::Release(watermark, reply) => {
                log.release(watermark);
                let _ = reply.send(());
            }
        }
    }
}

/// Batches for one commit, and the command that ended the gathering.
fn gather(
    commands: &Receiver<Command>,
    first: Vec<Append>,
    group: GroupCommit,
) -> (Vec<Append>, Option<Command>) {
    let deadline = Instant::now() + group.delay;
    let mut bytes = size(&first);
    let mut batches = first;
    while bytes < group.bytes {
        let left = deadline.saturating_duration_since(Instant::now());
        match commands.recv_timeout(left) {
            Ok(Command::Append(more)) => {
                bytes += size(&more);
                batches.extend(more);
            }
            Ok(other) => return (batches, Some(other)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    (batches, None)
}

/// The bytes of batches that were sent together.
fn size(batches: &[Append]) -> usize {
    let together = batches.chunk_by(|one, next| one.is_with(next));
    together.map(|some| some[0].content.encoded.len()).sum()
}

impl Append {
    /// Whether their rows were encoded together.
    fn is_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content.encoded, &other.content.encoded)
    }

    fn member(&self) -> Member<'_> {
        Member {
            tenant: self.batch.tenant,
            batch_id: self.batch.id,
            parts: &self.content.parts,
        }
    }
}

/// One record for batches whose rows were encoded together.
fn records(accepted: &[Append], first_seq: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut seq = first_seq;
    for some in accepted.chunk_by(Append::is_with) {
        let members: Vec<Member<'_>> = some.iter().map(Append::member).collect();
        some[0].content.encoded.write(&mut bytes, seq, &members);
        seq += members.len() as i64;
    }
    bytes
}

/// Writes batches with one fdatasync, shows them in memory and answers who sent them.
fn commit(log: &mut Log, memory: &Mutex<Memory>, batches: Vec<Append>) {
    let mut accepted: Vec<Append> = Vec::new();
    let mut replies: Vec<(oneshot::Sender<Outcome>, Outcome)> = Vec::new();
    let mut in_commit: HashMap<(TenantId, Uuid), i64> = HashMap::new();
    {
        let memory = lock(memory);
        for append in batches {
            let Batch {
                tenant, id, rows, ..
            } = append.batch;
            let Some(id) = id else {
                accepted.push(append);
                continue;
            };
            let known = memory.find(tenant, id).map(|batch| batch.rows);
            if let Some(rows) = known.or_else(|| in_commit.get(&(tenant, id)).copied()) {
                replies.push((append.reply, Outcome::Duplicate(rows)));
            } else if append.epoch != memory.epoch() {
                replies.push((append.reply, Outcome::LookAgain(append.content)));
            } else {
                in_commit.insert((tenant, id), rows);
                accepted.push(append);
            }
        }
    }
    let first_seq = log.next_seq();
    let written = match accepted.len() {
        0 => Ok(()),
        count => log.commit(&records(&accepted, first_seq), count as i64),
    };
    match written {
        Ok(()) => {
            let mut memory = lock(memory);
            for (seq, append) in (first_seq..).zip(accepted) {
                let Append {
                    batch,
                    content,
                    reply,
                    ..
                } = append;
                let bytes = content.reservation.keep();
                memory.insert(Entry {
                    seq,
                    batch,
                    tables: content.tables,
                    bytes,
                });
                replies.push((reply, Outcome::Written));
            }
        }
        Err(reason) => {
            // A duplicate of a batch in this very commit failed with it. One that is durable
            // already is refused too, which a retry puts right.
            for (_, outcome) in &mut replies {
                *outcome = Outcome::Failed(reason.clone());
            }
            let failed = accepted.into_iter().map(|append| append.reply);
            replies.extend(failed.map(|reply| (reply, Outcome::Failed(reason.clone()))));
        }
    }
    for (reply, outcome) in replies {
        // Who asked may be gone; the batch is durable all the same, and a retry is recognised.
        let _ = reply.send(outcome);
    }
}

fn rotate(log: &mut Log, memory: &Mutex<Memory>) -> Result<Option<Arc<Generation>>, EventsError> {
    if !lock(memory).has_active() {
        return Ok(None);
    }
    // Only this thread inserts, so nothing comes between the two.
    log.rotate()?;
    Ok(Some(lock(memory).freeze()))
}
