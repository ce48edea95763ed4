//! Dates and lengths of time as KQL writes them, in .NET ticks.
//!
//! A datetime is a number of ticks of 100 ns since 0001-01-01T00:00:00Z in the proleptic Gregorian calendar, up to
//! the end of the year 9999; a timespan is a signed number of ticks (docs pages "datetime" and "timespan"). The
//! functions here are pure: they know the forms of literals, of `todatetime()` and of `totimespan()`, and no clock.

/// Ticks in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks in a day.
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// The last tick of the year 9999.
pub const MAX_DATETIME_TICKS: i64 = 3_155_378_975_999_999_999;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Days from 0001-01-01 to the given day, or `None` when there is no such day.
#[must_use]
pub fn days_from_date(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
    {
        return None;
    }
    let before = year - 1;
    let in_year: i64 = (1..month).map(|m| days_in_month(year, m)).sum();
    Some(before * 365 + before / 4 - before / 100 + before / 400 + in_year + day - 1)
}

/// Year, month and day of a number of days since 0001-01-01.
#[must_use]
pub fn date_from_days(days: i64) -> (i64, i64, i64) {
    // 400 years have 146,097 days; within them the year is guessed low and corrected upwards.
    let (cycles, rest) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let mut year_in_cycle = rest / 366;
    let first_day = |year: i64| year * 365 + year / 4 - year / 100;
    while year_in_cycle < 399 && first_day(year_in_cycle + 1) <= rest {
        year_in_cycle += 1;
    }
    let year = cycles * 400 + year_in_cycle + 1;
    let mut day = rest - first_day(year_in_cycle);
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

/// Days of a month; 0 for a month that does not exist.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// Ticks of a datetime text: ISO 8601 to any precision (`2026`, `2026-03`, `2026-03-01 10:00`, with `Z` or an
/// offset), `3/25/2026` and `12-02-2026` (month first), `2026/03/25`, `8 Nov 2014 15:05:02 GMT` with or without the
/// name of the day. `None` when it is none of these, or no day of the calendar.
#[must_use]
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = split_date(text)?;
    let days = parse_date(date)?;
    let (time_ticks, offset) = parse_clock(time.trim())?;
    let ticks = days
        .checked_mul(TICKS_PER_DAY)?
        .checked_add(time_ticks)?
        .checked_sub(offset)?;
    (0..=MAX_DATETIME_TICKS).contains(&ticks).then_some(ticks)
}

/// Splits a text into its date and what follows.
fn split_date(text: &str) -> Option<(&str, &str)> {
    if !text.is_ascii() {
        return None;
    }
    let undayed = match text.split_once(',') {
        Some((day, rest)) if is_weekday(day) => rest.trim_start(),
        _ => text,
    };
    if undayed
        .split([' ', '-'])
        .nth(1)
        .is_some_and(|word| month_number(word).is_some())
    {
        let parts: Vec<_> = undayed.splitn(4, [' ', '-']).collect();
        let length = parts
            .iter()
            .take(3)
            .map(|part| part.len() + 1)
            .sum::<usize>()
            .min(undayed.len() + 1);
        return Some((&undayed[..length - 1], undayed.get(length..).unwrap_or("")));
    }
    let end = undayed.find(['T', 't', ' ', ':']).unwrap_or(undayed.len());
    let zulu = undayed[..end].trim_end_matches(['Z', 'z']).len();
    Some((
        &undayed[..zulu],
        undayed
            .get(end..)
            .unwrap_or("")
            .trim_start_matches(['T', 't', ' ']),
    ))
}

fn is_weekday(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .iter()
        .any(|day| lower.starts_with(day))
}

fn month_number(word: &str) -> Option<i64> {
    let lower = word.get(..3)?.to_ascii_lowercase();
    let alphabetic = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let index = MONTHS
        .iter()
        .position(|month| *month == lower)
        .filter(|_| alphabetic)?;
    i64::try_from(index + 1).ok()
}

fn number(text: &str) -> Option<i64> {
    let digits =
        !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn parse_date(date: &str) -> Option<i64> {
    let parts: Vec<&str> = date.split(['-', '/', ' ']).collect();
    match parts[..] {
        [year] if year.len() == 4 => days_from_date(number(year)?, 1, 1),
        // 20260131 without separators.
        [all] if all.len() == 8 => {
            days_from_date(number(&all[..4])?, number(&all[4..6])?, number(&all[6..])?)
        }
        [year, month] if year.len() == 4 => days_from_date(number(year)?, number(month)?, 1),
        [day, month, year] if month_number(month).is_some() => {
            let year = number(year)?;
            // Two digits: the window of RFC 822's .NET reading, 1950 to 2049.
            let century = if year >= 100 {
                0
            } else {
                2000 - 100 * i64::from(year >= 50)
            };
            days_from_date(year + century, month_number(month)?, number(day)?)
        }
        [year, month, day] if year.len() == 4 => {
            days_from_date(number(year)?, number(month)?, number(day)?)
        }
        [month, day, year] if year.len() == 4 => {
            days_from_date(number(year)?, number(month)?, number(day)?)
        }
        _ => None,
    }
}

/// Ticks since midnight of a text that is a time without a day, such as `09:00` or `5:30:00 PM`.
#[must_use]
pub fn parse_time_of_day(text: &str) -> Option<i64> {
    let text = text.trim();
    let timed =
        text.is_ascii() && text.contains(':') && text.starts_with(|c: char| c.is_ascii_digit());
    let (ticks, offset) = parse_clock(text).filter(|_| timed)?;
    (offset == 0 && ticks < TICKS_PER_DAY).then_some(ticks)
}

/// Ticks since midnight and ticks of the offset from UTC.
fn parse_clock(text: &str) -> Option<(i64, i64)> {
    let (clock, offset) = split_offset(text)?;
    let (clock, afternoon) = match clock.to_ascii_lowercase() {
        lower if lower.ends_with("am") => (&clock[..clock.len() - 2], Some(false)),
        lower if lower.ends_with("pm") => (&clock[..clock.len() - 2], Some(true)),
        _ => (clock, None),
    };
    let clock = clock.trim();
    if clock.is_empty() {
        return Some((0, offset));
    }
    let mut parts = clock.splitn(3, ':');
    let mut hours = number(parts.next()?)?;
    let minutes = parts.next().map_or(Some(0), number)?;
    let seconds = parts.next().map_or(Some(0), seconds_ticks)?;
    if let Some(afternoon) = afternoon {
        hours = hours % 12 + if afternoon { 12 } else { 0 };
    }
    if hours > 24 || minutes > 59 || seconds >= 60 * TICKS_PER_SECOND {
        return None;
    }
    Some((
        (hours * 3600 + minutes * 60) * TICKS_PER_SECOND + seconds,
        offset,
    ))
}

/// The clock and the ticks of the offset behind it.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    for zulu in ["GMT", "UTC", "Z", "z"] {
        if let Some(clock) = text.strip_suffix(zulu) {
            return Some((clock.trim_end(), 0));
        }
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((text, 0));
    };
    let digits = text[at + 1..].replace(':', "");
    let (hours, minutes) = if digits.len() > 2 {
        digits.split_at(digits.len() - 2)
    } else {
        (&digits[..], "0")
    };
    let ticks = (number(hours)? * 3600 + number(minutes)? * 60).checked_mul(TICKS_PER_SECOND)?;
    Some((
        text[..at].trim_end(),
        if text[at..].starts_with('-') {
            -ticks
        } else {
            ticks
        },
    ))
}

/// Ticks of `ss` or `ss.fffffff`; digits beyond the seventh are cut off.
fn seconds_ticks(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction_digits = fraction.get(..7).unwrap_or(fraction);
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || fraction.is_empty() {
        return None;
    }
    let padded = format!("{fraction_digits:0<7}");
    number(whole)?
        .checked_mul(TICKS_PER_SECOND)?
        .checked_add(number(&padded)?)
}

/// Ticks of a timespan text: `1d`, `2.5h`, `15 seconds`, a bare number of days, and `[-][d.]hh:mm[:ss[.fffffff]]`.
/// `None` when it is none of these or too long for 64 bits.
#[must_use]
pub fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let ticks = if text.contains(':') {
        parse_clock_span(text)?
    } else {
        parse_unit_span(text)?
    };
    Some(if negative { -ticks } else { ticks })
}

fn parse_clock_span(text: &str) -> Option<i64> {
    let (head, rest) = text.split_once(':')?;
    let (days, hours) = match head.split_once('.') {
        Some((days, hours)) => (number(days)?, number(hours)?),
        None => (0, number(head)?),
    };
    let (minutes, seconds) = match rest.split_once(':') {
        Some((minutes, seconds)) => (number(minutes)?, seconds_ticks(seconds)?),
        None => (number(rest)?, 0),
    };
    if hours > 24 || minutes > 59 || seconds >= 60 * TICKS_PER_SECOND {
        return None;
    }
    let clock = (hours * 3600 + minutes * 60) * TICKS_PER_SECOND + seconds;
    days.checked_mul(TICKS_PER_DAY)?.checked_add(clock)
}

fn parse_unit_span(text: &str) -> Option<i64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (amount, unit) = (&text[..end], text[end..].trim());
    let ticks = if unit.is_empty() {
        TICKS_PER_DAY as f64
    } else {
        crate::lexer::unit_ticks(unit)?
    };
    // Whole amounts stay exact; fractions go through a double, as in Kusto.
    if let (Some(amount), true) = (number(amount), ticks >= 1.0) {
        return amount.checked_mul(ticks as i64);
    }
    let value = (amount.parse::<f64>().ok()? * ticks).round();
    (value.abs() < i64::MAX as f64).then_some(value as i64)
}

/// `2026-03-01`, `2026-03-01T10:00:00Z` or with as many digits of a fraction as are needed, for a literal.
#[must_use]
pub fn format_datetime(ticks: i64) -> String {
    let ticks = ticks.clamp(0, MAX_DATETIME_TICKS);
    let (year, month, day) = date_from_days(ticks / TICKS_PER_DAY);
    let clock = ticks % TICKS_PER_DAY;
    let date = format!("{year:04}-{month:02}-{day:02}");
    if clock == 0 {
        date
    } else {
        format!("{date}T{}Z", format_clock(clock))
    }
}

/// `hh:mm:ss` with as many digits of a fraction as are needed.
fn format_clock(ticks: i64) -> String {
    let (seconds, fraction) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
    let whole = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction == 0 {
        return whole;
    }
    format!("{whole}.{}", format!("{fraction:07}").trim_end_matches('0'))
}

/// The shortest usual literal of a timespan: `1d`, `90m`, `time(1.02:03:04.5)`, `time(-1d)`.
#[must_use]
pub fn format_timespan(ticks: i64) -> String {
    let magnitude = ticks.unsigned_abs();
    let sign = if ticks < 0 { "-" } else { "" };
    let units = [
        ("d", 864_000_000_000),
        ("h", 36_000_000_000),
        ("m", 600_000_000),
        ("s", 10_000_000),
        ("ms", 10_000),
    ];
    let unit = units
        .into_iter()
        .find(|(_, length)| magnitude.is_multiple_of(*length) && magnitude != 0);
    let text = match unit {
        Some((unit, length)) => format!("{}{unit}", magnitude / length),
        None if magnitude == 0 => "0s".to_owned(),
        None if magnitude < 10_000 => format!("{magnitude}tick"),
        None => {
            let (days, clock) = (
                magnitude / TICKS_PER_DAY as u64,
                magnitude % TICKS_PER_DAY as u64,
            );
            let clock = format_clock(i64::try_from(clock).unwrap_or(0));
            return format!("time({sign}{days}.{clock})");
        }
    };
    if ticks < 0 {
        format!("time(-{text})")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARCH: i64 = 638_763_840_000_000_000; // 2025-03-01

    #[test]
    fn days_and_dates_agree_over_the_whole_range() {
        assert_eq!(days_from_date(1, 1, 1), Some(0));
        assert_eq!(days_from_date(1970, 1, 1), Some(719_162));
        assert_eq!(days_from_date(2025, 2, 29), None);
        let mut days = 0;
        for year in 1..=9999 {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                let number = days_from_date(year, month, day).unwrap();
                assert!(number >= days);
                days = number;
                assert_eq!(date_from_days(number), (year, month, day));
            }
        }
        assert_eq!((days + 1) * TICKS_PER_DAY - 1, MAX_DATETIME_TICKS);
    }

    #[test]
    fn datetimes_in_every_form() {
        assert_eq!(parse_datetime("2025-03-01"), Some(MARCH));
        for same in [
            "2025-03",
            "2025/03/01",
            "03/01/2025",
            "3-1-2025",
            "20250301",
            "1 Mar 2025",
            "2025-03-01Z",
        ] {
            assert_eq!(parse_datetime(same), Some(MARCH), "{same}");
        }
        let half_past_ten = MARCH + 378_000_000_000;
        for same in [
            "2025-03-01T10:30",
            "2025-03-01 10:30:00",
            "2025-03-01T10:30:00.0000000Z",
            "2025-03-01T12:30:00+02:00",
            "2025-03-01T05:00-0530",
            "Sat, 1 Mar 2025 10:30:00 GMT",
            "Saturday, 01-Mar-25 10:30:00 UTC",
            "3/1/2025 10:30:00 AM",
        ] {
            assert_eq!(parse_datetime(same), Some(half_past_ten), "{same}");
        }
        assert_eq!(
            parse_datetime("2025-03-01T00:00:00.1234567Z"),
            Some(MARCH + 1_234_567)
        );
        assert_eq!(
            parse_datetime("2025-03-01T00:00:00.12345678Z"),
            Some(MARCH + 1_234_567)
        );
        for wrong in [
            "",
            "yesterday",
            "2025-13-01",
            "2025-02-30",
            "2025-03-01T25:00",
            "0001-01-01T00:00+01:00",
            "é-1",
        ] {
            assert_eq!(parse_datetime(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn timespans_in_every_form() {
        for (text, ticks) in [
            ("1d", TICKS_PER_DAY),
            ("1", TICKS_PER_DAY),
            ("1.5h", 54_000_000_000),
            ("15 seconds", 150_000_000),
            ("1tick", 1),
            ("250nanoseconds", 3),
            ("-2m", -1_200_000_000),
            ("01:02:03.5", 37_235_000_000 - 1_000_000 + 1_000_000),
            ("1.02:03", TICKS_PER_DAY + 73_800_000_000),
        ] {
            assert_eq!(parse_timespan(text), Some(ticks), "{text}");
        }
        for wrong in [
            "",
            "d",
            "1x",
            "1:60",
            "25:00:00x",
            "99999999999999d",
            "1.2.3:4",
        ] {
            assert_eq!(parse_timespan(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for ticks in [
            0,
            MARCH,
            MARCH + 1,
            MARCH + 378_000_000_000,
            MAX_DATETIME_TICKS,
        ] {
            assert_eq!(parse_datetime(&format_datetime(ticks)), Some(ticks));
        }
        for (ticks, text) in [
            (0, "0s"),
            (TICKS_PER_DAY, "1d"),
            (54_000_000_000, "90m"),
            (7, "7tick"),
            (-TICKS_PER_DAY, "time(-1d)"),
            (TICKS_PER_DAY + 1, "time(1.00:00:00.0000001)"),
        ] {
            assert_eq!(format_timespan(ticks), text);
        }
        assert_eq!(
            parse_timespan("1.00:00:00.0000001"),
            Some(TICKS_PER_DAY + 1)
        );
    }
}
