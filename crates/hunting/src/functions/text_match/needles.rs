//! Finding any of some byte strings in a piece of text: one by its rarest bytes, a few by a packed search over the
//! rarest four bytes of each, many by an automaton.

use aho_corasick::{AhoCorasick, MatchKind, packed};
use memchr::memmem;

use super::frequency;
use super::gather::Span;

/// Most patterns for the packed search.
const FEW: usize = 64;
/// Bytes that the packed search looks at first.
const WINDOW: usize = 4;

/// Patterns that are looked for; none is empty.
pub(super) struct Needles {
    patterns: Vec<Box<[u8]>>,
    finder: Finder,
}

enum Finder {
    One(Box<memmem::Finder<'static>>),
    /// What is searched for starts this many bytes into each pattern.
    Few(Box<packed::Searcher>, Vec<usize>),
    Many(Box<AhoCorasick>),
    /// Should no automaton be possible.
    Each(Vec<memmem::Finder<'static>>),
}

impl Needles {
    pub(super) fn new(mut patterns: Vec<Box<[u8]>>) -> Self {
        patterns.sort_unstable();
        patterns.dedup();
        let finder = match patterns.as_slice() {
            [one] => Finder::One(Box::new(memmem::Finder::new(one).into_owned())),
            _ => few(&patterns)
                .or_else(|| many(&patterns))
                .unwrap_or_else(|| each(&patterns)),
        };
        Self { patterns, finder }
    }

    /// The length of the shortest pattern.
    pub(super) fn shortest(&self) -> usize {
        self.patterns.iter().map(|p| p.len()).min().unwrap_or(0)
    }

    /// Calls `found` with the rows in which a pattern stands that `accept` takes; it gets the text of the row and
    /// the pattern's place in it. A row is reported at least once.
    pub(super) fn search(
        &self,
        piece: &[u8],
        spans: &[Span],
        accept: impl Fn(&[u8], usize, usize) -> bool,
        mut found: impl FnMut(usize),
    ) {
        let mut rows = Rows {
            piece,
            spans,
            accept,
        };
        match &self.finder {
            Finder::One(finder) => rows.by_finder(finder, &mut found),
            Finder::Each(finders) => {
                for finder in finders {
                    rows.spans = spans;
                    rows.by_finder(finder, &mut found);
                }
            }
            Finder::Few(searcher, offsets) => {
                let mut from = 0;
                while let Some(hit) =
                    searcher.find_in(piece, aho_corasick::Span::from(from..piece.len()))
                {
                    let at = hit.start();
                    let mut places = self.patterns.iter().zip(offsets).filter_map(|(p, offset)| {
                        let start = at.checked_sub(*offset)?;
                        (piece.get(start..start + p.len())? == &**p)
                            .then(|| (start, start + p.len()))
                    });
                    from = match rows.take(at, &mut places, &mut found) {
                        Some(end) => end,
                        None if rows.spans.is_empty() => break,
                        None => at + 1,
                    };
                }
            }
            Finder::Many(automaton) => {
                let mut done = 0;
                // Overlapping hits come in order of their ends.
                for hit in automaton.find_overlapping_iter(piece) {
                    let (start, end) = (hit.start(), hit.end());
                    let place = &mut std::iter::once((start, end));
                    if end > done
                        && let Some(row_end) = rows.take(end - 1, place, &mut found)
                    {
                        done = row_end;
                    }
                }
            }
        }
    }
}

/// Walks over the rows of a piece along with the hits.
struct Rows<'a, A> {
    piece: &'a [u8],
    /// Rows that no hit was beyond yet.
    spans: &'a [Span],
    accept: A,
}

impl<A: Fn(&[u8], usize, usize) -> bool> Rows<'_, A> {
    fn by_finder(&mut self, finder: &memmem::Finder<'_>, found: &mut impl FnMut(usize)) {
        let length = finder.needle().len();
        let mut from = 0;
        while let Some(at) = self.piece.get(from..).and_then(|rest| finder.find(rest)) {
            let start = from + at;
            let place = &mut std::iter::once((start, start + length));
            from = match self.take(start, place, found) {
                Some(end) => end,
                None if self.spans.is_empty() => return,
                None => start + 1,
            };
        }
    }

    /// Takes the row around `at` when one of these places in it is accepted; gives the row's end.
    fn take(
        &mut self,
        at: usize,
        places: &mut impl Iterator<Item = (usize, usize)>,
        found: &mut impl FnMut(usize),
    ) -> Option<usize> {
        self.skip_to(at);
        let span = self.spans.first()?;
        let text = &self.piece[span.start..span.end];
        let taken = places.any(|(start, end)| {
            start >= span.start
                && end <= span.end
                && (self.accept)(text, start - span.start, end - span.start)
        });
        if !taken {
            return None;
        }
        found(span.row);
        Some(span.end)
    }

    fn skip_to(&mut self, at: usize) {
        while let [first, rest @ ..] = self.spans
            && first.end <= at
        {
            self.spans = rest;
        }
    }
}

fn few(patterns: &[Box<[u8]>]) -> Option<Finder> {
    if patterns.len() > FEW {
        return None;
    }
    let offsets: Vec<usize> = patterns.iter().map(|p| rarest_window(p)).collect();
    let searched = patterns.iter().zip(&offsets).map(|(p, o)| &p[*o..]);
    Some(Finder::Few(
        Box::new(packed::Searcher::new(searched)?),
        offsets,
    ))
}

fn many(patterns: &[Box<[u8]>]) -> Option<Finder> {
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(patterns.iter().map(|p| &p[..]))
        .ok()?;
    Some(Finder::Many(Box::new(automaton)))
}

fn each(patterns: &[Box<[u8]>]) -> Finder {
    let patterns = patterns.iter().map(AsRef::as_ref);
    let finder = |pattern: &[u8]| memmem::Finder::new(pattern).into_owned();
    Finder::Each(patterns.map(finder).collect())
}

/// Where the rarest bytes of a pattern start.
fn rarest_window(pattern: &[u8]) -> usize {
    let cost = |at: &usize| -> u32 {
        pattern[*at..*at + WINDOW]
            .iter()
            .map(|b| u32::from(frequency(b.to_ascii_lowercase())))
            .sum()
    };
    (0..=pattern.len().saturating_sub(WINDOW))
        .filter(|at| at + WINDOW <= pattern.len())
        .min_by_key(cost)
        .unwrap_or(0)
}
