//! Lays the texts of a column side by side, so that one search runs over many rows.
//!
//! A search of one row costs more in getting started than in searching. Texts that lie in one buffer one after the
//! other, as those of a Parquet page do, are copied as one piece; short ones come from their views. A piece is small
//! enough for the first-level cache, so the copy, which lower-cases where case is ignored, is nearly free.

use arrow::array::{Array, StringViewArray};
use arrow::buffer::Buffer;

/// Bytes that are searched at once.
const PIECE: usize = 16 << 10;
/// Bytes between two texts of a buffer that are copied with them (a Parquet page has the length of a text there).
const GAP: usize = 32;
/// Longest text that a view holds itself.
const INLINE: u32 = 12;

/// A row's place in a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) row: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A piece that is being laid out.
struct Gather<'a> {
    buffers: &'a [Buffer],
    fold: bool,
    text: Vec<u8>,
    spans: Vec<Span>,
    /// Bytes of a buffer that are to be copied next: buffer, start, end.
    range: (usize, usize, usize),
}

/// Calls `search` with pieces and the rows in them, in order of both. Texts shorter than `shortest` bytes and nulls
/// are left out. With `fold` the ASCII letters of a piece are in lower case.
pub(super) fn each_piece(
    column: &StringViewArray,
    fold: bool,
    shortest: usize,
    mut search: impl FnMut(&[u8], &[Span]),
) {
    let shortest = u32::try_from(shortest).unwrap_or(u32::MAX);
    let mut gather = Gather {
        buffers: column.data_buffers(),
        fold,
        text: Vec::with_capacity(PIECE * 2),
        spans: Vec::new(),
        range: (0, 0, 0),
    };
    let nulls = column.nulls();
    for (row, view) in column.views().iter().enumerate() {
        let length = *view as u32;
        if length < shortest || nulls.is_some_and(|n| n.is_null(row)) {
            continue;
        }
        if length <= INLINE {
            gather.add_inline(row, *view, length as usize);
        } else {
            let (buffer, offset) = ((*view >> 64) as u32, (*view >> 96) as u32);
            gather.add_range(row, buffer as usize, offset as usize, length as usize);
        }
        if gather.length() >= PIECE {
            gather.flush(&mut search);
        }
    }
    gather.flush(&mut search);
}

impl Gather<'_> {
    /// Bytes of the piece with those that are still to be copied.
    fn length(&self) -> usize {
        self.text.len() + self.range.2 - self.range.1
    }

    /// A short text, with the zeros that pad it.
    fn add_inline(&mut self, row: usize, view: u128, length: usize) {
        self.copy_range();
        let start = self.text.len();
        self.text.extend_from_slice(&view.to_le_bytes()[4..]);
        self.spans.push(Span {
            row,
            start,
            end: start + length,
        });
    }

    fn add_range(&mut self, row: usize, buffer: usize, offset: usize, length: usize) {
        let (current, _, end) = self.range;
        let follows = buffer == current && offset >= end && offset - end <= GAP && end > 0;
        if !follows {
            self.copy_range();
            self.range = (buffer, offset, offset);
        }
        self.range.2 = offset + length;
        let end = self.length();
        self.spans.push(Span {
            row,
            start: end - length,
            end,
        });
    }

    fn copy_range(&mut self) {
        let (buffer, start, end) = self.range;
        if end > start {
            self.text
                .extend_from_slice(&self.buffers[buffer][start..end]);
        }
        self.range = (0, 0, 0);
    }

    fn flush(&mut self, search: &mut impl FnMut(&[u8], &[Span])) {
        self.copy_range();
        if self.fold {
            self.text.make_ascii_lowercase();
        }
        search(&self.text, &self.spans);
        self.text.clear();
        self.spans.clear();
    }
}
