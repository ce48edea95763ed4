//! HyperLogLog (Flajolet and others, 2007): the number of distinct values from the leading zeros of their hashes.
//! Registers that were never hit are not kept, so that few values take little space and are counted all but exactly.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Summary;
use crate::json;

/// Bits that choose the register, by the accuracies 0 to 4 (docs page "hll-aggregation-function").
const BITS: [u32; 5] = [12, 14, 16, 17, 18];

/// Registers that were hit, and how many bits choose one.
#[derive(Clone)]
pub(crate) struct Distinct {
    bits: u32,
    registers: BTreeMap<u32, u8>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self::with_accuracy(1)
    }
}

impl Distinct {
    /// An empty one of an accuracy from 0 to 4.
    pub(crate) fn with_accuracy(accuracy: i64) -> Self {
        let index = usize::try_from(accuracy).unwrap_or(1).min(BITS.len() - 1);
        Self {
            bits: BITS[index],
            registers: BTreeMap::new(),
        }
    }

    /// The one that a JSON text holds.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bits = json::element(json::element(text, 0)?, 0)?
            .parse::<u32>()
            .ok()?;
        if !BITS.contains(&bits) {
            return None;
        }
        let numbers: Vec<u32> = json::elements(json::element(text, 1)?)
            .map(|e| e.parse().ok())
            .collect::<Option<_>>()?;
        let registers = numbers
            .chunks_exact(2)
            .filter(|pair| pair[0] < 1 << bits && pair[1] <= 64)
            .map(|pair| (pair[0], pair[1] as u8))
            .collect();
        Some(Self { bits, registers })
    }

    /// Adds a value by its hash.
    pub(crate) fn add(&mut self, hash: u64) {
        let register = (hash >> (64 - self.bits)) as u32;
        let zeros = (hash << self.bits).leading_zeros().min(64 - self.bits) as u8;
        self.raise(register, zeros + 1);
    }

    fn raise(&mut self, register: u32, rank: u8) {
        let entry = self.registers.entry(register).or_default();
        *entry = rank.max(*entry);
    }

    /// Adds what another has seen. Of two accuracies the coarser one is kept.
    pub(crate) fn join(&mut self, other: &Self) {
        if other.registers.is_empty() {
            return;
        }
        if self.registers.is_empty() {
            self.clone_from(other);
            return;
        }
        let bits = self.bits.min(other.bits);
        let mine = std::mem::take(&mut self.registers);
        let from = self.bits;
        self.bits = bits;
        for (source, registers) in [(from, &mine), (other.bits, &other.registers)] {
            for (register, rank) in registers {
                let (register, rank) = coarser(*register, *rank, source, bits);
                self.raise(register, rank);
            }
        }
    }

    /// The number of distinct values.
    pub(crate) fn count(&self) -> i64 {
        let all = f64::from(1u32 << self.bits);
        let empty = all - self.registers.len() as f64;
        let sum: f64 = self
            .registers
            .values()
            .map(|r| 0.5f64.powi(i32::from(*r)))
            .sum();
        let raw = 0.7213 / (1.0 + 1.079 / all) * all * all / (sum + empty);
        let estimate = if raw <= 2.5 * all && empty > 0.0 {
            all * (all / empty).ln()
        } else {
            raw
        };
        estimate.round() as i64
    }
}

/// A register and its rank when fewer bits choose the register: the bits that are left over come first in the rank.
fn coarser(register: u32, rank: u8, from: u32, to: u32) -> (u32, u8) {
    let extra = from - to;
    if extra == 0 {
        return (register, rank);
    }
    let low = register & ((1 << extra) - 1);
    let rank = if low == 0 {
        rank + extra as u8
    } else {
        (extra - (u32::BITS - low.leading_zeros())) as u8 + 1
    };
    (register >> extra, rank)
}

impl Summary for Distinct {
    fn merge(&mut self, json: &str) {
        if let Some(other) = Self::read(json) {
            self.join(&other);
        }
    }

    fn json(&self) -> Option<String> {
        let mut out = format!("[[{}],[", self.bits);
        for (i, (register, rank)) in self.registers.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{register},{rank}");
        }
        out.push_str("]]");
        Some(out)
    }

    fn size(&self) -> usize {
        self.registers.len() * 16 + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::xxhash64;

    fn of(range: std::ops::Range<u64>, accuracy: i64) -> Distinct {
        let mut all = Distinct::with_accuracy(accuracy);
        range.for_each(|i| all.add(xxhash64(&i.to_le_bytes())));
        all
    }

    #[test]
    fn estimates_are_near_the_truth() {
        for n in [0u64, 1, 20, 1_000, 100_000] {
            let got = of(0..n, 1).count();
            assert!(
                got.abs_diff(n as i64) as f64 <= n as f64 * 0.03,
                "{n}: {got}"
            );
        }
    }

    #[test]
    fn merging_counts_common_values_once_also_across_accuracies() {
        let mut a = of(0..6_000, 4);
        a.merge(&of(3_000..9_000, 0).json().unwrap());
        assert!(a.count().abs_diff(9_000) < 500, "{}", a.count());
        let read = Distinct::read(&a.json().unwrap()).unwrap();
        assert_eq!(read.count(), a.count());
    }
}
