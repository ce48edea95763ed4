//! The relational operators, except joins and aggregation.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use bartizan_kql::bound::{self, BinaryOp, Node, Plan, SharedId, UnionInput};
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, Union, binary_expr, lit,
};

use super::range::{RangeTable, Values};
use super::rows::{ExpandItem, ParseSpec, RowNode, RowOp, WindowSpec};
use super::{Planner, column, column_name, named};
use crate::error::HuntError;
use crate::functions;
use crate::types::data_type;

impl Planner<'_> {
    /// Plans a tabular expression. The output has at least the columns `c<id>` of `plan.columns`.
    pub(super) fn relation(&self, plan: &Plan) -> Result<LogicalPlan, HuntError> {
        match &plan.node {
            Node::Table { name, sources } => self.table(plan, name, sources),
            Node::Unit => Ok(LogicalPlanBuilder::empty(true).build()?),
            Node::DataTable { rows } => self.literal_rows(plan, rows),
            Node::Range { from, to, step } => self.range(plan, from, to, step),
            Node::Shared(id) => self.shared_rows(plan, *id),
            Node::Filter { input, predicate } => self.filter(input, predicate),
            Node::Project { input, exprs } => self.project(plan, input, exprs),
            Node::Window {
                input,
                calls,
                partition,
            } => self.window(input, calls, partition),
            Node::Summarize {
                input,
                by,
                aggregates,
            } => self.summarize(plan, input, by, aggregates),
            Node::Distinct { input } => self.distinct(plan, input),
            Node::Sort { input, keys } => self.sort(input, keys, None),
            Node::Top { input, count, keys } => {
                let count = self.row_count(count)?;
                self.sort(input, keys, Some(count))
            }
            Node::Take { input, count } => {
                let rows = self.relation(input)?;
                let rows = match input.node {
                    Node::Sort { .. } | Node::Top { .. } => rows,
                    _ => self.in_order(input, rows)?,
                };
                let count = self.row_count(count)?;
                Ok(LogicalPlanBuilder::new(rows)
                    .limit(0, Some(count))?
                    .build()?)
            }
            Node::Sample { input, count } => self.sample(input, count),
            Node::Serialize { input } => {
                let rows = self.relation(input)?;
                self.in_order(input, rows)
            }
            Node::Join {
                kind,
                left,
                right,
                on,
            } => self.join(plan, *kind, left, right, on),
            Node::Union { inputs } => self.union(plan, inputs),
            Node::MvExpand {
                input,
                items,
                index,
                limit,
                kind,
            } => self.expand(plan, input, items, *index, *limit, *kind),
            Node::Parse { input, .. } => self.parse_text(plan, input),
            Node::Plugin { .. } => self.plugin(plan),
            Node::External { .. } => self.external_rows(plan),
        }
    }

    /// The rows of all partitions one after the other.
    pub(super) fn in_order(
        &self,
        plan: &Plan,
        rows: LogicalPlan,
    ) -> Result<LogicalPlan, HuntError> {
        Ok(RowNode::plan(rows, RowOp::Gather, is_sorted(plan))?)
    }

    fn table(&self, plan: &Plan, name: &str, sources: &[String]) -> Result<LogicalPlan, HuntError> {
        let provider = self
            .providers
            .get(name)
            .ok_or_else(|| HuntError::Internal(format!("table {name} was not opened")))?;
        let table = TableReference::bare(name.to_owned());
        let of_table = |source: &str| Expr::Column(Column::new(Some(table.clone()), source));
        let mut builder =
            LogicalPlanBuilder::scan(table.clone(), provider_as_source(provider.clone()), None)?;
        if let (Some(window), Ok(field)) = (
            self.context.timespan,
            provider.schema().field_with_name("Timestamp"),
        ) && *field.data_type() == data_type(Type::DateTime)
        {
            let bound = |op, ticks| binary_expr(of_table("Timestamp"), op, lit(ticks));
            builder = builder.filter(
                bound(Operator::GtEq, window.start).and(bound(Operator::LtEq, window.end)),
            )?;
        }
        let columns = plan
            .columns
            .iter()
            .zip(sources)
            .map(|(c, source)| of_table(source).alias(column_name(c.id)));
        Ok(builder.project(columns)?.build()?)
    }

    fn memory(
        &self,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Result<LogicalPlanBuilder, HuntError> {
        rows_of(Arc::new(MemTable::try_new(schema, vec![batches])?))
    }

    fn literal_rows(
        &self,
        plan: &Plan,
        rows: &[Vec<bound::Value>],
    ) -> Result<LogicalPlan, HuntError> {
        let arrays = plan
            .columns
            .iter()
            .enumerate()
            .map(|(i, c)| {
                let values = rows
                    .iter()
                    .map(|row| functions::scalar(row.get(i).unwrap_or(&bound::Value::Null), c.ty));
                functions::array_of(values.collect(), c.ty)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let schema = columns_schema(plan);
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
            .map_err(datafusion::error::DataFusionError::from)?;
        self.unqualified(&plan.columns, self.memory(schema, vec![batch])?)
    }

    fn external_rows(&self, plan: &Plan) -> Result<LogicalPlan, HuntError> {
        let read = self.external.get(&super::ids(plan)).ok_or_else(|| {
            HuntError::Internal("the locations of an externaldata were not read".into())
        })?;
        self.unqualified(
            &plan.columns,
            self.memory(read.schema.clone(), read.batches.clone())?,
        )
    }

    /// Drops the qualifiers that a scan puts on its columns.
    fn unqualified<'c>(
        &self,
        names: impl IntoIterator<Item = &'c bound::Column>,
        scan: LogicalPlanBuilder,
    ) -> Result<LogicalPlan, HuntError> {
        let columns = scan
            .schema()
            .columns()
            .into_iter()
            .zip(names)
            .map(|(from, to)| Expr::Column(from).alias(column_name(to.id)))
            .collect::<Vec<_>>();
        Ok(scan.project(columns)?.build()?)
    }

    /// Those columns of a shared result that are read here.
    fn shared_rows(&self, plan: &Plan, id: SharedId) -> Result<LogicalPlan, HuntError> {
        let result = self.shared(id)?;
        let all = self.query.shared[id.0 as usize].columns.iter();
        let (from, to): (Vec<_>, Vec<_>) = all
            .zip(&plan.columns)
            .filter(|(_, to)| !self.unread.contains(&to.id))
            .unzip();
        let wanted: Vec<usize> = from
            .into_iter()
            .map(|c| result.schema.index_of(&column_name(c.id)))
            .collect::<Result<_, _>>()
            .map_err(datafusion::error::DataFusionError::from)?;
        let schema = Arc::new(
            result
                .schema
                .project(&wanted)
                .map_err(datafusion::error::DataFusionError::from)?,
        );
        let batches = result
            .batches
            .iter()
            .map(|b| b.project(&wanted))
            .collect::<Result<Vec<_>, _>>()
            .map_err(datafusion::error::DataFusionError::from)?;
        self.unqualified(to, self.memory(schema, batches)?)
    }

    fn range(
        &self,
        plan: &Plan,
        from: &bound::Expr,
        to: &bound::Expr,
        step: &bound::Expr,
    ) -> Result<LogicalPlan, HuntError> {
        let (from, to, step) = (
            self.constant(from)?,
            self.constant(to)?,
            self.constant(step)?,
        );
        let values = Values::new(&from, &to, &step)?;
        let table = Arc::new(RangeTable::new(columns_schema(plan), values));
        self.unqualified(&plan.columns, rows_of(table)?)
    }

    fn project(
        &self,
        plan: &Plan,
        input: &Plan,
        exprs: &[bound::Expr],
    ) -> Result<LogicalPlan, HuntError> {
        let rows = self.relation(input)?;
        let columns = exprs
            .iter()
            .zip(&plan.columns)
            .map(|(e, c)| Ok(self.expression(e)?.alias(column_name(c.id))))
            .collect::<Result<Vec<_>, HuntError>>()?;
        let columns = columns.into_iter().chain(order_of(input, &rows)).collect();
        // `columns` may hold one id twice when a projection repeats a column: a plan cannot.
        let columns = dedup_aliases(columns);
        Ok(LogicalPlanBuilder::new(rows).project(columns)?.build()?)
    }

    fn window(
        &self,
        input: &Plan,
        calls: &[bound::WindowCall],
        partition: &[bound::ColumnId],
    ) -> Result<LogicalPlan, HuntError> {
        let rows = self.relation(input)?;
        let mut columns = self.carried(&input.columns);
        columns.extend(order_of(input, &rows));
        let mut specs = Vec::with_capacity(calls.len());
        for call in calls {
            let mut args = Vec::with_capacity(call.args.len());
            for (i, arg) in call.args.iter().enumerate() {
                let name = format!("w{}_{i}", call.output.id.0);
                columns.push(self.expression(arg)?.alias(&name));
                args.push((name, arg.ty));
            }
            specs.push(WindowSpec {
                function: call.function,
                args,
                output: column_name(call.output.id),
                ty: call.output.ty,
            });
        }
        let rows = LogicalPlanBuilder::new(rows)
            .project(dedup_aliases(columns))?
            .build()?;
        let op = RowOp::Window {
            calls: specs,
            partition: partition.iter().map(|id| column_name(*id)).collect(),
        };
        Ok(RowNode::plan(rows, op, is_sorted(input))?)
    }

    fn distinct(&self, plan: &Plan, input: &Plan) -> Result<LogicalPlan, HuntError> {
        let rows = self.relation(input)?;
        let columns = dedup_aliases(plan.columns.iter().map(|c| column(c.id)).collect());
        Ok(LogicalPlanBuilder::new(rows)
            .aggregate(columns, Vec::<Expr>::new())?
            .build()?)
    }

    fn union(&self, plan: &Plan, inputs: &[UnionInput]) -> Result<LogicalPlan, HuntError> {
        let mut branches = Vec::with_capacity(inputs.len());
        for input in inputs {
            let rows = self.relation(&input.plan)?;
            let columns = plan
                .columns
                .iter()
                .zip(&input.mapping)
                .map(|(out, from)| {
                    let value = match from {
                        Some(id) => column(*id),
                        None => Expr::Literal(functions::null_of(out.ty), None),
                    };
                    value.alias(column_name(out.id))
                })
                .collect::<Vec<_>>();
            branches.push(Arc::new(
                LogicalPlanBuilder::new(rows).project(columns)?.build()?,
            ));
        }
        if branches.len() == 1 {
            return Ok(Arc::unwrap_or_clone(branches.remove(0)));
        }
        Ok(LogicalPlan::Union(Union::try_new_with_loose_types(
            branches,
        )?))
    }

    fn expand(
        &self,
        plan: &Plan,
        input: &Plan,
        items: &[bound::MvItem],
        index: Option<bound::ColumnId>,
        limit: Option<i64>,
        kind: bound::MvExpandKind,
    ) -> Result<LogicalPlan, HuntError> {
        let rows = self.relation(input)?;
        let mut columns = self.carried(&input.columns);
        columns.extend(order_of(input, &rows));
        let mut specs = Vec::with_capacity(items.len());
        for item in items {
            let array = format!("x{}", item.output.id.0);
            columns.push(self.expression(&item.array)?.alias(&array));
            specs.push(ExpandItem {
                array,
                output: column_name(item.output.id),
                ty: item.output.ty,
            });
        }
        let rows = LogicalPlanBuilder::new(rows)
            .project(dedup_aliases(columns))?
            .build()?;
        let op = RowOp::Expand {
            items: specs,
            index: index.map(column_name),
            limit,
            kind,
        };
        let expanded = RowNode::plan(rows, op, is_sorted(input))?;
        self.select(plan, expanded)
    }

    fn parse_text(&self, plan: &Plan, input: &Plan) -> Result<LogicalPlan, HuntError> {
        let Node::Parse {
            source,
            kind,
            flags,
            parts,
            only_matching,
            ..
        } = &plan.node
        else {
            return Err(HuntError::Internal("not a parse node".into()));
        };
        let rows = self.relation(input)?;
        let mut columns = self.carried(&input.columns);
        columns.extend(order_of(input, &rows));
        let id = parts.iter().find_map(|p| match p {
            bound::ParsePart::Capture(c) => Some(c.id.0),
            _ => None,
        });
        let source_name = format!("p{}", id.unwrap_or(u32::MAX));
        columns.push(self.expression(source)?.alias(&source_name));
        let rows = LogicalPlanBuilder::new(rows)
            .project(dedup_aliases(columns))?
            .build()?;
        let spec = ParseSpec::new(source_name, *kind, flags, parts, *only_matching)?;
        let parsed = RowNode::plan(rows, RowOp::Parse(spec), is_sorted(input))?;
        self.select(plan, parsed)
    }

    /// Keeps the columns of a node, and those that its rows are sorted by.
    pub(super) fn select(&self, plan: &Plan, rows: LogicalPlan) -> Result<LogicalPlan, HuntError> {
        let columns = self.carried(&plan.columns).into_iter();
        let columns = dedup_aliases(columns.chain(order_of(plan, &rows)).collect());
        Ok(LogicalPlanBuilder::new(rows).project(columns)?.build()?)
    }

    /// The value of an expression without columns.
    pub(super) fn constant(&self, expr: &bound::Expr) -> Result<ScalarValue, HuntError> {
        let value = self.expression(expr)?;
        if !value.column_refs().is_empty() {
            let message =
                "A limit, a percentage or an accuracy must be a constant, not a value of a row";
            return Err(HuntError::Evaluation(message.to_owned()));
        }
        functions::evaluate_constant(&value, &self.context.state)
    }

    /// A number of rows; null and negative counts are none.
    pub(super) fn row_count(&self, expr: &bound::Expr) -> Result<usize, HuntError> {
        Ok(match self.constant(expr)? {
            ScalarValue::Int64(Some(n)) => usize::try_from(n).unwrap_or(0),
            _ => 0,
        })
    }
}

/// Whether the rows of a node have an order that the query gave them.
pub(super) fn is_sorted(plan: &Plan) -> bool {
    match &plan.node {
        Node::Sort { .. } | Node::Top { .. } => true,
        Node::Filter { input, .. }
        | Node::Project { input, .. }
        | Node::Window { input, .. }
        | Node::Take { input, .. }
        | Node::Serialize { input }
        | Node::MvExpand { input, .. }
        | Node::Parse { input, .. } => is_sorted(input),
        Node::Plugin {
            input,
            plugin,
            partition,
            ..
        } => plugin.adds() && partition.is_empty() && is_sorted(input),
        _ => false,
    }
}

/// The columns that the rows of a node are sorted by, when the query gave them an order. Where the query drops them they
/// are carried along: without them the engine would not know the order any more, and lose it.
pub(super) fn order_of(plan: &Plan, rows: &LogicalPlan) -> Vec<Expr> {
    if !is_sorted(plan) {
        return Vec::new();
    }
    sort_columns(rows).iter().map(|name| named(name)).collect()
}

/// The names of the columns of the nearest sort that are still in the rows.
pub(super) fn sort_columns(rows: &LogicalPlan) -> Vec<String> {
    let schema = rows.schema();
    let mut below = rows;
    loop {
        if let LogicalPlan::Sort(sort) = below {
            let names = sort.expr.iter().flat_map(|key| key.expr.column_refs());
            return names
                .map(|column| column.name().to_owned())
                .filter(|name| schema.index_of_column_by_name(None, name).is_some())
                .collect();
        }
        match below.inputs().as_slice() {
            [input] => below = input,
            _ => return Vec::new(),
        }
    }
}

/// The rows of a table that has no name in the query.
fn rows_of(table: Arc<dyn TableProvider>) -> Result<LogicalPlanBuilder, HuntError> {
    Ok(LogicalPlanBuilder::scan(
        TableReference::bare("memory"),
        provider_as_source(table),
        None,
    )?)
}

/// The schema of a node's columns in the engine's types.
pub(super) fn columns_schema(plan: &Plan) -> SchemaRef {
    let fields: Vec<Field> = plan
        .columns
        .iter()
        .map(|c| Field::new(column_name(c.id), data_type(c.ty), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// Leaves out expressions whose name was there already: they are the same stream of values.
pub(super) fn dedup_aliases(columns: Vec<Expr>) -> Vec<Expr> {
    let mut seen = std::collections::HashSet::new();
    columns
        .into_iter()
        .filter(|e| seen.insert(e.schema_name().to_string()))
        .collect()
}

/// The comparison operators that DataFusion has too.
pub(super) fn operator(op: BinaryOp) -> Option<Operator> {
    Some(match op {
        BinaryOp::Eq => Operator::Eq,
        BinaryOp::Ne => Operator::NotEq,
        BinaryOp::Lt => Operator::Lt,
        BinaryOp::Le => Operator::LtEq,
        BinaryOp::Gt => Operator::Gt,
        BinaryOp::Ge => Operator::GtEq,
        _ => return None,
    })
}
