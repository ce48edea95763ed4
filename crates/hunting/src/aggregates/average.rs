//! `avg` of times and decimals, summed exactly in 256 bits. (The average of numbers is DataFusion's, in reals.)

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal256Array, Int64Array};
use arrow::datatypes::{Decimal256Type, Int64Type, i256};
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::passes;
use crate::types::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// Count and sum per group.
pub(super) struct Average {
    ty: Type,
    groups: Vec<(i64, i256)>,
}

impl Average {
    pub(super) fn new(ty: Type) -> Self {
        Self {
            ty,
            groups: Vec::new(),
        }
    }

    fn grow(&mut self, groups: usize) {
        self.groups
            .resize(groups.max(self.groups.len()), (0, i256::ZERO));
    }

    fn add(&mut self, group: usize, count: i64, sum: i256) {
        let entry = &mut self.groups[group];
        entry.0 += count;
        entry.1 = entry.1.wrapping_add(sum);
    }
}

impl GroupsAccumulator for Average {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let column = &values[0];
        for (row, group) in group_indices.iter().enumerate() {
            if column.is_null(row) || !passes(opt_filter, row) {
                continue;
            }
            let value = match self.ty {
                Type::Decimal => column.as_primitive::<Decimal256Type>().value(row),
                _ => i256::from(column.as_primitive::<Int64Type>().value(row)),
            };
            self.add(*group, 1, value);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let means = groups
            .iter()
            .map(|(count, sum)| (*count != 0).then(|| sum.wrapping_div(i256::from(*count))));
        Ok(match self.ty {
            Type::Decimal => Arc::new(
                means
                    .collect::<Decimal256Array>()
                    .with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE)?,
            ),
            _ => Arc::new(
                means
                    .map(|m| m.and_then(|m| i64::try_from(m.to_i128()?).ok()))
                    .collect::<Int64Array>(),
            ),
        })
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        let sums = Decimal256Array::from_iter_values(groups.iter().map(|g| g.1));
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(groups.iter().map(|g| g.0))),
            Arc::new(sums.with_precision_and_scale(76, 0)?),
        ])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let counts = values[0].as_primitive::<Int64Type>();
        let sums = values[1].as_primitive::<Decimal256Type>();
        for (row, group) in group_indices.iter().enumerate() {
            self.add(*group, counts.value(row), sums.value(row));
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut fresh = Self::new(self.ty);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * 32
    }
}
