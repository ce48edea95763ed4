//! Terms as numbers: what sketches keep of a text, and what a pattern needs of one.
//!
//! What a term is says [`is_letter_or_digit`], by which the language's `has` goes, too. The numbers of two terms that
//! differ in the case of ASCII letters alone are equal; those of other terms seldom are unless somebody makes them so, which
//! costs a block that is read for nothing. They stand in files, so they never change.

use crate::functions::text_match::is_letter_or_digit;

/// What of a pattern is a whole term of every text that passes.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// A term that starts the pattern starts one of the text.
    pub(super) start: bool,
    /// A term that ends the pattern ends one of the text.
    pub(super) end: bool,
}

/// By byte: whether it is part of a term.
static IN_TERM: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_letter_or_digit(byte as u8);
        byte += 1;
    }
    table
};

/// Calls `found` with each term of a text and its number.
pub(super) fn each_term(text: &[u8], mut found: impl FnMut(&[u8], u64)) {
    let mut at = 0;
    while at < text.len() {
        if !IN_TERM[usize::from(text[at])] {
            at += 1;
            continue;
        }
        let start = at;
        while at < text.len() && IN_TERM[usize::from(text[at])] {
            at += 1;
        }
        let term = &text[start..at];
        found(term, number(term));
    }
}

/// A term that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// Its number.
    pub(super) number: u64,
    /// Itself, ASCII letters in lower case.
    pub(super) text: Box<[u8]>,
}

/// The terms that every text has in which this pattern is found, whatever the case.
pub(super) fn needed_terms(pattern: &str, bounds: Bounds) -> Vec<Term> {
    let bytes = pattern.as_bytes();
    let is_term = |byte: Option<&u8>| byte.is_some_and(|b| IN_TERM[usize::from(*b)]);
    // A term at an edge that is open may be part of a longer one.
    let mut from = 0;
    if !bounds.start {
        while is_term(bytes.get(from)) {
            from += 1;
        }
    }
    let mut to = bytes.len();
    if !bounds.end {
        while to > from && is_term(bytes.get(to - 1)) {
            to -= 1;
        }
    }
    let mut terms: Vec<Term> = Vec::new();
    each_term(&bytes[from..to], |term, number| {
        let text = term.to_ascii_lowercase().into();
        terms.push(Term { number, text });
    });
    terms.sort_unstable_by(|a, b| a.text.cmp(&b.text));
    terms.dedup();
    terms
}

/// Whether a pattern is one term and nothing besides.
pub(super) fn is_term(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    !bytes.is_empty() && bytes.iter().all(|b| IN_TERM[usize::from(*b)])
}

/// Sets the bit that tells ASCII letters' cases apart. It is set in digits; what it merges of other bytes only makes
/// more terms alike.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The number of a term.
pub(super) fn number(term: &[u8]) -> u64 {
    let mut hash = (term.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut chunks = term.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = mix(hash, u64::from_le_bytes(word) | FOLD);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = mix(hash, u64::from_le_bytes(word) | FOLD);
    }
    // 0 is for what is none.
    mix(hash, 0xD6E8_FEB8_6659_FD93).max(1)
}

/// Multiplies and folds the 128 bits of the product, so that every bit of the result depends on every bit before.
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ 0xA076_1D64_78BD_642F)
        .wrapping_mul(u128::from(word ^ 0xE703_7ED1_A0B4_28DB));
    (product as u64) ^ ((product >> 64) as u64) ^ hash.rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<u64> {
        let mut terms = Vec::new();
        each_term(text.as_bytes(), |_, number| terms.push(number));
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    fn needed(pattern: &str, start: bool, end: bool) -> Vec<u64> {
        let needed = needed_terms(pattern, Bounds { start, end });
        let lower = pattern.to_ascii_lowercase();
        let found = |term: &Term| lower.contains(std::str::from_utf8(&term.text).unwrap());
        assert!(needed.iter().all(found), "{pattern}");
        let mut numbers: Vec<u64> = needed.iter().map(|term| term.number).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn case_is_ignored_and_separators_are_left_out() {
        assert_eq!(terms("CMD.exe /c"), terms("c,cmd,EXE"));
        assert_eq!(terms("Éa é"), terms("é Éa"));
        assert_eq!(terms(" -/."), Vec::<u64>::new());
        assert_eq!(terms("a b ab aaaaaaaa aaaaaaaab").len(), 5);
        assert_ne!(terms("abcdefghi"), terms("abcdefghj"));
    }

    #[test]
    fn numbers_that_stand_in_files_stay() {
        assert_eq!(terms("powershell"), [number(b"PowerShell")]);
        assert_eq!(number(b"powershell"), NUMBER_OF_POWERSHELL);
        assert_eq!(number(b"e"), NUMBER_OF_E);
    }

    const NUMBER_OF_POWERSHELL: u64 = 0x3561_0e31_3ac0_9c80;
    const NUMBER_OF_E: u64 = 0xc4ef_097f_bf9c_fa53;

    #[test]
    fn a_pattern_with_separators_is_no_term() {
        for pattern in ["ComSvcs", "É1", "a"] {
            assert!(is_term(pattern), "{pattern}");
        }
        for pattern in ["", "a b", "a.", "-a", "_"] {
            assert!(!is_term(pattern), "{pattern}");
        }
    }

    #[test]
    fn terms_at_an_open_edge_are_not_needed() {
        assert_eq!(needed("net user", true, true), terms("net user"));
        assert_eq!(needed("net user", true, false), terms("net"));
        assert_eq!(needed("net user", false, true), terms("user"));
        assert_eq!(needed("net user", false, false), terms(""));
        assert_eq!(needed("\\lsass.dmp", false, false), terms("lsass"));
        assert_eq!(needed("-enc ", false, false), terms("enc"));
        assert_eq!(needed("word", false, false), terms(""));
        assert_eq!(needed("", true, true), terms(""));
    }
}
