//! Application registrations and what hangs on them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::ids::{AppId, ObjectId};
use crate::time::Timestamp;

/// An application registration, in its home tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Object id; differs from `appId`.
    pub id: ObjectId,
    /// When it was deleted softly.
    pub deleted_date_time: Option<Timestamp>,
    /// Client id.
    pub app_id: AppId,
    /// Creation.
    pub created_date_time: Option<Timestamp>,
    /// Name.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Optional claims about groups.
    pub group_membership_claims: Option<String>,
    /// Resource URIs.
    #[serde(default)]
    pub identifier_uris: Vec<String>,
    /// Whether it may be a public client where that cannot be seen from a redirect URI.
    pub is_fallback_public_client: Option<bool>,
    /// Free text.
    pub notes: Option<String>,
    /// Verified domain of the publisher.
    pub publisher_domain: Option<String>,
    /// `AzureADMyOrg`, `AzureADMultipleOrgs`, `AzureADandPersonalMicrosoftAccount` or
    /// `PersonalMicrosoftAccount`.
    pub sign_in_audience: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What it is as a resource.
    #[serde(default)]
    pub api: ApiApplication,
    /// Roles that it offers.
    #[serde(default)]
    pub app_roles: Vec<AppRole>,
    /// Permissions that it asks for.
    #[serde(default)]
    pub required_resource_access: Vec<RequiredResourceAccess>,
    /// Secrets, without their text.
    #[serde(default)]
    pub password_credentials: Vec<PasswordCredential>,
    /// Certificates.
    #[serde(default)]
    pub key_credentials: Vec<KeyCredential>,
    /// Redirect URIs of a public client.
    #[serde(default)]
    pub public_client: PublicClientApplication,
    /// Redirect URIs of a single-page application.
    #[serde(default)]
    pub spa: SpaApplication,
    /// Redirect URIs and settings of a web application.
    #[serde(default)]
    pub web: WebApplication,
    /// Claims that its tokens carry beyond the usual ones.
    #[serde(default)]
    pub optional_claims: Option<OptionalClaims>,
    /// Further properties, kept as they were given: `info`, `addIns` …
    #[serde(flatten)]
    pub further: Map<String, Json>,
}

/// The body of `POST /applications` and `PATCH /applications/{id}`: what is absent stays, or takes
/// its default in a new application. Properties that mean nothing to the server are not among them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationUpdate {
    /// Name; required when creating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Optional claims about groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_membership_claims: Option<String>,
    /// Resource URIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier_uris: Option<Vec<String>>,
    /// Fallback to public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_fallback_public_client: Option<bool>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Who may sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_audience: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What it is as a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiApplication>,
    /// Roles that it offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_roles: Option<Vec<AppRole>>,
    /// Permissions that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_resource_access: Option<Vec<RequiredResourceAccess>>,
    /// Certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_credentials: Option<Vec<KeyCredential>>,
    /// Claims beyond the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_claims: Option<OptionalClaims>,
    /// Secrets to be made with a new application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_credentials: Option<Vec<NewPassword>>,
    /// Redirect URIs of a public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_client: Option<PublicClientApplication>,
    /// Redirect URIs of a single-page application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spa: Option<SpaApplication>,
    /// Redirect URIs and settings of a web application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<WebApplication>,
}

/// An application as a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiApplication {
    /// Whether claims mapping works without an own signing key.
    pub accept_mapped_claims: Option<bool>,
    /// Clients whose consent includes this resource.
    pub known_client_applications: Vec<AppId>,
    /// Delegated permissions that it offers.
    pub oauth2_permission_scopes: Vec<PermissionScope>,
    /// Clients that need no consent for some of its delegated permissions.
    pub pre_authorized_applications: Vec<PreAuthorizedApplication>,
    /// Null or 1 for tokens of version 1, 2 for version 2.
    pub requested_access_token_version: Option<i32>,
}

/// A client that needs no consent for some delegated permissions of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreAuthorizedApplication {
    /// The client.
    pub app_id: AppId,
    /// Ids of the permissions.
    #[serde(default)]
    pub delegated_permission_ids: Vec<Uuid>,
}

/// Claims that an application wants beyond the usual ones, by kind of token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OptionalClaims {
    /// In its ID tokens.
    pub id_token: Vec<OptionalClaim>,
    /// In access tokens for it.
    pub access_token: Vec<OptionalClaim>,
    /// In its SAML tokens, which are not issued here.
    pub saml2_token: Vec<OptionalClaim>,
}

/// A claim that an application wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionalClaim {
    /// Its name.
    pub name: String,
    /// Where it comes from: null, or `user` for an extension.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether the application cannot do without.
    #[serde(default)]
    pub essential: bool,
    /// How it is to be written.
    #[serde(default)]
    pub additional_properties: Vec<String>,
}

/// A delegated permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionScope {
    /// Its id.
    pub id: Uuid,
    /// What an administrator reads when consenting: text.
    #[serde(default)]
    pub admin_consent_description: Option<String>,
    /// What an administrator reads when consenting: title.
    #[serde(default)]
    pub admin_consent_display_name: Option<String>,
    /// Whether it can be granted.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// `User` or `Admin`: who may consent.
    #[serde(rename = "type", default)]
    pub consent: Option<String>,
    /// What a user reads when consenting: text.
    #[serde(default)]
    pub user_consent_description: Option<String>,
    /// What a user reads when consenting: title.
    #[serde(default)]
    pub user_consent_display_name: Option<String>,
    /// The word in `scp`.
    #[serde(default)]
    pub value: Option<String>,
}

/// A role that an application offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// `Application`, `User`.
    #[serde(default)]
    pub allowed_member_types: Vec<String>,
    /// Text.
    #[serde(default)]
    pub description: Option<String>,
    /// Title.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Its id.
    pub id: Uuid,
    /// Whether it can be granted.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// `Application` or `ServicePrincipal`: where it is defined.
    #[serde(default)]
    pub origin: Option<String>,
    /// The word in `roles`.
    #[serde(default)]
    pub value: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Permissions that an application asks of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredResourceAccess {
    /// The resource.
    pub resource_app_id: AppId,
    /// The permissions.
    pub resource_access: Vec<ResourceAccess>,
}

/// A permission that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceAccess {
    /// The permission's id.
    pub id: Uuid,
    /// Which kind it is.
    #[serde(rename = "type")]
    pub kind: ResourceAccessType,
}

/// The kind of a permission that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceAccessType {
    /// An app role.
    Role,
    /// A delegated permission.
    Scope,
}

/// A secret. Its text is in the answer of `addPassword` and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordCredential {
    /// Unused; always null.
    pub custom_key_identifier: Option<String>,
    /// Name.
    pub display_name: Option<String>,
    /// End of validity.
    pub end_date_time: Option<Timestamp>,
    /// The first three characters of the secret.
    pub hint: Option<String>,
    /// Its id.
    pub key_id: Uuid,
    /// The secret.
    pub secret_text: Option<String>,
    /// Start of validity.
    pub start_date_time: Option<Timestamp>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyCredential {
    /// Base64 of the SHA-1 thumbprint.
    #[serde(default)]
    pub custom_key_identifier: Option<String>,
    /// Name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// End of validity.
    #[serde(default)]
    pub end_date_time: Option<Timestamp>,
    /// Base64 of the DER; null when read.
    #[serde(default)]
    pub key: Option<String>,
    /// Its id; given by the server when absent.
    #[serde(default)]
    pub key_id: Option<Uuid>,
    /// Start of validity.
    #[serde(default)]
    pub start_date_time: Option<Timestamp>,
    /// `AsymmetricX509Cert` or `X509CertAndPassword`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// `Verify` or `Sign`.
    #[serde(default)]
    pub usage: Option<String>,
}

/// Redirect URIs of a public client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PublicClientApplication {
    /// The URIs.
    pub redirect_uris: Vec<String>,
}

/// Redirect URIs of a single-page application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpaApplication {
    /// The URIs.
    pub redirect_uris: Vec<String>,
}

/// Redirect URIs and settings of a web application.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebApplication {
    /// Home page.
    pub home_page_url: Option<String>,
    /// Where signing out is announced.
    pub logout_url: Option<String>,
    /// The URIs once more, each with its place; null is an empty list.
    #[serde(deserialize_with = "null_is_empty")]
    pub redirect_uri_settings: Vec<RedirectUriSettings>,
    /// The URIs.
    pub redirect_uris: Vec<String>,
    /// The implicit flow.
    pub implicit_grant_settings: ImplicitGrantSettings,
}

/// A redirect URI with its place among those of SAML (Graph `redirectUriSettings`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectUriSettings {
    /// The URI.
    pub uri: String,
    /// The place; null for none.
    pub index: Option<i32>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<RedirectUriSettings>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What the implicit flow may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImplicitGrantSettings {
    /// Access tokens.
    pub enable_access_token_issuance: bool,
    /// ID tokens.
    pub enable_id_token_issuance: bool,
}

/// The body of `addPassword`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddPasswordRequest {
    /// What the new secret should be; a secret text in it is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_credential: Option<NewPassword>,
}

/// What a new secret should be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewPassword {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// End of validity; two years after the start when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date_time: Option<Timestamp>,
    /// Start of validity; now when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date_time: Option<Timestamp>,
}

/// The body of `removePassword`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovePasswordRequest {
    /// The secret's id.
    pub key_id: Uuid,
}
