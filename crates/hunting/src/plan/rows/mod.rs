//! Plan nodes of our own: steps that need the rows' order, or that turn one row into several.

mod exec;
mod expand;
mod first_per_key;
mod parts;
mod pattern;
mod plugin;
mod window;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use async_trait::async_trait;
use bartizan_kql::bound::{MvExpandKind, WindowFn};
use bartizan_kql::types::Type;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use crate::row_order::greatest_first;
use crate::types::data_type;
pub(crate) use exec::RowExec;
pub(crate) use parts::{Parts, numbered};
pub(crate) use pattern::ParseSpec;
pub(crate) use plugin::{Kernel, Made, PluginSpec, Work};

/// A step over rows. Its output is the input's columns and then its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowOp {
    /// All partitions one after the other: the rows' order as storage gives it, or as a sort below made it.
    Gather,
    /// The first row of every combination of the named columns.
    FirstPerKey {
        /// Names of the key columns.
        keys: Vec<String>,
    },
    /// Window functions over the rows in order.
    Window {
        /// The calls.
        calls: Vec<WindowSpec>,
        /// Columns whose distinct values each have a sequence of their own.
        partition: Vec<String>,
    },
    /// Arrays and bags become rows.
    Expand {
        /// What is expanded, in step.
        items: Vec<ExpandItem>,
        /// The column of positions.
        index: Option<String>,
        /// Rows per input row at most.
        limit: Option<i64>,
        /// How bags are expanded.
        kind: MvExpandKind,
    },
    /// Captures of a pattern become columns.
    Parse(ParseSpec),
    /// A step of its own kind; it may replace the input's columns.
    Plugin(PluginSpec),
}

/// A window function over named columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WindowSpec {
    /// The function.
    pub function: WindowFn,
    /// Its arguments: columns of the input.
    pub args: Vec<(String, Type)>,
    /// The name of the result.
    pub output: String,
    /// The type of the result.
    pub ty: Type,
}

/// An array that is expanded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExpandItem {
    /// The column that holds it.
    pub array: String,
    /// The name of the elements' column.
    pub output: String,
    /// The type of the elements' column.
    pub ty: Type,
}

impl RowOp {
    /// Names and types of the columns that are added.
    fn added(&self) -> Vec<(String, DataType)> {
        match self {
            Self::Gather | Self::FirstPerKey { .. } => Vec::new(),
            Self::Window { calls, .. } => calls
                .iter()
                .map(|c| (c.output.clone(), data_type(c.ty)))
                .collect(),
            Self::Plugin(spec) => spec
                .outputs
                .iter()
                .map(|(name, ty)| (name.clone(), data_type(*ty)))
                .collect(),
            Self::Expand { items, index, .. } => items
                .iter()
                .map(|i| (i.output.clone(), data_type(i.ty)))
                .chain(index.iter().map(|name| (name.clone(), DataType::Int64)))
                .collect(),
            Self::Parse(spec) => spec
                .captures()
                .map(|(name, ty)| (name.to_owned(), data_type(ty)))
                .collect(),
        }
    }

    /// The input columns that the step itself reads.
    fn reads(&self) -> Vec<&str> {
        match self {
            Self::Gather => Vec::new(),
            Self::FirstPerKey { keys } => keys.iter().map(String::as_str).collect(),
            Self::Window { calls, partition } => calls
                .iter()
                .flat_map(|c| c.args.iter().map(|(name, _)| name.as_str()))
                .chain(partition.iter().map(String::as_str))
                .collect(),
            Self::Plugin(spec) => spec
                .args
                .iter()
                .map(|(name, _)| name.as_str())
                .chain(spec.partition.iter().map(String::as_str))
                .collect(),
            Self::Expand { items, .. } => items.iter().map(|i| i.array.as_str()).collect(),
            Self::Parse(spec) => vec![spec.source()],
        }
    }

    /// Whether a column of the input is one of the output, too.
    fn keeps(&self, name: &str) -> bool {
        match self {
            Self::Plugin(spec) => spec.adds || spec.partition.iter().any(|p| p == name),
            _ => true,
        }
    }

    /// Whether the output's rows are in the input's order.
    fn keeps_order(&self) -> bool {
        match self {
            Self::Plugin(spec) => spec.adds && spec.partition.is_empty(),
            _ => true,
        }
    }

    /// Whether the step needs all rows in one sequence.
    fn needs_order(&self) -> bool {
        !matches!(self, Self::Expand { .. } | Self::Parse(_))
    }

    /// Whether a condition on input columns may as well be tested before the step.
    fn lets_filters_through(&self) -> bool {
        matches!(self, Self::Expand { .. } | Self::Parse(_))
    }
}

/// The logical node of a [`RowOp`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowNode {
    input: LogicalPlan,
    op: RowOp,
    /// Whether the query sorted the input, so that its order has to be kept.
    sorted: bool,
    schema: DFSchemaRef,
}

impl RowNode {
    /// A plan with this step on top of `input`; `sorted` when the query gave the input an order.
    pub(crate) fn plan(input: LogicalPlan, op: RowOp, sorted: bool) -> Result<LogicalPlan> {
        Ok(LogicalPlan::Extension(Extension {
            node: Arc::new(Self::new(input, op, sorted)?),
        }))
    }

    fn new(input: LogicalPlan, op: RowOp, sorted: bool) -> Result<Self> {
        let mut fields: Vec<_> = input
            .schema()
            .iter()
            .filter(|(_, field)| op.keeps(field.name()))
            .map(|(qualifier, field)| (qualifier.cloned(), field.clone()))
            .collect();
        for (name, ty) in op.added() {
            fields.push((None, Arc::new(Field::new(name, ty, true))));
        }
        let schema = DFSchema::new_with_metadata(fields, std::collections::HashMap::new())?;
        Ok(Self {
            input,
            op,
            sorted,
            schema: Arc::new(schema),
        })
    }
}

impl RowNode {
    /// The columns that the input is sorted by: without them the order would not be known any more.
    fn order_columns(&self) -> Vec<usize> {
        if !self.sorted || !self.op.needs_order() {
            return Vec::new();
        }
        let input = self.input.schema();
        super::relation::sort_columns(&self.input)
            .iter()
            .filter_map(|name| input.index_of_column_by_name(None, name))
            .collect()
    }
}

impl PartialOrd for RowNode {
    fn partial_cmp(&self, _other: &Self) -> Option<Ordering> {
        None
    }
}

impl UserDefinedLogicalNodeCore for RowNode {
    fn name(&self) -> &str {
        match self.op {
            RowOp::Gather => "Gather",
            RowOp::FirstPerKey { .. } => "FirstPerKey",
            RowOp::Window { .. } => "WindowInOrder",
            RowOp::Plugin(_) => "Plugin",
            RowOp::Expand { .. } => "Expand",
            RowOp::Parse(_) => "Parse",
        }
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let all = self.schema.fields().iter().map(|f| f.name().clone());
        if self.op.lets_filters_through() {
            all.skip(self.input.schema().fields().len()).collect()
        } else {
            all.collect()
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", UserDefinedLogicalNodeCore::name(self))?;
        for name in self.op.reads() {
            write!(f, " {name}")?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs
            .into_iter()
            .next()
            .ok_or_else(|| DataFusionError::Internal("a row step lost its input".into()))?;
        Self::new(input, self.op.clone(), self.sorted)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let width = input.fields().len();
        if !input.fields().iter().all(|f| self.op.keeps(f.name())) {
            // Positions of the output are none of the input.
            let read = self.op.reads().into_iter();
            let mut wanted = read
                .map(|name| input.index_of_column_by_name(None, name))
                .collect::<Option<Vec<_>>>()?;
            wanted.extend(self.order_columns());
            wanted.sort_unstable();
            wanted.dedup();
            return Some(vec![wanted]);
        }
        let mut wanted: Vec<usize> = output_columns
            .iter()
            .copied()
            .filter(|i| *i < width)
            .collect();
        for name in self.op.reads() {
            wanted.push(input.index_of_column_by_name(None, name)?);
        }
        wanted.extend(self.order_columns());
        wanted.sort_unstable();
        wanted.dedup();
        Some(vec![wanted])
    }
}

/// DataFusion's planner, plus the nodes above.
#[derive(Debug)]
pub(crate) struct KqlQueryPlanner {
    /// Whether what is newest is read first where a sort wants it.
    pub newest_first: bool,
}

#[async_trait]
impl QueryPlanner for KqlQueryPlanner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(RowPlanner)]);
        let plan = planner.create_physical_plan(logical_plan, session).await?;
        if !self.newest_first {
            return Ok(plan);
        }
        greatest_first(plan, 2 * session.config().batch_size())
    }
}

struct RowPlanner;

#[async_trait]
impl ExtensionPlanner for RowPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _planning_ctx: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), Some(input)) = (
            node.as_any().downcast_ref::<RowNode>(),
            physical_inputs.first(),
        ) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(RowExec::new(
            input.clone(),
            node.op.clone(),
            node.sorted,
        )?)))
    }
}
