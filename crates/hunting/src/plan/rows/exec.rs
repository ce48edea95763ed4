//! Execution of row steps.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr,
};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

use super::RowOp;
use super::expand::Expander;
use super::first_per_key::FirstPerKey;
use super::plugin::Work;
use super::window::compute_windows;
use crate::given_up::{GivenUp, SetOnDrop};

/// Batches of a partition that wait for the partitions before it.
const WAITING_BATCHES: usize = 4;

/// The physical node of a [`RowOp`].
#[derive(Debug)]
pub(crate) struct RowExec {
    input: Arc<dyn ExecutionPlan>,
    op: RowOp,
    schema: SchemaRef,
    /// The order that the input had when the plan was made; the step relies on it.
    ordering: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RowExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, op: RowOp, sorted: bool) -> Result<Self> {
        // An order that the query did not ask for may go, for instance when a join swaps its sides.
        let ordering = input.output_ordering().filter(|_| sorted).cloned();
        Self::with_ordering(input, op, ordering)
    }

    fn with_ordering(
        input: Arc<dyn ExecutionPlan>,
        op: RowOp,
        ordering: Option<LexOrdering>,
    ) -> Result<Self> {
        let schema = input.schema();
        let kept = schema.fields().iter().filter(|f| op.keeps(f.name()));
        let mut fields: Vec<Arc<Field>> = kept.cloned().collect();
        for (name, ty) in op.added() {
            fields.push(Arc::new(Field::new(name, ty, true)));
        }
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let mut equivalence = EquivalenceProperties::new(schema.clone());
        if op.keeps_order() {
            // Own columns come after the input's, so what holds of those holds with the same indexes. A sort by columns that
            // are known to be the same in all rows is left out below this step: it has to be known above, too.
            let known = input.equivalence_properties();
            equivalence.add_equivalence_group(known.eq_group().clone())?;
            if op.needs_order() {
                equivalence.clear_per_partition_constants();
            }
            equivalence.add_orderings(ordering.clone());
        }
        let partitions = if op.needs_order() {
            1
        } else {
            input.output_partitioning().partition_count()
        };
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(partitions),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(Self {
            input,
            op,
            schema,
            ordering,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// All partitions of the input, one after the other. Later partitions run ahead by a few batches.
    fn in_sequence(&self, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        if partitions == 1 {
            return self.input.execute(0, context.clone());
        }
        let mut streams = Vec::with_capacity(partitions);
        for partition in 0..partitions {
            let mut stream = self.input.execute(partition, context.clone())?;
            let mut builder =
                RecordBatchReceiverStream::builder(self.input.schema(), WAITING_BATCHES);
            let sender = builder.tx();
            builder.spawn(async move {
                while let Some(batch) = stream.next().await {
                    if sender.send(batch).await.is_err() {
                        break;
                    }
                }
                Ok(())
            });
            streams.push(builder.build());
        }
        let all = futures::stream::iter(streams).flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.input.schema(),
            all,
        )))
    }

    /// Applies a step that looks at one batch at a time.
    fn batch_wise(
        &self,
        input: SendableRecordBatchStream,
        metrics: BaselineMetrics,
        mut step: impl FnMut(RecordBatch) -> Result<RecordBatch> + Send + 'static,
    ) -> SendableRecordBatchStream {
        let out = input.map(move |batch| {
            let _timer = metrics.elapsed_compute().timer();
            let batch = step(batch?)?;
            metrics.record_output(batch.num_rows());
            Ok(batch)
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), out))
    }

    /// What a step may use until it is given up.
    fn work(&self, context: &Arc<TaskContext>, given_up: GivenUp) -> Work {
        let name = format!("{:?} at work", self.name());
        let memory = MemoryConsumer::new(name).register(context.memory_pool());
        Work::new(memory, given_up)
    }

    /// Applies a step that needs all rows at once.
    fn at_once(
        &self,
        input: SendableRecordBatchStream,
        context: &Arc<TaskContext>,
        metrics: BaselineMetrics,
        step: impl FnOnce(RecordBatch, &Work) -> Result<RecordBatch> + Send + 'static,
    ) -> SendableRecordBatchStream {
        let memory =
            MemoryConsumer::new(format!("{:?}", self.name())).register(context.memory_pool());
        // Not the hunt's: a step may be given up before the hunt is.
        let given_up = SetOnDrop(GivenUp::default());
        let work = self.work(context, given_up.0.clone());
        let input_schema = self.input.schema();
        let size = context.session_config().batch_size();
        let out = futures::stream::once(async move {
            let mut batches = Vec::new();
            let mut input = input;
            // Batches may be slices of what an earlier step made at once.
            let mut counter = RecordBatchMemoryCounter::new();
            while let Some(batch) = input.next().await {
                let batch = batch?;
                // Once as it came, and once put together, where rows that were shared are each rows of their own.
                memory.try_grow(counter.count_batch(&batch) + copied(&batch)?)?;
                batches.push(batch);
            }
            let _timer = metrics.elapsed_compute().timer();
            let all = arrow::compute::concat_batches(&input_schema, &batches)?;
            // On a thread that may be busy for long, so that the time limit is kept and the rest goes on meanwhile.
            let done = tokio::task::spawn_blocking(move || step(all, &work))
                .await
                .map_err(|e| DataFusionError::Internal(e.to_string()))??;
            drop(given_up);
            metrics.record_output(done.num_rows());
            let rows = done.num_rows();
            let slices: Vec<Result<RecordBatch>> = (0..rows)
                .step_by(size)
                .map(|at| Ok(done.slice(at, size.min(rows - at))))
                .collect();
            Ok::<_, DataFusionError>(futures::stream::iter(slices))
        })
        .try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), out))
    }
}

/// Bytes that a batch's rows take once they are put together with others. The texts of views are not copied.
fn copied(batch: &RecordBatch) -> Result<usize> {
    let columns = batch.columns().iter();
    let sizes = columns.map(|column| column.to_data().get_slice_memory_size());
    Ok(sizes.sum::<std::result::Result<usize, _>>()?)
}

impl DisplayAs for RowExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowExec: {:?}", self.op)
    }
}

impl ExecutionPlan for RowExec {
    fn name(&self) -> &str {
        "RowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        // Sorted partitions have to be merged, not put one after the other.
        let merged = self.op.needs_order() && self.ordering.is_some();
        InputDistributionRequirements::new(vec![if merged {
            Distribution::SinglePartition
        } else {
            Distribution::UnspecifiedDistribution
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![
            self.ordering
                .clone()
                .filter(|_| self.op.needs_order())
                .map(OrderingRequirements::from),
        ]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // Without a required order, partitions are put one after the other, and a sort must not be moved below.
        let kept = !self.op.needs_order() || self.ordering.is_some();
        vec![kept && self.op.keeps_order()]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children
            .into_iter()
            .next()
            .ok_or_else(|| DataFusionError::Internal("a row step lost its input".into()))?;
        let ordering = if self.op.needs_order() {
            self.ordering.clone()
        } else {
            input.output_ordering().cloned()
        };
        Ok(Arc::new(Self::with_ordering(
            input,
            self.op.clone(),
            ordering,
        )?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(
                datafusion::physical_plan::ChildrenPropertiesMode::Recompute,
            ),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema.clone();
        match &self.op {
            RowOp::Gather => self.in_sequence(&context),
            RowOp::FirstPerKey { keys } => {
                let input = self.in_sequence(&context)?;
                let mut first = FirstPerKey::new(&self.input.schema(), keys, &context)?;
                Ok(self.batch_wise(input, metrics, move |batch| first.filter(batch)))
            }
            RowOp::Window { calls, partition } => {
                let input = self.in_sequence(&context)?;
                let (calls, partition) = (calls.clone(), partition.clone());
                let step = move |batch: RecordBatch, _: &Work| {
                    compute_windows(&calls, &partition, &batch, schema)
                };
                Ok(self.at_once(input, &context, metrics, step))
            }
            RowOp::Plugin(spec) => {
                let input = self.in_sequence(&context)?;
                let spec = spec.clone();
                if spec.batchwise {
                    let given_up = GivenUp::of(context.session_config().options());
                    let work = self.work(&context, given_up);
                    let step = move |batch: RecordBatch| spec.apply(&batch, &schema, &work);
                    return Ok(self.batch_wise(input, metrics, step));
                }
                let step = move |batch: RecordBatch, work: &Work| spec.apply(&batch, &schema, work);
                Ok(self.at_once(input, &context, metrics, step))
            }
            RowOp::Expand {
                items,
                index,
                limit,
                kind,
            } => {
                let memory = MemoryConsumer::new("mv-expand").register(context.memory_pool());
                let expander = Expander::new(
                    items.clone(),
                    index.is_some(),
                    *limit,
                    *kind,
                    schema,
                    memory,
                );
                let expander = Arc::new(expander);
                let pieces = move |batch: RecordBatch| {
                    let metrics = metrics.clone();
                    let mut pieces = expander.clone().expand(batch);
                    futures::stream::iter(std::iter::from_fn(move || {
                        let _timer = metrics.elapsed_compute().timer();
                        let piece = pieces.next()?;
                        if let Ok(piece) = &piece {
                            metrics.record_output(piece.num_rows());
                        }
                        Some(piece)
                    }))
                };
                let input = self.input.execute(partition, context)?;
                let out = input.map_ok(pieces).try_flatten();
                let schema = self.schema.clone();
                let out: SendableRecordBatchStream =
                    Box::pin(RecordBatchStreamAdapter::new(schema, out));
                // One batch may become thousands: the task comes back between them.
                Ok(make_cooperative(out))
            }
            RowOp::Parse(spec) => {
                let pattern = spec.compile()?;
                let input = self.input.execute(partition, context)?;
                Ok(self.batch_wise(input, metrics, move |batch| pattern.apply(&batch, &schema)))
            }
        }
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
