//! `+ - * / %` and negation.
//!
//! Null with anything is null. Whole numbers wrap, divide by truncation, and by zero give null; a modulo is never
//! negative (docs page "numerical-operators").

use arrow::array::ArrayRef;
use arrow::datatypes::i256;
use bartizan_kql::bound::BinaryOp;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::Call;
use super::conversion::Number;
use crate::decimal::{UNIT, remainder};

/// Applies an operator to the two arguments.
pub(super) fn binary(call: &Call, op: BinaryOp, returns: Type) -> Result<ArrayRef> {
    let (left_type, right_type) = (call.arg(0)?.ty, call.arg(1)?.ty);
    let (left, right) = (Number::of(call.arg(0)?)?, Number::of(call.arg(1)?)?);
    match returns {
        Type::Real => call.make_reals(|row| Some(reals(op, left.real(row)?, right.real(row)?))),
        Type::Decimal => {
            call.make_decimals(|row| decimals(op, left.decimal(row)?, right.decimal(row)?))
        }
        Type::TimeSpan if matches!(op, BinaryOp::Mul | BinaryOp::Div) => {
            let scaled = |row| {
                let ticks = reals(op, left.real(row)?, right.real(row)?);
                (ticks.abs() < 9.2e18).then_some(ticks.round() as i64)
            };
            // A whole factor keeps all ticks.
            if op == BinaryOp::Mul && left_type != Type::Real && right_type != Type::Real {
                return call.make_longs(|row| Some(left.long(row)?.wrapping_mul(right.long(row)?)));
            }
            if op == BinaryOp::Mul {
                return call.make_longs(|row| {
                    scaled_exactly(left.real(row)?, right.real(row)?).or_else(|| scaled(row))
                });
            }
            call.make_longs(scaled)
        }
        Type::Int => {
            call.make_ints(|row| longs(op, left.long(row)?, right.long(row)?).map(|v| v as i32))
        }
        _ => call.make_longs(|row| longs(op, left.long(row)?, right.long(row)?)),
    }
}

/// The product when both factors are whole and small enough for exact arithmetic.
fn scaled_exactly(left: f64, right: f64) -> Option<i64> {
    let whole = |v: f64| (v.fract() == 0.0 && v.abs() < 9e15).then_some(v as i64);
    whole(left)?.checked_mul(whole(right)?)
}

fn longs(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    Some(match op {
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::Div if b != 0 => a.wrapping_div(b),
        BinaryOp::Mod if b != 0 => a.wrapping_rem_euclid(b),
        _ => return None,
    })
}

fn reals(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        _ => a.rem_euclid(b),
    }
}

fn decimals(op: BinaryOp, a: i256, b: i256) -> Option<i256> {
    match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a
            .checked_mul(b)
            .and_then(|product| product.checked_div(UNIT))
            .or_else(|| scaled(a, b, UNIT)),
        BinaryOp::Div => a
            .checked_mul(UNIT)
            .and_then(|units| units.checked_div(b))
            .or_else(|| scaled(a, UNIT, b)),
        _ => (b != i256::ZERO).then(|| remainder(a, b)),
    }
}

/// `a * b / c` where `a * b` is too large though the answer may not be: whole times and the rest each for itself.
fn scaled(a: i256, b: i256, c: i256) -> Option<i256> {
    let whole = a.checked_div(c)?.checked_mul(b)?;
    let rest = a.checked_rem(c)?.checked_mul(b)?.checked_div(c)?;
    whole.checked_add(rest)
}

/// Negates the argument.
pub(super) fn negate(call: &Call, returns: Type) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    match returns {
        Type::Real => call.make_reals(|row| number.real(row).map(|v| -v)),
        Type::Decimal => call.make_decimals(|row| number.decimal(row).map(i256::wrapping_neg)),
        Type::Int => call.make_ints(|row| number.long(row).map(|v| (v as i32).wrapping_neg())),
        _ => call.make_longs(|row| number.long(row).map(i64::wrapping_neg)),
    }
}
