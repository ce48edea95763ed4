//! docs/kql.md: the functions of the hunting language, from the catalogue that binds them.

use std::fmt::Write as _;

use bartizan_kql::catalogue::{self, ScalarFunction, Shape, Target};

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
            let call = signature.call(function.name, condition);
            let _ = writeln!(out, "| `{call}` | {} | {doc} |", signature.gives());
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
            _ => signature.gives().to_owned(),
        };
        let call = signature.call(function.name, None);
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
