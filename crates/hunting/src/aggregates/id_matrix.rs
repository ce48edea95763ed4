//! Sets of numbers per group as bits side by side.
//!
//! While groups and values are not too many for it, every group has a bit for every value, and to add one is to set it: one
//! access to memory per row, none of which waits for another. With more, groups have sets of their own.

use super::ids::{IdSets, each_bit};

/// Bytes that bits of all groups take at most.
const MOST_BYTES: usize = 8 << 20;

/// Sets of numbers, one per group.
pub(super) enum IdMatrix {
    /// A row of words per group.
    Bits(Bits),
    /// A set per group.
    Sets(IdSets),
}

/// A bit per group and number.
#[derive(Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    /// Words of a group.
    width: usize,
    groups: usize,
}

impl Default for IdMatrix {
    fn default() -> Self {
        Self::Bits(Bits::default())
    }
}

impl IdMatrix {
    /// Makes room for groups and for so many numbers.
    fn grow(&mut self, groups: usize, known: usize) {
        if let Self::Bits(bits) = self {
            if bits.grow(groups, known) {
                return;
            }
            *self = Self::Sets(bits.as_sets());
        }
        if let Self::Sets(sets) = self {
            sets.grow(groups);
        }
    }

    /// Adds numbers below `known` to the sets of groups below `groups`.
    pub(super) fn add(
        &mut self,
        found: impl Iterator<Item = (u32, u32)>,
        groups: usize,
        known: usize,
    ) {
        self.grow(groups, known);
        match self {
            Self::Bits(bits) => {
                for (group, id) in found {
                    bits.words[group as usize * bits.width + id as usize / 64] |= 1 << (id % 64);
                }
            }
            Self::Sets(sets) => {
                for (group, id) in found {
                    sets.insert(group as usize, id, known);
                }
            }
        }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bits(bits) => bits.groups,
            Self::Sets(sets) => sets.len(),
        }
    }

    /// How many numbers a group has.
    pub(super) fn count(&self, group: usize) -> usize {
        match self {
            Self::Bits(bits) => bits.count(group),
            Self::Sets(sets) => sets.count(group),
        }
    }

    /// A group's numbers as bits, where they are.
    pub(super) fn words(&self, group: usize) -> Option<&[u64]> {
        match self {
            Self::Bits(bits) => Some(bits.row(group)),
            Self::Sets(_) => None,
        }
    }

    /// Calls `each` with the numbers of a group, in no order.
    pub(super) fn each(&self, group: usize, each: impl FnMut(u32)) {
        match self {
            Self::Bits(bits) => bits.each(group, each),
            Self::Sets(sets) => sets.each(group, each),
        }
    }

    /// Takes the first groups out.
    pub(super) fn drop_first(&mut self, groups: usize) {
        match self {
            Self::Bits(bits) => {
                bits.words.drain(..groups * bits.width);
                bits.groups -= groups;
            }
            Self::Sets(sets) => sets.drop_first(groups),
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Bits(bits) => bits.words.capacity() * size_of::<u64>(),
            Self::Sets(sets) => sets.size(),
        }
    }
}

impl Bits {
    /// Makes room; says no when that would be too much.
    fn grow(&mut self, groups: usize, known: usize) -> bool {
        let groups = groups.max(self.groups);
        let width = match known.div_ceil(64) {
            enough if enough <= self.width => self.width,
            // Numbers go on coming.
            more => more + more / 8,
        };
        if groups * width * size_of::<u64>() > MOST_BYTES {
            return false;
        }
        if width > self.width {
            let mut wider = vec![0; groups * width];
            for group in 0..self.groups {
                wider[group * width..][..self.width].copy_from_slice(self.row(group));
            }
            (self.words, self.width) = (wider, width);
        } else if groups > self.groups {
            self.words.resize(groups * width, 0);
        }
        self.groups = groups;
        true
    }

    fn row(&self, group: usize) -> &[u64] {
        &self.words[group * self.width..][..self.width]
    }

    fn count(&self, group: usize) -> usize {
        let words = self.row(group).iter();
        words.map(|word| word.count_ones() as usize).sum()
    }

    fn each(&self, group: usize, each: impl FnMut(u32)) {
        each_bit(self.row(group).iter().copied(), each);
    }

    fn as_sets(&self) -> IdSets {
        let mut sets = IdSets::default();
        sets.grow(self.groups);
        for group in 0..self.groups {
            self.each(group, |id| {
                sets.insert(group, id, self.width * 64);
            });
        }
        sets
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a matrix holds is what a plain set per group does, before and after it has become too large for bits.
        #[test]
        fn sets_are_sets(
            batches in prop::collection::vec(
                (prop::collection::vec((0u32..40, prop_oneof![0u32..9, 0u32..300]), 0..60), prop_oneof![Just(1u32), Just(30_000)]),
                1..8,
            ),
            first in 0usize..20,
        ) {
            let mut matrix = IdMatrix::default();
            let mut plain = vec![BTreeSet::new(); 40];
            let mut known = 0;
            for (rows, times) in batches {
                let rows = rows.into_iter().map(|(group, id)| (group, id * times));
                let found: Vec<(u32, u32)> = rows.collect();
                for (group, id) in &found {
                    plain[*group as usize].insert(*id);
                    known = known.max(*id as usize + 1);
                }
                matrix.add(found.into_iter(), 40, known);
            }
            matrix.drop_first(first);
            prop_assert_eq!(matrix.len(), 40 - first);
            for (group, wanted) in plain[first..].iter().enumerate() {
                prop_assert_eq!(matrix.count(group), wanted.len());
                let mut found = BTreeSet::new();
                matrix.each(group, |id| {
                    found.insert(id);
                });
                prop_assert_eq!(&found, wanted);
            }
        }
    }
}
