//! What is read from the results of `hll` and `tdigest`.

use arrow::array::ArrayRef;
use bartizan_kql::bound::SketchFn;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::arrays::elements;
use super::call::{Argument, Call};
use super::conversion::Number;
use crate::json;
use crate::sketch::{Digest, Distinct, Summary, push_value};

/// Computes a function on one batch.
pub(super) fn compute(call: &Call, function: SketchFn) -> Result<ArrayRef> {
    match function {
        SketchFn::DCountHll => {
            let texts = call.texts(0)?;
            call.make_longs(|row| Some(Distinct::read(texts.some(row)?)?.count()))
        }
        SketchFn::HllMerge => hll_merge(call),
        SketchFn::TDigestMerge => tdigest_merge(call),
        SketchFn::PercentileTDigest => percentile(call),
        SketchFn::PercentilesArrayTDigest => percentiles(call),
        SketchFn::RankTDigest => rank(call, |rank, _| rank),
        SketchFn::PercentRankTDigest => rank(call, |rank, all| rank / all * 100.0),
    }
}

/// The texts of all arguments that are there.
fn all<'c>(call: &'c Call, row: usize) -> impl Iterator<Item = &'c str> {
    let text = move |a: &'c Argument| a.texts().ok()?.some(row);
    call.args.iter().filter_map(text)
}

fn hll_merge(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let parts = all(call, row).filter_map(Distinct::read);
        let merged = parts.reduce(|mut merged, part| {
            merged.join(&part);
            merged
        });
        let text = merged.and_then(|m| m.json());
        out.push_str(text.as_deref().unwrap_or(""));
        text.is_some()
    })
}

fn tdigest_merge(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let parts = all(call, row).filter_map(Digest::read);
        let merged = parts.reduce(|(mut merged, ty), (part, _)| {
            merged.join(&part);
            (merged, ty)
        });
        let Some((mut merged, ty)) = merged else {
            return false;
        };
        merged.settle();
        let text = merged.write(|value, out| push_value(value, ty, out));
        out.push_str(text.as_deref().unwrap_or(""));
        text.is_some()
    })
}

/// `percentile_tdigest(digest, percentage)`: JSON, or the text of a value for a cast.
fn percentile(call: &Call) -> Result<ArrayRef> {
    let (texts, percents) = (call.texts(0)?, call.reals(1)?);
    call.make_texts(|row, out| {
        let found = texts
            .some(row)
            .and_then(Digest::read)
            .and_then(|(digest, ty)| Some((digest.percentile(percents.get(row)?)?, ty)));
        if let Some((value, ty)) = found {
            push_value(value, ty, out);
        }
        found.is_some()
    })
}

fn percentiles(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some((digest, ty)) = texts.some(row).and_then(Digest::read) else {
            return false;
        };
        let mut wanted = Vec::new();
        for argument in &call.args[1..] {
            if argument.ty == Type::Dynamic {
                let list = argument.texts().ok().and_then(|t| elements(t.some(row)));
                wanted.extend(list.into_iter().flatten().map(json::number));
            } else {
                wanted.push(Number::of(argument).ok().and_then(|n| n.real(row)));
            }
        }
        out.push('[');
        for (i, percent) in wanted.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            match percent.and_then(|p| digest.percentile(p)) {
                Some(value) => push_value(value, ty, out),
                None => out.push_str("null"),
            }
        }
        out.push(']');
        true
    })
}

/// How many values are not greater, and how many there are.
fn rank(call: &Call, f: impl Fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let value = call.arg(1)?;
    call.make_reals(|row| {
        let (digest, _) = Digest::read(texts.some(row)?)?;
        let value = match value.ty {
            Type::Dynamic => json::number(value.texts().ok()?.some(row)?)?,
            Type::String | Type::Guid => return None,
            _ => Number::of(value).ok()?.real(row)?,
        };
        Some(f(digest.rank(value), digest.weight()))
    })
}
