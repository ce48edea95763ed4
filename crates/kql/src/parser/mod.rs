//! From tokens to the syntax tree.
//!
//! # Grammar
//! The grammar is Kusto's as Microsoft's parser reads it, with these decisions:
//!
//! - **Precedence**, loosest first: `or`; `and`; equality (`==` `!=` `<>` `in` `has_any` `between` …); relation
//!   (`<` `>=` …); sum; product; text tests (`=~` `has` `contains` `matches regex` …); sign; path. So
//!   `a + b has 'x'` is `a + (b has 'x')`. Equality, relation and text tests do not chain: `a == b == c` is an error.
//!   `not` is a function.
//! - **`and`/`or` chains are flat lists** however long they are, and brackets in brackets are one node.
//! - **Keywords are contextual.** In an expression only the words that stand between operands are no names
//!   (`has`, `by`, …; write `['has']`); columns called `count`, `kind`, `type` or `title` are fine.
//! - **A tabular expression may stand wherever a bracket opened**: in `(…)`, in an argument, in the list of `in`.
//!   A bare name or call there is left to the binder, which knows what is a table.
//! - **An `=` after a name names**: a column in `extend`, an argument in a call.
//!
//! # Errors
//! Parsing never fails: it gives a tree and diagnostics. After a mistake in an operator it goes on at the next pipe,
//! after one in an argument at the next comma or closing bracket, and otherwise at the next `;`. One place gets one
//! diagnostic, and a query at most [`crate::lexer::MAX_DIAGNOSTICS`].
//!
//! # Limits
//! Expressions are parsed with an explicit stack, so brackets nest without using the machine's stack, up to
//! [`MAX_NESTING`]. What later stages recurse over is bounded too: [`MAX_DEPTH`] bounds the height of the tree and
//! [`MAX_SUBQUERY_DEPTH`] the pipelines within pipelines, which are the only thing that this parser recurses for.
//! Each of them gives KS245 when exceeded. Time is linear in the length of the text.

mod advice;
mod brackets;
mod clause;
mod cursor;
mod dynamic;
mod expression;
mod graph;
mod joining;
mod operand;
mod operator;
mod parameters;
mod source;
mod statement;

pub use dynamic::parse_dynamic;
pub(crate) use expression::{binary_level, level, logical_level};

use crate::ast::Query;
use crate::diagnostic::{Diagnostic, Span};
use crate::lexer::{MAX_DIAGNOSTICS, lex};
use crate::token::{Token, TokenKind};

/// How many brackets may be open at once.
pub const MAX_NESTING: u32 = 2_000;

/// How high a syntax tree may be, counted in expressions within expressions.
pub const MAX_DEPTH: u32 = 500;

/// How many pipelines (and function bodies) may stand within each other.
pub const MAX_SUBQUERY_DEPTH: u32 = 32;

/// How many operators one pipeline may have.
pub const MAX_OPERATORS: usize = 500;

/// What parsing gives: always a tree, and what is wrong with the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The tree. Where the text was wrong it holds `Error` nodes.
    pub query: Query,
    /// What is wrong, in the order of the text; the lexer's diagnostics are included.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether any diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Parses a query text. Never fails and never panics, whatever the text is.
#[must_use]
pub fn parse(source: &str) -> Parsed {
    let (tokens, mut diagnostics) = lex(source);
    let mut parser = Parser::new(source, &tokens);
    let query = parser.query();
    diagnostics.append(&mut parser.diagnostics);
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
    // What the lexer has said about a place, the parser need not say again: its message stands first.
    diagnostics.dedup_by_key(|diagnostic| diagnostic.span.start);
    if let (Some(first), Some(advice)) = (diagnostics.first_mut(), sql_advice(source, &tokens)) {
        first.suggestion = Some(advice);
    }
    Parsed { query, diagnostics }
}

/// What to write for a text that begins as SQL does.
fn sql_advice(source: &str, tokens: &[Token]) -> Option<String> {
    let text = |token: &Token| token.span.text(source);
    let is = |token: &Token, word: &str| text(token).eq_ignore_ascii_case(word);
    tokens.first().filter(|token| is(token, "select"))?;
    let from = tokens.iter().position(|token| is(token, "from"));
    let table = from
        .and_then(|at| tokens.get(at + 1))
        .filter(|token| token.kind == TokenKind::Word)
        .map_or("TableName", text);
    Some(format!(
        "This is KQL, not SQL: {table} | where … | project …"
    ))
}

/// The state of a parse.
struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Token],
    /// The next token.
    position: usize,
    diagnostics: Vec<Diagnostic>,
    /// Brackets open in expressions, those of enclosing pipelines included.
    brackets: u32,
    /// Pipelines and function bodies that enclose the position.
    subqueries: u32,
    /// The highest expression of the pipeline so far.
    tallest: u32,
    /// `:` is an operator, as it is in `search`.
    searching: bool,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            source,
            tokens,
            position: 0,
            diagnostics: Vec::new(),
            brackets: 0,
            subqueries: 0,
            tallest: 0,
            searching: false,
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        // One mistake often surprises several productions at the same place: the first message is the best.
        let repeated = self
            .diagnostics
            .last()
            .is_some_and(|last| last.span.start == diagnostic.span.start);
        if !repeated && self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(code, span, message));
    }

    /// Reports that something is nested deeper than we go.
    fn too_deep(&mut self, span: Span, what: &str, limit: u32) {
        if !self
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.code == "KS245")
        {
            self.error(
                "KS245",
                span,
                format!("Query syntax depth exceeds the limit: more than {limit} {what}"),
            );
        }
    }
}

#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod tests;
