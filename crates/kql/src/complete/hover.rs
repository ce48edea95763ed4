//! What stands at a position of a query.

use crate::bind::{self, Known, Scope};
use crate::catalogue;
use crate::diagnostic::Span;
use crate::lexer::lex;
use crate::parser::parse;
use crate::token::{Token, TokenKind};

use super::place::{Part, Place};
use super::{CompletionKind, aggregate_detail, described, scalar_detail, words};

/// What stands at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// Where it stands.
    pub span: Span,
    /// What it is; none for a literal.
    pub kind: Option<CompletionKind>,
    /// Its name, or the literal.
    pub name: String,
    /// The type, or how it is called.
    pub detail: String,
    /// What it does, in a sentence; empty for what the query or the schema names.
    pub documentation: String,
}

/// What stands at a byte offset of a query; none between words and where nothing is known of the word.
#[must_use]
pub fn hover(source: &str, offset: usize, scope: &Scope) -> Option<Hover> {
    let (tokens, _) = lex(source);
    let offset = u32::try_from(offset).ok()?;
    let covers = |t: &&Token| t.span.start <= offset && offset < t.span.end;
    // At the end of a word it is still that word.
    let token = tokens.iter().find(covers).or_else(|| {
        let ends = |t: &&Token| t.span.end == offset && t.kind == TokenKind::Word;
        tokens.iter().find(ends)
    })?;
    let literal = match token.kind {
        TokenKind::String => Some("string"),
        TokenKind::Long => Some("long"),
        TokenKind::Real => Some("real"),
        TokenKind::TimeSpan => Some("timespan"),
        TokenKind::Typed(literal) => Some(literal.name()),
        _ => None,
    };
    if let Some(ty) = literal {
        return Some(Hover {
            span: token.span,
            kind: None,
            name: token.span.text(source).to_owned(),
            detail: ty.to_owned(),
            documentation: String::new(),
        });
    }
    let place = Place::of(source, token.span.start as usize)?;
    named(source, token, &tokens, &place, scope)
}

fn named(
    source: &str,
    token: &Token,
    tokens: &[Token],
    place: &Place<'_>,
    scope: &Scope,
) -> Option<Hover> {
    let text = token.span.text(source);
    let found = |kind, span: Span, detail: String, documentation: &str| {
        Some(Hover {
            span,
            kind: Some(kind),
            name: span.text(source).to_owned(),
            detail,
            documentation: documentation.to_owned(),
        })
    };
    if token.kind != TokenKind::Word {
        let doc = words::meaning(words::TESTS, text)?;
        return found(CompletionKind::Test, token.span, String::new(), doc);
    }
    if place.part == Part::Operator {
        let span = whole_operator(source, token, tokens);
        let doc = words::meaning(words::OPERATORS, span.text(source))?;
        return found(CompletionKind::Operator, span, String::new(), doc);
    }
    let next = tokens.iter().find(|t| t.span.start >= token.span.end);
    let called = next.is_some_and(|t| t.kind == TokenKind::OpenParen);
    let survey = bind::survey(&parse(&place.before).query, scope);
    let variable = survey.names.iter().find(|(name, _)| name == text);
    if let Some((_, known)) = variable
        && (called || !matches!(known, Known::Function(_)))
    {
        return found(CompletionKind::Variable, token.span, described(known), "");
    }
    if called {
        let plugin = words::meaning(words::PLUGINS, text);
        let evaluated = place.last().is_some_and(|t| place.text(t) == "evaluate");
        if let Some(doc) = plugin.filter(|_| evaluated) {
            return found(CompletionKind::Plugin, token.span, String::new(), doc);
        }
        if let Some(function) = catalogue::aggregate_function(text) {
            let detail = aggregate_detail(function);
            return found(CompletionKind::Aggregate, token.span, detail, function.doc);
        }
        if let Some(function) = catalogue::scalar_function(text) {
            let detail = scalar_detail(function);
            return found(CompletionKind::Function, token.span, detail, function.doc);
        }
    }
    if let Some((_, ty)) = survey.columns.iter().find(|(name, _)| name == text) {
        return found(CompletionKind::Column, token.span, ty.name().to_owned(), "");
    }
    if let Some(columns) = scope.table(text) {
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, ty)| format!("{name}:{ty}"))
            .collect();
        return found(CompletionKind::Table, token.span, columns.join(", "), "");
    }
    let tables: [(CompletionKind, &[(&str, &'static str)]); 6] = [
        (CompletionKind::Test, words::TESTS),
        (CompletionKind::Operator, words::SOURCES),
        (CompletionKind::Keyword, words::STATEMENTS),
        (CompletionKind::Keyword, words::JOIN_KINDS),
        (CompletionKind::Keyword, words::KEYWORDS),
        (CompletionKind::Type, words::TYPES),
    ];
    let (kind, doc) = tables
        .into_iter()
        .find_map(|(kind, table)| Some((kind, words::meaning(table, text)?)))?;
    found(kind, token.span, String::new(), doc)
}

/// The operator with the hyphens and words that belong to it.
fn whole_operator(source: &str, token: &Token, tokens: &[Token]) -> Span {
    let mut span = token.span;
    let rest = tokens.iter().skip_while(|t| t.span.start < token.span.end);
    for next in rest {
        let joined =
            next.span.start == span.end && matches!(next.kind, TokenKind::Minus | TokenKind::Word);
        if !joined {
            break;
        }
        span = span.to(next.span);
    }
    if words::meaning(words::OPERATORS, span.text(source)).is_some() {
        span
    } else {
        token.span
    }
}
