//! Printing: a tree as a query in canonical form, and tokens and trees for people who debug.
//!
//! [`format()`] is a fixpoint: parsing what it prints and printing that again changes nothing, for every tree that was
//! parsed without errors. It keeps the brackets that the author wrote and adds those that a tree needs. It cannot
//! keep comments, which are no part of the tree; [`format_with_comments`] puts them back.
//!
//! Layout: one statement after another with an empty line between them, one operator on a line; a pipeline in
//! brackets stays on its line when it has at most one operator, and is indented otherwise; a `where` with three tests
//! or more has one on a line.

mod bound;
mod clause;
mod comments;
mod expression;
mod graph;
mod literal;
mod operator;
mod tabular;

pub use bound::dump_bound;
pub use comments::format_with_comments;

use crate::ast::{Name, NamePattern, Query, Statement, StatementKind};
use crate::keyword;
use crate::lexer::{is_name_part, is_name_start};
use crate::token::{Token, TokenKind, TypedLiteral};

/// Prints a query in canonical form, with a newline at the end unless it is empty.
#[must_use]
pub fn format(query: &Query) -> String {
    let mut printer = Printer {
        out: String::new(),
        indent: 0,
    };
    for (index, statement) in query.statements.iter().enumerate() {
        if index > 0 {
            printer.out.push('\n');
        }
        printer.statement(statement);
        let last = index + 1 == query.statements.len();
        let needs_end = !last || !matches!(statement.kind, StatementKind::Expression(_));
        printer.out.push_str(if needs_end { ";\n" } else { "\n" });
    }
    printer.out
}

/// The tokens of a query, one on a line: span, kind and text.
#[must_use]
pub fn dump_tokens(source: &str, tokens: &[Token]) -> String {
    let mut out = String::new();
    for token in tokens {
        let kind = match token.kind {
            TokenKind::Typed(literal) => format!("Typed({})", literal.name()),
            kind => format!("{kind:?}"),
        };
        let span = format!("{:?}", token.span);
        out.push_str(&format!(
            "{span:<12} {kind:<16} {}",
            token.span.text(source).escape_debug()
        ));
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// The tree of a query as indented text, with spans.
#[must_use]
pub fn dump_ast(query: &Query) -> String {
    let mut out = format!("{:#?}\n", query.statements);
    if query.statements.is_empty() {
        out = "[]\n".to_owned();
    }
    out
}

/// Writes a query.
struct Printer {
    out: String,
    /// Levels of indentation of the current line.
    indent: usize,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Begins a line at the current indentation.
    fn newline(&mut self) {
        self.out.push('\n');
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
    }

    /// Items with `, ` between them.
    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        for (index, value) in items.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            item(self, value);
        }
    }

    /// A name, in brackets and quotes when it would not be read as one without.
    fn name(&mut self, name: &Name) {
        self.name_text(&name.text);
    }

    fn name_text(&mut self, text: &str) {
        if is_plain_name(text) {
            self.push(text);
        } else {
            self.quoted_name(text);
        }
    }

    fn quoted_name(&mut self, text: &str) {
        self.push("[");
        self.string(text);
        self.push("]");
    }

    fn pattern(&mut self, pattern: &NamePattern) {
        if pattern.wildcard {
            self.push(&pattern.text)
        } else {
            self.name_text(&pattern.text)
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Let(binding) => self.let_statement(binding),
            StatementKind::Set { name, value } => {
                self.push("set ");
                self.name(name);
                if let Some(value) = value {
                    self.push(" = ");
                    self.expr(value);
                }
            }
            StatementKind::DeclareQueryParameters(parameters) => {
                self.push("declare query_parameters");
                self.parameter_declarations(parameters);
            }
            StatementKind::Expression(tabular) => self.pipeline(tabular, true),
            StatementKind::Error => {}
        }
    }
}

/// Words that begin something else than a name where a name may stand.
const AMBIGUOUS: &[&str] = &[
    "print", "union", "search", "find", "evaluate", "typeof", "dynamic", "let", "set", "declare",
    "alias", "restrict", "view", "hint", "$left", "$right",
];

/// Words that are no functions when a bracket follows.
const NEVER_CALLED: &[&str] = &["datatable", "externaldata", "external_data"];

/// Whether the text is read as a name wherever a name may stand.
fn is_plain_name(text: &str) -> bool {
    text.starts_with(is_name_start)
        && text.chars().skip(1).all(is_name_part)
        && !keyword::is_reserved(text)
        && !AMBIGUOUS.contains(&text)
}

/// Whether the text is read as the name of a function when a bracket follows.
fn is_plain_function(text: &str) -> bool {
    is_plain_name(text) && !NEVER_CALLED.contains(&text) && TypedLiteral::from_word(text).is_none()
}

#[cfg(test)]
mod tests;
