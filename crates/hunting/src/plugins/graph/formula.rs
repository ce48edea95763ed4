//! Expressions over the nodes and edges of a pattern.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;

/// Where a value of an expression comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A node of the pattern and its column.
    Node(usize, usize),
    /// An edge of the pattern (not of variable length) and its column.
    Edge(usize, usize),
    /// A value over all elements of an edge.
    Collected(usize),
    /// A column of the element that `all`, `any` or `map` looks at.
    Element(usize),
}

/// An expression with what it needs.
pub(crate) struct Formula {
    /// What is evaluated, over the inputs as columns.
    pub expr: Arc<dyn PhysicalExpr>,
    /// The columns.
    pub schema: SchemaRef,
    /// What the columns are.
    pub inputs: Vec<Input>,
    /// It is nothing but its only input.
    pub is_bare: bool,
}

impl Formula {
    /// The values for `rows` rows whose inputs `column` gives.
    pub(super) fn values(
        &self,
        rows: usize,
        mut column: impl FnMut(Input) -> Result<ArrayRef>,
    ) -> Result<ArrayRef> {
        let columns = self
            .inputs
            .iter()
            .zip(self.schema.fields())
            .map(|(input, field)| {
                let values = column(*input)?;
                if values.data_type() == field.data_type() {
                    return Ok(values);
                }
                Ok(arrow::compute::cast(&values, field.data_type())?)
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        self.expr.evaluate(&batch)?.into_array(rows)
    }

    /// For which rows a condition is true.
    pub(super) fn truths(
        &self,
        rows: usize,
        column: impl FnMut(Input) -> Result<ArrayRef>,
    ) -> Result<Vec<bool>> {
        Ok(truths(&self.values(rows, column)?))
    }

    /// The only node of the pattern that it looks at.
    pub(super) fn only_node(&self) -> Option<usize> {
        let Input::Node(node, _) = self.inputs.first()? else {
            return None;
        };
        let same = |i: &Input| matches!(i, Input::Node(n, _) if n == node);
        self.inputs.iter().all(same).then_some(*node)
    }

    /// The only edge of the pattern that it looks at.
    pub(super) fn only_edge(&self) -> Option<usize> {
        let Input::Edge(edge, _) = self.inputs.first()? else {
            return None;
        };
        let same = |i: &Input| matches!(i, Input::Edge(e, _) if e == edge);
        self.inputs.iter().all(same).then_some(*edge)
    }

    /// Whether it looks at the element alone.
    pub(super) fn is_of_element(&self) -> bool {
        let element = |i: &Input| matches!(i, Input::Element(_));
        self.inputs.iter().all(element)
    }
}

/// Bools with null as false.
pub(super) fn truths(values: &ArrayRef) -> Vec<bool> {
    let values = values.as_boolean();
    (0..values.len())
        .map(|row| values.is_valid(row) && values.value(row))
        .collect()
}
