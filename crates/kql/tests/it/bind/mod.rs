//! The binder against golden corpora, its diagnostics, its limits, and the invariants of the bound tree.

mod advice;
mod corpus;
mod deviations;
mod diagnostics;
mod golden;
mod limits;
mod sound;
mod trees;

use bartizan_kql::types::Type;
use bartizan_kql::{Bound, Diagnostic, Scope, bind, parse};

/// The tables of a file: one on a line, its name and then `column:type`.
fn scope(text: &str) -> Scope {
    let mut scope = Scope::new();
    for line in text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with("//"))
    {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let columns = words.map(|word| {
            let (column, ty) = word.split_once(':').unwrap();
            (column.to_owned(), Type::from_name(ty).unwrap())
        });
        scope.add_table(name, columns.collect());
    }
    scope
}

/// The hunting tables.
pub(crate) fn hunting() -> Scope {
    scope(include_str!("../../bind/schema.txt"))
}

/// The small tables T, U, V, Ta, Tb.
fn small() -> Scope {
    scope(include_str!("../../bind/schema-small.txt"))
}

/// Binds a query, with the errors of the parser among the diagnostics.
fn bound(query: &str, scope: &Scope) -> Bound {
    let parsed = parse(query);
    let mut bound = bind(&parsed.query, scope);
    let errors: Vec<Diagnostic> = parsed
        .diagnostics
        .into_iter()
        .filter(Diagnostic::is_error)
        .collect();
    if !errors.is_empty() {
        bound.query = None;
        bound.diagnostics.splice(0..0, errors);
    }
    bound
}

/// The columns of a result as `name:type`; of several tables with `; ` between them.
pub(crate) fn columns(query: &bartizan_kql::bound::Query) -> String {
    let of_table = |plan: &bartizan_kql::bound::Plan| {
        let columns = plan.columns.iter();
        let columns: Vec<_> = columns.map(|c| format!("{}:{}", c.name, c.ty)).collect();
        if columns.is_empty() {
            "(none)".to_owned()
        } else {
            columns.join(", ")
        }
    };
    let tables: Vec<_> = query.tables().map(of_table).collect();
    tables.join("; ")
}

/// What a query gives: its columns as `name:type`, or the codes of its errors.
fn outcome(query: &str, scope: &Scope) -> String {
    let bound = bound(query, scope);
    match bound.query {
        Some(query) => columns(&query),
        None => {
            let errors = bound.diagnostics.iter().filter(|d| d.is_error());
            format!(
                "error: {}",
                errors.map(|d| d.code).collect::<Vec<_>>().join(" ")
            )
        }
    }
}

/// The cases of a corpus: query and expectation.
fn cases(text: &str) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    let mut query: Vec<&str> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("=> ") {
            Some(expected) => {
                cases.push((std::mem::take(&mut query).join("\n"), expected.to_owned()))
            }
            None if query.is_empty() && (line.is_empty() || line.starts_with("//")) => {}
            None => query.push(line),
        }
    }
    cases
}
