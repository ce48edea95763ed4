//! `covariance` and `covariancep`, updated value by value and merged as the spread of one column is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::passes;

/// Count, means and the sum of the products of the differences from them.
#[derive(Clone, Copy, Default)]
struct Together {
    count: i64,
    x: f64,
    y: f64,
    products: f64,
}

impl Together {
    fn add(&mut self, x: f64, y: f64) {
        self.merge(Self {
            count: 1,
            x,
            y,
            products: 0.0,
        });
    }

    fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        let total = (self.count + other.count) as f64;
        let (dx, dy) = (other.x - self.x, other.y - self.y);
        let share = other.count as f64 / total;
        self.products += other.products + dx * dy * self.count as f64 * share;
        self.x += dx * share;
        self.y += dy * share;
        self.count += other.count;
    }

    fn result(&self, sample: bool) -> Option<f64> {
        match self.count - i64::from(sample) {
            _ if self.count == 0 => None,
            // One pair alone has no spread.
            0 => Some(0.0),
            degrees => Some(self.products / degrees as f64),
        }
    }
}

/// Covariance per group.
pub(super) struct Covariance {
    sample: bool,
    groups: Vec<Together>,
}

impl Covariance {
    pub(super) fn new(sample: bool) -> Self {
        Self {
            sample,
            groups: Vec::new(),
        }
    }

    fn grow(&mut self, groups: usize) {
        self.groups
            .resize(groups.max(self.groups.len()), Together::default());
    }
}

impl GroupsAccumulator for Covariance {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let xs = values[0].as_primitive::<Float64Type>();
        let ys = values[1].as_primitive::<Float64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if xs.is_valid(row) && ys.is_valid(row) && passes(opt_filter, row) {
                self.groups[*group].add(xs.value(row), ys.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let results: Float64Array = groups.iter().map(|g| g.result(self.sample)).collect();
        Ok(Arc::new(results))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        let column = |of: fn(&Together) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(groups.iter().map(of)))
        };
        let counts = Int64Array::from_iter_values(groups.iter().map(|g| g.count));
        Ok(vec![
            Arc::new(counts),
            column(|g| g.x),
            column(|g| g.y),
            column(|g| g.products),
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
        let column = |i: usize| values[i].as_primitive::<Float64Type>();
        let (xs, ys, products) = (column(1), column(2), column(3));
        for (row, group) in group_indices.iter().enumerate() {
            self.groups[*group].merge(Together {
                count: counts.value(row),
                x: xs.value(row),
                y: ys.value(row),
                products: products.value(row),
            });
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut fresh = Self::new(self.sample);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Together>()
    }
}
