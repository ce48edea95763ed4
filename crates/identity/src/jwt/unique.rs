//! Whether a JSON text is an object in which no object has a name twice, without keeping any of it: what is checked here
//! may then be read straight into a type.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Whether `text` is such an object.
pub(super) fn is_object(text: &[u8]) -> bool {
    serde_json::from_slice::<Checked>(text).is_ok_and(|checked| checked.object)
}

/// A value that was looked at.
struct Checked {
    object: bool,
}

const OTHER: Checked = Checked { object: false };

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckVisitor)
    }
}

struct CheckVisitor;

impl<'de> Visitor<'de> for CheckVisitor {
    type Value = Checked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(OTHER)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Checked, A::Error> {
        while seq.next_element::<Checked>()?.is_some() {}
        Ok(OTHER)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        let mut names = Names::default();
        while let Some((Name(name), Checked { .. })) = map.next_entry()? {
            if !names.add(name) {
                return Err(de::Error::custom("a name occurs twice"));
            }
        }
        Ok(Checked { object: true })
    }
}

/// A name, without a copy where the text has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The names of an object so far. Few are compared one by one; many would cost their square.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

/// How many are few.
const FEW: usize = 40;

impl<'de> Names<'de> {
    /// False when it is there already.
    fn add(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < FEW {
            self.few.push(name);
            return true;
        }
        self.many.insert(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_without_a_name_twice_pass_at_any_depth() {
        for fine in [
            r#"{}"#,
            r#"{"a":1,"b":[{"a":null},{"a":-1.5}],"c":{"a":true,"\u0062":"x"}}"#,
        ] {
            assert!(is_object(fine.as_bytes()), "{fine}");
        }
        for wrong in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[[{"a":1,"b":2,"a":3}]]}"#,
            r#"{"x":{"y":{"a":1,"a":1}}}"#,
            "[]",
            "1",
            "\"a\"",
            "null",
            "{",
            "{} {}",
            "",
        ] {
            assert!(!is_object(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn many_names_are_told_apart_too() {
        let names = |last: usize| -> String {
            let members: Vec<String> = (0..200)
                .chain([last])
                .map(|number| format!("\"n{number}\":{number}"))
                .collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(is_object(names(200).as_bytes()));
        for twice in [0, 39, 40, 199] {
            assert!(!is_object(names(twice).as_bytes()), "{twice}");
        }
    }
}
