//! Which arguments a parameter takes.

use crate::bound::ExprKind;
use crate::catalogue::{Accepts, Param};
use crate::types::Type;

use super::call::Argument;
use super::suggest;

/// Why a parameter does not take an argument: code and message.
pub(super) fn refusal(param: &Param, argument: &Argument) -> Option<(&'static str, String)> {
    let ty = match (param.accepts, argument) {
        (Accepts::TypeLiteral, Argument::Type(_)) => return None,
        (Accepts::TypeLiteral, Argument::Value(_)) => {
            return Some(("KS107", "typeof(…) expected".to_owned()));
        }
        (_, Argument::Type(_)) => {
            return Some(("KS108", "Scalar value expected, not a type".to_owned()));
        }
        (_, Argument::Value(value)) => value.ty,
    };
    let dynamic = ty == Type::Dynamic;
    let (fits, code, expected) = match param.accepts {
        Accepts::Any | Accepts::TypeLiteral => (true, "", String::new()),
        Accepts::NotDynamic => {
            let text = "The value of type 'dynamic' is not allowed in this context: cast it first";
            return dynamic.then(|| ("KS116", text.to_owned()));
        }
        Accepts::Only(Type::String) => (
            ty == Type::String || dynamic,
            "KS107",
            "a value of type string".to_owned(),
        ),
        Accepts::Only(Type::Long) => (ty.is_integer(), "KS107", "a value of type long".to_owned()),
        Accepts::Only(Type::Real) => (ty.is_numeric(), "KS107", "a value of type real".to_owned()),
        Accepts::Only(only) => (ty == only, "KS107", format!("a value of type {only}")),
        Accepts::StringOrDynamic => (
            ty == Type::String || dynamic,
            "KS141",
            "a string or dynamic value".to_owned(),
        ),
        Accepts::Number => (ty.is_numeric(), "KS137", "a number".to_owned()),
        Accepts::Integer => (ty.is_integer(), "KS134", "an integer".to_owned()),
        Accepts::NumberOrBool => (
            ty.is_numeric() || ty == Type::Bool,
            "KS137",
            "a number or bool".to_owned(),
        ),
        Accepts::Summable => (
            ty.is_summable(),
            "KS138",
            "a number, timespan or datetime".to_owned(),
        ),
        Accepts::Orderable => (
            ty.is_summable() || matches!(ty, Type::String | Type::Bool),
            "KS206",
            "a number, timespan, datetime, string or bool".to_owned(),
        ),
        Accepts::Array => (dynamic, "KS234", "a dynamic array".to_owned()),
        Accepts::ArrayOrBool => (
            dynamic || ty == Type::Bool,
            "KS107",
            "a dynamic array or a bool".to_owned(),
        ),
        Accepts::Bag => (dynamic, "KS235", "a dynamic bag".to_owned()),
        Accepts::IntegerOrArray => (
            ty.is_integer() || dynamic,
            "KS134",
            "an integer or a dynamic array".to_owned(),
        ),
    };
    (!fits).then(|| {
        (
            code,
            format!("The argument must be {expected}, this one is {ty}"),
        )
    })
}

/// How the argument that a parameter does not take may be written.
pub(super) fn advice(param: &Param, argument: &Argument) -> Option<&'static str> {
    let Argument::Value(value) = argument else {
        return None;
    };
    let text = value.ty == Type::String;
    let literal = matches!(value.kind, ExprKind::Literal(_));
    match param.accepts {
        Accepts::Only(Type::TimeSpan) if literal => Some(suggest::TIMESPAN),
        Accepts::Only(Type::TimeSpan) if text => Some("Convert it with totimespan(…)"),
        Accepts::Only(Type::TimeSpan) if value.ty.is_numeric() => {
            Some("Multiply it by a unit: n * 1d")
        }
        Accepts::Only(Type::DateTime) if literal => Some(suggest::MOMENT),
        Accepts::Only(Type::DateTime) if text => Some("Convert it with todatetime(…)"),
        Accepts::Only(Type::String) | Accepts::StringOrDynamic => {
            Some("Convert it with tostring(…)")
        }
        Accepts::Only(Type::Long) | Accepts::Integer if text => Some("Convert it with tolong(…)"),
        Accepts::Only(Type::Real) | Accepts::Number | Accepts::NumberOrBool | Accepts::Summable
            if text =>
        {
            Some("Convert it with tolong(…) or todouble(…)")
        }
        Accepts::Array | Accepts::Bag if text => Some("Read it with parse_json(…)"),
        _ => None,
    }
}
