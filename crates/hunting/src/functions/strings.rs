//! Texts: tests, lengths, parts, joining and replacing.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use bartizan_kql::bound::StringOp;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Call, is_too_long};
use super::conversion::push_text;
use super::text_match::{Matcher, TextTest};
use crate::json::{self, push_json_string};

/// A string operator on two arguments.
pub(super) fn test(call: &Call, op: StringOp, case_sensitive: bool) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    if let Some(pattern) = patterns.constant() {
        let test = TextTest::new(op, case_sensitive, vec![pattern.to_owned()]);
        return call.test_texts(0, |column| test.column(column));
    }
    call.make_flags(|row| {
        Matcher::new(op, case_sensitive, patterns.get(row)).is_match(texts.get(row))
    })
}

pub(super) fn strcat(call: &Call) -> Result<ArrayRef> {
    joined(call, 0, |_| "")
}

pub(super) fn strcat_delim(call: &Call) -> Result<ArrayRef> {
    let delimiter = call.texts(0)?;
    joined(call, 1, |row| delimiter.get(row))
}

fn joined<'a>(call: &Call, from: usize, delimiter: impl Fn(usize) -> &'a str) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        for (i, argument) in call.args[from..].iter().enumerate() {
            if i > 0 {
                out.push_str(delimiter(row));
            }
            let _ = push_text(argument, row, out);
            if is_too_long(out) {
                break;
            }
        }
        true
    })
}

pub(super) fn strcat_array(call: &Call) -> Result<ArrayRef> {
    let (arrays, delimiters) = (call.texts(0)?, call.texts(1)?);
    call.make_texts(|row, out| {
        for (i, element) in json::elements(arrays.get(row)).enumerate() {
            if i > 0 {
                out.push_str(delimiters.get(row));
            }
            out.push_str(&json::to_text(element));
            if is_too_long(out) {
                break;
            }
        }
        true
    })
}

pub(super) fn strlen(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_longs(|row| Some(texts.get(row).chars().count() as i64))
}

pub(super) fn string_size(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_longs(|row| Some(texts.get(row).len() as i64))
}

/// The byte offset of a character, or the end.
fn offset(text: &str, characters: usize) -> usize {
    text.char_indices()
        .nth(characters)
        .map_or(text.len(), |(i, _)| i)
}

pub(super) fn substring(call: &Call) -> Result<ArrayRef> {
    let (texts, starts) = (call.texts(0)?, call.longs(1)?);
    let lengths = call.longs_opt(2)?;
    call.make_slices(|row| {
        let text = texts.get(row);
        let mut start = starts.get(row)?;
        if start < 0 {
            start += text.chars().count() as i64;
        }
        let rest = &text[offset(text, usize::try_from(start).unwrap_or(0))..];
        Some(match lengths.map(|l| l.get(row)) {
            None => rest,
            Some(length) => &rest[..offset(rest, usize::try_from(length?).unwrap_or(0))],
        })
    })
}

pub(super) fn index_of(call: &Call) -> Result<ArrayRef> {
    let lookups = call.texts(1)?;
    let effort = call.effort(1);
    let found = index_with(call, |row, rest, length, occurrence| {
        // The length is searched anew after each occurrence, as .NET's IndexOf does.
        let lookup = lookups.get(row);
        let mut from = 0;
        let mut end = first_characters(rest, length).len();
        for _ in 0..occurrence {
            // What is searched for is made ready anew each time.
            if !effort.spend(1, lookup.len().max(1)) {
                return None;
            }
            let found = from + rest.get(from..end)?.find(lookup)?;
            let next = found + lookup.chars().next().map_or(1, char::len_utf8);
            if length.is_some() {
                let passed = rest.get(from..next)?.chars().count();
                end += offset(&rest[end..], passed);
            }
            from = next;
        }
        rest.get(from..end)?.find(lookup).map(|at| from + at)
    })?;
    effort.outcome(found, "indexof()")
}

/// The first characters of a text; all without a number.
pub(super) fn first_characters(text: &str, characters: Option<usize>) -> &str {
    characters.map_or(text, |n| &text[..offset(text, n)])
}

/// The character position of something in the first argument, after the start (argument 2) and within a length (3);
/// `find` gets the text from the start on, the length and how many occurrences to skip, and gives a byte offset.
pub(super) fn index_with(
    call: &Call,
    find: impl Fn(usize, &str, Option<usize>, usize) -> Option<usize>,
) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let (starts, lengths, occurrences) =
        (call.longs_opt(2)?, call.longs_opt(3)?, call.longs_opt(4)?);
    call.make_longs(|row| {
        let text = texts.get(row);
        let mut start = starts.map_or(Some(0), |s| s.get(row))?;
        if start < 0 {
            start = (start + text.chars().count() as i64).max(0);
        }
        let occurrence = occurrences.map_or(Some(1), |o| o.get(row))?;
        if occurrence < 1 {
            return None;
        }
        let from = offset(text, usize::try_from(start).unwrap_or(usize::MAX));
        let rest = &text[from..];
        let length = usize::try_from(lengths.map_or(Some(-1), |l| l.get(row))?).ok();
        if start as usize > text.chars().count() {
            return Some(-1);
        }
        Some(match find(row, rest, length, occurrence as usize - 1) {
            Some(at) => start + rest[..at].chars().count() as i64,
            None => -1,
        })
    })
}

pub(super) fn to_lower(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let text = texts.get(row);
        if text.is_ascii() {
            out.push_str(text);
            out.make_ascii_lowercase();
        } else {
            out.push_str(&text.to_lowercase());
        }
        true
    })
}

pub(super) fn to_upper(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let text = texts.get(row);
        if text.is_ascii() {
            out.push_str(text);
            out.make_ascii_uppercase();
        } else {
            out.push_str(&text.to_uppercase());
        }
        true
    })
}

pub(super) fn split(call: &Call) -> Result<ArrayRef> {
    let (texts, delimiters) = (call.texts(0)?, call.texts(1)?);
    let indexes = call.longs_opt(2)?;
    call.make_texts(|row, out| {
        let (text, delimiter) = (texts.get(row), delimiters.get(row));
        let mut parts: Box<dyn Iterator<Item = &str>> = if delimiter.is_empty() {
            Box::new(std::iter::once(text))
        } else {
            Box::new(text.split(delimiter))
        };
        out.push('[');
        match indexes.and_then(|i| i.get(row)) {
            Some(index) => {
                if let Some(part) = usize::try_from(index).ok().and_then(|i| parts.nth(i)) {
                    push_json_string(out, part);
                }
            }
            None => {
                for (i, part) in parts.enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    push_json_string(out, part);
                }
            }
        }
        out.push(']');
        true
    })
}

pub(super) fn replace_string(call: &Call) -> Result<ArrayRef> {
    let (texts, lookups, rewrites) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    call.make_texts(|row, out| {
        let (text, lookup) = (texts.get(row), lookups.get(row));
        if lookup.is_empty() {
            out.push_str(text);
        } else {
            let mut parts = text.split(lookup);
            out.push_str(parts.next().unwrap_or(""));
            for part in parts {
                out.push_str(rewrites.get(row));
                out.push_str(part);
                if is_too_long(out) {
                    break;
                }
            }
        }
        true
    })
}

pub(super) fn replace_strings(call: &Call) -> Result<ArrayRef> {
    let (texts, lookups, rewrites) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    call.make_texts(|row, out| {
        // Parts of the text; what a lookup has put in is not looked at by the next ones.
        let mut parts: Vec<(&str, bool)> = vec![(texts.get(row), false)];
        let with: Vec<_> = json::elements(rewrites.get(row))
            .map(|e| (json::kind(e) == Some(json::Kind::String)).then(|| json::to_text(e)))
            .collect();
        let lookups: Vec<_> = json::elements(lookups.get(row))
            .map(json::to_text)
            .collect();
        for (i, lookup) in lookups.iter().enumerate() {
            let Some(rewrite) = with.get(i).or_else(|| with.last()) else {
                break;
            };
            if lookup.is_empty() {
                continue;
            }
            // What is no string is not put in, but the next lookups leave the place alone all the same.
            let rewrite: &str = rewrite.as_ref().unwrap_or(lookup);
            parts = parts
                .into_iter()
                .flat_map(|(part, fixed)| {
                    if fixed {
                        return vec![(part, true)];
                    }
                    let mut pieces = Vec::new();
                    for (i, piece) in part.split(lookup.as_ref()).enumerate() {
                        if i > 0 {
                            pieces.push((rewrite, true));
                        }
                        pieces.push((piece, false));
                    }
                    pieces
                })
                .collect();
        }
        for (part, _) in &parts {
            out.push_str(part);
            if is_too_long(out) {
                break;
            }
        }
        true
    })
}

pub(super) fn reverse(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        out.extend(texts.get(row).chars().rev());
        true
    })
}

/// Bytes that `strrep` may produce for one value.
const LONGEST_REPEAT: usize = 1 << 20;

pub(super) fn strrep(call: &Call) -> Result<ArrayRef> {
    let (texts, counts) = (call.texts(0)?, call.longs(1)?);
    let delimiters = call.args.get(2).map(|a| a.texts()).transpose()?;
    call.make_texts(|row, out| {
        let times = counts.get(row).unwrap_or(0).clamp(0, 1024);
        for i in 0..times {
            if i > 0 {
                out.push_str(delimiters.map_or("", |d| d.get(row)));
            }
            out.push_str(texts.get(row));
            if out.len() > LONGEST_REPEAT {
                break;
            }
        }
        true
    })
}

pub(super) fn strcmp(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_longs(|row| Some(left.get(row).cmp(right.get(row)) as i64))
}

pub(super) fn translate(call: &Call) -> Result<ArrayRef> {
    let (from, to, texts) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    // What becomes of a character; none where it goes.
    let table = |from: &str, to: &str| {
        let to: Vec<char> = to.chars().collect();
        let mut table: HashMap<char, Option<char>> = HashMap::new();
        for (i, c) in from.chars().enumerate() {
            // A short replacement list is continued with its last character.
            table
                .entry(c)
                .or_insert_with(|| to.get(i).or(to.last()).copied());
        }
        table
    };
    let fixed = from.constant().zip(to.constant());
    let fixed = fixed.map(|(from, to)| table(from, to));
    call.make_texts(|row, out| {
        let own;
        let table = match &fixed {
            Some(table) => table,
            None => {
                own = table(from.get(row), to.get(row));
                &own
            }
        };
        for c in texts.get(row).chars() {
            out.extend(table.get(&c).copied().unwrap_or(Some(c)));
        }
        true
    })
}

pub(super) fn codepoints_from_string(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let points: Vec<String> = texts
            .get(row)
            .chars()
            .map(|c| (c as u32).to_string())
            .collect();
        out.push('[');
        out.push_str(&points.join(","));
        out.push(']');
        true
    })
}

pub(super) fn codepoints_to_string(call: &Call) -> Result<ArrayRef> {
    call.make_texts(|row, out| {
        let mut push = |point: i64| out.extend(u32::try_from(point).ok().and_then(char::from_u32));
        for argument in &call.args {
            match argument.ty {
                Type::Dynamic => {
                    let Ok(texts) = argument.texts() else {
                        continue;
                    };
                    let text = texts.get(row);
                    match json::kind(text) {
                        Some(json::Kind::Array) => json::elements(text)
                            .filter_map(|e| e.trim().parse().ok())
                            .for_each(&mut push),
                        _ => text.trim().parse().ok().into_iter().for_each(&mut push),
                    }
                }
                _ => {
                    let Ok(number) = super::conversion::Number::of(argument) else {
                        continue;
                    };
                    number.long(row).into_iter().for_each(&mut push);
                }
            }
        }
        true
    })
}
