//! `d.x`, `d["x"]`, `d[0]`: walking into JSON text without parsing what is not on the way.

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call};
use crate::json::{self, Kind};

/// A step into a dynamic value.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A property of a bag.
    Member(String),
    /// An element of an array; negative counts from the end.
    Index(i64),
    /// A property or element named by the argument at this position.
    Argument(usize),
}

/// The value at the end of the path; null when something is missing on the way.
pub(super) fn walk(call: &Call, steps: &[Step]) -> Result<ArrayRef> {
    let input = call.texts(0)?;
    let arguments = steps
        .iter()
        .map(|s| match s {
            Step::Argument(i) => call.arg(*i).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<Vec<_>>>()?;
    call.make_slices(|row| {
        let mut value = input.some(row)?;
        for (step, argument) in steps.iter().zip(&arguments) {
            value = match step {
                Step::Member(name) => json::member(value, name)?,
                Step::Index(i) => json::element(value, *i)?,
                Step::Argument(_) => by_argument(value, (*argument)?, row)?,
            };
        }
        (json::kind(value)? != Kind::Null).then_some(value)
    })
}

/// As [`walk`] in the value that `parse_json()` makes of a text: when the text is no JSON, there is nothing in it. A path
/// of keys is followed in the pass that finds out; otherwise the text is only looked at as a whole when there is
/// something at the end of the path.
pub(super) fn walk_in_text(call: &Call, steps: &[Step]) -> Result<ArrayRef> {
    let input = call.texts(0)?;
    let keys: Option<Vec<&str>> = steps.iter().map(key_of).collect();
    call.make_slices(|row| {
        let text = json::trim(input.some(row)?);
        let value = match &keys {
            Some(keys) => json::find_in_json(text, keys)?,
            None => unchecked(text, steps).filter(|_| json::is_valid(text))?,
        };
        (json::kind(value)? != Kind::Null).then_some(value)
    })
}

/// As [`walk_in_text`] where somebody else sees to it that rows whose text is no JSON do not count: no more of a text is
/// looked at than what comes before the value.
pub(super) fn walk_in_unchecked_text(call: &Call, steps: &[Step]) -> Result<ArrayRef> {
    let input = call.texts(0)?;
    let keys: Option<Vec<&str>> = steps.iter().map(key_of).collect();
    call.make_slices(|row| {
        let text = json::trim(input.some(row)?);
        let value = match &keys {
            Some(keys) => json::follow(text, keys)?,
            None => unchecked(text, steps)?,
        };
        (json::kind(value)? != Kind::Null).then_some(value)
    })
}

/// Which texts are JSON.
pub(super) fn is_json(call: &Call) -> Result<ArrayRef> {
    let input = call.texts(0)?;
    call.make_flags(|row| {
        input
            .some(row)
            .is_some_and(|t| json::is_valid(json::trim(t)))
    })
}

fn key_of(step: &Step) -> Option<&str> {
    match step {
        Step::Member(name) => Some(name),
        Step::Index(_) | Step::Argument(_) => None,
    }
}

fn unchecked<'t>(text: &'t str, steps: &[Step]) -> Option<&'t str> {
    steps.iter().try_fold(text, |value, step| match step {
        Step::Member(name) => json::member(value, name),
        Step::Index(i) => json::element(value, *i),
        Step::Argument(_) => None,
    })
}

fn by_argument<'a>(value: &'a str, argument: &Argument, row: usize) -> Option<&'a str> {
    if argument.is_null(row) {
        return None;
    }
    match argument.ty {
        Type::String => json::member(value, argument.texts().ok()?.get(row)),
        Type::Int => json::element(value, i64::from(argument.ints().ok()?.get(row)?)),
        Type::Dynamic => {
            let key = argument.texts().ok()?.get(row);
            match json::kind(key)? {
                Kind::Number => json::element(value, key.trim().parse().ok()?),
                _ => json::member(value, &json::to_text(key)),
            }
        }
        _ => json::element(value, argument.longs().ok()?.get(row)?),
    }
}
