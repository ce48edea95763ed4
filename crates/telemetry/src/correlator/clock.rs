//! How far the time that a log states is from UTC.
//!
//! Some exports print a host's local time and call it UTC, one of them on a 12-hour clock. Sysmon
//! writes UTC inside its events, so the difference on a host's Sysmon events corrects the others.

use bartizan_contract::time::{TICKS_PER_HOUR, TICKS_PER_MINUTE};

use super::HostKey;
use super::recent::Recent;
use crate::event::{Provider, SourceEvent};

/// Time zones are whole quarters of an hour.
const QUARTER: i64 = 15 * TICKS_PER_MINUTE;

/// The difference per host.
#[derive(Debug)]
pub struct Clocks {
    skew: Recent<HostKey, i64>,
}

impl Clocks {
    pub(super) fn new(hosts: usize) -> Self {
        Self {
            skew: Recent::new(hosts),
        }
    }

    /// When an event happened, in UTC ticks, as well as is known by now.
    pub fn time_of(&mut self, host: HostKey, event: &SourceEvent) -> Option<i64> {
        let utc = (event.provider == Provider::Sysmon)
            .then(|| event.time("UtcTime"))
            .flatten();
        // Connections and name look-ups carry the time of the network trace, which lags and, after a
        // virtual machine slept, is days off: they teach nothing, and are corrected themselves.
        let traced = matches!(event.event_id, 3 | 22);
        match (utc, event.written) {
            (Some(utc), Some(written)) if !traced => {
                if event.clock_in_doubt {
                    self.learn(host, utc - written);
                }
                Some(utc)
            }
            (Some(utc), Some(written)) => {
                let corrected = written + self.skew(host, event);
                Some(if (utc - corrected).abs() > TICKS_PER_HOUR {
                    corrected
                } else {
                    utc
                })
            }
            (Some(utc), None) => Some(utc),
            (None, Some(written)) => Some(written + self.skew(host, event)),
            (None, None) => None,
        }
    }

    fn learn(&mut self, host: HostKey, difference: i64) {
        let rounded = (difference + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
        // A zone shows as a difference near a whole quarter; anything else is a late delivery.
        if (difference - rounded).abs() < 2 * TICKS_PER_MINUTE {
            self.skew.insert(host, rounded);
        }
    }

    fn skew(&mut self, host: HostKey, event: &SourceEvent) -> i64 {
        if event.clock_in_doubt {
            self.skew.get(&host).copied().unwrap_or(0)
        } else {
            0
        }
    }
}
