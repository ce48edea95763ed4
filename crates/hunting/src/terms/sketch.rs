//! Which terms a block of rows may have: a split-block bloom filter for each block of a column of a row group.

use arrow::array::{Array, StringViewArray};

use super::split::each_term;

/// Rows of a block.
pub(super) const BLOCK_ROWS: usize = 2_048;
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

/// The terms of a column in one row group, by blocks of [`BLOCK_ROWS`] rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GroupSketch {
    /// Rows of the row group.
    pub(super) rows: u32,
    /// Where the buckets of each block start, and where the last one's end.
    pub(super) starts: Vec<u32>,
    /// The buckets, of [`LANES`] words each.
    pub(super) words: Vec<u32>,
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
        let at = (start + bucket(term, count)) as usize * LANES;
        match self.words.get(at..at + LANES) {
            Some(words) => words
                .iter()
                .zip(bits(term))
                .all(|(word, bit)| word & bit != 0),
            None => true,
        }
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        (self.starts.len() + self.words.len()) * 4 + size_of::<Self>()
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

/// Makes the sketch of a column, row by row.
pub(super) struct SketchBuilder {
    sketch: GroupSketch,
    terms: Distinct,
    /// Rows of the block so far.
    rows: usize,
}

impl SketchBuilder {
    pub(super) fn new() -> Self {
        let sketch = GroupSketch {
            starts: vec![0],
            ..GroupSketch::default()
        };
        Self {
            sketch,
            terms: Distinct::new(),
            rows: 0,
        }
    }

    /// Adds texts of the same row group; a text that is missing has no terms.
    pub(super) fn push(&mut self, texts: &StringViewArray) {
        for row in 0..texts.len() {
            if texts.is_valid(row) {
                let terms = &mut self.terms;
                each_term(texts.value(row).as_bytes(), |term| terms.insert(term));
            }
            self.rows += 1;
            if self.rows == BLOCK_ROWS {
                self.end_block();
            }
        }
    }

    /// The sketch of the rows so far, which are a row group; the next rows begin another.
    pub(super) fn end_group(&mut self) -> GroupSketch {
        if self.rows > 0 {
            self.end_block();
        }
        let next = GroupSketch {
            starts: vec![0],
            ..GroupSketch::default()
        };
        std::mem::replace(&mut self.sketch, next)
    }

    fn end_block(&mut self) {
        let count = (self.terms.len() * BITS_PER_TERM).div_ceil(LANES * 32) as u32;
        let from = self.sketch.words.len();
        self.sketch.words.resize(from + count as usize * LANES, 0);
        let words = &mut self.sketch.words[from..];
        self.terms.drain(|term| {
            let at = bucket(term, count) as usize * LANES;
            for (word, bit) in words[at..].iter_mut().zip(bits(term)) {
                *word |= bit;
            }
        });
        let start = self.sketch.starts.last().copied().unwrap_or(0);
        self.sketch.starts.push(start + count);
        self.sketch.rows += self.rows as u32;
        self.rows = 0;
    }
}

/// Distinct numbers of terms, none of which is 0, in open addressing; 0 stands for an empty place.
struct Distinct {
    places: Vec<u64>,
    count: usize,
}

impl Distinct {
    fn new() -> Self {
        Self {
            places: vec![0; 8_192],
            count: 0,
        }
    }

    fn len(&self) -> usize {
        self.count
    }

    fn insert(&mut self, term: u64) {
        let mask = self.places.len() - 1;
        let mut at = (term >> 20) as usize & mask;
        loop {
            let place = self.places[at];
            if place == term {
                return;
            }
            if place == 0 {
                self.places[at] = term;
                self.count += 1;
                if self.count * 2 > self.places.len() {
                    self.grow();
                }
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let twice = vec![0; self.places.len() * 2];
        let old = std::mem::replace(&mut self.places, twice);
        self.count = 0;
        for term in old.into_iter().filter(|term| *term != 0) {
            self.insert(term);
        }
    }

    /// Takes every number out.
    fn drain(&mut self, mut each: impl FnMut(u64)) {
        for place in &mut self.places {
            if *place != 0 {
                each(std::mem::take(place));
            }
        }
        self.count = 0;
    }
}
