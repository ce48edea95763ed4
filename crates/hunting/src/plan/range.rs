//! `range`: a table whose values are made as they are read, so that no query holds more of them than it looks at.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions,
};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning,
    PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream,
};

use crate::error::HuntError;

/// Values that `range` may produce; more is a mistake that would only take time.
const MAX_ROWS: i128 = 10_000_000;

/// Values at even distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Values {
    start: Start,
    rows: usize,
}

/// The first value and the distance to the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    Int(i32, i32),
    Long(i64, i64),
    Real(f64, f64),
}

impl Values {
    /// The values from one to another, both included; none when one of the three is null or the step leads away.
    ///
    /// # Errors
    /// [`HuntError::Evaluation`] when they are too many.
    pub(super) fn new(
        from: &ScalarValue,
        to: &ScalarValue,
        step: &ScalarValue,
    ) -> std::result::Result<Self, HuntError> {
        use ScalarValue::{Float64, Int32, Int64};
        let (start, rows) = match (from, to, step) {
            (Float64(Some(from)), Float64(Some(to)), Float64(Some(step))) => {
                (Start::Real(*from, *step), real_rows(*from, *to, *step)?)
            }
            (Int64(Some(from)), Int64(Some(to)), Int64(Some(step))) => {
                (Start::Long(*from, *step), long_rows(*from, *to, *step)?)
            }
            (Int32(Some(from)), Int32(Some(to)), Int32(Some(step))) => {
                let rows = long_rows(i64::from(*from), i64::from(*to), i64::from(*step))?;
                (Start::Int(*from, *step), rows)
            }
            _ => (Start::Long(0, 0), 0),
        };
        Ok(Self { start, rows })
    }

    /// Those of some rows.
    fn array(&self, rows: Range<usize>) -> ArrayRef {
        // What lies between is not always a value of the type (from its least to its greatest one), the sum is.
        match self.start {
            Start::Int(from, step) => Arc::new(Int32Array::from_iter_values(
                rows.map(|row| from.wrapping_add(step.wrapping_mul(row as i32))),
            )),
            Start::Long(from, step) => Arc::new(Int64Array::from_iter_values(
                rows.map(|row| from.wrapping_add(step.wrapping_mul(row as i64))),
            )),
            Start::Real(from, step) => Arc::new(Float64Array::from_iter_values(
                rows.map(|row| from + step * row as f64),
            )),
        }
    }

    /// The same as a batch: a column of them, or none but the number of rows.
    fn batch(&self, schema: &SchemaRef, rows: Range<usize>) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let columns = schema.fields().iter();
        let columns = columns.map(|_| self.array(rows.clone())).collect();
        Ok(RecordBatch::try_new_with_options(
            schema.clone(),
            columns,
            &options,
        )?)
    }
}

fn too_many() -> HuntError {
    HuntError::Evaluation(format!("range gives more than {MAX_ROWS} values"))
}

fn long_rows(from: i64, to: i64, step: i64) -> std::result::Result<usize, HuntError> {
    if step == 0 || (step > 0) != (from <= to) && from != to {
        return Ok(0);
    }
    let rows = (i128::from(to) - i128::from(from)) / i128::from(step) + 1;
    if rows > MAX_ROWS {
        return Err(too_many());
    }
    usize::try_from(rows).map_err(|_| too_many())
}

fn real_rows(from: f64, to: f64, step: f64) -> std::result::Result<usize, HuntError> {
    let steps = ((to - from) / step).floor();
    if step == 0.0 || steps.is_nan() || steps < 0.0 {
        return Ok(0);
    }
    if steps >= MAX_ROWS as f64 {
        return Err(too_many());
    }
    Ok(steps as usize + 1)
}

/// A table of one column with such values.
#[derive(Debug)]
pub(super) struct RangeTable {
    schema: SchemaRef,
    values: Values,
}

impl RangeTable {
    /// A table whose schema has one column of the values' type.
    pub(super) fn new(schema: SchemaRef, values: Values) -> Self {
        Self { schema, values }
    }
}

#[async_trait]
impl TableProvider for RangeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        // No filter is taken over, so a limit is one of any rows.
        let rows = limit.map_or(self.values.rows, |limit| limit.min(self.values.rows));
        let whole = std::iter::once(0..rows).collect();
        Ok(Arc::new(RangeExec::new(schema, self.values, whole)))
    }
}

/// Makes the values of a range.
#[derive(Debug)]
struct RangeExec {
    values: Values,
    /// The rows of each partition.
    parts: Vec<Range<usize>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RangeExec {
    fn new(schema: SchemaRef, values: Values, parts: Vec<Range<usize>>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            values,
            parts,
            properties: Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative)),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn part(&self, partition: usize) -> Result<Range<usize>> {
        let part = self.parts.get(partition).cloned();
        part.ok_or_else(|| DataFusionError::Internal(format!("a range has no part {partition}")))
    }
}

impl DisplayAs for RangeExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: usize = self.parts.iter().map(Range::len).sum();
        let parts = self.parts.len();
        write!(
            f,
            "RangeExec: {:?}, rows={rows}, parts={parts}",
            self.values.start
        )
    }
}

impl ExecutionPlan for RangeExec {
    fn name(&self) -> &str {
        "RangeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    /// Parts of whole batches, one behind the other: whoever reads them in sequence has the values in their order.
    fn repartitioned(
        &self,
        target_partitions: usize,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let size = config.execution.batch_size.get();
        let [whole] = self.parts.as_slice() else {
            return Ok(None);
        };
        let batches = whole.len().div_ceil(size);
        if target_partitions < 2 || batches < target_partitions {
            return Ok(None);
        }
        let rows = batches.div_ceil(target_partitions) * size;
        let parts = whole.clone().step_by(rows);
        let parts = parts.map(|at| at..whole.end.min(at + rows)).collect();
        let split = Self::new(self.schema(), self.values, parts);
        Ok(Some(Arc::new(split)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.part(partition)?;
        let size = context.session_config().batch_size();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (schema, values) = (self.schema(), self.values);
        let batches = rows.clone().step_by(size).map(move |at| {
            let _timer = metrics.elapsed_compute().timer();
            let batch = values.batch(&schema, at..rows.end.min(at + size))?;
            metrics.record_output(batch.num_rows());
            Ok(batch)
        });
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(
            self.schema(),
            futures::stream::iter(batches),
        ))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let rows = match args.partition() {
            Some(partition) => self.part(partition)?.len(),
            None => self.parts.iter().map(Range::len).sum(),
        };
        let schema = self.schema();
        let mut statistics = Statistics::new_unknown(&schema);
        statistics.num_rows = Precision::Exact(rows);
        for column in &mut statistics.column_statistics {
            column.null_count = Precision::Exact(0);
        }
        statistics.calculate_total_byte_size(&schema);
        Ok(Arc::new(statistics))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_plan::statistics::StatisticsContext;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use futures::StreamExt as _;

    use super::*;

    fn int(from: i32, to: i32, step: i32) -> Values {
        let of = |value| ScalarValue::Int32(Some(value));
        Values::new(&of(from), &of(to), &of(step)).expect("not too many")
    }

    fn long(from: i64, to: i64, step: i64) -> Values {
        let of = |value| ScalarValue::Int64(Some(value));
        Values::new(&of(from), &of(to), &of(step)).expect("not too many")
    }

    fn real(from: f64, to: f64, step: f64) -> Values {
        let of = |value| ScalarValue::Float64(Some(value));
        Values::new(&of(from), &of(to), &of(step)).expect("not too many")
    }

    fn shown(values: &Values) -> String {
        format!("{:?}", values.array(0..values.rows))
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .collect()
    }

    #[test]
    fn values_are_at_even_distances() {
        for (values, wanted) in [
            (int(1, 10, 4), "1,5,9,"),
            (
                int(i32::MIN, i32::MAX, i32::MAX),
                "-2147483648,-1,2147483646,",
            ),
            (long(1, 3, 1), "1,2,3,"),
            (long(3, 1, -1), "3,2,1,"),
            (long(3, 1, -3), "3,"),
            (long(7, 7, -1), "7,"),
            (long(7, 7, 1), "7,"),
            (
                long(i64::MIN, i64::MAX, i64::MAX),
                "-9223372036854775808,-1,9223372036854775806,",
            ),
            (real(0.5, 2.0, 0.5), "0.5,1.0,1.5,2.0,"),
            (real(1.0, -1.0, -0.75), "1.0,0.25,-0.5,"),
        ] {
            assert_eq!(shown(&values), wanted, "{values:?}");
        }
    }

    #[test]
    fn a_step_that_leads_nowhere_gives_nothing() {
        for values in [
            int(1, 2, 0),
            int(1, 2, -1),
            long(1, 2, 0),
            long(1, 2, -1),
            long(2, 1, 1),
            long(1, 1, 0),
            real(1.0, 2.0, 0.0),
            real(1.0, 2.0, -1.0),
            real(1.0, f64::NAN, 1.0),
        ] {
            assert_eq!(values.rows, 0, "{values:?}");
        }
        let one = ScalarValue::Int64(Some(1));
        let none = Values::new(&one, &ScalarValue::Int64(None), &one);
        assert_eq!(none.expect("nothing").rows, 0);
    }

    #[test]
    fn more_than_ten_million_are_refused() {
        let longs = |to| {
            let of = |value| ScalarValue::Int64(Some(value));
            Values::new(&of(1), &of(to), &of(1))
        };
        assert_eq!(longs(10_000_000).expect("fits").rows, 10_000_000);
        assert!(matches!(longs(10_000_001), Err(HuntError::Evaluation(_))));
        assert!(matches!(longs(i64::MAX), Err(HuntError::Evaluation(_))));
        let reals = |to| {
            let of = |value| ScalarValue::Float64(Some(value));
            Values::new(&of(1.0), &of(to), &of(1.0))
        };
        assert_eq!(reals(10_000_000.0).expect("fits").rows, 10_000_000);
        for to in [10_000_001.0, f64::INFINITY] {
            assert!(matches!(reals(to), Err(HuntError::Evaluation(_))));
        }
    }

    /// A scan of 1 to `rows`, of the columns asked for.
    async fn scan(
        context: &SessionContext,
        rows: i64,
        projection: Option<Vec<usize>>,
    ) -> Arc<dyn ExecutionPlan> {
        let field = Field::new("c0", DataType::Int64, true);
        let table = RangeTable::new(Arc::new(Schema::new(vec![field])), long(1, rows, 1));
        let state = context.state();
        let plan = table.scan(&state, projection.as_ref(), &[], None);
        plan.await.expect("a plan")
    }

    fn context() -> SessionContext {
        SessionContext::new_with_config(SessionConfig::new().with_batch_size(10))
    }

    #[tokio::test]
    async fn values_are_made_as_they_are_read() {
        let context = context();
        let plan = scan(&context, 10_000_000, None).await;
        let mut rows = plan.execute(0, context.task_ctx()).expect("a stream");
        for first in [1, 11] {
            let batch = rows.next().await.expect("a batch").expect("values");
            let values = batch.column(0).as_any();
            let values = values.downcast_ref::<Int64Array>().expect("longs");
            assert_eq!((values.value(0), values.len()), (first, 10));
        }
        let metrics = plan.metrics().expect("metrics");
        assert_eq!(metrics.output_rows(), Some(20), "the rest was not made");
        assert!(metrics.elapsed_compute() > Some(0));
    }

    #[tokio::test]
    async fn parts_are_one_behind_the_other_and_rows_are_counted_without_columns() {
        let context = context();
        let statistics = |plan: &Arc<dyn ExecutionPlan>, partition| {
            let args = StatisticsArgs::new().with_partition(partition);
            let all = StatisticsContext::new().compute(plan.as_ref(), &args);
            all.expect("statistics").num_rows
        };
        for (projection, columns) in [(None, 1), (Some(vec![0]), 1), (Some(Vec::new()), 0)] {
            let whole = scan(&context, 95, projection).await;
            assert_eq!(statistics(&whole, None), Precision::Exact(95));
            let config = context.state().config_options().clone();
            let split = whole.repartitioned(3, &config).expect("a plan");
            let split = split.expect("there are ten batches");
            assert_eq!(statistics(&split, None), Precision::Exact(95));
            assert_eq!(statistics(&split, Some(2)), Precision::Exact(15));
            let mut rows = 0;
            for partition in 0..3 {
                let stream = split.execute(partition, context.task_ctx());
                let mut stream = stream.expect("a stream");
                while let Some(batch) = stream.next().await {
                    let batch = batch.expect("values");
                    assert_eq!(batch.num_columns(), columns);
                    if columns == 1 {
                        let first = format!("{:?}", batch.column(0).slice(0, 1));
                        assert!(first.contains(&format!("\n  {},\n", rows + 1)), "{first}");
                    }
                    rows += batch.num_rows();
                }
            }
            assert_eq!(rows, 95);
            assert!(split.execute(3, context.task_ctx()).is_err());
            assert!(split.repartitioned(4, &config).expect("a plan").is_none());
        }
        // Fewer batches than parts stay together, in their order.
        let few = scan(&context, 20, None).await;
        let config = context.state().config_options().clone();
        assert!(few.repartitioned(3, &config).expect("a plan").is_none());
    }
}
