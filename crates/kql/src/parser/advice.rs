//! What to write where something stands that has no place there.

use super::Parser;
use super::expression::Frame;
use super::source::is_operator;
use crate::habit;
use crate::token::TokenKind;

/// How the ends of `between` are written.
pub(super) const BETWEEN: &str = "Write between (low .. high)";

/// What the sides of a join are called.
pub(super) const SIDES: &str = "The sides have no alias: they are $left and $right";

impl Parser<'_> {
    /// Behind an operator, or behind the source of a pipeline.
    pub(super) fn advice_behind(&self) -> Option<String> {
        let token = self.peek();
        let text = self.text(token);
        match token.kind {
            TokenKind::BangWord => return habit::negation(text, false),
            TokenKind::Comma => return self.advice_at_comma().map(str::to_owned),
            TokenKind::Word if text == "as" => return Some(self.advice_at_as().to_owned()),
            TokenKind::Word if self.previous_is("not") => {
                return Some("Write not(…) around the comparison".to_owned());
            }
            TokenKind::Word if is_operator(text) => {
                return Some(format!("Write a pipe before it: | {text}"));
            }
            _ => {}
        }
        self.advice_in_expression().or_else(|| {
            // `let n = 5` and the query on the next line.
            let line = token.kind == TokenKind::Word && self.begins_line();
            (line && self.in_declaration()).then(|| "Statements are separated by ;".to_owned())
        })
    }

    /// In brackets, whose innermost frame is the last.
    pub(super) fn advice_in_brackets(&self, stack: &[Frame]) -> Option<String> {
        let comma = self.at(TokenKind::Comma);
        let advice = match stack {
            [.., Frame::Low { .. }] => BETWEEN,
            [.., Frame::Binary { .. }, Frame::Group { .. }] if comma => {
                "A list stands behind in, in~, has_any or has_all"
            }
            [.., Frame::Call { .. }] if self.previous_is("distinct") => {
                "Different values are counted with dcount(…)"
            }
            _ if comma => return None,
            _ => return self.advice_in_expression(),
        };
        Some(advice.to_owned())
    }

    /// Behind an expression, wherever it stands.
    fn advice_in_expression(&self) -> Option<String> {
        match self.kind() {
            TokenKind::Assign => Some(self.comparison().to_owned()),
            TokenKind::BangWord => habit::negation(self.text(self.peek()), false),
            _ => habit::behind(self.text(self.peek())),
        }
    }

    /// What to write for the `=` here, which compares nothing: `!==` was to be `!=`.
    pub(super) fn comparison(&self) -> &'static str {
        if self.previous_is("!=") {
            "Compare with !="
        } else {
            "Compare with =="
        }
    }

    fn advice_at_comma(&self) -> Option<&'static str> {
        match self.operator_before() {
            Some("where" | "filter") => Some("Conditions have 'and' or 'or' between them"),
            Some(_) => None,
            None if self.in_declaration() => Some("Statements are separated by ;"),
            None => Some("Several tables are read with union …, …"),
        }
    }

    fn advice_at_as(&self) -> &'static str {
        match self.operator_before() {
            Some("join" | "lookup") => SIDES,
            Some("union") | None => "Write a pipe before it: | as",
            Some(_) => "A name stands before its value: name = value",
        }
    }

    fn previous_is(&self, word: &str) -> bool {
        let before = self.position.checked_sub(1).map(|at| self.tokens[at]);
        before.is_some_and(|before| self.text(before).eq_ignore_ascii_case(word))
    }

    /// Whether nothing stands before the next token in its line, blanks included.
    fn begins_line(&self) -> bool {
        let start = self.peek().span.start as usize;
        self.source[..start].ends_with(['\n', '\r'])
    }

    /// Whether the statement here began with `let`, `set` or `declare`.
    fn in_declaration(&self) -> bool {
        let before = &self.tokens[..self.position];
        let separator = before
            .iter()
            .rposition(|token| token.kind == TokenKind::Semicolon);
        let first = before.get(separator.map_or(0, |at| at + 1));
        first.is_some_and(|first| matches!(self.text(*first), "let" | "set" | "declare"))
    }

    /// The operator that the next token stands behind; none behind the source of a pipeline.
    fn operator_before(&self) -> Option<&str> {
        let mut open = 0_usize;
        for (at, token) in self.tokens[..self.position].iter().enumerate().rev() {
            match token.kind {
                TokenKind::CloseParen => open += 1,
                TokenKind::OpenParen => open = open.checked_sub(1)?,
                TokenKind::Semicolon => return None,
                TokenKind::Pipe if open == 0 => return Some(self.text(self.tokens[at + 1])),
                _ => {}
            }
        }
        None
    }
}
