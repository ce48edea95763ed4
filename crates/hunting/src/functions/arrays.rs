//! Arrays in dynamic values.

use std::collections::HashSet;

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call, is_too_long};
use super::conversion::{Number, push_json};
use crate::json::{self, Kind};

/// The elements of a value, none when it is no array.
pub(super) fn elements(text: Option<&str>) -> Option<Vec<&str>> {
    let text = text?;
    (json::kind(text)? == Kind::Array).then(|| json::elements(text).collect())
}

pub(super) fn push_array<S: AsRef<str>>(out: &mut String, elements: impl IntoIterator<Item = S>) {
    out.push('[');
    let mut first = true;
    for element in elements {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        json::push_compact(out, element.as_ref());
        if is_too_long(out) {
            break;
        }
    }
    out.push(']');
}

pub(super) fn array_length(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_longs(|row| {
        let text = texts.some(row)?;
        (json::kind(text)? == Kind::Array).then(|| json::elements(text).count() as i64)
    })
}

pub(super) fn pack_array(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        out.push('[');
        for (i, argument) in call.args.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            let _ = push_json(argument, row, out);
            if is_too_long(out) {
                break;
            }
        }
        out.push(']');
        true
    })
}

/// All elements of all arrays; an argument that is no array is left out.
pub(super) fn array_concat(call: &Call) -> Result<ArrayRef> {
    let arrays = call
        .args
        .iter()
        .map(Argument::texts)
        .collect::<Result<Vec<_>>>()?;
    call.make_texts(|row, out| {
        let lists: Vec<_> = arrays
            .iter()
            .filter_map(|a| elements(a.some(row)))
            .collect();
        let any = !lists.is_empty();
        push_array(out, lists.into_iter().flatten());
        any
    })
}

/// An index into an array as KQL counts: negative from the end.
fn position(index: i64, length: usize) -> i64 {
    if index < 0 {
        index + length as i64
    } else {
        index
    }
}

pub(super) fn array_slice(call: &Call) -> Result<ArrayRef> {
    let (arrays, starts, ends) = (call.texts(0)?, call.longs(1)?, call.longs(2)?);
    call.make_texts(|row, out| {
        let (Some(list), Some(start), Some(end)) =
            (elements(arrays.some(row)), starts.get(row), ends.get(row))
        else {
            return false;
        };
        let start = position(start, list.len()).max(0) as usize;
        let end = position(end, list.len())
            .saturating_add(1)
            .clamp(0, list.len() as i64) as usize;
        push_array(out, list.get(start..end).unwrap_or(&[]));
        true
    })
}

pub(super) fn array_sum(call: &Call) -> Result<ArrayRef> {
    let arrays = call.texts(0)?;
    call.make_reals(|row| {
        let list = elements(arrays.some(row))?;
        list.into_iter()
            .filter(|e| json::kind(e) != Some(Kind::Null))
            .map(json::number)
            .sum::<Option<f64>>()
    })
}

/// A text by which two JSON values are equal: numbers by value.
pub(super) fn key(text: &str) -> String {
    match json::number(text) {
        Some(number) => {
            let mut out = String::new();
            json::push_real_text(&mut out, number);
            out
        }
        None => json::compact(text).into_owned(),
    }
}

/// An argument's value as JSON.
pub(super) fn json_of(argument: &Argument, row: usize) -> String {
    let mut out = String::new();
    let _ = push_json(argument, row, &mut out);
    out
}

pub(super) fn array_index_of(call: &Call) -> Result<ArrayRef> {
    let arrays = call.texts(0)?;
    let value = call.arg(1)?;
    let (starts, lengths, occurrences) =
        (call.longs_opt(2)?, call.longs_opt(3)?, call.longs_opt(4)?);
    call.make_longs(|row| {
        let list = elements(arrays.some(row))?;
        let start =
            position(starts.and_then(|s| s.get(row)).unwrap_or(0), list.len()).max(0) as usize;
        let length = lengths
            .and_then(|l| l.get(row))
            .filter(|l| *l >= 0)
            .map_or(usize::MAX, |l| l as usize);
        let occurrence = occurrences.and_then(|o| o.get(row)).unwrap_or(1).max(1) as usize;
        let wanted = key(&json_of(value, row));
        let found = list
            .iter()
            .enumerate()
            .skip(start)
            .take(length)
            .filter(|(_, e)| key(e) == wanted)
            .nth(occurrence - 1);
        Some(found.map_or(-1, |(i, _)| i as i64))
    })
}

pub(super) fn array_sort_asc(call: &Call) -> Result<ArrayRef> {
    sorted(call, false)
}

pub(super) fn array_sort_desc(call: &Call) -> Result<ArrayRef> {
    sorted(call, true)
}

/// Sorts an array, and further arrays in its order; nulls go last unless the last argument says otherwise.
fn sorted(call: &Call, descending: bool) -> Result<ArrayRef> {
    let (flags, arrays): (Vec<&Argument>, Vec<&Argument>) =
        call.args.iter().partition(|a| a.ty == Type::Bool);
    let nulls = flags.first().map(|a| a.bools()).transpose()?;
    let arrays = arrays
        .into_iter()
        .map(Argument::texts)
        .collect::<Result<Vec<_>>>()?;
    call.make_texts(|row, out| {
        let lists: Vec<_> = arrays.iter().map(|a| elements(a.some(row))).collect();
        let Some(Some(first)) = lists.first() else {
            return false;
        };
        let nulls_last = nulls.and_then(|n| n.get(row)).unwrap_or(true);
        let order = order_of(first, descending, nulls_last);
        if lists.len() > 1 {
            out.push('[');
        }
        for (i, list) in lists.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            match list {
                // An array of another length has no such order.
                Some(list) if list.len() == order.len() => {
                    push_array(out, order.iter().map(|at| list[*at]));
                }
                _ => out.push_str("null"),
            }
        }
        if lists.len() > 1 {
            out.push(']');
        }
        true
    })
}

/// The positions of the elements in their order.
fn order_of(list: &[&str], descending: bool, nulls_last: bool) -> Vec<usize> {
    let (missing, mut there): (Vec<usize>, Vec<usize>) =
        (0..list.len()).partition(|i| json::kind(list[*i]) == Some(Kind::Null));
    there.sort_by(|a, b| {
        let order = compare(list[*a], list[*b]);
        if descending { order.reverse() } else { order }
    });
    if nulls_last {
        there.into_iter().chain(missing).collect()
    } else {
        missing.into_iter().chain(there).collect()
    }
}

fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    match (json::number(a), json::number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => json::to_text(a).cmp(&json::to_text(b)),
    }
}

pub(super) fn array_reverse(call: &Call) -> Result<ArrayRef> {
    let arrays = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(list) = elements(arrays.some(row)) else {
            return false;
        };
        push_array(out, list.into_iter().rev());
        true
    })
}

pub(super) fn set_has_element(call: &Call) -> Result<ArrayRef> {
    let arrays = call.texts(0)?;
    let value = call.arg(1)?;
    call.make_bools(|row| {
        let list = elements(arrays.some(row))?;
        let wanted = key(&json_of(value, row));
        Some(list.into_iter().any(|e| key(e) == wanted))
    })
}

/// The sets of a row; none when one of them is no array.
fn sets(call: &Call, row: usize) -> Option<Vec<Vec<&str>>> {
    call.args
        .iter()
        .map(|a| elements(a.texts().ok()?.some(row)))
        .collect()
}

pub(super) fn set_union(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let Some(sets) = sets(call, row) else {
            return false;
        };
        let mut seen = HashSet::new();
        push_array(
            out,
            sets.into_iter().flatten().filter(|e| seen.insert(key(e))),
        );
        true
    })
}

pub(super) fn set_intersect(call: &Call) -> Result<ArrayRef> {
    combined(call, true)
}

pub(super) fn set_difference(call: &Call) -> Result<ArrayRef> {
    combined(call, false)
}

/// The first set's elements that are in all, or in none, of the others.
fn combined(call: &Call, in_all: bool) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let Some(sets) = sets(call, row) else {
            return false;
        };
        let others: Vec<HashSet<String>> = sets
            .iter()
            .skip(1)
            .map(|s| s.iter().map(|e| key(e)).collect())
            .collect();
        let mut seen = HashSet::new();
        let first = sets.first().map_or(&[][..], Vec::as_slice);
        push_array(
            out,
            first.iter().filter(|e| {
                let key = key(e);
                let keep = if in_all {
                    others.iter().all(|o| o.contains(&key))
                } else {
                    !others.iter().any(|o| o.contains(&key))
                };
                keep && seen.insert(key)
            }),
        );
        true
    })
}

pub(super) fn jaccard_index(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let Some(sets) = sets(call, row) else {
            return false;
        };
        let sets: Vec<HashSet<String>> = sets
            .into_iter()
            .map(|s| s.into_iter().map(key).collect())
            .collect();
        let [a, b] = sets.as_slice() else {
            return false;
        };
        let common = a.intersection(b).count();
        let all = a.len() + b.len() - common;
        json::push_real(out, common as f64 / all as f64);
        true
    })
}

/// Element i of all arrays as array i, padded with null.
pub(super) fn zip(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let lists: Vec<Vec<&str>> = call
            .args
            .iter()
            .filter_map(|a| {
                let text = a.texts().ok()?.some(row);
                Some(elements(text).unwrap_or_else(|| text.into_iter().collect()))
            })
            .collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        out.push('[');
        for i in 0..longest {
            if i > 0 {
                out.push(',');
            }
            push_array(
                out,
                lists.iter().map(|l| l.get(i).copied().unwrap_or("null")),
            );
        }
        out.push(']');
        true
    })
}

/// Elements that `range()` and `repeat()` may give.
const LONGEST_ARRAY: usize = 1_048_576;

/// `range(from, to, step)`.
pub(super) fn array_range(call: &Call) -> Result<ArrayRef> {
    let numbers = call
        .args
        .iter()
        .map(Number::of)
        .collect::<Result<Vec<_>>>()?;
    let ty = call.arg(0)?.ty;
    call.make_texts(|row, out| {
        let step_default = match ty {
            Type::DateTime => bartizan_kql::time::TICKS_PER_DAY / 24,
            _ => 1,
        };
        out.push('[');
        let push = |out: &mut String, value: Value| {
            if out.len() > 1 {
                out.push(',');
            }
            value.push(out);
        };
        if ty == Type::Real {
            let value =
                |i: usize, default: f64| numbers.get(i).map_or(Some(default), |n| n.real(row));
            let (Some(from), Some(to), Some(step)) = (value(0, 0.0), value(1, 0.0), value(2, 1.0))
            else {
                return false;
            };
            for i in 0..LONGEST_ARRAY {
                let at = from + step * i as f64;
                if step == 0.0 || (step > 0.0 && at > to) || (step < 0.0 && at < to) {
                    break;
                }
                push(out, Value::Real(at));
            }
        } else {
            let value =
                |i: usize, default: i64| numbers.get(i).map_or(Some(default), |n| n.long(row));
            let (Some(from), Some(to), Some(step)) =
                (value(0, 0), value(1, 0), value(2, step_default))
            else {
                return false;
            };
            let mut at = Some(from);
            for _ in 0..LONGEST_ARRAY {
                let Some(now) =
                    at.filter(|a| step != 0 && if step > 0 { *a <= to } else { *a >= to })
                else {
                    break;
                };
                push(out, Value::Long(now, ty));
                at = now.checked_add(step);
            }
        }
        out.push(']');
        true
    })
}

enum Value {
    Real(f64),
    Long(i64, Type),
}

impl Value {
    fn push(&self, out: &mut String) {
        match self {
            Self::Real(v) => json::push_real(out, *v),
            Self::Long(v, Type::DateTime) => {
                out.push('"');
                crate::text::push_datetime(out, *v);
                out.push('"');
            }
            Self::Long(v, Type::TimeSpan) => {
                out.push('"');
                crate::text::push_timespan(out, *v);
                out.push('"');
            }
            Self::Long(v, _) => out.push_str(&v.to_string()),
        }
    }
}

/// `repeat(value, count)`.
pub(super) fn repeat(call: &Call) -> Result<ArrayRef> {
    let value = call.arg(0)?;
    let counts = call.longs(1)?;
    call.make_texts(|row, out| {
        let Some(count) = counts.get(row) else {
            return false;
        };
        let json = json_of(value, row);
        let count = usize::try_from(count).unwrap_or(0).min(LONGEST_ARRAY);
        push_array(out, std::iter::repeat_n(json.as_str(), count));
        true
    })
}
