//! Property bags in dynamic values.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call, is_too_long};
use super::conversion::{push_json, push_text};
use super::pieces::PathStep;
use crate::json::{self, Kind, push_json_string};

fn is_bag(text: &str) -> bool {
    json::kind(text) == Some(Kind::Object)
}

pub(super) fn parse_json(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    let texts = argument.texts()?;
    let dynamic = argument.ty == Type::Dynamic;
    let mut builder = StringViewBuilder::with_capacity(call.rows);
    let mut quoted = String::new();
    for row in 0..call.rows {
        let Some(text) = texts.some(row) else {
            builder.append_null();
            continue;
        };
        if dynamic && json::kind(text) != Some(Kind::String) {
            builder.append_value(text);
            continue;
        }
        let inner = if dynamic {
            json::to_text(text)
        } else {
            text.into()
        };
        let trimmed = inner.trim();
        if trimmed.is_empty() || trimmed == "null" {
            builder.append_null();
        } else if json::is_valid(trimmed) {
            builder.append_value(trimmed);
        } else {
            quoted.clear();
            push_json_string(&mut quoted, &inner);
            builder.append_value(&quoted);
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn bag_pack(call: &Call) -> Result<ArrayRef> {
    packed(call, false)
}

pub(super) fn bag_pack_non_empty(call: &Call) -> Result<ArrayRef> {
    packed(call, true)
}

fn packed(call: &Call, leave_out_empty: bool) -> Result<ArrayRef> {
    let mut key = String::new();
    call.make_texts(|row, out| {
        out.push('{');
        for pair in call.args.chunks(2) {
            let [name, value] = pair else { continue };
            let before = out.len();
            if before > 1 {
                out.push(',');
            }
            key.clear();
            let _ = push_text(name, row, &mut key);
            push_json_string(out, &key);
            out.push(':');
            let at = out.len();
            let _ = push_json(value, row, out);
            if is_too_long(out) {
                break;
            }
            if leave_out_empty && matches!(&out[at..], "null" | "\"\"") {
                out.truncate(before);
            }
        }
        out.push('}');
        true
    })
}

pub(super) fn bag_keys(call: &Call) -> Result<ArrayRef> {
    let bags = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(bag) = bags.some(row).filter(|b| is_bag(b)) else {
            return false;
        };
        out.push('[');
        for (i, (key, _)) in json::members(bag).enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(key);
        }
        out.push(']');
        true
    })
}

pub(super) fn bag_merge(call: &Call) -> Result<ArrayRef> {
    let bags = call
        .args
        .iter()
        .map(Argument::texts)
        .collect::<Result<Vec<_>>>()?;
    call.make_texts(|row, out| {
        let there: Vec<&str> = bags
            .iter()
            .filter_map(|b| b.some(row))
            .filter(|b| is_bag(b))
            .collect();
        merge(out, there.iter().copied());
        !there.is_empty()
    })
}

/// Appends a bag with the members of all; the first value of a key wins.
pub(crate) fn merge<'a>(out: &mut String, bags: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    out.push('{');
    let start = out.len();
    for (key, value) in bags.flat_map(json::members) {
        if seen.insert(json::string_value(key).into_owned()) {
            if out.len() > start {
                out.push(',');
            }
            out.push_str(key);
            out.push(':');
            json::push_compact(out, value);
            if is_too_long(out) {
                break;
            }
        }
    }
    out.push('}');
}

pub(super) fn bag_has_key(call: &Call) -> Result<ArrayRef> {
    let (bags, keys) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| {
        let bag = bags.some(row).filter(|b| is_bag(b))?;
        let key = keys.get(row);
        Some(match super::pieces::json_path(key) {
            Some(path) => super::pieces::follow(bag, &path).is_some(),
            None => json::member(bag, key).is_some(),
        })
    })
}

/// `bag_remove_keys(bag, keys)`: keys of the bag, or JSONPaths of what is further inside.
pub(super) fn bag_remove_keys(call: &Call) -> Result<ArrayRef> {
    let (bags, keys) = (call.texts(0)?, call.texts(1)?);
    let constant = keys.constant().map(paths_of);
    call.make_texts(|row, out| {
        let Some(bag) = bags.some(row).filter(|b| is_bag(b)) else {
            return false;
        };
        let computed;
        let paths = match &constant {
            Some(paths) => paths,
            None => {
                computed = paths_of(keys.get(row));
                &computed
            }
        };
        let paths: Vec<&[PathStep]> = paths.iter().map(Vec::as_slice).collect();
        push_without(bag, &paths, out);
        true
    })
}

/// Where the keys of an array of keys lead.
fn paths_of(keys: &str) -> Vec<Vec<PathStep>> {
    let path = |key: &str| {
        let key = json::to_text(key);
        let path = super::pieces::json_path(&key).filter(|path| !path.is_empty());
        path.unwrap_or_else(|| vec![PathStep::Member(key.into_owned())])
    };
    json::elements(keys).map(path).collect()
}

/// Appends a value without what stands at the ends of paths.
fn push_without(value: &str, paths: &[&[PathStep]], out: &mut String) {
    let (is_bag, is_array) = (is_bag(value), json::kind(value) == Some(json::Kind::Array));
    if paths.iter().all(|path| path.is_empty()) || !(is_bag || is_array) {
        return json::push_compact(out, value);
    }
    let mut by_key: HashMap<&str, Vec<&[PathStep]>> = HashMap::new();
    let mut by_index: HashMap<i64, Vec<&[PathStep]>> = HashMap::new();
    for (first, rest) in paths.iter().filter_map(|path| path.split_first()) {
        let further = match first {
            PathStep::Member(name) => by_key.entry(name).or_default(),
            PathStep::Index(index) => by_index.entry(*index).or_default(),
        };
        further.push(rest);
    }
    let members = json::members(value).map(|(key, value)| (Some(key), value));
    let elements = json::elements(value).map(|value| (None, value));
    out.push(if is_bag { '{' } else { '[' });
    let mut any = false;
    for ((key, value), index) in members.chain(elements).zip(0_i64..) {
        let further = match key {
            Some(key) => by_key.get(json::string_value(key).as_ref()),
            None => by_index.get(&index),
        };
        let further = further.map(Vec::as_slice).unwrap_or_default();
        // Elements of arrays keep their places: what is removed are keys.
        if is_bag && further.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        if any {
            out.push(',');
        }
        any = true;
        if let Some(key) = key {
            out.push_str(key);
            out.push(':');
        }
        push_without(value, further, out);
    }
    out.push(if is_bag { '}' } else { ']' });
}

/// `dynamic_to_json`: keys sorted at every level.
pub(super) fn dynamic_to_json(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        if let Some(text) = texts.some(row) {
            match serde_json::from_str::<serde_json::Value>(text) {
                Ok(mut value) => {
                    value.sort_all_objects();
                    out.push_str(&value.to_string());
                }
                Err(_) => out.push_str(text),
            }
        }
        true
    })
}
