//! Bodies of an application's credentials beyond secrets: keys, and tokens of other issuers.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::KeyCredential;

/// The body of `addKey`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddKeyRequest {
    /// The new certificate.
    pub key_credential: KeyCredential,
    /// A JWT by which the caller shows that it holds the key of a present certificate.
    pub proof: String,
}

/// The body of `removeKey`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveKeyRequest {
    /// The certificate's id.
    pub key_id: Uuid,
    /// As of [`AddKeyRequest::proof`].
    pub proof: String,
}

/// A token of another issuer that stands for an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FederatedIdentityCredential {
    /// Its id.
    pub id: Uuid,
    /// Its name: one of a kind within the application.
    pub name: String,
    /// `iss` of the tokens, letter by letter.
    pub issuer: String,
    /// Their `sub`.
    pub subject: String,
    /// Their `aud`: exactly one.
    pub audiences: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Of our own: the issuer's keys (RFC 7517), for issuers whose keys are not to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bartizan_key_set: Option<Json>,
}

/// A new federated credential, or a change to one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FederatedIdentityCredentialUpdate {
    /// Its name; never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `iss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `sub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `aud`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The issuer's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bartizan_key_set: Option<Json>,
}
