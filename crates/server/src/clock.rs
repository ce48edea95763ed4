//! The one place where the server reads the time.

use std::sync::Arc;

use time::OffsetDateTime;

/// Tells the time: the system's, or whatever a test says.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The system's clock, in UTC.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(OffsetDateTime::now_utc))
    }

    /// A clock that tells what `tell` tells.
    pub fn from_fn(tell: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Now, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }

    /// Now, in whole seconds since 1970 (the unit of JWT times, RFC 7519 section 2).
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.now().unix_timestamp()
    }

    /// Now, in microseconds since 1970 (the unit of the store).
    #[must_use]
    pub fn unix_micros(&self) -> i64 {
        // Fits until the year 294 000.
        i64::try_from(self.now().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
    }
}

impl Clock {
    /// Now as `2026-02-03T04:05:06Z`.
    #[must_use]
    pub fn iso_seconds(&self) -> String {
        let now = self.now();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            now.year(),
            u8::from(now.month()),
            now.day(),
            now.hour(),
            now.minute(),
            now.second()
        )
    }

    /// Now, in .NET ticks (the unit of hunting).
    #[must_use]
    pub fn ticks(&self) -> i64 {
        bartizan_contract::time::ticks_from_unix_micros(self.unix_micros())
    }
}
