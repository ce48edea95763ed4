//! Rows that are durable in the log but not yet in files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::cast::AsArray as _;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat_batches, max, min};
use arrow::datatypes::Int64Type;
use bartizan_contract::TenantId;
use bartizan_contract::hunting::Table;
use bartizan_store::segments::IngestedBatch;
use uuid::Uuid;

use super::convert::TableBatch;
use super::schema::TIMESTAMP;

/// Neighbouring small batches grow together up to so many rows: a query pays for each batch.
const MERGE_ROWS: usize = 8192;

/// Some rows of one table.
#[derive(Debug, Clone)]
pub(super) struct MemoryBatch {
    /// In the engine's types.
    pub(super) rows: RecordBatch,
    /// The highest sequence number among the rows.
    pub(super) last_seq: i64,
    /// The earliest and latest `Timestamp` in ticks; `None` when no row has one.
    pub(super) times: Option<(i64, i64)>,
}

impl MemoryBatch {
    /// Whether it waits for company: see [`merge`].
    pub(super) fn is_small(&self) -> bool {
        self.rows.num_rows() < SMALL
    }

    fn new(rows: RecordBatch, last_seq: i64) -> Self {
        let times = rows.column_by_name(TIMESTAMP).and_then(|column| {
            let ticks = column.as_primitive_opt::<Int64Type>()?;
            Some((min(ticks)?, max(ticks)?))
        });
        Self {
            rows,
            last_seq,
            times,
        }
    }
}

/// The rows of one tenant's table.
#[derive(Debug)]
pub(super) struct MemoryTable {
    pub(super) tenant: TenantId,
    pub(super) table: &'static Table,
    pub(super) batches: Vec<MemoryBatch>,
}

/// What goes to files in one flush.
#[derive(Debug, Default)]
pub(super) struct Generation {
    tables: HashMap<(TenantId, &'static str), MemoryTable>,
    ids: HashMap<(TenantId, Uuid), IngestedBatch>,
    /// The lowest and highest sequence number; 0 when empty.
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
    /// What appending reserved for it.
    pub(super) bytes: usize,
    /// When its first batch was appended, microseconds.
    pub(super) oldest: i64,
}

impl Generation {
    pub(super) fn is_empty(&self) -> bool {
        self.last_seq == 0
    }

    /// Tables with rows, in a fixed order.
    pub(super) fn tables(&self) -> Vec<&MemoryTable> {
        let mut tables: Vec<_> = self.tables.values().collect();
        tables.sort_by_key(|t| (t.tenant, t.table.name));
        tables
    }

    /// The batches that may be sent again.
    pub(super) fn batches(&self) -> Vec<IngestedBatch> {
        self.ids.values().copied().collect()
    }

    fn insert(&mut self, entry: Entry) {
        let Entry {
            seq,
            batch,
            tables,
            bytes,
        } = entry;
        if self.is_empty() {
            (self.first_seq, self.oldest) = (seq, batch.appended);
        }
        self.last_seq = seq;
        self.bytes += bytes;
        for (table, rows) in tables {
            let key = (batch.tenant, table.name);
            let memory = self.tables.entry(key).or_insert_with(|| MemoryTable {
                tenant: batch.tenant,
                table,
                batches: Vec::new(),
            });
            memory.batches.push(MemoryBatch::new(rows, seq));
            merge(&mut memory.batches);
        }
        if let Some(batch_id) = batch.id {
            let ingested = IngestedBatch {
                tenant: batch.tenant,
                batch_id,
                rows: batch.rows,
                appended: batch.appended,
            };
            self.ids.insert((batch.tenant, batch_id), ingested);
        }
    }
}

/// Batches below this size wait until there are as many of them: where many tenants have few rows each, merging them one
/// by one would cost more than all else.
const SMALL: usize = 64;

/// Merges the last batches while the newer is at least as large as the older, so that every row is
/// copied a logarithmic number of times.
fn merge(batches: &mut Vec<MemoryBatch>) {
    match small_before(batches, batches.len()) {
        0 => join_waiting(batches),
        count if count < SMALL => return,
        count => join(batches, count),
    }
    while let [.., older, newer] = batches.as_slice() {
        let (a, b) = (older.rows.num_rows(), newer.rows.num_rows());
        if a > b || a + b > MERGE_ROWS {
            return;
        }
        let before = batches.len();
        join(batches, 2);
        if batches.len() == before {
            return;
        }
    }
}

/// How many small batches in a row end at a place.
fn small_before(batches: &[MemoryBatch], end: usize) -> usize {
    let from_last = batches[..end].iter().rev();
    let small = from_last.take_while(|batch| batch.is_small());
    small.count()
}

/// Makes the small batches before the last one, which is none of them, one.
fn join_waiting(batches: &mut Vec<MemoryBatch>) {
    let Some(last) = batches.pop() else { return };
    let waiting = small_before(batches, batches.len());
    if waiting > 1 {
        join(batches, waiting);
    }
    batches.push(last);
}

/// Makes the last batches one; leaves them as they are where that cannot be.
fn join(batches: &mut Vec<MemoryBatch>, count: usize) {
    let last = &batches[batches.len() - count..];
    let Some(newest) = last.last() else { return };
    let rows = last.iter().map(|batch| &batch.rows);
    let Ok(rows) = concat_batches(newest.rows.schema_ref(), rows) else {
        return;
    };
    let joined = MemoryBatch::new(compact(rows), newest.last_seq);
    batches.truncate(batches.len() - count);
    batches.push(joined);
}

/// The same rows with texts of their own: those that were appended together with other tenants' rows refer to the texts
/// of all of them.
pub(super) fn compact(rows: RecordBatch) -> RecordBatch {
    let columns = rows.columns().iter().map(|column| -> ArrayRef {
        match column.as_string_view_opt() {
            Some(texts) => Arc::new(texts.gc()),
            None => Arc::clone(column),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let compacted = RecordBatch::try_new_with_options(rows.schema(), columns.collect(), &options);
    compacted.unwrap_or(rows)
}

/// A batch without its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) tenant: TenantId,
    /// By this id a retry of it is recognised; `None` when there can be none.
    pub(super) id: Option<Uuid>,
    pub(super) rows: i64,
    /// When it was appended, microseconds since 1970.
    pub(super) appended: i64,
}

/// A durable batch.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) batch: Batch,
    pub(super) tables: Vec<TableBatch>,
    pub(super) bytes: usize,
}

/// The rows in memory: those that new batches join, and those being written to files.
#[derive(Debug, Default)]
pub(super) struct Memory {
    active: Generation,
    frozen: Option<Arc<Generation>>,
    /// Counts the generations that went to files, their batch ids with them.
    epoch: u64,
}

impl Memory {
    pub(super) fn insert(&mut self, entry: Entry) {
        self.active.insert(entry);
    }

    /// How often batch ids have moved from here to the catalogue. Who looked an id up there must
    /// look again when this has changed since.
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A batch that is here.
    pub(super) fn find(&self, tenant: TenantId, batch_id: Uuid) -> Option<&IngestedBatch> {
        let key = (tenant, batch_id);
        self.active
            .ids
            .get(&key)
            .or_else(|| self.frozen.as_ref()?.ids.get(&key))
    }

    /// Batches of a tenant's table, oldest first.
    pub(super) fn snapshot(&self, tenant: TenantId, table: &'static str) -> Vec<MemoryBatch> {
        self.generations()
            .filter_map(|generation| generation.tables.get(&(tenant, table)))
            .flat_map(|table| table.batches.iter().cloned())
            .collect()
    }

    /// Row counts by tenant, table and sequence number.
    pub(super) fn counts(&self) -> Vec<(TenantId, &'static str, i64, usize)> {
        self.generations()
            .flat_map(|generation| generation.tables.values())
            .flat_map(|t| {
                let count =
                    |b: &MemoryBatch| (t.tenant, t.table.name, b.last_seq, b.rows.num_rows());
                t.batches.iter().map(count)
            })
            .collect()
    }

    /// Bytes reserved for all rows here, and when the oldest was appended.
    pub(super) fn load(&self) -> Option<(usize, i64)> {
        let filled = || self.generations().filter(|g| !g.is_empty());
        Some((
            filled().map(|g| g.bytes).sum(),
            filled().map(|g| g.oldest).min()?,
        ))
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.frozen.as_deref().into_iter().chain([&self.active])
    }

    /// What is being written to files.
    pub(super) fn frozen(&self) -> Option<Arc<Generation>> {
        self.frozen.clone()
    }

    /// Whether new batches have come since the last freeze.
    pub(super) fn has_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// Takes the active rows out for a flush. Nothing may be frozen.
    pub(super) fn freeze(&mut self) -> Arc<Generation> {
        let generation = Arc::new(std::mem::take(&mut self.active));
        self.frozen = Some(generation.clone());
        generation
    }

    /// Forgets the frozen rows: they are in files, and the catalogue says so.
    pub(super) fn release(&mut self) {
        self.frozen = None;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use bartizan_contract::hunting::table;
    use bartizan_contract::value::{Row, Value};

    use super::*;
    use crate::events::convert::to_batches;

    #[test]
    fn many_small_batches_become_few_in_their_order() {
        const TENANT: TenantId = TenantId::from_u128(1);
        let info = table("AlertInfo").unwrap();
        let mut memory = Memory::default();
        for seq in 1..=1000 {
            let mut row = Row::empty(info);
            row.set("Title", Value::String(seq.to_string()));
            let rows = [row];
            let batch = Batch {
                tenant: TENANT,
                id: None,
                rows: 1,
                appended: seq,
            };
            memory.insert(Entry {
                seq,
                batch,
                tables: to_batches([&rows[..]]).unwrap().tables,
                bytes: 1,
            });
        }
        let batches = memory.snapshot(TENANT, info.name);
        let texts = |batch: &MemoryBatch| {
            let column = batch.rows.column_by_name("Title").unwrap();
            column.as_string_view().data_buffers().len()
        };
        assert!(batches.iter().all(|batch| texts(batch) <= 1));
        assert!(batches.len() < SMALL + 10, "{}", batches.len());
        let mut titles = Vec::new();
        for batch in &batches {
            let column = batch.rows.column_by_name("Title").unwrap();
            let texts = column.as_string_view().iter().flatten();
            titles.extend(texts.map(|text| text.parse::<i64>().unwrap()));
            assert_eq!(titles.last(), Some(&batch.last_seq));
        }
        assert_eq!(titles, (1..=1000).collect::<Vec<_>>());
    }
}
