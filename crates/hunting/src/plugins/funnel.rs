//! Sequences of states and of conditions: `funnel_sequence`, `funnel_sequence_completion`, `sequence_detect`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{bin, counts, of_points, points, positive, text, whole};
use crate::error::{HuntError, evaluation};
use crate::functions::json_column;
use crate::json;
use crate::plan::{Kernel, Made, Parts, Work, numbered};

/// Ids that a row of `funnel_sequence` shows at most, as documented.
const MOST_SAMPLES: usize = 128;

/// Sequences that `sequence_detect` gives at most.
const MOST_SEQUENCES: usize = 1_000_000;

/// The strings of a constant array.
fn states(constants: &[datafusion::common::ScalarValue], at: usize) -> Vec<String> {
    let array = constants.get(at).map(text).unwrap_or_default();
    json::elements(&array)
        .map(|element| json::to_text(element).into_owned())
        .collect()
}

/// The events of every id in order of time: id, then (time, row).
fn by_id(args: &[ArrayRef]) -> Result<BTreeMap<u32, Vec<(i64, usize)>>> {
    let (ids, _) = numbered(&args[..1])?;
    let times = points(&args[1])?;
    let mut events: BTreeMap<u32, Vec<(i64, usize)>> = BTreeMap::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(at) = times[row] {
            events.entry(*id).or_default().push((at, row));
        }
    }
    events.values_mut().for_each(|list| list.sort_unstable());
    Ok(events)
}

/// The texts of the states.
fn texts(array: &ArrayRef) -> Result<Vec<String>> {
    let Some(texts) = array.as_string_view_opt() else {
        return Err(evaluation("the column of states must be a string"));
    };
    Ok(texts
        .iter()
        .map(|t| t.unwrap_or_default().to_owned())
        .collect())
}

/// `funnel_sequence`: what came before and after a sequence of states.
pub(super) struct Funnel {
    start: Option<i64>,
    end: Option<i64>,
    window: i64,
    step: i64,
    sequence: Vec<String>,
    id: Type,
    time: Type,
}

impl Funnel {
    pub(super) fn new(call: &Call) -> std::result::Result<Self, HuntError> {
        Ok(Self {
            start: call.constants.first().and_then(whole),
            end: call.constants.get(1).and_then(whole),
            window: positive(&call.constants, 2, "funnel_sequence: the window")?,
            step: positive(&call.constants, 3, "funnel_sequence: the step")?,
            sequence: states(&call.constants, 4),
            id: call.types.first().copied().unwrap_or(Type::String),
            time: call.types.get(1).copied().unwrap_or(Type::DateTime),
        })
    }
}

impl Kernel for Funnel {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], _rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let names = texts(&args[2])?;
        let start = self.start.unwrap_or(0);
        let end = self.end.unwrap_or(i64::MAX);
        let mut found: BTreeMap<(i64, &str, &str), BTreeMap<u32, usize>> = BTreeMap::new();
        let wanted = self.sequence.len().max(1);
        for (id, events) in by_id(args)? {
            for (i, run) in events.windows(wanted).enumerate() {
                pace.step(wanted)?;
                let fits = || {
                    run.iter()
                        .zip(&self.sequence)
                        .all(|((_, row), state)| names[*row] == *state)
                };
                let close = || {
                    run.windows(2)
                        .all(|pair| pair[1].0.saturating_sub(pair[0].0) <= self.window)
                };
                let at = run[0].0;
                if at < start || at > end || !fits() || !close() {
                    continue;
                }
                let state = |event: Option<&(i64, usize)>, beside: i64| {
                    event
                        .filter(|(at, _)| at.abs_diff(beside) <= self.window.unsigned_abs())
                        .map_or("", |(_, row)| names[*row].as_str())
                };
                let before = i.checked_sub(1).and_then(|i| events.get(i));
                let last = run[wanted - 1].0;
                let key = (
                    bin(at, start, self.step),
                    state(before, at),
                    state(events.get(i + wanted), last),
                );
                found.entry(key).or_default().insert(id, run[0].1);
            }
        }
        let mut ids = json_column(&args[0], self.id);
        let (mut times, mut totals) = (Vec::new(), Vec::new());
        let (mut before, mut after) = (StringViewBuilder::new(), StringViewBuilder::new());
        let mut samples = StringViewBuilder::new();
        let mut rows: Vec<_> = found.into_iter().collect();
        rows.sort_by_key(|((at, ..), ids)| (*at, std::cmp::Reverse(ids.len())));
        for ((at, previous, next), who) in rows {
            times.push(at);
            before.append_value(previous);
            after.append_value(next);
            totals.push(who.len() as i64);
            let shown = who.values().take(MOST_SAMPLES);
            let shown = shown.map(|row| ids(*row)).collect::<Result<Vec<_>>>()?;
            samples.append_value(format!("[{}]", shown.join(",")));
        }
        Ok(Made {
            rows: None,
            columns: vec![
                of_points(times, self.time),
                Arc::new(before.finish()),
                Arc::new(after.finish()),
                counts(totals),
                Arc::new(samples.finish()),
            ],
        })
    }
}

/// `funnel_sequence_completion`: how many get how far in a sequence of states.
pub(super) struct Completion {
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
    sequence: Vec<String>,
    periods: Vec<i64>,
    time: Type,
}

impl Completion {
    pub(super) fn new(call: &Call) -> std::result::Result<Self, HuntError> {
        let time = call.types.get(1).copied().unwrap_or(Type::DateTime);
        let periods = states(&call.constants, 4)
            .iter()
            .filter_map(|text| {
                if time == Type::DateTime {
                    bartizan_kql::time::parse_timespan(text)
                } else {
                    text.parse().ok()
                }
            })
            .collect();
        Ok(Self {
            start: call.constants.first().and_then(whole),
            end: call.constants.get(1).and_then(whole),
            step: positive(&call.constants, 2, "funnel_sequence_completion: the bin")?,
            sequence: states(&call.constants, 3),
            periods,
            time,
        })
    }
}

impl Kernel for Completion {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], _rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let names = texts(&args[2])?;
        let start = self.start.unwrap_or(0);
        let end = self.end.unwrap_or(i64::MAX);
        let mut reached: BTreeMap<(i64, usize, usize), BTreeSet<u32>> = BTreeMap::new();
        for (id, events) in by_id(args)? {
            for (i, (at, row)) in events.iter().enumerate() {
                if *at < start || *at > end || self.sequence.first() != Some(&names[*row]) {
                    continue;
                }
                let window = bin(*at, start, self.step);
                for (p, period) in self.periods.iter().enumerate() {
                    let mut next = 0;
                    for (later, row) in &events[i..] {
                        pace.step(1)?;
                        let over = later.saturating_sub(*at) > *period
                            || later.saturating_sub(window) >= self.step;
                        if over || next == self.sequence.len() {
                            break;
                        }
                        if self.sequence.get(next) == Some(&names[*row]) {
                            if reached.entry((window, p, next)).or_default().insert(id) {
                                pace.keep(64)?;
                            }
                            next += 1;
                        }
                    }
                }
            }
        }
        let windows: BTreeSet<i64> = reached.keys().map(|(at, ..)| *at).collect();
        let (mut times, mut periods, mut totals) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = StringViewBuilder::new();
        for at in windows {
            for (p, period) in self.periods.iter().enumerate() {
                for (i, state) in self.sequence.iter().enumerate() {
                    // Three numbers, and a text with what stands for it.
                    pace.keep(40 + state.len())?;
                    times.push(at);
                    names.append_value(state);
                    periods.push(*period);
                    totals.push(reached.get(&(at, p, i)).map_or(0, BTreeSet::len) as i64);
                }
            }
        }
        let length = if self.time == Type::DateTime {
            Type::TimeSpan
        } else {
            self.time
        };
        Ok(Made {
            rows: None,
            columns: vec![
                of_points(times, self.time),
                Arc::new(names.finish()),
                of_points(periods, length),
                counts(totals),
            ],
        })
    }
}

/// `sequence_detect`: rows that fulfil conditions one after the other.
pub(super) struct Detect {
    steps: usize,
    between: i64,
    within: i64,
    time: Type,
}

impl Detect {
    pub(super) fn new(call: &Call, steps: usize) -> std::result::Result<Self, HuntError> {
        Ok(Self {
            steps,
            between: positive(
                &call.constants,
                0,
                "sequence_detect: the time between steps",
            )?,
            within: positive(
                &call.constants,
                1,
                "sequence_detect: the time of a sequence",
            )?,
            time: call.types.first().copied().unwrap_or(Type::DateTime),
        })
    }

    /// The chains of one part: times of the steps, with the part's first row.
    fn chains(
        &self,
        rows: &[(i64, u32)],
        conditions: &[ArrayRef],
        out: &mut Vec<Vec<i64>>,
        pace: &mut Pace<'_>,
    ) -> Result<()> {
        let holds = |step: usize, row: u32| {
            let array = conditions[step].as_boolean();
            array.is_valid(row as usize) && array.value(row as usize)
        };
        // Chains so far: places in `rows`.
        let mut chains: Vec<Vec<usize>> = (0..rows.len())
            .filter(|i| holds(0, rows[*i].1))
            .map(|i| vec![i])
            .collect();
        // As many chains as there ever were at once are paid for as long as whole sequences are.
        let mut paid = 0;
        for step in 1..self.steps {
            let mut longer: Vec<Vec<usize>> = Vec::new();
            for chain in &chains {
                let (first, last) = (rows[chain[0]].0, chain[chain.len() - 1]);
                for (next, (at, row)) in rows.iter().enumerate().skip(last + 1) {
                    pace.step(1)?;
                    if at.saturating_sub(rows[last].0) > self.between
                        || at.saturating_sub(first) > self.within
                    {
                        break;
                    }
                    if !holds(step, *row) {
                        continue;
                    }
                    if longer.len() + out.len() >= MOST_SEQUENCES {
                        return Err(evaluation(format!(
                            "sequence_detect finds more than {MOST_SEQUENCES} sequences"
                        )));
                    }
                    if longer.len() == paid {
                        pace.keep(2 * (size_of::<Vec<usize>>() + 8 * self.steps))?;
                        paid += 1;
                    }
                    let mut chain = chain.clone();
                    chain.push(next);
                    longer.push(chain);
                }
            }
            chains = longer;
        }
        out.extend(
            chains
                .into_iter()
                .map(|chain| chain.into_iter().map(|i| rows[i].0).collect()),
        );
        Ok(())
    }
}

impl Kernel for Detect {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let times = points(&args[0])?;
        let (conditions, dimensions) = args[1..].split_at(self.steps);
        let mut found: Vec<Vec<i64>> = Vec::new();
        let mut firsts = Vec::new();
        for part in Parts::by(dimensions, rows)?.members() {
            let mut events: Vec<(i64, u32)> = part
                .iter()
                .filter_map(|row| Some((times[*row as usize]?, *row)))
                .collect();
            events.sort_unstable();
            self.chains(&events, conditions, &mut found, &mut pace)?;
            firsts.resize(found.len(), part[0]);
        }
        let firsts = UInt32Array::from(firsts);
        let mut columns = dimensions
            .iter()
            .map(|d| Ok(take(d, &firsts, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        for step in 0..self.steps {
            let values = found.iter().map(|chain| chain[step]).collect();
            columns.push(of_points(values, self.time));
        }
        let lengths = found.iter().map(|c| c[self.steps - 1].saturating_sub(c[0]));
        columns.push(Arc::new(lengths.collect::<Int64Array>()));
        Ok(Made {
            rows: None,
            columns,
        })
    }
}
