//! Syntax that operators are written with when the language has other words for them.

use crate::ast::{Argument, BinaryOp, Call, Expr, ExprKind, Name, NamedExpr};
use crate::diagnostic::Span;

/// A name.
pub(super) fn name(text: &str, span: Span) -> Name {
    Name {
        text: text.to_owned(),
        span,
    }
}

/// A call.
pub(super) fn call(function: &str, arguments: Vec<Expr>, span: Span) -> Expr {
    let arguments = arguments
        .into_iter()
        .map(|value| Argument { name: None, value })
        .collect();
    Expr {
        kind: ExprKind::Call(Call {
            name: name(function, span),
            arguments,
            span,
        }),
        span,
    }
}

/// `name = expr`.
pub(super) fn named(text: &str, expr: Expr) -> NamedExpr {
    let span = expr.span;
    NamedExpr {
        names: vec![name(text, span)],
        expr,
        span,
    }
}

/// `left op right`.
pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let span = left.span;
    Expr {
        kind: ExprKind::Binary {
            op,
            at: span,
            left: Box::new(left),
            right: Box::new(right),
        },
        span,
    }
}
