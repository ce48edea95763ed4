//! `bartizan kql complete` and `bartizan kql hover`: what an editor asks about a place of a query.

use bartizan_kql::{Completion, CompletionKind, line_column};
use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at, lines};

const COMPLETIONS: &[Column] = &[
    ("Kind", |c| at(c, "kind")),
    ("Label", |c| at(c, "label")),
    ("Detail", |c| at(c, "detail")),
    ("Documentation", |c| at(c, "documentation")),
];

/// Lists what can stand at a place, the likeliest first.
pub(super) fn complete(text: &str, place: &str, printer: &Printer) -> Outcome {
    let offset = offset_of(text, place)?;
    let found = bartizan_kql::complete(text, offset, &super::schema());
    let rows: Vec<Value> = found.iter().map(|c| completion(text, c)).collect();
    if printer.is_table() {
        printer.list(COMPLETIONS, &rows)
    } else {
        printer.json(&json!({ "completions": rows }))
    }
}

fn completion(text: &str, item: &Completion) -> Value {
    json!({
        "kind": item.kind.name(),
        "label": item.label,
        "insert": item.insert,
        "detail": item.detail,
        "documentation": item.documentation,
        "replaces": range(text, item.replaces),
    })
}

/// Says what stands at a place; nothing when nothing is known of it.
pub(super) fn hover(text: &str, place: &str, printer: &Printer) -> Outcome {
    let offset = offset_of(text, place)?;
    let found = bartizan_kql::hover(text, offset, &super::schema());
    if printer.is_table() {
        let Some(found) = found else {
            return printer.text("");
        };
        let kind = found.kind.map_or("literal", CompletionKind::name);
        let told = [
            format!("{kind} {}", found.name),
            found.detail,
            found.documentation,
        ];
        let told: Vec<_> = told.into_iter().filter(|line| !line.is_empty()).collect();
        return printer.text(&lines(&format!("{}\n", told.join("\n"))));
    }
    let found = found.map(|found| {
        json!({
            "kind": found.kind.map_or("literal", CompletionKind::name),
            "name": found.name,
            "detail": found.detail,
            "documentation": found.documentation,
            "range": range(text, found.span),
        })
    });
    printer.json(&json!({ "hover": found }))
}

/// A range of the text with lines and columns from 1.
fn range(text: &str, span: bartizan_kql::Span) -> Value {
    let place = |offset| {
        let (line, column) = line_column(text, offset);
        json!({ "line": line, "column": column })
    };
    json!({ "start": place(span.start), "end": place(span.end) })
}

/// The byte offset of `LINE:COLUMN`; a place behind the end of its line is that end.
fn offset_of(text: &str, place: &str) -> Result<usize, Failure> {
    let numbers = place.split_once(':').and_then(|(line, column)| {
        let line: usize = line.parse().ok().filter(|n| *n > 0)?;
        let column: usize = column.parse().ok().filter(|n| *n > 0)?;
        Some((line, column))
    });
    let Some((line, column)) = numbers else {
        return Err(Failure::usage(format!(
            "--at {place}: a place is LINE:COLUMN, both from 1, such as 2:9"
        )));
    };
    let mut start = 0;
    for (number, text) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let bare = text.trim_end_matches(['\n', '\r']);
            let within = bare.char_indices().nth(column - 1);
            return Ok(start + within.map_or(bare.len(), |(at, _)| at));
        }
        start += text.len();
    }
    Ok(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let text = "DeviceInfo\n| where é == 1\n";
        assert_eq!(offset_of(text, "1:1").unwrap(), 0);
        assert_eq!(offset_of(text, "2:9").unwrap(), 19);
        assert_eq!(offset_of(text, "2:10").unwrap(), 21, "é has two bytes");
        assert_eq!(offset_of(text, "1:99").unwrap(), 10);
        assert_eq!(offset_of(text, "9:1").unwrap(), text.len());
        assert!(offset_of(text, "0:1").is_err() && offset_of(text, "x").is_err());
    }
}
