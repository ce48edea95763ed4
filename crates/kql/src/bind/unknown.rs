//! Expressions over columns that are not known: what is known of them all the same.
//!
//! A query with `bag_unpack` has columns that only its data tell. Until these are asked, values that depend on them are of
//! no certain type, but comparisons are bools and most functions have one type of result.

use crate::ast::{BinaryOp, Expr, ExprKind};
use crate::bound;
use crate::catalogue::{self, AggregateFunction, ResultType, ScalarFunction, Shape, Target};
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
            let name = call.name.text.as_str();
            // What is both a scalar function and an aggregate has the type of the function: it is the same for those
            // that have one whatever their operands are.
            match (
                catalogue::scalar_function(name),
                catalogue::aggregate_function(name),
            ) {
                (Some(function), _) => type_of_call(function, call.arguments.len()),
                (None, Some(function)) => type_of_aggregate(function),
                (None, None) => None,
            }
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

/// The type of an aggregate of anything: how many there are is a long, whatever they are.
fn type_of_aggregate(function: &AggregateFunction) -> Option<Type> {
    if !matches!(function.shape, Shape::Plain | Shape::Filtered(_)) {
        return None;
    }
    let mut types = function.signatures.iter().map(|s| match s.result {
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
