//! Functions that are declared outside of the query: those that a tenant has saved, and those of advanced hunting that are
//! written in the language themselves.
//!
//! A function is a list of parameters and a body, both as in `let f = (parameters) { body }`. It sees the tables and
//! the other functions of the [`Scope`] and nothing of the query that calls it; a `let` of that query hides it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ast::{Function, LetValue, Query, StatementKind};
use crate::bind::{Scope, check_saved};
use crate::catalogue;
use crate::diagnostic::{Diagnostic, line_column};
use crate::lexer::lex;
use crate::parser::parse;
use crate::token::TokenKind;

/// The longest name, in characters.
pub const MAX_NAME: usize = 128;

/// Calls that the binder knows beside the catalogue; no function can have their names.
const RESERVED: [&str; 10] = [
    "FileProfile",
    "cluster",
    "column_names_of",
    "database",
    "external_table",
    "let",
    "materialize",
    "table",
    "toscalar",
    "view",
];

/// What is put before parameters and body, and between them.
const OPENING: &str = "let f = (";
const BETWEEN: &str = ") {\n";

/// A function whose text was parsed without errors.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedFunction {
    pub(crate) function: Arc<Function>,
    /// Its first parameter names a column of the rows that it is invoked on, by default this one.
    pub(crate) column: Option<&'static str>,
    text: Arc<str>,
    body: usize,
}

/// Something that is wrong with a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In its body rather than in its parameters.
    pub in_body: bool,
    /// Line of that part, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl SavedFunction {
    /// Reads parameters (`text:string, most:long=10`, without the brackets) and a body.
    ///
    /// # Errors
    /// What is wrong with them, at least one problem.
    pub fn parse(parameters: &str, body: &str) -> Result<Self, Vec<Problem>> {
        // The lines keep a comment at the end from hiding what comes after it.
        let text = format!("{OPENING}{parameters}\n{BETWEEN}{body}\n}}");
        let start = OPENING.len() + parameters.len() + 1 + BETWEEN.len();
        let parsed = parse(&text);
        let problems = problems(&text, start, &parsed.diagnostics);
        if !problems.is_empty() {
            return Err(problems);
        }
        match only_function(parsed.query) {
            // A bracket too many ends the function early, one too few late.
            Some(function)
                if function.span.end as usize == text.len()
                    && function.body.span.start as usize == start - 2 =>
            {
                if function.body.result.is_none() {
                    return Err(vec![whole("The function has no result")]);
                }
                Ok(Self {
                    function: Arc::new(function),
                    column: None,
                    text: text.into(),
                    body: start,
                })
            }
            _ => Err(vec![whole("The brackets of the function do not match")]),
        }
    }

    /// The same, invoked with the name of a column as its first argument: the function finds that column's values as
    /// `Key_` beside the others.
    pub(crate) fn of_column(mut self, default: &'static str) -> Self {
        self.column = Some(default);
        self
    }

    /// Binds the function under its name with stand-ins for its arguments. A scope that holds it under that name shows
    /// calls of itself, through others, too.
    #[must_use]
    pub fn check(&self, name: &str, scope: &Scope) -> Vec<Problem> {
        problems(&self.text, self.body, &check_saved(name, self, scope))
    }
}

fn only_function(query: Query) -> Option<Function> {
    let mut statements = query.statements.into_iter();
    match (statements.next().map(|s| s.kind), statements.next()) {
        (Some(StatementKind::Let(declared)), None) => match declared.value {
            LetValue::Function(function) => Some(function),
            _ => None,
        },
        _ => None,
    }
}

fn whole(message: &str) -> Problem {
    Problem {
        in_body: true,
        line: 1,
        column: 1,
        message: message.to_owned(),
    }
}

fn problems(text: &str, body: usize, diagnostics: &[Diagnostic]) -> Vec<Problem> {
    let errors = diagnostics.iter().filter(|d| d.is_error());
    errors.map(|d| problem(text, body, d)).collect()
}

fn problem(text: &str, body: usize, diagnostic: &Diagnostic) -> Problem {
    let at = diagnostic.span.start as usize;
    let in_body = at >= body;
    let start = if in_body { body } else { OPENING.len() };
    let part = text.get(start..).unwrap_or_default();
    let offset = u32::try_from(at.saturating_sub(start)).unwrap_or(u32::MAX);
    let (line, column) = line_column(part, offset);
    Problem {
        in_body,
        line,
        column,
        message: diagnostic.text(),
    }
}

/// Why no function can have this name; none when it can. Tables and functions that are there already take names, but
/// functions of the scope do not: they may be replaced.
#[must_use]
pub fn name_problem(name: &str, scope: &Scope) -> Option<String> {
    let mut characters = name.chars();
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let plain = characters.next().is_some_and(first)
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= MAX_NAME;
    if !plain {
        return Some(format!(
            "A function's name has letters, digits and underscores, begins with no digit, and has at most {MAX_NAME} characters"
        ));
    }
    if scope.table(name).is_some() {
        return Some(format!("There is a table named '{name}'"));
    }
    let known = catalogue::scalar_function(name).is_some()
        || catalogue::aggregate_function(name).is_some()
        || crate::hunting_functions::names().any(|known| known == name)
        || RESERVED.contains(&name);
    known.then(|| format!("The language has a function named '{name}'"))
}

/// The words of a text that may name functions.
#[must_use]
pub fn words(text: &str) -> BTreeSet<&str> {
    let (tokens, _) = lex(text);
    let quotes = |c: char| matches!(c, '"' | '\'' | '@' | '`');
    let named = tokens.iter().filter_map(|token| match token.kind {
        TokenKind::Word => Some(token.span.text(text)),
        // `['name']`
        TokenKind::String => Some(token.span.text(text).trim_matches(quotes)),
        _ => None,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;

    fn scope() -> Scope {
        Scope::new().with_table("T", &[("a", Type::String), ("n", Type::Long)])
    }

    fn with(functions: &[(&str, &str, &str)]) -> Scope {
        let mut scope = scope();
        for (name, parameters, body) in functions {
            let function = SavedFunction::parse(parameters, body).unwrap();
            scope.add_function(*name, function);
        }
        scope
    }

    fn errors(query: &str, scope: &Scope) -> Vec<String> {
        let parsed = parse(query);
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let bound = crate::bind(&parsed.query, scope);
        bound
            .diagnostics
            .iter()
            .map(|d| format!("{:?} {} {}", d.span, d.code, d.text()))
            .collect()
    }

    #[test]
    fn a_body_cannot_leave_its_braces() {
        for (parameters, body) in [
            ("", "T } ; T | where (a == 'x'"),
            ("", "T }; let g = () { T"),
            ("a:string) { T } //", "T"),
            ("", ""),
            ("", "// nothing"),
            ("", "let x = 1;"),
            ("x", "T"),
            ("", "T | where"),
        ] {
            let parsed = SavedFunction::parse(parameters, body);
            assert!(parsed.is_err(), "({parameters}) {{{body}}}: {parsed:?}");
        }
        assert!(SavedFunction::parse("", "T // all of it").is_ok());
        assert!(SavedFunction::parse("x:string // what\n, y:long=2", "T | take y;").is_ok());
    }

    #[test]
    fn problems_are_where_they_are_written() {
        let wrong = SavedFunction::parse("x:string", "T\n| where (a) = x").unwrap_err();
        assert!(wrong[0].in_body);
        assert_eq!((wrong[0].line, wrong[0].column), (2, 9), "{wrong:?}");
        let saved = SavedFunction::parse("x:strin", "T | where a == x").unwrap();
        let wrong = saved.check("f", &scope());
        assert!(!wrong[0].in_body && wrong[0].column == 3, "{wrong:?}");
        let saved = SavedFunction::parse("x:string", "T\n| where aa == x").unwrap();
        let wrong = saved.check("f", &scope());
        assert!(wrong[0].in_body, "{wrong:?}");
        assert_eq!((wrong[0].line, wrong[0].column), (2, 9), "{wrong:?}");
    }

    #[test]
    fn functions_are_called_as_tables_values_and_by_invoke() {
        let scope = with(&[
            (
                "Named",
                "x:string, most:long=5",
                "T | where a == x | take most",
            ),
            ("Twice", "n:long", "n * 2"),
            ("Few", "rows:(n:long)", "rows | where n < Twice(3)"),
            ("All", "", "T"),
        ]);
        for query in [
            "Named('x') | project n",
            "Named('x', 3)",
            "Named('x', most=3)",
            "T | extend m = Twice(n)",
            "T | invoke Few()",
            "All | where a == 'x'",
            "All() | join kind=inner (Named('y')) on a",
            "let Twice = (s:string) { strcat(s, s) }; T | extend b = Twice(a)",
        ] {
            assert_eq!(errors(query, &scope), Vec::<String>::new(), "{query}");
        }
    }

    #[test]
    fn a_mistake_in_a_function_is_told_at_its_call() {
        let scope = with(&[
            ("Old", "", "T | where gone == 1"),
            ("Via", "", "Old() | take 1"),
        ]);
        for (query, span) in [("Old() | count", "0..5"), ("T | union Via()", "10..15")] {
            let told = errors(query, &scope);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(span), "{told:?}");
            assert!(told[0].contains("In the function 'Old'"), "{told:?}");
        }
    }

    #[test]
    fn a_function_sees_nothing_of_its_caller() {
        let scope = with(&[("Peek", "", "T | where a == secret"), ("Rows", "", "Mine")]);
        assert_eq!(errors("let secret = 'x'; Peek()", &scope).len(), 1);
        assert_eq!(errors("let Mine = T; Rows()", &scope).len(), 1);
        // Nor do defaults, and neither the other parameters.
        let scope = with(&[
            ("Peek", "n:string=secret", "T | where a == n"),
            ("Both", "m:string, n:string=m", "T | where a == n"),
            ("Fine", "n:string=strcat('x', 'y')", "T | where a == n"),
        ]);
        assert_eq!(errors("let secret = 'x'; Peek()", &scope).len(), 1);
        assert_eq!(errors("let secret = 'x'; Peek(secret)", &scope).len(), 0);
        assert_eq!(errors("let m = 'x'; Both('y')", &scope).len(), 1);
        assert_eq!(errors("Fine()", &scope).len(), 0);
        // They are looked at before anybody calls.
        for (default, wrong) in [("secret", 1), ("strlen(1, 2)", 1), ("'x'", 0)] {
            let saved = SavedFunction::parse(&format!("n:string={default}"), "T").unwrap();
            assert_eq!(saved.check("New", &scope).len(), wrong, "{default}");
        }
    }

    #[test]
    fn circles_are_refused() {
        let scope = with(&[
            ("A", "", "B() | take 1"),
            ("B", "", "C()"),
            ("C", "", "A()"),
            ("Me", "n:long", "iff(n < 1, 0, Me(n - 1))"),
        ]);
        let told = errors("A()", &scope);
        assert!(told[0].contains("A, B, C, A"), "{told:?}");
        assert!(!errors("print Me(3)", &scope).is_empty());
        let saved = SavedFunction::parse("", "A()").unwrap();
        let wrong = saved.check("C", &scope);
        assert!(wrong[0].message.contains("calls itself"), "{wrong:?}");
        let scope = with(&[
            ("D", "n:long=toscalar(E())", "T | take n"),
            ("E", "", "D()"),
        ]);
        let told = errors("D()", &scope);
        assert!(told[0].contains("D, E, D"), "{told:?}");
        let saved = SavedFunction::parse("n:long=toscalar(E())", "T | take n").unwrap();
        let wrong = saved.check("D", &scope);
        assert!(wrong[0].message.contains("calls itself"), "{wrong:?}");
    }

    #[test]
    fn a_table_that_a_body_misses_is_missing() {
        let scope = with(&[("F", "", "let gone = Gone | take 1; T")]);
        let told = errors("F()", &scope);
        assert!(told.len() == 1 && told[0].contains("KS204"), "{told:?}");
    }

    #[test]
    fn names_of_the_language_and_of_tables_are_taken() {
        let scope = scope();
        for name in [
            "T",
            "count",
            "strlen",
            "DeviceFromIP",
            "FileProfile",
            "row_number",
            "a b",
            "1a",
            "",
            "é",
        ] {
            assert!(name_problem(name, &scope).is_some(), "{name}");
        }
        for name in ["Mine", "_x", "t", "Count"] {
            assert_eq!(name_problem(name, &scope), None, "{name}");
        }
    }

    #[test]
    fn words_are_found_wherever_a_name_may_stand() {
        let found = words("F() | invoke ['G'](x) // H\n| where a == \"I\"");
        assert!(
            found.contains("F") && found.contains("G") && !found.contains("H"),
            "{found:?}"
        );
    }
}
