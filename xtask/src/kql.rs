//! docs/kql.md: the functions of the hunting language, from the catalogue that binds them.

use std::fmt::Write as _;

use bartizan_kql::catalogue::{
    self, Accepts, Param, ResultType, ScalarFunction, Shape, Signature, Target,
};

/// The document.
pub(crate) fn reference(made_by: &str) -> String {
    let mut out = format!("# Functions of the hunting language\n\n{made_by}");
    let scalars = catalogue::scalar_functions().count();
    let aggregates = catalogue::aggregate_functions().count();
    let _ = writeln!(
        out,
        "{scalars} scalar functions and {aggregates} aggregate functions can be called in a query. \
         An argument with `?` may be left out, one before `…` may be repeated.\n"
    );
    for (family, functions) in catalogue::families() {
        let _ = writeln!(out, "## {family}\n\n| function | gives | |\n|---|---|---|");
        for function in functions {
            row(&mut out, function);
        }
        out.push('\n');
    }
    out.push_str("## Aggregate functions\n\n| function | gives | |\n|---|---|---|\n");
    for function in catalogue::aggregate_functions() {
        let condition = match function.shape {
            Shape::Filtered(at) => Some(at),
            _ => None,
        };
        for (i, signature) in function.signatures.iter().enumerate() {
            let doc = if i == 0 {
                described(function.doc, function.aliases)
            } else {
                String::new()
            };
            let call = call(function.name, signature, condition);
            let _ = writeln!(out, "| `{call}` | {} | {doc} |", result(signature));
        }
    }
    out.push_str("\n## Documented, and not there\n\n| function | why |\n|---|---|\n");
    for (names, reason) in catalogue::MISSING {
        let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
        let _ = writeln!(out, "| {} | {reason} |", names.join(", "));
    }
    out
}

fn row(out: &mut String, function: &ScalarFunction) {
    for (i, signature) in function.signatures.iter().enumerate() {
        let doc = if i == 0 {
            described(function.doc, function.aliases)
        } else {
            String::new()
        };
        let gives = match function.target {
            Target::Several(_, results) => {
                let results: Vec<String> =
                    results.iter().map(|(n, ty)| format!("{n} {ty}")).collect();
                results.join(", ")
            }
            _ => result(signature),
        };
        let call = call(function.name, signature, None);
        let _ = writeln!(out, "| `{call}` | {gives} | {doc} |");
    }
}

fn described(doc: &str, aliases: &[&str]) -> String {
    if aliases.is_empty() {
        return doc.to_owned();
    }
    let aliases: Vec<String> = aliases.iter().map(|a| format!("`{a}`")).collect();
    format!("{doc} Also {}.", aliases.join(", "))
}

/// A call with the types of its arguments.
fn call(name: &str, signature: &Signature, condition: Option<usize>) -> String {
    let mut arguments: Vec<String> = signature
        .params
        .iter()
        .enumerate()
        .map(|(i, param)| {
            let optional = if i < signature.required { "" } else { "?" };
            format!("{}{optional}", accepted(param))
        })
        .collect();
    if let Some(at) = condition {
        arguments.insert(at.min(arguments.len()), "bool".to_owned());
    }
    let more = if signature.repeated > 0 { ", …" } else { "" };
    format!("{name}({}{more})", arguments.join(", "))
}

fn accepted(param: &Param) -> String {
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
    .to_owned()
}

fn result(signature: &Signature) -> String {
    match signature.result {
        ResultType::Is(ty) => ty.name().to_owned(),
        ResultType::Argument(i) | ResultType::Promoted(i) => match i {
            0 => "the first argument's type".to_owned(),
            _ => "an argument's type".to_owned(),
        },
        ResultType::Widest => "the widest number".to_owned(),
        ResultType::Common => "the common type".to_owned(),
        ResultType::TypeLiteral(_) => "the named type".to_owned(),
    }
}
