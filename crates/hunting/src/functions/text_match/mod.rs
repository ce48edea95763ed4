//! Tests of texts against patterns: `=~`, `has`, `contains`, `startswith`…
//!
//! Ignoring case means ASCII letters. A term is a maximal run of letters and digits (docs page
//! "datatypes-string-operators"); bytes of non-ASCII characters count as letters.
//!
//! [`Matcher`] tests one text; [`TextTest`] tests a whole column at the speed of memory.

mod column;
mod edge;
mod gather;
mod needles;
#[cfg(test)]
mod plain_tests;
mod set;

use bartizan_kql::bound::StringOp;
use memchr::memmem;

pub(crate) use column::TextTest;
pub(crate) use set::TextSet;

/// A prepared pattern.
pub(crate) struct Matcher<'p> {
    test: Test<'p>,
}

enum Test<'p> {
    /// Contained at any place where both ends are as wanted.
    Search {
        search: Search<'p>,
        term_start: bool,
        term_end: bool,
    },
    Start(&'p [u8], bool),
    End(&'p [u8], bool),
    Equal(&'p [u8], bool),
    Always,
}

enum Search<'p> {
    Exact(Box<memmem::Finder<'p>>),
    Folded(FoldedFinder<'p>),
}

impl<'p> Matcher<'p> {
    /// Prepares a pattern. `MatchesRegex` is not for here: it is taken as `contains`.
    pub(crate) fn new(op: StringOp, case_sensitive: bool, pattern: &'p str) -> Self {
        let bytes = pattern.as_bytes();
        let search = |term_start, term_end| {
            if bytes.is_empty() {
                return Test::Always;
            }
            Test::Search {
                search: if case_sensitive {
                    Search::Exact(Box::new(memmem::Finder::new(bytes)))
                } else {
                    Search::Folded(FoldedFinder::new(bytes))
                },
                term_start,
                term_end,
            }
        };
        let test = match op {
            StringOp::Equals => Test::Equal(bytes, case_sensitive),
            StringOp::Has => search(true, true),
            StringOp::HasPrefix => search(true, false),
            StringOp::HasSuffix => search(false, true),
            StringOp::Contains | StringOp::MatchesRegex => search(false, false),
            StringOp::StartsWith => Test::Start(bytes, case_sensitive),
            StringOp::EndsWith => Test::End(bytes, case_sensitive),
        };
        Self { test }
    }

    /// Whether a text passes.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let text = text.as_bytes();
        match &self.test {
            Test::Always => true,
            Test::Equal(pattern, exact) => {
                text.len() == pattern.len() && same(text, pattern, *exact)
            }
            Test::Start(pattern, exact) => text
                .get(..pattern.len())
                .is_some_and(|head| same(head, pattern, *exact)),
            Test::End(pattern, exact) => text
                .len()
                .checked_sub(pattern.len())
                .is_some_and(|at| same(&text[at..], pattern, *exact)),
            Test::Search {
                search,
                term_start,
                term_end,
            } => {
                let mut from = 0;
                while let Some((start, end)) = search.find(text, from) {
                    if (!term_start || is_term_start(text, start))
                        && (!term_end || is_term_end(text, end))
                    {
                        return true;
                    }
                    from = start + 1;
                }
                false
            }
        }
    }
}

fn same(a: &[u8], b: &[u8], exact: bool) -> bool {
    if exact {
        a == b
    } else {
        a.eq_ignore_ascii_case(b)
    }
}

/// Whether a byte of a text is part of a term: the one place that says so.
pub(crate) const fn is_letter_or_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Whether no term runs across the position before `at`. A pattern that starts with a separator starts a term
/// wherever it stands.
pub(crate) fn is_term_start(text: &[u8], at: usize) -> bool {
    at == 0 || !is_letter_or_digit(text[at - 1]) || !is_letter_or_digit(text[at])
}

/// Whether no term runs across the position `end`.
pub(crate) fn is_term_end(text: &[u8], end: usize) -> bool {
    end == text.len()
        || !is_letter_or_digit(text[end])
        || end == 0
        || !is_letter_or_digit(text[end - 1])
}

impl Search<'_> {
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let rest = text.get(from..)?;
        match self {
            Self::Exact(finder) => finder
                .find(rest)
                .map(|at| (from + at, from + at + finder.needle().len())),
            Self::Folded(finder) => finder
                .find(rest)
                .map(|at| (from + at, from + at + finder.pattern.len())),
        }
    }
}

/// Finds a pattern, ignoring ASCII case, by looking for its rarest byte in both cases.
struct FoldedFinder<'p> {
    pattern: &'p [u8],
    rare: usize,
    lower: u8,
    upper: u8,
}

impl<'p> FoldedFinder<'p> {
    fn new(pattern: &'p [u8]) -> Self {
        let rare = (0..pattern.len())
            .min_by_key(|i| frequency(pattern[*i].to_ascii_lowercase()))
            .unwrap_or(0);
        let byte = pattern.get(rare).copied().unwrap_or(0);
        Self {
            pattern,
            rare,
            lower: byte.to_ascii_lowercase(),
            upper: byte.to_ascii_uppercase(),
        }
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        let length = self.pattern.len();
        let last = text.len().checked_sub(length)?;
        // The rare byte can only stand in this part of the text.
        let window = &text[self.rare..=last + self.rare];
        let mut from = 0;
        loop {
            let hit = if self.lower == self.upper {
                memchr::memchr(self.lower, &window[from..])?
            } else {
                memchr::memchr2(self.lower, self.upper, &window[from..])?
            };
            let start = from + hit;
            if text[start..start + length].eq_ignore_ascii_case(self.pattern) {
                return Some(start);
            }
            from = start + 1;
        }
    }
}

/// How common a byte is in command lines, paths and host names; higher is more common. Only the order matters.
fn frequency(byte: u8) -> u8 {
    const COMMON_FIRST: &[u8] = b"e\\st irnaoc.lmdp0uw12-f3:h4v5gb/6x87y\"9k_,=jqz";
    match COMMON_FIRST.iter().position(|b| *b == byte) {
        Some(rank) => 255 - rank as u8,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::*;

    fn test(op: StringOp, text: &str, pattern: &str) -> bool {
        let alone = Matcher::new(op, false, pattern).is_match(text);
        let column = StringViewArray::from(vec!["", text, "other"]);
        for patterns in [vec![pattern], vec!["@never@", pattern]] {
            let patterns = patterns.into_iter().map(str::to_owned).collect();
            let passed = TextTest::new(op, false, patterns).column(&column);
            assert_eq!(passed.value(1), alone, "{op:?} {text:?} {pattern:?}");
        }
        alone
    }

    #[test]
    fn has_wants_separators_at_both_edges_of_the_phrase() {
        use StringOp::Has;
        assert!(test(Has, "cmd.exe /c NET USER bob", "net user"));
        assert!(!test(Has, "telnet user", "net user"));
        assert!(test(Has, "xnet net_admin", "net"));
        assert!(test(Has, "netnet net", "net"));
        assert!(!test(Has, "networks", "net"));
        assert!(test(Has, "a-enc-b", "-enc"));
        assert!(!test(Has, "a -encode", "-enc"));
        assert!(test(Has, "x", ""));
        assert!(test(Has, "$env:path", "$env"));
        assert!(!test(Has, "éa", "a"));
    }

    #[test]
    fn the_other_tests() {
        use StringOp::*;
        assert!(test(HasPrefix, "hello World", "WOR") && !test(HasPrefix, "hello World", "orl"));
        assert!(test(HasSuffix, "hello World", "ELLO") && !test(HasSuffix, "hello World", "hell"));
        assert!(test(Contains, "abcDEF", "cde") && !test(Contains, "abc", "abcd"));
        assert!(test(StartsWith, "AbC", "ab") && !test(StartsWith, "a", "ab"));
        assert!(test(EndsWith, "AbC", "BC") && !test(EndsWith, "c", "bc"));
        assert!(test(Equals, "AbC", "aBc") && !test(Equals, "abc ", "abc"));
        assert!(!Matcher::new(Contains, true, "B").is_match("abc"));
        assert!(Matcher::new(Contains, true, "b").is_match("abc"));
        assert!(test(Contains, "ÄÖÜ", "Ö") && !test(Equals, "É", "é"));
    }

    #[test]
    fn a_shorter_pattern_at_the_same_place_is_found() {
        let any = TextTest::new(StringOp::Has, false, vec!["net user".into(), "net".into()]);
        let column = StringViewArray::from(vec!["net users", "nets users"]);
        let passed = any.column(&column);
        assert!(passed.value(0) && !passed.value(1));
    }
}
