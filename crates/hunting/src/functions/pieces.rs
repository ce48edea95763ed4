//! Structured texts taken apart: URLs, paths, versions, CSV, JSONPath.

use arrow::array::ArrayRef;
use arrow::datatypes::i256;
use datafusion::error::Result;
use percent_encoding::percent_decode_str;

use super::call::Call;
use crate::decimal::UNIT;
use crate::json::{self, push_json_string};

/// Appends a bag of texts.
fn push_bag(out: &mut String, members: &[(&str, &str)]) {
    out.push('{');
    for (i, (key, value)) in members.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_json_string(out, key);
        out.push(':');
        push_json_string(out, value);
    }
    out.push('}');
}

/// Appends the parameters of a URL's query as a bag.
fn push_parameters(out: &mut String, query: &str) {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (key, value) = p.split_once('=').unwrap_or((p, ""));
            (decode(key), decode(value))
        })
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    push_bag(out, &pairs);
}

pub(super) fn parse_url(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let text = texts.get(row);
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let Some((scheme, rest)) = rest.split_once(':') else {
            push_bag(
                out,
                &[
                    ("Scheme", ""),
                    ("Host", ""),
                    ("Port", ""),
                    ("Path", text),
                    ("Username", ""),
                    ("Password", ""),
                ],
            );
            out.pop();
            out.push_str(",\"Query Parameters\":{},\"Fragment\":\"\"}");
            return true;
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let at = rest.find('/').unwrap_or(rest.len());
                rest.split_at(at)
            }
            None => ("", rest),
        };
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (username, password) = user.split_once(':').unwrap_or((user, ""));
        let (host, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, port),
            _ => (host, ""),
        };
        push_bag(
            out,
            &[
                ("Scheme", scheme),
                ("Host", host),
                ("Port", port),
                ("Path", path),
                ("Username", username),
                ("Password", password),
            ],
        );
        out.pop();
        out.push_str(",\"Query Parameters\":");
        push_parameters(out, query);
        out.push_str(",\"Fragment\":");
        push_json_string(out, fragment);
        out.push('}');
        true
    })
}

pub(super) fn parse_urlquery(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let text = texts.get(row);
        let query = text.split_once('?').map_or(text, |(_, q)| q);
        out.push_str("{\"Query Parameters\":");
        push_parameters(out, query);
        out.push('}');
        true
    })
}

pub(super) fn parse_path(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let text = texts.get(row);
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let bytes = rest.as_bytes();
        let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
        let root = if drive { &rest[..2] } else { "" };
        // A colon after the drive starts the name of an alternate data stream.
        let from = root.len();
        let last_separator = rest.rfind(['\\', '/']);
        let stream_at = rest[from.max(last_separator.unwrap_or(0))..]
            .find(':')
            .map(|at| at + from.max(last_separator.unwrap_or(0)));
        let (body, stream) = match stream_at {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        let (directory, file) = match body.rfind(['\\', '/']) {
            Some(at) => (&body[..at], &body[at + 1..]),
            None => ("", body),
        };
        let name = directory.rsplit(['\\', '/']).next().unwrap_or("");
        let name = if name == root { "" } else { name };
        let extension = file.rsplit_once('.').map_or("", |(_, e)| e);
        push_bag(
            out,
            &[
                ("Scheme", scheme),
                ("RootPath", root),
                ("DirectoryPath", directory),
                ("DirectoryName", name),
                ("Filename", file),
                ("Extension", extension),
                ("AlternateDataStreamName", stream),
            ],
        );
        true
    })
}

/// `parse_version`: up to four parts of eight digits each, so that versions order as numbers.
pub(super) fn parse_version(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_decimals(|row| {
        let text = texts.get(row).trim();
        let mut value: i128 = 0;
        let mut count = 0;
        for part in text.split('.') {
            if part.is_empty()
                || part.len() > 8
                || !part.bytes().all(|b| b.is_ascii_digit())
                || count == 4
            {
                return None;
            }
            value = value * 100_000_000 + part.parse::<i128>().ok()?;
            count += 1;
        }
        for _ in count..4 {
            value *= 100_000_000;
        }
        i256::from_i128(value).checked_mul(UNIT)
    })
}

pub(super) fn parse_csv(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(texts.get(row).as_bytes());
        out.push('[');
        if let Some(Ok(record)) = reader.records().next() {
            for (i, field) in record.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_json_string(out, field);
            }
        } else {
            out.push_str("\"\"");
        }
        out.push(']');
        true
    })
}

/// A step of a JSONPath.
pub(super) enum PathStep {
    Member(String),
    Index(i64),
}

/// Steps of a path that are followed: deeper values are not looked for, since some of what follows a path takes a part of
/// the stack for each step.
pub(super) const LONGEST_PATH: usize = 256;

/// `$.a.b[0]['c d']`; none when it is something else, or has too many steps.
pub(super) fn json_path(path: &str) -> Option<Vec<PathStep>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == LONGEST_PATH {
            return None;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(PathStep::Member(after[..end].to_owned()));
            rest = &after[end..];
        } else {
            let after = rest.strip_prefix('[')?;
            let end = after.find(']')?;
            let inside = after[..end].trim();
            let quoted = inside
                .strip_prefix(['\'', '"'])
                .and_then(|i| i.strip_suffix(['\'', '"']));
            steps.push(match quoted {
                Some(name) => PathStep::Member(name.to_owned()),
                None => PathStep::Index(inside.parse().ok()?),
            });
            rest = &after[end + 1..];
        }
    }
    Some(steps)
}

/// The value at the end of a path.
pub(super) fn follow<'a>(text: &'a str, path: &[PathStep]) -> Option<&'a str> {
    path.iter().try_fold(text, |value, step| match step {
        PathStep::Member(name) => json::member(value, name),
        PathStep::Index(i) => json::element(value, *i),
    })
}

pub(super) fn extract_json(call: &Call) -> Result<ArrayRef> {
    let (paths, texts) = (call.texts(0)?, call.texts(1)?);
    let fixed = paths.constant().map(json_path);
    call.make_texts(|row, out| {
        let computed;
        let steps = match &fixed {
            Some(steps) => steps,
            None => {
                computed = json_path(paths.get(row));
                &computed
            }
        };
        if let Some(value) = steps
            .as_ref()
            .and_then(|steps| follow(texts.get(row), steps))
        {
            out.push_str(&json::to_text(value));
        }
        true
    })
}
