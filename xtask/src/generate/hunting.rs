//! The hunting tables and functions.

use std::fmt::Write as _;

use serde_json::Value;

use super::Spec;
use super::spec::{Column, Param};
use super::text::{header, literal, option, option_literal, pascal, slice};

pub(super) fn render(spec: &Spec) -> String {
    let mut out = header(
        "The tables and functions of advanced hunting.",
        "`spec/hunting-schema.json`",
    );
    out.push_str(
        "use crate::hunting::{Column, Function, FunctionKind, Param, Table};\nuse crate::kql_type::KqlType;\n\n\
         const fn col(name: &'static str, ty: KqlType) -> Column {\nColumn { name, ty }\n}\n\n\
         /// Every hunting table, by name.\npub static TABLES: &[Table] = &[\n",
    );
    for (name, t) in &spec.hunting.tables {
        let _ = writeln!(
            out,
            "Table {{ name: {}, area: {}, preview: {}, streaming: {}, superseded_by: {}, columns: {} }},",
            literal(name),
            literal(&t.area),
            t.preview,
            t.streaming_api,
            option_literal(t.superseded_by.as_deref()),
            slice(t.columns.iter().map(column)),
        );
    }
    out.push_str(
        "];\n\n/// Every function of the hunting schema.\npub static FUNCTIONS: &[Function] = &[\n",
    );
    for (name, f) in &spec.hunting.functions {
        let _ = writeln!(
            out,
            "Function {{ name: {}, kind: FunctionKind::{}, syntax: {}, params: {}, columns: {} }},",
            literal(name),
            pascal(&f.kind),
            literal(&f.syntax),
            slice(f.args.iter().map(param)),
            slice(f.columns.iter().map(column)),
        );
    }
    out.push_str("];\n");
    out
}

fn column(c: &Column) -> String {
    let ty = match c.ty.as_str() {
        "datetime" => "DateTime".to_owned(),
        "timespan" => "TimeSpan".to_owned(),
        other => pascal(other),
    };
    format!("col({}, KqlType::{ty})", literal(&c.name))
}

fn param(p: &Param) -> String {
    let default = match &p.default {
        Value::Null => None,
        Value::String(s) => Some(literal(s)),
        other => Some(literal(&other.to_string())),
    };
    format!(
        "Param {{ name: {}, ty: {}, required: {}, default: {} }}",
        literal(&p.name),
        literal(&p.ty),
        p.required,
        option(default)
    )
}
