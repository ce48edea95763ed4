//! Finding the ends of JSON values, eight bytes at a time.

/// A byte in each of eight places.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each of eight bytes.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks in the highest bit of each byte which ones are zero; of several marks only the lowest is sure.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// As [`zeros`] for bytes that end a plain part of a string.
fn quotes_or_escapes(word: u64) -> u64 {
    zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))
}

/// As [`zeros`] for control characters, which a string may not have.
fn controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & HIGH
}

/// The position of the first quote or backslash; with `strict` also of a control character.
#[inline]
pub(super) fn end_of_plain(bytes: &[u8], mut at: usize, strict: bool) -> Option<usize> {
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let marks = quotes_or_escapes(word) | if strict { controls(word) } else { 0 };
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter()
        .position(|b| matches!(b, b'"' | b'\\') || (strict && *b < 0x20))
        .map(|n| at + n)
}

/// Whether a text has neither backslashes nor control characters: a string in it ends at the next quote.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    // Without an early end, which lets the processor look at many bytes at once.
    let odd = bytes
        .iter()
        .fold(false, |odd, byte| odd | (*byte < 0x20) | (*byte == b'\\'));
    !odd
}

/// The position of the first quote.
pub(super) fn next_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let marks = zeros(u64::from_le_bytes(eight) ^ (ONES * b'"' as u64));
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|b| *b == b'"').map(|n| at + n)
}

/// The position of the first byte that is not white space.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The position after the string that starts at `at` (its opening quote).
#[inline]
pub(super) fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    loop {
        i = end_of_plain(bytes, i, false)?;
        if bytes[i] == b'"' {
            return Some(i + 1);
        }
        i += 2;
    }
}

/// The position after the value that starts at `at`.
pub(super) fn skip_value(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => skip_string(bytes, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut i = at;
            loop {
                match bytes.get(i)? {
                    b'"' => {
                        i = skip_string(bytes, i)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(i + 1);
                        }
                    }
                    _ => {}
                }
                i += 1;
            }
        }
        _ => {
            let end = bytes[at..]
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
            Some(end.map_or(bytes.len(), |n| at + n))
        }
    }
}
