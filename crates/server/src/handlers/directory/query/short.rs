//! Collections that are short by nature: members, assignments, roles. They are read whole and filtered here.

use std::cmp::Ordering;

use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_store::odata::{CompareOp, Filter, Literal, Path, TextFunction};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{bare, decode, link, options, page_size, shape};
use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};

/// Where the next page begins: after this object, which was the `seen`th.
#[derive(Serialize, Deserialize)]
struct Token {
    id: String,
    seen: usize,
}

/// What may be filtered by where a cast says of what kind the objects are.
const CAST: &[&str] = &[
    "accountEnabled",
    "appId",
    "displayName",
    "id",
    "mail",
    "roleTemplateId",
    "securityEnabled",
    "userPrincipalName",
];

/// Answers with a whole collection, with those of the kind that a cast names, or with what `$filter` over the properties `known` lets through. `$top` makes pages
/// of it.
pub(in crate::handlers::directory) fn all(
    call: &Call,
    mut value: Vec<Json>,
    defaults: &[&str],
    known: &[&str],
) -> Result<Response, ApiError> {
    let options = options(call)?;
    let mut known = known;
    if let Some(cast) = call.matched.cast {
        known = CAST;
        value = narrowed(value, cast.name);
    }
    let unsupported = [
        ("$filter", options.filter.is_some() && known.is_empty()),
        ("$search", options.search.is_some()),
        ("$orderby", !options.order_by.is_empty()),
    ];
    if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
        let text = format!("{name} is not supported by this operation.");
        return Err(ApiError::new(Kind::OData, text));
    }
    if let Some(filter) = &options.filter {
        check(filter, known)?;
        value.retain(|object| matches(filter, object));
    }
    let expand = shape::wanted(call, &options)?;
    let count = i64::try_from(value.len()).ok();
    if call.matched.count {
        return bare(count.unwrap_or_default());
    }
    let token: Option<Token> = options.skip_token.as_deref().map(decode).transpose()?;
    let first = token.map_or(0, |token| {
        let last = value.iter().position(|object| object["id"] == *token.id);
        // Whoever was last may be gone, and those behind have moved up.
        last.map_or(token.seen.saturating_sub(1), |last| last + 1)
    });
    let size = match options.top {
        Some(_) => page_size(call, options.top)? as usize,
        None => usize::MAX,
    };
    let end = first.saturating_add(size).min(value.len());
    let next = (end < value.len()).then(|| Token {
        id: text(&value[end.saturating_sub(1)]["id"]).to_owned(),
        seen: end,
    });
    let shown = value.into_iter().take(end).skip(first);
    let body = Collection {
        context: shape::context(call, &options.select),
        count: count.filter(|_| options.count),
        value: shown
            .map(|object| shape::of(object, &options.select, defaults, &expand))
            .collect::<Vec<_>>(),
        next_link: next.map(|token| link(call, &token)).transpose()?,
    };
    answer(StatusCode::OK, &body)
}

/// The objects of a kind, which need not say any more of what kind they are.
fn narrowed(value: Vec<Json>, kind: &str) -> Vec<Json> {
    let wanted = format!("#microsoft.graph.{kind}");
    let mut objects: Vec<Json> = value
        .into_iter()
        .filter(|object| object["@odata.type"] == *wanted)
        .collect();
    for object in objects.iter_mut().filter_map(Json::as_object_mut) {
        object.remove("@odata.type");
    }
    objects
}

/// Refuses what cannot be decided here: other properties, and lists within objects.
fn check(filter: &Filter, known: &[&str]) -> Result<(), ApiError> {
    let named = |path: &Path| {
        if known
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&path.name))
        {
            return Ok(());
        }
        Err(ApiError::new(
            Kind::OData,
            format!(
                "$filter: Property '{}' cannot be filtered by; these can: {} (position {}).",
                path.name,
                known.join(", "),
                path.position
            ),
        ))
    };
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter().try_for_each(|part| check(part, known))
        }
        Filter::Not(inner) => check(inner, known),
        Filter::Compare { path, .. } | Filter::In { path, .. } | Filter::Flag(path) => named(path),
        Filter::Call { path, .. } => named(path),
        Filter::Constant(_) => Ok(()),
        Filter::Lambda { path, .. } => Err(ApiError::new(
            Kind::OData,
            format!(
                "$filter: any and all are not supported by this operation ({}).",
                path.name
            ),
        )),
    }
}

/// Whether an object fulfils a condition that was checked. Text is compared without regard to letter case.
fn matches(filter: &Filter, object: &Json) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| matches(part, object)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, object)),
        Filter::Not(inner) => !matches(inner, object),
        Filter::Compare { path, op, value } => compare(property(object, path), *op, value),
        Filter::In { path, values } => {
            let found = property(object, path);
            values
                .iter()
                .any(|value| compare(found, CompareOp::Eq, value))
        }
        Filter::Call {
            function,
            path,
            text: wanted,
        } => {
            let found = text(property(object, path)).to_lowercase();
            let wanted = wanted.to_lowercase();
            match function {
                TextFunction::StartsWith => found.starts_with(&wanted),
                TextFunction::EndsWith => found.ends_with(&wanted),
                TextFunction::Contains => found.contains(&wanted),
            }
        }
        Filter::Flag(path) => property(object, path) == &Json::Bool(true),
        Filter::Constant(value) => *value,
        Filter::Lambda { .. } => false,
    }
}

fn property<'a>(object: &'a Json, path: &Path) -> &'a Json {
    let found = object.as_object().and_then(|object| {
        let mut members = object.iter();
        members.find(|(name, _)| name.eq_ignore_ascii_case(&path.name))
    });
    found.map_or(&Json::Null, |(_, value)| value)
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn compare(found: &Json, op: CompareOp, value: &Literal) -> bool {
    let order = match (found, value) {
        (Json::Null, Literal::Null) => Some(Ordering::Equal),
        (Json::String(found), Literal::Text(wanted) | Literal::Guid(wanted)) => {
            Some(found.to_lowercase().cmp(&wanted.to_lowercase()))
        }
        (Json::Bool(found), Literal::Bool(wanted)) => Some(found.cmp(wanted)),
        (Json::Number(found), Literal::Int(wanted)) => found.as_i64().map(|n| n.cmp(wanted)),
        _ => None,
    };
    match op {
        CompareOp::Eq => order == Some(Ordering::Equal),
        CompareOp::Ne => order != Some(Ordering::Equal),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

#[cfg(test)]
mod tests {
    use bartizan_store::odata::parse_filter;
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_decided_on_objects() {
        let object = json!({ "principalId": "ABC", "scope": null, "enabled": true });
        let known = ["principalId", "scope", "enabled"];
        for (text, expected) in [
            ("principalId eq 'abc'", true),
            ("principalid ne 'abc'", false),
            ("principalId in ('x','abc') and enabled", true),
            ("not (scope eq null)", false),
            ("startswith(principalId,'aB') or false", true),
            ("scope ne 'x'", true),
        ] {
            let filter = parse_filter(text).expect("a filter");
            assert!(check(&filter, &known).is_ok(), "{text}");
            assert_eq!(matches(&filter, &object), expected, "{text}");
        }
        for wrong in ["other eq 1", "scope/any(s: s eq 'x')"] {
            assert!(check(&parse_filter(wrong).expect("a filter"), &known).is_err());
        }
    }
}
