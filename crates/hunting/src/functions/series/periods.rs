//! Periods of a series: `series_periods_detect` and `series_periods_validate`.
//!
//! The score of a period is how a series correlates with itself that many elements later, where this is greater than
//! for the lags beside it. (The pages do not say how the service computes its scores.)

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::stats::correlation;
use super::{complete, long_at, push_series, real_at};

/// Elements of a period at least, as documented.
const SHORTEST: usize = 4;
/// Periods that are given at most.
const MOST_PERIODS: i64 = 1_000;

/// How a series correlates with itself `lag` elements later; 0 where it is constant.
fn self_correlation(values: &[f64], lag: usize) -> f64 {
    let kept = values.len() - lag;
    let found = correlation(&values[..kept], &values[lag..]);
    if found.is_finite() { found } else { 0.0 }
}

/// The score of a period, 0 when it is none.
fn score(values: &[f64], period: usize) -> f64 {
    if period < SHORTEST || period >= values.len() / 2 {
        return 0.0;
    }
    let here = self_correlation(values, period);
    let peak = here >= self_correlation(values, period - 1)
        && here >= self_correlation(values, period + 1);
    if peak { here.max(0.0) } else { 0.0 }
}

/// The periods between two limits with a score, best first; of equal scores the shorter.
pub(super) fn periods(values: &[f64], least: f64, most: f64) -> Vec<(usize, f64)> {
    let mut found: Vec<(usize, f64)> = (SHORTEST..values.len() / 2)
        .filter(|p| (least..=most).contains(&(*p as f64)))
        .map(|p| (p, score(values, p)))
        .filter(|(_, score)| *score > 0.0)
        .collect();
    // A multiple of a period repeats as well: it is not better than a period that is about as good.
    let found_so = found.clone();
    for (period, score) in &mut found {
        let shorter = found_so
            .iter()
            .filter(|(p, s)| *p < *period && period.is_multiple_of(*p) && *s >= 0.9 * *score);
        *score = shorter.map(|(_, s)| *s).fold(*score, f64::min);
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found
}

fn push_pair(out: &mut String, periods: &[f64], scores: &[f64]) {
    out.push('[');
    push_series(out, periods);
    out.push(',');
    push_series(out, scores);
    out.push(']');
}

/// Whether a period says nothing that a better one has not said: a multiple of it, or one beside it.
fn is_echo(period: usize, better: usize) -> bool {
    period.is_multiple_of(better) || period.abs_diff(better) * 5 < better
}

/// `series_periods_detect(series, least, most, count)`.
pub(super) fn detect(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let (Some(values), Some(least), Some(most), Some(count)) = (
            complete(series.some(row)),
            real_at(call, 1, row),
            real_at(call, 2, row),
            long_at(call, 3, row),
        ) else {
            return false;
        };
        let count = count.clamp(0, MOST_PERIODS) as usize;
        let mut kept: Vec<(usize, f64)> = Vec::new();
        for (period, score) in periods(&values, least, most) {
            let known = kept.iter().any(|(p, _)| is_echo(period, *p));
            if kept.len() < count && !known && score >= 0.5 {
                kept.push((period, score));
            }
        }
        kept.resize(count, (0, 0.0));
        let (periods, scores): (Vec<f64>, Vec<f64>) =
            kept.into_iter().map(|(p, s)| (p as f64, s)).unzip();
        push_pair(out, &periods, &scores);
        true
    })
}

/// `series_periods_validate(series, period…)`.
pub(super) fn validate(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(values) = complete(series.some(row)) else {
            return false;
        };
        let periods: Vec<f64> = (1..call.args.len())
            .map(|i| real_at(call, i, row).unwrap_or(0.0))
            .collect();
        let scores: Vec<f64> = periods
            .iter()
            .map(|p| score(&values, p.round().clamp(0.0, 1e9) as usize))
            .collect();
        push_pair(out, &periods, &scores);
        true
    })
}
