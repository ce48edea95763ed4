//! What every listing does alike: read OData options, bound the page, and print where the next one is.

use bartizan_contract::odata::Collection;
use bartizan_contract::operations::{Api, Filter as Documented};
use bartizan_store::listing::Page;
use bartizan_store::odata::{FieldMap, ODataError, QueryOptions, SqlFilter};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::Call;
use crate::error::{ApiError, Kind};

/// The options of a listing, checked against the operation's row.
pub(crate) struct Options<C> {
    /// `$filter` as SQL.
    pub filter: Option<SqlFilter>,
    /// The part of the listing that is wanted.
    pub page: Page<C>,
    /// Names of `$expand`, lower-case.
    pub expand: Vec<String>,
    /// Whether `$count=true` asks for the number of all rows; only of handlers that read with [`Options::countable`].
    pub count: bool,
    /// Names of `$select`; empty for everything.
    select: Vec<String>,
    /// Whether all pages together may hold no more than this: `$top` beyond a page.
    remaining: Option<u64>,
}

/// What `$skiptoken` carries: the last row seen, and what `$top` still allows.
#[derive(serde::Serialize, serde::Deserialize)]
struct Token<C> {
    after: C,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    remaining: Option<u64>,
}

impl From<ODataError> for ApiError {
    fn from(error: ODataError) -> Self {
        let place = error
            .position
            .map(|at| format!(" (position {at})"))
            .unwrap_or_default();
        Self::new(
            Kind::OData,
            format!("{}: {}{place}", error.option, error.message),
        )
    }
}

impl<C: DeserializeOwned + Serialize> Options<C> {
    /// Reads the options of `call`; `fields` are the ones that `$filter` may name. `$count` is refused.
    pub(crate) fn read(call: &Call, fields: &FieldMap) -> Result<Self, ApiError> {
        Self::countable(call, fields).and_then(|options| match options.count {
            true => Err(unsupported("$count")),
            false => Ok(options),
        })
    }

    /// The same for a handler that counts, on the operations that document `$count`.
    pub(crate) fn countable(call: &Call, fields: &FieldMap) -> Result<Self, ApiError> {
        let operation = call.operation();
        let pairs = call
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let options = QueryOptions::parse(pairs)?;
        // An order or a search that is silently left out would give a wrong answer, not a slower one.
        let not_here = [
            ("$orderby", !options.order_by.is_empty()),
            ("$search", options.search.is_some()),
            ("$count", options.count && !operation.count),
            // Defender XDR documents $filter, $top and $skip and nothing else; the other APIs are OData's.
            (
                "$select",
                !options.select.is_empty() && operation.api == Api::Xdr,
            ),
        ];
        if let Some((name, _)) = not_here.iter().find(|(_, given)| *given) {
            return Err(unsupported(name));
        }
        let filter = match (&options.filter, operation.filter) {
            (None, _) => None,
            (Some(_), Documented::None) => {
                return Err(ApiError::new(
                    Kind::OData,
                    "$filter is not supported by this operation.",
                ));
            }
            (Some(filter), _) => Some(SqlFilter::compile(filter, fields)?),
        };
        let expand: Vec<String> = options
            .expand
            .iter()
            .map(|expand| expand.path.to_ascii_lowercase())
            .collect();
        for name in &expand {
            if !operation
                .expand
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
            {
                return Err(ApiError::new(
                    Kind::OData,
                    format!("$expand={name} is not supported by this operation."),
                ));
            }
        }
        let size = operation.page_size.unwrap_or(10_000);
        let most = u64::from(operation.max_top.unwrap_or(size));
        if let Some(top) = options.top.filter(|top| *top > most) {
            return Err(ApiError::new(
                Kind::OData,
                format!(
                    "The limit of '{most}' for Top query has been exceeded. The value from the incoming request is '{top}'."
                ),
            ));
        }
        let token = options.skip_token.as_deref().map(decode::<C>).transpose()?;
        let remaining = token.as_ref().map_or(options.top, |token| token.remaining);
        let top = remaining.map_or(u64::from(size), |left| left.min(u64::from(size)));
        let page = Page {
            skip: if token.is_some() {
                0
            } else {
                options.skip.unwrap_or(0)
            },
            after: token.map(|token| token.after),
            top: u32::try_from(top).unwrap_or(size),
        };
        Ok(Self {
            filter,
            page,
            expand,
            count: options.count,
            select: options.select,
            remaining,
        })
    }

    /// The answer's envelope. A page that ends where `$top` ends has no next one.
    pub(crate) fn collection<T: Serialize>(
        &self,
        call: &Call,
        value: Vec<T>,
        next: Option<C>,
    ) -> Result<Collection<Value>, ApiError> {
        let value: Vec<Value> = value
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()
            .map_err(ApiError::internal)?;
        let left = self
            .remaining
            .map(|left| left.saturating_sub(value.len() as u64));
        let next_link = match next {
            Some(after) if left != Some(0) => Some(self.link(
                call,
                Token {
                    after,
                    remaining: left,
                },
            )?),
            _ => None,
        };
        let context = call.context().map(|context| match self.select.as_slice() {
            [] => context,
            names => format!("{context}({})", names.join(",")),
        });
        Ok(Collection {
            context,
            count: None,
            value: self.selected(call, value)?,
            next_link,
        })
    }

    /// The items with the properties of `$select` alone, and those of `$expand`.
    fn selected(&self, call: &Call, items: Vec<Value>) -> Result<Vec<Value>, ApiError> {
        if self.select.is_empty() || self.select.iter().any(|name| name == "*") {
            return Ok(items);
        }
        let expandable = call.operation().expand;
        let named = |name: &String| expandable.iter().any(|e| e.eq_ignore_ascii_case(name));
        // Graph leaves out what is not set; Defender prints every property, so one that no item has does not exist.
        if call.operation().api == Api::Mde && !items.is_empty() {
            let has = |name: &String| items.iter().any(|item| item.get(name).is_some());
            if let Some(name) = self.select.iter().find(|name| !named(name) && !has(name)) {
                let text = format!("$select: there is no property '{name}'.");
                return Err(ApiError::new(Kind::OData, text));
            }
        }
        let wanted = |name: &String| {
            name.starts_with('@')
                || self.select.contains(name)
                || self.expand.iter().any(|e| e.eq_ignore_ascii_case(name))
        };
        let keep = |item| match item {
            Value::Object(object) => Value::Object(
                object
                    .into_iter()
                    .filter(|(name, _)| wanted(name))
                    .collect(),
            ),
            other => other,
        };
        Ok(items.into_iter().map(keep).collect())
    }

    fn link(&self, call: &Call, token: Token<C>) -> Result<String, ApiError> {
        let token = serde_json::to_vec(&token).map_err(ApiError::internal)?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &call.query {
            let replaced = ["$top", "$skip", "$skiptoken"];
            if !replaced
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
            {
                query.append_pair(name, value);
            }
        }
        query.append_pair("$skiptoken", &BASE64_URL_SAFE_NO_PAD.encode(token));
        Ok(format!(
            "{}{}?{}",
            call.site.base,
            call.operation().path,
            query.finish()
        ))
    }
}

/// An option that would be left out silently otherwise.
fn unsupported(name: &str) -> ApiError {
    let text = format!("{name} is not supported by this operation.");
    ApiError::new(Kind::OData, text)
}

fn decode<C: DeserializeOwned>(token: &str) -> Result<Token<C>, ApiError> {
    let wrong = || {
        ApiError::new(
            Kind::OData,
            "$skiptoken is not one of this server's; follow @odata.nextLink as it is.",
        )
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}
