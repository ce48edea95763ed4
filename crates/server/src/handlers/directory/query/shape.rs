//! Which properties an answer shows: `$select`, what Graph gives by default, and `$expand`.

use bartizan_store::odata::QueryOptions;
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::error::{ApiError, Kind};

/// Most related objects that are put into an object (page "Use query parameters to customize responses": at most 20
/// objects of the directory).
pub(in crate::handlers::directory) const EXPANDED: u32 = 20;

/// A related collection to put into each object.
pub(in crate::handlers::directory) struct Expansion {
    /// Its name, as the operation writes it.
    pub(in crate::handlers::directory) name: &'static str,
    select: Vec<String>,
}

impl Expansion {
    /// Puts `related`, of which the caller read [`EXPANDED`] at most, into an object.
    pub(in crate::handlers::directory) fn put(&self, object: &mut Json, related: Vec<Json>) {
        let related = related
            .into_iter()
            .map(|one| of(one, &self.select, &[], &[]))
            .collect();
        object[self.name] = Json::Array(related);
    }

    /// Puts the one related object into an object.
    pub(in crate::handlers::directory) fn put_one(&self, object: &mut Json, related: Option<Json>) {
        let related = related.map(|one| of(one, &self.select, &[], &[]));
        object[self.name] = related.unwrap_or(Json::Null);
    }
}

/// What `$expand` asks of an operation.
///
/// # Errors
/// [`Kind::OData`] for what the operation's row does not name, and for options within that are not served.
pub(in crate::handlers::directory) fn expansions(call: &Call) -> Result<Vec<Expansion>, ApiError> {
    wanted(call, &super::options(call)?)
}

pub(super) fn wanted(call: &Call, options: &QueryOptions) -> Result<Vec<Expansion>, ApiError> {
    let known = call.operation().expand;
    let mut found = Vec::with_capacity(options.expand.len());
    for expand in &options.expand {
        let name = known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&expand.path));
        let Some(name) = name else {
            let text = match known {
                [] => "$expand is not supported by this operation.".to_owned(),
                known => format!(
                    "$expand={} is not supported by this operation; it takes {}.",
                    expand.path,
                    known.join(", ")
                ),
            };
            return Err(ApiError::new(Kind::OData, text));
        };
        let inner = expand.options.split(';').filter(|part| !part.is_empty());
        let pairs: Vec<(&str, &str)> = inner.filter_map(|part| part.split_once('=')).collect();
        let inner = QueryOptions::parse(pairs)?;
        let selects = QueryOptions {
            select: inner.select.clone(),
            ..QueryOptions::default()
        };
        if inner != selects {
            return Err(ApiError::new(
                Kind::OData,
                "Within $expand, $select alone is supported.",
            ));
        }
        found.push(Expansion {
            name,
            select: inner.select,
        });
    }
    Ok(found)
}

/// `$metadata#users`, with the selected names in brackets.
pub(super) fn context(call: &Call, select: &[String]) -> Option<String> {
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
/// when `defaults` is empty). What it is (`@odata.type`) and what was expanded always stay.
pub(super) fn of(object: Json, select: &[String], defaults: &[&str], expand: &[Expansion]) -> Json {
    let Json::Object(object) = object else {
        return object;
    };
    let wanted = |name: &str| {
        if name.starts_with('@') || select.iter().any(|s| s == "*") {
            return true;
        }
        if expand.iter().any(|e| e.name == name) {
            return true;
        }
        if select.is_empty() {
            return defaults.is_empty() || defaults.contains(&name);
        }
        select.iter().any(|s| s.eq_ignore_ascii_case(name))
    };
    let kept: Map<String, Json> = object
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .collect();
    Json::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_show_what_is_selected_or_default() {
        let object = json!({ "@odata.type": "#x", "id": 1, "a": 2, "b": 3 });
        let select = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            of(object.clone(), &[], &["id"], &[]),
            json!({ "@odata.type": "#x", "id": 1 })
        );
        assert_eq!(of(object.clone(), &select(&["*"]), &["id"], &[]), object);
        let owners = Expansion {
            name: "owners",
            select: select(&["id"]),
        };
        let mut whole = object;
        owners.put(&mut whole, vec![json!({ "id": "o", "displayName": "x" })]);
        assert_eq!(
            of(whole, &select(&["B", "none"]), &["id"], &[owners]),
            json!({ "@odata.type": "#x", "b": 3, "owners": [{ "id": "o" }] })
        );
    }
}
