//! KQL's aggregate functions that DataFusion has no twin of, all as grouped accumulators.
//!
//! Hashes stand for values where only equality counts (`dcount`, `make_set`): 64 bits over the value and its group,
//! so that a wrong answer is a matter of one in millions even for ten million values.

mod average;
mod best_row;
mod collect;
mod collect_set;
mod covariance;
mod distinct;
mod distinct_state;
mod function;
mod id_matrix;
mod ids;
mod moments;
mod percentile;
#[cfg(test)]
mod plain_tests;
mod single;
mod summary;
mod view_numbers;

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{Array, BooleanArray};

pub(crate) use function::{
    AggregateKind, CollectKind, MomentKind, SummaryKind, aggregate, takes_dictionaries,
};

/// Whether a row takes part.
fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}

/// Spreads a whole number over 64 bits; no two numbers come to the same.
fn mix(value: i64) -> u64 {
    let mixed = (value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ mixed >> 32
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A set of hashes.
type HashKeys = HashSet<u64, BuildHasherDefault<Identity>>;

/// Numbers that tell groups apart and, unlike their indexes, never change.
#[derive(Default)]
struct Salts {
    salts: Vec<u64>,
    next: u64,
}

impl Salts {
    fn grow(&mut self, groups: usize) {
        while self.salts.len() < groups {
            self.next += 1;
            self.salts
                .push(self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
    }

    /// A hash of a value within its group.
    fn mix(&self, group: usize, hash: u64) -> u64 {
        let mixed = (hash ^ self.salts[group]).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        (mixed ^ mixed >> 32).wrapping_mul(0xC4CE_B9FE_1A85_EC53)
    }
}
