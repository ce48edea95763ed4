//! Mathematics and bits.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use arrow::array::ArrayRef;
use arrow::datatypes::i256;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::Call;
use super::conversion::Number;
use crate::decimal::{UNIT, remainder};
use crate::types::DECIMAL_SCALE;

fn real(call: &Call, f: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_reals(|row| number.real(row).map(&f))
}

/// A function of a number outside whose domain the result is null.
fn partial(call: &Call, f: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_reals(|row| number.real(row).map(&f).filter(|v| !v.is_nan()))
}

pub(super) fn abs(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    match call.arg(0)?.ty {
        Type::Real => call.make_reals(|row| number.real(row).map(f64::abs)),
        Type::Decimal => call.make_decimals(|row| number.decimal(row).map(i256::wrapping_abs)),
        Type::Int => call.make_ints(|row| number.long(row).map(|v| (v as i32).wrapping_abs())),
        _ => call.make_longs(|row| number.long(row).map(i64::wrapping_abs)),
    }
}

pub(super) fn round(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    let digits = call.longs_opt(1)?;
    let places = |row| digits.map_or(Some(0), |d| d.get(row));
    match call.arg(0)?.ty {
        Type::Real => call.make_reals(|row| Some(round_real(number.real(row)?, places(row)?))),
        Type::Decimal => call.make_decimals(|row| {
            let keep = u32::try_from(i64::from(DECIMAL_SCALE) - places(row)?).unwrap_or(0);
            let unit = i256::from(10i64).checked_pow(keep)?;
            let value = number.decimal(row)?;
            let half = unit.wrapping_div(i256::from(2i64));
            let half = half.wrapping_mul(value.signum());
            Some(
                value
                    .checked_add(half)?
                    .wrapping_div(unit)
                    .wrapping_mul(unit),
            )
        }),
        Type::Int => call.make_ints(|row| number.long(row).map(|v| v as i32)),
        _ => call.make_longs(|row| number.long(row)),
    }
}

fn round_real(value: f64, places: i64) -> f64 {
    if value.is_finite() && (0..=15).contains(&places) {
        // Through the decimal text, so that 2.675 and 1.005 go the way they are written.
        let scale = 10f64.powi(places as i32);
        let scaled = value * scale;
        if scaled.abs() < 9e15 {
            return scaled.round() / scale;
        }
        return value;
    }
    if (-300..0).contains(&places) {
        let unit = 10f64.powi(-places as i32);
        return (value / unit).round() * unit;
    }
    value
}

pub(super) fn ceiling(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    match call.arg(0)?.ty {
        Type::Real => call.make_reals(|row| number.real(row).map(f64::ceil)),
        Type::Decimal => call.make_decimals(|row| {
            let value = number.decimal(row)?;
            value.checked_add(remainder(value.wrapping_neg(), UNIT))
        }),
        Type::Int => call.make_ints(|row| number.long(row).map(|v| v as i32)),
        _ => call.make_longs(|row| number.long(row)),
    }
}

pub(super) fn sign(call: &Call) -> Result<ArrayRef> {
    real(call, |v| {
        if v == 0.0 || v.is_nan() {
            v
        } else {
            v.signum()
        }
    })
}

pub(super) fn sqrt(call: &Call) -> Result<ArrayRef> {
    partial(call, f64::sqrt)
}

pub(super) fn log(call: &Call) -> Result<ArrayRef> {
    partial(call, f64::ln)
}

pub(super) fn log2(call: &Call) -> Result<ArrayRef> {
    partial(call, f64::log2)
}

pub(super) fn log10(call: &Call) -> Result<ArrayRef> {
    partial(call, f64::log10)
}

pub(super) fn exp(call: &Call) -> Result<ArrayRef> {
    real(call, f64::exp)
}

pub(super) fn exp2(call: &Call) -> Result<ArrayRef> {
    real(call, f64::exp2)
}

pub(super) fn exp10(call: &Call) -> Result<ArrayRef> {
    real(call, |v| 10f64.powf(v))
}

pub(super) fn pow(call: &Call) -> Result<ArrayRef> {
    let (base, exponent) = (Number::of(call.arg(0)?)?, Number::of(call.arg(1)?)?);
    call.make_reals(|row| Some(base.real(row)?.powf(exponent.real(row)?)))
}

pub(super) fn is_nan(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_bools(|row| number.real(row).map(f64::is_nan))
}

pub(super) fn is_inf(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_bools(|row| number.real(row).map(f64::is_infinite))
}

pub(super) fn is_finite(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_bools(|row| number.real(row).map(f64::is_finite))
}

fn bits(call: &Call, f: impl Fn(i64, i64) -> i64) -> Result<ArrayRef> {
    let (left, right) = (Number::of(call.arg(0)?)?, Number::of(call.arg(1)?)?);
    call.make_longs(|row| Some(f(left.long(row)?, right.long(row)?)))
}

pub(super) fn binary_and(call: &Call) -> Result<ArrayRef> {
    bits(call, |a, b| a & b)
}

pub(super) fn binary_or(call: &Call) -> Result<ArrayRef> {
    bits(call, |a, b| a | b)
}

pub(super) fn binary_xor(call: &Call) -> Result<ArrayRef> {
    bits(call, |a, b| a ^ b)
}

pub(super) fn binary_shift_left(call: &Call) -> Result<ArrayRef> {
    bits(call, |a, b| a.wrapping_shl(b as u32))
}

pub(super) fn binary_shift_right(call: &Call) -> Result<ArrayRef> {
    bits(call, |a, b| a.wrapping_shr(b as u32))
}

pub(super) fn binary_not(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_longs(|row| number.long(row).map(|v| !v))
}

/// 64 random bits. The standard library's hasher keys are random per process and differ per instance.
fn random_bits(counter: u64) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(counter);
    hasher.finish()
}

/// `rand()` in [0, 1), `rand(n)` whole in [0, n).
pub(super) fn rand(call: &Call) -> Result<ArrayRef> {
    let bound = call.args.first().map(Number::of).transpose()?;
    call.make_reals(|row| {
        let fraction = (random_bits(row as u64) >> 11) as f64 / (1u64 << 53) as f64;
        Some(match bound.and_then(|b| b.real(row)) {
            Some(n) if n > 1.0 => (fraction * n).floor(),
            _ => fraction,
        })
    })
}

/// A random guid (version 4).
pub(super) fn new_guid(call: &Call) -> Result<ArrayRef> {
    use std::fmt::Write;
    call.make_texts(|row, out| {
        let (high, low) = (random_bits(row as u64), random_bits(!(row as u64)));
        let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
        let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
        .is_ok()
    })
}

/// Where a real sorts: null, NaN, numbers, or numbers, NaN, null.
pub(super) fn rank(call: &Call, nulls_first: bool) -> Result<ArrayRef> {
    let reals = call.reals(0)?;
    call.make_ints(|row| {
        let rank = reals.get(row).map_or(0, |v| if v.is_nan() { 1 } else { 2 });
        Some(if nulls_first { rank } else { 2 - rank })
    })
}

/// `bin`: down to a multiple of the size.
pub(super) fn bin(call: &Call) -> Result<ArrayRef> {
    binned(call, false)
}

/// `bin_at`: as bin, with bins that start at the third argument.
pub(super) fn bin_at(call: &Call) -> Result<ArrayRef> {
    binned(call, true)
}

fn binned(call: &Call, fixed: bool) -> Result<ArrayRef> {
    let value = Number::of(call.arg(0)?)?;
    let size = Number::of(call.arg(1)?)?;
    let origin = if fixed {
        Some(Number::of(call.arg(2)?)?)
    } else {
        None
    };
    let longs = |row| {
        let size = size.long(row).filter(|s| *s > 0)?;
        let origin = match &origin {
            Some(o) => o.long(row)?,
            None => 0,
        };
        let from = value.long(row)?.wrapping_sub(origin);
        Some(
            from.wrapping_sub(from.rem_euclid(size))
                .wrapping_add(origin),
        )
    };
    match call.arg(0)?.ty {
        Type::Real => call.make_reals(|row| {
            let size = size.real(row).filter(|s| *s > 0.0)?;
            let origin = match &origin {
                Some(o) => o.real(row)?,
                None => 0.0,
            };
            Some(((value.real(row)? - origin) / size).floor() * size + origin)
        }),
        Type::Decimal => call.make_decimals(|row| {
            let size = size.decimal(row).filter(|s| s.is_positive())?;
            let origin = match &origin {
                Some(o) => o.decimal(row)?,
                None => i256::ZERO,
            };
            let value = value.decimal(row)?;
            value.checked_sub(remainder(value.checked_sub(origin)?, size))
        }),
        Type::Int => call.make_ints(|row| longs(row).and_then(|v| i32::try_from(v).ok())),
        _ => call.make_longs(longs),
    }
}
