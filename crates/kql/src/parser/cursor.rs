//! Looking at tokens, taking them, and skipping to where parsing can go on.

use super::Parser;
use crate::ast::{Name, NamePattern};
use crate::diagnostic::{Diagnostic, Span};
use crate::habit;
use crate::literal::string_value;
use crate::token::{Token, TokenKind};

impl<'a> Parser<'a> {
    /// The token `offset` places ahead; the end token beyond the end.
    pub(super) fn nth(&self, offset: usize) -> Token {
        let last = Token {
            kind: TokenKind::End,
            span: Span::empty(0),
        };
        self.tokens
            .get(self.position + offset)
            .or(self.tokens.last())
            .copied()
            .unwrap_or(last)
    }

    pub(super) fn peek(&self) -> Token {
        self.nth(0)
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.nth(0).kind
    }

    pub(super) fn at(&self, kind: TokenKind) -> bool {
        self.kind() == kind
    }

    pub(super) fn text(&self, token: Token) -> &'a str {
        token.span.text(self.source)
    }

    /// Whether the token `offset` places ahead is this word.
    pub(super) fn nth_is_word(&self, offset: usize, word: &str) -> bool {
        let token = self.nth(offset);
        token.kind == TokenKind::Word && self.text(token) == word
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.nth_is_word(0, word)
    }

    /// Takes the next token. The end token is never passed.
    pub(super) fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.position += 1;
        }
        token
    }

    pub(super) fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.at(kind);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// Takes a token of this kind, or reports `Expected: what`.
    pub(super) fn expect(&mut self, kind: TokenKind, what: &str) -> bool {
        let found = self.eat(kind);
        if !found {
            self.expected(what);
        }
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> bool {
        let found = self.eat_word(word);
        if !found {
            let mut error = Diagnostic::error("KS005", self.here(), format!("Expected: {word}"));
            if self.text(self.peek()).eq_ignore_ascii_case(word) {
                error.suggestion = Some(habit::lower_case(word));
            }
            self.report(error);
        }
        found
    }

    /// Reports that something else is needed here.
    pub(super) fn expected(&mut self, what: &str) {
        let span = self.here();
        self.error("KS005", span, format!("Expected: {what}"));
    }

    /// Reports that something of the given sort is missing here.
    pub(super) fn missing(&mut self, what: &str) {
        let span = self.here();
        self.error("KS006", span, format!("Missing {what}"));
    }

    /// The span of the next token; at the end of the text an empty one behind the last token.
    pub(super) fn here(&self) -> Span {
        if self.at(TokenKind::End) {
            Span::empty(self.previous_end())
        } else {
            self.peek().span
        }
    }

    /// Where the last taken token ends.
    pub(super) fn previous_end(&self) -> u32 {
        self.position
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index))
            .map_or(0, |token| token.span.end)
    }

    /// From `start` to the end of the last taken token.
    pub(super) fn span_from(&self, start: u32) -> Span {
        Span::new(start, self.previous_end().max(start))
    }

    /// Whether the token `offset` places ahead follows its predecessor without a blank.
    pub(super) fn is_adjacent(&self, offset: usize) -> bool {
        offset > 0 && self.nth(offset - 1).span.end == self.nth(offset).span.start
    }

    /// How many tokens a name at `offset` takes: a word, or `['a name']`.
    pub(super) fn scan_name(&self, offset: usize) -> Option<usize> {
        match self.nth(offset).kind {
            TokenKind::Word => Some(1),
            TokenKind::OpenBracket => {
                let strings = (1..)
                    .take_while(|at| self.nth(offset + at).kind == TokenKind::String)
                    .count();
                let closed = self.nth(offset + strings + 1).kind == TokenKind::CloseBracket;
                (strings > 0 && closed).then_some(strings + 2)
            }
            _ => None,
        }
    }

    /// Takes a name if one stands here.
    pub(super) fn eat_name(&mut self) -> Option<Name> {
        let length = self.scan_name(0)?;
        let first = self.bump();
        if length == 1 {
            return Some(Name {
                text: self.text(first).to_owned(),
                span: first.span,
            });
        }
        let text = self.adjacent_strings().0;
        self.bump();
        Some(Name {
            text,
            span: self.span_from(first.span.start),
        })
    }

    /// Takes a name, or reports that it is missing.
    pub(super) fn name(&mut self) -> Name {
        self.eat_name().unwrap_or_else(|| {
            let span = Span::empty(self.here().start);
            self.missing("name");
            Name {
                text: String::new(),
                span,
            }
        })
    }

    /// Takes string literals that follow each other: their joined text, and whether one of them is hidden.
    pub(super) fn adjacent_strings(&mut self) -> (String, bool) {
        let (mut text, mut hidden) = (String::new(), false);
        while self.at(TokenKind::String) {
            let token = self.bump();
            let (part, part_hidden) = string_value(self.text(token));
            text.push_str(&part);
            hidden |= part_hidden;
        }
        (text, hidden)
    }

    /// How many tokens a name with wildcards takes here; `None` when there is no wildcard.
    pub(super) fn scan_wildcard(&self) -> Option<usize> {
        let part = |kind| {
            matches!(
                kind,
                TokenKind::Word | TokenKind::Star | TokenKind::Long | TokenKind::TimeSpan
            )
        };
        if !matches!(self.kind(), TokenKind::Word | TokenKind::Star) {
            return None;
        }
        let length = 1
            + (1..)
                .take_while(|at| part(self.nth(*at).kind) && self.is_adjacent(*at))
                .count();
        (0..length)
            .any(|at| self.nth(at).kind == TokenKind::Star)
            .then_some(length)
    }

    /// Takes a name that may have wildcards, or reports that it is missing.
    pub(super) fn name_pattern(&mut self) -> NamePattern {
        let Some(length) = self.scan_wildcard() else {
            let Name { text, span } = self.name();
            return NamePattern {
                text,
                wildcard: false,
                span,
            };
        };
        let start = self.peek().span.start;
        for _ in 0..length {
            self.bump();
        }
        let span = self.span_from(start);
        NamePattern {
            text: span.text(self.source).to_owned(),
            wildcard: true,
            span,
        }
    }

    /// Takes a word with the hyphens and words that follow it without a blank, such as `project-away`, when the
    /// whole is one of `known`; otherwise the first word alone.
    pub(super) fn dashed_word(&mut self, known: impl Fn(&str) -> bool) -> &'a str {
        let first = self.peek();
        let pair = |at: &usize| {
            self.nth(*at).kind == TokenKind::Minus
                && self.is_adjacent(*at)
                && self.nth(at + 1).kind == TokenKind::Word
                && self.is_adjacent(at + 1)
        };
        let pairs = (1..).step_by(2).take_while(pair).take(4).count();
        for pairs in (1..=pairs).rev() {
            let span = first.span.to(self.nth(pairs * 2).span);
            if known(span.text(self.source)) {
                self.position += pairs * 2 + 1;
                return span.text(self.source);
            }
        }
        let first = self.bump();
        self.text(first)
    }

    /// Skips to the first token outside of any bracket for which `stop` holds, to a closing bracket that was not
    /// opened on the way, to a `;`, or to the end.
    pub(super) fn skip_until(&mut self, stop: impl Fn(TokenKind) -> bool) {
        let mut depth = 0_u32;
        loop {
            let kind = self.kind();
            match kind {
                TokenKind::End | TokenKind::Semicolon => return,
                _ if depth == 0 && stop(kind) => return,
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    let Some(outer) = depth.checked_sub(1) else {
                        return;
                    };
                    depth = outer;
                }
                _ => {}
            }
            self.bump();
        }
    }
}
