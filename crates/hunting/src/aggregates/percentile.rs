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
    /// The groups of the values: what a value costs is these twelve bytes, however few there are of a group.
    groups: Vec<u32>,
    values: Vec<i64>,
    /// How many groups there are.
    known: usize,
}

/// The values of some groups, one group after the other.
struct Grouped {
    values: Vec<i64>,
    ends: Vec<usize>,
}

impl Grouped {
    fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        let starts = std::iter::once(&0).chain(&self.ends);
        self.ends.iter().zip(starts).map(|(end, start)| end - start)
    }

    fn each(&mut self) -> impl Iterator<Item = &mut [i64]> {
        let mut rest = self.values.as_mut_slice();
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let (group, others) = std::mem::take(&mut rest).split_at_mut(end - start);
            (rest, start) = (others, *end);
            group
        })
    }
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
            groups: Vec::new(),
            values: Vec::new(),
            known: 0,
        }
    }

    fn grow(&mut self, groups: usize) {
        self.known = self.known.max(groups);
    }

    fn push(&mut self, group: usize, value: i64) {
        self.groups.push(group as u32);
        self.values.push(value);
    }

    /// Takes the first groups out; the order within a group stays.
    fn take(&mut self, emit_to: EmitTo) -> Grouped {
        let emitted = match emit_to {
            EmitTo::All => self.known,
            EmitTo::First(groups) => groups,
        };
        let mut counts = vec![0usize; emitted];
        for group in &self.groups {
            if let Some(count) = counts.get_mut(*group as usize) {
                *count += 1;
            }
        }
        // Where the next value of each group goes; in the end where the group ends.
        let mut total = 0;
        let mut ends: Vec<usize> = counts
            .iter()
            .map(|count| {
                total += count;
                total - count
            })
            .collect();
        let mut values = vec![0i64; total];
        let groups = std::mem::take(&mut self.groups);
        for (group, value) in groups.into_iter().zip(std::mem::take(&mut self.values)) {
            match ends.get_mut(group as usize) {
                Some(at) => {
                    values[*at] = value;
                    *at += 1;
                }
                None => self.push(group as usize - emitted, value),
            }
        }
        self.known -= emitted;
        Grouped { values, ends }
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

/// The nearest-rank percentile of values, which are put in some other order.
fn at(values: &mut [i64], percentage: f64) -> Option<i64> {
    // Multiplied first: 55 / 100 * 100 is more than 55.
    let rank = (percentage.clamp(0.0, 100.0) * values.len() as f64 / 100.0).ceil() as usize;
    let rank = rank.max(1) - 1;
    (rank < values.len()).then(|| *values.select_nth_unstable(rank).1)
}

/// As [`at`] for values that are each followed by their weight, sorted by value.
fn at_weight(sorted: &[(i64, i64)], percentage: f64) -> Option<i64> {
    let total: i128 = sorted.iter().map(|(_, w)| i128::from(*w)).sum();
    let rank = (percentage.clamp(0.0, 100.0) * total as f64 / 100.0).ceil() as i128;
    let mut sum = 0;
    let reached = |(_, weight): &&(i64, i64)| {
        sum += i128::from(*weight);
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
                    self.push(*group, value);
                    self.push(*group, weight);
                }
                continue;
            }
            self.push(*group, value);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut groups = self.take(emit_to);
        let fractional = matches!(self.ty, Type::Real | Type::Decimal);
        let weighted = self.weights.is_some();
        let empty: Vec<bool> = groups.lengths().map(|n| n == 0).collect();
        let mut column = |percentage: f64| -> Result<ArrayRef> {
            let picked = groups.each().map(|group| match weighted {
                true => {
                    let mut pairs: Vec<_> = group.chunks_exact(2).map(|p| (p[0], p[1])).collect();
                    pairs.sort_unstable();
                    at_weight(&pairs, percentage)
                }
                false => at(group, percentage),
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
        let mut builder = StringViewBuilder::with_capacity(empty.len());
        for (row, empty) in empty.into_iter().enumerate() {
            if empty {
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
        let offsets = OffsetBuffer::from_lengths(groups.lengths());
        let all = Int64Array::from(groups.values);
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
            for value in &longs.values()[range] {
                self.push(*group, *value);
            }
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
        self.groups.capacity() * 4 + self.values.capacity() * 8
    }
}
