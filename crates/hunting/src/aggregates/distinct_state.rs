//! Sets of different values on their way from one stage of an aggregation to the next.
//!
//! A group's set is either a bit per number, or the hashes of its values, whichever is shorter. What the numbers stand for
//! is the same for all groups of a batch: a column of its own, a dictionary of one entry, which stays one wherever batches
//! are cut, put together or written to files.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BinaryArray, BinaryViewBuilder, DictionaryArray, UInt32Array,
};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::{Result, internal_datafusion_err};

use super::id_matrix::IdMatrix;
use super::ids::{Ids, each_bit};

/// The types of a state's columns: hashes by their numbers, and sets.
pub(super) fn types() -> Vec<DataType> {
    let hashes = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Binary));
    vec![hashes, DataType::BinaryView]
}

/// Values up to which sets are given as bits: what numbers stand for goes with every batch.
const MOST_NUMBERED: usize = 1 << 16;

/// The first byte of a set of hashes; of a set of bits.
const HASHES: u8 = 0;
const BITS: u8 = 1;

/// The sets of the first groups as a state.
///
/// # Errors
/// When the engine does not take the columns.
pub(super) fn of_sets(sets: &IdMatrix, ids: &Ids, groups: usize) -> Result<Vec<ArrayRef>> {
    let mut all = BinaryViewBuilder::with_capacity(groups);
    let (mut bytes, mut numbered) = (Vec::new(), false);
    for group in 0..groups {
        let words = sets.words(group).filter(|_| ids.len() <= MOST_NUMBERED);
        let words = words.map(|words| {
            let last = words.iter().rposition(|word| *word != 0);
            &words[..last.map_or(0, |last| last + 1)]
        });
        bytes.clear();
        match words.filter(|words| words.len() < sets.count(group)) {
            Some(words) => {
                numbered = true;
                bytes.push(BITS);
                bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            }
            None => {
                bytes.push(HASHES);
                sets.each(group, |id| bytes.extend(ids.hash(id).to_le_bytes()));
            }
        }
        all.append_value(&bytes);
    }
    let hashes: Vec<u8> = match numbered {
        true => ids.hashes().flat_map(u64::to_le_bytes).collect(),
        false => Vec::new(),
    };
    Ok(vec![same(&hashes, groups)?, Arc::new(all.finish())])
}

/// A state of a set of one value at most for each row.
///
/// # Errors
/// When the engine does not take the columns.
pub(super) fn of_rows(hashes: &[Option<u64>]) -> Result<Vec<ArrayRef>> {
    let mut all = BinaryViewBuilder::with_capacity(hashes.len());
    for hash in hashes {
        let mut bytes = [HASHES; 9];
        let hash = hash.map(u64::to_le_bytes);
        bytes[1..].copy_from_slice(&hash.unwrap_or_default());
        all.append_value(&bytes[..1 + hash.map_or(0, |hash| hash.len())]);
    }
    Ok(vec![same(&[], hashes.len())?, Arc::new(all.finish())])
}

/// A column of the same bytes in every row.
fn same(bytes: &[u8], rows: usize) -> Result<ArrayRef> {
    let entry = Arc::new(BinaryArray::from(vec![bytes]));
    let keys = UInt32Array::from(vec![0; rows]);
    Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(
        keys, entry,
    )?))
}

/// Calls `each` with groups, numbers of their values as `ids` has them, and how many it has by then.
///
/// # Errors
/// When the columns are not those of a state.
pub(super) fn merge(
    state: &[ArrayRef],
    groups: &[usize],
    ids: &mut Ids,
    mut each: impl FnMut(usize, u32, usize),
) -> Result<()> {
    let [numbered, sets] = state else {
        return Err(internal_datafusion_err!("a state of sets has two columns"));
    };
    let (numbered, sets) = (
        numbered.as_dictionary::<UInt32Type>(),
        sets.as_binary_view(),
    );
    let entries = numbered.values().as_binary::<i32>();
    let mut numberings: Vec<Numbering<'_>> = entries.iter().map(Numbering::of).collect();
    for (row, group) in groups.iter().enumerate() {
        match sets.value(row).split_first() {
            Some((&BITS, words)) => {
                let entry = numbered.keys().value(row) as usize;
                let Some(numbering) = numberings.get_mut(entry) else {
                    return Err(internal_datafusion_err!("a set without its hashes"));
                };
                each_bit(eights(words), |bit| {
                    if let Some(id) = numbering.number(bit as usize, ids) {
                        each(*group, id, ids.len());
                    }
                });
            }
            Some((_, hashes)) => {
                for hash in eights(hashes) {
                    let id = ids.number(hash).0;
                    each(*group, id, ids.len());
                }
            }
            None => {}
        }
    }
    Ok(())
}

/// What numbers of a state stand for.
struct Numbering<'s> {
    hashes: &'s [u8],
    /// The own numbers, where they were asked for.
    numbers: Vec<u32>,
}

/// Not asked for.
const NONE: u32 = u32::MAX;

impl<'s> Numbering<'s> {
    fn of(entry: Option<&'s [u8]>) -> Self {
        let hashes = entry.unwrap_or_default();
        let numbers = vec![NONE; hashes.len() / 8];
        Self { hashes, numbers }
    }

    fn number(&mut self, bit: usize, ids: &mut Ids) -> Option<u32> {
        let number = self.numbers.get_mut(bit)?;
        if *number == NONE {
            let hash = eights(&self.hashes[bit * 8..]).next()?;
            *number = ids.number(hash).0;
        }
        Some(*number)
    }
}

/// The numbers of eight bytes each that bytes are.
fn eights(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().map(|eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The values of groups after a state of them went to another stage that knew some values by other numbers.
    fn merged(state: &[ArrayRef], groups: usize) -> Vec<BTreeSet<u64>> {
        let mut ids = Ids::default();
        for hash in [90, 5, 17] {
            ids.number(hash);
        }
        let mut found = vec![BTreeSet::new(); groups];
        let mut all = Vec::new();
        let of: Vec<usize> = (0..groups).collect();
        merge(state, &of, &mut ids, |group, id, _| all.push((group, id))).unwrap();
        for (group, id) in all {
            found[group].insert(ids.hash(id));
        }
        found
    }

    #[test]
    fn sets_arrive_as_they_were() {
        for known in [10, 500, MOST_NUMBERED as u64 + 1] {
            let (mut ids, mut sets) = (Ids::default(), IdMatrix::default());
            let mut wanted = vec![BTreeSet::new(); 4];
            let mut found = Vec::new();
            for hash in 0..known {
                let id = ids.number(hash).0;
                // All, some, few and none.
                let groups = [true, hash % 3 == 0, hash % 499 == 7];
                for (group, _) in (0..).zip(groups).filter(|(_, has)| *has) {
                    found.push((group, id));
                    wanted[group as usize].insert(hash);
                }
            }
            sets.add(found.into_iter(), 4, ids.len());
            let state = of_sets(&sets, &ids, 4).unwrap();
            assert_eq!(merged(&state, 4), wanted);
            let numbered = state[0]
                .as_dictionary::<UInt32Type>()
                .values()
                .as_binary::<i32>();
            let numbered = numbered.value(0).len();
            assert_eq!(numbered > 0, known as usize <= MOST_NUMBERED);
        }
        let rows = [Some(5), None, Some(u64::MAX)];
        let wanted = [vec![5], vec![], vec![u64::MAX]].map(BTreeSet::from_iter);
        assert_eq!(merged(&of_rows(&rows).unwrap(), 3), wanted);
    }
}
