//! Steps of their own kind: a kernel over all rows, or over the rows of each part.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;

use super::parts::Parts;

/// What a step computes.
pub(crate) trait Kernel: Send + Sync {
    /// The output for the rows of the arguments.
    fn run(&self, args: &[ArrayRef], rows: usize) -> Result<Made>;

    /// The same, for steps that take long or make more than they were given: they ask for memory as they go and look
    /// whether the query is still wanted.
    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        work.check()?;
        self.run(args, rows)
    }
}

/// What a step may use.
pub(crate) struct Work {
    memory: MemoryReservation,
    cancelled: Arc<AtomicBool>,
}

impl Work {
    /// Memory is counted in `memory`; when `cancelled` is set, the work ends.
    pub(crate) fn new(memory: MemoryReservation, cancelled: Arc<AtomicBool>) -> Self {
        Self { memory, cancelled }
    }

    /// Asks for so many bytes more.
    pub(crate) fn grow(&self, bytes: usize) -> Result<()> {
        self.memory.try_grow(bytes)
    }

    /// Bytes that were asked for.
    fn held(&self) -> usize {
        self.memory.size()
    }

    /// Keeps so many of them.
    fn keep(&self, bytes: usize) -> Result<()> {
        self.memory.try_resize(bytes)
    }

    /// An error when the query was given up.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(DataFusionError::Execution("the query was given up".into()));
        }
        Ok(())
    }
}

/// The output of a [`Kernel`].
pub(crate) struct Made {
    /// For every row of the output, the row of the input that it belongs to; none when that is the same row. Only for
    /// steps that add columns.
    pub rows: Option<UInt32Array>,
    /// The columns.
    pub columns: Vec<ArrayRef>,
}

/// A step: what it reads and makes, and its kernel.
#[derive(Clone)]
pub(crate) struct PluginSpec {
    /// The plugin's name, for plans.
    pub name: &'static str,
    /// The arguments: columns of the input.
    pub args: Vec<(String, Type)>,
    /// Columns whose distinct values are worked on apart.
    pub partition: Vec<String>,
    /// The columns that are made.
    pub outputs: Vec<(String, Type)>,
    /// The input's columns stay.
    pub adds: bool,
    /// Rows are independent of each other.
    pub batchwise: bool,
    /// What is computed.
    pub kernel: Arc<dyn Kernel>,
}

impl fmt::Debug for PluginSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("args", &self.args)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

impl PartialEq for PluginSpec {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kernel, &other.kernel)
            && self.args == other.args
            && self.outputs == other.outputs
            && self.partition == other.partition
    }
}

impl Eq for PluginSpec {}

impl Hash for PluginSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.args.hash(state);
        self.outputs.hash(state);
    }
}

impl PluginSpec {
    /// The output for a batch: all rows, unless the step is batch-wise.
    pub(super) fn apply(
        &self,
        batch: &RecordBatch,
        schema: &SchemaRef,
        work: &Work,
    ) -> Result<RecordBatch> {
        if self.partition.is_empty() {
            return self.whole(batch, schema, work);
        }
        let parts = Parts::of(batch, &self.partition)?;
        let ordered = parts.ordered(batch)?;
        let mut pieces = Vec::with_capacity(parts.ranges().len());
        for range in parts.ranges() {
            let part = ordered.slice(range.start, range.len());
            let held = work.held();
            let piece = self.whole(&part, schema, work)?;
            // What the kernel worked with is gone; its rows stay. (The size of rows counts what they share with others.)
            let worked = work.held().saturating_sub(held);
            work.keep(held + worked.min(piece.get_array_memory_size()))?;
            pieces.push(piece);
        }
        Ok(arrow::compute::concat_batches(schema, &pieces)?)
    }

    fn whole(&self, batch: &RecordBatch, schema: &SchemaRef, work: &Work) -> Result<RecordBatch> {
        let args = self
            .args
            .iter()
            .map(|(name, _)| {
                batch
                    .column_by_name(name)
                    .cloned()
                    .ok_or_else(|| DataFusionError::Internal(format!("no column {name}")))
            })
            .collect::<Result<Vec<_>>>()?;
        let made = self.kernel.run_within(&args, batch.num_rows(), work)?;
        let mut columns = Vec::with_capacity(schema.fields().len());
        let mut rows = made.columns.first().map_or(0, |c| c.len());
        if self.adds {
            rows = made.rows.as_ref().map_or(batch.num_rows(), |r| r.len());
            for column in batch.columns() {
                columns.push(match &made.rows {
                    Some(rows) => take(column, rows, None)?,
                    None => column.clone(),
                });
            }
        } else {
            // The columns of the part, whose values are those of its first row.
            let first = UInt32Array::from(vec![0u32; if batch.num_rows() == 0 { 0 } else { rows }]);
            for field in schema.fields().iter() {
                if self.partition.iter().any(|p| p == field.name()) {
                    let column = batch.column_by_name(field.name()).ok_or_else(|| {
                        DataFusionError::Internal(format!("no column {}", field.name()))
                    })?;
                    columns.push(take(column, &first, None)?);
                }
            }
        }
        columns.extend(made.columns);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            schema.clone(),
            columns,
            &options,
        )?)
    }
}
