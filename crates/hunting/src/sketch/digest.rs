//! A t-digest (Dunning and Ertl, 2019): values near each other are put together, fewer of them towards both ends. Up to
//! [`EXACT`] distinct values are kept as they are.

use bartizan_kql::time::{parse_datetime, parse_timespan};
use bartizan_kql::types::Type;

use super::Summary;
use crate::json::{self, Kind};
use crate::text::{push_datetime, push_timespan};

/// Distinct values that are kept as they are.
const EXACT: usize = 1_000;
/// Entries after values were put together.
const COMPRESSED: f64 = 400.0;

/// Values with their weights.
#[derive(Clone, Default)]
pub(crate) struct Digest {
    /// Sorted by value up to `sorted`.
    entries: Vec<(f64, f64)>,
    sorted: usize,
    /// What the values are when they are times, as the results that were merged say.
    times: Option<Type>,
}

impl Digest {
    /// The one that a JSON text holds, `[[7],[values],[weights]]`, and the type of its values: real, datetime or
    /// timespan. Times are counted in ticks.
    pub(crate) fn read(text: &str) -> Option<(Self, Type)> {
        let values = json::element(text, 1)?;
        let weights = json::elements(json::element(text, 2)?);
        let first = json::elements(values).next()?;
        let ty = match json::kind(first)? {
            Kind::Number => Type::Real,
            Kind::String if parse_datetime(&json::string_value(first)).is_some() => Type::DateTime,
            Kind::String => Type::TimeSpan,
            _ => return None,
        };
        let mut all = Self::default();
        for (value, weight) in json::elements(values).zip(weights) {
            let value = match ty {
                Type::DateTime => parse_datetime(&json::string_value(value))? as f64,
                Type::TimeSpan => parse_timespan(&json::string_value(value))? as f64,
                _ => json::number(value)?,
            };
            all.add(value, json::number(weight)?);
        }
        all.settle();
        Some((all, ty))
    }

    /// Adds a value as often as its weight says.
    pub(crate) fn add(&mut self, value: f64, weight: f64) {
        if weight > 0.0 && !value.is_nan() {
            self.entries.push((value, weight));
            if self.entries.len() >= self.sorted + 2 * EXACT {
                self.settle();
            }
        }
    }

    /// Adds what another has seen.
    pub(crate) fn join(&mut self, other: &Self) {
        for (value, weight) in &other.entries {
            self.add(*value, *weight);
        }
    }

    /// Sorts, puts equal values together, and near ones when there are too many.
    pub(crate) fn settle(&mut self) {
        self.entries.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.entries.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        if self.entries.len() > EXACT {
            self.compress();
        }
        self.sorted = self.entries.len();
    }

    fn compress(&mut self) {
        let total = self.weight();
        // The scale function k1: an entry spans at most one unit of it.
        let scale = |q: f64| {
            COMPRESSED / (2.0 * std::f64::consts::PI) * (2.0 * q - 1.0).clamp(-1.0, 1.0).asin()
        };
        let mut kept: Vec<(f64, f64)> = Vec::with_capacity(EXACT);
        let mut before = 0.0;
        let mut start = scale(0.0);
        for (value, weight) in std::mem::take(&mut self.entries) {
            match kept.last_mut() {
                Some(last) if scale((before + last.1 + weight) / total) - start <= 1.0 => {
                    last.1 += weight;
                    last.0 += (value - last.0) * weight / last.1;
                }
                _ => {
                    before += kept.last().map_or(0.0, |l| l.1);
                    start = scale(before / total);
                    kept.push((value, weight));
                }
            }
        }
        self.entries = kept;
    }

    /// The type of the values: as what was merged says, otherwise as given.
    pub(crate) fn values(&self, ty: Type) -> Type {
        self.times.unwrap_or(ty)
    }

    /// How many values were seen.
    pub(crate) fn weight(&self) -> f64 {
        self.entries.iter().map(|e| e.1).sum()
    }

    /// The value at a percentage, by nearest rank.
    pub(crate) fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = (percent.clamp(0.0, 100.0) / 100.0 * self.weight()).max(f64::MIN_POSITIVE);
        let mut sum = 0.0;
        for (value, weight) in &self.entries {
            sum += weight;
            if sum >= rank {
                return Some(*value);
            }
        }
        self.entries.last().map(|e| e.0)
    }

    /// How many values are not greater.
    pub(crate) fn rank(&self, value: f64) -> f64 {
        self.entries
            .iter()
            .filter(|e| e.0 <= value)
            .map(|e| e.1)
            .sum()
    }

    /// The JSON text with values as `push` writes them; none when nothing was seen.
    pub(crate) fn write(&self, mut push: impl FnMut(f64, &mut String)) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let mut out = "[[7],[".to_owned();
        for (i, (value, _)) in self.entries.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push(*value, &mut out);
        }
        out.push_str("],[");
        for (i, (_, weight)) in self.entries.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_number(*weight, &mut out);
        }
        out.push_str("]]");
        Some(out)
    }
}

/// A value as JSON, by its type: times as texts.
pub(crate) fn push_value(value: f64, ty: Type, out: &mut String) {
    if !matches!(ty, Type::DateTime | Type::TimeSpan) {
        push_number(value, out);
        return;
    }
    out.push('"');
    if ty == Type::DateTime {
        push_datetime(out, value as i64);
    } else {
        push_timespan(out, value as i64);
    }
    out.push('"');
}

/// A number as JSON, whole ones without a point.
fn push_number(value: f64, out: &mut String) {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        out.push_str(&(value as i64).to_string());
    } else {
        json::push_real(out, value);
    }
}

impl Summary for Digest {
    fn merge(&mut self, text: &str) {
        if let Some((other, ty)) = Self::read(text) {
            self.times = self.times.or((ty != Type::Real).then_some(ty));
            self.join(&other);
        }
    }

    fn json(&self) -> Option<String> {
        let mut settled = self.clone();
        settled.settle();
        let ty = settled.values(Type::Real);
        settled.write(|value, out| push_value(value, ty, out))
    }

    fn size(&self) -> usize {
        self.entries.capacity() * 16 + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact_and_many_nearly_so() {
        let mut few = Digest::default();
        (1..=100).rev().for_each(|i| few.add(f64::from(i), 1.0));
        few.settle();
        assert_eq!((few.percentile(50.0), few.rank(85.0)), (Some(50.0), 85.0));
        let mut many = Digest::default();
        (0..200_000).for_each(|i| many.add(f64::from(i * 7919 % 200_000), 1.0));
        many.settle();
        assert!(many.entries.len() < EXACT);
        for p in [0.1, 1.0, 50.0, 99.0, 99.9] {
            let got = many.percentile(p).unwrap() / 2_000.0;
            assert!((got - p).abs() < 0.5, "{p}: {got}");
        }
    }

    #[test]
    fn written_and_read_and_put_together() {
        let mut a = Digest::default();
        a.add(1.5, 2.0);
        let mut b = Digest::default();
        b.add(-3.0, 1.0);
        b.merge(&a.json().unwrap());
        assert_eq!(b.json().as_deref(), Some("[[7],[-3,1.5],[1,2]]"));
        assert_eq!(Digest::default().json(), None);
    }
}
