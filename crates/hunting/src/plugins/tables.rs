//! `narrow`, `rows_near` and `rolling_percentile`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewBuilder, UInt32Array};
use arrow::compute::{SortOptions, sort_to_indices, take};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{bin, of_points, picked, points, positive, real, strings, whole};
use crate::error::HuntError;
use crate::plan::{Kernel, Made, Parts, Work};

/// `narrow`: a row for every cell.
pub(super) struct Narrow {
    pub(super) names: Vec<String>,
}

impl Kernel for Narrow {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let texts: Vec<Vec<&str>> = args.iter().map(strings).collect();
        let mut numbers = Vec::new();
        let (mut names, mut values) = (StringViewBuilder::new(), StringViewBuilder::new());
        for row in 0..rows {
            for (name, column) in self.names.iter().zip(&texts) {
                // A number, and two texts with what stands for each.
                pace.keep(40 + name.len() + column[row].len())?;
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

/// Which of the ranks of a part are in the window, by partial sums (a Fenwick tree): the n-th of them is found in as
/// many steps as the number of ranks has bits.
struct Present {
    sums: Vec<u32>,
    total: usize,
}

impl Present {
    /// None of so many ranks.
    fn none_of(count: usize) -> Self {
        Self {
            sums: vec![0; count + 1],
            total: 0,
        }
    }

    fn change(&mut self, rank: u32, by: impl Fn(u32) -> u32) {
        let mut at = rank as usize + 1;
        while at < self.sums.len() {
            self.sums[at] = by(self.sums[at]);
            at += at & at.wrapping_neg();
        }
    }

    fn enter(&mut self, rank: u32) {
        self.change(rank, |sum| sum + 1);
        self.total += 1;
    }

    /// `rank` must be present.
    fn leave(&mut self, rank: u32) {
        self.change(rank, |sum| sum - 1);
        self.total -= 1;
    }

    /// The n-th least rank, counted from 1.
    fn nth(&self, n: usize) -> usize {
        let mut at = 0;
        let mut rest = n as u32;
        let mut stride = self.sums.len().next_power_of_two() / 2;
        while stride > 0 {
            if let Some(sum) = self.sums.get(at + stride).filter(|sum| **sum < rest) {
                rest -= sum;
                at += stride;
            }
            stride /= 2;
        }
        at
    }
}

impl Kernel for RollingPercentile {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
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
        let reach = (self.bins - 1).saturating_mul(self.size);
        for part in Parts::by(&args[2..], rows)?.members() {
            // The rows by rank; from here on a row is its place in this list.
            let mut ranked: Vec<u32> = part
                .iter()
                .copied()
                .filter(|row| index[*row as usize].is_some() && args[0].is_valid(*row as usize))
                .collect();
            ranked.sort_unstable_by_key(|row| rank_of_row[*row as usize]);
            let mut of_bin: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
            for (place, row) in ranked.iter().enumerate() {
                pace.step(1)?;
                if let Some(at) = index[*row as usize] {
                    let places = of_bin.entry(bin(at, 0, self.size)).or_default();
                    places.push(place as u32);
                }
            }
            let mut present = Present::none_of(ranked.len());
            let mut leaving = of_bin.iter().peekable();
            for (at, entering) in &of_bin {
                entering.iter().for_each(|place| present.enter(*place));
                let oldest = at.saturating_sub(reach);
                while let Some((_, places)) = leaving.next_if(|(bin, _)| **bin < oldest) {
                    places.iter().for_each(|place| present.leave(*place));
                    pace.step(places.len())?;
                }
                let nth = (self.percentage / 100.0 * present.total as f64).ceil() as usize;
                let place = present.nth(nth.clamp(1, present.total));
                pace.step(entering.len())?;
                pace.keep(32 + 16 * (args.len() - 1))?;
                bins.push(*at);
                firsts.push(part[0]);
                chosen.push(ranked.get(place).copied());
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

#[cfg(test)]
mod tests {
    use super::Present;

    #[test]
    fn the_nth_of_those_present() {
        let mut present = Present::none_of(11);
        [10, 3, 7, 0, 5].into_iter().for_each(|r| present.enter(r));
        present.leave(7);
        let found: Vec<usize> = (1..=present.total).map(|n| present.nth(n)).collect();
        assert_eq!(found, [0, 3, 5, 10]);
    }
}
