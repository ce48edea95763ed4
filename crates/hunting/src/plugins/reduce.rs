//! `reduce`: texts by pattern. A text is taken apart into words; a word that too few texts have in its place, or that is a
//! number, becomes `*`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringViewBuilder};
use datafusion::error::Result;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{real, strings, text};
use crate::plan::{Kernel, Made, Work};

/// The kernel.
pub(super) struct Reduce {
    threshold: f64,
    separators: String,
    with_source: bool,
}

impl Reduce {
    pub(super) fn new(call: &Call, with_source: bool) -> Self {
        Self {
            threshold: call.constants.first().and_then(real).unwrap_or(0.1),
            separators: call.constants.get(1).map(text).unwrap_or_default(),
            with_source,
        }
    }

    fn separates(&self, c: char) -> bool {
        !c.is_alphanumeric() || self.separators.contains(c)
    }

    /// The words with what stands before each.
    fn words<'t>(&self, text: &'t str) -> Vec<(&'t str, &'t str)> {
        let mut words = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let start = rest.find(|c| !self.separates(c)).unwrap_or(rest.len());
            let (gap, after) = rest.split_at(start);
            let end = after.find(|c| self.separates(c)).unwrap_or(after.len());
            let (word, after) = after.split_at(end);
            words.push((gap, word));
            rest = after;
        }
        words
    }
}

/// The pattern of words, of which some are kept.
fn pattern(words: &[(&str, &str)], kept: impl Fn(usize, &str) -> bool) -> String {
    let mut out = String::new();
    let mut any = false;
    let mut last_open = false;
    for (i, (gap, word)) in words.iter().enumerate() {
        if kept(i, word) {
            any = true;
            if !last_open {
                out.push_str(gap);
            }
            out.push_str(word);
            last_open = false;
        } else if !last_open {
            out.push('*');
            last_open = true;
        }
    }
    if any { out } else { "others".to_owned() }
}

impl Kernel for Reduce {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let texts = strings(&args[0]);
        let mut words: Vec<Vec<(&str, &str)>> = Vec::with_capacity(texts.len());
        let mut often: HashMap<(usize, &str), usize> = HashMap::new();
        for text in &texts {
            let list = self.words(text);
            // Each word with what stands before it, and its count; the text's pattern.
            pace.keep(list.len() * 72 + text.len() + 64)?;
            for (i, (_, word)) in list.iter().enumerate() {
                pace.step(1)?;
                *often.entry((i, word)).or_default() += 1;
            }
            words.push(list);
        }
        let least = self.threshold * rows as f64;
        let kept = |i: usize, word: &str| {
            let number = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
            !number && often.get(&(i, word)).is_some_and(|n| *n as f64 >= least)
        };
        let mut patterns: Vec<String> = Vec::with_capacity(words.len());
        for list in &words {
            pace.step(list.len())?;
            patterns.push(pattern(list, kept));
        }
        let mut groups: HashMap<&str, (usize, i64)> = HashMap::new();
        let mut order: Vec<&str> = Vec::new();
        for (row, pattern) in patterns.iter().enumerate() {
            let group = groups.entry(pattern).or_insert_with(|| {
                order.push(pattern);
                (row, 0)
            });
            group.1 += 1;
        }
        order.sort_by_key(|p| std::cmp::Reverse(groups[p].1));
        let shown: Vec<&str> = if self.with_source {
            patterns.iter().map(String::as_str).collect()
        } else {
            order
        };
        let (mut names, mut samples) = (StringViewBuilder::new(), StringViewBuilder::new());
        let mut totals = Vec::with_capacity(shown.len());
        for pattern in shown {
            let (first, count) = groups[pattern];
            names.append_value(pattern);
            totals.push(count);
            samples.append_value(if pattern == "others" {
                ""
            } else {
                texts[first]
            });
        }
        Ok(Made {
            rows: None,
            columns: vec![
                Arc::new(names.finish()),
                Arc::new(Int64Array::from(totals)),
                Arc::new(samples.finish()),
            ],
        })
    }
}
