//! Names and types of result columns, compared with what Microsoft's analyser said when the corpora were written.

use super::{cases, hunting, outcome, small};
use bartizan_kql::Scope;

fn check(corpus: &str, scope: &Scope, at_least: usize) {
    let cases = cases(corpus);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let wrong: Vec<_> = cases
        .iter()
        .map(|(query, expected)| (query, expected, outcome(query, scope)))
        .filter(|(_, expected, got)| *expected != got)
        .map(|(query, expected, got)| format!("{query}\n  expected {expected}\n  got      {got}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn hunts_have_the_columns_that_the_analyser_gives_them() {
    check(include_str!("../../bind/hunts.txt"), &hunting(), 150);
}

#[test]
fn rules_of_naming_and_typing() {
    check(include_str!("../../bind/rules.txt"), &small(), 600);
}

#[test]
fn operators_and_plugins_have_the_columns_that_the_analyser_gives_them() {
    check(include_str!("../../bind/operators.txt"), &small(), 100);
}
