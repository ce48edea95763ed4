//! From memory to files: sort, write, and one catalogue transaction.

use std::sync::Arc;

use arrow::array::cast::AsArray as _;
use arrow::array::{Array as _, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::Int64Type;
use bartizan_contract::TenantId;
use bartizan_contract::hunting::Table;
use bartizan_store::segments::{self, EventFile};

use super::convert::to_file;
use super::error::EventsError;
use super::files::{FileWriter, Staged, blocking};
use super::memory::{Generation, MemoryBatch};
use super::schema::TIMESTAMP;
use super::writer::{Command, lock};
use super::{EventStore, now_micros};

/// Rows that go to a Parquet writer at a time.
const CHUNK_ROWS: usize = 16_384;

/// What a flush did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Rows that are in files now.
    pub rows: usize,
    /// New files.
    pub files: usize,
}

/// Where a flush can be stopped by a test, as by a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Rotated,
    Staged,
    Published,
    InTransaction,
    Committed,
    Released,
}

impl EventStore {
    /// Writes everything that was appended before the call to files. Flushes run one at a time; a
    /// flush that failed is finished by the next. Not stopped by dropping the future.
    ///
    /// # Errors
    /// [`EventsError`]; nothing is lost, the rows stay in memory and in the log.
    pub async fn flush(self: &Arc<Self>) -> Result<Flushed, EventsError> {
        let store = self.clone();
        // A task of its own: a flush stopped between commit and release would do its work twice.
        let task = tokio::spawn(async move {
            let _turn = store.flushing.lock().await;
            store.flush_in_turn().await
        });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(EventsError::Log(format!("a flush died: {error}"))),
        }
    }

    /// Flushes when so many bytes are waiting by the time it is this caller's turn.
    pub(super) async fn flush_above(self: &Arc<Self>, limit: usize) -> Result<(), EventsError> {
        let store = self.clone();
        let task = tokio::spawn(async move {
            let _turn = store.flushing.lock().await;
            match store.reserved() > limit {
                true => store.flush_in_turn().await.map(drop),
                false => Ok(()),
            }
        });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(EventsError::Log(format!("a flush died: {error}"))),
        }
    }

    async fn flush_in_turn(self: &Arc<Self>) -> Result<Flushed, EventsError> {
        let mut flushed = Flushed::default();
        let left_over = lock(&self.memory).frozen();
        if let Some(generation) = left_over {
            self.write_generation(generation, &mut flushed).await?;
        }
        if let Some(generation) = self.ask(Command::Rotate).await?? {
            self.step(Step::Rotated)?;
            self.write_generation(generation, &mut flushed).await?;
        }
        Ok(flushed)
    }

    async fn write_generation(
        self: &Arc<Self>,
        generation: Arc<Generation>,
        flushed: &mut Flushed,
    ) -> Result<(), EventsError> {
        let to = generation.last_seq;
        let watermark = self.watermark().await?;
        // Else an earlier attempt committed and was stopped afterwards.
        if watermark < to {
            let files = self.write_files(&generation).await?;
            self.step(Step::Published)?;
            let (batches, now) = (generation.batches(), now_micros());
            let mut tx = self.store.write_aside().await?;
            segments::commit_flush(&mut tx, self.log_id, watermark, to, &files, &batches, now)
                .await?;
            self.step(Step::InTransaction)?;
            tx.commit().await?;
            flushed.files += files.len();
            flushed.rows += files.iter().map(|file| file.rows as usize).sum::<usize>();
        }
        self.step(Step::Committed)?;
        lock(&self.memory).release();
        self.unreserve(generation.bytes);
        self.step(Step::Released)?;
        self.ask(|reply| Command::Release(to, reply)).await
    }

    async fn write_files(
        self: &Arc<Self>,
        generation: &Arc<Generation>,
    ) -> Result<Vec<EventFile>, EventsError> {
        let tables: Vec<(TenantId, &'static Table, Vec<MemoryBatch>)> = generation
            .tables()
            .into_iter()
            .map(|t| (t.tenant, t.table, t.batches.clone()))
            .collect();
        let seqs = (generation.first_seq, generation.last_seq);
        let mut files = Vec::with_capacity(tables.len());
        for (tenant, table, batches) in tables {
            let rows = batches.iter().map(|b| b.rows.num_rows() as i64).sum();
            let writer = self.files.begin(table, rows)?;
            let staged = blocking(move || write_sorted(writer, table, &batches)).await?;
            self.step(Step::Staged)?;
            let path = self.files.publish(tenant, table.name, &staged).await?;
            files.push(staged.entry(path, tenant, table.name, seqs, now_micros()));
        }
        Ok(files)
    }
}

/// Writes rows by `Timestamp`, those without one first; equal times keep their order of arrival.
fn write_sorted(
    mut writer: FileWriter,
    table: &Table,
    batches: &[MemoryBatch],
) -> Result<Staged, EventsError> {
    let batches: Vec<&RecordBatch> = batches.iter().map(|batch| &batch.rows).collect();
    let mut order: Vec<(Option<i64>, usize, usize)> = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        let times = batch
            .column_by_name(TIMESTAMP)
            .and_then(|column| column.as_primitive_opt::<Int64Type>());
        for row in 0..batch.num_rows() {
            let time = times
                .filter(|times| times.is_valid(row))
                .map(|times| times.value(row));
            order.push((time, number, row));
        }
    }
    order.sort_unstable();
    for chunk in order.chunks(CHUNK_ROWS) {
        let places: Vec<_> = chunk.iter().map(|(_, batch, row)| (*batch, *row)).collect();
        let rows = interleave_record_batch(&batches, &places)?;
        writer = writer.write(&to_file(table, &rows)?)?;
    }
    writer.finish()
}
