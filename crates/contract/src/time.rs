//! Moments and lengths of time as .NET counts them: ticks of 100 ns.
//!
//! A moment is the number of ticks since 0001-01-01T00:00:00Z in the proleptic Gregorian calendar,
//! which is what the hunting language computes with and what 7 fractional digits print exactly.
//! Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Ticks in a microsecond.
pub const TICKS_PER_MICRO: i64 = 10;
/// Ticks in a millisecond.
pub const TICKS_PER_MILLI: i64 = 10_000;
/// Ticks in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks in a minute.
pub const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// Ticks in an hour.
pub const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
/// Ticks in a day.
pub const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;
/// 1970-01-01T00:00:00Z in ticks.
pub const UNIX_EPOCH_TICKS: i64 = 719_162 * TICKS_PER_DAY;
/// 9999-12-31T23:59:59.9999999Z, the last moment there is.
pub const MAX_TICKS: i64 = 3_652_059 * TICKS_PER_DAY - 1;

/// Ticks of a moment given in microseconds since 1970. Saturates at both ends of the calendar.
#[must_use]
pub const fn ticks_from_unix_micros(micros: i64) -> i64 {
    clamp(
        micros
            .saturating_mul(TICKS_PER_MICRO)
            .saturating_add(UNIX_EPOCH_TICKS),
    )
}

/// Microseconds since 1970 of a moment in ticks; parts of a microsecond are cut off downwards.
#[must_use]
pub const fn unix_micros_from_ticks(ticks: i64) -> i64 {
    (ticks - UNIX_EPOCH_TICKS).div_euclid(TICKS_PER_MICRO)
}

/// Ticks of a moment given in seconds since 1970. Saturates at both ends of the calendar.
#[must_use]
pub const fn ticks_from_unix_seconds(seconds: i64) -> i64 {
    clamp(
        seconds
            .saturating_mul(TICKS_PER_SECOND)
            .saturating_add(UNIX_EPOCH_TICKS),
    )
}

const fn clamp(ticks: i64) -> i64 {
    if ticks < 0 {
        0
    } else if ticks > MAX_TICKS {
        MAX_TICKS
    } else {
        ticks
    }
}

/// A moment taken apart, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
    /// Ticks within the second, 0 to 9,999,999.
    pub fraction: u32,
}

/// Takes a moment apart. Ticks outside the calendar are brought to its nearest end.
#[must_use]
pub fn civil_from_ticks(ticks: i64) -> Civil {
    let ticks = clamp(ticks);
    let in_day = ticks % TICKS_PER_DAY;
    // Days are counted from 0000-03-01, so that the leap day ends a year (Hinnant's algorithm).
    let z = ticks / TICKS_PER_DAY + 306;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil {
        year: year as i32,
        month: month as u32,
        day: day as u32,
        hour: (in_day / TICKS_PER_HOUR) as u32,
        minute: (in_day / TICKS_PER_MINUTE % 60) as u32,
        second: (in_day / TICKS_PER_SECOND % 60) as u32,
        fraction: (in_day % TICKS_PER_SECOND) as u32,
    }
}

/// Puts a moment together; `None` when a part is outside its range (31 April, second 60).
#[must_use]
pub fn ticks_from_civil(civil: Civil) -> Option<i64> {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        fraction,
    } = civil;
    let in_range = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && i64::from(fraction) < TICKS_PER_SECOND;
    if !in_range {
        return None;
    }
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y / 400;
    let year_of_era = y % 400;
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 306;
    Some(
        days * TICKS_PER_DAY
            + i64::from(hour) * TICKS_PER_HOUR
            + i64::from(minute) * TICKS_PER_MINUTE
            + i64::from(second) * TICKS_PER_SECOND
            + i64::from(fraction),
    )
}

/// The length of a month in days.
#[must_use]
pub const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// ISO 8601 with all 7 digits and `Z`: how hunting prints a `datetime`.
#[must_use]
pub fn format_iso8601(ticks: i64) -> String {
    let c = civil_from_ticks(ticks);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second, c.fraction
    )
}

/// ISO 8601 with `Z`, without trailing zeros in the fraction: how the incident, alert and machine
/// APIs print times.
#[must_use]
pub fn format_iso8601_trimmed(ticks: i64) -> String {
    let full = format_iso8601(ticks);
    let digits = full
        .trim_end_matches('Z')
        .trim_end_matches('0')
        .trim_end_matches('.');
    format!("{digits}Z")
}

/// Reads ISO 8601: a date, or a date and a time with `T`, `t` or a space between, seconds and
/// fraction optional, then `Z`, an offset (`+02:00`, `+0200`) or nothing, which means UTC. A date
/// may carry `Z` too (`2018-08-01Z`). Digits beyond the seventh are cut off. `None` for anything
/// else.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.trim().as_bytes());
    let year = cursor.number(4)? as i32;
    cursor.expect(b'-')?;
    let month = cursor.number(2)?;
    cursor.expect(b'-')?;
    let day = cursor.number(2)?;
    let mut civil = Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        fraction: 0,
    };
    if matches!(cursor.peek(), Some(b'T' | b't' | b' ')) {
        cursor.skip();
        civil.hour = cursor.number(2)?;
        cursor.expect(b':')?;
        civil.minute = cursor.number(2)?;
        if cursor.peek() == Some(b':') {
            cursor.skip();
            civil.second = cursor.number(2)?;
            if matches!(cursor.peek(), Some(b'.' | b',')) {
                cursor.skip();
                civil.fraction = cursor.fraction()?;
            }
        }
    }
    let offset = cursor.offset()?;
    if !cursor.0.is_empty() {
        return None;
    }
    let ticks = ticks_from_civil(civil)? - offset;
    (0..=MAX_TICKS).contains(&ticks).then_some(ticks)
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn skip(&mut self) {
        self.0 = &self.0[1..];
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.skip())
    }

    fn number(&mut self, digits: usize) -> Option<u32> {
        let head = self
            .0
            .get(..digits)
            .filter(|d| d.iter().all(u8::is_ascii_digit))?;
        let value = head.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'));
        self.0 = &self.0[digits..];
        Some(value)
    }

    fn fraction(&mut self) -> Option<u32> {
        let length = self.0.iter().take_while(|d| d.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        let digits = self.0[..length]
            .iter()
            .copied()
            .chain(std::iter::repeat(b'0'))
            .take(7);
        let value = digits.fold(0, |n, d| n * 10 + u32::from(d - b'0'));
        self.0 = &self.0[length..];
        Some(value)
    }

    fn offset(&mut self) -> Option<i64> {
        let sign = match self.peek() {
            None => return Some(0),
            Some(b'Z' | b'z') => {
                self.skip();
                return Some(0);
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.skip();
        let hours = i64::from(self.number(2)?);
        if self.peek() == Some(b':') {
            self.skip();
        }
        let minutes = if self.0.is_empty() {
            0
        } else {
            i64::from(self.number(2)?)
        };
        (hours < 24 && minutes < 60)
            .then_some(sign * (hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE))
    }
}

/// A length of time as .NET's constant format prints it: `[-][d.]hh:mm:ss[.fffffff]`.
#[must_use]
pub fn format_timespan(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let rest = ticks.unsigned_abs();
    let (day, hour, minute, second) = (
        TICKS_PER_DAY as u64,
        TICKS_PER_HOUR as u64,
        TICKS_PER_MINUTE as u64,
        TICKS_PER_SECOND as u64,
    );
    let days = match rest / day {
        0 => String::new(),
        n => format!("{n}."),
    };
    let fraction = match rest % second {
        0 => String::new(),
        n => format!(".{n:07}"),
    };
    format!(
        "{sign}{days}{:02}:{:02}:{:02}{fraction}",
        rest % day / hour,
        rest % hour / minute,
        rest % minute / second
    )
}

/// A moment on the wire: ISO 8601 in UTC, with as many of 7 fractional digits as it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(
    /// Ticks since year 1.
    pub i64,
);

impl Timestamp {
    /// The moment so many microseconds after 1970.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(ticks_from_unix_micros(micros))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn unix_micros(self) -> i64 {
        unix_micros_from_ticks(self.0)
    }

    /// Ticks since year 1.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_iso8601_trimmed(self.0))
    }
}

/// The text is no ISO 8601 moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 date and time: {0:?}")]
pub struct ParseTimestampError(pub String);

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_iso8601(text)
            .map(Self)
            .ok_or_else(|| ParseTimestampError(text.to_owned()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(format_iso8601(0), "0001-01-01T00:00:00.0000000Z");
        assert_eq!(format_iso8601(MAX_TICKS), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(
            format_iso8601(UNIX_EPOCH_TICKS),
            "1970-01-01T00:00:00.0000000Z"
        );
        // .NET: new DateTime(2020, 9, 6, 14, 46, 57).Ticks
        assert_eq!(
            parse_iso8601("2020-09-06T14:46:57Z"),
            Some(637_350_004_170_000_000)
        );
        assert_eq!(unix_micros_from_ticks(ticks_from_unix_micros(-1)), -1);
        assert_eq!(ticks_from_unix_seconds(0), UNIX_EPOCH_TICKS);
    }

    #[test]
    fn every_day_of_the_calendar_reads_back() {
        for day in 0..=MAX_TICKS / TICKS_PER_DAY {
            let ticks = day * TICKS_PER_DAY + 12_345;
            assert_eq!(ticks_from_civil(civil_from_ticks(ticks)), Some(ticks));
        }
    }

    #[test]
    fn forms_that_clients_send() {
        let day = parse_iso8601("2018-08-01").unwrap();
        for (text, plus) in [
            ("2018-08-01Z", 0),
            ("2018-08-01T00:00Z", 0),
            ("2018-08-01 00:00:01", TICKS_PER_SECOND),
            ("2018-08-01T02:00:00+02:00", 0),
            ("2018-08-01T02:00:00+0200", 0),
            ("2018-08-01T00:00:00.5Z", TICKS_PER_SECOND / 2),
            ("2018-08-01T00:00:00.123456789Z", 1_234_567),
        ] {
            assert_eq!(parse_iso8601(text), Some(day + plus), "{text}");
        }
        for text in [
            "",
            "2018",
            "2018-02-29",
            "2018-08-01T",
            "2018-08-01T24:00",
            "2018-08-01X",
            "01/02/2018",
        ] {
            assert_eq!(parse_iso8601(text), None, "{text}");
        }
    }

    #[test]
    fn wire_times_drop_trailing_zeros() {
        let json = "\"2020-09-06T14:46:57.0733333Z\"";
        let time: Timestamp = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), json);
        assert_eq!(
            format_iso8601_trimmed(UNIX_EPOCH_TICKS),
            "1970-01-01T00:00:00Z"
        );
        assert_eq!(
            format_iso8601_trimmed(UNIX_EPOCH_TICKS + 5_100_000),
            "1970-01-01T00:00:00.51Z"
        );
    }

    #[test]
    fn timespans_print_as_dotnet_prints_them() {
        assert_eq!(format_timespan(0), "00:00:00");
        assert_eq!(format_timespan(TICKS_PER_DAY + 1), "1.00:00:00.0000001");
        assert_eq!(format_timespan(-TICKS_PER_HOUR * 25), "-1.01:00:00");
    }
}
