//! Expressions, by an operator-precedence parser with its stack on the heap.
//!
//! The parser is always in one of two states: it needs an operand ([`Parser::operand`]), or it has one and looks at
//! what follows ([`Parser::after_operand`]). What waits for an operand to be complete is a [`Frame`].

use super::{MAX_DEPTH, Parser};
use crate::ast::{Argument, BinaryOp, Expr, ExprKind, ListOp, LogicalOp, Name, UnaryOp};
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
        at: Span,
        left: Operand,
    },
    Logical {
        op: LogicalOp,
        operands: Vec<Expr>,
        places: Vec<Span>,
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
        at: Span,
        value: Operand,
    },
    High {
        negated: bool,
        at: Span,
        value: Operand,
        low: Operand,
    },
}

impl Frame {
    /// The level of the operator that waits; `None` for brackets, which hold until they are closed.
    pub(super) fn level(&self) -> Option<u8> {
        match self {
            Self::Sign { .. } => Some(level::SIGN),
            Self::Binary { op, .. } => Some(binary_level(*op)),
            Self::Logical { op, .. } => Some(logical_level(*op)),
            _ => None,
        }
    }

    pub(super) fn closer(&self) -> TokenKind {
        if matches!(self, Self::Index { .. }) {
            TokenKind::CloseBracket
        } else {
            TokenKind::CloseParen
        }
    }

    pub(super) fn has_commas(&self) -> bool {
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
        if let Some((infix, length)) = self.infix().or_else(|| self.foreign_infix()) {
            return self.infix_operator(stack, operand, infix, length);
        }
        let operand = self.reduce(stack, operand, 0);
        if stack.is_empty() {
            Next::Done(operand)
        } else {
            self.in_brackets(stack, operand)
        }
    }

    /// `.name`, `.name(…)`, and `.[index]`, which is the same as without the dot.
    fn member(&mut self, stack: &mut Vec<Frame>, object: Operand) -> Next {
        self.bump();
        if self.at(TokenKind::OpenBracket) && self.scan_name(0).is_none() {
            self.bump();
            return or_need(self.open(stack, Frame::Index { object }));
        }
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

    /// `&&` and `||` as other languages have them: reported, and read as they are meant.
    fn foreign_infix(&mut self) -> Option<(Infix, usize)> {
        let token = self.peek();
        if self.text(token) == "&&" {
            // The lexer has said so.
            return Some((Infix::Logical(LogicalOp::And), 1));
        }
        let pipes = self.at(TokenKind::Pipe) && self.nth(1).kind == TokenKind::Pipe;
        if !pipes || !self.is_adjacent(1) {
            return None;
        }
        let span = token.span.to(self.nth(1).span);
        let error = Diagnostic::error("KS176", span, "Unexpected: ||");
        self.report(error.with_suggestion("Write 'or'; before an operator stands one |"));
        Some((Infix::Logical(LogicalOp::Or), 2))
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
        let at = self.here();
        for _ in 0..length {
            self.bump();
        }
        match infix {
            Infix::Binary(op) => stack.push(Frame::Binary {
                op,
                at,
                left: operand,
            }),
            Infix::Logical(op) => push_logical(stack, op, operand, at),
            Infix::List(op) => return self.open_list(stack, op, operand),
            Infix::Between { negated } => {
                if !self.eat(TokenKind::OpenParen) {
                    let error = Diagnostic::error("KS005", self.here(), "Expected: (");
                    self.report(error.with_suggestion(super::advice::BETWEEN));
                    return Next::Have(operand);
                }
                return or_need(self.open(
                    stack,
                    Frame::Low {
                        negated,
                        at,
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
        let advice = "Write the list in parentheses, also when it is one name";
        self.report(Diagnostic::error("KS005", span, "Expected: (").with_suggestion(advice));
        stack.push(Frame::Binary {
            op: BinaryOp::Equal,
            at: span,
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
                Some(Frame::Binary { op, at, left }) => {
                    let span = left.expr.span.to(operand.expr.span);
                    let height = left.height.max(operand.height) + 1;
                    let (left, right) = (Box::new(left.expr), Box::new(operand.expr));
                    self.built(
                        ExprKind::Binary {
                            op,
                            at,
                            left,
                            right,
                        },
                        span,
                        height,
                        binary_level(op),
                    )
                }
                Some(Frame::Logical {
                    op,
                    mut operands,
                    places,
                    height,
                }) => {
                    let span = operands
                        .first()
                        .map_or(operand.expr.span, |first| first.span.to(operand.expr.span));
                    operands.push(operand.expr);
                    let height = height.max(operand.height) + 1;
                    self.built(
                        ExprKind::Logical {
                            op,
                            operands,
                            places,
                        },
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
}

pub(super) fn or_need(operand: Option<Operand>) -> Next {
    operand.map_or(Next::NeedOperand, Next::Have)
}

/// Adds an operand to the chain on the stack, or begins a chain.
fn push_logical(stack: &mut Vec<Frame>, op: LogicalOp, operand: Operand, at: Span) {
    match stack.last_mut() {
        Some(Frame::Logical {
            op: same,
            operands,
            places,
            height,
        }) if *same == op => {
            places.push(at);
            *height = (*height).max(operand.height);
            operands.push(operand.expr);
        }
        _ => stack.push(Frame::Logical {
            op,
            height: operand.height,
            operands: vec![operand.expr],
            places: vec![at],
        }),
    }
}
