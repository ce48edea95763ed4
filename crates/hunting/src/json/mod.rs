//! JSON as text: the engine's `dynamic` values are read in place, without building a tree.
//!
//! The readers take text that [`is_valid`] accepts; on anything else they find nothing, and never panic. Slices
//! that they return are the JSON text of a value without the white space around it.

mod scan;
mod shapes;
mod valid;
mod write;

use std::borrow::Cow;

use scan::{end_of_plain, skip_space, skip_string, skip_value};
pub(crate) use shapes::PathFinder;
pub(crate) use valid::is_valid;
pub(crate) use write::{push_compact, push_json_string, push_real, push_real_text};

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// The kind of a value by its first byte; none for an empty text.
pub(crate) fn kind(text: &str) -> Option<Kind> {
    Some(match trim(text).as_bytes().first()? {
        b'n' => Kind::Null,
        b't' | b'f' => Kind::Bool,
        b'"' => Kind::String,
        b'[' => Kind::Array,
        b'{' => Kind::Object,
        _ => Kind::Number,
    })
}

/// A text without the white space around it: `str::trim` looks at characters, and hardly ever has to.
pub(crate) fn trim(text: &str) -> &str {
    let graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if graphic(bytes.first()) && graphic(bytes.last()) {
        text
    } else {
        text.trim()
    }
}

/// The members of an object in order: key as JSON string with quotes, value.
pub(crate) fn members(text: &str) -> Members<'_> {
    Members {
        text,
        at: open(text, b'{'),
    }
}

/// The elements of an array in order.
pub(crate) fn elements(text: &str) -> Elements<'_> {
    Elements {
        text,
        at: open(text, b'['),
    }
}

/// As [`elements`], each as its text ([`to_text`]).
pub(crate) fn element_texts(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut elements = elements(text);
    std::iter::from_fn(move || {
        elements
            .next_plain_text()
            .map(Cow::Borrowed)
            .or_else(|| elements.next().map(to_text))
    })
}

/// The position after the opening bracket, none when the text does not start with it.
fn open(text: &str, bracket: u8) -> Option<usize> {
    let start = skip_space(text.as_bytes(), 0);
    (text.as_bytes().get(start) == Some(&bracket)).then_some(start + 1)
}

/// Iterator of [`members`].
pub(crate) struct Members<'a> {
    text: &'a str,
    at: Option<usize>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let mut at = skip_space(bytes, self.at.take()?);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let key_end = skip_string(bytes, at)?;
        let colon = skip_space(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let value = skip_space(bytes, colon + 1);
        let end = skip_value(bytes, value)?;
        self.at = Some(end);
        Some((self.text.get(at..key_end)?, self.text.get(value..end)?))
    }
}

/// Iterator of [`elements`].
pub(crate) struct Elements<'a> {
    text: &'a str,
    at: Option<usize>,
}

impl<'a> Elements<'a> {
    /// The text of the next element when it is a string without escapes; otherwise nothing happens.
    fn next_plain_text(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let at = self.start_of_next()?;
        if bytes.get(at)? != &b'"' {
            return None;
        }
        let end = end_of_plain(bytes, at + 1, false)?;
        if bytes[end] != b'"' {
            return None;
        }
        self.at = Some(end + 1);
        self.text.get(at + 1..end)
    }

    /// Where the next element starts, if there is one.
    fn start_of_next(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let at = skip_space(bytes, self.at?);
        Some(match bytes.get(at) {
            Some(b',') => skip_space(bytes, at + 1),
            _ => at,
        })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let at = self.start_of_next();
        self.at = None;
        let at = at?;
        if matches!(bytes.get(at), None | Some(b']')) {
            return None;
        }
        let end = skip_value(bytes, at)?;
        if end == at {
            return None;
        }
        self.at = Some(end);
        self.text.get(at..end)
    }
}

/// The value of a member; the last one when the key is repeated is not looked for.
pub(crate) fn member<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    members(text)
        .find(|(k, _)| key_is(k, key))
        .map(|(_, value)| value)
}

/// The value at the end of a path of keys in a text that is JSON, as [`member`] after [`member`] finds it. Where the values
/// on the way end is not looked for.
pub(crate) fn follow<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    if path.is_empty() {
        return Some(text);
    }
    let bytes = text.as_bytes();
    let mut at = skip_space(bytes, 0);
    for key in path {
        at = value_of(text, at, key)?;
    }
    text.get(at..skip_value(bytes, at)?)
}

/// Where the value of a key starts in the object that starts at `at`.
fn value_of(text: &str, at: usize, wanted: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is = |at: usize, byte: u8| (bytes.get(at) == Some(&byte)).then_some(at);
    let mut key = skip_space(bytes, is(at, b'{')? + 1);
    loop {
        let end = skip_string(bytes, is(key, b'"')?)?;
        let colon = is(skip_space(bytes, end), b':')?;
        let value = skip_space(bytes, colon + 1);
        if key_is(text.get(key..end)?, wanted) {
            return Some(value);
        }
        let comma = is(skip_space(bytes, skip_value(bytes, value)?), b',')?;
        key = skip_space(bytes, comma + 1);
    }
}

/// Whether a key, with its quotes, is this one.
pub(crate) fn key_is(quoted: &str, key: &str) -> bool {
    let inner = &quoted[1..quoted.len() - 1];
    // Most keys differ in their first byte.
    if let (Some(own), Some(other)) = (inner.as_bytes().first(), key.as_bytes().first())
        && own != other
        && *own != b'\\'
    {
        return false;
    }
    inner == key || (inner.contains('\\') && string_value(quoted) == key)
}

/// The element at an index; a negative one counts from the end.
pub(crate) fn element(text: &str, index: i64) -> Option<&str> {
    match usize::try_from(index) {
        Ok(index) => elements(text).nth(index),
        Err(_) => {
            let all: Vec<&str> = elements(text).collect();
            let back = usize::try_from(index.unsigned_abs()).ok()?;
            all.len().checked_sub(back).map(|i| all[i])
        }
    }
}

/// The text that a JSON string stands for. What is not a JSON string is returned as it is.
pub(crate) fn string_value(text: &str) -> Cow<'_, str> {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    match serde_json::from_str::<String>(text) {
        Ok(value) => Cow::Owned(value),
        // A lone surrogate: keep what can be kept.
        Err(_) => Cow::Borrowed(inner),
    }
}

/// The text of a dynamic as `tostring()` gives it: the value of a JSON string, otherwise compact JSON.
pub(crate) fn to_text(text: &str) -> Cow<'_, str> {
    match kind(text) {
        None | Some(Kind::Null) => Cow::Borrowed(""),
        Some(Kind::String) => string_value(trim(text)),
        Some(Kind::Array | Kind::Object) => compact(text),
        // Kusto writes booleans of a dynamic as .NET does not: in lower case.
        Some(Kind::Bool | Kind::Number) => Cow::Borrowed(trim(text)),
    }
}

/// The same JSON without white space between tokens.
pub(crate) fn compact(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .any(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
    {
        let mut out = String::with_capacity(text.len());
        push_compact(&mut out, text);
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    }
}

/// A number as f64, none for other kinds.
pub(crate) fn number(text: &str) -> Option<f64> {
    (kind(text) == Some(Kind::Number))
        .then(|| text.trim().parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAG: &str =
        r#" { "a" : [1, {"x":"]}"} , -2.50], "b\u0041":"q\"uote", "n":null, "e":{}, "l":[] } "#;

    #[test]
    fn members_and_elements_are_found_in_place() {
        assert_eq!(member(BAG, "a"), Some(r#"[1, {"x":"]}"} , -2.50]"#));
        assert_eq!(
            member(BAG, "bA").map(string_value).as_deref(),
            Some("q\"uote")
        );
        assert_eq!(member(BAG, "missing"), None);
        let array = member(BAG, "a").unwrap();
        assert_eq!(element(array, 1), Some(r#"{"x":"]}"}"#));
        assert_eq!(element(array, -1), Some("-2.50"));
        assert_eq!(element(array, -4), None);
        assert_eq!(element(array, 3), None);
        assert_eq!(elements(member(BAG, "l").unwrap()).count(), 0);
        assert_eq!(members(member(BAG, "e").unwrap()).count(), 0);
        assert_eq!(elements("5").count(), 0);
    }

    #[test]
    fn white_space_goes_as_the_library_has_it() {
        for text in [
            "",
            " ",
            "a",
            " a",
            "a\n",
            "\u{a0}1\u{2003}",
            "é",
            "\u{1}a",
            "a b",
        ] {
            assert_eq!(trim(text), text.trim());
        }
    }

    #[test]
    fn keys_are_compared_by_what_they_stand_for() {
        let bag = r#"{"\u0061b":1,"":2,"a":3,"\\":4}"#;
        assert_eq!(member(bag, "ab"), Some("1"));
        assert_eq!(member(bag, ""), Some("2"));
        assert_eq!(member(bag, "a"), Some("3"));
        assert_eq!(member(bag, "\\"), Some("4"));
        assert_eq!(member(bag, "b"), None);
    }

    #[test]
    fn text_of_values() {
        assert_eq!(to_text(r#""a\nb""#), "a\nb");
        assert_eq!(to_text(r#"{ "a" : "x y" }"#), r#"{"a":"x y"}"#);
        assert_eq!(to_text("null"), "");
        assert_eq!(to_text("1.0"), "1.0");
    }

    #[test]
    fn broken_text_finds_nothing_and_does_not_panic() {
        for broken in [
            "{", "[", "{\"a", "{\"a\":", "[1,", "\"", "{\"a\\", "", "é", "[\"\\", "{1:2}",
        ] {
            let _ = members(broken).count() + elements(broken).count();
            let _ = (
                kind(broken),
                to_text(broken),
                member(broken, "a"),
                element(broken, -1),
            );
            assert!(!is_valid(broken));
        }
    }
}
