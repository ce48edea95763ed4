//! Functions of every element, of one series or of two.

use arrow::array::ArrayRef;
use bartizan_kql::bound::{EachFn, PairwiseFn};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::super::arrays;
use super::super::call::{Argument, Call};
use super::super::conversion::Number;
use super::{is_whole, number};
use crate::json::push_real;

/// One side: a series, or one number for all elements.
enum Side<'a> {
    Series(Vec<&'a str>),
    Number(f64),
}

impl<'a> Side<'a> {
    fn of(argument: &'a Argument, row: usize) -> Option<Self> {
        if argument.ty == Type::Dynamic {
            return arrays::elements(argument.texts().ok()?.some(row)).map(Self::Series);
        }
        Number::of(argument).ok()?.real(row).map(Self::Number)
    }

    fn len(&self) -> usize {
        match self {
            Self::Series(list) => list.len(),
            Self::Number(_) => 0,
        }
    }

    fn real(&self, index: usize) -> Option<f64> {
        match self {
            Self::Series(list) => number(list.get(index)?),
            Self::Number(value) => Some(*value),
        }
    }

    fn long(&self, index: usize) -> Option<i64> {
        match self {
            Self::Series(list) => list.get(index).filter(|e| is_whole(e))?.parse().ok(),
            Self::Number(value) => {
                (value.fract() == 0.0 && value.abs() < 9e15).then_some(*value as i64)
            }
        }
    }
}

/// A result that stays whole when both sides are.
fn whole(operation: PairwiseFn, a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match operation {
        PairwiseFn::Add => a?.checked_add(b?),
        PairwiseFn::Subtract => a?.checked_sub(b?),
        PairwiseFn::Multiply => a?.checked_mul(b?),
        _ => None,
    }
}

fn push_pair(out: &mut String, operation: PairwiseFn, a: f64, b: f64) {
    let truth = match operation {
        PairwiseFn::Add => return push_real(out, a + b),
        PairwiseFn::Subtract => return push_real(out, a - b),
        PairwiseFn::Multiply => return push_real(out, a * b),
        PairwiseFn::Divide => return push_real(out, a / b),
        PairwiseFn::Pow => return push_real(out, a.powf(b)),
        PairwiseFn::Greater => a > b,
        PairwiseFn::GreaterEquals => a >= b,
        PairwiseFn::Less => a < b,
        PairwiseFn::LessEquals => a <= b,
        PairwiseFn::Equals => a == b,
        PairwiseFn::NotEquals => a != b,
    };
    out.push_str(if truth { "true" } else { "false" });
}

/// `series_add` and relatives. Where one side has no number the result is null.
pub(super) fn pairwise(call: &Call, operation: PairwiseFn) -> Result<ArrayRef> {
    let (left, right) = (call.arg(0)?, call.arg(1)?);
    call.make_texts(|row, out| {
        let (Some(left), Some(right)) = (Side::of(left, row), Side::of(right, row)) else {
            return false;
        };
        out.push('[');
        for i in 0..left.len().max(right.len()) {
            if i > 0 {
                out.push(',');
            }
            if let Some(whole) = whole(operation, left.long(i), right.long(i)) {
                out.push_str(&whole.to_string());
                continue;
            }
            match (left.real(i), right.real(i)) {
                (Some(a), Some(b)) => push_pair(out, operation, a, b),
                _ => out.push_str("null"),
            }
        }
        out.push(']');
        true
    })
}

fn one(operation: EachFn, value: f64) -> f64 {
    match operation {
        EachFn::Exp => value.exp(),
        EachFn::Sign if value == 0.0 || value.is_nan() => value,
        EachFn::Sign => value.signum(),
        EachFn::Abs => value.abs(),
        EachFn::Sin => value.sin(),
        EachFn::Asin => value.asin(),
        EachFn::Cos => value.cos(),
        EachFn::Acos => value.acos(),
        EachFn::Tan => value.tan(),
        EachFn::Atan => value.atan(),
        EachFn::Log => value.ln(),
        EachFn::Floor => value.floor(),
        EachFn::Ceiling => value.ceil(),
    }
}

/// `series_abs` and relatives.
pub(super) fn each(call: &Call, operation: EachFn) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    let keeps_whole = matches!(operation, EachFn::Abs | EachFn::Sign);
    call.make_texts(|row, out| {
        let Some(list) = arrays::elements(series.some(row)) else {
            return false;
        };
        out.push('[');
        for (i, element) in list.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            match number(element) {
                Some(value) if keeps_whole && is_whole(element) => {
                    out.push_str(&(one(operation, value) as i64).to_string());
                }
                Some(value) => push_real(out, one(operation, value)),
                None => out.push_str("null"),
            }
        }
        out.push(']');
        true
    })
}
