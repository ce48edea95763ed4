//! Which rows of a row group have a term, of terms that neither few nor most rows have.
//!
//! Of a term in few rows, sketches leave few blocks; one in most rows leaves nothing out anyway. Between the two, hits are
//! spread over many blocks. There the rows are known one by one, by the term itself and not by its number, so that a filter
//! that asks for nothing else is settled without a text being read.

use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use hashbrown::HashTable;

use super::Rows;

/// Of so many rows, one at least has a term whose rows are kept: else it is in few blocks.
const LEAST_OF: u32 = 16_384;
/// So many rows at least.
const LEAST: u32 = 4;
/// Of so many rows, one at most.
const MOST_OF: u32 = 256;
/// Rows of a term that are kept at most, whatever the size of its row group.
const MOST: u32 = 2_048;
/// Bytes of a term at most.
const MOST_BYTES: usize = 64;
/// Terms that are followed at most, the first ones of a row group. What many rows have is among them.
const MOST_TERMS: usize = 131_072;

/// What is said of a term that is not followed.
pub(super) const NOT_FOLLOWED: u32 = u32::MAX;

/// The rows of terms in one row group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Postings {
    /// Where each term ends in `texts`.
    pub(super) text_ends: Vec<u32>,
    /// The terms one behind the other, in the order of their bytes, ASCII letters in lower case.
    pub(super) texts: Bytes,
    /// Where the rows of each term end in `rows`.
    pub(super) row_ends: Vec<u32>,
    /// Of each term the first row, then how many rows later each next one follows, as LEB128.
    pub(super) rows: Bytes,
}

impl Postings {
    /// The rows that have a term, which is in lower case, in order; none when nothing is known of it.
    pub(super) fn rows(&self, term: &[u8], group_rows: usize) -> Option<Rows> {
        let (mut from, mut to) = (0, self.text_ends.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match part(&self.texts, &self.text_ends, middle)?.cmp(term) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => {
                    return decoded(part(&self.rows, &self.row_ends, middle)?, group_rows);
                }
            }
        }
        None
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        (self.text_ends.len() + self.row_ends.len()) * 4 + self.texts.len() + self.rows.len()
    }

    /// Whether every end is one.
    pub(super) fn is_sound(&self) -> bool {
        let sound = |ends: &[u32], bytes: &[u8]| {
            ends.is_sorted() && ends.last().map_or(0, |end| *end as usize) == bytes.len()
        };
        self.text_ends.len() == self.row_ends.len()
            && sound(&self.text_ends, &self.texts)
            && sound(&self.row_ends, &self.rows)
    }
}

/// One of several parts that stand one behind the other.
fn part<'b>(bytes: &'b [u8], ends: &[u32], index: usize) -> Option<&'b [u8]> {
    let start = match index.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    bytes.get(start as usize..*ends.get(index)? as usize)
}

/// Rows of a row group of so many; none when they are not in order or beyond it.
fn decoded(mut bytes: &[u8], group_rows: usize) -> Option<Rows> {
    let mut ranges = Rows::new();
    let mut next = 0;
    while !bytes.is_empty() {
        // The first is counted from 0, further ones from the one before.
        let row = usize::try_from(read_number(&mut bytes)?).ok()?;
        let row = row.checked_add(next).filter(|row| *row < group_rows)?;
        match ranges.last_mut() {
            Some(last) if row < last.end => return None,
            Some(last) if row == last.end => last.end += 1,
            _ => ranges.push(row..row + 1),
        }
        next = row;
    }
    Some(ranges)
}

fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Where a term's number is looked for in tables. Numbers are no secret: without a key, texts could be made whose terms are
/// all looked for at the same place.
#[derive(Clone, Copy)]
pub(super) struct SlotKey(u64, u64);

impl SlotKey {
    /// One that nobody knows.
    pub(super) fn random() -> Self {
        let random = || RandomState::new().hash_one(0_u64);
        Self(random(), random() | 1)
    }

    /// Where a number is looked for; two numbers hardly ever have the same.
    pub(super) fn slot(self, number: u64) -> u64 {
        let product = u128::from(number ^ self.0) * u128::from(self.1);
        (product as u64) ^ ((product >> 64) as u64)
    }
}

/// Follows the terms of a row group.
pub(super) struct PostingsBuilder {
    key: SlotKey,
    followed: Vec<Followed>,
    /// Their places in `followed`, by the number of the term.
    places: HashTable<u32>,
    /// The terms one behind the other, ASCII letters in lower case.
    texts: Vec<u8>,
}

/// A term that is followed.
struct Followed {
    number: u64,
    start: u32,
    length: u8,
    /// Rows so far.
    count: u32,
    first: u32,
    last: u32,
    /// The rows behind the first, as [`Postings::rows`] has them; nothing once they are too many.
    further: Vec<u8>,
}

impl Followed {
    fn text<'t>(&self, texts: &'t [u8]) -> &'t [u8] {
        let start = self.start as usize;
        &texts[start..start + usize::from(self.length)]
    }
}

impl PostingsBuilder {
    /// Follows none yet.
    pub(super) fn new(key: SlotKey) -> Self {
        Self {
            key,
            followed: Vec::new(),
            places: HashTable::new(),
            texts: Vec::new(),
        }
    }

    /// The place of the term with this number that is followed, which becomes this one when there is none yet;
    /// [`NOT_FOLLOWED`] when it cannot. A number has one place until the row group ends, so that many terms of one number,
    /// which are easily made, cost no more than others: all but the first are not followed.
    pub(super) fn place(&mut self, term: &[u8], number: u64) -> u32 {
        let (followed, key) = (&self.followed, self.key);
        let number_at = |place: &u32| followed[*place as usize].number;
        let slot = key.slot(number);
        if let Some(place) = self.places.find(slot, |place| number_at(place) == number) {
            return *place;
        }
        if term.len() > MOST_BYTES || followed.len() == MOST_TERMS {
            return NOT_FOLLOWED;
        }
        let place = followed.len() as u32;
        let slot_of = |place: &u32| key.slot(number_at(place));
        self.places.insert_unique(slot, place, slot_of);
        self.followed.push(Followed {
            number,
            start: self.texts.len() as u32,
            length: term.len() as u8,
            count: 0,
            first: 0,
            last: 0,
            further: Vec::new(),
        });
        self.texts.extend(term.iter().map(u8::to_ascii_lowercase));
        place
    }

    /// Whether a term is the one at a place.
    pub(super) fn is_at(&self, place: u32, term: &[u8]) -> bool {
        let followed = self.followed.get(place as usize);
        followed.is_some_and(|f| f.text(&self.texts).eq_ignore_ascii_case(term))
    }

    /// Says that a row, none before the last one, has the term at a place.
    pub(super) fn add(&mut self, place: u32, row: u32) {
        let followed = &mut self.followed[place as usize];
        match followed.count {
            0 => followed.first = row,
            _ if followed.last == row => return,
            MOST => followed.further = Vec::new(),
            count if count > MOST => return,
            _ => push_number(&mut followed.further, row - followed.last),
        }
        followed.last = row;
        followed.count += 1;
    }

    /// The rows of terms in a row group of so many; the next rows begin another.
    pub(super) fn end_group(&mut self, rows: u32) -> Postings {
        let range = LEAST.max(rows / LEAST_OF)..=MOST.min(rows / MOST_OF);
        let kept = self.followed.iter().filter(|f| range.contains(&f.count));
        let mut kept: Vec<&Followed> = kept.collect();
        kept.sort_unstable_by_key(|followed| followed.text(&self.texts));
        let (mut texts, mut text_ends) = (Vec::new(), Vec::with_capacity(kept.len()));
        let (mut rows, mut row_ends) = (Vec::new(), Vec::with_capacity(kept.len()));
        for followed in kept {
            texts.extend(followed.text(&self.texts));
            text_ends.push(texts.len() as u32);
            push_number(&mut rows, followed.first);
            rows.extend(&followed.further);
            row_ends.push(rows.len() as u32);
        }
        self.followed.clear();
        self.places.clear();
        self.texts.clear();
        Postings {
            text_ends,
            texts: texts.into(),
            row_ends,
            rows: rows.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::split::number;
    use super::*;

    /// Rows of a term, all of the same row group.
    fn built(terms: &[(&[u8], &[u32])], rows: u32) -> Postings {
        let mut builder = PostingsBuilder::new(SlotKey::random());
        let mut said: Vec<(u32, &[u8])> = Vec::new();
        for (term, rows) in terms {
            said.extend(rows.iter().map(|row| (*row, *term)));
        }
        said.sort_unstable();
        for (row, term) in said {
            let place = builder.place(term, number(term));
            builder.add(place, row);
        }
        builder.end_group(rows)
    }

    #[test]
    fn rows_are_those_of_terms_that_neither_few_nor_most_rows_have() {
        let many: Vec<u32> = (0..257).collect();
        let terms: [(&[u8], &[u32]); 4] = [
            (b"Zed", &[0, 1, 2, 700, 65_535]),
            (b"few", &[5, 6, 7]),
            (b"alpha", &[3, 300, 40_000, 40_001]),
            (b"most", &many),
        ];
        let postings = built(&terms, 65_536);
        assert!(postings.is_sound());
        let rows = |term: &str| postings.rows(term.as_bytes(), 65_536);
        assert_eq!(rows("zed"), Some(vec![0..3, 700..701, 65_535..65_536]));
        assert_eq!(rows("alpha"), Some(vec![3..4, 300..301, 40_000..40_002]));
        for unknown in ["few", "most", "nowhere", "", "Zed", "zedd", "ze"] {
            assert_eq!(rows(unknown), None, "{unknown}");
        }
        // A row that is not there, as of another file.
        assert_eq!(postings.rows(b"zed", 65_535), None);
    }

    #[test]
    fn a_row_that_has_a_term_twice_is_one() {
        let rows: &[u32] = &[1, 1, 1, 2, 2, 9, 30_000];
        let postings = built(&[(b"a", rows)], 65_536);
        assert_eq!(
            postings.rows(b"a", 65_536),
            Some(vec![1..3, 9..10, 30_000..30_001])
        );
    }

    #[test]
    fn of_terms_of_the_same_number_the_first_is_followed() {
        let mut builder = PostingsBuilder::new(SlotKey::random());
        let places = [&b"one"[..], b"other", b"ONE"].map(|term| builder.place(term, 7));
        assert_eq!(places, [0; 3]);
        assert!(builder.is_at(0, b"One") && !builder.is_at(0, b"other"));
        assert!(!builder.is_at(NOT_FOLLOWED, b"one"));
    }

    #[test]
    fn terms_beyond_the_limits_are_not_followed() {
        let mut builder = PostingsBuilder::new(SlotKey::random());
        let long = [b'a'; MOST_BYTES + 1];
        assert_eq!(builder.place(&long, number(&long)), NOT_FOLLOWED);
        let first = builder.place(b"first", number(b"first"));
        for n in 1..MOST_TERMS {
            let term = format!("t{n}");
            let place = builder.place(term.as_bytes(), number(term.as_bytes()));
            assert_eq!(place as usize, n);
        }
        assert_eq!(builder.place(b"last", number(b"last")), NOT_FOLLOWED);
        assert_eq!(builder.place(b"FIRST", number(b"first")), first);
        // Another row group has room again.
        assert_eq!(builder.end_group(1_000), Postings::default());
        assert_eq!(builder.place(b"last", number(b"last")), 0);
    }

    #[test]
    fn more_rows_than_are_kept_are_none() {
        let rows: Vec<u32> = (0..=MOST).map(|row| row * 400).collect();
        let group = 1_000_000;
        assert_eq!(
            built(&[(b"a", &rows)], group).rows(b"a", group as usize),
            None
        );
        let kept = built(&[(b"a", &rows[1..])], group);
        assert_eq!(
            kept.rows(b"a", group as usize).map(|r| r.len()),
            Some(MOST as usize)
        );
    }

    #[test]
    fn what_is_no_posting_is_recognised() {
        let sound = built(&[(b"a", &[1, 5, 300, 9_000])], 65_536);
        let with = |change: fn(&mut Postings)| {
            let mut postings = sound.clone();
            change(&mut postings);
            postings
        };
        assert!(!with(|p| p.text_ends[0] = 2).is_sound());
        assert!(!with(|p| p.row_ends[0] -= 1).is_sound());
        assert!(!with(|p| p.row_ends.push(9)).is_sound());
        let backwards = with(|p| p.rows = Bytes::from_static(&[1, 0, 2, 3]));
        assert_eq!(backwards.rows(b"a", 65_536), None);
        let endless = with(|p| p.rows = vec![0xff; p.rows.len()].into());
        assert_eq!(endless.rows(b"a", 65_536), None);
        assert_eq!(with(|p| p.row_ends[0] = 99).rows(b"a", 65_536), None);
    }
}
