//! Periods of a series: `series_periods_detect` and `series_periods_validate`.
//!
//! The score of a period is how a series correlates with itself that many elements later, where this is greater than
//! for the lags beside it. (The pages do not say how the service computes its scores.)

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::fourier::convolution;
use super::stats::{correlation, mean};
use super::{complete, long_at, push_series, real_at};

/// Elements of a period at least, as documented.
const SHORTEST: usize = 4;
/// Periods that are given at most.
const MOST_PERIODS: i64 = 1_000;

/// Elements of a series up to which each lag is computed on its own.
const LONG: usize = 1_024;

/// The spread of so many numbers, as a part of something that it was computed from, up to which it is rounding.
fn rounding(count: usize) -> f64 {
    (count as f64 * f64::EPSILON).max(1e-12)
}

/// Whether values differ by no more than their mean is rounded by: what remains of them without it is noise.
fn is_flat(values: &[f64]) -> bool {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
    high - low <= low.abs().max(high.abs()) * values.len() as f64 * f64::EPSILON
}

/// How a series correlates with itself `lag` elements later; 0 where it is constant.
fn self_correlation(values: &[f64], lag: usize) -> f64 {
    let kept = values.len() - lag;
    let (earlier, later) = (&values[..kept], &values[lag..]);
    if is_flat(earlier) || is_flat(later) {
        return 0.0;
    }
    let found = correlation(earlier, later);
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

/// How a series correlates with itself for every lag up to its half, by transforms: what sums of products take for each
/// lag on its own is minutes for a long series. It rounds differently.
fn self_correlations(values: &[f64]) -> Vec<f64> {
    let count = values.len();
    let lags = count / 2 + 1;
    if !values.iter().all(|v| v.is_finite()) || is_flat(values) {
        return vec![0.0; lags];
    }
    let most = values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let scale = if most > 0.0 { most } else { 1.0 };
    let scaled: Vec<f64> = values.iter().map(|v| v / scale).collect();
    let middle = mean(&scaled);
    let around: Vec<f64> = scaled.into_iter().map(|v| v - middle).collect();
    let backward: Vec<f64> = around.iter().rev().copied().collect();
    let products = convolution(&around, &backward);
    // Sums of the first elements, and of their squares.
    let running = |of: fn(f64) -> f64| -> Vec<f64> {
        let mut sum = 0.0;
        let add = |v: &f64| {
            sum += of(*v);
            sum
        };
        std::iter::once(0.0).chain(around.iter().map(add)).collect()
    };
    let (sums, squares) = (running(|v| v), running(|v| v * v));
    let spread = squares[count];
    (0..lags)
        .map(|lag| {
            let kept = count - lag;
            let parts = kept as f64;
            let (a, b) = (sums[kept], sums[count] - sums[lag]);
            let aa = squares[kept] - a * a / parts;
            let bb = squares[count] - squares[lag] - b * b / parts;
            // Sums of many squares are rounded as often: what is left of a part without spread.
            if aa.min(bb) <= spread * rounding(count) {
                return 0.0;
            }
            let ab = products[count - 1 - lag] - a * b / parts;
            (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)
        })
        .collect()
}

/// The periods between two limits with a score, best first; of equal scores the shorter.
pub(super) fn periods(values: &[f64], least: f64, most: f64) -> Vec<(usize, f64)> {
    let candidates = SHORTEST..values.len() / 2;
    // From the lag before the shortest period to the one after the longest.
    let known: Vec<f64> = if values.len() > LONG {
        self_correlations(values)
    } else {
        (0..candidates.end + 1)
            .map(|lag| match lag < SHORTEST - 1 {
                true => 0.0,
                false => self_correlation(values, lag),
            })
            .collect()
    };
    let mut found: Vec<(usize, f64)> = candidates
        .filter(|p| (least..=most).contains(&(*p as f64)))
        .filter(|p| known[*p] >= known[p - 1] && known[*p] >= known[p + 1])
        .map(|p| (p, known[p]))
        .filter(|(_, score)| *score > 0.0)
        .collect();
    // A multiple of a period repeats as well: it is not better than a period that is about as good.
    let mut scores = vec![0.0; values.len() / 2];
    found.iter().for_each(|(p, score)| scores[*p] = *score);
    let mut limits = scores.clone();
    for (period, score) in &found {
        for multiple in (2 * period..scores.len()).step_by(*period) {
            if *score >= 0.9 * scores[multiple] {
                limits[multiple] = score.min(limits[multiple]);
            }
        }
    }
    for (period, score) in &mut found {
        *score = limits[*period];
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
            if kept.len() == count || score < 0.5 {
                break;
            }
            if !kept.iter().any(|(p, _)| is_echo(period, *p)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lags_at_once_are_what_each_is_on_its_own() {
        let values: Vec<f64> = (0..500)
            .map(|i| f64::from(i % 12) * 3.0 + f64::from(i * i % 17) + 1e6)
            .collect();
        for (lag, found) in self_correlations(&values).into_iter().enumerate() {
            let wanted = self_correlation(&values, lag);
            assert!((found - wanted).abs() < 1e-9, "{lag}: {found} for {wanted}");
        }
        assert!(self_correlations(&[2.5; 50]).iter().all(|c| *c == 0.0));
        // One value that is much larger than the rest does not hide what they do.
        let mut peaked: Vec<f64> = (0..2_000).map(|i| f64::from(i % 12) * 1e-7).collect();
        peaked[1_999] = 1.0;
        for (lag, found) in self_correlations(&peaked).into_iter().enumerate() {
            let wanted = self_correlation(&peaked, lag);
            assert!((found - wanted).abs() < 1e-6, "{lag}: {found} for {wanted}");
        }
        let broken = [&values[..], &[f64::NAN]].concat();
        assert!(self_correlations(&broken).iter().all(|c| *c == 0.0));
    }

    #[test]
    fn what_is_constant_but_for_rounding_has_no_period() {
        for count in [50, LONG, LONG + 1, 100_000] {
            for value in [0.1, 1e9 / 3.0, -1e-7] {
                let constant = vec![value; count];
                assert_eq!(
                    periods(&constant, 0.0, f64::INFINITY),
                    [],
                    "{count} {value}"
                );
                let nearly: Vec<f64> = (0..count)
                    .map(|i| {
                        if i % 8 < 4 {
                            value
                        } else {
                            value * (1.0 + f64::EPSILON)
                        }
                    })
                    .collect();
                assert_eq!(periods(&nearly, 0.0, f64::INFINITY), [], "{count} {value}");
            }
            // Constant from some element on.
            let ends: Vec<f64> = (0..count).map(|i| if i < 3 { 7.0 } else { 0.1 }).collect();
            assert_eq!(periods(&ends, 0.0, f64::INFINITY), [], "{count}");
        }
    }

    #[test]
    fn the_period_of_a_long_series_is_found() {
        let values: Vec<f64> = (0..LONG * 20).map(|i| (i % 24) as f64).collect();
        let (period, score) = periods(&values, 0.0, f64::INFINITY)[0];
        assert!(
            period.is_multiple_of(24) && score > 0.99,
            "{period} {score}"
        );
    }
}
