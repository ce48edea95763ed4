//! Graphs: the kernel of `make-graph` with its question, from the bound tree.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use bartizan_kql::bound::{
    self, ColumnId, ExprKind, Fold, GraphOperation, GraphPattern, GraphPlan,
};
use bartizan_kql::types::Type;
use datafusion::common::DFSchema;

use super::rows::Kernel;
use super::{Planner, column_name};
use crate::error::HuntError;
use crate::plugins::graph::{
    Collected, Formula, GraphKernel, Input, Pattern, PatternEdge, Question, Shape,
};
use crate::types::data_type;

/// What the columns of a pattern's expressions are.
type Inputs = HashMap<String, (Input, Type)>;

impl Planner<'_> {
    /// The kernel of a graph.
    pub(super) fn graph(
        &self,
        graph: &GraphPlan,
        lookup: Option<RecordBatch>,
        outputs: &[bound::Column],
    ) -> Result<Arc<dyn Kernel>, HuntError> {
        let question = match &graph.operation {
            GraphOperation::Graph => {
                let message = "a graph is no table: ask it with graph-match, graph-shortest-paths or graph-to-table";
                return Err(HuntError::Evaluation(message.to_owned()));
            }
            GraphOperation::Nodes { id } => Question::Nodes { id: *id },
            GraphOperation::Edges { source, target } => Question::Edges {
                source: *source,
                target: *target,
            },
            GraphOperation::Match(pattern) => Question::Match(self.pattern(graph, pattern)?),
        };
        let shape = Shape {
            edges: graph.edges.iter().map(|c| c.ty).collect(),
            nodes: graph.nodes.iter().map(|c| c.ty).collect(),
            ids: graph.ids.clone(),
            key: graph.key,
            partitioned: graph.partitioned,
            // Without tables of nodes only `with_node_id` and the components are properties.
            components: graph.components.clone(),
            lookup,
        };
        let outputs = outputs.iter().map(|c| c.ty).collect();
        Ok(Arc::new(GraphKernel::new(shape, question, outputs)))
    }

    fn pattern(&self, graph: &GraphPlan, pattern: &GraphPattern) -> Result<Pattern, HuntError> {
        let edge_types: Vec<Type> = graph.edges.iter().map(|c| c.ty).collect();
        let mut node_types: Vec<Type> = graph.nodes.iter().map(|c| c.ty).collect();
        node_types.extend([Type::Long, Type::Long, Type::String]);
        let mut seen = Inputs::new();
        for (at, node) in pattern.nodes.iter().enumerate() {
            let input = |column| Input::Node(at, column);
            see(&mut seen, &node.columns, &node_types, input);
        }
        for (at, edge) in pattern.edges.iter().enumerate() {
            let input = |column| Input::Edge(at, column);
            see(&mut seen, &edge.columns, &edge_types, input);
        }
        let mut collected = Vec::with_capacity(pattern.collected.len());
        for each in &pattern.collected {
            let types = if each.inner_nodes {
                &node_types
            } else {
                &edge_types
            };
            let mut inside = seen.clone();
            see(&mut inside, &each.element, types, Input::Element);
            collected.push(Collected {
                fold: each.fold,
                edge: each.edge,
                inner_nodes: each.inner_nodes,
                value: self.formula(&each.value, &inside)?,
                ty: each.value.ty,
            });
            // Later ones may be made of it.
            let at = collected.len() - 1;
            let ty = if each.fold == Fold::Map {
                Type::Dynamic
            } else {
                Type::Bool
            };
            seen.insert(column_name(each.id), (Input::Collected(at), ty));
        }
        let edges = pattern.edges.iter().map(|edge| PatternEdge {
            left: edge.left,
            right: edge.right,
            direction: edge.direction,
            range: edge.range,
        });
        Ok(Pattern {
            search: pattern.search,
            nodes: pattern.nodes.len(),
            edges: edges.collect(),
            collected,
            conditions: self.formulas(&pattern.conditions, &seen)?,
            project: self.formulas(&pattern.project, &seen)?,
        })
    }

    fn formulas(&self, exprs: &[bound::Expr], seen: &Inputs) -> Result<Vec<Formula>, HuntError> {
        exprs.iter().map(|e| self.formula(e, seen)).collect()
    }

    /// An expression over what a pattern sees.
    fn formula(&self, expr: &bound::Expr, seen: &Inputs) -> Result<Formula, HuntError> {
        let planned = self.expression(expr)?;
        let mut names: Vec<&str> = planned
            .column_refs()
            .into_iter()
            .map(|c| c.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut fields = Vec::with_capacity(names.len());
        let mut inputs = Vec::with_capacity(names.len());
        for name in names {
            let (input, ty) = seen.get(name).ok_or_else(|| {
                HuntError::Internal(format!("a pattern does not have the column {name}"))
            })?;
            fields.push(Field::new(name, data_type(*ty), true));
            inputs.push(*input);
        }
        let schema = Arc::new(Schema::new(fields));
        let known = DFSchema::try_from(schema.clone())?;
        Ok(Formula {
            expr: self.context.state.create_physical_expr(planned, &known)?,
            schema,
            inputs,
            is_bare: matches!(expr.kind, ExprKind::Column(_)),
        })
    }
}

fn see(seen: &mut Inputs, ids: &[ColumnId], types: &[Type], input: impl Fn(usize) -> Input) {
    for (column, (id, ty)) in ids.iter().zip(types).enumerate() {
        seen.insert(column_name(*id), (input(column), *ty));
    }
}
