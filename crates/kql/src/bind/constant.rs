//! The values of literals.

use crate::ast::{self, Literal};
use crate::bound::{BinaryOp, Expr, ExprKind, ScalarFn, Value};
use crate::types::Type;

use super::convert::json_string;
use super::expr::binary;
use super::literal;

/// The value and type of a literal.
pub(super) fn constant(value: &Literal) -> Expr {
    fn of<T>(value: Option<T>, ty: Type, make: impl FnOnce(T) -> Value) -> Expr {
        literal(value.map_or(Value::Null, make), ty)
    }
    match value {
        Literal::Bool(v) => of(*v, Type::Bool, Value::Bool),
        Literal::Int(v) => of(*v, Type::Int, Value::Int),
        Literal::Long(v) => of(*v, Type::Long, Value::Long),
        Literal::Real(v) => of(*v, Type::Real, Value::Real),
        Literal::Decimal(v) => of(v.clone(), Type::Decimal, Value::Decimal),
        Literal::String { value, .. } => literal(Value::String(value.clone()), Type::String),
        Literal::DateTime(v) => of(*v, Type::DateTime, Value::DateTime),
        Literal::TimeOfDay(ticks) => today_at(*ticks),
        Literal::TimeSpan(v) => of(*v, Type::TimeSpan, Value::TimeSpan),
        Literal::Guid(v) => of(v.clone(), Type::Guid, Value::Guid),
        Literal::Dynamic(ast::Dynamic::Null) => literal(Value::Null, Type::Dynamic),
        Literal::Dynamic(v) => {
            let mut json = String::new();
            write_json(v, &mut json);
            literal(Value::Dynamic(json), Type::Dynamic)
        }
    }
}

/// The start of today and a time since then. No name is looked up: a function of the query may be called `now`.
fn today_at(ticks: i64) -> Expr {
    let call = |function, args| Expr {
        kind: ExprKind::Call { function, args },
        ty: Type::DateTime,
    };
    let midnight = call(ScalarFn::StartOfDay, vec![call(ScalarFn::Now, Vec::new())]);
    let clock = literal(Value::TimeSpan(ticks), Type::TimeSpan);
    binary(BinaryOp::Add, midnight, clock, Type::DateTime)
}

/// JSON text of a dynamic literal. Times become strings, as the service prints them.
fn write_json(value: &ast::Dynamic, json: &mut String) {
    match value {
        ast::Dynamic::Null => json.push_str("null"),
        ast::Dynamic::Bool(v) => json.push_str(if *v { "true" } else { "false" }),
        ast::Dynamic::Long(v) => json.push_str(&v.to_string()),
        ast::Dynamic::Real(v) if v.is_finite() => json.push_str(&format!("{v:?}")),
        ast::Dynamic::Real(v) => json.push_str(&json_string(if v.is_nan() {
            "NaN"
        } else if *v > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })),
        ast::Dynamic::String(v) | ast::Dynamic::Guid(v) => json.push_str(&json_string(v)),
        ast::Dynamic::DateTime(ticks) => {
            json.push_str(&json_string(&super::text::datetime(*ticks)))
        }
        ast::Dynamic::TimeSpan(ticks) => {
            json.push_str(&json_string(&super::text::timespan(*ticks)))
        }
        ast::Dynamic::Array(items) => {
            json.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    json.push(',');
                }
                write_json(item, json);
            }
            json.push(']');
        }
        ast::Dynamic::Object(properties) => {
            json.push('{');
            for (i, (key, item)) in properties.iter().enumerate() {
                if i > 0 {
                    json.push(',');
                }
                json.push_str(&json_string(key));
                json.push(':');
                write_json(item, json);
            }
            json.push('}');
        }
    }
}
