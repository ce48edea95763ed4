//! Whether a text is JSON (RFC 8259), and in the same pass what stands at the end of a path in it.

use std::ops::Range;

use super::key_is;
use super::scan::{end_of_plain, is_plain, next_quote, skip_space};

/// Containers inside each other that are kept track of here; deeper texts are rare and left to the slower reader.
const DEPTH: usize = 64;

/// Whether a text is one JSON value.
pub(crate) fn is_valid(text: &str) -> bool {
    check(text, &mut Nobody)
        .unwrap_or_else(|TooDeep| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// The value at the end of a path of keys in a text that is JSON, as [`super::member`] after [`super::member`] finds it;
/// none when the text as a whole is no JSON.
pub(super) fn find_in_json<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    match place_in_json(text, path) {
        Ok(place) => text.get(place??),
        Err(TooDeep) => {
            let walk = |value, key: &&str| super::member(value, key);
            let value = path.iter().try_fold(text, walk)?;
            is_valid(text).then_some(value)
        }
    }
}

/// Where the value of [`find_in_json`] stands: the outer option is none when the text is no JSON, the inner one when there
/// is no such value.
pub(super) fn place_in_json(
    text: &str,
    path: &[&str],
) -> Result<Option<Option<Range<usize>>>, TooDeep> {
    let mut walk = Walk {
        path,
        matched: 0,
        over: path.is_empty(),
        start: 0,
        found: path.is_empty().then_some(0..text.len()),
    };
    Ok(check(text, &mut walk)?.then_some(walk.found))
}

/// The position after the value that starts at `at` and is no object; none when there is none, or one too deep.
pub(super) fn end_of_value(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'[') {
        return scalar::<false>(bytes, at);
    }
    end_of_flat_array(bytes, at).or_else(|| end_of::<false>(text, at, &mut Nobody).ok()?)
}

/// The position after the array that starts at `at` when there are neither containers nor white space in it, as in most.
fn end_of_flat_array(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    if bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        at = scalar::<false>(bytes, at)?;
        match bytes.get(at)? {
            b',' => at += 1,
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Who is told what is passed on the way. Depths are numbers of open containers.
trait Watch {
    /// A key, with its quotes, of the innermost container, and where its value starts.
    fn key(&mut self, depth: usize, key: &str, value: usize);
    /// A value of the innermost container ended.
    fn end(&mut self, depth: usize, at: usize);
}

/// Only the outcome counts.
struct Nobody;

impl Watch for Nobody {
    fn key(&mut self, _depth: usize, _key: &str, _value: usize) {}
    fn end(&mut self, _depth: usize, _at: usize) {}
}

/// Follows a path: of equal keys the first counts.
struct Walk<'p> {
    path: &'p [&'p str],
    /// Keys of the path that were met; the innermost container on the path has this depth and one more.
    matched: usize,
    /// What comes is beside the path.
    over: bool,
    /// Where the value at the end of the path starts.
    start: usize,
    found: Option<Range<usize>>,
}

impl Watch for Walk<'_> {
    fn key(&mut self, depth: usize, key: &str, value: usize) {
        if !self.over
            && depth == self.matched + 1
            && self.path.get(self.matched).is_some_and(|k| key_is(key, k))
        {
            self.matched += 1;
            self.start = value;
        }
    }

    fn end(&mut self, depth: usize, at: usize) {
        if !self.over && self.matched > 0 && depth == self.matched {
            self.over = true;
            if self.matched == self.path.len() {
                self.found = Some(self.start..at);
            }
        }
    }
}

/// The text is nested deeper than is kept track of.
pub(super) struct TooDeep;

fn check(text: &str, watch: &mut impl Watch) -> Result<bool, TooDeep> {
    let bytes = text.as_bytes();
    let start = skip_space(bytes, 0);
    let end = if is_plain(bytes) {
        end_of::<true>(text, start, watch)?
    } else {
        end_of::<false>(text, start, watch)?
    };
    Ok(end.is_some_and(|end| skip_space(bytes, end) == bytes.len()))
}

/// The position after the value that starts at `at`; none when there is none. `PLAIN` texts have no backslashes and no
/// control characters.
fn end_of<const PLAIN: bool>(
    text: &str,
    mut at: usize,
    watch: &mut impl Watch,
) -> Result<Option<usize>, TooDeep> {
    let bytes = text.as_bytes();
    // What closes each open container.
    let mut open = [0u8; DEPTH];
    let mut depth = 0;
    loop {
        // A value starts here.
        let next = match bytes.get(at) {
            Some(b'{') => {
                *open.get_mut(depth).ok_or(TooDeep)? = b'}';
                depth += 1;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    match key::<PLAIN>(text, at, depth, watch) {
                        Some(value) => at = value,
                        None => return Ok(None),
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
            _ => scalar::<PLAIN>(bytes, at),
        };
        let Some(next) = next else {
            return Ok(None);
        };
        // A value ended: containers end, or the next value starts.
        watch.end(depth, next);
        let mut end = next;
        loop {
            let Some(closing) = depth.checked_sub(1).map(|top| open[top]) else {
                return Ok(Some(end));
            };
            at = skip_space(bytes, end);
            match bytes.get(at) {
                Some(b',') => {
                    at = skip_space(bytes, at + 1);
                    if closing == b'}' {
                        match key::<PLAIN>(text, at, depth, watch) {
                            Some(value) => at = value,
                            None => return Ok(None),
                        }
                    }
                    break;
                }
                Some(byte) if *byte == closing => {
                    depth -= 1;
                    end = at + 1;
                    watch.end(depth, end);
                }
                _ => return Ok(None),
            }
        }
    }
}

/// The position of the value after the key that starts at `at`.
fn key<const PLAIN: bool>(
    text: &str,
    at: usize,
    depth: usize,
    watch: &mut impl Watch,
) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let end = string::<PLAIN>(bytes, at)?;
    let colon = skip_space(bytes, end);
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let value = skip_space(bytes, colon + 1);
    watch.key(depth, &text[at..end], value);
    Some(value)
}

/// The position after a value that is no container.
#[inline]
fn scalar<const PLAIN: bool>(bytes: &[u8], at: usize) -> Option<usize> {
    let word = |word: &[u8]| bytes[at..].starts_with(word).then_some(at + word.len());
    match bytes.get(at)? {
        b'"' => string::<PLAIN>(bytes, at),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => number(bytes, at),
    }
}

#[inline]
fn string<const PLAIN: bool>(bytes: &[u8], at: usize) -> Option<usize> {
    if PLAIN {
        return Some(next_quote(bytes, at + 1)? + 1);
    }
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

    /// The value at the end of a path by looking for one key after the other.
    fn stepwise<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
        let end = path
            .iter()
            .try_fold(text, |value, key| crate::json::member(value, key))?;
        reference(text).then_some(end)
    }

    #[test]
    fn paths_are_found_on_the_way() {
        let text = r#" {"x":[{"a":0}], "a" : {"b":{"a":1},"c\u0041":[1, 2] ,"b":2}, "a":{"d":3},"e":"s"} "#;
        let paths: [&[&str]; 10] = [
            &[],
            &["a"],
            &["a", "b"],
            &["a", "b", "a"],
            &["a", "cA"],
            &["a", "d"],
            &["b"],
            &["e"],
            &["e", "a"],
            &["x", "a"],
        ];
        for path in paths {
            assert_eq!(find_in_json(text, path), stepwise(text, path), "{path:?}");
            let text = text.trim();
            assert_eq!(
                crate::json::follow(text, path),
                stepwise(text, path),
                "{path:?}"
            );
        }
        assert_eq!(find_in_json(text, &["a", "cA"]), Some("[1, 2]"));
        assert_eq!(find_in_json(r#"{"a":1"#, &["a"]), None);
        assert_eq!(find_in_json(r#"{"a":1}}"#, &["a"]), None);
        let deep = format!(
            r#"{{"a":{{"b":7,"c":{}{}}}}}"#,
            "[".repeat(99),
            "]".repeat(99)
        );
        assert_eq!(find_in_json(&deep, &["a", "b"]), Some("7"));
        assert_eq!(find_in_json(&deep[..deep.len() - 1], &["a", "b"]), None);
    }

    proptest! {
        #[test]
        fn a_path_is_found_as_key_by_key(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "{\"a\":", "{\"b\":", ",\"a\":", ",\"b\":", "{\"\\u0061\":", "{}", "}", "[", "]", ",", "1", "\"s\"", " ",
                ]),
                0..12,
            ),
            path in prop::collection::vec(prop::sample::select(vec!["a", "b"]), 0..4),
        ) {
            let mut text: String = pieces.concat();
            for _ in 0..2 {
                let found = stepwise(&text, &path);
                prop_assert_eq!(find_in_json(&text, &path), found);
                if reference(&text) {
                    let text = crate::json::trim(&text);
                    prop_assert_eq!(crate::json::follow(text, &path), stepwise(text, &path));
                }
                // What was opened and not closed is closed, so that many texts are JSON.
                let mut open = Vec::new();
                for byte in text.bytes() {
                    match byte {
                        b'{' => open.push('}'),
                        b'[' => open.push(']'),
                        b'}' | b']' => {
                            open.pop();
                        }
                        _ => {}
                    }
                }
                text.extend(open.into_iter().rev());
            }
        }

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
