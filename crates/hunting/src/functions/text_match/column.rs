//! One test of a whole column of texts, prepared once per query.

use arrow::array::{Array, BooleanBufferBuilder, StringViewArray};
use arrow::buffer::BooleanBuffer;
use bartizan_kql::bound::StringOp;

use super::edge::Edges;
use super::gather::each_piece;
use super::needles::Needles;
use super::set::TextSet;
use super::{is_term_end, is_term_start};

/// Whether texts pass an operator for any of some patterns.
pub(crate) struct TextTest {
    way: Way,
}

enum Way {
    /// The same for every text.
    Fixed(bool),
    Equal(TextSet),
    Edge(Edges),
    Search(Search),
}

impl TextTest {
    /// Prepares a test. `MatchesRegex` is not for here: it is taken as `contains`.
    pub(crate) fn new(op: StringOp, case_sensitive: bool, patterns: Vec<String>) -> Self {
        let way = match op {
            StringOp::Equals => Way::Equal(TextSet::new(case_sensitive, patterns)),
            _ if patterns.is_empty() => Way::Fixed(false),
            _ if patterns.iter().any(String::is_empty) => Way::Fixed(true),
            StringOp::StartsWith => Way::Edge(Edges::starts(case_sensitive, patterns)),
            StringOp::EndsWith => Way::Edge(Edges::ends(case_sensitive, patterns)),
            StringOp::Has
            | StringOp::HasPrefix
            | StringOp::HasSuffix
            | StringOp::Contains
            | StringOp::MatchesRegex => Way::Search(Search::new(op, case_sensitive, patterns)),
        };
        Self { way }
    }

    /// A test of whether texts contain any of some byte strings, ignoring case.
    pub(crate) fn containing(patterns: Vec<Vec<u8>>) -> Self {
        Self {
            way: Way::Search(Search {
                needles: Needles::new(patterns.into_iter().map(folded).collect()),
                fold: true,
                term_start: false,
                term_end: false,
            }),
        }
    }

    /// Which texts pass; null counts as "".
    pub(crate) fn column(&self, column: &StringViewArray) -> BooleanBuffer {
        match &self.way {
            Way::Fixed(true) => BooleanBuffer::new_set(column.len()),
            Way::Fixed(false) => BooleanBuffer::new_unset(column.len()),
            Way::Equal(set) => set.column(column),
            Way::Edge(edges) => edges.column(column),
            Way::Search(search) => search.column(column),
        }
    }
}

/// A search for patterns at places where both ends are as wanted.
struct Search {
    needles: Needles,
    fold: bool,
    term_start: bool,
    term_end: bool,
}

impl Search {
    fn new(op: StringOp, case_sensitive: bool, patterns: Vec<String>) -> Self {
        let bytes = patterns.into_iter().map(|p| {
            if case_sensitive {
                p.into_bytes().into_boxed_slice()
            } else {
                folded(p.into_bytes())
            }
        });
        Self {
            needles: Needles::new(bytes.collect()),
            fold: !case_sensitive,
            term_start: matches!(op, StringOp::Has | StringOp::HasPrefix),
            term_end: matches!(op, StringOp::Has | StringOp::HasSuffix),
        }
    }

    fn column(&self, column: &StringViewArray) -> BooleanBuffer {
        let mut passed = BooleanBufferBuilder::new(column.len());
        passed.append_n(column.len(), false);
        let accept = |text: &[u8], start: usize, end: usize| {
            (!self.term_start || is_term_start(text, start))
                && (!self.term_end || is_term_end(text, end))
        };
        let shortest = self.needles.shortest();
        each_piece(column, self.fold, shortest, |piece, spans| {
            let found = |row| passed.set_bit(row, true);
            self.needles.search(piece, spans, accept, found);
        });
        passed.finish()
    }
}

fn folded(mut bytes: Vec<u8>) -> Box<[u8]> {
    bytes.make_ascii_lowercase();
    bytes.into_boxed_slice()
}
