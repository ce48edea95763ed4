//! Operands: names, literals, and what opens a bracket.

use super::Parser;
use super::expression::{Frame, Operand, level};
use crate::ast::{Expr, ExprKind, JoinSide, Literal, Name, TypeSpec, UnaryOp};
use crate::diagnostic::{Diagnostic, Span};
use crate::habit;
use crate::keyword;
use crate::lexer::unit_ticks;
use crate::literal::{long_value, time_of_day, typed_value};
use crate::time::parse_timespan;
use crate::token::{Token, TokenKind, TypedLiteral};

impl Parser<'_> {
    /// Takes an operand. `None` when a frame was put on the stack instead and waits for one.
    pub(super) fn operand(&mut self, stack: &mut Vec<Frame>) -> Option<Operand> {
        let token = self.peek();
        match token.kind {
            TokenKind::Word => return self.word_operand(stack, token),
            TokenKind::Minus | TokenKind::Plus => return self.sign(stack, token),
            TokenKind::OpenParen => {
                self.bump();
                return self.open(
                    stack,
                    Frame::Group {
                        start: token.span.start,
                    },
                );
            }
            TokenKind::OpenBracket if self.scan_name(0).is_some() => {
                let name = self.eat_name()?;
                return self.named(stack, name);
            }
            _ => {}
        }
        let kind = match token.kind {
            TokenKind::Star => {
                self.bump();
                ExprKind::Star
            }
            TokenKind::String => {
                let (value, hidden) = self.adjacent_strings();
                ExprKind::Literal(Literal::String { value, hidden })
            }
            TokenKind::Long | TokenKind::Real | TokenKind::TimeSpan | TokenKind::Typed(_) => {
                self.literal()
            }
            _ => self.no_operand(),
        };
        let kind_span = self.span_from(token.span.start);
        let span = if matches!(kind, ExprKind::Error) {
            Span::empty(kind_span.start)
        } else {
            kind_span
        };
        Some(primary(kind, span))
    }

    /// Reports that an expression is missing, and skips what cannot begin one nor end a list.
    fn no_operand(&mut self) -> ExprKind {
        let token = self.peek();
        let mut diagnostic = Diagnostic::error("KS006", self.here(), "Missing expression");
        diagnostic.suggestion = {
            let call = self.nth(1).kind == TokenKind::OpenParen;
            habit::negation(self.text(token), call)
        };
        self.report(diagnostic);
        match token.kind {
            TokenKind::OpenBracket | TokenKind::OpenBrace => {
                self.bump();
                self.skip_until(|_| false);
                if matches!(self.kind(), TokenKind::CloseBracket | TokenKind::CloseBrace) {
                    self.bump();
                }
            }
            TokenKind::Bad | TokenKind::At | TokenKind::Question => {
                self.bump();
            }
            _ => {}
        }
        ExprKind::Error
    }

    /// A name, a call, `true`, `$left`, `typeof(…)`, `dynamic(…)`.
    fn word_operand(&mut self, stack: &mut Vec<Frame>, token: Token) -> Option<Operand> {
        let word = self.text(token);
        let called = self.nth(1).kind == TokenKind::OpenParen;
        let kind = match word {
            "$left" => ExprKind::Side(JoinSide::Left),
            "$right" => ExprKind::Side(JoinSide::Right),
            "typeof" if called => return Some(self.type_of()),
            "dynamic" if called => return Some(self.dynamic_literal()),
            _ => match keyword::boolean(word) {
                Some(value) => ExprKind::Literal(Literal::Bool(Some(value))),
                None if keyword::is_reserved(word) => return Some(self.reserved(stack, token)),
                None => {
                    self.bump();
                    return self.named(
                        stack,
                        Name {
                            text: word.to_owned(),
                            span: token.span,
                        },
                    );
                }
            },
        };
        self.bump();
        Some(primary(kind, token.span))
    }

    /// A name that has been taken: a call when a bracket follows.
    fn named(&mut self, stack: &mut Vec<Frame>, name: Name) -> Option<Operand> {
        if self.eat(TokenKind::OpenParen) {
            let frame = Frame::Call {
                object: None,
                name,
                arguments: Vec::new(),
                height: 0,
                argument: None,
            };
            return self.open(stack, frame);
        }
        let span = name.span;
        Some(primary(ExprKind::Name(name), span))
    }

    /// A word such as `and` or `by` where an expression is needed. It is not taken: it may end a list.
    fn reserved(&mut self, stack: &[Frame], token: Token) -> Operand {
        let word = self.text(token);
        if word == "by"
            && matches!(stack.last(), Some(Frame::Call { arguments, .. }) if arguments.is_empty())
        {
            self.expected(")");
            return primary(ExprKind::Error, Span::empty(token.span.start));
        }
        let diagnostic = Diagnostic::error(
            "KS006",
            token.span,
            format!("Missing expression before '{word}'"),
        );
        let compares =
            keyword::text_operator(word).is_some() || keyword::list_operator(word).is_some();
        let advice = if compares && self.nth(1).kind == TokenKind::OpenParen {
            format!("'{word}' is no function: write text {word} …")
        } else {
            format!("Write ['{word}'] if it is a name")
        };
        self.report(diagnostic.with_suggestion(advice));
        primary(ExprKind::Error, Span::empty(token.span.start))
    }

    /// A sign. Signs do not follow each other.
    fn sign(&mut self, stack: &mut Vec<Frame>, token: Token) -> Option<Operand> {
        self.bump();
        if matches!(stack.last(), Some(Frame::Sign { .. })) {
            self.error("KS006", token.span, "Missing expression after the sign");
            return None;
        }
        // The smallest long has no positive twin, so its sign belongs to the literal.
        if token.kind == TokenKind::Minus && self.text(self.peek()) == "9223372036854775808" {
            self.bump();
            let span = self.span_from(token.span.start);
            return Some(primary(
                ExprKind::Literal(Literal::Long(Some(i64::MIN))),
                span,
            ));
        }
        let op = if token.kind == TokenKind::Minus {
            UnaryOp::Minus
        } else {
            UnaryOp::Plus
        };
        stack.push(Frame::Sign {
            op,
            start: token.span.start,
        });
        None
    }

    /// A literal of one token that is no string.
    pub(super) fn literal(&mut self) -> ExprKind {
        let token = self.bump();
        let text = self.text(token);
        let value = match token.kind {
            TokenKind::Long => long_value(text).map(|value| Literal::Long(Some(value))),
            TokenKind::Real => text.parse().ok().map(|value| Literal::Real(Some(value))),
            TokenKind::TimeSpan => parse_timespan(text).map(|value| Literal::TimeSpan(Some(value))),
            TokenKind::Typed(kind) => typed_value(kind, text),
            _ => None,
        };
        match value {
            Some(value) => ExprKind::Literal(value),
            None if token.kind == TokenKind::Typed(TypedLiteral::DateTime) => {
                let clock = time_of_day(text).map(Literal::TimeOfDay);
                clock.map_or_else(|| self.malformed(token), ExprKind::Literal)
            }
            None => self.malformed(token),
        }
    }

    pub(super) fn malformed(&mut self, token: Token) -> ExprKind {
        let text = self.text(token);
        let advice = match token.kind {
            TokenKind::Typed(kind) => type_advice(kind, text),
            TokenKind::TimeSpan => Some("A timespan has at most 10,675,199 days".to_owned()),
            TokenKind::Long => Some(
                "A long has 64 bits; write decimal(…) or real(…) for larger numbers".to_owned(),
            ),
            _ => None,
        };
        let mut diagnostic =
            Diagnostic::error("KS004", token.span, format!("Malformed literal: {text}"));
        diagnostic.suggestion = advice;
        self.report(diagnostic);
        ExprKind::Error
    }

    /// `typeof(long)`, `typeof(*, a:long)`.
    fn type_of(&mut self) -> Operand {
        let start = self.bump().span.start;
        self.bump();
        let scalar = self.at(TokenKind::Word) && self.nth(1).kind == TokenKind::CloseParen;
        let spec = if scalar {
            TypeSpec::Scalar(self.name())
        } else {
            let (open, columns) = self.row_schema_items();
            TypeSpec::Row { open, columns }
        };
        self.expect(TokenKind::CloseParen, ")");
        primary(ExprKind::TypeOf(spec), self.span_from(start))
    }
}

/// An operand that has no operand of its own.
pub(super) fn primary(kind: ExprKind, span: Span) -> Operand {
    Operand {
        expr: Expr { kind, span },
        height: 1,
        level: level::PRIMARY,
    }
}

/// What to write instead of `int(x)`.
fn type_advice(kind: TypedLiteral, text: &str) -> Option<String> {
    let inner = text.split_once('(')?.1.trim_end_matches(')').trim();
    let convertible = inner
        .chars()
        .next()
        .is_some_and(crate::lexer::is_name_start)
        && unit_ticks(inner).is_none();
    convertible.then(|| {
        format!(
            "{}(…) holds a constant; to convert a value write to{}({inner})",
            kind.name(),
            kind.name()
        )
    })
}
