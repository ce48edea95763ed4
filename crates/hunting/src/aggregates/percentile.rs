//! `percentile`, `percentiles`, `percentiles_array` and their weighted forms, exact by nearest rank.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StringViewBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int64Type};
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::passes;
use crate::functions::{json_column, number_array, number_column};

/// Values of every group, as whole numbers in the same order as the values.
pub(super) struct Percentiles {
    wanted: Vec<f64>,
    array: bool,
    ty: Type,
    /// The type of the weights. With them every other value is the weight of the one before.
    weights: Option<Type>,
    values: Vec<Vec<i64>>,
    count: usize,
}

impl Percentiles {
    /// One percentile, of the argument's type.
    pub(super) fn one(percentage: f64, ty: Type) -> Self {
        Self::new(vec![percentage], false, ty, None)
    }

    /// Several, as a dynamic array.
    pub(super) fn array(percentages: Vec<f64>, ty: Type) -> Self {
        Self::new(percentages, true, ty, None)
    }

    /// With weights in the second argument: one percentage, or several as a dynamic array.
    pub(super) fn weighted(percentages: Vec<f64>, array: bool, types: &[Type]) -> Self {
        let ty = types.first().copied().unwrap_or(Type::Long);
        Self::new(percentages, array, ty, types.get(1).copied())
    }

    fn new(wanted: Vec<f64>, array: bool, ty: Type, weights: Option<Type>) -> Self {
        Self {
            wanted,
            array,
            ty,
            weights,
            values: Vec::new(),
            count: 0,
        }
    }

    fn grow(&mut self, groups: usize) {
        self.values
            .resize(groups.max(self.values.len()), Vec::new());
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Vec<i64>> {
        let taken = emit_to.take_needed(&mut self.values);
        self.count -= taken.iter().map(Vec::len).sum::<usize>();
        taken
    }
}

/// Reals keep their order as whole numbers when negative ones have their other bits turned.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (bits >> 63 & i64::MAX)
}

fn real(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ (ordered >> 63 & i64::MAX)) as u64)
}

/// The nearest-rank percentile of sorted values.
fn at(sorted: &[i64], percentage: f64) -> Option<i64> {
    let rank = (percentage.clamp(0.0, 100.0) / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// As [`at`] for values that are each followed by their weight, sorted by value.
fn at_weight(sorted: &[(i64, i64)], percentage: f64) -> Option<i64> {
    let total: i64 = sorted.iter().map(|(_, w)| w).sum();
    let rank = (percentage.clamp(0.0, 100.0) / 100.0 * total as f64).ceil() as i64;
    let mut sum = 0;
    let reached = |(_, weight): &&(i64, i64)| {
        sum += weight;
        sum >= rank.max(1)
    };
    sorted.iter().find(reached).map(|(value, _)| *value)
}

impl GroupsAccumulator for Percentiles {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let fractional = matches!(self.ty, Type::Real | Type::Decimal);
        let number = number_column(&values[0], self.ty)?;
        let weights = match self.weights {
            Some(ty) => Some(number_column(&values[1], ty)?),
            None => None,
        };
        for (row, group) in group_indices.iter().enumerate() {
            if !passes(opt_filter, row) {
                continue;
            }
            let value = if fractional {
                number.real(row).map(ordered)
            } else {
                number.long(row)
            };
            let Some(value) = value else {
                continue;
            };
            if let Some(weights) = &weights {
                if let Some(weight) = weights.long(row).filter(|w| *w > 0) {
                    self.values[*group].extend([value, weight]);
                    self.count += 2;
                }
                continue;
            }
            self.values[*group].push(value);
            self.count += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut groups = self.take(emit_to);
        let mut pairs: Vec<Vec<(i64, i64)>> = Vec::new();
        if self.weights.is_some() {
            let paired = |g: &Vec<i64>| {
                let mut all: Vec<_> = g.chunks_exact(2).map(|p| (p[0], p[1])).collect();
                all.sort_unstable();
                all
            };
            pairs = groups.iter().map(paired).collect();
        } else {
            groups.iter_mut().for_each(|g| g.sort_unstable());
        }
        let fractional = matches!(self.ty, Type::Real | Type::Decimal);
        let column = |percentage: f64| -> Result<ArrayRef> {
            let picked = (0..groups.len()).map(|i| match pairs.get(i) {
                Some(pairs) => at_weight(pairs, percentage),
                None => at(&groups[i], percentage),
            });
            if fractional {
                number_array(picked.map(|v| v.map(real)).collect(), self.ty)
            } else {
                crate::functions::long_array(picked.collect(), self.ty)
            }
        };
        let columns = self
            .wanted
            .iter()
            .map(|p| column(*p))
            .collect::<Result<Vec<_>>>()?;
        if !self.array {
            return Ok(columns[0].clone());
        }
        let mut writers: Vec<_> = columns.iter().map(|c| json_column(c, self.ty)).collect();
        let mut builder = StringViewBuilder::with_capacity(groups.len());
        for (row, group) in groups.iter().enumerate() {
            if group.is_empty() {
                builder.append_null();
                continue;
            }
            let parts = writers
                .iter_mut()
                .map(|w| w(row))
                .collect::<Result<Vec<_>>>()?;
            builder.append_value(format!("[{}]", parts.join(",")));
        }
        Ok(Arc::new(builder.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        let offsets = OffsetBuffer::from_lengths(groups.iter().map(Vec::len));
        let all: Int64Array = groups.into_iter().flatten().map(Some).collect();
        let field = Arc::new(Field::new_list_field(DataType::Int64, true));
        Ok(vec![Arc::new(ListArray::try_new(
            field,
            offsets,
            Arc::new(all),
            None,
        )?)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let lists = values[0].as_list::<i32>();
        let longs = lists.values().as_primitive::<Int64Type>();
        let offsets = lists.value_offsets();
        for (row, group) in group_indices.iter().enumerate() {
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            self.count += range.len();
            self.values[*group].extend_from_slice(&longs.values()[range]);
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut fresh = Self::new(self.wanted.clone(), self.array, self.ty, self.weights);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.count * 12 + self.values.capacity() * 24
    }
}
