//! Whether a text is JSON (RFC 8259).

use super::scan::{end_of_plain, skip_space};

/// Containers inside each other that are kept track of here; deeper texts are rare and left to the slower reader.
const DEPTH: usize = 64;

/// Whether a text is one JSON value.
pub(crate) fn is_valid(text: &str) -> bool {
    check(text.as_bytes())
        .unwrap_or_else(|TooDeep| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// The text is nested deeper than is kept track of.
struct TooDeep;

fn check(bytes: &[u8]) -> Result<bool, TooDeep> {
    // What closes each open container.
    let mut open = [0u8; DEPTH];
    let mut depth = 0;
    let mut at = skip_space(bytes, 0);
    loop {
        // A value starts here.
        let next = match bytes.get(at) {
            Some(b'{') => {
                *open.get_mut(depth).ok_or(TooDeep)? = b'}';
                depth += 1;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    match key(bytes, at) {
                        Some(value) => at = value,
                        None => return Ok(false),
                    }
                    continue;
                }
                depth -= 1;
                Some(at + 1)
            }
            Some(b'[') => {
                *open.get_mut(depth).ok_or(TooDeep)? = b']';
                depth += 1;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b']') {
                    continue;
                }
                depth -= 1;
                Some(at + 1)
            }
            _ => scalar(bytes, at),
        };
        let Some(next) = next else {
            return Ok(false);
        };
        // A value ended: containers end, or the next value starts.
        at = skip_space(bytes, next);
        loop {
            let Some(closing) = depth.checked_sub(1).map(|top| open[top]) else {
                return Ok(at == bytes.len());
            };
            match bytes.get(at) {
                Some(b',') => {
                    at = skip_space(bytes, at + 1);
                    if closing == b'}' {
                        match key(bytes, at) {
                            Some(value) => at = value,
                            None => return Ok(false),
                        }
                    }
                    break;
                }
                Some(byte) if *byte == closing => {
                    depth -= 1;
                    at = skip_space(bytes, at + 1);
                }
                _ => return Ok(false),
            }
        }
    }
}

/// The position of the value after the key that starts at `at`.
fn key(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let colon = skip_space(bytes, string(bytes, at)?);
    (bytes.get(colon) == Some(&b':')).then(|| skip_space(bytes, colon + 1))
}

/// The position after a value that is no container.
fn scalar(bytes: &[u8], at: usize) -> Option<usize> {
    let word = |word: &[u8]| bytes[at..].starts_with(word).then_some(at + word.len());
    match bytes.get(at)? {
        b'"' => string(bytes, at),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => number(bytes, at),
    }
}

fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    loop {
        i = end_of_plain(bytes, i, true)?;
        match bytes[i] {
            b'"' => return Some(i + 1),
            b'\\' => match bytes.get(i + 1)? {
                b'u' => {
                    let digits = bytes.get(i + 2..i + 6)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    i += 6;
                }
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => i += 2,
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut end = match bytes.get(start)? {
        b'0' => start + 1,
        _ => digits(start)?,
    };
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(end + 1 + sign)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is JSON according to another reader.
    fn reference(text: &str) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    }

    #[test]
    fn corners() {
        for text in [
            "",
            " ",
            "1",
            "-0",
            "01",
            "1.",
            ".5",
            "1e5",
            "1E+",
            "-",
            "+1",
            "nul",
            "null ",
            "truex",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "{}",
            "[]",
            "[[]",
            "[]]",
            "{\"a\":}",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"a\tb\"",
            "\"\\\"",
            "[}",
            "{]",
            "\"é\" ",
            "[true,false,null,-1.5e-7]",
            "1 2",
            "{\"a\":{\"b\":[1,{\"c\":\"]}\"}]}}",
        ] {
            assert_eq!(is_valid(text), reference(text), "{text:?}");
        }
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(is_valid(&deep(64)) && is_valid(&deep(65)) && is_valid(&deep(5_000)));
        assert!(!is_valid(&"[".repeat(70)));
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(text in "[\\[\\]{}\",:\\\\a-f0-2 .eE+\\-untr\u{1}é]{0,24}") {
            prop_assert_eq!(is_valid(&text), reference(&text));
        }

        #[test]
        fn agrees_on_nearly_valid_texts(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\\n\"", "1", "-2.5e3", "true", "null", " ",
                ]),
                0..14,
            )
        ) {
            let text: String = pieces.concat();
            prop_assert_eq!(is_valid(&text), reference(&text));
        }
    }
}
