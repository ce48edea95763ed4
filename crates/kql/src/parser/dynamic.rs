//! `dynamic(…)`: JSON, plus Kusto's own scalar literals. Nested arrays and objects wait on a stack of their own.

use super::expression::Operand;
use super::operand::primary;
use super::{MAX_DEPTH, Parser};
use crate::ast::{Dynamic, ExprKind, Literal};
use crate::keyword;
use crate::lexer::lex;
use crate::token::{Token, TokenKind, TypedLiteral};

/// An array or object that is not closed yet.
enum Open {
    Array(Vec<Dynamic>),
    Object {
        pairs: Vec<(String, Dynamic)>,
        key: String,
    },
    /// `dynamic(…)` within another.
    Nested(Option<Dynamic>),
}

impl Open {
    fn closer(&self) -> (TokenKind, &'static str) {
        match self {
            Self::Array(_) => (TokenKind::CloseBracket, "]"),
            Self::Object { .. } => (TokenKind::CloseBrace, "}"),
            Self::Nested(_) => (TokenKind::CloseParen, ")"),
        }
    }

    fn add(&mut self, value: Dynamic) {
        match self {
            Self::Nested(nested) => *nested = Some(value),
            Self::Array(values) => values.push(value),
            Self::Object { pairs, key } => pairs.push((std::mem::take(key), value)),
        }
    }

    fn value(self) -> Dynamic {
        match self {
            Self::Nested(value) => value.unwrap_or(Dynamic::Null),
            Self::Array(values) => Dynamic::Array(values),
            Self::Object { pairs, .. } => Dynamic::Object(pairs),
        }
    }
}

impl Parser<'_> {
    /// `dynamic(…)`, from its word.
    pub(super) fn dynamic_literal(&mut self) -> Operand {
        let start = self.bump().span.start;
        self.bump();
        let value = self.json();
        if !self.eat(TokenKind::CloseParen) {
            self.expected(")");
            self.skip_literal();
        }
        let span = self.span_from(start);
        let kind = value.map_or(ExprKind::Error, |value| {
            ExprKind::Literal(Literal::Dynamic(value))
        });
        primary(kind, span)
    }

    /// Skips to behind the closing bracket of a broken literal, or to where the next operator begins.
    fn skip_literal(&mut self) {
        loop {
            self.skip_until(|kind| kind == TokenKind::Pipe);
            match self.kind() {
                TokenKind::CloseBracket | TokenKind::CloseBrace => self.bump(),
                _ => break,
            };
        }
        self.eat(TokenKind::CloseParen);
    }

    /// One JSON value; `None` when there is a mistake in it, which has been reported.
    fn json(&mut self) -> Option<Dynamic> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            let mut value = match self.json_open() {
                Some(_) if stack.len() >= MAX_DEPTH as usize => {
                    let span = self.here();
                    self.too_deep(
                        span,
                        "brackets within each other in a dynamic literal",
                        MAX_DEPTH,
                    );
                    return None;
                }
                Some(mut open) if !self.eat(open.closer().0) => {
                    self.json_key(&mut open)?;
                    stack.push(open);
                    continue;
                }
                Some(open) => open.value(),
                None => self.json_scalar()?,
            };
            // Close everything that ends here.
            loop {
                let Some(mut innermost) = stack.pop() else {
                    return Some(value);
                };
                innermost.add(value);
                if !matches!(innermost, Open::Nested(_)) && self.eat(TokenKind::Comma) {
                    self.json_key(&mut innermost)?;
                    stack.push(innermost);
                    break;
                }
                let (closer, text) = innermost.closer();
                if !self.expect(closer, text) {
                    return None;
                }
                value = innermost.value();
            }
        }
    }

    /// Takes what opens an array, an object, or another `dynamic(…)`.
    fn json_open(&mut self) -> Option<Open> {
        let open = match self.kind() {
            TokenKind::OpenBracket => Open::Array(Vec::new()),
            TokenKind::OpenBrace => Open::Object {
                pairs: Vec::new(),
                key: String::new(),
            },
            TokenKind::Word
                if self.at_word("dynamic") && self.nth(1).kind == TokenKind::OpenParen =>
            {
                self.bump();
                Open::Nested(None)
            }
            _ => return None,
        };
        self.bump();
        Some(open)
    }

    /// The key and the colon before a value in an object; nothing in an array.
    fn json_key(&mut self, open: &mut Open) -> Option<()> {
        let Open::Object { key, .. } = open else {
            return Some(());
        };
        if !self.at(TokenKind::String) {
            self.missing("json key:value pair");
            return None;
        }
        *key = self.adjacent_strings().0;
        self.expect(TokenKind::Colon, ":").then_some(())
    }

    /// A value that is neither array nor object.
    fn json_scalar(&mut self) -> Option<Dynamic> {
        let token = self.peek();
        match token.kind {
            TokenKind::String => Some(Dynamic::String(self.adjacent_strings().0)),
            TokenKind::Minus | TokenKind::Plus => {
                self.bump();
                self.json_number(token.kind == TokenKind::Minus)
            }
            TokenKind::Long | TokenKind::Real => self.json_number(false),
            TokenKind::TimeSpan | TokenKind::Typed(_) => self.json_typed(token),
            TokenKind::Word => {
                let word = self.text(token);
                let value = if word == "null" {
                    Some(Dynamic::Null)
                } else {
                    keyword::boolean(word).map(Dynamic::Bool)
                };
                if value.is_some() {
                    self.bump();
                } else {
                    self.missing("json value");
                }
                value
            }
            _ => {
                self.missing("json value");
                None
            }
        }
    }

    fn json_number(&mut self, negative: bool) -> Option<Dynamic> {
        let token = self.peek();
        let text = self.text(token);
        let signed = if negative {
            format!("-{text}")
        } else {
            text.to_owned()
        };
        let value = match token.kind {
            // A whole number beyond 64 bits is a real one, as in JSON readers.
            TokenKind::Long => signed
                .parse()
                .map(Dynamic::Long)
                .or_else(|_| signed.parse().map(Dynamic::Real))
                .ok(),
            TokenKind::Real => signed.parse().map(Dynamic::Real).ok(),
            _ => None,
        };
        let value =
            value.filter(|value| !matches!(value, Dynamic::Real(real) if !real.is_finite()));
        if value.is_none() {
            self.missing("json value");
            return None;
        }
        self.bump();
        value
    }

    fn json_typed(&mut self, token: Token) -> Option<Dynamic> {
        if token.kind == TokenKind::Typed(TypedLiteral::Decimal) {
            self.error(
                "KS215",
                token.span,
                "Decimal values are not supported in dynamic objects",
            );
            return None;
        }
        let ExprKind::Literal(literal) = self.literal() else {
            return None;
        };
        Some(match literal {
            Literal::Bool(Some(value)) => Dynamic::Bool(value),
            Literal::Int(Some(value)) => Dynamic::Long(value.into()),
            Literal::Long(Some(value)) => Dynamic::Long(value),
            Literal::Real(Some(value)) if value.is_finite() => Dynamic::Real(value),
            Literal::DateTime(Some(value)) => Dynamic::DateTime(value),
            Literal::TimeSpan(Some(value)) => Dynamic::TimeSpan(value),
            Literal::Guid(Some(value)) => Dynamic::Guid(value),
            // What is in a dynamic is a constant.
            Literal::TimeOfDay(_) => {
                self.malformed(token);
                return None;
            }
            _ => Dynamic::Null,
        })
    }
}

/// Parses what may stand in `dynamic(…)`, for functions that take such text as a constant.
/// `None` when the text is anything else.
#[must_use]
pub fn parse_dynamic(text: &str) -> Option<Dynamic> {
    let (tokens, diagnostics) = lex(text);
    let mut parser = Parser::new(text, &tokens);
    let value = parser.json()?;
    (diagnostics.is_empty() && parser.at(TokenKind::End)).then_some(value)
}
