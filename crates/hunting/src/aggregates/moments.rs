//! `stdev`, `variance` and their population forms (Welford's method, merged after Chan).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::function::MomentKind;
use super::passes;

/// Count, mean and sum of squared differences of a group.
#[derive(Clone, Copy, Default)]
struct Spread {
    count: i64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    fn merge(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        let total = (self.count + other.count) as f64;
        let delta = other.mean - self.mean;
        self.squares +=
            other.squares + delta * delta * self.count as f64 * other.count as f64 / total;
        self.mean += delta * other.count as f64 / total;
        self.count += other.count;
    }

    fn result(&self, kind: MomentKind) -> Option<f64> {
        let sample = matches!(kind, MomentKind::Variance | MomentKind::Stdev);
        let degrees = self.count - i64::from(sample);
        let variance = match (self.count, degrees) {
            (0, _) => return None,
            // One value alone has no spread.
            (_, 0) => 0.0,
            _ => self.squares / degrees as f64,
        };
        Some(match kind {
            MomentKind::Variance | MomentKind::VarianceP => variance,
            MomentKind::Stdev | MomentKind::StdevP => variance.sqrt(),
        })
    }
}

/// Spread per group.
pub(super) struct Moments {
    kind: MomentKind,
    groups: Vec<Spread>,
}

impl Moments {
    pub(super) fn new(kind: MomentKind) -> Self {
        Self {
            kind,
            groups: Vec::new(),
        }
    }

    fn grow(&mut self, groups: usize) {
        self.groups
            .resize(groups.max(self.groups.len()), Spread::default());
    }
}

impl GroupsAccumulator for Moments {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let reals = values[0].as_primitive::<Float64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if reals.is_valid(row) && passes(opt_filter, row) {
                self.groups[*group].add(reals.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let results: Float64Array = groups.iter().map(|g| g.result(self.kind)).collect();
        Ok(Arc::new(results))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(groups.iter().map(|g| g.count))),
            Arc::new(Float64Array::from_iter_values(
                groups.iter().map(|g| g.mean),
            )),
            Arc::new(Float64Array::from_iter_values(
                groups.iter().map(|g| g.squares),
            )),
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
        let means = values[1].as_primitive::<Float64Type>();
        let squares = values[2].as_primitive::<Float64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            self.groups[*group].merge(Spread {
                count: counts.value(row),
                mean: means.value(row),
                squares: squares.value(row),
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
        let mut fresh = Self::new(self.kind);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Spread>()
    }
}
