//! Sums, products, spread, correlation and outliers of series.

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::super::call::{Argument, Call};
use super::super::conversion::Number;
use super::{Part, complete, numbers, push_optional, push_parts, real_at, text_at};

/// `series_sum`, `series_product`: of the elements that are numbers.
pub(super) fn folded(call: &Call, start: f64, f: impl Fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_reals(|row| {
        let values = numbers(series.some(row))?;
        Some(values.into_iter().flatten().fold(start, &f))
    })
}

pub(super) fn magnitude(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_reals(|row| {
        let values = numbers(series.some(row))?;
        Some(
            values
                .into_iter()
                .flatten()
                .map(|v| v * v)
                .sum::<f64>()
                .sqrt(),
        )
    })
}

/// The pairs of numbers of two series; one side may be a number, which stands for all elements.
fn pairs(left: &Argument, right: &Argument, row: usize) -> Option<Vec<(f64, f64)>> {
    let side = |argument: &Argument| -> Option<(Vec<Option<f64>>, bool)> {
        if argument.ty == Type::Dynamic {
            return Some((numbers(argument.texts().ok()?.some(row))?, false));
        }
        Some((vec![Number::of(argument).ok()?.real(row)], true))
    };
    let ((left, left_alone), (right, right_alone)) = (side(left)?, side(right)?);
    let length = match (left_alone, right_alone) {
        (true, _) => right.len(),
        (_, true) => left.len(),
        _ => left.len().min(right.len()),
    };
    let at = |list: &[Option<f64>], alone: bool, i: usize| {
        list.get(if alone { 0 } else { i }).copied().flatten()
    };
    let all = (0..length)
        .filter_map(|i| Some((at(&left, left_alone, i)?, at(&right, right_alone, i)?)))
        .collect::<Vec<_>>();
    (length > 0).then_some(all)
}

fn dot(pairs: &[(f64, f64)]) -> f64 {
    pairs.iter().map(|(a, b)| a * b).sum()
}

pub(super) fn dot_product(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.arg(0)?, call.arg(1)?);
    call.make_reals(|row| Some(dot(&pairs(left, right, row)?)))
}

/// `series_cosine_similarity(a, b, magnitude of a, magnitude of b)`.
pub(super) fn cosine_similarity(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.arg(0)?, call.arg(1)?);
    call.make_reals(|row| {
        let pairs = pairs(left, right, row)?;
        let length =
            |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).map(|v| v * v).sum::<f64>().sqrt();
        let a = real_at(call, 2, row).unwrap_or_else(|| length(|p| p.0));
        let b = real_at(call, 3, row).unwrap_or_else(|| length(|p| p.1));
        Some(dot(&pairs) / (a * b))
    })
}

/// Null unless both series have as many elements, all numbers.
pub(super) fn pearson_correlation(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_reals(|row| {
        let (a, b) = (complete(left.some(row))?, complete(right.some(row))?);
        (a.len() == b.len() && !a.is_empty()).then(|| correlation(&a, &b))
    })
}

/// The mean of numbers.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Pearson's correlation of two series of one length.
pub(super) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    ab / (aa * bb).sqrt()
}

/// `series_stats` and `series_stats_dynamic`.
pub(super) fn stats(call: &Call, named: bool) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let ignore = super::bool_at(call, 1, row).unwrap_or(false);
        let Some(all) = numbers(series.some(row)) else {
            return false;
        };
        let finite: Vec<(usize, f64)> = all
            .iter()
            .enumerate()
            .filter_map(|(i, v)| v.filter(|v| v.is_finite()).map(|v| (i, v)))
            .collect();
        if finite.is_empty() || (!ignore && finite.len() < all.len()) {
            return false;
        }
        let extreme = |better: fn(f64, f64) -> bool| {
            let pick =
                |best: (usize, f64), v: &(usize, f64)| if better(v.1, best.1) { *v } else { best };
            finite.iter().skip(1).fold(finite[0], pick)
        };
        let (least, greatest) = (extreme(|a, b| a < b), extreme(|a, b| a > b));
        let count = finite.len() as f64;
        let sum: f64 = finite.iter().map(|v| v.1).sum();
        let squares: f64 = finite.iter().map(|v| (v.1 - sum / count).powi(2)).sum();
        let variance = if finite.len() > 1 {
            squares / (count - 1.0)
        } else {
            0.0
        };
        let mut parts = vec![
            ("min", Part::Real(least.1)),
            ("min_idx", Part::Long(least.0)),
            ("max", Part::Real(greatest.1)),
            ("max_idx", Part::Long(greatest.0)),
            ("avg", Part::Real(sum / count)),
            ("stdev", Part::Real(variance.sqrt())),
            ("variance", Part::Real(variance)),
        ];
        if named {
            parts.push(("sum", Part::Real(sum)));
            parts.push(("len", Part::Long(all.len())));
        }
        push_parts(out, &parts, named);
        true
    })
}

/// A percentile by interpolation between the values around it; the values are sorted.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let at = percent / 100.0 * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * at.fract()
}

/// How far every value lies outside the range between two percentiles, in widths of that range: Tukey's fences.
/// Values without a number score 0. The first `learn` values make the range.
pub(super) fn tukey(values: &[Option<f64>], learn: usize, low: f64, high: f64) -> Vec<f64> {
    let mut sorted: Vec<f64> = values[..learn.min(values.len())]
        .iter()
        .flatten()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return vec![0.0; values.len()];
    }
    let (from, to) = (percentile(&sorted, low), percentile(&sorted, high));
    let width = to - from;
    let score = |value: f64| {
        let outside = if value > to {
            value - to
        } else if value < from {
            value - from
        } else {
            return 0.0;
        };
        outside / width
    };
    values
        .iter()
        .map(|v| v.filter(|v| v.is_finite()).map_or(0.0, score))
        .collect()
}

/// The percentiles of a method of detection.
pub(super) fn fences(method: &str, low: Option<f64>, high: Option<f64>) -> Option<(f64, f64)> {
    match method {
        "" | "ctukey" => {
            let bounded = |v: Option<f64>, default: f64| v.unwrap_or(default).clamp(2.0, 98.0);
            Some((bounded(low, 10.0), bounded(high, 90.0)))
        }
        "tukey" => Some((25.0, 75.0)),
        _ => None,
    }
}

/// `series_outliers(series, kind, ignore, low, high, test points)`.
pub(super) fn outliers(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(mut values) = numbers(series.some(row)) else {
            return false;
        };
        let ignored = real_at(call, 2, row);
        values
            .iter_mut()
            .for_each(|v| *v = v.filter(|v| Some(*v) != ignored));
        let (low, high) = (real_at(call, 3, row), real_at(call, 4, row));
        let Some((low, high)) = fences(text_at(call, 1, row).unwrap_or(""), low, high) else {
            return false;
        };
        let test = super::long_at(call, 5, row).unwrap_or(0).max(0) as usize;
        let scores = tukey(&values, values.len().saturating_sub(test), low, high);
        push_optional(out, scores.into_iter().map(Some));
        true
    })
}
