//! Plugins and operators that have kernels of their own.

use std::sync::Arc;

use bartizan_kql::bound::{self, Node, Plan, Plugin};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use super::relation::{dedup_aliases, is_sorted, order_of};
use super::rows::{Kernel, PluginSpec, RowNode, RowOp};
use super::{Planner, column, column_name};
use crate::error::HuntError;
use crate::plugins::{self, Call};

impl Planner<'_> {
    /// Plans a [`Node::Plugin`].
    pub(super) fn plugin(&self, plan: &Plan) -> Result<LogicalPlan, HuntError> {
        let Node::Plugin {
            input,
            plugin,
            args,
            constants,
            lookup,
            outputs,
            partition,
        } = &plan.node
        else {
            return Err(HuntError::Internal("not a plugin".into()));
        };
        let rows = self.relation(input)?;
        let mut columns = if plugin.adds() {
            let mut columns = self.carried(&input.columns);
            columns.extend(order_of(input, &rows));
            columns
        } else {
            partition.iter().map(|id| column(*id)).collect()
        };
        let mut names = Vec::with_capacity(args.len());
        for (i, arg) in args.iter().enumerate() {
            let name = format!("y{i}");
            columns.push(self.expression(arg)?.alias(&name));
            names.push((name, arg.ty));
        }
        let rows = LogicalPlanBuilder::new(rows)
            .project(dedup_aliases(columns))?
            .build()?;
        let constants = constants
            .iter()
            .map(|c| self.constant(c))
            .collect::<Result<Vec<_>, _>>()?;
        let lookup = match lookup {
            Some(id) => Some(self.shared_batch(*id)?),
            None => None,
        };
        let types = args.iter().map(|a| a.ty).collect();
        let call = Call {
            types,
            constants,
            lookup,
        };
        let kernel: Arc<dyn Kernel> = match plugin {
            Plugin::Scan(scan) => self.scan(scan)?,
            Plugin::Graph(graph) => self.graph(graph, call.lookup, outputs)?,
            plugin => plugins::kernel(plugin, call, outputs)?,
        };
        let spec = PluginSpec {
            name: plugin.name(),
            args: names,
            partition: partition.iter().map(|id| column_name(*id)).collect(),
            outputs: outputs.iter().map(|c| (column_name(c.id), c.ty)).collect(),
            adds: plugin.adds(),
            batchwise: partition.is_empty()
                && matches!(plugin, Plugin::IpLookup { .. } | Plugin::GeoLookup { .. }),
            kernel,
        };
        let made = RowNode::plan(rows, RowOp::Plugin(spec), is_sorted(input))?;
        self.select(plan, made)
    }

    /// The rows of a shared result in one batch, in the order of its columns.
    fn shared_batch(&self, id: bound::SharedId) -> Result<arrow::array::RecordBatch, HuntError> {
        let result = self.shared(id)?;
        let failed = datafusion::error::DataFusionError::from;
        let wanted: Vec<usize> = self.query.shared[id.0 as usize]
            .columns
            .iter()
            .map(|c| result.schema.index_of(&column_name(c.id)))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        let batch =
            arrow::compute::concat_batches(&result.schema, &result.batches).map_err(failed)?;
        Ok(batch.project(&wanted).map_err(failed)?)
    }

    /// The kernel of `scan`, with its expressions.
    fn scan(&self, scan: &bound::ScanPlan) -> Result<Arc<dyn Kernel>, HuntError> {
        let mut steps = Vec::with_capacity(scan.steps.len());
        for step in &scan.steps {
            let assignments = step
                .assignments
                .iter()
                .map(|(at, value)| Ok((*at, self.expression(value)?)))
                .collect::<Result<Vec<_>, HuntError>>()?;
            steps.push(plugins::scan::Step {
                state: step.state.iter().map(|id| column_name(*id)).collect(),
                condition: self.expression(&step.condition)?,
                assignments,
                output: step.output,
            });
        }
        let mut defaults = Vec::with_capacity(scan.declared.len());
        for (column, value) in &scan.declared {
            defaults.push((column.ty, self.constant(value)?));
        }
        let input = scan
            .input
            .iter()
            .map(|c| (column_name(c.id), c.ty))
            .collect();
        plugins::scan::kernel(input, defaults, steps, &self.context.state)
    }
}
