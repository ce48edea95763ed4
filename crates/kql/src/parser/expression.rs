//! Expressions, by an operator-precedence parser with its stack on the heap.
//!
//! The parser is always in one of two states: it needs an operand ([`Parser::operand`]), or it has one and looks at
//! what follows ([`Parser::after_operand`]). What waits for an operand to be complete is a [`Frame`].

use super::{MAX_DEPTH, MAX_NESTING, Parser};
use crate::ast::{
    Argument, BinaryOp, Call, Expr, ExprKind, ListOp, LogicalOp, Name, Source, SourceKind, UnaryOp,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::keyword;
use crate::token::TokenKind;

/// How tightly operators bind, loosest first.
pub(crate) mod level {
    pub(crate) const OR: u8 = 1;
    pub(crate) const AND: u8 = 2;
    pub(crate) const EQUALITY: u8 = 3;
    pub(crate) const RELATION: u8 = 4;
    pub(crate) const SUM: u8 = 5;
    pub(crate) const PRODUCT: u8 = 6;
    pub(crate) const TEXT: u8 = 7;
    pub(crate) const SIGN: u8 = 8;
    pub(crate) const PRIMARY: u8 = 9;
}

/// A complete expression on its way into a larger one.
pub(super) struct Operand {
    pub(super) expr: Expr,
    /// Expressions within expressions, itself included.
    pub(super) height: u32,
    /// The level of its outermost operator.
    pub(super) level: u8,
}

/// Something that waits for an operand.
pub(super) enum Frame {
    Sign {
        op: UnaryOp,
        start: u32,
    },
    Binary {
        op: BinaryOp,
        left: Operand,
    },
    Logical {
        op: LogicalOp,
        operands: Vec<Expr>,
        height: u32,
    },
    Group {
        start: u32,
    },
    Call {
        object: Option<Operand>,
        name: Name,
        arguments: Vec<Argument>,
        height: u32,
        argument: Option<Name>,
    },
    Index {
        object: Operand,
    },
    List {
        op: ListOp,
        value: Operand,
        items: Vec<Expr>,
        height: u32,
    },
    Low {
        negated: bool,
        value: Operand,
    },
    High {
        negated: bool,
        value: Operand,
        low: Operand,
    },
}

impl Frame {
    /// The level of the operator that waits; `None` for brackets, which hold until they are closed.
    fn level(&self) -> Option<u8> {
        match self {
            Self::Sign { .. } => Some(level::SIGN),
            Self::Binary { op, .. } => Some(binary_level(*op)),
            Self::Logical { op, .. } => Some(logical_level(*op)),
            _ => None,
        }
    }

    fn closer(&self) -> TokenKind {
        if matches!(self, Self::Index { .. }) {
            TokenKind::CloseBracket
        } else {
            TokenKind::CloseParen
        }
    }

    fn has_commas(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::List { .. })
    }

    pub(super) fn may_hold_a_pipeline(&self) -> bool {
        matches!(
            self,
            Self::Call { .. } | Self::List { .. } | Self::Group { .. }
        )
    }
}

/// What to do after a step.
pub(super) enum Next {
    NeedOperand,
    Have(Operand),
    Done(Operand),
}

enum Infix {
    Binary(BinaryOp),
    Logical(LogicalOp),
    List(ListOp),
    Between { negated: bool },
}

pub(crate) fn binary_level(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Equal | BinaryOp::NotEqual => level::EQUALITY,
        BinaryOp::Less | BinaryOp::LessOrEqual | BinaryOp::Greater | BinaryOp::GreaterOrEqual => {
            level::RELATION
        }
        BinaryOp::Add | BinaryOp::Subtract => level::SUM,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => level::PRODUCT,
        _ => level::TEXT,
    }
}

pub(crate) fn logical_level(op: LogicalOp) -> u8 {
    match op {
        LogicalOp::And => level::AND,
        LogicalOp::Or => level::OR,
    }
}

impl Infix {
    fn level(&self) -> u8 {
        match self {
            Self::Binary(op) => binary_level(*op),
            Self::Logical(op) => logical_level(*op),
            Self::List(_) | Self::Between { .. } => level::EQUALITY,
        }
    }
}

impl Parser<'_> {
    /// Parses an expression up to the first token that cannot belong to it. A pipe outside of brackets is such a
    /// token. When nothing stands here, the result is an error node and a diagnostic.
    pub(super) fn expression(&mut self) -> Expr {
        let mut stack = Vec::new();
        let operand = loop {
            let Some(mut operand) = self.operand(&mut stack) else {
                continue;
            };
            let done = loop {
                match self.after_operand(&mut stack, operand) {
                    Next::NeedOperand => break None,
                    Next::Have(larger) => operand = larger,
                    Next::Done(whole) => break Some(whole),
                }
            };
            if let Some(whole) = done {
                break whole;
            }
        };
        self.tallest = self.tallest.max(operand.height);
        operand.expr
    }

    /// An operand out of its parts; an error node when it has become too high.
    pub(super) fn built(&mut self, kind: ExprKind, span: Span, height: u32, level: u8) -> Operand {
        if height > MAX_DEPTH {
            self.too_deep(span, "expressions within each other", MAX_DEPTH);
            return Operand {
                expr: Expr {
                    kind: ExprKind::Error,
                    span,
                },
                height: 1,
                level,
            };
        }
        Operand {
            expr: Expr { kind, span },
            height,
            level,
        }
    }

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
        if first && frame.has_commas() && self.at(TokenKind::CloseParen) {
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

    /// Looks at what follows an operand: a path, an operator, a closing bracket, or the end.
    fn after_operand(&mut self, stack: &mut Vec<Frame>, operand: Operand) -> Next {
        if operand.level == level::PRIMARY {
            match self.kind() {
                TokenKind::Dot => return self.member(stack, operand),
                TokenKind::OpenBracket => {
                    self.bump();
                    return or_need(self.open(stack, Frame::Index { object: operand }));
                }
                _ => {}
            }
        }
        if let Some((infix, length)) = self.infix() {
            return self.infix_operator(stack, operand, infix, length);
        }
        let operand = self.reduce(stack, operand, 0);
        if stack.is_empty() {
            Next::Done(operand)
        } else {
            self.in_brackets(stack, operand)
        }
    }

    /// `.name`, `.name(…)`.
    fn member(&mut self, stack: &mut Vec<Frame>, object: Operand) -> Next {
        self.bump();
        let name = self.name();
        if self.eat(TokenKind::OpenParen) {
            let object = Some(object);
            let frame = Frame::Call {
                object,
                name,
                arguments: Vec::new(),
                height: 0,
                argument: None,
            };
            return or_need(self.open(stack, frame));
        }
        let span = object.expr.span.to(name.span);
        let kind = ExprKind::Member {
            object: Box::new(object.expr),
            name,
        };
        Next::Have(self.built(kind, span, object.height + 1, level::PRIMARY))
    }

    /// The operator that stands here, and how many tokens it has.
    fn infix(&self) -> Option<(Infix, usize)> {
        let binary = |op| Some((Infix::Binary(op), 1));
        match self.kind() {
            TokenKind::EqualEqual => binary(BinaryOp::Equal),
            TokenKind::BangEqual | TokenKind::LessGreater => binary(BinaryOp::NotEqual),
            TokenKind::Less => binary(BinaryOp::Less),
            TokenKind::LessEqual => binary(BinaryOp::LessOrEqual),
            TokenKind::Greater => binary(BinaryOp::Greater),
            TokenKind::GreaterEqual => binary(BinaryOp::GreaterOrEqual),
            TokenKind::Plus => binary(BinaryOp::Add),
            TokenKind::Minus => binary(BinaryOp::Subtract),
            TokenKind::Star => binary(BinaryOp::Multiply),
            TokenKind::Slash => binary(BinaryOp::Divide),
            TokenKind::Percent => binary(BinaryOp::Modulo),
            TokenKind::EqualTilde => binary(BinaryOp::EqualIgnoreCase),
            TokenKind::BangTilde => binary(BinaryOp::NotEqualIgnoreCase),
            TokenKind::Colon if self.searching => binary(BinaryOp::SearchColumn),
            TokenKind::Word | TokenKind::BangWord | TokenKind::InTilde => self.infix_word(),
            _ => None,
        }
    }

    fn infix_word(&self) -> Option<(Infix, usize)> {
        let word = self.text(self.peek());
        let infix = match word {
            "and" => Infix::Logical(LogicalOp::And),
            "or" => Infix::Logical(LogicalOp::Or),
            "between" => Infix::Between { negated: false },
            "!between" => Infix::Between { negated: true },
            "matches" if self.nth_is_word(1, "regex") => {
                return Some((Infix::Binary(BinaryOp::MatchesRegex), 2));
            }
            _ => match keyword::text_operator(word) {
                Some(op) => Infix::Binary(BinaryOp::Text(op)),
                None => Infix::List(keyword::list_operator(word)?),
            },
        };
        Some((infix, 1))
    }

    /// Takes an operator after its left operand.
    fn infix_operator(
        &mut self,
        stack: &mut Vec<Frame>,
        operand: Operand,
        infix: Infix,
        length: usize,
    ) -> Next {
        let level = infix.level();
        // A chain of `and` or `or` grows where it stands instead of becoming an operand of itself.
        let above = if matches!(infix, Infix::Logical(_)) {
            level + 1
        } else {
            level
        };
        let operand = self.reduce(stack, operand, above);
        let chains = !matches!(level, level::EQUALITY | level::RELATION | level::TEXT);
        if operand.level < level || (operand.level == level && !chains) {
            self.not_chained(operand.expr.span);
        }
        for _ in 0..length {
            self.bump();
        }
        match infix {
            Infix::Binary(op) => stack.push(Frame::Binary { op, left: operand }),
            Infix::Logical(op) => push_logical(stack, op, operand),
            Infix::List(op) => return self.open_list(stack, op, operand),
            Infix::Between { negated } => {
                if !self.expect(TokenKind::OpenParen, "(") {
                    return Next::Have(operand);
                }
                return or_need(self.open(
                    stack,
                    Frame::Low {
                        negated,
                        value: operand,
                    },
                ));
            }
        }
        Next::NeedOperand
    }

    fn not_chained(&mut self, left: Span) {
        let span = self.here();
        let operator = span.text(self.source);
        let message =
            format!("The operator '{operator}' cannot follow another comparison without brackets");
        let advice = format!("Write ({}) {operator} …", left.text(self.source));
        self.report(Diagnostic::error("BZ002", span, message).with_suggestion(advice));
    }

    fn open_list(&mut self, stack: &mut Vec<Frame>, op: ListOp, value: Operand) -> Next {
        if self.eat(TokenKind::OpenParen) {
            let height = value.height;
            return or_need(self.open(
                stack,
                Frame::List {
                    op,
                    value,
                    items: Vec::new(),
                    height,
                },
            ));
        }
        let span = self.here();
        let advice = "Write the list in brackets, also when it is one name";
        self.report(Diagnostic::error("KS005", span, "Expected: (").with_suggestion(advice));
        stack.push(Frame::Binary {
            op: BinaryOp::Equal,
            left: value,
        });
        Next::NeedOperand
    }

    /// Completes the operators on the stack that bind at least as tightly as `least`.
    fn reduce(&mut self, stack: &mut Vec<Frame>, mut operand: Operand, least: u8) -> Operand {
        while stack
            .last()
            .and_then(Frame::level)
            .is_some_and(|level| level >= least)
        {
            operand = match stack.pop() {
                Some(Frame::Sign { op, start }) => {
                    let span = Span::new(start, operand.expr.span.end);
                    let kind = ExprKind::Unary {
                        op,
                        operand: Box::new(operand.expr),
                    };
                    self.built(kind, span, operand.height + 1, level::SIGN)
                }
                Some(Frame::Binary { op, left }) => {
                    let span = left.expr.span.to(operand.expr.span);
                    let height = left.height.max(operand.height) + 1;
                    let (left, right) = (Box::new(left.expr), Box::new(operand.expr));
                    self.built(
                        ExprKind::Binary { op, left, right },
                        span,
                        height,
                        binary_level(op),
                    )
                }
                Some(Frame::Logical {
                    op,
                    mut operands,
                    height,
                }) => {
                    let span = operands
                        .first()
                        .map_or(operand.expr.span, |first| first.span.to(operand.expr.span));
                    operands.push(operand.expr);
                    let height = height.max(operand.height) + 1;
                    self.built(
                        ExprKind::Logical { op, operands },
                        span,
                        height,
                        logical_level(op),
                    )
                }
                _ => return operand,
            };
        }
        operand
    }

    /// Looks at what follows an operand that fills the innermost bracket so far.
    fn in_brackets(&mut self, stack: &mut Vec<Frame>, operand: Operand) -> Next {
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
            if let Some(Frame::Low { negated, value }) = stack.pop() {
                stack.push(Frame::High {
                    negated,
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
        self.expected(match (closer, commas, low) {
            (_, _, true) => "..",
            (TokenKind::CloseBracket, ..) => "]",
            (_, true, _) => ", or )",
            _ => ")",
        });
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

fn or_need(operand: Option<Operand>) -> Next {
    operand.map_or(Next::NeedOperand, Next::Have)
}

/// Adds an operand to the chain on the stack, or begins a chain.
fn push_logical(stack: &mut Vec<Frame>, op: LogicalOp, operand: Operand) {
    match stack.last_mut() {
        Some(Frame::Logical {
            op: same,
            operands,
            height,
        }) if *same == op => {
            *height = (*height).max(operand.height);
            operands.push(operand.expr);
        }
        _ => stack.push(Frame::Logical {
            op,
            height: operand.height,
            operands: vec![operand.expr],
        }),
    }
}
