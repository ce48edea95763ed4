//! `narrow`, `rows_near` and `rolling_percentile`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewBuilder, UInt32Array};
use arrow::compute::{SortOptions, sort_to_indices, take};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::values::{bin, of_points, picked, points, positive, real, strings, whole};
use crate::error::HuntError;
use crate::plan::{Kernel, Made, Parts};

/// `narrow`: a row for every cell.
pub(super) struct Narrow {
    pub(super) names: Vec<String>,
}

impl Kernel for Narrow {
    fn run(&self, args: &[ArrayRef], rows: usize) -> Result<Made> {
        let texts: Vec<Vec<&str>> = args.iter().map(strings).collect();
        let mut numbers = Vec::with_capacity(rows * args.len());
        let (mut names, mut values) = (StringViewBuilder::new(), StringViewBuilder::new());
        for row in 0..rows {
            for (name, column) in self.names.iter().zip(&texts) {
                numbers.push(row as i64);
                names.append_value(name);
                values.append_value(column[row]);
            }
        }
        Ok(Made {
            rows: None,
            columns: vec![
                Arc::new(Int64Array::from(numbers)),
                Arc::new(names.finish()),
                Arc::new(values.finish()),
            ],
        })
    }
}

/// `rows_near`: the rows around those that fulfil a condition.
pub(super) struct RowsNear {
    before: usize,
    after: usize,
}

impl RowsNear {
    pub(super) fn new(call: &Call) -> Self {
        let count = |at: usize| {
            let value = call.constants.get(at).and_then(whole).unwrap_or(0);
            usize::try_from(value).unwrap_or(0)
        };
        Self {
            before: count(0),
            after: count(1),
        }
    }
}

impl Kernel for RowsNear {
    fn run(&self, args: &[ArrayRef], rows: usize) -> Result<Made> {
        let condition = args[0].as_boolean();
        let mut kept = Vec::new();
        let mut next = 0;
        for row in 0..rows {
            if !condition.is_valid(row) || !condition.value(row) {
                continue;
            }
            let start = row.saturating_sub(self.before).max(next);
            let end = row.saturating_add(self.after).saturating_add(1).min(rows);
            kept.extend((start..end).map(|row| row as u32));
            next = next.max(end);
        }
        Ok(Made {
            rows: Some(UInt32Array::from(kept)),
            columns: Vec::new(),
        })
    }
}

/// `rolling_percentile`: for every bin the percentile of the values of the last bins.
pub(super) struct RollingPercentile {
    percentage: f64,
    size: i64,
    bins: i64,
    index: Type,
}

impl RollingPercentile {
    pub(super) fn new(call: &Call) -> std::result::Result<Self, HuntError> {
        Ok(Self {
            percentage: call.constants.first().and_then(real).unwrap_or(50.0),
            size: positive(&call.constants, 1, "rolling_percentile: the bin")?,
            bins: positive(&call.constants, 2, "rolling_percentile: the number of bins")?,
            index: call.types.get(1).copied().unwrap_or(Type::Long),
        })
    }
}

impl Kernel for RollingPercentile {
    fn run(&self, args: &[ArrayRef], rows: usize) -> Result<Made> {
        let index = points(&args[1])?;
        let options = SortOptions {
            descending: false,
            nulls_first: true,
        };
        let sorted = sort_to_indices(&args[0], Some(options), None)?;
        let (mut bins, mut firsts, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
        let mut rank_of_row = vec![0u32; rows];
        for (rank, row) in sorted.values().iter().enumerate() {
            rank_of_row[*row as usize] = rank as u32;
        }
        for part in Parts::by(&args[2..], rows)?.members() {
            let mut of_bin: std::collections::BTreeMap<i64, Vec<u32>> = Default::default();
            for row in part {
                if let Some(at) = index[*row as usize]
                    && args[0].is_valid(*row as usize)
                {
                    let ranks = of_bin.entry(bin(at, 0, self.size)).or_default();
                    ranks.push(rank_of_row[*row as usize]);
                }
            }
            for at in of_bin.keys() {
                let oldest = at - (self.bins - 1) * self.size;
                let mut ranks: Vec<u32> = of_bin
                    .range(oldest..=*at)
                    .flat_map(|(_, ranks)| ranks.iter().copied())
                    .collect();
                ranks.sort_unstable();
                let place = (self.percentage / 100.0 * ranks.len() as f64).ceil() as usize;
                let rank = ranks[place.clamp(1, ranks.len()) - 1];
                bins.push(*at);
                firsts.push(part[0]);
                chosen.push(Some(sorted.value(rank as usize)));
            }
        }
        let firsts = UInt32Array::from(firsts);
        let mut columns = vec![of_points(bins, self.index)];
        for group in &args[2..] {
            columns.push(take(group, &firsts, None)?);
        }
        columns.push(picked(&args[0], &chosen, Type::Long)?);
        Ok(Made {
            rows: None,
            columns,
        })
    }
}
