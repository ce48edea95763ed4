//! The first stage of an aggregation by columns that are read as dictionaries.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt as _, TryStreamExt as _};

use super::groups::{Groups, Key};

/// Groups after which what was found goes to the next stage: with so many, few rows share one.
const MOST_GROUPS: usize = 1 << 20;

/// Aggregates rows whose keys are read as dictionaries.
#[derive(Debug)]
pub(super) struct DictionaryAggregate {
    /// The stage that this one stands for: what comes out, and in which parts.
    stage: Arc<AggregateExec>,
    keys: Arc<[Key]>,
    input: Arc<dyn ExecutionPlan>,
    metrics: ExecutionPlanMetricsSet,
}

impl DictionaryAggregate {
    /// `stage` over the same rows with texts as texts, and `input` with columns read as dictionaries.
    pub(super) fn new(
        stage: Arc<AggregateExec>,
        keys: Arc<[Key]>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Self {
        Self {
            stage,
            keys,
            input,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for DictionaryAggregate {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |(_, name): &(Arc<dyn PhysicalExpr>, String)| name.clone();
        let keys: Vec<String> = self.stage.group_expr().expr().iter().map(name).collect();
        let aggregates = self.stage.aggr_expr().iter().map(|a| a.name().to_owned());
        let aggregates: Vec<String> = aggregates.collect();
        write!(
            f,
            "DictionaryAggregate: gby=[{}], aggr=[{}]",
            keys.join(", "),
            aggregates.join(", ")
        )
    }
}

impl ExecutionPlan for DictionaryAggregate {
    fn name(&self) -> &str {
        "DictionaryAggregate"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.stage.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.stage.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self::new(
                self.stage.clone(),
                self.keys.clone(),
                input,
            ))),
            None => internal_err!("an aggregation without input"),
        }
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context.clone())?;
        let memory = MemoryConsumer::new(format!("DictionaryAggregate[{partition}]"));
        let work = Aggregation {
            aggregates: self.aggregates()?,
            groups: Groups::new(&self.keys),
            of_rows: Vec::new(),
            // What was found goes on when there is no more memory.
            memory: memory.with_can_spill(true).register(context.memory_pool()),
            keys: self.keys.clone(),
            schema: self.schema(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let size = context.session_config().batch_size();
        let found = futures::stream::try_unfold((work, Some(input)), |(mut work, input)| async {
            let Some(mut input) = input else {
                return Ok::<_, DataFusionError>(None);
            };
            while let Some(batch) = input.next().await {
                if let Some(found) = work.take(&batch?)? {
                    return Ok(Some((found, (work, Some(input)))));
                }
            }
            let found = work.give()?;
            Ok(Some((found, (work, None))))
        });
        let slices = found.map_ok(move |found: RecordBatch| {
            let rows = found.num_rows();
            let starts = (0..rows).step_by(size);
            let slices = starts.map(move |at| Ok(found.slice(at, size.min(rows - at))));
            futures::stream::iter(slices.collect::<Vec<_>>())
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            slices.try_flatten(),
        )))
    }
}

impl DictionaryAggregate {
    fn aggregates(&self) -> Result<Vec<Aggregate>> {
        let each = self.stage.aggr_expr().iter().zip(self.stage.filter_expr());
        let each = each.map(|(function, filter)| {
            Ok(Aggregate {
                of: function.expressions(),
                filter: filter.clone(),
                found: function.create_groups_accumulator()?,
                function: function.clone(),
            })
        });
        each.collect()
    }
}

/// One aggregate function of the stage.
struct Aggregate {
    function: Arc<AggregateFunctionExpr>,
    of: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    found: Box<dyn GroupsAccumulator>,
}

impl Aggregate {
    fn take(&mut self, batch: &RecordBatch, of_rows: &[usize], groups: usize) -> Result<()> {
        let rows = batch.num_rows();
        let values = self
            .of
            .iter()
            .map(|value| value.evaluate(batch)?.into_array(rows));
        let values = values.collect::<Result<Vec<_>>>()?;
        let passes = match &self.filter {
            Some(filter) => Some(filter.evaluate(batch)?.into_array(rows)?),
            None => None,
        };
        let passes = passes.as_ref().map(|passes| passes.as_boolean());
        self.found.update_batch(&values, of_rows, passes, groups)
    }
}

/// What one part of the rows has come to.
struct Aggregation {
    aggregates: Vec<Aggregate>,
    groups: Groups,
    /// The groups of a batch's rows.
    of_rows: Vec<usize>,
    memory: MemoryReservation,
    keys: Arc<[Key]>,
    schema: SchemaRef,
    metrics: BaselineMetrics,
}

impl Aggregation {
    /// Takes the rows of a batch; gives what was found when it has become too much to hold.
    fn take(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let compute = self.metrics.elapsed_compute().clone();
        let _timer = compute.timer();
        let keys: Vec<ArrayRef> = (self.keys.iter())
            .map(|key| batch.column(key.column).clone())
            .collect();
        self.groups.of_rows(&keys, &mut self.of_rows)?;
        for aggregate in &mut self.aggregates {
            aggregate.take(batch, &self.of_rows, self.groups.len())?;
        }
        let bytes = self.size();
        if self.groups.len() < MOST_GROUPS && self.memory.try_resize(bytes).is_ok() {
            return Ok(None);
        }
        self.give().map(Some)
    }

    fn size(&self) -> usize {
        let found = self
            .aggregates
            .iter()
            .map(|aggregate| aggregate.found.size());
        self.groups.size() + self.of_rows.capacity() * size_of::<usize>() + found.sum::<usize>()
    }

    /// Gives what was found, and begins anew.
    fn give(&mut self) -> Result<RecordBatch> {
        let compute = self.metrics.elapsed_compute().clone();
        let _timer = compute.timer();
        let mut columns = self.groups.texts()?;
        for aggregate in &mut self.aggregates {
            columns.extend(aggregate.found.state(EmitTo::All)?);
            aggregate.found = aggregate.function.create_groups_accumulator()?;
        }
        self.groups = Groups::new(&self.keys);
        let found = RecordBatch::try_new(self.schema.clone(), columns)?;
        // Until the next rows are asked for, which is when these have gone on.
        self.memory.resize(found.get_array_memory_size());
        self.metrics.record_output(found.num_rows());
        Ok(found)
    }
}
