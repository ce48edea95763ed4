//! Expressions over columns that are not known: what is known of them all the same.
//!
//! A query with `bag_unpack` has columns that only its data tell. Until these are asked, values that depend on them are of
//! no certain type, but comparisons are bools and most functions have one type of result.

use crate::ast::{BinaryOp, Expr, ExprKind};
use crate::bound;
use crate::catalogue::{self, ResultType, ScalarFunction, Target};
use crate::types::Type;

/// The type of an expression whatever its operands are; none when it depends on them.
pub(super) fn type_of_unknown(expr: &Expr) -> Option<Type> {
    match &expr.kind {
        ExprKind::Binary { op, .. } => match op {
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo => None,
            _ => Some(Type::Bool),
        },
        ExprKind::Logical { .. } | ExprKind::List { .. } | ExprKind::Between { .. } => {
            Some(Type::Bool)
        }
        ExprKind::Call(call) => {
            let function = catalogue::scalar_function(&call.name.text)?;
            type_of_call(function, call.arguments.len())
        }
        _ => None,
    }
}

/// The type of every call with so many arguments.
fn type_of_call(function: &ScalarFunction, arguments: usize) -> Option<Type> {
    match function.target {
        Target::Cast(ty) => return Some(ty),
        Target::Function(_) => {}
        _ => return None,
    }
    let fitting = function.signatures.iter().filter(|s| s.takes(arguments));
    let mut types = fitting.map(|signature| match signature.result {
        ResultType::Is(ty) => Some(ty),
        _ => None,
    });
    let first = types.next()??;
    types.all(|ty| ty == Some(first)).then_some(first)
}

/// A null of a type.
pub(super) const fn null_of(ty: Type) -> bound::Expr {
    bound::Expr {
        kind: bound::ExprKind::Literal(bound::Value::Null),
        ty,
    }
}
