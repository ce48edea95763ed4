//! `series_fir` and `series_iir`.

use std::cell::Cell;

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::fourier::{convolution, transform_steps};
use super::{bool_at, complete, push_series};

/// Products of a batch up to which sums of products are computed as they are defined. What is beyond is convolved by
/// transforms, which is as exact as the largest values allow but rounds differently.
const DIRECT: usize = 1 << 28;

/// Products of one series up to which they are, so that a long one does not take what others may have.
const DIRECT_OF_ONE: usize = 1 << 24;

/// Transforms of a convolution, each of whose steps costs as much as some products.
const TRANSFORMS: usize = 2 * 4;

/// How large values may be for a transform, whose sums are larger.
const LARGE: f64 = 1e100;

/// `series_fir(series, filter, normalize, center)`: what lies outside the series counts as 0.
pub(super) fn finite(call: &Call) -> Result<ArrayRef> {
    let (series, filters) = (call.texts(0)?, call.texts(1)?);
    let effort = call.effort(1);
    let direct = Cell::new(DIRECT);
    let made = call.make_texts(|row, out| {
        let (Some(x), Some(mut filter)) = (complete(series.some(row)), complete(filters.some(row)))
        else {
            return false;
        };
        let negative = filter.iter().any(|c| *c < 0.0);
        let normalize = bool_at(call, 2, row).unwrap_or(!negative);
        if normalize && negative {
            return false;
        }
        if normalize {
            let sum: f64 = filter.iter().sum();
            filter.iter_mut().for_each(|c| *c /= sum);
        }
        let ahead = if bool_at(call, 3, row).unwrap_or(false) {
            filter.len() / 2
        } else {
            0
        };
        // What reaches beyond the series never meets a value.
        filter.truncate(x.len() + ahead);
        let Some(values) = sums(&x, &filter, ahead, &direct, &effort) else {
            return false;
        };
        push_series(out, &values);
        true
    })?;
    effort.outcome(made, "series_fir")
}

/// Each element with those before it, `ahead` of them after it, times the filter. `direct` is what is left of the batch's
/// products that are computed as they are defined. None without effort for it.
fn sums(
    x: &[f64],
    filter: &[f64],
    ahead: usize,
    direct: &Cell<usize>,
    effort: &Effort,
) -> Option<Vec<f64>> {
    let calm = |list: &[f64]| list.iter().all(|v| v.abs() < LARGE);
    let products = x.len().saturating_mul(filter.len());
    if products > DIRECT_OF_ONE.min(direct.get()) && calm(x) && calm(filter) {
        let steps = transform_steps(x.len() + filter.len());
        return effort.spend(TRANSFORMS, steps).then(|| {
            let mut all = convolution(x, filter);
            all.drain(..ahead);
            all.truncate(x.len());
            all
        });
    }
    if !effort.spend(x.len(), filter.len()) {
        return None;
    }
    direct.set(direct.get().saturating_sub(products));
    let sum = |i: usize| {
        let terms = filter.iter().enumerate().filter_map(|(k, c)| {
            (i + ahead)
                .checked_sub(k)
                .and_then(|at| Some(c * x.get(at)?))
        });
        terms.sum()
    };
    Some((0..x.len()).map(sum).collect())
}

/// `series_iir(series, numerators, denominators)`.
pub(super) fn infinite(call: &Call) -> Result<ArrayRef> {
    let (series, numerators, denominators) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    let effort = call.effort(1);
    let made = call.make_texts(|row, out| {
        let (Some(x), Some(b), Some(a)) = (
            complete(series.some(row)),
            complete(numerators.some(row)),
            complete(denominators.some(row)),
        ) else {
            return false;
        };
        let Some(first) = a.first().filter(|f| **f != 0.0) else {
            return false;
        };
        if !effort.spend(x.len(), b.len().saturating_add(a.len())) {
            return false;
        }
        let mut y: Vec<f64> = Vec::with_capacity(x.len());
        for i in 0..x.len() {
            let back =
                |k: usize, list: &[f64]| i.checked_sub(k).and_then(|at| list.get(at).copied());
            let fed: f64 = b
                .iter()
                .enumerate()
                .filter_map(|(k, c)| Some(c * back(k, &x)?))
                .sum();
            let own: f64 = a
                .iter()
                .enumerate()
                .skip(1)
                .filter_map(|(k, c)| Some(c * back(k, &y)?))
                .sum();
            y.push((fed - own) / first);
        }
        push_series(out, &y);
        true
    })?;
    effort.outcome(made, "series_iir")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given_up::GivenUp;

    fn effort(steps: u64) -> Effort {
        Effort::of((1 << 32) / steps, GivenUp::default())
    }

    #[test]
    fn the_rows_of_a_batch_share_what_is_computed_as_defined() {
        let x = [0.1, 0.7, -0.3, 1e6, 0.9, 0.2, 0.4, 0.8];
        let filter = [0.3, -0.1, 0.7];
        let direct = Cell::new(60);
        let effort = effort(1 << 20);
        let wanted = |i: usize| -> f64 {
            let terms = filter.iter().enumerate();
            terms
                .filter_map(|(k, c)| Some(c * x.get((i + 1).checked_sub(k)?)?))
                .sum()
        };
        // Two rows of 24 products, then one that is too much.
        for left in [36, 12, 12, 12] {
            let found = sums(&x, &filter, 1, &direct, &effort).unwrap();
            assert_eq!((found.len(), direct.get()), (x.len(), left));
            for (i, found) in found.into_iter().enumerate() {
                assert!((found - wanted(i)).abs() < 1e-6, "{i}: {found}");
            }
        }
    }

    #[test]
    fn what_transforms_cannot_take_is_refused_where_it_is_too_much() {
        let effort = effort(100);
        let direct = Cell::new(0);
        let large = [1e300; 10];
        for wanted in [true, true, false] {
            let found = sums(&large, &[1.0; 5], 0, &direct, &effort);
            assert_eq!(found.is_some(), wanted);
        }
        assert!(effort.outcome((), "series_fir").is_err());
    }
}
