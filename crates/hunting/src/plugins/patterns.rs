//! `basket`, `autocluster` and `diffpatterns`: values that often occur together.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use bartizan_kql::bound::{Column, Plugin};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{counts, picked, real, reals, strings, text, whole};
use crate::plan::{Kernel, Made, Work, numbered};

/// Patterns that are looked at, at most.
const MOST_PATTERNS: usize = 20_000;

/// Patterns that `autocluster` and `diffpatterns` give at most.
const MOST_SEGMENTS: usize = 25;

/// How patterns are chosen.
enum Kind {
    Basket,
    Cluster { size_weight: f64 },
    Difference { values: [String; 2] },
}

/// The kernel.
pub(super) struct Miner {
    kind: Kind,
    threshold: f64,
    dimensions: usize,
    types: Vec<Type>,
}

/// Values that occur together, with the rows that have them.
struct Pattern {
    /// Column and the number of its value.
    items: Vec<(usize, u32)>,
    rows: Vec<u32>,
    weight: i64,
}

impl Pattern {
    fn bytes(&self) -> usize {
        size_of::<Self>() + 4 * self.rows.capacity() + 16 * self.items.capacity()
    }
}

impl Miner {
    pub(super) fn new(plugin: &Plugin, call: &Call, outputs: &[Column]) -> Self {
        let number = |at: usize| call.constants.get(at).and_then(real);
        let (kind, threshold, dimensions, heads) = match plugin {
            Plugin::Basket => {
                let most = call.constants.get(1).and_then(whole).unwrap_or(5);
                let most = usize::try_from(most).unwrap_or(5);
                (Kind::Basket, number(0).unwrap_or(0.05), most, 3)
            }
            Plugin::AutoCluster => {
                let size_weight = number(0).unwrap_or(0.5);
                (Kind::Cluster { size_weight }, 0.05, 6, 3)
            }
            _ => {
                let side = |at: usize| call.constants.get(at).map(text).unwrap_or_default();
                let values = [side(0), side(1)];
                (Kind::Difference { values }, number(2).unwrap_or(0.05), 5, 6)
            }
        };
        Self {
            kind,
            threshold,
            dimensions,
            types: outputs[heads..].iter().map(|c| c.ty).collect(),
        }
    }

    /// The patterns with at least `least` of the weight, without those that a longer one says as well.
    fn frequent(
        &self,
        columns: &[ArrayRef],
        weights: &[i64],
        least: f64,
        pace: &mut Pace<'_>,
    ) -> Result<Vec<Pattern>> {
        let mut found: Vec<Pattern> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let (numbers, count) = numbered(std::slice::from_ref(column))?;
            let mut rows: Vec<Vec<u32>> = vec![Vec::new(); count];
            for (row, number) in numbers.iter().enumerate() {
                if column.is_valid(row) {
                    rows[*number as usize].push(row as u32);
                }
            }
            for (number, rows) in rows.into_iter().enumerate() {
                pace.step(rows.len())?;
                let weight = weigh(&rows, weights);
                if !rows.is_empty() && weight as f64 >= least {
                    let pattern = Pattern {
                        items: vec![(at, number as u32)],
                        rows,
                        weight,
                    };
                    pace.keep(pattern.bytes())?;
                    found.push(pattern);
                }
            }
        }
        let items = found.len();
        let mut level = 0..items;
        for _ in 1..self.dimensions {
            let mut next = Vec::new();
            for pattern in &found[level.clone()] {
                let last = pattern.items.last().map_or(0, |i| i.0);
                for item in found[..items].iter().filter(|i| i.items[0].0 > last) {
                    pace.step(pattern.rows.len() + item.rows.len())?;
                    let rows = common(&pattern.rows, &item.rows);
                    let weight = weigh(&rows, weights);
                    if weight as f64 >= least && !rows.is_empty() {
                        let mut items = pattern.items.clone();
                        items.push(item.items[0]);
                        let longer = Pattern {
                            items,
                            rows,
                            weight,
                        };
                        pace.keep(longer.bytes())?;
                        next.push(longer);
                    }
                    if found.len() + next.len() > MOST_PATTERNS {
                        found.extend(next);
                        return closed(found, pace);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            level = found.len()..found.len() + next.len();
            found.extend(next);
        }
        closed(found, pace)
    }

    /// The columns of the patterns' values.
    fn values(&self, columns: &[ArrayRef], patterns: &[Pattern]) -> Result<Vec<ArrayRef>> {
        let mut out = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            let rows: Vec<Option<u32>> = patterns
                .iter()
                .map(|p| {
                    let has = p.items.iter().any(|(column, _)| *column == at);
                    p.rows.first().copied().filter(|_| has)
                })
                .collect();
            out.push(picked(column, &rows, self.types[at])?);
        }
        Ok(out)
    }

    fn segments(&self, columns: &[ArrayRef], weights: &[i64], pace: &mut Pace<'_>) -> Result<Made> {
        let total = sum(weights.iter().copied());
        let least = self.threshold * total as f64;
        let patterns = self.frequent(columns, weights, least, pace)?;
        let patterns = match self.kind {
            Kind::Cluster { size_weight } => {
                let shape = (total, columns.len());
                clustered(patterns, weights, shape, size_weight, pace)?
            }
            _ => {
                let mut patterns = patterns;
                patterns.sort_by_key(|p| (std::cmp::Reverse(p.weight), p.items.len()));
                patterns
            }
        };
        let mut made = vec![
            counts((0..patterns.len() as i64).collect()),
            counts(patterns.iter().map(|p| p.weight).collect()),
            reals(patterns.iter().map(|p| percent(p.weight, total)).collect()),
        ];
        made.extend(self.values(columns, &patterns)?);
        Ok(Made {
            rows: None,
            columns: made,
        })
    }

    fn differences(
        &self,
        args: &[ArrayRef],
        weights: &[i64],
        sides: &[String; 2],
        pace: &mut Pace<'_>,
    ) -> Result<Made> {
        let split = strings(&args[0]);
        let columns = &args[1..args.len() - 1];
        let side = |row: u32, at: usize| split[row as usize] == sides[at];
        let of = |rows: &[u32], at: usize| -> i64 {
            let rows = rows.iter().filter(|row| side(**row, at));
            sum(rows.map(|row| weights[*row as usize]))
        };
        let all: Vec<u32> = (0..split.len() as u32).collect();
        let totals = [of(&all, 0), of(&all, 1)];
        let smaller = totals[0].min(totals[1]) as f64;
        let found = self.frequent(columns, weights, self.threshold * smaller, pace)?;
        let splits: Vec<bool> = columns.iter().map(|c| is_split(c, &split)).collect();
        let mut ranked: Vec<(Pattern, [i64; 2], f64)> = Vec::new();
        for p in found {
            if p.items.iter().any(|(at, _)| splits[*at]) {
                continue;
            }
            pace.step(p.rows.len())?;
            let own = [of(&p.rows, 0), of(&p.rows, 1)];
            let gap = (percent(own[0], totals[0]) - percent(own[1], totals[1])).abs();
            if gap >= self.threshold * 100.0 {
                ranked.push((p, own, gap));
            }
        }
        ranked.sort_by(|a, b| b.2.total_cmp(&a.2));
        let mut chosen: Vec<(Pattern, [i64; 2], f64)> = Vec::new();
        for candidate in ranked {
            let within = |a: &Pattern, b: &Pattern| a.items.iter().all(|i| b.items.contains(i));
            let known = chosen
                .iter()
                .any(|(p, ..)| within(p, &candidate.0) || within(&candidate.0, p));
            if !known && chosen.len() < MOST_SEGMENTS {
                chosen.push(candidate);
            }
        }
        let side = |at: usize| chosen.iter().map(|(_, own, _)| own[at]).collect::<Vec<_>>();
        let share = |at: usize| {
            let own = chosen
                .iter()
                .map(|(_, own, _)| percent(own[at], totals[at]));
            own.collect::<Vec<_>>()
        };
        let mut made = vec![
            counts((0..chosen.len() as i64).collect()),
            counts(side(0)),
            counts(side(1)),
            reals(share(0)),
            reals(share(1)),
            reals(chosen.iter().map(|(_, _, gap)| *gap).collect()),
        ];
        let patterns: Vec<Pattern> = chosen.into_iter().map(|(p, ..)| p).collect();
        made.extend(self.values(columns, &patterns)?);
        Ok(Made {
            rows: None,
            columns: made,
        })
    }
}

impl Kernel for Miner {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let (weight, columns) = match args.split_last() {
            Some((weight, columns)) => (weight.as_primitive::<Int64Type>(), columns),
            None => {
                return Err(datafusion::error::DataFusionError::Internal(
                    "no columns".into(),
                ));
            }
        };
        let weights: Vec<i64> = (0..rows)
            .map(|row| {
                if weight.is_valid(row) {
                    weight.value(row)
                } else {
                    0
                }
            })
            .collect();
        match &self.kind {
            Kind::Difference { values } => self.differences(args, &weights, values, &mut pace),
            _ => self.segments(columns, &weights, &mut pace),
        }
    }
}

/// Whether a column is the one that tells the sides apart.
fn is_split(column: &ArrayRef, split: &[&str]) -> bool {
    let Some(texts) = column.as_string_view_opt() else {
        return false;
    };
    (0..split.len()).all(|row| texts.is_valid(row) && texts.value(row) == split[row])
}

fn percent(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    100.0 * part as f64 / whole as f64
}

/// A sum that stays at the ends of what a long holds.
fn sum(weights: impl Iterator<Item = i64>) -> i64 {
    weights.fold(0, i64::saturating_add)
}

fn weigh(rows: &[u32], weights: &[i64]) -> i64 {
    sum(rows.iter().map(|row| weights[*row as usize]))
}

/// Rows that are in both lists, which are sorted.
fn common(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut rows = Vec::new();
    let mut at = 0;
    for row in left {
        while right.get(at).is_some_and(|r| r < row) {
            at += 1;
        }
        if right.get(at) == Some(row) {
            rows.push(*row);
        }
    }
    rows
}

/// Without the patterns that a longer one with the same rows contains.
fn closed(patterns: Vec<Pattern>, pace: &mut Pace<'_>) -> Result<Vec<Pattern>> {
    let mut of_count: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, p) in patterns.iter().enumerate() {
        of_count.entry(p.rows.len()).or_default().push(at);
    }
    let longest = |p: &Pattern, others: &[usize]| {
        !others.iter().map(|at| &patterns[*at]).any(|other| {
            other.items.len() > p.items.len()
                && p.items.iter().all(|item| other.items.contains(item))
        })
    };
    let mut keep: Vec<bool> = Vec::with_capacity(patterns.len());
    for p in &patterns {
        let others = of_count.get(&p.rows.len()).map_or(&[][..], Vec::as_slice);
        pace.step(others.len())?;
        keep.push(longest(p, others));
    }
    Ok(patterns
        .into_iter()
        .zip(keep)
        .filter_map(|(p, keep)| keep.then_some(p))
        .collect())
}

/// A few patterns that cover much and say much: the best one, then the best one for the rows that are left.
fn clustered(
    mut patterns: Vec<Pattern>,
    weights: &[i64],
    (total, width): (i64, usize),
    size_weight: f64,
    pace: &mut Pace<'_>,
) -> Result<Vec<Pattern>> {
    let mut left: Vec<bool> = vec![true; weights.len()];
    let mut chosen: Vec<Pattern> = Vec::new();
    while chosen.len() < MOST_SEGMENTS {
        let score = |p: &Pattern| {
            let own = p.rows.iter().filter(|row| left[**row as usize]);
            let covered = sum(own.map(|row| weights[*row as usize]));
            let size = covered as f64 / total.max(1) as f64;
            let told = p.items.len() as f64 / width.max(1) as f64;
            size.powf(size_weight)
                * told.powf(1.0 - size_weight)
                * if size < 0.05 { 0.0 } else { 1.0 }
        };
        let mut best: Option<(usize, f64)> = None;
        for (i, p) in patterns.iter().enumerate() {
            pace.step(p.rows.len())?;
            let score = score(p);
            if best.is_none_or(|(_, most)| score.total_cmp(&most).is_ge()) {
                best = Some((i, score));
            }
        }
        let Some((at, _)) = best.filter(|(_, score)| *score > 0.0) else {
            break;
        };
        let pattern = patterns.swap_remove(at);
        for row in &pattern.rows {
            left[*row as usize] = false;
        }
        chosen.push(pattern);
    }
    Ok(chosen)
}
