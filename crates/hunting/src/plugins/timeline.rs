//! Analyses of who was active when: counts over sliding windows, sessions, retention.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use bartizan_kql::bound::Plugin;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{bin, counts, of_points, points, positive, reals, whole};
use crate::error::{HuntError, evaluation};
use crate::plan::{Kernel, Made, Parts, Work, numbered};

/// Windows that an analysis may have; more is a mistake that would only fill memory.
const MOST_WINDOWS: i64 = 1_000_000;

/// Rows that `new_activity_metrics` may make of one group: every window meets every later one.
const MOST_PAIRS: u64 = 10_000_000;

/// Who, when.
type Event = (i64, u32);

/// The rows of a result: their times and numbers.
struct Rows<'w> {
    times: Vec<i64>,
    until: Vec<i64>,
    counts: Vec<Vec<i64>>,
    rates: Vec<Vec<f64>>,
    firsts: Vec<u32>,
    pace: Pace<'w>,
}

impl<'w> Rows<'w> {
    fn new(work: &'w Work) -> Self {
        Self {
            times: Vec::new(),
            until: Vec::new(),
            counts: Vec::new(),
            rates: Vec::new(),
            firsts: Vec::new(),
            pace: Pace::new(work),
        }
    }

    fn push(&mut self, time: i64, counts: &[i64], rates: &[f64]) -> Result<()> {
        // Two times, the first row of the group, the numbers.
        self.pace.keep(24 + 8 * (counts.len() + rates.len()))?;
        self.times.push(time);
        self.counts.resize(counts.len(), Vec::new());
        for (column, value) in self.counts.iter_mut().zip(counts) {
            column.push(*value);
        }
        self.rates.resize(rates.len(), Vec::new());
        for (column, value) in self.rates.iter_mut().zip(rates) {
            column.push(*value);
        }
        Ok(())
    }
}

/// How often each thing is in a window that moves on.
struct Window<T> {
    often: HashMap<T, usize>,
    total: usize,
}

impl<T: Eq + Hash> Window<T> {
    fn new() -> Self {
        Self {
            often: HashMap::new(),
            total: 0,
        }
    }

    fn enter(&mut self, thing: T) {
        *self.often.entry(thing).or_default() += 1;
        self.total += 1;
    }

    /// `thing` must be in the window.
    fn leave(&mut self, thing: &T) {
        if let Some(often) = self.often.get_mut(thing) {
            *often -= 1;
            self.total -= 1;
            if *often == 0 {
                self.often.remove(thing);
            }
        }
    }

    fn distinct(&self) -> usize {
        self.often.len()
    }
}

/// What is computed.
#[derive(Clone, Copy)]
enum Analysis {
    Sliding {
        lookback: i64,
        bin: i64,
    },
    Sessions {
        bin: i64,
        lookback: i64,
    },
    ActiveUsers {
        lookback: i64,
        period: i64,
        least: i64,
        bin: i64,
    },
    Counts {
        window: i64,
    },
    Engagement {
        inner: i64,
        outer: i64,
    },
    Metrics {
        window: i64,
    },
    NewMetrics {
        window: i64,
        cohort: Option<i64>,
    },
}

/// The kernel of all of them.
pub(super) struct Timeline {
    analysis: Analysis,
    start: Option<i64>,
    end: Option<i64>,
    time: Type,
}

impl Timeline {
    pub(super) fn new(plugin: &Plugin, call: &Call) -> std::result::Result<Self, HuntError> {
        let length = |at| positive(&call.constants, at, "a window, period or bin");
        let analysis = match plugin {
            Plugin::SlidingWindowCounts => Analysis::Sliding {
                lookback: length(2)?,
                bin: length(3)?,
            },
            Plugin::SessionCount => Analysis::Sessions {
                bin: length(2)?,
                lookback: length(3)?,
            },
            Plugin::ActiveUsersCount => Analysis::ActiveUsers {
                lookback: length(2)?,
                period: length(3)?,
                least: length(4)?,
                bin: length(5)?,
            },
            Plugin::ActivityCountsMetrics => Analysis::Counts { window: length(2)? },
            Plugin::ActivityEngagement => Analysis::Engagement {
                inner: length(2)?,
                outer: length(3)?,
            },
            Plugin::ActivityMetrics => Analysis::Metrics { window: length(2)? },
            Plugin::NewActivityMetrics => Analysis::NewMetrics {
                window: length(2)?,
                cohort: call.constants.get(3).and_then(whole),
            },
            _ => return Err(HuntError::Internal("not an analysis over times".into())),
        };
        Ok(Self {
            analysis,
            start: call.constants.first().and_then(whole),
            end: call.constants.get(1).and_then(whole),
            time: call.types.get(1).copied().unwrap_or(Type::DateTime),
        })
    }

    /// The rows of one group from its events in order of time.
    fn analyse(&self, events: &[Event], out: &mut Rows<'_>) -> Result<()> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(());
        };
        let (start, end) = (self.start.unwrap_or(first.0), self.end.unwrap_or(last.0));
        let step = match self.analysis {
            Analysis::Sliding { bin, .. }
            | Analysis::Sessions { bin, .. }
            | Analysis::ActiveUsers { bin, .. } => bin,
            Analysis::Engagement { inner, .. } => inner,
            Analysis::Counts { window }
            | Analysis::Metrics { window }
            | Analysis::NewMetrics { window, .. } => window,
        };
        if (end.saturating_sub(start)) / step > MOST_WINDOWS {
            return Err(evaluation(format!(
                "there would be more than {MOST_WINDOWS} windows: take a larger one"
            )));
        }
        out.pace.step(events.len())?;
        match self.analysis {
            Analysis::Sliding { lookback, bin } => sliding(events, start, end, lookback, bin, out),
            Analysis::Sessions { bin, lookback } => {
                sessions(events, start, end, bin, lookback, out)
            }
            Analysis::ActiveUsers {
                lookback,
                period,
                least,
                bin,
            } => active(events, (start, end), (lookback, period, least, bin), out),
            Analysis::Counts { window } => running(events, start, end, window, out),
            Analysis::Engagement { inner, outer } => {
                engagement(events, start, end, inner, outer, out)
            }
            Analysis::Metrics { window } => retention(events, start, end, window, out),
            Analysis::NewMetrics { window, cohort } => {
                cohorts(events, (start, end), window, cohort, out)
            }
        }
    }
}

impl Kernel for Timeline {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let (ids, _) = numbered(&args[..1])?;
        let times = points(&args[1])?;
        let mut out = Rows::new(work);
        for part in Parts::by(&args[2..], rows)?.members() {
            let mut events: Vec<Event> = part
                .iter()
                .filter_map(|row| Some((times[*row as usize]?, ids[*row as usize])))
                .collect();
            events.sort_unstable();
            self.analyse(&events, &mut out)?;
            out.firsts.resize(out.times.len(), part[0]);
        }
        let (widths, rates) = match self.analysis {
            Analysis::Sliding { .. } => (2, 0),
            Analysis::Sessions { .. } | Analysis::ActiveUsers { .. } => (1, 0),
            Analysis::Counts { .. } => (4, 0),
            Analysis::Engagement { .. } => (2, 1),
            Analysis::Metrics { .. } => (2, 2),
            Analysis::NewMetrics { .. } => (3, 2),
        };
        out.counts.resize(widths, Vec::new());
        out.rates.resize(rates, Vec::new());
        let mut columns = vec![of_points(out.times, self.time)];
        if matches!(self.analysis, Analysis::NewMetrics { .. }) {
            columns.push(of_points(out.until, self.time));
        }
        let firsts = UInt32Array::from(out.firsts);
        for group in &args[2..] {
            columns.push(take(group, &firsts, None)?);
        }
        columns.extend(out.counts.into_iter().map(counts));
        columns.extend(out.rates.into_iter().map(reals));
        Ok(Made {
            rows: None,
            columns,
        })
    }
}

/// The events by window.
fn by_window(events: &[Event], start: i64, end: i64, step: i64) -> BTreeMap<i64, Vec<u32>> {
    let mut windows: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (at, id) in events.iter().filter(|(at, _)| *at >= start && *at <= end) {
        windows.entry(bin(*at, start, step)).or_default().push(*id);
    }
    windows
}

fn distinct(ids: &[u32]) -> BTreeSet<u32> {
    ids.iter().copied().collect()
}

fn sliding(
    events: &[Event],
    start: i64,
    end: i64,
    lookback: i64,
    step: i64,
    out: &mut Rows<'_>,
) -> Result<()> {
    let lookback = (lookback / step).max(1) * step;
    let bins: Vec<(i64, Vec<u32>)> = by_window(events, start.saturating_sub(lookback), end, step)
        .into_iter()
        .map(|(at, ids)| (bin(at, start, step), ids))
        .collect();
    let (mut entered, mut left) = (0, 0);
    let mut seen = Window::new();
    let mut next = Some(start);
    while let Some(at) = next.filter(|at| *at <= end) {
        while let Some((_, ids)) = bins.get(entered).filter(|b| b.0 <= at) {
            ids.iter().for_each(|id| seen.enter(*id));
            out.pace.step(ids.len())?;
            entered += 1;
        }
        let oldest = at.saturating_sub(lookback - step);
        while let Some((_, ids)) = bins[..entered].get(left).filter(|b| b.0 < oldest) {
            ids.iter().for_each(|id| seen.leave(id));
            out.pace.step(ids.len())?;
            left += 1;
        }
        if seen.total > 0 {
            out.push(at, &[seen.total as i64, seen.distinct() as i64], &[])?;
        }
        out.pace.step(1)?;
        next = at.checked_add(step);
    }
    Ok(())
}

fn sessions(
    events: &[Event],
    start: i64,
    end: i64,
    step: i64,
    lookback: i64,
    out: &mut Rows<'_>,
) -> Result<()> {
    let mut latest: HashMap<u32, i64> = HashMap::new();
    let mut found: BTreeMap<i64, i64> = BTreeMap::new();
    for (at, id) in events {
        out.pace.step(1)?;
        let before = latest.insert(*id, *at);
        let new = before.is_none_or(|before| at.saturating_sub(before) > lookback);
        if *at >= start && *at <= end {
            *found.entry(bin(*at, start, step)).or_default() += i64::from(new);
        }
    }
    for (at, count) in found {
        out.push(at, &[count], &[])?;
    }
    Ok(())
}

fn active(
    events: &[Event],
    (start, end): (i64, i64),
    (lookback, period, least, step): (i64, i64, i64, i64),
    out: &mut Rows<'_>,
) -> Result<()> {
    let mut of_id: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for (at, id) in events {
        of_id.entry(*id).or_default().push(*at);
    }
    let mut found: BTreeMap<i64, HashSet<u32>> = BTreeMap::new();
    for (id, times) in of_id {
        let mut oldest = 0;
        let mut periods = Window::new();
        for at in &times {
            out.pace.step(1)?;
            periods.enter(bin(*at, 0, period));
            while times[oldest] < at.saturating_sub(lookback) {
                periods.leave(&bin(times[oldest], 0, period));
                oldest += 1;
            }
            if *at >= start && *at <= end && periods.distinct() as i64 >= least {
                found.entry(bin(*at, start, step)).or_default().insert(id);
            }
        }
    }
    for (at, ids) in found {
        out.push(at, &[ids.len() as i64], &[])?;
    }
    Ok(())
}

fn running(events: &[Event], start: i64, end: i64, window: i64, out: &mut Rows<'_>) -> Result<()> {
    let mut seen: HashSet<u32> = HashSet::new();
    for (at, ids) in by_window(events, start, end, window) {
        out.pace.step(ids.len())?;
        let present = distinct(&ids);
        let new = present.iter().filter(|id| seen.insert(**id)).count();
        let values = [
            ids.len() as i64,
            present.len() as i64,
            new as i64,
            seen.len() as i64,
        ];
        out.push(at, &values, &[])?;
    }
    Ok(())
}

fn engagement(
    events: &[Event],
    start: i64,
    end: i64,
    inner: i64,
    outer: i64,
    out: &mut Rows<'_>,
) -> Result<()> {
    let (mut entered, mut left) = (0, 0);
    let mut around = Window::new();
    for (at, ids) in by_window(events, start, end, inner) {
        let until = i128::from(at) + i128::from(inner);
        let from = until - i128::from(outer);
        while let Some((_, id)) = events.get(entered).filter(|e| i128::from(e.0) < until) {
            around.enter(*id);
            entered += 1;
            out.pace.step(1)?;
        }
        while let Some((_, id)) = events[..entered]
            .get(left)
            .filter(|e| i128::from(e.0) < from)
        {
            around.leave(id);
            left += 1;
            out.pace.step(1)?;
        }
        let (near, far) = (distinct(&ids).len(), around.distinct());
        out.pace.step(ids.len())?;
        out.push(at, &[near as i64, far as i64], &[near as f64 / far as f64])?;
    }
    Ok(())
}

fn retention(
    events: &[Event],
    start: i64,
    end: i64,
    window: i64,
    out: &mut Rows<'_>,
) -> Result<()> {
    let windows = by_window(events, start, end, window);
    let nobody = BTreeSet::new();
    let present: BTreeMap<i64, BTreeSet<u32>> = windows
        .into_iter()
        .map(|(at, ids)| (at, distinct(&ids)))
        .collect();
    for (at, ids) in &present {
        out.pace.step(ids.len())?;
        let before = at.checked_sub(window).and_then(|at| present.get(&at));
        let before = before.unwrap_or(&nobody);
        let returned = ids.intersection(before).count();
        let rate = returned as f64 / before.len() as f64;
        let values = [ids.len() as i64, (ids.len() - returned) as i64];
        out.push(*at, &values, &[rate, 1.0 - rate])?;
    }
    Ok(())
}

fn cohorts(
    events: &[Event],
    (start, end): (i64, i64),
    window: i64,
    cohort: Option<i64>,
    out: &mut Rows<'_>,
) -> Result<()> {
    let windows = by_window(events, start, end, window);
    let mut steps = Vec::new();
    let mut next = Some(start);
    while let Some(at) = next.filter(|at| *at <= end) {
        out.pace.step(1)?;
        let present = windows.get(&at).map(|ids| distinct(ids));
        steps.push((at, present.unwrap_or_default()));
        next = at.checked_add(window);
    }
    let count = steps.len() as u64;
    if cohort.is_none() && count * (count + 1) / 2 > MOST_PAIRS {
        return Err(evaluation(format!(
            "there would be more than {MOST_PAIRS} pairs of windows: take a larger one, or name a cohort"
        )));
    }
    let mut seen: BTreeSet<u32> = BTreeSet::new();
    for (i, (from, present)) in steps.iter().enumerate() {
        out.pace.step(present.len() + 1)?;
        let new: BTreeSet<u32> = present.difference(&seen).copied().collect();
        seen.extend(present);
        if cohort.is_some_and(|c| bin(c, start, window) != *from) {
            continue;
        }
        for (to, later) in &steps[i..] {
            out.pace.step(later.len() + 1)?;
            let added = if from == to {
                new.len()
            } else {
                later.difference(&seen).count()
            };
            let retained = new.intersection(later).count();
            let churned = new.len() - retained;
            let of = new.len() as f64;
            out.until.push(*to);
            out.push(
                *from,
                &[added as i64, retained as i64, churned as i64],
                &[retained as f64 / of, churned as f64 / of],
            )?;
        }
    }
    Ok(())
}
