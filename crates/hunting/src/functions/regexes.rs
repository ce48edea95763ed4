//! Regular expressions: `matches regex`, `extract`, `replace_regex`, `trim`… in the syntax of the `regex` crate,
//! which is the one that the documentation describes ([`regex_dialect`] has what differs).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Int64Type;
use bartizan_kql::bound::StringOp;
use datafusion::error::Result;
use regex::Regex;

use super::call::{Call, Texts, is_too_long};
use super::function::TextCondition;
use super::regex_dialect;
use super::regex_literals::required_literals;
use super::text_match::TextTest;
use crate::error::evaluation;
use crate::json::{self, push_json_string};

/// Compiled expressions that are kept; queries use few, so a full cache is simply emptied.
const CACHED: usize = 128;
/// Bytes that one compiled expression may take.
const SIZE_LIMIT: usize = 10 << 20;

static CACHE: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// Compiles an expression, or takes it from the cache. What is shared is the same automaton: a clone would have to
/// build its states anew.
pub(super) fn compile(pattern: &str) -> Result<Arc<Regex>> {
    let cache = || {
        CACHE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    if let Some(regex) = cache().get(pattern) {
        return Ok(Arc::clone(regex));
    }
    // Outside of the lock: a large expression takes long, and other hunts have theirs to look up.
    let regex = regex_dialect::builder(pattern)
        .size_limit(SIZE_LIMIT)
        .build()
        .map(Arc::new)
        .map_err(|e| evaluation(format!("invalid regular expression '{pattern}': {e}")))?;
    let mut cache = cache();
    if cache.len() >= CACHED {
        cache.clear();
    }
    cache.insert(pattern.to_owned(), Arc::clone(&regex));
    Ok(regex)
}

/// What is wrong with the syntax of an expression, if anything is. How large it becomes and whether its classes exist is
/// known only when it is compiled: a class of Unicode may take long to look up, and queries are read often.
#[must_use]
pub fn expression_problem(pattern: &str) -> Option<String> {
    regex_dialect::problem(pattern)
}

/// The expressions of an argument: one for all rows, or one per row.
pub(super) struct Patterns<'a> {
    texts: Texts<'a>,
    fixed: Option<Arc<Regex>>,
}

impl<'a> Patterns<'a> {
    pub(super) fn new(texts: Texts<'a>) -> Result<Self> {
        let fixed = texts.constant().map(compile).transpose()?;
        Ok(Self { texts, fixed })
    }

    /// The expression of a row; none when it does not compile.
    pub(super) fn get(&self, row: usize) -> Option<Cow<'_, Arc<Regex>>> {
        match &self.fixed {
            Some(regex) => Some(Cow::Borrowed(regex)),
            None => compile(self.texts.get(row)).ok().map(Cow::Owned),
        }
    }
}

/// `matches regex` with a known expression: a search, and only of texts that contain what every match contains.
pub(super) struct RegexTest {
    pattern: String,
    /// None when it does not compile, which is said when it runs.
    regex: Option<Arc<Regex>>,
    required: Option<TextTest>,
}

/// What texts that match contain, as far as it is known.
pub(super) fn condition(pattern: &str) -> Option<TextCondition> {
    let literals = required_literals(pattern)?.into_iter();
    let literals = literals.map(String::from_utf8).collect::<Result<_, _>>();
    Some(TextCondition::any(
        StringOp::Contains,
        false,
        literals.ok()?,
    ))
}

impl RegexTest {
    /// Prepares an expression.
    pub(super) fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            regex: compile(pattern).ok(),
            required: required_literals(pattern).map(TextTest::containing),
        }
    }

    /// Which rows of the first argument match.
    pub(super) fn compute(&self, call: &Call) -> Result<ArrayRef> {
        let compiled;
        let regex = match &self.regex {
            Some(regex) => regex,
            None => {
                compiled = compile(&self.pattern)?;
                &compiled
            }
        };
        call.test_texts(0, |column| {
            let text = |row: usize| match column.is_valid(row) {
                true => column.value(row),
                false => "",
            };
            let Some(required) = &self.required else {
                return BooleanBuffer::collect_bool(column.len(), |row| regex.is_match(text(row)));
            };
            let candidates = required.column(column);
            let mut passed = BooleanBufferBuilder::new(column.len());
            passed.append_n(column.len(), false);
            for row in candidates.set_indices() {
                passed.set_bit(row, regex.is_match(text(row)));
            }
            passed.finish()
        })
    }
}

/// `matches regex` with an expression per row.
pub(super) fn matches(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let pattern = call.texts(1)?;
    if let Some(pattern) = pattern.constant() {
        return RegexTest::new(pattern).compute(call);
    }
    call.make_flags(|row| compile(pattern.get(row)).is_ok_and(|r| r.is_match(texts.get(row))))
}

/// `extract(regex, group, text)`.
pub(super) fn extract(call: &Call) -> Result<ArrayRef> {
    let patterns = Patterns::new(call.texts(0)?)?;
    let (groups, texts) = (call.longs(1)?, call.texts(2)?);
    call.make_slices(|row| {
        let found = patterns.get(row).and_then(|regex| {
            let group = usize::try_from(groups.get(row)?).ok()?;
            let text: &str = texts.get(row);
            if group == 0 {
                return regex.find(text).map(|m| m.as_str());
            }
            Some(regex.captures(text)?.get(group)?.as_str())
        });
        Some(found.unwrap_or(""))
    })
}

/// `extract_all(regex, [groups,] text)`.
pub(super) fn extract_all(call: &Call) -> Result<ArrayRef> {
    let patterns = Patterns::new(call.texts(0)?)?;
    let (wanted, texts) = match call.args.len() {
        2 => (None, call.texts(1)?),
        _ => (Some(call.texts(1)?), call.texts(2)?),
    };
    call.make_texts(|row, out| {
        let Some(regex) = patterns.get(row) else {
            return false;
        };
        let names: Vec<Option<&str>> = regex.capture_names().collect();
        let groups: Vec<usize> = match &wanted {
            Some(list) => json::elements(list.get(row))
                .filter_map(|g| match g.trim().parse::<usize>() {
                    Ok(index) => Some(index),
                    Err(_) => {
                        let name = json::to_text(g);
                        names.iter().position(|n| *n == Some(name.as_ref()))
                    }
                })
                .collect(),
            None => (1..regex.captures_len()).collect(),
        };
        let groups = if groups.is_empty() { vec![0] } else { groups };
        out.push('[');
        'matches: for found in regex.captures_iter(texts.get(row)) {
            separate(out);
            if groups.len() > 1 {
                out.push('[');
            }
            for (i, group) in groups.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_json_string(out, found.get(*group).map_or("", |m| m.as_str()));
                if is_too_long(out) {
                    break 'matches;
                }
            }
            if groups.len() > 1 {
                out.push(']');
            }
        }
        out.push(']');
        out.len() > 2
    })
}

/// A comma, unless an array was just opened.
fn separate(out: &mut String) {
    if out.len() > 1 {
        out.push(',');
    }
}

/// `replace_regex(text, regex, rewrite)`; `\1` in the rewrite is the first group.
pub(super) fn replace_regex(call: &Call) -> Result<ArrayRef> {
    let patterns = Patterns::new(call.texts(1)?)?;
    let (texts, rewrites) = (call.texts(0)?, call.texts(2)?);
    call.make_texts(|row, out| {
        let text = texts.get(row);
        match patterns.get(row) {
            Some(regex) => replace_all(&regex, text, rewrites.get(row), out),
            None => out.push_str(text),
        }
        true
    })
}

/// A part of a rewrite.
enum Part<'a> {
    Text(&'a str),
    Group(usize),
}

/// The parts of a rewrite: `\1` is a group, `\\` a backslash.
fn parts(rewrite: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = rewrite;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        parts.push(Part::Text(before));
        let after = &escape[1..];
        match after.chars().next().map(|c| (c, c.to_digit(10))) {
            Some((_, Some(group))) => {
                parts.push(Part::Group(group as usize));
                rest = &after[1..];
            }
            Some(('\\', _)) => {
                parts.push(Part::Text("\\"));
                rest = &after[1..];
            }
            _ => {
                parts.push(Part::Text("\\"));
                rest = after;
            }
        }
    }
    parts.push(Part::Text(rest));
    parts
}

fn replace_all(regex: &Regex, text: &str, rewrite: &str, out: &mut String) {
    let mut from = 0;
    let mut rewritten = None;
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[from..whole.start()]);
        for part in rewritten.get_or_insert_with(|| parts(rewrite)) {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Group(group) => found.get(*group).map_or("", |m| m.as_str()),
            });
            if is_too_long(out) {
                return;
            }
        }
        from = whole.end();
    }
    out.push_str(&text[from..]);
}

pub(super) fn trim(call: &Call) -> Result<ArrayRef> {
    trimmed(call, true, true)
}

pub(super) fn trim_start(call: &Call) -> Result<ArrayRef> {
    trimmed(call, true, false)
}

pub(super) fn trim_end(call: &Call) -> Result<ArrayRef> {
    trimmed(call, false, true)
}

/// Cuts what matches off the ends, as often as it matches.
fn trimmed(call: &Call, start: bool, end: bool) -> Result<ArrayRef> {
    let (patterns, texts) = (call.texts(0)?, call.texts(1)?);
    let anchored = |p: &str| -> Result<(Arc<Regex>, Arc<Regex>)> {
        Ok((
            compile(&format!("^(?:{p})+"))?,
            compile(&format!("(?:{p})+$"))?,
        ))
    };
    let fixed = patterns.constant().map(anchored).transpose()?;
    call.make_slices(|row| {
        let mut text = texts.get(row);
        let own;
        let pair = match &fixed {
            Some(pair) => pair,
            None => {
                own = anchored(patterns.get(row)).ok()?;
                &own
            }
        };
        if start && let Some(found) = pair.0.find(text) {
            text = &text[found.end()..];
        }
        if end && let Some(found) = pair.1.find(text) {
            text = &text[..found.start()];
        }
        Some(text)
    })
}

/// `countof(text, search, kind)`.
pub(super) fn count_of(call: &Call) -> Result<ArrayRef> {
    let (texts, searches) = (call.texts(0)?, call.texts(1)?);
    let kinds = call.args.get(2).map(|a| a.texts()).transpose()?;
    call.make_longs(|row| {
        let (text, search) = (texts.get(row), searches.get(row));
        if kinds.is_some_and(|k| k.get(row) == "regex") {
            return Some(compile(search).ok()?.find_iter(text).count() as i64);
        }
        if search.is_empty() {
            return Some(0);
        }
        // Overlapping occurrences count.
        let found = text
            .as_bytes()
            .windows(search.len())
            .filter(|w| *w == search.as_bytes());
        Some(found.count() as i64)
    })
}

/// `indexof_regex(text, regex, start, length, occurrence)`.
pub(super) fn index_of_regex(call: &Call) -> Result<ArrayRef> {
    let patterns = call.texts(1)?;
    let starts = call.longs_opt(2)?;
    if starts.is_some_and(|s| (0..call.rows).any(|row| s.get(row).is_some_and(|s| s < 0))) {
        // A start before the text is not valid here.
        let found = index_of_regex_from(call, patterns)?;
        let found = found.as_primitive::<Int64Type>();
        let valid = |row: usize| starts.and_then(|s| s.get(row)).is_none_or(|s| s >= 0);
        return call.make_longs(|row| valid(row).then(|| found.value(row)));
    }
    index_of_regex_from(call, patterns)
}

fn index_of_regex_from(call: &Call, patterns: Texts<'_>) -> Result<ArrayRef> {
    super::strings::index_with(call, |row, rest, length, occurrence| {
        let regex = compile(patterns.get(row)).ok()?;
        let part = super::strings::first_characters(rest, length);
        regex.find_iter(part).nth(occurrence).map(|m| m.start())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_compile_is_known_before() {
        for (pattern, problem) in [
            ("(", "unclosed group"),
            ("[a", "unclosed character class"),
            (r"(a)\1", "backreferences are not supported"),
        ] {
            assert_eq!(expression_problem(pattern).as_deref(), Some(problem));
            assert!(compile(pattern).is_err());
        }
        for pattern in ["", "a|b", r"(?i)\w+\.exe$", r"\041", "(?P<n>x)"] {
            assert_eq!(expression_problem(pattern), None);
            assert!(compile(pattern).is_ok());
        }
        // Classes are looked up when it runs.
        assert_eq!(expression_problem(r"\pQ"), None);
        assert!(compile(r"\pQ").is_err());
    }
}
