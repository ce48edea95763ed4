//! Distinct values as small whole numbers, and sets of these per group.
//!
//! A hunt groups millions of rows by few devices, users or files: every value gets a number when it is first seen, and
//! what is kept per group are numbers. A group with few values needs no memory of its own, one with many a bit per
//! value that there is.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::Identity;

/// Values by their hashes, numbered as they come.
#[derive(Default)]
pub(super) struct Ids {
    by_hash: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    hashes: Vec<u64>,
}

impl Ids {
    /// The number of a value, and whether it is new.
    pub(super) fn number(&mut self, hash: u64) -> (u32, bool) {
        let next = self.hashes.len() as u32;
        let id = *self.by_hash.entry(hash).or_insert(next);
        let new = id == next;
        if new {
            self.hashes.push(hash);
        }
        (id, new)
    }

    /// The hash of a numbered value.
    pub(super) fn hash(&self, id: u32) -> u64 {
        self.hashes[id as usize]
    }

    /// The hashes of all values, by their numbers.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        self.hashes.iter().copied()
    }

    /// How many values have numbers.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.by_hash.capacity() * 17 + self.hashes.capacity() * 8
    }
}

/// Numbers that a group holds itself.
const FEW: usize = 5;
/// Slots of the first table of a group; a power of two.
const FIRST_TABLE: usize = 16;
/// Bytes of all sets up to which a set may have bits that take some times what a table would.
const SPARED: usize = 8 << 20;
/// How many times.
const TIMES: usize = 8;
/// An empty slot.
const EMPTY: u32 = u32::MAX;

/// The numbers of one group.
#[derive(Clone, Debug)]
enum Set {
    Few {
        count: u8,
        ids: [u32; FEW],
    },
    /// Open addressing, at most three quarters full.
    Table {
        count: u32,
        slots: Box<[u32]>,
    },
    /// A bit per number.
    Bits {
        count: u32,
        words: Box<[u64]>,
    },
}

impl Default for Set {
    fn default() -> Self {
        Self::Few {
            count: 0,
            ids: [EMPTY; FEW],
        }
    }
}

/// Sets of numbers, one per group.
#[derive(Default)]
pub(super) struct IdSets {
    groups: Vec<Set>,
    /// Bytes that the sets hold beside themselves.
    bytes: usize,
}

impl IdSets {
    /// Makes room for groups.
    pub(super) fn grow(&mut self, groups: usize) {
        if groups > self.groups.len() {
            self.groups.resize_with(groups, Set::default);
        }
    }

    /// Adds a number to a group's set; says whether it is new there. `known` is how many numbers there are.
    #[inline]
    pub(super) fn insert(&mut self, group: usize, id: u32, known: usize) -> bool {
        // What most rows of large groups need.
        if let Set::Bits { count, words } = &mut self.groups[group]
            && let Some(word) = words.get_mut(id as usize / 64)
        {
            let bit = 1u64 << (id % 64);
            let new = *word & bit == 0;
            *word |= bit;
            *count += u32::from(new);
            return new;
        }
        self.insert_or_enlarge(group, id, known)
    }

    fn insert_or_enlarge(&mut self, group: usize, id: u32, known: usize) -> bool {
        let set = &mut self.groups[group];
        match set {
            Set::Few { count, ids } => {
                let own = &ids[..usize::from(*count)];
                if own.contains(&id) {
                    return false;
                }
                if own.len() < FEW {
                    ids[usize::from(*count)] = id;
                    *count += 1;
                    return true;
                }
            }
            Set::Table { count, slots } => {
                let slot = slot_of(slots, id);
                if slots[slot] == id {
                    return false;
                }
                if (*count as usize + 1) * 4 <= slots.len() * 3 {
                    slots[slot] = id;
                    *count += 1;
                    return true;
                }
            }
            Set::Bits { .. } => {}
        }
        let before = set.bytes();
        let times = if self.bytes < SPARED { TIMES } else { 1 };
        set.enlarge(known.max(id as usize + 1), times);
        self.bytes = self.bytes + set.bytes() - before;
        self.insert(group, id, known)
    }

    /// How many numbers a group has.
    pub(super) fn count(&self, group: usize) -> usize {
        self.groups[group].len()
    }

    /// How many numbers every one of the first groups has.
    pub(super) fn counts(&self, groups: usize) -> impl Iterator<Item = usize> + '_ {
        self.groups[..groups].iter().map(Set::len)
    }

    /// Calls `each` with the numbers of a group, in no order.
    pub(super) fn each(&self, group: usize, each: impl FnMut(u32)) {
        self.groups[group].each(each);
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Takes the first groups out.
    pub(super) fn drop_first(&mut self, groups: usize) {
        let freed: usize = self.groups.drain(..groups).map(|set| set.bytes()).sum();
        self.bytes -= freed;
        self.groups.shrink_to(self.groups.len() * 2);
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Set>()
    }
}

impl Set {
    fn len(&self) -> usize {
        match self {
            Self::Few { count, .. } => usize::from(*count),
            Self::Table { count, .. } | Self::Bits { count, .. } => *count as usize,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Few { .. } => 0,
            Self::Table { slots, .. } => slots.len() * 4,
            Self::Bits { words, .. } => words.len() * 8,
        }
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        match self {
            Self::Few { count, ids } => ids[..usize::from(*count)].iter().for_each(|id| each(*id)),
            Self::Table { slots, .. } => slots
                .iter()
                .filter(|id| **id != EMPTY)
                .for_each(|id| each(*id)),
            Self::Bits { words, .. } => each_bit(words.iter().copied(), each),
        }
    }

    /// Gives the set more room: a larger table, or bits, which are faster, when these take at most so many times its memory.
    /// `known` numbers have to fit.
    fn enlarge(&mut self, known: usize, times: usize) {
        let slots = match self {
            Self::Few { .. } => FIRST_TABLE,
            Self::Table { slots, .. } => slots.len() * 2,
            // So many numbers have come that bits may be the larger ones now.
            Self::Bits { count, .. } => (*count as usize * 2).next_power_of_two().max(FIRST_TABLE),
        };
        // Numbers go on coming: bits for half as many again.
        let words = (known + known / 2).div_ceil(64);
        let mut larger = if words * 8 <= slots * 4 * times {
            Self::Bits {
                count: 0,
                words: vec![0; words].into_boxed_slice(),
            }
        } else {
            Self::Table {
                count: 0,
                slots: vec![EMPTY; slots].into_boxed_slice(),
            }
        };
        self.each(|id| larger.put(id));
        *self = larger;
    }

    /// Puts a number that is not there into a set that has room.
    fn put(&mut self, id: u32) {
        match self {
            Self::Few { .. } => {}
            Self::Table { count, slots } => {
                let slot = slot_of(slots, id);
                slots[slot] = id;
                *count += 1;
            }
            Self::Bits { count, words } => {
                words[id as usize / 64] |= 1 << (id % 64);
                *count += 1;
            }
        }
    }
}

/// Calls `each` with the numbers of the bits that are set.
#[inline]
pub(super) fn each_bit(words: impl Iterator<Item = u64>, mut each: impl FnMut(u32)) {
    for (at, mut rest) in (0..).zip(words) {
        while rest != 0 {
            each(at * 64 + rest.trailing_zeros());
            rest &= rest - 1;
        }
    }
}

/// Where a number stands in a table, or would stand.
fn slot_of(slots: &[u32], id: u32) -> usize {
    let mask = slots.len() - 1;
    let mut slot = (id.wrapping_mul(0x9E37_79B9) >> 7) as usize & mask;
    while slots[slot] != id && slots[slot] != EMPTY {
        slot = (slot + 1) & mask;
    }
    slot
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Sets are what a plain set per group is, however many values there are.
        #[test]
        fn sets_are_sets(
            rows in prop::collection::vec((0usize..4, prop_oneof![0u32..8, 0u32..200, 0u32..9_000]), 0..3_000),
            first in 0usize..4,
        ) {
            let (mut ids, mut sets) = (Ids::default(), IdSets::default());
            let mut plain = vec![BTreeSet::new(); 4];
            sets.grow(4);
            for (group, value) in rows {
                let hash = u64::from(value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let (id, _) = ids.number(hash);
                prop_assert_eq!(sets.insert(group, id, ids.len()), plain[group].insert(hash));
            }
            sets.drop_first(first);
            let counts: Vec<usize> = sets.counts(sets.len()).collect();
            prop_assert_eq!(counts, plain[first..].iter().map(BTreeSet::len).collect::<Vec<_>>());
            for (group, wanted) in plain[first..].iter().enumerate() {
                let mut found = BTreeSet::new();
                sets.each(group, |id| {
                    found.insert(ids.hash(id));
                });
                prop_assert_eq!(&found, wanted);
            }
            let held: usize = sets.groups.iter().map(Set::bytes).sum();
            prop_assert_eq!(sets.bytes, held);
        }
    }
}
