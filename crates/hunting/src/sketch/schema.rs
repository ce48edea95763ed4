//! `buildschema`: the types of dynamic values by their paths (docs page "buildschema-aggregation-function").

use indexmap::IndexMap;

use super::Summary;
use crate::json::{self, Kind, push_json_string};

/// The name under which the schema of an array's elements stands.
const INDEXER: &str = "`indexer`";
/// Values within values that are looked into.
const DEEPEST: usize = 64;

/// The types that were seen at one place.
#[derive(Clone, Default)]
pub(crate) struct Schema {
    /// Names of scalar types, in order of appearance.
    scalars: Vec<String>,
    /// The members of bags and the elements of arrays; none when there was neither.
    members: Option<IndexMap<String, Schema>>,
}

impl Schema {
    /// Adds the types of a value.
    pub(crate) fn add(&mut self, value: &str) {
        self.add_at(value, 0);
    }

    fn add_at(&mut self, value: &str, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let scalar = match json::kind(value) {
            None | Some(Kind::Null) => return,
            Some(Kind::Bool) => "bool",
            Some(Kind::Number) if value.contains(['.', 'e', 'E']) => "double",
            Some(Kind::Number) => "long",
            Some(Kind::String) => "string",
            Some(Kind::Object) => {
                self.members.get_or_insert_default();
                for (key, inner) in json::members(value) {
                    self.member(&json::string_value(key))
                        .add_at(inner, depth + 1);
                }
                return;
            }
            Some(Kind::Array) => {
                let elements = self.member(INDEXER);
                json::elements(value).for_each(|e| elements.add_at(e, depth + 1));
                return;
            }
        };
        self.add_scalar(scalar);
    }

    fn add_scalar(&mut self, name: &str) {
        if !self.scalars.iter().any(|s| s == name) {
            self.scalars.push(name.to_owned());
        }
    }

    fn member(&mut self, name: &str) -> &mut Schema {
        let members = self.members.get_or_insert_default();
        members.entry(name.to_owned()).or_default()
    }

    fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.members.is_none()
    }

    fn push(&self, out: &mut String) {
        let several = self.scalars.len() + usize::from(self.members.is_some()) != 1;
        if several {
            out.push('[');
        }
        for (i, scalar) in self.scalars.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_json_string(out, scalar);
        }
        if let Some(members) = &self.members {
            if !self.scalars.is_empty() {
                out.push(',');
            }
            out.push('{');
            for (i, (name, schema)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_json_string(out, name);
                out.push(':');
                schema.push(out);
            }
            out.push('}');
        }
        if several {
            out.push(']');
        }
    }

    /// Adds a schema as [`Self::push`] wrote it.
    fn merge_at(&mut self, text: &str) {
        match json::kind(text) {
            Some(Kind::String) => self.add_scalar(&json::string_value(text)),
            Some(Kind::Array) => json::elements(text).for_each(|e| self.merge_at(e)),
            Some(Kind::Object) => {
                self.members.get_or_insert_default();
                for (key, inner) in json::members(text) {
                    self.member(&json::string_value(key)).merge_at(inner);
                }
            }
            _ => {}
        }
    }
}

impl Summary for Schema {
    fn merge(&mut self, json: &str) {
        self.merge_at(json);
    }

    fn json(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut out = String::new();
        self.push(&mut out);
        Some(out)
    }

    fn size(&self) -> usize {
        let members = self.members.iter().flatten();
        members
            .map(|(name, schema)| name.len() + 32 + schema.size())
            .sum::<usize>()
            + self.scalars.len() * 32
            + size_of::<Self>()
    }
}
