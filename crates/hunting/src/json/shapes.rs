//! A path in texts that are written alike, as one program writes them: the same keys in the same order, with other
//! values. What stands between the values is compared with what stood there in an earlier text, instead of being read.

use std::ops::Range;

use super::scan::{skip_space, skip_string, skip_value};
use super::valid::{TooDeep, end_of_value, find_in_json, place_in_json};

/// Shapes that are kept: an event has one for each kind of it.
const SHAPES: usize = 8;

/// After so many texts shapes are only tried while at least half of the texts had a known one.
const TRIAL: u32 = 256;

/// Of longer texts no shape is kept.
const LONGEST: usize = 64 << 10;

/// Finds the value at the end of a path of keys in one text after the other.
pub(crate) struct PathFinder<'p> {
    path: Vec<&'p str>,
    shapes: Vec<Shape>,
    /// Texts that had none of the shapes, until another one is learned.
    patience: u32,
    missed: u32,
    tried: u32,
    hit: u32,
}

impl<'p> PathFinder<'p> {
    /// A finder of what is at the end of the path.
    pub(crate) fn new(path: Vec<&'p str>) -> Self {
        Self {
            path,
            shapes: Vec::new(),
            patience: 0,
            missed: 0,
            tried: 0,
            hit: 0,
        }
    }

    /// As [`find_in_json`].
    pub(crate) fn find<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if self.tried >= TRIAL && self.hit < self.tried / 2 {
            return find_in_json(text, &self.path);
        }
        self.tried += 1;
        let mut known = self.shapes.iter().enumerate();
        if let Some((i, place)) = known.find_map(|(i, shape)| Some((i, shape.place(text)?))) {
            self.hit += 1;
            if i > 0 {
                // Frequent shapes come to the front.
                self.shapes.swap(i, i - 1);
            }
            return text.get(place?);
        }
        self.learn(text)
    }

    fn learn<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let place = match place_in_json(text, &self.path) {
            Ok(place) => place?,
            Err(TooDeep) => return find_in_json(text, &self.path),
        };
        self.missed += 1;
        if self.missed > self.patience && text.len() <= LONGEST {
            self.missed = 0;
            if self.shapes.len() == SHAPES {
                self.shapes.pop();
                self.patience = 2 * self.patience + 1;
            }
            self.shapes.extend(Shape::of(text, place.as_ref()));
        }
        text.get(place?)
    }
}

/// A place in a text of a shape: so many bytes into one of the parts between values.
#[derive(Clone, Copy, Debug)]
struct Mark {
    part: usize,
    offset: usize,
}

/// What stands between the values of a text: before the first, before each other, and behind the last one.
struct Shape {
    bytes: Vec<u8>,
    /// Where the parts end in `bytes`.
    ends: Vec<usize>,
    /// Where the value of the path starts and ends.
    found: Option<(Mark, Mark)>,
}

impl Shape {
    /// The shape of a text that is JSON with the value of the path at this place. Arrays are values, because the number of
    /// their elements differs, and objects never are, because the path may go into them.
    fn of(text: &str, place: Option<&Range<usize>>) -> Option<Self> {
        let bytes = text.as_bytes();
        let parts = parts(bytes)?;
        let mark = |at: usize| {
            let holds = |part: &Range<usize>| part.start <= at && at <= part.end;
            let part = parts.iter().position(holds)?;
            let offset = at - parts[part].start;
            Some(Mark { part, offset })
        };
        let found = match place {
            // A start may be the end of a part, an end may be its start.
            Some(place) => Some((mark(place.start)?, mark(place.end)?)),
            None => None,
        };
        let mut shape = Self {
            bytes: Vec::with_capacity(parts.iter().map(Range::len).sum()),
            ends: Vec::with_capacity(parts.len()),
            found,
        };
        for part in parts {
            shape.bytes.extend_from_slice(&bytes[part]);
            shape.ends.push(shape.bytes.len());
        }
        Some(shape)
    }

    /// Where the value of the path stands in a text of this shape; none for texts of other shapes, and for what is no JSON.
    fn place(&self, text: &str) -> Option<Option<Range<usize>>> {
        let bytes = text.as_bytes();
        let (mut at, mut start) = (0, 0);
        let mut place = 0..0;
        for (part, end) in self.ends.iter().enumerate() {
            if part > 0 {
                at = end_of_value(text, at)?;
            }
            let expected = self.bytes.get(start..*end)?;
            if !same(bytes.get(at..at + expected.len())?, expected) {
                return None;
            }
            if let Some((from, to)) = self.found {
                if from.part == part {
                    place.start = at + from.offset;
                }
                if to.part == part {
                    place.end = at + to.offset;
                }
            }
            at += expected.len();
            start = *end;
        }
        (at == bytes.len()).then(|| self.found.map(|_| place))
    }
}

/// Whether slices of one length are equal: they are short, so that a call to compare memory would take longer.
fn same(one: &[u8], other: &[u8]) -> bool {
    let (Some(last), Some(other_last)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) else {
        return one.iter().zip(other).all(|(a, b)| a == b);
    };
    let (words, _) = one.as_chunks::<8>();
    let (others, _) = other.as_chunks::<8>();
    last == other_last && words.iter().zip(others).all(|(a, b)| a == b)
}

/// The parts of a text that is JSON that are around its values: keys, and what opens and closes objects. None for what is
/// no JSON.
fn parts(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut parts = Vec::new();
    let (mut start, mut at, mut depth) = (0, 0, 0_usize);
    // Whether a string is a key.
    let mut key = false;
    loop {
        at = skip_space(bytes, at);
        match bytes.get(at) {
            None => break,
            Some(b'{') => {
                depth += 1;
                key = true;
                at += 1;
            }
            Some(b'}') => {
                depth = depth.checked_sub(1)?;
                key = false;
                at += 1;
            }
            // Arrays are values: what is between values here is an object's.
            Some(b',') => {
                key = true;
                at += 1;
            }
            Some(b':') => at += 1,
            Some(b'"') if key => {
                at = skip_string(bytes, at)?;
                key = false;
            }
            Some(_) => {
                parts.push(start..at);
                at = skip_value(bytes, at)?;
                start = at;
            }
        }
    }
    parts.push(start..at);
    (depth == 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find_all<'t>(path: &[&str], texts: &[&'t str]) -> Vec<Option<&'t str>> {
        let mut finder = PathFinder::new(path.to_vec());
        texts.iter().map(|text| finder.find(text)).collect()
    }

    #[test]
    fn texts_of_a_shape_are_not_read_key_by_key() {
        let mut finder = PathFinder::new(vec!["a", "b"]);
        for text in [
            r#"{"x":[1,"]"],"a":{"y":"é","b":7},"z":null}"#,
            r#"{"x":[],"a":{"y":"\"","b":{"c":1}},"z":[{"b":2}]}"#,
            r#"{"x":-1.5e3,"a":{"y":[[]],"b":"}"},"z":true}"#,
        ] {
            assert_eq!(finder.find(text), find_in_json(text, &["a", "b"]));
        }
        // An object where a value was is another shape.
        assert_eq!((finder.tried, finder.hit, finder.shapes.len()), (3, 1, 2));
    }

    #[test]
    fn what_looks_like_a_known_text_may_be_no_json() {
        let whole = r#"{"a":1,"b":"x"}"#;
        for broken in [
            r#"{"a":1,"b":"x"}}"#,
            r#"{"a":1,"b":"x""#,
            r#"{"a":01,"b":"x"}"#,
            r#"{"a":,"b":"x"}"#,
            r#"{"a":1,"b":"x}"#,
            r#"{"a":[1,],"b":"x"}"#,
            r#"{"a":[,],"b":"x"}"#,
            r#"{"a":1.,"b":"x"}"#,
            r#"{"a":tru,"b":"x"}"#,
            "{\"a\":1,\"b\":\"\t\"}",
            r#"{"a":1,"b":"\x"}"#,
            "",
        ] {
            assert_eq!(
                find_all(&["a"], &[whole, broken, whole]),
                [Some("1"), None, Some("1")],
                "{broken}"
            );
        }
    }

    #[test]
    fn a_value_may_become_an_object_that_the_path_goes_into() {
        let texts = [
            r#"{"a":null}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":[{"b":2}]}"#,
            r#"{"a":{}}"#,
        ];
        assert_eq!(find_all(&["a", "b"], &texts), [None, Some("1"), None, None]);
    }

    #[test]
    fn the_first_of_equal_keys_counts() {
        let texts = [
            r#"{"a":1,"a":2}"#,
            r#"{"a":3,"a":4}"#,
            r#"{"\u0061":5,"a":6}"#,
        ];
        assert_eq!(find_all(&["a"], &texts), [Some("1"), Some("3"), Some("5")]);
    }

    #[test]
    fn many_shapes_are_given_up() {
        let texts: Vec<String> = (0..2_000)
            .map(|n| format!(r#"{{"k{n}":0,"a":{n}}}"#))
            .collect();
        let mut finder = PathFinder::new(vec!["a"]);
        for (n, text) in texts.iter().enumerate() {
            assert_eq!(finder.find(text), Some(n.to_string().as_str()));
        }
        assert!(finder.shapes.len() <= SHAPES && finder.tried == TRIAL);
    }

    #[test]
    fn deep_and_long_texts_are_found_and_not_learned() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deep = format!(r#"{{"x":{},"a":1}}"#, nested(99));
        let long = format!(r#"{{"x":"{}","a":2}}"#, "y".repeat(LONGEST));
        let mut finder = PathFinder::new(vec!["a"]);
        for _ in 0..2 {
            assert_eq!(finder.find(&deep), Some("1"));
            assert_eq!(finder.find(&long), Some("2"));
        }
        assert!(finder.shapes.is_empty());
        // Of a known shape, both may be.
        assert_eq!(finder.find(r#"{"x":0,"a":3}"#), Some("3"));
        assert_eq!(
            (finder.find(&deep), finder.find(&long)),
            (Some("1"), Some("2"))
        );
        assert_eq!(finder.find(&deep[..deep.len() - 1]), None);
        assert_eq!((finder.shapes.len(), finder.hit), (1, 1));
    }

    #[test]
    fn short_and_long_parts_are_compared_whole() {
        let text = "0123456789abcdefXYZ";
        for length in 0..text.len() {
            let one = &text.as_bytes()[..length];
            assert!(same(one, one));
            for changed in 0..length {
                let mut other = one.to_vec();
                other[changed] ^= 1;
                assert!(!same(one, &other), "{length} {changed}");
            }
        }
    }

    /// A value, for a choice among others.
    fn leaf() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "1",
            "-2.5e3",
            "true",
            "null",
            "\"s\"",
            "\"a\\\"b\"",
            "\"]}\"",
            "[]",
            "[1,\"b\"]",
            "[ {\"a\":1} ]",
            "{}",
            "{\"a\":2}",
            "{\"b\":{\"a\":3}}",
            "0",
            "",
            "x",
            "\"",
        ])
        .prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn one_text_after_the_other_is_found_as_each_alone(
            // Texts of a few forms with values put into their holes.
            forms in prop::collection::vec("[{]( ?\"[ab]\" ?:(_|[{]\"[ab]\":_[}]) ?,){0,3}\"[abc]\":_ ?[}]", 1..4),
            rows in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(leaf(), 8)), 1..30),
            path in prop::collection::vec(prop::sample::select(vec!["a", "b"]), 0..4),
        ) {
            let mut finder = PathFinder::new(path.clone());
            for (form, values) in &rows {
                let mut text = String::new();
                let mut values = values.iter();
                for part in form.get(&forms).split_inclusive('_') {
                    match part.strip_suffix('_') {
                        Some(part) => text.extend([part, values.next().map_or("0", |v| v)]),
                        None => text.push_str(part),
                    }
                }
                prop_assert_eq!(finder.find(&text), find_in_json(&text, &path), "{}", text);
            }
        }
    }
}
