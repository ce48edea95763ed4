//! Graph's query options on directory objects: `$filter`, `$search`, `$orderby`, `$select`, `$expand`, `$top`, `$count`
//! and pages. One mechanism for every collection: what a collection takes is a [`Listed`].
//!
//! As Graph does, `$search`, counting and the operators that its index does not serve want the header
//! `ConsistencyLevel: eventual` (page "Advanced query capabilities on Microsoft Entra ID objects").

mod condition;
mod listed;
mod shape;
mod short;

use axum::body::Body;
use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_store::directory::search::{DirectoryCursor, Order, Search};
use bartizan_store::listing::Page;
use bartizan_store::odata::{Filter, OrderBy, QueryOptions, SqlFilter};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub(super) use listed::{
    APPLICATIONS, GROUPS, Listed, PERMISSION_GRANTS, SERVICE_PRINCIPALS, USERS,
};
pub(super) use shape::{EXPANDED, Expansion, expansions};
pub(super) use short::all;

use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};

/// The options of a listing.
pub(super) struct Query {
    /// `$filter` and `$search` as SQL.
    pub(super) filter: Option<SqlFilter>,
    order: Order,
    page: Page<DirectoryCursor>,
    select: Vec<String>,
    /// What `$expand` asks to be put into each object.
    pub(super) expand: Vec<Expansion>,
    /// Whether the number of all objects is wanted.
    pub(super) counted: bool,
}

/// What `$skiptoken` carries.
#[derive(Serialize, Deserialize)]
struct Token {
    after: DirectoryCursor,
}

impl Query {
    /// Reads the options of `call` for a collection.
    pub(super) fn read(call: &Call, listed: &Listed) -> Result<Self, ApiError> {
        let options = options(call)?;
        if options.skip.is_some() {
            // Directory objects are paged by @odata.nextLink alone (Microsoft's page on query parameters).
            return Err(ApiError::new(
                Kind::BadRequest,
                "'$skip' is not supported by the service.",
            ));
        }
        let eventual = is_eventual(call);
        if call.matched.count && !eventual {
            return Err(ApiError::new(
                Kind::OData,
                "$count is not currently supported without the request header 'ConsistencyLevel: eventual'.",
            ));
        }
        let counted = call.matched.count || (options.count && eventual);
        let filter = compiled(&options, listed, eventual, counted)?;
        let order = order(&options.order_by, listed)?;
        if !options.order_by.is_empty() && options.filter.is_some() && !counted {
            return Err(condition::unsupported("$orderby together with $filter"));
        }
        let size = page_size(call, options.top)?;
        let token: Option<Token> = options.skip_token.as_deref().map(decode).transpose()?;
        Ok(Self {
            filter,
            order,
            expand: shape::wanted(call, &options)?,
            select: options.select,
            counted,
            page: Page {
                after: token.map(|token| token.after),
                skip: 0,
                top: size,
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

    /// Whether a property is asked for by name.
    pub(super) fn selects(&self, name: &str) -> bool {
        self.select.iter().any(|s| s.eq_ignore_ascii_case(name))
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
            .map(|object| shape::of(object, &self.select, defaults, &self.expand))
            .collect();
        let next_link = next.map(|after| link(call, &Token { after }));
        let body = Collection {
            context: shape::context(call, &self.select),
            count,
            value,
            next_link: next_link.transpose()?,
        };
        answer(StatusCode::OK, &body)
    }
}

/// A page of objects that do not come from SQL.
pub(super) fn page<T: Serialize>(
    call: &Call,
    select: &[String],
    value: Vec<Json>,
    next: Option<&T>,
) -> Result<Response, ApiError> {
    let body = Collection {
        context: shape::context(call, select),
        count: None,
        value: value
            .into_iter()
            .map(|object| shape::of(object, select, &[], &[]))
            .collect::<Vec<_>>(),
        next_link: next.map(|token| link(call, token)).transpose()?,
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
    let options = options(call)?;
    let expand = shape::wanted(call, &options)?;
    let mut whole = Map::new();
    if let Some(context) = shape::context(call, &options.select) {
        whole.insert("@odata.context".to_owned(), Json::from(context));
    }
    if let Json::Object(object) = shape::of(object, &options.select, defaults, &expand) {
        whole.extend(object);
    }
    answer(status, &whole)
}

/// The options as they are written.
pub(super) fn options(call: &Call) -> Result<QueryOptions, ApiError> {
    let pairs = call
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(QueryOptions::parse(pairs)?)
}

fn is_eventual(call: &Call) -> bool {
    call.headers
        .get("consistencylevel")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"eventual"))
}

/// `$filter` and `$search` as one condition.
fn compiled(
    options: &QueryOptions,
    listed: &Listed,
    eventual: bool,
    counted: bool,
) -> Result<Option<SqlFilter>, ApiError> {
    let mut conditions: Vec<Filter> = Vec::new();
    if let Some(filter) = &options.filter {
        condition::check(filter, counted && eventual)?;
        conditions.push(filter.clone());
    }
    if let Some(text) = &options.search {
        if listed.searched.is_empty() {
            return Err(ApiError::new(
                Kind::OData,
                "$search is not supported by this operation.",
            ));
        }
        if !eventual {
            return Err(ApiError::new(
                Kind::OData,
                "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
            ));
        }
        conditions.push(condition::searched(text, listed.searched)?);
    }
    let condition = condition::one_or(conditions, Filter::And);
    let compiled = condition.map(|condition| SqlFilter::compile(&condition, listed.fields));
    Ok(compiled.transpose()?)
}

fn order(wanted: &[OrderBy], listed: &Listed) -> Result<Order, ApiError> {
    let named = |by: &OrderBy| {
        let mut known = listed.orders.iter();
        known.find(|(name, _)| name.eq_ignore_ascii_case(&by.path))
    };
    match wanted {
        [] => Ok(Order::ID),
        [by] if named(by).is_some() => Ok(Order {
            key: named(by).map_or_else(Default::default, |(_, key)| *key),
            descending: by.descending,
        }),
        _ => {
            let names: Vec<&str> = listed.orders.iter().map(|(name, _)| *name).collect();
            Err(ApiError::new(
                Kind::OData,
                match names.as_slice() {
                    [] => "$orderby is not supported by this operation.".to_owned(),
                    names => format!("$orderby takes one of {} here.", names.join(", ")),
                },
            ))
        }
    }
}

/// In Graph `$top` is the size of a page, not the end of the listing.
pub(super) fn page_size(call: &Call, top: Option<u64>) -> Result<u32, ApiError> {
    let operation = call.operation();
    let most = operation.max_top.unwrap_or(999);
    let size = top.unwrap_or(u64::from(operation.page_size.unwrap_or(100)));
    let size = u32::try_from(size).ok().filter(|size| *size <= most);
    size.filter(|size| *size > 0).ok_or_else(|| {
        let given = top.unwrap_or_default();
        ApiError::new(
            Kind::OData,
            format!(
                "Invalid page size specified: '{given}'. Must be between 1 and {most} inclusive."
            ),
        )
    })
}

fn bare(count: i64) -> Result<Response, ApiError> {
    let mut response = Response::new(Body::from(count.to_string()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

fn link<T: Serialize>(call: &Call, token: &T) -> Result<String, ApiError> {
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
    if let Some(cast) = call.matched.cast {
        path = format!("{path}/microsoft.graph.{}", cast.name);
    }
    Ok(format!("{}{path}?{}", call.site.base, query.finish()))
}

/// What a `$skiptoken` of ours holds.
pub(super) fn decode<T: DeserializeOwned>(token: &str) -> Result<T, ApiError> {
    let wrong = || {
        ApiError::new(
            Kind::OData,
            "$skiptoken is not one of this server's; follow @odata.nextLink as it is.",
        )
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}
