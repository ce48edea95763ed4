//! `series_fir` and `series_iir`.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::super::effort::Effort;
use super::fourier::convolution;
use super::{bool_at, complete, push_series};

/// Products up to which a sum of products is computed as it is defined. What is longer is convolved by transforms, which
/// is as exact as the largest values allow but rounds differently.
const DIRECT: usize = 1 << 24;

/// How large values may be for a transform, whose sums are larger.
const LARGE: f64 = 1e100;

/// `series_fir(series, filter, normalize, center)`: what lies outside the series counts as 0.
pub(super) fn finite(call: &Call) -> Result<ArrayRef> {
    let (series, filters) = (call.texts(0)?, call.texts(1)?);
    let effort = Effort::of(1);
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
        let calm = |list: &[f64]| list.iter().all(|v| v.abs() < LARGE);
        if x.len().saturating_mul(filter.len()) > DIRECT && calm(&x) && calm(&filter) {
            let all = convolution(&x, &filter);
            push_series(out, &all[ahead..][..x.len()]);
            return true;
        }
        if !effort.spend(x.len(), filter.len()) {
            return false;
        }
        let values: Vec<f64> = (0..x.len())
            .map(|i| {
                let terms = filter.iter().enumerate().filter_map(|(k, c)| {
                    (i + ahead)
                        .checked_sub(k)
                        .and_then(|at| Some(c * x.get(at)?))
                });
                terms.sum()
            })
            .collect();
        push_series(out, &values);
        true
    })?;
    effort.outcome(made, "series_fir")
}

/// `series_iir(series, numerators, denominators)`.
pub(super) fn infinite(call: &Call) -> Result<ArrayRef> {
    let (series, numerators, denominators) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    let effort = Effort::of(1);
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
