//! Season, trend and rest of a series: `series_seasonal`, `series_decompose` and relatives.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::Call;
use super::fit::line_of;
use super::periods::periods;
use super::stats::{fences, mean, tukey};
use super::{Part, complete, long_at, push_parts, push_series, real_at, text_at};

/// The least score of a period that `series_seasonal` finds itself (docs page "series-seasonal-function").
const SEASONAL_SCORE: f64 = 0.7;
/// The same for `series_decompose` (docs page "series-decompose-function").
const DECOMPOSE_SCORE: f64 = 0.6;

/// How a series is taken apart.
struct Wanted<'a> {
    /// A length, 0 for none, -1 for what is found.
    period: i64,
    trend: &'a str,
    /// Elements at the end that are not learnt from.
    test: usize,
    /// The least score of a period that is found.
    score: f64,
}

/// The parts of a series.
struct Parts {
    baseline: Vec<f64>,
    seasonal: Vec<f64>,
    trend: Vec<f64>,
    residual: Vec<f64>,
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

/// The seasonal part for all elements, learnt from the first `learn`.
fn season(values: &[f64], learn: usize, period: i64, least_score: f64) -> Vec<f64> {
    let learnt = &values[..learn];
    let period = match period {
        0 => None,
        p if p > 0 => usize::try_from(p).ok(),
        -1 => periods(learnt, 0.0, f64::INFINITY)
            .into_iter()
            .find(|(_, score)| *score >= least_score)
            .map(|(period, _)| period),
        _ => None,
    };
    let Some(period) = period.filter(|p| *p <= learn) else {
        return vec![0.0; values.len()];
    };
    let phases: Vec<f64> = (0..period)
        .map(|phase| {
            let mut all: Vec<f64> = learnt.iter().skip(phase).step_by(period).copied().collect();
            median(&mut all)
        })
        .collect();
    (0..values.len()).map(|i| phases[i % period]).collect()
}

/// `series_seasonal(series, period, test points)`.
pub(super) fn seasonal(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(values) = complete(series.some(row)) else {
            return false;
        };
        let test = long_at(call, 2, row).unwrap_or(0).max(0) as usize;
        let learn = values.len().saturating_sub(test);
        let period = long_at(call, 1, row).unwrap_or(-1);
        push_series(out, &season(&values, learn, period, SEASONAL_SCORE));
        true
    })
}

/// None for a trend that is not known, or for no values to learn from.
fn take_apart(values: &[f64], wanted: &Wanted<'_>) -> Option<Parts> {
    let learn = values.len().saturating_sub(wanted.test);
    if learn == 0 {
        return None;
    }
    let mut seasonal = season(values, learn, wanted.period, wanted.score);
    // The season is what goes up and down around the trend.
    if seasonal.iter().any(|v| *v != 0.0) && wanted.trend != "none" {
        let middle = mean(&seasonal[..learn]);
        seasonal.iter_mut().for_each(|v| *v -= middle);
    }
    let rest: Vec<f64> = values[..learn]
        .iter()
        .zip(&seasonal)
        .map(|(v, s)| v - s)
        .collect();
    let trend: Vec<f64> = match wanted.trend {
        "" | "avg" => vec![mean(&rest); values.len()],
        "linefit" => {
            let line = line_of(&rest)?;
            (0..values.len())
                .map(|i| line.interception + line.slope * i as f64)
                .collect()
        }
        "none" => vec![0.0; values.len()],
        _ => return None,
    };
    let baseline: Vec<f64> = seasonal.iter().zip(&trend).map(|(s, t)| s + t).collect();
    let residual = values.iter().zip(&baseline).map(|(v, b)| v - b).collect();
    Some(Parts {
        baseline,
        seasonal,
        trend,
        residual,
    })
}

fn push_all(out: &mut String, parts: &Parts) {
    let all = [
        ("baseline", Part::Series(&parts.baseline)),
        ("seasonal", Part::Series(&parts.seasonal)),
        ("trend", Part::Series(&parts.trend)),
        ("residual", Part::Series(&parts.residual)),
    ];
    push_parts(out, &all, false);
}

/// `series_decompose(series, period, trend, test points, threshold)`.
pub(super) fn decompose(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let wanted = Wanted {
            period: long_at(call, 1, row).unwrap_or(-1),
            trend: text_at(call, 2, row).unwrap_or(""),
            test: long_at(call, 3, row).unwrap_or(0).max(0) as usize,
            score: real_at(call, 4, row).unwrap_or(DECOMPOSE_SCORE),
        };
        let parts = complete(series.some(row)).and_then(|v| take_apart(&v, &wanted));
        parts.map(|parts| push_all(out, &parts)).is_some()
    })
}

/// `series_decompose_forecast(series, points, period, trend, threshold)`.
pub(super) fn forecast(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let wanted = Wanted {
            test: long_at(call, 1, row).unwrap_or(0).max(0) as usize,
            period: long_at(call, 2, row).unwrap_or(-1),
            trend: text_at(call, 3, row).unwrap_or(""),
            score: real_at(call, 4, row).unwrap_or(DECOMPOSE_SCORE),
        };
        let parts = complete(series.some(row)).and_then(|v| take_apart(&v, &wanted));
        parts.map(|parts| push_all(out, &parts)).is_some()
    })
}

/// `series_decompose_anomalies(series, threshold, period, trend, test points, method, seasonality threshold)`.
pub(super) fn anomalies(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let threshold = real_at(call, 1, row).unwrap_or(1.5);
        let wanted = Wanted {
            period: long_at(call, 2, row).unwrap_or(-1),
            trend: text_at(call, 3, row).unwrap_or(""),
            test: long_at(call, 4, row).unwrap_or(0).max(0) as usize,
            score: real_at(call, 6, row).unwrap_or(DECOMPOSE_SCORE),
        };
        let Some((low, high)) = fences(text_at(call, 5, row).unwrap_or(""), None, None) else {
            return false;
        };
        let Some(values) = complete(series.some(row)) else {
            return false;
        };
        let Some(parts) = take_apart(&values, &wanted) else {
            return false;
        };
        let residual: Vec<Option<f64>> = parts.residual.iter().copied().map(Some).collect();
        let learn = values.len().saturating_sub(wanted.test);
        let scores = tukey(&residual, learn, low, high);
        let flags: Vec<f64> = scores
            .iter()
            .map(|s| {
                if s.abs() >= threshold {
                    s.signum()
                } else {
                    0.0
                }
            })
            .collect();
        let all = [
            ("ad_flag", Part::Series(&flags)),
            ("ad_score", Part::Series(&scores)),
            ("baseline", Part::Series(&parts.baseline)),
        ];
        push_parts(out, &all, false);
        true
    })
}
