//! The order, the parts and the keys of arrays and bags.

use std::collections::HashSet;

use arrow::array::ArrayRef;
use bartizan_kql::bound::{ShapeFn, StringOp};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::arrays::{elements, key, push_array};
use super::call::{Argument, Call, is_too_long};
use super::conversion::{Number, push_text};
use super::pieces::{LONGEST_PATH, PathStep, json_path};
use super::text_match::Matcher;
use crate::json::{self, Kind, push_json_string};

/// Computes a function on one batch.
pub(super) fn compute(call: &Call, function: ShapeFn) -> Result<ArrayRef> {
    match function {
        ShapeFn::ArrayIff => array_iff(call),
        ShapeFn::ArrayRotateLeft => rotated(call, 1),
        ShapeFn::ArrayRotateRight => rotated(call, -1),
        ShapeFn::ArrayShiftLeft => shifted(call, 1),
        ShapeFn::ArrayShiftRight => shifted(call, -1),
        ShapeFn::ArraySplit => array_split(call),
        ShapeFn::BagSetKey => bag_set_key(call),
        ShapeFn::BagZip => bag_zip(call),
        ShapeFn::TreePath => tree_path(call),
        ShapeFn::SetEquals => set_equals(call),
        ShapeFn::HasAnyIndex => has_any_index(call),
        ShapeFn::EstimateDataSize => estimate_data_size(call),
    }
}

/// The element of an array, or the value itself when it is none.
fn at<'a>(text: Option<&'a str>, list: Option<&Vec<&'a str>>, index: usize) -> &'a str {
    match list {
        Some(list) => list.get(index).copied().unwrap_or("null"),
        None => text.unwrap_or("null"),
    }
}

fn array_iff(call: &Call) -> Result<ArrayRef> {
    let (conditions, then, otherwise) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    call.make_texts(|row, out| {
        let Some(conditions) = elements(conditions.some(row)) else {
            return false;
        };
        let (then, otherwise) = (then.some(row), otherwise.some(row));
        let lists = (elements(then), elements(otherwise));
        let chosen = conditions.iter().enumerate().map(|(i, condition)| {
            let truth = match json::kind(condition) {
                Some(Kind::Bool) => Some(*condition == "true"),
                Some(Kind::Number) => json::number(condition).map(|n| n != 0.0),
                _ => None,
            };
            match truth {
                Some(true) => at(then, lists.0.as_ref(), i),
                Some(false) => at(otherwise, lists.1.as_ref(), i),
                None => "null",
            }
        });
        push_array(out, chosen);
        true
    })
}

fn rotated(call: &Call, direction: i64) -> Result<ArrayRef> {
    let (arrays, counts) = (call.texts(0)?, call.longs(1)?);
    call.make_texts(|row, out| {
        let (Some(mut list), Some(count)) = (elements(arrays.some(row)), counts.get(row)) else {
            return false;
        };
        if !list.is_empty() {
            let turn = count.wrapping_mul(direction).rem_euclid(list.len() as i64);
            list.rotate_left(turn as usize);
        }
        push_array(out, list);
        true
    })
}

fn shifted(call: &Call, direction: i64) -> Result<ArrayRef> {
    let (arrays, counts) = (call.texts(0)?, call.longs(1)?);
    let fills = call.args.get(2).map(Argument::texts).transpose()?;
    call.make_texts(|row, out| {
        let (Some(list), Some(count)) = (elements(arrays.some(row)), counts.get(row)) else {
            return false;
        };
        let fill = match fills {
            Some(fills) => fills.some(row).unwrap_or("null"),
            // What is missing among strings is the empty one.
            None if list.iter().any(|e| json::kind(e) == Some(Kind::String)) => "\"\"",
            None => "null",
        };
        let by = count.saturating_mul(direction);
        let moved = (0..list.len()).map(|i| {
            let from = (i as i64).saturating_add(by);
            let from = usize::try_from(from).ok();
            from.and_then(|f| list.get(f).copied()).unwrap_or(fill)
        });
        push_array(out, moved);
        true
    })
}

fn array_split(call: &Call) -> Result<ArrayRef> {
    let arrays = call.texts(0)?;
    let places = call.arg(1)?;
    call.make_texts(|row, out| {
        let Some(list) = elements(arrays.some(row)) else {
            return false;
        };
        let given: Vec<i64> = if places.ty == Type::Dynamic {
            let text = places.texts().ok().and_then(|t| t.some(row));
            let numbers = elements(text).unwrap_or_default();
            numbers
                .into_iter()
                .filter_map(|e| json::number(e).map(|n| n as i64))
                .collect()
        } else {
            let number = Number::of(places).ok().and_then(|n| n.long(row));
            number.into_iter().collect()
        };
        let length = list.len() as i64;
        let mut from = 0usize;
        out.push('[');
        for place in given {
            let place = if place < 0 { place + length } else { place };
            let to = place.clamp(from as i64, length) as usize;
            push_array(out, &list[from..to]);
            out.push(',');
            from = to;
        }
        push_array(out, &list[from..]);
        out.push(']');
        true
    })
}

/// Appends a bag with a value at the end of a path; what is no bag on the way is replaced.
fn set_member(out: &mut String, bag: &str, path: &[String], value: &str) {
    let Some((first, rest)) = path.split_first() else {
        json::push_compact(out, value);
        return;
    };
    out.push('{');
    let mut found = false;
    for (i, (key, old)) in json::members(bag).enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(key);
        out.push(':');
        if !found && json::string_value(key) == first.as_str() {
            found = true;
            set_member(out, old, rest, value);
        } else {
            json::push_compact(out, old);
        }
    }
    if !found {
        if !out.ends_with('{') {
            out.push(',');
        }
        push_json_string(out, first);
        out.push(':');
        set_member(out, "{}", rest, value);
    }
    out.push('}');
}

/// The keys to follow; none for a path into an array, or for the root, or one that is longer than bags are deep.
fn keys_of(key: &str) -> Option<Vec<String>> {
    if !key.starts_with("$.") && !key.starts_with("$[") {
        return Some(vec![key.to_owned()]);
    }
    json_path(key)?
        .into_iter()
        .map(|step| match step {
            PathStep::Member(name) => Some(name),
            PathStep::Index(_) => None,
        })
        .collect()
}

fn bag_set_key(call: &Call) -> Result<ArrayRef> {
    let (bags, keys, values) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    let fixed = keys.constant().map(keys_of);
    call.make_texts(|row, out| {
        let Some(bag) = bags.some(row) else {
            return false;
        };
        let path = fixed.clone().unwrap_or_else(|| keys_of(keys.get(row)));
        let (Some(path), Some(Kind::Object)) = (path, json::kind(bag)) else {
            return false;
        };
        set_member(out, bag, &path, values.some(row).unwrap_or("null"));
        true
    })
}

fn bag_zip(call: &Call) -> Result<ArrayRef> {
    let (keys, values) = (call.texts(0)?, call.texts(1)?);
    call.make_texts(|row, out| {
        let Some(keys) = elements(keys.some(row)) else {
            return false;
        };
        // What is no array of values leaves the keys without any.
        let values = elements(values.some(row)).unwrap_or_default();
        let mut seen = HashSet::new();
        out.push('{');
        for (i, key) in keys.iter().enumerate() {
            if json::kind(key) != Some(Kind::String) || !seen.insert(json::string_value(key)) {
                continue;
            }
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(key);
            out.push(':');
            json::push_compact(out, values.get(i).copied().unwrap_or("null"));
        }
        out.push('}');
        true
    })
}

/// The paths of a value, each once and in their order, as an array that is written while they are found.
struct Paths<'o> {
    seen: HashSet<String>,
    out: &'o mut String,
}

impl Paths<'_> {
    /// Adds the paths below a value: all elements of an array share the path of its first.
    fn below(&mut self, at: &str, value: &str, levels: usize) {
        match json::kind(value) {
            Some(Kind::Object) => {
                for (key, inner) in json::members(value) {
                    self.add(
                        format!("{at}['{}']", json::string_value(key)),
                        inner,
                        levels,
                    );
                }
            }
            Some(Kind::Array) => {
                for inner in json::elements(value) {
                    self.add(format!("{at}[0]"), inner, levels);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, path: String, value: &str, levels: usize) {
        // Every path has the names of its parents in it: a long one of many children would be many long ones.
        if is_too_long(self.out) {
            return;
        }
        if !self.seen.contains(&path) {
            if !self.seen.is_empty() {
                self.out.push(',');
            }
            push_json_string(self.out, &path);
            self.seen.insert(path.clone());
        }
        if levels > 1 {
            self.below(&path, value, levels - 1);
        }
    }
}

fn tree_path(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(value) = values.some(row) else {
            return false;
        };
        out.push('[');
        let seen = HashSet::new();
        Paths { seen, out }.below("", value, LONGEST_PATH);
        out.push(']');
        true
    })
}

fn set_equals(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| {
        let set = |list: Vec<&str>| list.into_iter().map(key).collect::<HashSet<_>>();
        Some(set(elements(left.some(row))?) == set(elements(right.some(row))?))
    })
}

fn has_any_index(call: &Call) -> Result<ArrayRef> {
    let (texts, lists) = (call.texts(0)?, call.texts(1)?);
    call.make_longs(|row| {
        let list = elements(lists.some(row)).unwrap_or_default();
        let text = texts.get(row);
        let found = list
            .iter()
            .position(|e| Matcher::new(StringOp::Has, false, &json::to_text(e)).is_match(text));
        Some(found.map_or(-1, |i| i as i64))
    })
}

/// Bytes as the page counts them: fixed widths, and the length of texts.
fn estimate_data_size(call: &Call) -> Result<ArrayRef> {
    let mut text = String::new();
    call.make_longs(|row| {
        let sizes = call.args.iter().map(|argument| match argument.ty {
            Type::Bool => 1,
            Type::Int => 4,
            Type::Long | Type::Real | Type::DateTime | Type::TimeSpan => 8,
            Type::Decimal | Type::Guid => 16,
            Type::String => argument.texts().map_or(0, |t| t.get(row).len() as i64),
            Type::Dynamic => {
                text.clear();
                let _ = push_text(argument, row, &mut text);
                text.len() as i64
            }
        });
        Some(sizes.sum())
    })
}
