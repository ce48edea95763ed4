//! The first row of every key, in streaming fashion.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};

/// Remembers the keys that were seen.
pub(super) struct FirstPerKey {
    columns: Vec<usize>,
    converter: RowConverter,
    seen: HashSet<Box<[u8]>>,
    memory: MemoryReservation,
}

impl FirstPerKey {
    pub(super) fn new(
        schema: &SchemaRef,
        keys: &[String],
        context: &Arc<TaskContext>,
    ) -> Result<Self> {
        let columns = keys
            .iter()
            .map(|k| Ok(schema.index_of(k)?))
            .collect::<Result<Vec<_>>>()?;
        let fields = columns
            .iter()
            .map(|i| SortField::new(schema.field(*i).data_type().clone()))
            .collect();
        Ok(Self {
            columns,
            converter: RowConverter::new(fields)?,
            seen: HashSet::new(),
            memory: MemoryConsumer::new("first row per key").register(context.memory_pool()),
        })
    }

    /// Keeps the rows whose key is new.
    pub(super) fn filter(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let keys: Vec<ArrayRef> = self
            .columns
            .iter()
            .map(|i| batch.column(*i).clone())
            .collect();
        let rows = self.converter.convert_columns(&keys)?;
        let mut grown = 0;
        let keep: BooleanArray = rows
            .iter()
            .map(|row| {
                let key = row.as_ref();
                let new = !self.seen.contains(key);
                if new {
                    grown += key.len() + 32;
                    self.seen.insert(key.into());
                }
                Some(new)
            })
            .collect();
        self.memory.try_grow(grown)?;
        Ok(filter_record_batch(&batch, &keep)?)
    }
}
