//! `parse-kv`: keys and values in a text.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use datafusion::error::{DataFusionError, Result};
use regex::Regex;

use super::call::Call;
use super::regex_dialect;
use crate::json::{self, push_json_string};

/// What the operator's properties say.
struct Options {
    pair: String,
    kv: String,
    /// Opening and closing quotes.
    quotes: Vec<(char, char)>,
    escapes: Vec<char>,
    greedy: bool,
    regex: Option<Regex>,
    keys: Vec<String>,
}

impl Options {
    fn of(json: &str) -> Result<Self> {
        let text = |key| json::member(json, key).map(|v| json::to_text(v).into_owned());
        let list = |key| -> Vec<String> {
            let array = json::member(json, key).unwrap_or("[]");
            json::elements(array)
                .map(|v| json::to_text(v).into_owned())
                .collect()
        };
        let regex = match text("regex") {
            Some(pattern) => Some(
                regex_dialect::builder(&pattern)
                    .build()
                    .map_err(|e| DataFusionError::Execution(format!("parse-kv: {e}")))?,
            ),
            None => None,
        };
        let quoted = |quote: &String| {
            let mut chars = quote.chars();
            let open = chars.next()?;
            Some((open, chars.next().unwrap_or(open)))
        };
        Ok(Self {
            pair: text("pair_delimiter").unwrap_or_default(),
            kv: text("kv_delimiter").unwrap_or_default(),
            quotes: list("quotes").iter().filter_map(quoted).collect(),
            escapes: list("escapes")
                .iter()
                .filter_map(|e| e.chars().next())
                .collect(),
            greedy: text("greedy").is_some_and(|flag| flag == "true"),
            regex,
            keys: list("keys"),
        })
    }

    /// The pairs of a text; the first value of a key counts.
    fn pairs(&self, text: &str) -> HashMap<String, String> {
        let mut found = HashMap::new();
        if let Some(regex) = &self.regex {
            for captures in regex.captures_iter(text) {
                let group = |i| captures.get(i).map_or("", |m| m.as_str().trim());
                self.keep(&mut found, group(1), group(2));
            }
        } else if self.pair.is_empty() || self.kv.is_empty() {
            self.words(text, &mut found);
        } else {
            self.delimited(text, &mut found);
        }
        found
    }

    fn keep(&self, found: &mut HashMap<String, String>, key: &str, value: &str) {
        if self.keys.iter().any(|k| k == key) && !found.contains_key(key) {
            found.insert(key.to_owned(), value.to_owned());
        }
    }

    /// A quoted text at the beginning of `text`: its content, and what comes after it.
    fn quoted<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let first = text.chars().next()?;
        let (_, close) = self.quotes.iter().find(|(open, _)| *open == first)?;
        let mut content = String::new();
        let mut chars = text.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if self.escapes.contains(&c) {
                content.extend(chars.next().map(|(_, c)| c));
            } else if c == *close {
                return Some((content, &text[at + c.len_utf8()..]));
            } else {
                content.push(c);
            }
        }
        None
    }

    fn delimited(&self, text: &str, found: &mut HashMap<String, String>) {
        let spaced = self.pair.trim().is_empty();
        let mut rest = text;
        loop {
            rest = rest.trim_start();
            while let Some(after) = rest.strip_prefix(self.pair.as_str()) {
                rest = after.trim_start();
            }
            if rest.is_empty() {
                return;
            }
            let key = match self.quoted(rest) {
                Some((key, after)) => {
                    rest = after;
                    key
                }
                None => {
                    let end = rest.find(&self.kv).unwrap_or(rest.len());
                    let next = rest.find(&self.pair).unwrap_or(rest.len());
                    if next < end {
                        rest = &rest[next..];
                        continue;
                    }
                    let key = rest[..end].trim().to_owned();
                    rest = &rest[end..];
                    key
                }
            };
            let Some(at) = rest
                .find(&self.kv)
                .filter(|at| rest[..*at].trim().is_empty())
            else {
                let next = rest.find(&self.pair).unwrap_or(rest.len());
                rest = &rest[next..];
                continue;
            };
            rest = &rest[at + self.kv.len()..];
            let start = if spaced { rest } else { rest.trim_start() };
            let value = match self.quoted(start) {
                Some((value, after)) => {
                    rest = after;
                    value
                }
                None => {
                    let end = self.value_end(rest);
                    let value = rest[..end].trim().to_owned();
                    rest = &rest[end..];
                    value
                }
            };
            self.keep(found, &key, &value);
        }
    }

    /// Where an unquoted value ends: at the next delimiter, or in greedy mode before the next key.
    fn value_end(&self, rest: &str) -> usize {
        if !self.greedy {
            return rest.find(&self.pair).unwrap_or(rest.len());
        }
        let begins_key = |after: &str| {
            let after = after.trim_start();
            self.keys.iter().any(|key| {
                after
                    .strip_prefix(key.as_str())
                    .is_some_and(|after| after.trim_start().starts_with(self.kv.trim_start()))
            })
        };
        rest.match_indices(self.pair.as_str())
            .find(|(at, _)| begins_key(&rest[at + self.pair.len()..]))
            .map_or(rest.len(), |(at, _)| at)
    }

    /// Without delimiters: a value is the word, or the quoted text, after its key.
    fn words(&self, text: &str, found: &mut HashMap<String, String>) {
        let mut rest = text;
        let mut key: Option<String> = None;
        while let Some(c) = rest.chars().next() {
            let word = match self.quoted(rest) {
                Some((word, after)) => {
                    rest = after;
                    word
                }
                None if c.is_alphanumeric() || c == '_' => {
                    let end = rest
                        .find(|c: char| !c.is_alphanumeric() && c != '_')
                        .unwrap_or(rest.len());
                    let word = rest[..end].to_owned();
                    rest = &rest[end..];
                    word
                }
                None => {
                    rest = &rest[c.len_utf8()..];
                    continue;
                }
            };
            match key.take() {
                Some(key) => self.keep(found, &key, &word),
                None if self.keys.contains(&word) => key = Some(word),
                None => {}
            }
        }
    }
}

/// `parse-kv` as a function: a bag of the wanted keys.
pub(super) fn parse_kv(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let options = Options::of(call.texts(1)?.get(0))?;
    call.make_texts(|row, out| {
        let pairs = options.pairs(texts.get(row));
        out.push('{');
        let mut first = true;
        for key in &options.keys {
            let Some(value) = pairs.get(key) else {
                continue;
            };
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            push_json_string(out, key);
            out.push(':');
            push_json_string(out, value);
        }
        out.push('}');
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Options {
        Options::of(json).unwrap()
    }

    #[test]
    fn quotes_escapes_and_greed() {
        let o = options(
            r#"{"pair_delimiter":" ","kv_delimiter":"=","quotes":["\"","()"],"escapes":["\\"],"keys":["a b","c"]}"#,
        );
        let pairs = o.pairs(r#"x=1 "a b"="v \" w" c=(p q)"#);
        assert_eq!(pairs["a b"], "v \" w");
        assert_eq!(pairs["c"], "p q");
        let o = options(
            r#"{"pair_delimiter":" ","kv_delimiter":"=","greedy":true,"quotes":[],"escapes":[],"keys":["m","n"]}"#,
        );
        let pairs = o.pairs("m=one two n=three four");
        assert_eq!(
            (pairs["m"].as_str(), pairs["n"].as_str()),
            ("one two", "three four")
        );
    }
}
