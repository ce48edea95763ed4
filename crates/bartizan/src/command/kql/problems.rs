//! Mistakes in queries: drawn for people, one stable JSON form for programs.
//!
//! The form: the members of the first error, and `errors` with all of them.
//!
//! ```json
//! {"code":"KS204","line":1,"column":3,"message":"…","errors":[{"code":"KS204","line":1,"column":3,"message":"…"}]}
//! ```

use ariadne::{Config, IndexType, Label, Report, ReportKind, Source};
use bartizan_kql::{Diagnostic, Severity, line_column};
use serde::Serialize;
use serde_json::{Value, json};

use crate::printer::{Printer, lines};

/// One error, as programs read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// Stable code.
    pub(crate) code: String,
    /// Line, from 1.
    pub(crate) line: u64,
    /// Column in characters, from 1.
    pub(crate) column: u64,
    /// What is wrong.
    pub(crate) message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suggestion: Option<String>,
}

impl Problem {
    /// An error that is at no place of the text: line and column are 0.
    pub(crate) fn nowhere(code: &str, message: &str) -> Self {
        Self {
            code: code.to_owned(),
            line: 0,
            column: 0,
            message: message.to_owned(),
            suggestion: None,
        }
    }

    /// A diagnostic with its place resolved.
    pub(crate) fn of(text: &str, diagnostic: &Diagnostic) -> Self {
        let (line, column) = line_column(text, diagnostic.span.start);
        Self {
            code: diagnostic.code.to_owned(),
            line: line.into(),
            column: column.into(),
            message: diagnostic.message.clone(),
            suggestion: diagnostic.suggestion.clone(),
        }
    }
}

/// Writes errors to standard error as one line of JSON.
pub(crate) fn report(problems: &[Problem]) {
    eprintln!("{}", document(problems));
}

fn document(problems: &[Problem]) -> Value {
    let mut document = problems
        .first()
        .map_or_else(|| json!({}), |first| json!(first));
    document["errors"] = json!(problems);
    document
}

/// Draws diagnostics under the query's lines on standard error.
pub(crate) fn draw(text: &str, diagnostics: &[Diagnostic], printer: &Printer) {
    let shown = in_place(text);
    for diagnostic in diagnostics {
        let kind = match diagnostic.severity {
            Severity::Error => ReportKind::Error,
            Severity::Warning => ReportKind::Warning,
            Severity::Suggestion => ReportKind::Advice,
        };
        // Named, because a report names its source.
        let place = ("query", place(text, diagnostic));
        let config = Config::default()
            .with_color(printer.color())
            .with_index_type(IndexType::Byte);
        let mut report = Report::build(kind, place.clone())
            .with_config(config)
            .with_code(diagnostic.code)
            .with_message(lines(&diagnostic.message))
            .with_label(Label::new(place).with_message("here"));
        if let Some(advice) = diagnostic.advice() {
            report = report.with_help(lines(&advice));
        }
        // Standard error may be closed; there is nowhere left to say so.
        let _ = report
            .finish()
            .eprint(("query", Source::from(shown.as_str())));
    }
}

/// A query without characters that a terminal would take as commands; everything stays at its byte.
fn in_place(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => " ".repeat(c.len_utf8()),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// The span, inside the text and not empty: something is missing at its end otherwise.
fn place(text: &str, diagnostic: &Diagnostic) -> std::ops::Range<usize> {
    let range = diagnostic.span.range();
    let start = text.floor_char_boundary(range.start.min(text.len()));
    let end = text.ceil_char_boundary(range.end.min(text.len()));
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_shown_without_commands_to_the_terminal() {
        assert_eq!(in_place("a\u{1b}[2J\r\n\tb\u{9b}2J ü"), "a [2J \n\tb  2J ü");
    }

    #[test]
    fn errors_have_one_form_with_the_first_on_top() {
        let text = "DeviceEvents\n| where Nope == 1 and Neither == 2";
        let parsed = bartizan_kql::parse(text);
        let scope = bartizan_kql::Scope::new().with_table(
            "DeviceEvents",
            &[("Timestamp", bartizan_kql::types::Type::DateTime)],
        );
        let bound = bartizan_kql::bind(&parsed.query, &scope);
        let problems: Vec<_> = bound
            .diagnostics
            .iter()
            .map(|d| Problem::of(text, d))
            .collect();
        let document = document(&problems);
        assert_eq!(document["line"], 2);
        assert_eq!(document["column"], 9);
        assert_eq!(document["errors"].as_array().map(Vec::len), Some(2));
        assert_eq!(document["code"], document["errors"][0]["code"]);
        assert!(
            document["message"]
                .as_str()
                .is_some_and(|m| m.contains("Nope")),
            "{document}"
        );
    }
}
