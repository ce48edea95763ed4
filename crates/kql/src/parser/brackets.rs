//! Brackets in expressions: opening them, what may stand in them, and closing them.

use super::expression::{Frame, Next, Operand, level, or_need};
use super::{MAX_NESTING, Parser};
use crate::ast::{Argument, Call, Expr, ExprKind, Source, SourceKind};
use crate::diagnostic::{Diagnostic, Span};
use crate::token::TokenKind;

impl Parser<'_> {
    /// Puts a bracket on the stack; when too many are open, skips it and gives an error node.
    pub(super) fn open(&mut self, stack: &mut Vec<Frame>, frame: Frame) -> Option<Operand> {
        let start = self.here();
        if self.brackets < MAX_NESTING {
            self.brackets += 1;
            stack.push(frame);
            return self.begin_item(stack, true);
        }
        self.too_deep(start, "brackets within each other", MAX_NESTING);
        self.skip_until(|_| false);
        self.eat(frame.closer());
        let span = self.span_from(start.start);
        Some(self.built(ExprKind::Error, span, 1, level::PRIMARY))
    }

    /// Takes what may only stand at the start of an argument or an element: its name, a tabular source such as
    /// `union`, or at once the closing bracket.
    fn begin_item(&mut self, stack: &mut Vec<Frame>, first: bool) -> Option<Operand> {
        let frame = stack.last_mut()?;
        if first && matches!(frame, Frame::Call { .. }) && self.at(TokenKind::CloseParen) {
            return self.close(stack, None);
        }
        if let Frame::Call { argument, .. } = frame {
            let named = self
                .scan_name(0)
                .filter(|length| self.nth(*length).kind == TokenKind::Assign);
            if named.is_some() {
                *argument = self.eat_name();
                self.bump();
            }
        }
        if stack.last().is_some_and(Frame::may_hold_a_pipeline) && self.at_source_operator(true) {
            let start = self.here().start;
            return Some(self.subquery(start, None));
        }
        None
    }

    /// Looks at what follows an operand that fills the innermost bracket so far.
    pub(super) fn in_brackets(&mut self, stack: &mut Vec<Frame>, operand: Operand) -> Next {
        let Some(frame) = stack.last() else {
            return Next::Done(operand);
        };
        let kind = self.kind();
        if kind == frame.closer() && !matches!(frame, Frame::Low { .. }) {
            return or_need(self.close(stack, Some(operand)));
        }
        if kind == TokenKind::Comma && frame.has_commas() {
            self.bump();
            self.keep_item(stack, operand);
            return or_need(self.begin_item(stack, false));
        }
        if kind == TokenKind::Pipe && frame.may_hold_a_pipeline() {
            let start = operand.expr.span.start;
            return Next::Have(self.subquery(start, Some(operand)));
        }
        if kind == TokenKind::DotDot && matches!(frame, Frame::Low { .. }) {
            self.bump();
            if let Some(Frame::Low { negated, at, value }) = stack.pop() {
                stack.push(Frame::High {
                    negated,
                    at,
                    value,
                    low: operand,
                });
            }
            return Next::NeedOperand;
        }
        self.recover_in_brackets(stack, operand)
    }

    /// Something stands in a bracket that does not belong there: skips to a comma or to the end of the bracket.
    fn recover_in_brackets(&mut self, stack: &mut Vec<Frame>, operand: Operand) -> Next {
        let Some(frame) = stack.last() else {
            return Next::Done(operand);
        };
        let (closer, commas, low) = (
            frame.closer(),
            frame.has_commas(),
            matches!(frame, Frame::Low { .. }),
        );
        let expected = match (closer, commas, low) {
            (_, _, true) => "..",
            (TokenKind::CloseBracket, ..) => "]",
            (_, true, _) => ", or )",
            _ => ")",
        };
        let mut diagnostic =
            Diagnostic::error("KS005", self.here(), format!("Expected: {expected}"));
        diagnostic.suggestion = self.advice_in_brackets(stack);
        self.report(diagnostic);
        self.skip_until(|kind| commas && kind == TokenKind::Comma);
        if !low && (self.at(closer) || self.at(TokenKind::Comma)) {
            return Next::Have(Operand {
                level: level::OR,
                ..operand
            });
        }
        // The bracket was never closed, or by another kind of bracket: it ends here.
        Next::Have(self.finish(stack, Some(operand), closer))
    }

    /// Takes the closing bracket.
    fn close(&mut self, stack: &mut Vec<Frame>, operand: Option<Operand>) -> Option<Operand> {
        let closer = stack.last().map(Frame::closer)?;
        Some(self.finish(stack, operand, closer))
    }

    /// Keeps an argument or an element; its name too.
    fn keep_item(&mut self, stack: &mut [Frame], operand: Operand) {
        match stack.last_mut() {
            Some(Frame::Call {
                arguments,
                argument,
                height,
                ..
            }) => {
                *height = (*height).max(operand.height);
                arguments.push(Argument {
                    name: argument.take(),
                    value: operand.expr,
                });
            }
            Some(Frame::List { items, height, .. }) => {
                *height = (*height).max(operand.height);
                items.push(operand.expr);
            }
            _ => {}
        }
    }

    /// Makes an expression of the innermost bracket and the last operand in it, taking the closing bracket if it
    /// is there.
    fn finish(
        &mut self,
        stack: &mut Vec<Frame>,
        operand: Option<Operand>,
        closer: TokenKind,
    ) -> Operand {
        self.eat(closer);
        self.brackets = self.brackets.saturating_sub(1);
        let missing = Operand {
            expr: Expr {
                kind: ExprKind::Error,
                span: Span::empty(self.previous_end()),
            },
            height: 1,
            level: level::PRIMARY,
        };
        if matches!(stack.last(), Some(Frame::Call { .. } | Frame::List { .. })) {
            if let Some(operand) = operand {
                self.keep_item(stack, operand);
            }
            return self.finish_list(stack).unwrap_or(missing);
        }
        let operand = operand.unwrap_or(missing);
        match stack.pop() {
            Some(Frame::Index { object }) => {
                let span = self.span_from(object.expr.span.start);
                let height = object.height.max(operand.height) + 1;
                let (object, index) = (Box::new(object.expr), Box::new(operand.expr));
                self.built(
                    ExprKind::Index { object, index },
                    span,
                    height,
                    level::PRIMARY,
                )
            }
            Some(Frame::High {
                negated,
                at,
                value,
                low,
            }) => {
                let span = self.span_from(value.expr.span.start);
                let height = value.height.max(low.height).max(operand.height) + 1;
                let (value, low, high) = (
                    Box::new(value.expr),
                    Box::new(low.expr),
                    Box::new(operand.expr),
                );
                self.built(
                    ExprKind::Between {
                        negated,
                        at,
                        value,
                        low,
                        high,
                    },
                    span,
                    height,
                    level::EQUALITY,
                )
            }
            Some(Frame::Low { value, .. }) => value,
            Some(Frame::Group { start }) => {
                let span = self.span_from(start);
                match operand.expr.kind {
                    ExprKind::Paren(inner) => {
                        self.built(ExprKind::Paren(inner), span, operand.height, level::PRIMARY)
                    }
                    kind => {
                        let inner = Box::new(Expr {
                            kind,
                            span: operand.expr.span,
                        });
                        self.built(
                            ExprKind::Paren(inner),
                            span,
                            operand.height + 1,
                            level::PRIMARY,
                        )
                    }
                }
            }
            _ => operand,
        }
    }

    /// A call, or a list operator.
    fn finish_list(&mut self, stack: &mut Vec<Frame>) -> Option<Operand> {
        match stack.pop()? {
            Frame::Call {
                object: None,
                name,
                arguments,
                height,
                ..
            } => {
                let span = self.span_from(name.span.start);
                let call = Call {
                    name,
                    arguments,
                    span,
                };
                Some(self.built(ExprKind::Call(call), span, height + 1, level::PRIMARY))
            }
            Frame::Call {
                object: Some(object),
                name,
                arguments,
                height,
                ..
            } => {
                let call = Call {
                    span: self.span_from(name.span.start),
                    name,
                    arguments,
                };
                let span = self.span_from(object.expr.span.start);
                let height = height.max(object.height) + 1;
                let kind = ExprKind::MemberCall {
                    object: Box::new(object.expr),
                    call,
                };
                Some(self.built(kind, span, height, level::PRIMARY))
            }
            Frame::List {
                op,
                value,
                items,
                height,
            } => {
                let span = self.span_from(value.expr.span.start);
                let kind = ExprKind::List {
                    op,
                    value: Box::new(value.expr),
                    items,
                };
                Some(self.built(kind, span, height + 1, level::EQUALITY))
            }
            _ => None,
        }
    }

    /// A pipeline inside a bracket: from a source operator here, or from a source that has been read as an operand.
    fn subquery(&mut self, start: u32, source: Option<Operand>) -> Operand {
        let outer_tallest = std::mem::replace(
            &mut self.tallest,
            source.as_ref().map_or(0, |source| source.height),
        );
        let source = source.map(|operand| Source {
            span: operand.expr.span,
            kind: SourceKind::Expr(operand.expr),
        });
        let searching = std::mem::replace(&mut self.searching, false);
        let tabular = self.nested(|parser| parser.pipeline(start, source));
        self.searching = searching;
        let operators = tabular.as_ref().map_or(0, |tabular| {
            u32::try_from(tabular.operators.len()).unwrap_or(u32::MAX)
        });
        let height = self.tallest.saturating_add(operators).saturating_add(1);
        self.tallest = outer_tallest;
        let span = self.span_from(start);
        let kind = tabular.map_or(ExprKind::Error, |tabular| {
            ExprKind::Tabular(Box::new(tabular))
        });
        // The lowest level: nothing may follow it but the end of the bracket.
        self.built(kind, span, height, level::OR)
    }
}
