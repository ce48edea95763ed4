//! The operation table.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::spec::{Operation, Rate};
use super::text::{header, literal, literals, option, option_literal, pascal, slice};
use super::{Spec, access};

pub(super) fn render(spec: &Spec) -> String {
    let mut out = header(
        "The operations of the APIs.",
        "`spec/endpoints.json` and `spec/support.json`",
    );
    out.push_str(
        "use crate::access::DefenderPermission;\nuse crate::operations::{Api, Filter, Method, Operation, QueryParam, Rate, RequestField};\n\n",
    );
    out.push_str(
        "/// The stable name of an operation: its API and what it does. The discriminant is the\n\
         /// row's number in [`crate::operations::all`].\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\n#[repr(u16)]\npub enum OperationId {\n",
    );
    for o in spec.endpoints.iter().chain(&spec.support.operations) {
        let _ = writeln!(
            out,
            "/// {} `{} {}`\n{},",
            o.name,
            o.method,
            full_path(o),
            id(o)
        );
    }
    out.push_str("}\n\nimpl OperationId {\n/// The name as text.\n#[must_use]\npub const fn name(self) -> &'static str {\nmatch self {\n");
    for o in spec.endpoints.iter().chain(&spec.support.operations) {
        let _ = writeln!(out, "Self::{0} => {0:?},", id(o));
    }
    out.push_str("}\n}\n}\n\n");
    table(
        &mut out,
        "OPERATIONS",
        "The documented security operations.",
        &spec.endpoints,
    );
    table(
        &mut out,
        "SUPPORT_OPERATIONS",
        "Directory calls of Graph, and what Bartizan adds of its own.",
        &spec.support.operations,
    );
    out
}

fn table(out: &mut String, name: &str, doc: &str, rows: &[Operation]) {
    let _ = writeln!(out, "/// {doc}\npub static {name}: &[Operation] = &[");
    for row in rows {
        operation(out, row);
    }
    out.push_str("];\n\n");
}

fn operation(out: &mut String, o: &Operation) {
    let hosts: Vec<&str> = o
        .hosts
        .iter()
        .map(|h| h.split('/').next().unwrap_or(h))
        .collect();
    let statuses = o
        .status_codes
        .iter()
        .map(|(code, text)| format!("({code}, {})", literal(text)));
    let options = &o.query_options;
    let _ = writeln!(
        out,
        "Operation {{ id: OperationId::{}, api: Api::{}, group: {}, name: {}, method: Method::{}, \
         path: {}, hosts: {}, app_permissions: {}, delegated_permissions: {}, user_permission: {}, \
         user_needs: {}, user_roles: {}, device_group_scoped: {}, filter: {}, top: {}, skip: {}, count: {}, expand: {}, \
         page_size: {}, max_top: {}, rate: {}, request_fields: {}, query_params: {}, \
         response_type: {}, response_collection: {}, odata_context: {}, statuses: {}, source: {} }},",
        id(o),
        pascal(&o.api),
        literal(&o.group),
        literal(&o.name),
        pascal(&o.method.to_ascii_lowercase()),
        literal(&full_path(o)),
        literals(&hosts),
        literals(&o.app_permissions),
        literals(&o.delegated_permissions),
        option_literal(o.rbac_user_permission.as_deref()),
        slice(
            access::user_needs(o)
                .iter()
                .map(|word| format!("DefenderPermission::{word}"))
        ),
        literals(&o.user_roles),
        o.device_group_scoped,
        filter(options),
        flag(options, "$top"),
        flag(options, "$skip"),
        flag(options, "$count"),
        literals(&strings(options.get("$expand"))),
        option(o.page_size),
        option(o.max_top),
        rate(o.rate_limit.as_ref()),
        slice(
            o.request_fields
                .iter()
                .filter(|(n, _)| !n.starts_with('_'))
                .map(request_field)
        ),
        slice(o.query_params.iter().map(query_param)),
        option_literal(o.response_type.as_deref()),
        o.response_collection,
        option_literal(o.odata_context.as_deref()),
        slice(statuses),
        literal(&o.source),
    );
}

pub(super) fn id(o: &Operation) -> String {
    pascal(&o.api) + &pascal(&o.name)
}

/// The path from the host's root: Graph's hosts carry the version in the spec.
fn full_path(o: &Operation) -> String {
    let version = o
        .hosts
        .first()
        .and_then(|h| h.split_once('/'))
        .map(|(_, v)| v);
    version.map_or_else(|| o.path.clone(), |v| format!("/{v}{}", o.path))
}

fn filter(options: &Map<String, Value>) -> String {
    match options.get("$filter") {
        Some(Value::Array(_)) => {
            format!(
                "Filter::Fields({})",
                literals(&strings(options.get("$filter")))
            )
        }
        Some(Value::Bool(true)) => "Filter::Any".to_owned(),
        _ => "Filter::None".to_owned(),
    }
}

fn flag(options: &Map<String, Value>, name: &str) -> bool {
    // A text says how it is spelt, which means that it is there.
    matches!(
        options.get(name),
        Some(Value::Bool(true) | Value::String(_))
    )
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn rate(rate: Option<&Rate>) -> String {
    option(rate.map(|r| {
        format!(
            "Rate {{ per_minute: {}, per_10_minutes: {}, per_hour: {}, concurrent: {} }}",
            option(r.per_minute),
            option(r.per_10_minutes),
            option(r.per_hour),
            option(r.concurrent)
        )
    }))
}

fn request_field((name, field): (&String, &Value)) -> String {
    let required = match field.get("required") {
        Some(Value::Bool(b)) => *b,
        // "on create": the update of the same thing is a row of its own.
        Some(Value::String(_)) => true,
        _ => false,
    };
    format!(
        "RequestField {{ name: {}, ty: {}, required: {required}, values: {} }}",
        literal(name),
        literal(
            field
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("object")
        ),
        literals(&strings(field.get("values")))
    )
}

fn query_param((name, field): (&String, &Value)) -> String {
    format!(
        "QueryParam {{ name: {}, ty: {}, required: {}, default: {}, max: {} }}",
        literal(name),
        literal(
            field
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("string")
        ),
        field
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        option(field.get("default").and_then(Value::as_i64)),
        option(field.get("max").and_then(Value::as_i64))
    )
}
