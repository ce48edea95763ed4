//! Parts of, steps between and limits of dates. Times are UTC; a week starts on Sunday, except in ISO week numbers.

use arrow::array::ArrayRef;
use bartizan_kql::time::{
    MAX_DATETIME_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, date_from_days, days_from_date,
    days_in_month,
};
use datafusion::error::Result;

use super::call::Call;
use super::conversion::Number;

/// A calendar unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Year,
}

fn checked(ticks: i64) -> Option<i64> {
    (0..=MAX_DATETIME_TICKS).contains(&ticks).then_some(ticks)
}

/// Days since 0001-01-01, which was a Monday.
fn day_of_week(days: i64) -> i64 {
    (days + 1).rem_euclid(7)
}

/// The first day of the unit that is `offset` units after the one that holds `days`.
fn start(unit: Unit, days: i64, offset: i64) -> Option<i64> {
    let (year, month, _) = date_from_days(days);
    match unit {
        Unit::Day => days.checked_add(offset),
        Unit::Week => (days - day_of_week(days)).checked_add(offset.checked_mul(7)?),
        Unit::Month => {
            let months = (year * 12 + month - 1).checked_add(offset)?;
            days_from_date(months.div_euclid(12), months.rem_euclid(12) + 1, 1)
        }
        Unit::Year => days_from_date(year.checked_add(offset)?, 1, 1),
    }
}

/// `startof…(datetime, offset)`.
pub(super) fn start_of(call: &Call, unit: Unit) -> Result<ArrayRef> {
    let (times, offsets) = (call.longs(0)?, call.longs_opt(1)?);
    call.make_longs(|row| {
        let offset = offsets.map_or(Some(0), |o| o.get(row))?;
        checked(
            start(unit, times.get(row)?.div_euclid(TICKS_PER_DAY), offset)?
                .checked_mul(TICKS_PER_DAY)?,
        )
    })
}

/// `endof…(datetime, offset)`: the last tick before the next unit starts.
pub(super) fn end_of(call: &Call, unit: Unit) -> Result<ArrayRef> {
    let (times, offsets) = (call.longs(0)?, call.longs_opt(1)?);
    call.make_longs(|row| {
        let offset = offsets.map_or(Some(0), |o| o.get(row))?.checked_add(1)?;
        let days = times.get(row)?.div_euclid(TICKS_PER_DAY);
        match start(unit, days, offset) {
            Some(next) => checked(next.checked_mul(TICKS_PER_DAY)? - 1),
            None => Some(MAX_DATETIME_TICKS),
        }
    })
}

fn part_of(call: &Call, part: impl Fn(i64) -> i64) -> Result<ArrayRef> {
    let times = call.longs(0)?;
    call.make_ints(|row| Some(part(times.get(row)?) as i32))
}

fn date(ticks: i64) -> (i64, i64, i64) {
    date_from_days(ticks.div_euclid(TICKS_PER_DAY))
}

fn seconds_of_day(ticks: i64) -> i64 {
    ticks.rem_euclid(TICKS_PER_DAY) / TICKS_PER_SECOND
}

fn day_of_year(ticks: i64) -> i64 {
    let days = ticks.div_euclid(TICKS_PER_DAY);
    let (year, _, _) = date_from_days(days);
    days - days_from_date(year, 1, 1).unwrap_or(days) + 1
}

/// The ISO 8601 week: the one with the year's first Thursday is week 1.
fn iso_week(ticks: i64) -> i64 {
    let days = ticks.div_euclid(TICKS_PER_DAY);
    let thursday = days - days.rem_euclid(7) + 3;
    let (year, _, _) = date_from_days(thursday.max(0));
    (thursday - days_from_date(year, 1, 1).unwrap_or(thursday)) / 7 + 1
}

pub(super) fn hour_of_day(call: &Call) -> Result<ArrayRef> {
    part_of(call, |t| seconds_of_day(t) / 3600)
}

pub(super) fn day_of_month(call: &Call) -> Result<ArrayRef> {
    part_of(call, |t| date(t).2)
}

pub(super) fn day_of_year_fn(call: &Call) -> Result<ArrayRef> {
    part_of(call, day_of_year)
}

pub(super) fn week_of_year(call: &Call) -> Result<ArrayRef> {
    part_of(call, iso_week)
}

pub(super) fn month_of_year(call: &Call) -> Result<ArrayRef> {
    part_of(call, |t| date(t).1)
}

pub(super) fn get_year(call: &Call) -> Result<ArrayRef> {
    part_of(call, |t| date(t).0)
}

pub(super) fn day_of_week_fn(call: &Call) -> Result<ArrayRef> {
    let times = call.longs(0)?;
    call.make_longs(|row| {
        Some(day_of_week(times.get(row)?.div_euclid(TICKS_PER_DAY)) * TICKS_PER_DAY)
    })
}

/// A period or part by its name, singular, lower case.
fn period(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "weekofyear" | "week_of_year" => "week".into(),
        "dayofyear" => "dayofyear".into(),
        _ => name.strip_suffix('s').unwrap_or(&name).to_owned(),
    }
}

fn period_ticks(period: &str) -> Option<i64> {
    Some(match period {
        "day" => TICKS_PER_DAY,
        "hour" => 3600 * TICKS_PER_SECOND,
        "minute" => 60 * TICKS_PER_SECOND,
        "second" => TICKS_PER_SECOND,
        "millisecond" => 10_000,
        "microsecond" => 10,
        "nanosecond" | "tick" => 1,
        _ => return None,
    })
}

/// The number of a period that holds a moment, so that a difference counts the boundaries between two moments.
fn period_number(period: &str, ticks: i64) -> Option<i64> {
    let days = ticks.div_euclid(TICKS_PER_DAY);
    let (year, month, _) = date_from_days(days);
    Some(match period {
        "year" => year,
        "quarter" => year * 4 + (month - 1) / 3,
        "month" => year * 12 + month,
        "week" => (days + 1).div_euclid(7),
        other => ticks.div_euclid(period_ticks(other)?),
    })
}

pub(super) fn datetime_diff(call: &Call) -> Result<ArrayRef> {
    let (periods, a, b) = (call.texts(0)?, call.longs(1)?, call.longs(2)?);
    call.make_longs(|row| {
        let period = period(periods.get(row));
        let (a, b) = (a.get(row)?, b.get(row)?);
        let difference = period_number(&period, a)?.wrapping_sub(period_number(&period, b)?);
        Some(if period == "nanosecond" {
            difference.wrapping_mul(100)
        } else {
            difference
        })
    })
}

pub(super) fn datetime_add(call: &Call) -> Result<ArrayRef> {
    let (periods, amounts, times) = (call.texts(0)?, call.longs(1)?, call.longs(2)?);
    call.make_longs(|row| {
        let (period, amount, ticks) =
            (period(periods.get(row)), amounts.get(row)?, times.get(row)?);
        let months = match period.as_str() {
            "year" => amount.checked_mul(12)?,
            "quarter" => amount.checked_mul(3)?,
            "month" => amount,
            "week" => return checked(ticks.checked_add(amount.checked_mul(7 * TICKS_PER_DAY)?)?),
            "nanosecond" => return checked(ticks.checked_add(amount / 100)?),
            other => return checked(ticks.checked_add(amount.checked_mul(period_ticks(other)?)?)?),
        };
        let (year, month, day) = date(ticks);
        let total = (year * 12 + month - 1).checked_add(months)?;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        // The 31st of a shorter month is its last day.
        let day = day.min(days_in_month(year, month));
        checked(days_from_date(year, month, day)? * TICKS_PER_DAY + ticks.rem_euclid(TICKS_PER_DAY))
    })
}

pub(super) fn datetime_part(call: &Call) -> Result<ArrayRef> {
    let (parts, times) = (call.texts(0)?, call.longs(1)?);
    call.make_ints(|row| {
        let ticks = times.get(row)?;
        let fraction = ticks.rem_euclid(TICKS_PER_SECOND);
        let value = match period(parts.get(row)).as_str() {
            "year" => date(ticks).0,
            "quarter" => (date(ticks).1 - 1) / 3 + 1,
            "month" => date(ticks).1,
            "week" => iso_week(ticks),
            "day" => date(ticks).2,
            "dayofyear" => day_of_year(ticks),
            "hour" => seconds_of_day(ticks) / 3600,
            "minute" => seconds_of_day(ticks) / 60 % 60,
            "second" => seconds_of_day(ticks) % 60,
            "millisecond" => fraction / 10_000,
            "microsecond" => fraction / 10,
            "nanosecond" => fraction * 100,
            _ => return None,
        };
        i32::try_from(value).ok()
    })
}

/// A part of a clock in ticks, from a real number of seconds.
fn seconds(value: f64) -> Option<i64> {
    (value.is_finite() && value.abs() < 9e11)
        .then(|| (value * TICKS_PER_SECOND as f64).round() as i64)
}

pub(super) fn make_datetime(call: &Call) -> Result<ArrayRef> {
    let numbers = call
        .args
        .iter()
        .map(Number::of)
        .collect::<Result<Vec<_>>>()?;
    call.make_longs(|row| {
        let long = |i: usize| numbers.get(i).map_or(Some(0), |n: &Number<'_>| n.long(row));
        let days = days_from_date(long(0)?, long(1)?, long(2)?)?;
        let (hour, minute) = (long(3)?, long(4)?);
        let second = numbers.get(5).map_or(Some(0.0), |n| n.real(row))?;
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..60.0).contains(&second)
        {
            return None;
        }
        checked(
            days * TICKS_PER_DAY
                + (hour * 3600 + minute * 60) * TICKS_PER_SECOND
                + seconds(second)?,
        )
    })
}

pub(super) fn make_timespan(call: &Call) -> Result<ArrayRef> {
    let numbers = call
        .args
        .iter()
        .map(Number::of)
        .collect::<Result<Vec<_>>>()?;
    let with_days = numbers.len() == 4;
    call.make_longs(|row| {
        let long = |i: usize| numbers.get(i).map_or(Some(0), |n: &Number<'_>| n.long(row));
        let days = if with_days { long(0)? } else { 0 };
        let at = usize::from(with_days);
        let (hours, minutes) = (long(at)?, long(at + 1)?);
        let second = numbers.get(at + 2).map_or(Some(0.0), |n| n.real(row))?;
        if !(0..24).contains(&hours)
            || !(0..60).contains(&minutes)
            || !(0.0..60.0).contains(&second)
        {
            return None;
        }
        days.checked_mul(TICKS_PER_DAY)?
            .checked_add((hours * 3600 + minutes * 60) * TICKS_PER_SECOND + seconds(second)?)
    })
}

/// 1970-01-01 in ticks.
const UNIX_EPOCH: i64 = 719_162 * TICKS_PER_DAY;

/// `unixtime_…_todatetime`: `ticks` is the length of the unit.
pub(super) fn from_unix_time(call: &Call, ticks: f64) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    call.make_longs(|row| {
        let value = number.real(row)?;
        // Far beyond the last date in every unit; what is not a number is neither.
        if !(-1e24..=1e24).contains(&value) {
            return None;
        }
        // The whole and the fractional part apart, to keep the ticks of today's dates.
        let exact = value.trunc() as i128 * (ticks * 100.0) as i128 / 100;
        let rest = (value.fract() * ticks).round() as i128;
        checked(i64::try_from(exact + rest + i128::from(UNIX_EPOCH)).ok()?)
    })
}

/// `ingestion_time()`: not recorded.
pub(super) fn ingestion_time(call: &Call) -> Result<ArrayRef> {
    call.make_longs(|_| None)
}
