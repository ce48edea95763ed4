//! `series_fill_…`: gaps in a series, which are nulls or a placeholder.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::arrays::{self, json_of, push_array};
use super::super::call::Call;
use super::{bool_at, is_whole, number};
use crate::json::{self, Kind, push_real};

/// The placeholder of a row as a number; none stands for null.
fn placeholder(call: &Call, index: usize, row: usize) -> Option<f64> {
    number(&json_of(call.args.get(index)?, row))
}

fn is_gap(element: &str, placeholder: Option<f64>) -> bool {
    match placeholder {
        None => json::kind(element) == Some(Kind::Null),
        Some(placeholder) => number(element) == Some(placeholder),
    }
}

fn carried(call: &Call, backward: bool) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(mut list) = arrays::elements(series.some(row)) else {
            return false;
        };
        let placeholder = placeholder(call, 1, row);
        let count = list.len();
        let mut last = None;
        for step in 0..count {
            let i = if backward { count - 1 - step } else { step };
            if !is_gap(list[i], placeholder) {
                last = Some(list[i]);
            } else if let Some(value) = last {
                list[i] = value;
            }
        }
        push_array(out, list);
        true
    })
}

pub(super) fn forward(call: &Call) -> Result<ArrayRef> {
    carried(call, false)
}

pub(super) fn backward(call: &Call) -> Result<ArrayRef> {
    carried(call, true)
}

/// `series_fill_const(series, constant, placeholder)`.
pub(super) fn constant(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(list) = arrays::elements(series.some(row)) else {
            return false;
        };
        let placeholder = placeholder(call, 2, row);
        let constant = call.args.get(1).map_or("0".to_owned(), |a| json_of(a, row));
        let filled = list.iter().map(|e| {
            if is_gap(e, placeholder) {
                constant.as_str()
            } else {
                *e
            }
        });
        push_array(out, filled);
        true
    })
}

/// `series_fill_linear(series, placeholder, fill_edges, constant)`. Whole numbers stay whole.
pub(super) fn linear(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(list) = arrays::elements(series.some(row)) else {
            return false;
        };
        let placeholder = placeholder(call, 1, row);
        let edges = bool_at(call, 2, row).unwrap_or(true);
        let known: Vec<usize> = (0..list.len())
            .filter(|i| !is_gap(list[*i], placeholder) && number(list[*i]).is_some())
            .collect();
        if known.is_empty() {
            let constant = match call.args.get(3) {
                Some(constant) => json_of(constant, row),
                None => "0.0".to_owned(),
            };
            push_array(out, std::iter::repeat_n(constant.as_str(), list.len()));
            return true;
        }
        let whole = known.iter().all(|i| is_whole(list[*i]));
        out.push('[');
        for (i, element) in list.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            let next = known.partition_point(|k| *k < i);
            match (next.checked_sub(1).map(|n| known[n]), known.get(next)) {
                _ if !is_gap(element, placeholder) => out.push_str(element),
                (Some(from), Some(to)) => {
                    let value = between(&list, from, *to, i);
                    if whole {
                        out.push_str(&(value as i64).to_string());
                    } else {
                        push_real(out, value);
                    }
                }
                (Some(edge), None) | (None, Some(&edge)) if edges => out.push_str(list[edge]),
                _ => out.push_str(element),
            }
        }
        out.push(']');
        true
    })
}

/// The value at `at` on the line between two elements.
fn between(list: &[&str], from: usize, to: usize, at: usize) -> f64 {
    let value = |i: usize| number(list[i]).unwrap_or(0.0);
    let (a, b) = (value(from), value(to));
    a + (b - a) * (at - from) as f64 / (to - from) as f64
}
