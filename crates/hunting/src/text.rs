//! How values are written as text by `tostring()` and in answers.

use std::fmt::Write;

use bartizan_kql::time::{MAX_DATETIME_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, date_from_days};

/// `2026-03-01T10:00:00.0000000Z`.
pub(crate) fn push_datetime(out: &mut String, ticks: i64) {
    let ticks = ticks.clamp(0, MAX_DATETIME_TICKS);
    let (year, month, day) = date_from_days(ticks / TICKS_PER_DAY);
    let (seconds, fraction) = (
        ticks % TICKS_PER_DAY / TICKS_PER_SECOND,
        ticks % TICKS_PER_SECOND,
    );
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{fraction:07}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
}

/// `[-][d.]hh:mm:ss[.fffffff]`, as .NET's "c" format.
pub(crate) fn push_timespan(out: &mut String, ticks: i64) {
    let magnitude = ticks.unsigned_abs();
    let (day, second) = (TICKS_PER_DAY as u64, TICKS_PER_SECOND as u64);
    if ticks < 0 {
        out.push('-');
    }
    if magnitude >= day {
        let _ = write!(out, "{}.", magnitude / day);
    }
    let (seconds, fraction) = (magnitude % day / second, magnitude % second);
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        let _ = write!(out, ".{fraction:07}");
    }
}
