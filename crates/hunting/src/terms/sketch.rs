//! Which terms a block of rows may have: a split-block bloom filter for each block of a column of a row group. They are made
//! while the rows of terms ([`super::postings`]) are.

use arrow::array::{Array, StringViewArray};
use bytes::Bytes;

use super::postings::{NOT_FOLLOWED, Postings, PostingsBuilder, SlotKey};
use super::split::each_term;

/// Rows of a block.
pub(super) const BLOCK_ROWS: usize = 2_048;
/// Texts after which it is decided whether the rows of a column's terms are kept.
const TRIED_TEXTS: usize = 1_024;
/// Terms of a text, on average, as a fraction, below which they are not.
const LEAST_TERMS: (usize, usize) = (3, 2);
/// Bits for each distinct term of a block: about one in a hundred other terms seems to be there.
const BITS_PER_TERM: usize = 11;
/// Words of a bucket, of which a term sets a bit each.
const LANES: usize = 8;
/// What a term's number is multiplied with for each word of its bucket (Parquet's `BloomFilter.md` has the same).
const SALTS: [u32; LANES] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// What is known of the terms of a column in one row group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GroupTerms {
    /// Which blocks may have a term, of all terms.
    pub(super) sketch: GroupSketch,
    /// Which rows have it, of some.
    pub(super) postings: Postings,
}

impl GroupTerms {
    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.sketch.size() + self.postings.size() + size_of::<Self>()
    }
}

/// The terms of a column in one row group, by blocks of [`BLOCK_ROWS`] rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GroupSketch {
    /// Rows of the row group.
    pub(super) rows: u32,
    /// Where the buckets of each block start, and where the last one's end.
    pub(super) starts: Vec<u32>,
    /// The buckets, of [`LANES`] words each, little-endian.
    pub(super) words: Bytes,
}

impl GroupSketch {
    /// Whether a block may hold a row with this term. Blocks that it does not know may hold everything.
    pub(super) fn may_have(&self, block: usize, term: u64) -> bool {
        let (Some(start), Some(end)) = (self.starts.get(block), self.starts.get(block + 1)) else {
            return true;
        };
        let count = end.saturating_sub(*start);
        if count == 0 {
            return false;
        }
        let at = (start + bucket(term, count)) as usize * LANES * 4;
        match self.words.get(at..at + LANES * 4) {
            Some(words) => words
                .as_chunks()
                .0
                .iter()
                .zip(bits(term))
                .all(|(word, bit)| u32::from_le_bytes(*word) & bit != 0),
            None => true,
        }
    }

    fn size(&self) -> usize {
        self.starts.len() * 4 + self.words.len()
    }
}

/// The bucket of a term among so many.
fn bucket(term: u64, count: u32) -> u32 {
    (((term >> 32) * u64::from(count)) >> 32) as u32
}

/// The bits of a term in its bucket.
fn bits(term: u64) -> [u32; LANES] {
    SALTS.map(|salt| 1 << ((term as u32).wrapping_mul(salt) >> 27))
}

/// Follows the terms of a column, row by row.
pub(super) struct GroupTermsBuilder {
    /// As in [`GroupSketch`], of the blocks that have ended.
    group_rows: u32,
    starts: Vec<u32>,
    words: Vec<u32>,
    /// None once texts turn out to be one term each: of those, sketches and dictionaries say enough.
    postings: Option<PostingsBuilder>,
    /// Texts and their terms, until that is known.
    tried: (usize, usize),
    /// Those of the block so far.
    terms: Distinct,
    /// Rows of the block so far.
    rows: usize,
}

impl GroupTermsBuilder {
    pub(super) fn new() -> Self {
        let key = SlotKey::random();
        Self {
            group_rows: 0,
            starts: vec![0],
            words: Vec::new(),
            postings: Some(PostingsBuilder::new(key)),
            tried: (0, 0),
            terms: Distinct::new(key),
            rows: 0,
        }
    }

    /// Adds texts of the same row group; a text that is missing has no terms.
    pub(super) fn push(&mut self, texts: &StringViewArray) {
        for row in 0..texts.len() {
            if texts.is_valid(row) {
                self.push_text(texts.value(row).as_bytes());
            }
            self.rows += 1;
            if self.rows == BLOCK_ROWS {
                self.end_block();
            }
        }
    }

    fn push_text(&mut self, text: &[u8]) {
        let row = self.group_rows + self.rows as u32;
        let terms = &mut self.terms;
        let Some(postings) = &mut self.postings else {
            each_term(text, |_, number| {
                terms.insert(number);
            });
            return;
        };
        let mut count = 0;
        each_term(text, |term, number| {
            count += 1;
            let place = terms.insert(number);
            // That none of this number was followed does not say that none is now.
            if *place == NOT_FOLLOWED {
                *place = postings.place(term, number);
            }
            // Another term may have the same number.
            if postings.is_at(*place, term) {
                postings.add(*place, row);
            }
        });
        self.try_text(count);
    }

    /// Decides after some texts, of which this one has so many terms, whether further ones are followed.
    fn try_text(&mut self, terms: usize) {
        if terms == 0 || self.tried.0 == TRIED_TEXTS {
            return;
        }
        self.tried = (self.tried.0 + 1, self.tried.1 + terms);
        if self.tried.0 == TRIED_TEXTS && self.tried.1 < TRIED_TEXTS * LEAST_TERMS.0 / LEAST_TERMS.1
        {
            self.postings = None;
        }
    }

    /// What is known of the rows so far, which are a row group; the next rows begin another.
    pub(super) fn end_group(&mut self) -> GroupTerms {
        if self.rows > 0 {
            self.end_block();
        }
        let words = std::mem::take(&mut self.words);
        let words: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let sketch = GroupSketch {
            rows: std::mem::take(&mut self.group_rows),
            starts: std::mem::replace(&mut self.starts, vec![0]),
            words: words.into(),
        };
        let postings = self.postings.as_mut();
        let postings = postings.map(|postings| postings.end_group(sketch.rows));
        let postings = postings.unwrap_or_default();
        GroupTerms { sketch, postings }
    }

    fn end_block(&mut self) {
        let count = (self.terms.len() * BITS_PER_TERM).div_ceil(LANES * 32) as u32;
        let from = self.words.len();
        self.words.resize(from + count as usize * LANES, 0);
        let words = &mut self.words[from..];
        self.terms.drain(|term| {
            let at = bucket(term, count) as usize * LANES;
            for (word, bit) in words[at..].iter_mut().zip(bits(term)) {
                *word |= bit;
            }
        });
        let start = self.starts.last().copied().unwrap_or(0);
        self.starts.push(start + count);
        self.group_rows += self.rows as u32;
        self.rows = 0;
    }
}

/// Distinct numbers of terms, none of which is 0, in open addressing, each with the place where the term is followed; the
/// number 0 stands for none.
struct Distinct {
    key: SlotKey,
    slots: Vec<(u64, u32)>,
    count: usize,
}

impl Distinct {
    fn new(key: SlotKey) -> Self {
        Self {
            key,
            slots: vec![(0, NOT_FOLLOWED); 8_192],
            count: 0,
        }
    }

    fn len(&self) -> usize {
        self.count
    }

    /// The place of a term's number, which is added.
    fn insert(&mut self, term: u64) -> &mut u32 {
        if (self.count + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = self.key.slot(term) as usize & mask;
        while self.slots[at].0 != term {
            if self.slots[at].0 == 0 {
                self.slots[at].0 = term;
                self.count += 1;
                break;
            }
            at = (at + 1) & mask;
        }
        &mut self.slots[at].1
    }

    fn grow(&mut self) {
        let twice = vec![(0, NOT_FOLLOWED); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, twice);
        self.count = 0;
        for (term, place) in old.into_iter().filter(|(term, _)| *term != 0) {
            *self.insert(term) = place;
        }
    }

    /// Takes every number out.
    fn drain(&mut self, mut each: impl FnMut(u64)) {
        for slot in &mut self.slots {
            if slot.0 != 0 {
                each(slot.0);
                *slot = (0, NOT_FOLLOWED);
            }
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::split::number;
    use super::*;

    #[test]
    fn few_terms_seem_to_be_where_they_are_not() {
        let texts: StringViewArray = (0..BLOCK_ROWS)
            .map(|row| Some(format!("{row} other{row} further{row}")))
            .collect();
        let mut builder = GroupTermsBuilder::new();
        builder.push(&texts);
        let sketch = builder.end_group().sketch;
        let seem = |numbers: std::ops::Range<usize>| {
            let words = numbers.map(|n| format!("other{n}"));
            let seen = words.filter(|word| sketch.may_have(0, number(word.as_bytes())));
            seen.count()
        };
        assert_eq!(seem(0..BLOCK_ROWS), BLOCK_ROWS);
        let wrong = seem(BLOCK_ROWS..102_048);
        assert!((500..1_500).contains(&wrong), "{wrong} of 100,000");
    }
}
