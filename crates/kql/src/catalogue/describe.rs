//! Signatures as people read them: in docs/kql.md, in completion and in what an editor shows over a function.

use super::{Accepts, Param, ResultType, Signature};

impl Signature {
    /// A call with the types of its arguments: `substring(string, integer, integer?)`. `condition` is the place of the
    /// condition that a `…if` form takes beside the signature.
    #[must_use]
    pub fn call(&self, name: &str, condition: Option<usize>) -> String {
        let mut arguments: Vec<String> = self
            .params
            .iter()
            .enumerate()
            .map(|(i, param)| {
                let optional = if i < self.required { "" } else { "?" };
                format!("{}{optional}", accepted(param))
            })
            .collect();
        if let Some(at) = condition {
            arguments.insert(at.min(arguments.len()), "bool".to_owned());
        }
        let more = if self.repeated > 0 { ", …" } else { "" };
        format!("{name}({}{more})", arguments.join(", "))
    }

    /// The type of the result, in words where it depends on the arguments.
    #[must_use]
    pub fn gives(&self) -> &'static str {
        match self.result {
            ResultType::Is(ty) => ty.name(),
            ResultType::Argument(0) | ResultType::Promoted(0) => "the first argument's type",
            ResultType::Argument(_) | ResultType::Promoted(_) => "an argument's type",
            ResultType::Widest => "the widest number",
            ResultType::Common => "the common type",
            ResultType::TypeLiteral(_) => "the named type",
        }
    }
}

fn accepted(param: &Param) -> &'static str {
    match param.accepts {
        Accepts::Any => "any",
        Accepts::NotDynamic => "any but dynamic",
        Accepts::Only(ty) => ty.name(),
        Accepts::StringOrDynamic => "string or dynamic",
        Accepts::Number => "number",
        Accepts::Integer => "integer",
        Accepts::NumberOrBool => "number or bool",
        Accepts::Summable => "number or time",
        Accepts::Orderable => "ordered",
        Accepts::Array => "array",
        Accepts::ArrayOrBool => "array or bool",
        Accepts::Bag => "bag",
        Accepts::IntegerOrArray => "integer or array",
        Accepts::TypeLiteral => "typeof",
    }
}
