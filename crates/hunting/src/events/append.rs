//! Appending: batches become records, get their memory, and go to the writer together.

use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::value::Row;
use bartizan_store::segments;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::convert::{self, Converted, Part, TableBatch};
use super::error::EventsError;
use super::files::blocking;
use super::memory::Batch;
use super::record::{self, EncodedRows};
use super::writer::{Append, Command, Content, Outcome, lock};
use super::{Appended, EventStore, now_micros};

/// A batch to append.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Whose it is.
    pub tenant: TenantId,
    /// By this id a retry of it is recognised. `None` for one that is never sent again once it may have been written:
    /// nothing is looked up or remembered.
    pub id: Option<Uuid>,
    /// Rows of any tables.
    pub rows: Vec<Row>,
}

/// A batch that waits for its memory.
struct Encoded {
    batch: Batch,
    dates_dropped: usize,
    encoded: Arc<EncodedRows>,
    parts: Vec<Part>,
    tables: Vec<TableBatch>,
    bytes: usize,
}

/// A batch that has its memory.
struct Ready {
    /// Its place in what was asked for.
    at: usize,
    batch: Batch,
    dates_dropped: usize,
    content: Content,
}

/// A batch of which the writer has yet to tell.
struct Sent {
    at: usize,
    batch: Batch,
    dates_dropped: usize,
    answer: oneshot::Receiver<Outcome>,
}

impl EventStore {
    /// Appends rows of any tables as one batch: all of them or none. When this returns, the rows
    /// survive a kill and can be hunted. A batch id that this tenant used in the last 24 hours
    /// ([`Settings::batch_memory`]) adds nothing. Waits for a flush when memory is full. Dropping
    /// the future leaves it open whether the batch was written; a retry with the same id is safe.
    ///
    /// # Errors
    /// [`EventsError::Row`] and [`EventsError::TooLarge`] are the sender's fault;
    /// [`EventsError::Busy`] asks to come back later; after [`EventsError::Log`] the store must be
    /// opened again if it repeats.
    ///
    /// [`Settings::batch_memory`]: super::Settings::batch_memory
    pub async fn append(
        self: &Arc<Self>,
        tenant: TenantId,
        batch_id: Uuid,
        rows: Vec<Row>,
    ) -> Result<Appended, EventsError> {
        let batch = NewBatch {
            tenant,
            id: Some(batch_id),
            rows,
        };
        let done = self.append_all(vec![Arc::new(batch)]).await;
        done.into_iter().next().unwrap_or(Err(EventsError::Closed))
    }

    /// Appends several batches, each as [`EventStore::append`] does and each for itself, at the
    /// cost of one conversion, one look at the catalogue and one fdatasync. What became of each
    /// comes back in their order.
    pub async fn append_all(
        self: &Arc<Self>,
        batches: Vec<Arc<NewBatch>>,
    ) -> Vec<Result<Appended, EventsError>> {
        let count = batches.len();
        let appended = now_micros();
        let encoded = blocking(move || Ok(encode(&batches, appended)));
        let mut done: Vec<Option<Result<Appended, EventsError>>> = Vec::new();
        done.resize_with(count, || None);
        let mut left = Vec::new();
        let gone = self.gone.read().await;
        let encoded = encoded.await.unwrap_or_else(|error| {
            fail(&mut done, 0..count, error);
            Vec::new()
        });
        for (at, encoded) in encoded.into_iter().enumerate() {
            let ready = match encoded {
                Ok(encoded) if gone.contains(&encoded.batch.tenant) => Err(EventsError::Gone),
                Ok(encoded) => self.ready(at, encoded).await,
                Err(error) => Err(error),
            };
            match ready {
                Ok(ready) => left.push(ready),
                Err(error) => done[at] = Some(Err(error)),
            }
        }
        while !left.is_empty() {
            left = self.try_append(left, &mut done).await;
        }
        let each = done.into_iter();
        each.map(|done| done.unwrap_or(Err(EventsError::Closed)))
            .collect()
    }

    /// Takes memory for a batch.
    async fn ready(self: &Arc<Self>, at: usize, encoded: Encoded) -> Result<Ready, EventsError> {
        let bytes = encoded.bytes;
        let limit = self.settings.max_batch_bytes;
        if bytes > limit {
            return Err(EventsError::TooLarge { bytes, limit });
        }
        Ok(Ready {
            at,
            batch: encoded.batch,
            dates_dropped: encoded.dates_dropped,
            content: Content {
                encoded: encoded.encoded,
                parts: encoded.parts,
                tables: encoded.tables,
                reservation: self.reserve(bytes).await?,
            },
        })
    }

    /// Looks the batches up and sends those that are new; gives those that must be looked up again.
    async fn try_append(
        &self,
        batches: Vec<Ready>,
        done: &mut [Option<Result<Appended, EventsError>>],
    ) -> Vec<Ready> {
        let epoch = lock(&self.memory).epoch();
        let places: Vec<usize> = batches.iter().map(|ready| ready.at).collect();
        let new = match self.look_up(batches, done).await {
            Ok(new) => new,
            Err(error) => {
                fail(done, places, error);
                return Vec::new();
            }
        };
        if new.is_empty() {
            return new;
        }
        let mut sent = Vec::with_capacity(new.len());
        let mut appends = Vec::with_capacity(new.len());
        for ready in new {
            let (reply, answer) = oneshot::channel();
            appends.push(Append {
                batch: ready.batch,
                epoch,
                content: ready.content,
                reply,
            });
            sent.push(Sent {
                at: ready.at,
                batch: ready.batch,
                dates_dropped: ready.dates_dropped,
                answer,
            });
        }
        if let Err(error) = self.tell(Command::Append(appends)) {
            fail(done, sent.iter().map(|sent| sent.at), error);
            return Vec::new();
        }
        let mut again = Vec::new();
        for sent in sent {
            done[sent.at] = Some(match sent.answer.await {
                Ok(Outcome::Written) => Ok(Appended {
                    rows: sent.batch.rows as usize,
                    duplicate: false,
                    dates_dropped: sent.dates_dropped,
                }),
                Ok(Outcome::Duplicate(rows)) => Ok(duplicate(rows)),
                Ok(Outcome::LookAgain(content)) => {
                    again.push(Ready {
                        at: sent.at,
                        batch: sent.batch,
                        dates_dropped: sent.dates_dropped,
                        content,
                    });
                    continue;
                }
                Ok(Outcome::Failed(reason)) => Err(EventsError::Log(reason)),
                Err(_) => Err(EventsError::Closed),
            });
        }
        again
    }

    /// Answers for the batches that the catalogue knows; gives the others.
    async fn look_up(
        &self,
        batches: Vec<Ready>,
        done: &mut [Option<Result<Appended, EventsError>>],
    ) -> Result<Vec<Ready>, EventsError> {
        if batches.iter().all(|ready| ready.batch.id.is_none()) {
            return Ok(batches);
        }
        let mut tx = self.store.read().await?;
        let mut new = Vec::with_capacity(batches.len());
        for ready in batches {
            let known = match ready.batch.id {
                Some(id) => segments::find_batch(&mut tx, ready.batch.tenant, id).await?,
                None => None,
            };
            match known {
                Some(rows) => done[ready.at] = Some(Ok(duplicate(rows))),
                None => new.push(ready),
            }
        }
        Ok(new)
    }
}

/// Encodes batches together. Where one of them cannot be, or has something to tell, each by itself.
fn encode(batches: &[Arc<NewBatch>], appended: i64) -> Vec<Result<Encoded, EventsError>> {
    match encode_together(batches, appended) {
        Ok((encoded, 0)) => encoded.into_iter().map(Ok).collect(),
        _ => batches
            .iter()
            .map(|batch| encode_one(batch, appended))
            .collect(),
    }
}

fn encode_one(batch: &Arc<NewBatch>, appended: i64) -> Result<Encoded, EventsError> {
    let (mut encoded, dates_dropped) = encode_together(std::slice::from_ref(batch), appended)?;
    let mut encoded = encoded.pop().ok_or(EventsError::Closed)?;
    encoded.dates_dropped = dates_dropped;
    Ok(encoded)
}

/// The batches, and how many datetimes of theirs files cannot hold.
fn encode_together(
    batches: &[Arc<NewBatch>],
    appended: i64,
) -> Result<(Vec<Encoded>, usize), EventsError> {
    let rows = batches.iter().map(|batch| batch.rows.as_slice());
    let Converted {
        tables,
        parts,
        dates_dropped,
    } = convert::to_batches(rows)?;
    let together = Arc::new(record::encode(appended, &tables)?);
    let encoded = batches.iter().zip(parts).map(|(new, parts)| Encoded {
        batch: Batch {
            tenant: new.tenant,
            id: new.id,
            rows: new.rows.len() as i64,
            appended,
        },
        dates_dropped: 0,
        encoded: Arc::clone(&together),
        tables: parts.iter().filter_map(|part| part.of(&tables)).collect(),
        bytes: parts.iter().map(|part| part.share_of(&tables)).sum(),
        parts,
    });
    Ok((encoded.collect(), dates_dropped))
}

/// One failure of all these batches: the first of them tells what it was, the others are to come back. Whoever has an
/// answer already keeps it.
fn fail(
    done: &mut [Option<Result<Appended, EventsError>>],
    places: impl IntoIterator<Item = usize>,
    error: EventsError,
) {
    let mut error = Some(error);
    for at in places {
        let next = || Err(error.take().unwrap_or(EventsError::Busy));
        done[at].get_or_insert_with(next);
    }
}

fn duplicate(rows: i64) -> Appended {
    Appended {
        rows: rows as usize,
        duplicate: true,
        dates_dropped: 0,
    }
}
