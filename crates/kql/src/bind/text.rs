//! Times as text, for constants that become strings or JSON. (The literals of [`crate::time`] are shorter.)

use crate::time::{MAX_DATETIME_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, date_from_days};

/// ISO 8601 with seven digits and `Z`, of ticks since 0001-01-01.
pub(super) fn datetime(ticks: i64) -> String {
    let ticks = ticks.clamp(0, MAX_DATETIME_TICKS);
    let (year, month, day) = date_from_days(ticks / TICKS_PER_DAY);
    let (seconds, fraction) = (
        ticks % TICKS_PER_DAY / TICKS_PER_SECOND,
        ticks % TICKS_PER_SECOND,
    );
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

/// `[-][d.]hh:mm:ss[.fffffff]`, as KQL prints timespans.
pub(super) fn timespan(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let ticks = ticks.unsigned_abs();
    let per_second = TICKS_PER_SECOND.unsigned_abs();
    let (seconds, fraction) = (ticks / per_second, ticks % per_second);
    let (days, hour, minute, second) = (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    let days = if days > 0 {
        format!("{days}.")
    } else {
        String::new()
    };
    let fraction = if fraction > 0 {
        format!(".{fraction:07}")
    } else {
        String::new()
    };
    format!("{sign}{days}{hour:02}:{minute:02}:{second:02}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_the_service_prints_them() {
        assert_eq!(datetime(0), "0001-01-01T00:00:00.0000000Z");
        assert_eq!(
            datetime(638_396_640_001_234_567),
            "2024-01-01T00:00:00.1234567Z"
        );
        assert_eq!(
            datetime(638_447_616_000_000_000),
            "2024-02-29T00:00:00.0000000Z"
        );
        assert_eq!(timespan(-864_000_000_001), "-1.00:00:00.0000001");
        assert_eq!(timespan(36_000_000_000), "01:00:00");
    }
}
