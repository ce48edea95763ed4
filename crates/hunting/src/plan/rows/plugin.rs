//! Steps of their own kind: a kernel over all rows, or over the rows of each part.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use bartizan_kql::types::Type;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;

use super::parts::Parts;
use crate::given_up::GivenUp;

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
    given_up: GivenUp,
}

impl Work {
    /// Memory is counted in `memory`; when nobody waits any more, the work ends.
    pub(crate) fn new(memory: MemoryReservation, given_up: GivenUp) -> Self {
        Self { memory, given_up }
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
        self.given_up.check()
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
        // Counts what several columns or parts share once.
        let mut counter = RecordBatchMemoryCounter::new();
        if self.partition.is_empty() {
            let (output, made) = self.whole(batch, schema, work)?;
            work.keep(counter.count_batch(&made))?;
            return Ok(output);
        }
        let parts = Parts::of(batch, &self.partition)?;
        let ordered = parts.ordered(batch)?;
        let mut pieces = Vec::with_capacity(parts.ranges().len());
        for range in parts.ranges() {
            let part = ordered.slice(range.start, range.len());
            let held = work.held();
            let (piece, made) = self.whole(&part, schema, work)?;
            // What the kernel worked with is gone; what it made stays.
            work.keep(held + counter.count_batch(&made))?;
            pieces.push(piece);
        }
        Ok(arrow::compute::concat_batches(schema, &pieces)?)
    }

    /// The output for rows that belong together, and the columns of it that were made: those of the input that are in it as
    /// they are take no memory.
    fn whole(
        &self,
        batch: &RecordBatch,
        schema: &SchemaRef,
        work: &Work,
    ) -> Result<(RecordBatch, RecordBatch)> {
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
        let same = if self.adds && made.rows.is_none() {
            columns.len()
        } else {
            0
        };
        columns.extend(made.columns);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let output = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
        let made: Vec<usize> = (same..output.num_columns()).collect();
        let made = output.project(&made)?;
        Ok((output, made))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};

    use super::*;

    /// A step that adds a number to each row, and works with so many bytes for a part.
    struct Adds(usize);

    impl Kernel for Adds {
        fn run(&self, _args: &[ArrayRef], rows: usize) -> Result<Made> {
            Ok(Made {
                rows: None,
                columns: vec![Arc::new(Int64Array::from(vec![7; rows]))],
            })
        }

        fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
            work.grow(self.0)?;
            self.run(args, rows)
        }
    }

    #[test]
    fn what_a_step_adds_stays_counted_and_what_it_worked_with_does_not() {
        let (rows, parts) = (10_000, 100);
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|n| n % parts)));
        let batch = RecordBatch::try_from_iter([("key", keys)]).unwrap();
        let field = |name: &str| Field::new(name, DataType::Int64, true);
        let schema: SchemaRef = Arc::new(Schema::new(vec![field("key"), field("made")]));
        for (partition, asked) in [
            (Vec::new(), 0),
            (vec!["key".to_owned()], 0),
            (vec!["key".to_owned()], 50_000),
        ] {
            let spec = PluginSpec {
                name: "adds",
                args: Vec::new(),
                partition,
                outputs: vec![("made".to_owned(), Type::Long)],
                adds: true,
                batchwise: false,
                kernel: Arc::new(Adds(asked)),
            };
            let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 30));
            let memory = MemoryConsumer::new("test").register(&pool);
            let work = Work::new(memory, GivenUp::default());
            let made = spec.apply(&batch, &schema, &work).unwrap();
            assert_eq!((made.num_rows(), made.num_columns()), (10_000, 2));
            let held = pool.reserved();
            assert!((80_000..160_000).contains(&held), "{held} of {asked}");
        }
    }
}
