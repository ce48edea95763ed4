//! Numbers of texts that come again and again.
//!
//! A column that a file keeps as a dictionary is read as views into the dictionary's buffer: equal views are equal texts,
//! and a look at the view tells what the text's number is. A buffer is held on to as long as views of it are known, so
//! that no other takes its place in memory.

use arrow::array::StringViewArray;
use arrow::buffer::Buffer;

/// Places that are known at most; a power of two.
const KNOWN: usize = 16_384;
/// Longest text that a view holds itself.
const INLINE: u32 = 12;
/// No place of a text.
const NONE: u64 = u64::MAX;
/// Places after which it shows whether they come again.
const TRIED: u32 = 16_384;

/// The numbers of texts, by their views.
#[derive(Default)]
pub(super) struct ViewNumbers {
    buffers: Vec<Buffer>,
    /// Whether columns in a row had these buffers, as those of a dictionary have.
    again: bool,
    /// The place of a text and its number; empty before buffers came again.
    known: Vec<(u64, u32)>,
    /// Places that were looked for since the buffers changed, and how many of them were known.
    looked: u32,
    met: u32,
}

impl ViewNumbers {
    /// Calls `each` with rows and the numbers of their texts; `number` says what the number of a text is.
    pub(super) fn each(
        &mut self,
        texts: &StringViewArray,
        rows: impl Iterator<Item = usize>,
        mut number: impl FnMut(&str) -> u32,
        mut each: impl FnMut(usize, u32),
    ) {
        self.turn_to(texts.data_buffers());
        let views = texts.views();
        for row in rows {
            let number = self.look_up(views[row], || number(texts.value(row)));
            each(row, number);
        }
    }

    /// Forgets what is known, because numbers change.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets places in other buffers than these.
    fn turn_to(&mut self, buffers: &[Buffer]) {
        let same = |(own, other): (&Buffer, &Buffer)| {
            own.as_ptr() == other.as_ptr() && own.len() == other.len()
        };
        if self.buffers.len() == buffers.len() && self.buffers.iter().zip(buffers).all(same) {
            if !self.again {
                self.again = true;
                self.known.clear();
                self.known.resize(KNOWN, (NONE, 0));
                (self.looked, self.met) = (0, 0);
            }
            return;
        }
        self.buffers = buffers.to_vec();
        self.again = false;
    }

    fn look_up(&mut self, view: u128, number: impl FnOnce() -> u32) -> u32 {
        // Places in buffers of texts that are all different are not worth keeping.
        let unlike = self.looked >= TRIED && self.met < self.looked / 4;
        let Some(place) = place(view).filter(|_| self.again && !unlike) else {
            return number();
        };
        let mixed = place.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // Two slots beside each other: one alone, many texts would take from each other again and again.
        let slot = (mixed >> 40) as usize % KNOWN;
        let known = [self.known[slot], self.known[slot ^ 1]];
        let met = known.iter().find(|known| known.0 == place);
        if self.looked < u32::MAX {
            self.looked += 1;
            self.met += u32::from(met.is_some());
        }
        if let Some((_, number)) = met {
            return *number;
        }
        self.known[slot ^ 1] = known[0];
        self.known[slot] = (place, number());
        self.known[slot].1
    }

    /// Bytes held, the texts' own aside.
    pub(super) fn size(&self) -> usize {
        self.known.capacity() * size_of::<(u64, u32)>()
    }
}

/// Buffer, offset and length of a text in one number; none for a text that is short, or longer or in a later buffer than
/// there is room for.
fn place(view: u128) -> Option<u64> {
    let length = view as u32;
    let (buffer, offset) = ((view >> 64) as u32, (view >> 96) as u64);
    (length > INLINE && length < 1 << 16 && buffer < (1 << 16) - 1)
        .then(|| offset << 32 | u64::from(buffer) << 16 | u64::from(length))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::array::{Array as _, AsArray as _, UInt32Array};
    use arrow::compute::take;

    use super::*;

    #[test]
    fn numbers_are_those_of_the_texts_whatever_came_before() {
        let mut known = ViewNumbers::default();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for round in 0..4 {
            // Texts of the same lengths and beginnings at the same places of another buffer; at times more than are kept.
            let different = 6_000 * (round + 1);
            let texts: Vec<String> = (0..different)
                .map(|i| format!("a text that is long {i:05} {round}"))
                .chain((0..50).map(|i| format!("short{i}")))
                .collect();
            let dictionary = StringViewArray::from_iter_values(&texts);
            let keys: UInt32Array = (0..60_000u32)
                .map(|i| i * 7_919 % texts.len() as u32)
                .collect();
            let column = take(&dictionary, &keys, None).unwrap();
            let mut asked = 0_usize;
            for start in (0..60_000).step_by(6_000) {
                let part = column.slice(start, 6_000);
                let part = part.as_string_view();
                let mut given = Vec::new();
                let number = |text: &str| {
                    asked += 1;
                    let next = numbers.len() as u32;
                    *numbers.entry(text.to_owned()).or_insert(next)
                };
                known.each(part, 0..part.len(), number, |_, number| given.push(number));
                for (text, number) in part.iter().zip(given) {
                    assert_eq!(numbers.get(text.unwrap()), Some(&number));
                }
            }
            assert!(
                asked < 40_000 || round > 0,
                "{asked} of 60,000 texts were looked at"
            );
        }
    }
}
