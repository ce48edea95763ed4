//! Series: arrays of numbers in dynamic values (docs page "time-series-analysis").

mod decompose;
mod elements;
mod fill;
mod filter;
mod fit;
mod fourier;
mod periods;
mod stats;

use arrow::array::ArrayRef;
use bartizan_kql::bound::SeriesFn;
use datafusion::error::Result;

use super::arrays;
use super::call::{Argument, Call};
use super::conversion::Number;
use crate::json::{self, push_real};

/// Computes a function on one batch.
pub(super) fn compute(call: &Call, function: SeriesFn) -> Result<ArrayRef> {
    match function {
        SeriesFn::Pairwise(operation) => elements::pairwise(call, operation),
        SeriesFn::Each(operation) => elements::each(call, operation),
        SeriesFn::Sum => stats::folded(call, 0.0, |a, b| a + b),
        SeriesFn::Product => stats::folded(call, 1.0, |a, b| a * b),
        SeriesFn::Magnitude => stats::magnitude(call),
        SeriesFn::DotProduct => stats::dot_product(call),
        SeriesFn::CosineSimilarity => stats::cosine_similarity(call),
        SeriesFn::PearsonCorrelation => stats::pearson_correlation(call),
        SeriesFn::FillBackward => fill::backward(call),
        SeriesFn::FillForward => fill::forward(call),
        SeriesFn::FillConst => fill::constant(call),
        SeriesFn::FillLinear => fill::linear(call),
        SeriesFn::Fir => filter::finite(call),
        SeriesFn::Iir => filter::infinite(call),
        SeriesFn::Stats => stats::stats(call, false),
        SeriesFn::StatsDynamic => stats::stats(call, true),
        SeriesFn::FitLine => fit::line(call, false),
        SeriesFn::FitLineDynamic => fit::line(call, true),
        SeriesFn::Fit2Lines => fit::two_lines(call, false),
        SeriesFn::Fit2LinesDynamic => fit::two_lines(call, true),
        SeriesFn::FitPoly => fit::polynomial(call),
        SeriesFn::Outliers => stats::outliers(call),
        SeriesFn::Seasonal => decompose::seasonal(call),
        SeriesFn::PeriodsDetect => periods::detect(call),
        SeriesFn::PeriodsValidate => periods::validate(call),
        SeriesFn::Decompose => decompose::decompose(call),
        SeriesFn::DecomposeForecast => decompose::forecast(call),
        SeriesFn::DecomposeAnomalies => decompose::anomalies(call),
        SeriesFn::Fft => fourier::transform(call, false),
        SeriesFn::InverseFft => fourier::transform(call, true),
    }
}

/// The numbers of an array; what is none is none. None when the value is no array.
fn numbers(text: Option<&str>) -> Option<Vec<Option<f64>>> {
    let list = arrays::elements(text)?;
    Some(list.into_iter().map(number).collect())
}

/// A number, also one that is not finite, which JSON has as a string.
fn number(text: &str) -> Option<f64> {
    json::number(text).or(match text {
        "\"NaN\"" => Some(f64::NAN),
        "\"Infinity\"" => Some(f64::INFINITY),
        "\"-Infinity\"" => Some(f64::NEG_INFINITY),
        _ => None,
    })
}

/// The numbers of an array that has nothing else.
fn complete(text: Option<&str>) -> Option<Vec<f64>> {
    numbers(text)?.into_iter().collect()
}

/// Whether a JSON number is written as a whole one.
fn is_whole(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// Appends an array of reals.
fn push_series(out: &mut String, values: &[f64]) {
    push_optional(out, values.iter().copied().map(Some));
}

/// Appends an array of reals and nulls.
fn push_optional(out: &mut String, values: impl Iterator<Item = Option<f64>>) {
    out.push('[');
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.push(',');
        }
        match value {
            Some(value) => push_real(out, value),
            None => out.push_str("null"),
        }
    }
    out.push(']');
}

/// One of several results of a function.
enum Part<'a> {
    Real(f64),
    Long(usize),
    Series(&'a [f64]),
}

/// Appends results as an array, or as a bag under their names.
fn push_parts(out: &mut String, parts: &[(&str, Part<'_>)], named: bool) {
    out.push(if named { '{' } else { '[' });
    for (i, (name, part)) in parts.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if named {
            json::push_json_string(out, name);
            out.push(':');
        }
        match part {
            Part::Real(value) => push_real(out, *value),
            Part::Long(value) => out.push_str(&value.to_string()),
            Part::Series(values) => push_series(out, values),
        }
    }
    out.push(if named { '}' } else { ']' });
}

/// A number at a position that may be missing, as a real.
fn real_at(call: &Call, index: usize, row: usize) -> Option<f64> {
    Number::of(call.args.get(index)?).ok()?.real(row)
}

/// A number at a position that may be missing.
fn long_at(call: &Call, index: usize, row: usize) -> Option<i64> {
    Number::of(call.args.get(index)?).ok()?.long(row)
}

/// A condition at a position that may be missing.
fn bool_at(call: &Call, index: usize, row: usize) -> Option<bool> {
    call.args.get(index)?.bools().ok()?.get(row)
}

/// A text at a position that may be missing.
fn text_at(call: &Call, index: usize, row: usize) -> Option<&str> {
    call.args
        .get(index)
        .and_then(|a: &Argument| a.texts().ok()?.some(row))
}
