//! Conversions that the query leaves out, and the common type of several values.

use crate::bound::{Expr, ExprKind, Value};
use crate::types::Type;

use super::literal;

/// `expr` as a value of `ty`: itself, a converted constant, or a cast.
pub(super) fn coerce(expr: Expr, ty: Type) -> Expr {
    if expr.ty == ty {
        return expr;
    }
    if let ExprKind::Literal(value) = &expr.kind
        && let Some(value) = convert(value, ty)
    {
        return literal(value, ty);
    }
    Expr {
        kind: ExprKind::Cast(Box::new(expr)),
        ty,
    }
}

/// The exact conversions of constants; others are left to a cast.
#[expect(
    clippy::cast_precision_loss,
    reason = "that is what the conversion of a long to real does"
)]
fn convert(value: &Value, ty: Type) -> Option<Value> {
    Some(match (value, ty) {
        (Value::Null, Type::String) => Value::String(String::new()),
        (Value::Null, _) => Value::Null,
        (Value::Int(v), Type::Long) => Value::Long(i64::from(*v)),
        (Value::Int(v), Type::Real) => Value::Real(f64::from(*v)),
        (Value::Int(v), Type::Decimal) => Value::Decimal(v.to_string()),
        (Value::Long(v), Type::Int) => Value::Int(i32::try_from(*v).ok()?),
        (Value::Long(v), Type::Real) => Value::Real(*v as f64),
        (Value::Long(v), Type::Decimal) => Value::Decimal(v.to_string()),
        (Value::Int(v), Type::String) => Value::String(v.to_string()),
        (Value::Long(v), Type::String) => Value::String(v.to_string()),
        (Value::Bool(v), Type::Dynamic) => Value::Dynamic(v.to_string()),
        (Value::Int(v), Type::Dynamic) => Value::Dynamic(v.to_string()),
        (Value::Long(v), Type::Dynamic) => Value::Dynamic(v.to_string()),
        (Value::String(v), Type::Dynamic) => Value::Dynamic(json_string(v)),
        _ => return None,
    })
}

/// A text as a JSON string.
pub(super) fn json_string(text: &str) -> String {
    use std::fmt::Write as _;
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// The type of `iff` and `case`: dynamic values adapt to the others, and what does not fit together is dynamic.
pub(super) fn common_or_dynamic(types: impl Iterator<Item = Type>) -> Type {
    let mut common = None;
    for ty in types.filter(|ty| *ty != Type::Dynamic) {
        common = Some(match common {
            None => ty,
            Some(seen) if seen == ty => ty,
            Some(seen) => match ty.widest(seen) {
                Some(wide) => wide,
                None => return Type::Dynamic,
            },
        });
    }
    common.unwrap_or(Type::Dynamic)
}

/// The type of `coalesce`, `min_of` and `max_of`, or none when there is none in common.
pub(super) fn common(types: impl Iterator<Item = Type>) -> Option<Type> {
    let mut common = None;
    for ty in types {
        common = Some(match common {
            None => ty,
            Some(seen) if seen == ty => ty,
            Some(Type::Dynamic) => ty,
            Some(seen) if ty == Type::Dynamic => seen,
            Some(seen) => ty.widest(seen)?,
        });
    }
    common
}

/// int becomes long, as the result of an operator or of `sum`.
pub(super) fn promoted(ty: Type) -> Type {
    if ty == Type::Int { Type::Long } else { ty }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_converted_and_other_values_cast() {
        assert_eq!(
            coerce(literal(Value::Long(5), Type::Long), Type::Int),
            literal(Value::Int(5), Type::Int)
        );
        let wide = coerce(literal(Value::Long(1 << 40), Type::Long), Type::Int);
        assert!(
            matches!(wide.kind, ExprKind::Cast(_)),
            "a long that does not fit is cast when the query runs"
        );
        let text = coerce(
            literal(Value::String("a\"\n".into()), Type::String),
            Type::Dynamic,
        );
        assert_eq!(
            text.kind,
            ExprKind::Literal(Value::Dynamic("\"a\\\"\\n\"".into()))
        );
    }

    #[test]
    fn common_types() {
        let of = |types: &[Type]| common_or_dynamic(types.iter().copied());
        assert_eq!(of(&[Type::Int, Type::Long]), Type::Long);
        assert_eq!(of(&[Type::Dynamic, Type::String]), Type::String);
        assert_eq!(of(&[Type::String, Type::Long]), Type::Dynamic);
        assert_eq!(common([Type::String, Type::Long].into_iter()), None);
        assert_eq!(
            common([Type::Real, Type::Decimal].into_iter()),
            Some(Type::Decimal)
        );
    }
}
