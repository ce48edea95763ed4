//! The published keys (RFC 7517 section 5).

use serde_json::{Value as Json, json};

use crate::issuer::{Issuers, Version};
use crate::jwt::{KeyError, SigningKey};

/// The key set: the same for every tenant. That of v2 says of each key that any tenant's tokens
/// may be signed with it.
///
/// # Errors
/// [`KeyError::Public`].
pub fn key_set<'k>(
    version: Version,
    keys: impl IntoIterator<Item = &'k SigningKey>,
    issuers: &Issuers,
) -> Result<Json, KeyError> {
    let issuer = (version == Version::V2).then(|| issuers.template(Version::V2));
    let keys = keys
        .into_iter()
        .map(|key| key.jwk(issuer.as_deref()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "keys": keys }))
}
