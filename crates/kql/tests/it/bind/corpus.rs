//! The corpus of hunts, compared with what Microsoft's analyser says about them: `corpus/record.mjs` records it anew.

use super::{bound, columns, hunting};
use bartizan_kql::{Scope, lex, line_column, parse};

const FILES: [(&str, &str); 9] = [
    ("cloud", include_str!("../../corpus/cloud.kql")),
    ("device", include_str!("../../corpus/device.kql")),
    ("errors", include_str!("../../corpus/errors.kql")),
    ("identity", include_str!("../../corpus/identity.kql")),
    ("mail", include_str!("../../corpus/mail.kql")),
    ("names", include_str!("../../corpus/names.kql")),
    ("network", include_str!("../../corpus/network.kql")),
    ("process", include_str!("../../corpus/process.kql")),
    ("shapes", include_str!("../../corpus/shapes.kql")),
];

/// A query and what is said about it.
struct Case {
    place: String,
    query: String,
    /// What the analyser says: columns, or `error` and codes with their places.
    recorded: String,
    /// What we say instead, on purpose.
    ours: Option<String>,
}

fn cases(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut query: Vec<&str> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(recorded) = line.strip_prefix("=> ") {
            cases.push(Case {
                place: format!("{file}.kql:{}", number + 1),
                query: std::mem::take(&mut query).join("\n"),
                recorded: recorded.to_owned(),
                ours: None,
            });
        } else if let Some(ours) = line.strip_prefix("=| ") {
            let (ours, reason) = ours.split_once(" // ").expect("a reason");
            assert!(!reason.is_empty());
            cases.last_mut().expect("a case").ours = Some(ours.to_owned());
        } else if !query.is_empty() || !(line.is_empty() || line.starts_with("//")) {
            query.push(line);
        }
    }
    cases
}

/// What we say, in the form of the recording.
fn said(query: &str, scope: &Scope) -> String {
    let bound = bound(query, scope);
    if let Some(query) = &bound.query {
        return columns(query);
    }
    // What follows from the first mistake in writing says nothing.
    let errors: Vec<_> = match parse(query).diagnostics.into_iter().find(|d| d.is_error()) {
        Some(first) => vec![first],
        None => bound.diagnostics,
    };
    let errors = errors.iter().filter(|d| d.is_error()).map(|d| {
        let (line, column) = line_column(query, d.span.start);
        format!("{} {line}:{column}", d.code)
    });
    format!("error {}", errors.collect::<Vec<_>>().join(", "))
}

/// Whether every error that we report is one that the analyser reports, in the same token; of errors of the parser the
/// first.
fn agree(query: &str, recorded: &str, ours: &str) -> bool {
    let (Some(recorded), Some(ours)) =
        (recorded.strip_prefix("error "), ours.strip_prefix("error "))
    else {
        return recorded == ours;
    };
    let recorded: Vec<_> = recorded.split(", ").collect();
    ours.split(", ").all(|error| {
        let (code, place) = error.split_once(' ').expect("a code and a place");
        recorded.iter().any(|other| {
            other
                .split_once(' ')
                .is_some_and(|(c, p)| c == code && same_token(query, p, place))
        })
    })
}

/// Whether two places are in one token, or in the blanks before it. What is missing may be shown at the end of the
/// token before.
fn same_token(query: &str, recorded: &str, ours: &str) -> bool {
    let (tokens, _) = lex(query);
    let offset = |place: &str| {
        (0..=u32::try_from(query.len()).expect("a short query")).find(|at| {
            let (line, column) = line_column(query, *at);
            format!("{line}:{column}") == place
        })
    };
    let (Some(recorded), Some(ours)) = (offset(recorded), offset(ours)) else {
        return false;
    };
    let token = |offset: u32| tokens.iter().find(|t| t.span.end > offset).map(|t| t.span);
    token(recorded) == token(ours) || token(ours).is_some_and(|span| span.end == recorded)
}

#[test]
fn the_corpus_has_the_columns_and_errors_that_the_analyser_gives_it() {
    let scope = hunting();
    let (mut good, mut wrong, mut apart) = (0, 0, 0);
    let mut differ = Vec::new();
    for (file, text) in FILES {
        for case in cases(file, text) {
            let ours = said(&case.query, &scope);
            let fits = match &case.ours {
                Some(expected) => {
                    apart += 1;
                    *expected == ours && !agree(&case.query, &case.recorded, &ours)
                }
                None if case.recorded.starts_with("error ") => {
                    wrong += 1;
                    agree(&case.query, &case.recorded, &ours)
                }
                None => {
                    good += 1;
                    case.recorded == ours
                }
            };
            if !fits {
                let expected = case.ours.as_ref().unwrap_or(&case.recorded);
                differ.push(format!(
                    "{}\n{}\n  expected {expected}\n  got      {ours}",
                    case.place, case.query
                ));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n\n")
    );
    assert!(good >= 400, "{good} queries with columns");
    assert!(wrong >= 60, "{wrong} queries with errors");
    assert!(apart <= 40, "{apart} deviations");
}
