//! Time zones: `datetime_utc_to_local`, `datetime_local_to_utc` and the list of their names (IANA).

use std::collections::HashMap;

use arrow::array::ArrayRef;
use bartizan_kql::time::{MAX_DATETIME_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND};
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use datafusion::error::Result;

use super::call::{Call, Texts};
use crate::json::push_json_string;

/// 1970-01-01 in seconds since 0001-01-01.
const UNIX_EPOCH: i64 = 719_162 * (TICKS_PER_DAY / TICKS_PER_SECOND);

/// Zones by name, each looked up once per batch.
struct Zones<'a> {
    names: Texts<'a>,
    known: HashMap<&'a str, Option<Tz>>,
}

impl<'a> Zones<'a> {
    fn get(&mut self, row: usize) -> Option<Tz> {
        let name = self.names.get(row);
        *self.known.entry(name).or_insert_with(|| name.parse().ok())
    }
}

/// Seconds before or after UTC that a zone has at an instant, in seconds since 1970.
fn offset_at(zone: Tz, unix: i64) -> Option<i64> {
    let utc: NaiveDateTime = DateTime::from_timestamp(unix, 0)?.naive_utc();
    Some(i64::from(
        zone.offset_from_utc_datetime(&utc).fix().local_minus_utc(),
    ))
}

/// The offset of a local time. Of two, when clocks go back, the later instant; in the gap when they go forward, as
/// before the gap.
fn offset_of_local(zone: Tz, unix: i64) -> Option<i64> {
    let local: NaiveDateTime = DateTime::from_timestamp(unix, 0)?.naive_utc();
    Some(match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => i64::from(offset.fix().local_minus_utc()),
        LocalResult::Ambiguous(_, later) => i64::from(later.fix().local_minus_utc()),
        LocalResult::None => offset_at(zone, unix - 86_400)?,
    })
}

fn moved(call: &Call, sign: i64, offset: impl Fn(Tz, i64) -> Option<i64>) -> Result<ArrayRef> {
    let times = call.longs(0)?;
    let mut zones = Zones {
        names: call.texts(1)?,
        known: HashMap::new(),
    };
    call.make_longs(|row| {
        let ticks = times.get(row)?;
        let unix = ticks.div_euclid(TICKS_PER_SECOND) - UNIX_EPOCH;
        let seconds = offset(zones.get(row)?, unix)?;
        let there = ticks + sign * seconds * TICKS_PER_SECOND;
        (0..=MAX_DATETIME_TICKS).contains(&there).then_some(there)
    })
}

pub(super) fn utc_to_local(call: &Call) -> Result<ArrayRef> {
    moved(call, 1, offset_at)
}

pub(super) fn local_to_utc(call: &Call) -> Result<ArrayRef> {
    moved(call, -1, offset_of_local)
}

pub(super) fn list(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|_, out| {
        out.push('[');
        for (i, zone) in TZ_VARIANTS.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_json_string(out, zone.name());
        }
        out.push(']');
        true
    })
}
