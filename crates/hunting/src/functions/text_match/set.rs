//! `=~`, `in~` and other tests of whole texts.

use std::collections::HashSet;

use arrow::array::{Array, BooleanBufferBuilder, StringViewArray};
use arrow::buffer::BooleanBuffer;

/// Sets up to this size are compared one by one.
const SMALL: usize = 24;
/// Bits of a large set's filter per text.
const FILTER_BITS: usize = 16;
/// The bit that lower and upper case of a letter differ in, in the four bytes that a key holds of a text.
const CASE: u64 = 0x2020_2020_0000_0000;

/// Texts that are looked up whole.
pub(crate) struct TextSet {
    case_sensitive: bool,
    texts: Texts,
}

enum Texts {
    /// With the key of each.
    Small(Vec<(u64, String)>),
    Large {
        texts: HashSet<String>,
        filter: Filter,
    },
}

impl TextSet {
    /// Prepares a set.
    pub(crate) fn new(case_sensitive: bool, texts: Vec<String>) -> Self {
        if texts.len() <= SMALL {
            let keyed = texts
                .into_iter()
                .map(|t| (key_of(&t, case_sensitive), t))
                .collect();
            return Self {
                case_sensitive,
                texts: Texts::Small(keyed),
            };
        }
        let mut filter = Filter::new(texts.len());
        for text in &texts {
            filter.add(key_of(text, case_sensitive));
        }
        let fold = |text: String| {
            if case_sensitive {
                text
            } else {
                text.to_ascii_lowercase()
            }
        };
        Self {
            case_sensitive,
            texts: Texts::Large {
                texts: texts.into_iter().map(fold).collect(),
                filter,
            },
        }
    }

    /// Whether a text is there; `buffer` is for folding.
    pub(crate) fn contains(&self, text: &str, buffer: &mut String) -> bool {
        self.look_up(key_of(text, self.case_sensitive), buffer, || text)
    }

    /// Which texts of a column are there; null counts as "".
    pub(super) fn column(&self, column: &StringViewArray) -> BooleanBuffer {
        let (views, nulls) = (column.views(), column.nulls());
        let mut buffer = String::new();
        if let (Texts::Small(texts), None) = (&self.texts, nulls) {
            return self.small_column(texts, column);
        }
        let empty = self.contains("", &mut buffer);
        BooleanBuffer::collect_bool(column.len(), |row| {
            if nulls.is_some_and(|n| n.is_null(row)) {
                return empty;
            }
            // A view starts with the text's length and its first four bytes.
            let key = fold_key(views[row] as u64, self.case_sensitive);
            self.look_up(key, &mut buffer, || column.value(row))
        })
    }

    /// As [`Self::column`] without nulls: first which rows may be there by their keys alone, in a loop without branches,
    /// then a look at these.
    fn small_column(&self, texts: &[(u64, String)], column: &StringViewArray) -> BooleanBuffer {
        let keys = texts
            .iter()
            .fold(0u64, |bits, (key, _)| bits | bit_of(*key));
        let views = column.views();
        let candidates = BooleanBuffer::collect_bool(column.len(), |row| {
            keys & bit_of(fold_key(views[row] as u64, self.case_sensitive)) != 0
        });
        let mut passed = BooleanBufferBuilder::new(column.len());
        passed.append_n(column.len(), false);
        let mut buffer = String::new();
        for row in candidates.set_indices() {
            let key = fold_key(views[row] as u64, self.case_sensitive);
            if self.look_up(key, &mut buffer, || column.value(row)) {
                passed.set_bit(row, true);
            }
        }
        passed.finish()
    }

    fn look_up<'t>(&self, key: u64, buffer: &mut String, text: impl Fn() -> &'t str) -> bool {
        match &self.texts {
            Texts::Small(texts) => texts.iter().any(|(own, t)| {
                *own == key
                    && if self.case_sensitive {
                        t.as_str() == text()
                    } else {
                        t.eq_ignore_ascii_case(text())
                    }
            }),
            Texts::Large { filter, .. } if !filter.may_hold(key) => false,
            Texts::Large { texts, .. } if self.case_sensitive => texts.contains(text()),
            Texts::Large { texts, .. } => {
                buffer.clear();
                buffer.push_str(text());
                buffer.make_ascii_lowercase();
                texts.contains(buffer.as_str())
            }
        }
    }
}

/// The length and the first four bytes of a text, as a view starts. Texts that are equal have equal keys.
fn key_of(text: &str, case_sensitive: bool) -> u64 {
    let mut first = [0u8; 4];
    for (slot, byte) in first.iter_mut().zip(text.bytes()) {
        *slot = byte;
    }
    let key = u64::from(u32::from_le_bytes(first)) << 32 | u64::from(text.len() as u32);
    fold_key(key, case_sensitive)
}

/// Other bytes than letters may come to be the same; that only makes a key say less.
fn fold_key(key: u64, case_sensitive: bool) -> u64 {
    if case_sensitive { key } else { key | CASE }
}

/// One of 64 bits for a key.
fn bit_of(key: u64) -> u64 {
    1 << (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
}

/// A set of keys that may say yes too often.
struct Filter {
    words: Vec<u64>,
    shift: u32,
}

impl Filter {
    fn new(keys: usize) -> Self {
        let bits = (keys * FILTER_BITS).next_power_of_two().max(4096);
        Self {
            words: vec![0; bits / 64],
            shift: 64 - bits.trailing_zeros(),
        }
    }

    fn place(&self, key: u64) -> (usize, u64) {
        let bit = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        (bit / 64, 1 << (bit % 64))
    }

    fn add(&mut self, key: u64) {
        let (word, bit) = self.place(key);
        self.words[word] |= bit;
    }

    fn may_hold(&self, key: u64) -> bool {
        let (word, bit) = self.place(key);
        self.words[word] & bit != 0
    }
}
