//! `format_datetime` and `format_timespan`.

use std::fmt::Write;

use arrow::array::ArrayRef;
use bartizan_kql::time::{TICKS_PER_DAY, TICKS_PER_SECOND, date_from_days};
use datafusion::error::Result;

use super::call::Call;

/// A moment or a length of time, taken apart.
struct Clock {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
}

impl Clock {
    fn new(ticks: i64) -> Self {
        let in_day = ticks.rem_euclid(TICKS_PER_DAY);
        let seconds = in_day / TICKS_PER_SECOND;
        Self {
            year: 0,
            month: 0,
            day: 0,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            fraction: in_day % TICKS_PER_SECOND,
        }
    }
}

/// Runs of one format letter, or of text.
fn runs(format: &str) -> impl Iterator<Item = &str> {
    let mut rest = format;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| c != first).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        Some(run)
    })
}

/// Appends what a run stands for.
fn push_run(out: &mut String, run: &str, clock: &Clock) {
    // No number has so many digits; a longer run only asks for more zeros than a format can give.
    let width = run.len().min(64);
    let _ = match run.as_bytes().first() {
        Some(b'y') if width == 2 => write!(out, "{:02}", clock.year % 100),
        Some(b'y') => write!(out, "{:0width$}", clock.year),
        Some(b'M') => write!(out, "{:0width$}", clock.month),
        Some(b'd') => write!(out, "{:0width$}", clock.day),
        Some(b'H') => write!(out, "{:0width$}", clock.hour),
        Some(b'h') => write!(out, "{:0width$}", (clock.hour + 11) % 12 + 1),
        Some(b'm') => write!(out, "{:0width$}", clock.minute),
        Some(b's') => write!(out, "{:0width$}", clock.second),
        Some(b't') => write!(out, "{}", if clock.hour < 12 { "AM" } else { "PM" }),
        Some(b'f') => write!(out, "{}", &format!("{:07}", clock.fraction)[..width.min(7)]),
        // As `f`, but without trailing zeros.
        Some(b'F') => {
            let digits = format!("{:07}", clock.fraction);
            write!(out, "{}", digits[..width.min(7)].trim_end_matches('0'))
        }
        _ => write!(out, "{run}"),
    };
}

pub(super) fn format_datetime(call: &Call) -> Result<ArrayRef> {
    let (times, formats) = (call.longs(0)?, call.texts(1)?);
    call.make_texts(|row, out| {
        if let Some(ticks) = times.get(row) {
            let (year, month, day) = date_from_days(ticks.div_euclid(TICKS_PER_DAY));
            let clock = Clock {
                year,
                month,
                day,
                ..Clock::new(ticks)
            };
            runs(formats.get(row)).for_each(|run| push_run(out, run, &clock));
        }
        true
    })
}

pub(super) fn format_timespan(call: &Call) -> Result<ArrayRef> {
    let (spans, formats) = (call.longs(0)?, call.texts(1)?);
    call.make_texts(|row, out| {
        if let Some(ticks) = spans.get(row) {
            let magnitude = i64::try_from(ticks.unsigned_abs()).unwrap_or(i64::MAX);
            let clock = Clock {
                day: magnitude / TICKS_PER_DAY,
                ..Clock::new(magnitude)
            };
            if ticks < 0 {
                out.push('-');
            }
            for run in runs(formats.get(row)) {
                // The hours of a length of time are those of a 24-hour clock.
                let run = if run.starts_with('h') {
                    run.to_ascii_uppercase()
                } else {
                    run.to_owned()
                };
                push_run(out, &run, &clock);
            }
        }
        true
    })
}
