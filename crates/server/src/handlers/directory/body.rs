//! Bodies of Graph read property by property: what is absent stays, what is null is cleared, what is unknown is ignored.

use bartizan_contract::ObjectId;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::error::{ApiError, Kind};

/// Longest text of a property that is kept as it comes, in bytes.
const LONGEST: usize = 4096;

/// A body that is a JSON object.
pub(super) struct Body(Map<String, Json>);

impl Body {
    /// Reads the body of a call; an empty one has no properties.
    pub(super) async fn read(call: &mut Call) -> Result<Self, ApiError> {
        Self::read_with(call, &[]).await
    }

    /// The same, which may refer to objects by these navigation properties (`members@odata.bind`).
    pub(super) async fn read_with(call: &mut Call, bound: &[&str]) -> Result<Self, ApiError> {
        let body: Map<String, Json> = call.json().await?;
        check_bound(&body, bound)?;
        Ok(Self(body))
    }

    /// The objects that a navigation property refers to, each once; none when it is absent.
    pub(super) fn bound(&self, name: &str) -> Result<Vec<ObjectId>, ApiError> {
        bound(&self.0, name)
    }

    /// Whether the property is there, null or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names of all properties that are no annotations.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .keys()
            .map(String::as_str)
            .filter(|name| !name.contains('@'))
    }

    /// The whole.
    pub(super) fn json(&self) -> Json {
        Json::Object(self.0.clone())
    }

    /// A property; `None` when absent or null.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|error| wrong(name, &error)),
        }
    }

    /// Sets or clears a text when the property is there.
    pub(super) fn nullable(&self, name: &str, field: &mut Option<String>) -> Result<(), ApiError> {
        if self.has(name) {
            let text: Option<String> = self.get(name)?;
            if text.as_ref().is_some_and(|text| text.len() > LONGEST) {
                return Err(wrong(name, &"it is too long"));
            }
            *field = text;
        }
        Ok(())
    }

    /// Keeps a property as it comes, or forgets it when it is null.
    pub(super) fn keep(&self, name: &str, kept: &mut Map<String, Json>) -> Result<(), ApiError> {
        match self.0.get(name) {
            None => {}
            Some(Json::Null) => {
                kept.remove(name);
            }
            Some(value) if value.to_string().len() > LONGEST => {
                return Err(wrong(name, &"it is too long"));
            }
            Some(value) => {
                kept.insert(name.to_owned(), value.clone());
            }
        }
        Ok(())
    }
}

/// What refers to objects behind the name of a navigation property (OData JSON format, section 8.5).
const BIND: &str = "@odata.bind";
/// How many objects a request may refer to (page "Create group").
const MOST_BOUND: usize = 20;

/// Refuses references by navigation properties that the operation does not take: ignoring them would look like success.
pub(super) fn check_bound(body: &Map<String, Json>, known: &[&str]) -> Result<(), ApiError> {
    let odd = body
        .keys()
        .filter_map(|name| name.strip_suffix(BIND))
        .find(|name| !known.contains(name));
    match odd {
        None => Ok(()),
        Some(name) => Err(ApiError::new(
            Kind::InvalidInput,
            format!(
                "'{name}{BIND}' is not supported by this operation of this server: send the request without it."
            ),
        )),
    }
}

/// The objects that a navigation property of a body refers to, each once; none when it is absent.
pub(super) fn bound(body: &Map<String, Json>, name: &str) -> Result<Vec<ObjectId>, ApiError> {
    let full = format!("{name}{BIND}");
    let Some(value) = body.get(&full) else {
        return Ok(Vec::new());
    };
    let urls: Vec<String> =
        serde_json::from_value(value.clone()).map_err(|error| wrong(&full, &error))?;
    if urls.len() > MOST_BOUND {
        return Err(wrong(
            &full,
            &format!("a request refers to at most {MOST_BOUND} objects"),
        ));
    }
    let mut found = Vec::with_capacity(urls.len());
    for url in &urls {
        let id = referred(url).ok_or_else(|| {
            wrong(
                &full,
                &"each is a URL that ends in the id of a directory object",
            )
        })?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

/// The id that a reference ends in: `https://graph.microsoft.com/v1.0/directoryObjects/{id}` and its like.
pub(super) fn referred(url: &str) -> Option<ObjectId> {
    let last = url.trim_end_matches('/').rsplit('/').next()?;
    let key = last.rsplit_once('(').map_or(last, |(_, key)| key);
    key.trim_end_matches(')').trim_matches('\'').parse().ok()
}

fn wrong(name: &str, reason: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(
        Kind::InvalidInput,
        format!("Invalid value specified for property '{name}': {reason}."),
    )
}

/// A property that must be there.
pub(super) fn required<T: DeserializeOwned>(
    body: &Body,
    name: &str,
    object: &str,
) -> Result<T, ApiError> {
    body.get(name)?.ok_or_else(|| {
        ApiError::new(
            Kind::MissingParameter,
            format!("A value is required for property '{name}' of resource '{object}'."),
        )
    })
}
