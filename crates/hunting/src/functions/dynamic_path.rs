//! `d.x`, `d["x"]`, `d[0]`: walking into JSON text without parsing what is not on the way.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef};
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call};
use crate::json::{self, Kind, PathFinder};

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

/// A walk into a column: a dynamic value, or a text that may be JSON.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// The way; no step depends on the row.
    pub(crate) steps: Arc<[Step]>,
    /// Whether it goes into a text, as [`walk_in_text`] does.
    pub(crate) in_text: bool,
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
    let mut way = Way::new(steps);
    call.make_slices(|row| not_null(way.in_text(input.some(row)?)))
}

/// As [`walk_in_text`] where somebody else sees to it that rows whose text is no JSON do not count: no more of a text is
/// looked at than what comes before the value.
pub(super) fn walk_in_unchecked_text(call: &Call, steps: &[Step]) -> Result<ArrayRef> {
    let input = call.texts(0)?;
    let way = Way::new(steps);
    call.make_slices(|row| not_null(way.in_unchecked_text(input.some(row)?)))
}

/// How a whole text is walked into.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// As a dynamic value.
    Dynamic,
    /// As a text that may be JSON.
    Text,
    /// As a text of which somebody else sees to it that it is JSON.
    UncheckedText,
}

/// The value at the end of a path whose first keys may have been walked when a file was written. The arguments are what is
/// stored at the end of these, whether a row's file has that, and the whole text.
pub(super) fn walk_or_stored(
    call: &Call,
    steps: &[Step],
    walked: usize,
    whole: Whole,
) -> Result<ArrayRef> {
    let stored = call.arg(0)?;
    let is_stored = call.arg(1)?.bools()?;
    let rest = steps.get(walked..).unwrap_or_default();
    let every = || (0..call.rows).all(|row| is_stored.get(row) == Some(true));
    if rest.is_empty() && stored.array.len() == call.rows && every() {
        return Ok(Arc::clone(&stored.array));
    }
    let (stored, texts) = (stored.texts()?, call.texts(2)?);
    let (mut way, rest) = (Way::new(steps), Way::new(rest));
    call.make_slices(|row| {
        if is_stored.get(row) == Some(true) {
            return not_null(rest.in_dynamic(stored.some(row)?));
        }
        let text = texts.some(row)?;
        not_null(match whole {
            Whole::Dynamic => way.in_dynamic(text),
            Whole::Text => way.in_text(text),
            Whole::UncheckedText => way.in_unchecked_text(text),
        })
    })
}

/// Which texts are JSON, or null: then all that is asked of them is stored.
pub(super) fn is_json_or_stored(call: &Call) -> Result<ArrayRef> {
    let input = call.texts(0)?;
    call.make_flags(|row| {
        input
            .some(row)
            .is_none_or(|t| json::is_valid(json::trim(t)))
    })
}

/// A path whose steps do not depend on the row.
struct Way<'s> {
    steps: &'s [Step],
    /// The steps when they are all keys.
    keys: Option<Vec<&'s str>>,
    /// For texts that may be JSON, with the same keys.
    finder: Option<PathFinder<'s>>,
}

impl<'s> Way<'s> {
    fn new(steps: &'s [Step]) -> Self {
        let keys: Option<Vec<&str>> = steps.iter().map(key_of).collect();
        let finder = keys.clone().map(PathFinder::new);
        Self {
            steps,
            keys,
            finder,
        }
    }

    fn in_dynamic<'t>(&self, value: &'t str) -> Option<&'t str> {
        unchecked(value, self.steps)
    }

    fn in_text<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let text = json::trim(text);
        match &mut self.finder {
            Some(finder) => finder.find(text),
            None => unchecked(text, self.steps).filter(|_| json::is_valid(text)),
        }
    }

    fn in_unchecked_text<'t>(&self, text: &'t str) -> Option<&'t str> {
        let text = json::trim(text);
        match &self.keys {
            Some(keys) => json::follow(text, keys),
            None => unchecked(text, self.steps),
        }
    }
}

fn not_null(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !matches!(json::kind(value), None | Some(Kind::Null)))
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
