//! `name = value` pairs behind the name of an operator.

use super::Parser;
use crate::ast::{Expr, ExprKind, Literal, Name, Parameter};
use crate::diagnostic::Diagnostic;
use crate::keyword;
use crate::token::TokenKind;

impl Parser<'_> {
    /// `name = value` pairs between the name of an operator and its operands: those in `known`, and all `hint.…`.
    pub(super) fn parameters(&mut self, known: &[&str]) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        loop {
            let word = self.text(self.peek());
            let hint = self.at_word("hint")
                && self.nth(1).kind == TokenKind::Dot
                && self.nth(2).kind == TokenKind::Word;
            let length = if hint { 3 } else { 1 };
            let named = hint || (self.at(TokenKind::Word) && known.contains(&word));
            if !named || self.nth(length).kind != TokenKind::Assign {
                return parameters;
            }
            let start = self.peek().span.start;
            // Of the tokens alone: there may be blanks and comments between them.
            let text = (0..length).map(|_| {
                let token = self.bump();
                self.text(token)
            });
            let text = text.collect();
            let span = self.span_from(start);
            let name = Name { text, span };
            self.bump();
            let value = self.parameter_value();
            parameters.push(Parameter { name, value });
        }
    }

    /// A word, or a literal of one token.
    fn parameter_value(&mut self) -> Expr {
        let start = self.here();
        let kind = match self.kind() {
            TokenKind::Word if keyword::boolean(self.text(self.peek())).is_some() => {
                let value = keyword::boolean(self.text(self.peek()));
                self.bump();
                ExprKind::Literal(crate::ast::Literal::Bool(value))
            }
            TokenKind::Word | TokenKind::OpenBracket => ExprKind::Name(self.name()),
            TokenKind::String => {
                let (value, hidden) = self.adjacent_strings();
                ExprKind::Literal(crate::ast::Literal::String { value, hidden })
            }
            TokenKind::Long | TokenKind::Real | TokenKind::TimeSpan | TokenKind::Typed(_) => {
                self.literal()
            }
            _ => {
                self.missing("value");
                ExprKind::Error
            }
        };
        Expr {
            kind,
            span: self.span_from(start.start),
        }
    }

    /// Removes the parameter `name` and gives its value, when that is a word, among the words of `table`.
    pub(super) fn take_choice<T: Copy>(
        &mut self,
        parameters: &mut Vec<Parameter>,
        name: &str,
        table: &[(&str, T)],
    ) -> Option<T> {
        let at = parameters
            .iter()
            .position(|parameter| parameter.name.text == name)?;
        let Parameter { value, .. } = parameters.remove(at);
        let ExprKind::Name(word) = &value.kind else {
            self.not_a_choice(&value, table);
            return None;
        };
        let found = table
            .iter()
            .find(|(text, _)| *text == word.text)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            self.not_a_choice(&value, table);
        }
        found
    }

    fn not_a_choice<T>(&mut self, value: &Expr, table: &[(&str, T)]) {
        let words: Vec<&str> = table.iter().map(|(text, _)| *text).collect();
        let message = format!("Expected: one of the values {}", words.join(", "));
        let mut diagnostic = Diagnostic::error("KS005", value.span, message);
        if let ExprKind::Name(word) = &value.kind {
            // `left` is short for `leftouter`; of `outer` nobody knows which side is meant.
            let given = word.text.to_lowercase();
            let exact = words.iter().find(|own| **own == given);
            let short = exact.or_else(|| words.iter().find(|own| own.starts_with(&given)));
            let near = || keyword::nearest(&word.text, words.iter().copied());
            diagnostic.suggestion = short.copied().or_else(near).map(str::to_owned);
        }
        self.report(diagnostic);
    }

    /// Removes the parameter `name` and gives its value, when that is a word.
    pub(super) fn take_word(
        &mut self,
        parameters: &mut Vec<Parameter>,
        name: &str,
    ) -> Option<Name> {
        let at = parameters
            .iter()
            .position(|parameter| parameter.name.text == name)?;
        let Parameter { value, .. } = parameters.remove(at);
        match value.kind {
            ExprKind::Name(word) => return Some(word),
            // A text stands for the name, too: `withsource="Table"`.
            ExprKind::Literal(Literal::String { value: text, .. }) if !text.is_empty() => {
                let span = value.span;
                return Some(Name { text, span });
            }
            _ => {}
        }
        self.error("KS006", value.span, "Missing name");
        None
    }
}
