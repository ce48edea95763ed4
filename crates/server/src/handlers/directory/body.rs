//! Bodies of Graph read property by property: what is absent stays, what is null is cleared, what is unknown is ignored.

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
        call.json().await.map(Self)
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
