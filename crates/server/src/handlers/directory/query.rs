//! Graph's query options on directory objects: `$filter`, `$search`, `$orderby`, `$select`, `$top`, `$count` and pages.
//!
//! As Graph does, `$search` and counting want the header `ConsistencyLevel: eventual` (page "Advanced query
//! capabilities on Microsoft Entra ID objects").

use axum::body::Body;
use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_store::directory::search::{DirectoryCursor, Order, Search};
use bartizan_store::listing::Page;
use bartizan_store::odata::{FieldMap, Filter, Path, QueryOptions, SqlFilter, TextFunction};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};

/// Properties that `$search` looks into.
const SEARCHED: &[&str] = &[
    "displayName",
    "mail",
    "userPrincipalName",
    "mailNickname",
    "description",
];

/// The options of a listing.
pub(super) struct Query {
    /// `$filter` and `$search` as SQL.
    pub(super) filter: Option<SqlFilter>,
    order: Order,
    page: Page<DirectoryCursor>,
    select: Vec<String>,
    /// Whether the number of all objects is wanted.
    pub(super) counted: bool,
}

/// What `$skiptoken` carries.
#[derive(Serialize, Deserialize)]
struct Token {
    after: DirectoryCursor,
}

impl Query {
    /// Reads the options of `call`; `fields` are those that `$filter` and `$search` may name.
    pub(super) fn read(call: &Call, fields: &FieldMap) -> Result<Self, ApiError> {
        let options = options(call)?;
        let eventual = call
            .headers
            .get("consistencylevel")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"eventual"));
        let mut conditions: Vec<Filter> = options.filter.into_iter().collect();
        if let Some(text) = &options.search {
            if !eventual {
                return Err(ApiError::new(
                    Kind::OData,
                    "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
                ));
            }
            conditions.push(searched(text)?);
        }
        let condition = match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Filter::And(conditions)),
        };
        let filter = condition
            .map(|condition| SqlFilter::compile(&condition, fields))
            .transpose()?;
        let order = match options.order_by.as_slice() {
            [] => Order::Id,
            [by] if by.path.eq_ignore_ascii_case("displayName") => {
                if by.descending {
                    Order::NameDescending
                } else {
                    Order::Name
                }
            }
            _ => {
                return Err(ApiError::new(
                    Kind::OData,
                    "$orderby takes displayName here, and nothing else.",
                ));
            }
        };
        let operation = call.operation();
        let most = u64::from(operation.max_top.unwrap_or(999));
        if let Some(top) = options.top.filter(|top| *top == 0 || *top > most) {
            return Err(ApiError::new(
                Kind::OData,
                format!(
                    "Invalid page size specified: '{top}'. Must be between 1 and {most} inclusive."
                ),
            ));
        }
        // In Graph `$top` is the size of a page, not the end of the listing.
        let size = options
            .top
            .unwrap_or(u64::from(operation.page_size.unwrap_or(100)));
        let token: Option<Token> = options.skip_token.as_deref().map(decode).transpose()?;
        if call.matched.count && !eventual {
            return Err(ApiError::new(
                Kind::OData,
                "$count is not currently supported without the request header 'ConsistencyLevel: eventual'.",
            ));
        }
        Ok(Self {
            filter,
            order,
            select: options.select,
            counted: call.matched.count || (options.count && eventual),
            page: Page {
                after: token.map(|token| token.after),
                skip: 0,
                top: u32::try_from(size).unwrap_or(999),
            },
        })
    }

    /// The part of the collection that is wanted.
    pub(super) fn search(&self) -> Search<'_> {
        Search {
            filter: self.filter.as_ref(),
            order: self.order,
            page: &self.page,
        }
    }

    /// The answer: a page, or the bare number that `/$count` asks for.
    pub(super) fn answer(
        &self,
        call: &Call,
        value: Vec<Json>,
        defaults: &[&str],
        next: Option<DirectoryCursor>,
        count: Option<i64>,
    ) -> Result<Response, ApiError> {
        if call.matched.count {
            return bare(count.unwrap_or_default());
        }
        let value: Vec<Json> = value
            .into_iter()
            .map(|object| shape(object, &self.select, defaults))
            .collect();
        let next_link = next.map(|after| link(call, &Token { after }));
        let body = Collection {
            context: context(call, &self.select),
            count,
            value,
            next_link: next_link.transpose()?,
        };
        answer(StatusCode::OK, &body)
    }
}

/// A whole collection that is short by nature: members, assignments, roles.
pub(super) fn all(call: &Call, value: Vec<Json>, defaults: &[&str]) -> Result<Response, ApiError> {
    let options = options(call)?;
    let unsupported = [
        ("$filter", options.filter.is_some()),
        ("$search", options.search.is_some()),
        ("$orderby", !options.order_by.is_empty()),
    ];
    if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
        let text = format!("{name} is not supported by this operation.");
        return Err(ApiError::new(Kind::OData, text));
    }
    let count = i64::try_from(value.len()).ok();
    if call.matched.count {
        return bare(count.unwrap_or_default());
    }
    let top = options.top.and_then(|top| usize::try_from(top).ok());
    let body = Collection {
        context: context(call, &options.select),
        count: count.filter(|_| options.count),
        value: value
            .into_iter()
            .take(top.unwrap_or(usize::MAX))
            .map(|object| shape(object, &options.select, defaults))
            .collect::<Vec<_>>(),
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// One object with its context, narrowed by `$select`.
pub(super) fn entity(
    call: &Call,
    status: StatusCode,
    object: Json,
    defaults: &[&str],
) -> Result<Response, ApiError> {
    let select = options(call)?.select;
    let mut whole = Map::new();
    if let Some(context) = context(call, &select) {
        whole.insert("@odata.context".to_owned(), Json::from(context));
    }
    if let Json::Object(object) = shape(object, &select, defaults) {
        whole.extend(object);
    }
    answer(status, &whole)
}

fn options(call: &Call) -> Result<QueryOptions, ApiError> {
    let pairs = call
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(QueryOptions::parse(pairs)?)
}

/// `$metadata#users`, with the selected names in brackets.
fn context(call: &Call, select: &[String]) -> Option<String> {
    let context = call.context()?;
    if select.is_empty() {
        return Some(context);
    }
    let names = select.join(",");
    Some(match context.strip_suffix("/$entity") {
        Some(set) => format!("{set}({names})/$entity"),
        None => format!("{context}({names})"),
    })
}

/// An object with the properties that are asked for: those of `$select`, or the ones that Graph gives by default (all
/// when `defaults` is empty). What it is (`@odata.type`) always stays.
fn shape(object: Json, select: &[String], defaults: &[&str]) -> Json {
    let Json::Object(object) = object else {
        return object;
    };
    let wanted = |name: &str| {
        if name.starts_with('@') || select.iter().any(|s| s == "*") {
            return true;
        }
        if select.is_empty() {
            return defaults.is_empty() || defaults.contains(&name);
        }
        select.iter().any(|s| s.eq_ignore_ascii_case(name))
    };
    Json::Object(
        object
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .collect(),
    )
}

/// `"displayName:word"`, several with AND or OR: the property begins with the text, or a word in it does.
fn searched(text: &str) -> Result<Filter, ApiError> {
    let wrong = || {
        ApiError::new(
            Kind::OData,
            format!(
                "$search takes clauses such as \"displayName:anna\", joined by AND or OR, over {}.",
                SEARCHED.join(", ")
            ),
        )
    };
    let mut any: Vec<Filter> = Vec::new();
    for part in text.split(" OR ") {
        let mut every = Vec::new();
        for clause in part.split(" AND ") {
            let clause = clause.trim();
            let inner = clause
                .strip_prefix('"')
                .and_then(|c| c.strip_suffix('"'))
                .ok_or_else(wrong)?;
            let (name, word) = inner.split_once(':').ok_or_else(wrong)?;
            let name = SEARCHED
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name.trim()))
                .ok_or_else(wrong)?;
            let call = |function, text: String| Filter::Call {
                function,
                path: Path {
                    name: (*name).to_owned(),
                    position: 0,
                },
                text,
            };
            every.push(Filter::Or(vec![
                call(TextFunction::StartsWith, word.trim().to_owned()),
                call(TextFunction::Contains, format!(" {}", word.trim())),
            ]));
        }
        any.push(one_or(every, Filter::And).ok_or_else(wrong)?);
    }
    one_or(any, Filter::Or).ok_or_else(wrong)
}

fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Option<Filter> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(join(parts)),
    }
}

fn bare(count: i64) -> Result<Response, ApiError> {
    let mut response = Response::new(Body::from(count.to_string()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

fn link(call: &Call, token: &Token) -> Result<String, ApiError> {
    let token = serde_json::to_vec(token).map_err(ApiError::internal)?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &call.query {
        if !name.eq_ignore_ascii_case("$skiptoken") {
            query.append_pair(name, value);
        }
    }
    query.append_pair("$skiptoken", &BASE64_URL_SAFE_NO_PAD.encode(token));
    let mut path = call.operation().path.to_owned();
    for (name, value) in &call.matched.params {
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        path = path.replace(&format!("{{{name}}}"), &encoded);
    }
    Ok(format!("{}{path}?{}", call.site.base, query.finish()))
}

fn decode(token: &str) -> Result<Token, ApiError> {
    let wrong = || {
        ApiError::new(
            Kind::OData,
            "$skiptoken is not one of this server's; follow @odata.nextLink as it is.",
        )
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn searches_are_words_of_named_properties() {
        let text = searched("\"displayName:Anna\"").expect("valid").to_string();
        assert!(text.contains("Anna"), "{text}");
        assert!(searched("\"displayName:a\" AND \"mail:b\" OR \"displayName:c\"").is_ok());
        for wrong in ["displayName:a", "\"anna\"", "\"passwordHash:a\"", ""] {
            assert!(searched(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn objects_show_what_is_selected_or_default() {
        let object = json!({ "@odata.type": "#x", "id": 1, "a": 2, "b": 3 });
        let select = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shape(object.clone(), &[], &["id"]),
            json!({ "@odata.type": "#x", "id": 1 })
        );
        assert_eq!(shape(object.clone(), &select(&["*"]), &["id"]), object);
        assert_eq!(
            shape(object, &select(&["B", "none"]), &["id"]),
            json!({ "@odata.type": "#x", "b": 3 })
        );
    }
}
