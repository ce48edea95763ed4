//! `startswith` and `endswith` over a column.

use arrow::array::{Array, StringViewArray};
use arrow::buffer::BooleanBuffer;

use super::same;

/// Patterns at one end of a text.
pub(super) struct Edges {
    patterns: Vec<Box<[u8]>>,
    exact: bool,
    at_end: bool,
    shortest: u32,
    /// By the outermost byte of a text: whether a pattern may stand there.
    outermost: Box<[bool; 256]>,
}

impl Edges {
    pub(super) fn starts(case_sensitive: bool, patterns: Vec<String>) -> Self {
        Self::new(case_sensitive, false, patterns)
    }

    pub(super) fn ends(case_sensitive: bool, patterns: Vec<String>) -> Self {
        Self::new(case_sensitive, true, patterns)
    }

    fn new(exact: bool, at_end: bool, patterns: Vec<String>) -> Self {
        let mut outermost = Box::new([false; 256]);
        let patterns: Vec<Box<[u8]>> = patterns
            .into_iter()
            .map(|p| p.into_bytes().into_boxed_slice())
            .collect();
        for pattern in &patterns {
            let byte = if at_end {
                pattern.last()
            } else {
                pattern.first()
            };
            if let Some(byte) = byte {
                outermost[usize::from(*byte)] = true;
                if !exact {
                    outermost[usize::from(byte.to_ascii_lowercase())] = true;
                    outermost[usize::from(byte.to_ascii_uppercase())] = true;
                }
            }
        }
        let shortest = patterns.iter().map(|p| p.len()).min().unwrap_or(0);
        Self {
            shortest: u32::try_from(shortest).unwrap_or(u32::MAX),
            patterns,
            exact,
            at_end,
            outermost,
        }
    }

    pub(super) fn column(&self, column: &StringViewArray) -> BooleanBuffer {
        let (views, nulls) = (column.views(), column.nulls());
        BooleanBuffer::collect_bool(column.len(), |row| {
            let view = views[row];
            if (view as u32) < self.shortest || nulls.is_some_and(|n| n.is_null(row)) {
                return false;
            }
            if !self.at_end {
                // The first bytes of a text stand in its view.
                let first = (view >> 32) as u8;
                return self.outermost[usize::from(first)]
                    && self.passes(column.value(row).as_bytes());
            }
            let text = column.value(row).as_bytes();
            text.last()
                .is_some_and(|last| self.outermost[usize::from(*last)])
                && self.passes(text)
        })
    }

    fn passes(&self, text: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| {
            let part = if self.at_end {
                text.len()
                    .checked_sub(pattern.len())
                    .map(|from| &text[from..])
            } else {
                text.get(..pattern.len())
            };
            part.is_some_and(|part| same(part, pattern, self.exact))
        })
    }
}
