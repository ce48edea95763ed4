//! Bodies of `POST` and `PATCH /applications`: every property of Graph's is kept, or the caller is told why not.

use bartizan_contract::ObjectId;
use bartizan_contract::graph::{self, ApplicationUpdate};
use bartizan_identity::directory::check_api;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::credentials::ApplicationCredentials;
use serde_json::{Map, Value as Json};

use super::body::{self, check_bound};
use super::wire;
use crate::call::Call;
use crate::error::{ApiError, Kind};

/// Longest value of a property that is kept as it comes, in bytes of JSON.
const LONGEST: usize = 16 * 1024;

/// What a property that is kept as it comes holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Flag,
    List,
    Object,
}

impl Holds {
    fn fits(self, value: &Json) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Flag => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// Properties that are kept as they come (page "application resource type").
const KEPT: &[(&str, Holds)] = &[
    ("addIns", Holds::List),
    ("defaultRedirectUri", Holds::Text),
    ("description", Holds::Text),
    ("groupMembershipClaims", Holds::Text),
    ("info", Holds::Object),
    ("isDeviceOnlyAuthSupported", Holds::Flag),
    ("isFallbackPublicClient", Holds::Flag),
    ("notes", Holds::Text),
    ("oauth2RequirePostResponse", Holds::Flag),
    ("optionalClaims", Holds::Object),
    ("parentalControlSettings", Holds::Object),
    ("samlMetadataUrl", Holds::Text),
    ("serviceManagementReference", Holds::Text),
    ("tags", Holds::List),
];

/// Properties that are read into fields of their own.
const TYPED: &[&str] = &[
    "api",
    "appRoles",
    "displayName",
    "identifierUris",
    "keyCredentials",
    "passwordCredentials",
    "publicClient",
    "requiredResourceAccess",
    "signInAudience",
    "spa",
    "web",
];

/// Members of the objects among them.
const MEMBERS: &[(&str, &[&str])] = &[
    (
        "api",
        &[
            "acceptMappedClaims",
            "knownClientApplications",
            "oauth2PermissionScopes",
            "preAuthorizedApplications",
            "requestedAccessTokenVersion",
        ],
    ),
    ("publicClient", &["redirectUriSettings", "redirectUris"]),
    ("spa", &["redirectUriSettings", "redirectUris"]),
    (
        "web",
        &[
            "homePageUrl",
            "implicitGrantSettings",
            "logoutUrl",
            "redirectUriSettings",
            "redirectUris",
        ],
    ),
];

/// Redirect URIs with an index each.
const SETTINGS: &str = "redirectUriSettings";

/// Properties that the directory sets itself.
const READ_ONLY: &[&str] = &[
    "appId",
    "applicationTemplateId",
    "certification",
    "createdDateTime",
    "deletedDateTime",
    "disabledByMicrosoftStatus",
    "id",
    "publisherDomain",
    "uniqueName",
    "verifiedPublisher",
];

/// Properties that promise what is not done here. Their value that promises nothing is accepted and not kept.
const PROMISES: &[(&str, &str)] = &[
    ("logo", "logos are not kept"),
    (
        "nativeAuthenticationApisEnabled",
        "native authentication is not served",
    ),
    (
        "requestSignatureVerification",
        "signed authentication requests are not verified",
    ),
    (
        "servicePrincipalLockConfiguration",
        "properties of service principals cannot be locked",
    ),
    (
        "signInAudienceRestrictions",
        "audiences are not restricted beyond signInAudience",
    ),
    ("tokenEncryptionKeyId", "tokens are not encrypted"),
];

/// Reads the body, as it is and typed: only the first says which parts of `web` and `api` are meant to stay. It may refer
/// to objects by the navigation properties that are named.
///
/// # Errors
/// [`Kind::InvalidBody`], [`Kind::InvalidInput`]
pub(super) async fn read(
    call: &mut Call,
    references: &[&str],
) -> Result<(Json, ApplicationUpdate), ApiError> {
    let mut body: Map<String, Json> = call.json().await?;
    check_bound(&body, references)?;
    for (name, value) in &body {
        check(name, value)?;
    }
    uris_of_settings(&mut body);
    let body = Json::Object(body);
    let update = serde_json::from_value(body.clone()).map_err(|error| {
        ApiError::new(
            Kind::InvalidBody,
            format!("The request body is not valid: {error}."),
        )
    })?;
    Ok((body, update))
}

/// The objects that a body refers to by a navigation property.
pub(super) fn bound(body: &Json, name: &str) -> Result<Vec<ObjectId>, ApiError> {
    match body.as_object() {
        Some(body) => body::bound(body, name),
        None => Ok(Vec::new()),
    }
}

/// `redirectUriSettings` say the redirect URIs once more, each with an index. Where the URIs themselves are not given,
/// those of the settings are meant; of the indexes, those of web applications are kept, as Graph has no others.
fn uris_of_settings(body: &mut Map<String, Json>) {
    for platform in ["web", "spa", "publicClient"] {
        let Some(part) = body.get_mut(platform).and_then(Json::as_object_mut) else {
            continue;
        };
        if part.get(SETTINGS).is_some_and(Json::is_null) {
            part.remove(SETTINGS);
        }
        let uris = part
            .get(SETTINGS)
            .and_then(Json::as_array)
            .map(|settings| settings.iter().map(|s| s["uri"].clone()).collect());
        if let Some(uris) = uris
            && part.get("redirectUris").is_none_or(Json::is_null)
        {
            part.insert("redirectUris".to_owned(), Json::Array(uris));
        }
        if platform != "web" {
            part.remove(SETTINGS);
        }
    }
}

/// Whether a property is one, may be set, and holds what it should.
fn check(name: &str, value: &Json) -> Result<(), ApiError> {
    if name.contains('@') || TYPED.contains(&name) {
        return members(name, value);
    }
    if let Some((_, holds)) = KEPT.iter().find(|(known, _)| *known == name) {
        if !value.is_null() && !holds.fits(value) {
            return Err(wrong(name, &format!("it is {}", holds.name())));
        }
        if value.to_string().len() > LONGEST {
            return Err(wrong(name, "it is too long"));
        }
        return Ok(());
    }
    if let Some((_, reason)) = PROMISES.iter().find(|(known, _)| *known == name) {
        return match promises_nothing(value) {
            true => Ok(()),
            false => Err(wrong(
                name,
                &format!("this server does not serve it, {reason}"),
            )),
        };
    }
    let text = match READ_ONLY.contains(&name) {
        true => format!("Property '{name}' is read-only and cannot be set."),
        false => format!(
            "Property '{name}' does not exist on type 'microsoft.graph.application': check its spelling."
        ),
    };
    Err(ApiError::new(Kind::InvalidInput, text))
}

fn members(name: &str, value: &Json) -> Result<(), ApiError> {
    let (Some((_, known)), Json::Object(object)) =
        (MEMBERS.iter().find(|(typed, _)| *typed == name), value)
    else {
        return Ok(());
    };
    let odd = |member: &&String| !member.contains('@') && !known.contains(&member.as_str());
    match object.keys().find(odd) {
        Some(member) => Err(ApiError::new(
            Kind::InvalidInput,
            format!(
                "Property '{member}' of '{name}' is not one that this server keeps; these are: {}.",
                known.join(", ")
            ),
        )),
        None => Ok(()),
    }
}

/// Null, false, `none`, or an object of these.
fn promises_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty() || text.eq_ignore_ascii_case("none"),
        Json::Object(members) => members
            .iter()
            .all(|(name, value)| name.contains('@') || promises_nothing(value)),
        Json::Array(values) => values.is_empty(),
        _ => false,
    }
}

fn wrong(name: &str, reason: &str) -> ApiError {
    ApiError::new(
        Kind::InvalidInput,
        format!(
            "Invalid value specified for property '{name}' of resource 'Application': {reason}."
        ),
    )
}

/// Changes what the body names.
///
/// # Errors
/// [`Kind::InvalidInput`] when the parts do not fit together.
pub(super) fn apply(
    app: &mut Application,
    body: &Json,
    update: ApplicationUpdate,
) -> Result<(), ApiError> {
    let set = |field: &mut String, value: Option<String>| {
        if let Some(value) = value {
            *field = value;
        }
    };
    set(&mut app.display_name, update.display_name);
    set(&mut app.sign_in_audience, update.sign_in_audience);
    if let Some(uris) = update.identifier_uris {
        app.identifier_uris = uris;
    }
    if let Some(access) = update.required_resource_access {
        app.required_resource_access = access;
    }
    if let Some(mut roles) = update.app_roles {
        roles
            .iter_mut()
            .for_each(|role| role.origin = Some("Application".to_owned()));
        app.app_roles = roles;
    }
    for (name, _) in KEPT {
        match body.get(*name) {
            None => {}
            Some(Json::Null) => {
                app.properties.remove(*name);
            }
            Some(value) => {
                app.properties.insert((*name).to_owned(), value.clone());
            }
        }
    }
    apply_web(app, body)?;
    apply_others(app, body)?;
    apply_api(app, body)
}

fn apply_web(app: &mut Application, body: &Json) -> Result<(), ApiError> {
    let before = wire::application(app, &ApplicationCredentials::default(), false).web;
    if let Some(web) = merged::<graph::WebApplication>(&before, body.get("web"))? {
        app.redirect_uris.web.clone_from(&web.redirect_uris);
        app.properties.insert("web".to_owned(), to_json(&web)?);
    }
    Ok(())
}

/// The redirect URIs of single-page and of public applications.
fn apply_others(app: &mut Application, body: &Json) -> Result<(), ApiError> {
    let before = wire::application(app, &ApplicationCredentials::default(), false);
    if let Some(spa) = merged(&before.spa, body.get("spa"))? {
        app.redirect_uris.spa = spa.redirect_uris;
    }
    if let Some(public_client) = merged(&before.public_client, body.get("publicClient"))? {
        app.redirect_uris.public_client = public_client.redirect_uris;
    }
    Ok(())
}

fn apply_api(app: &mut Application, body: &Json) -> Result<(), ApiError> {
    let before = wire::application(app, &ApplicationCredentials::default(), false).api;
    if let Some(api) = merged::<graph::ApiApplication>(&before, body.get("api"))? {
        check_api(&api)?;
        app.oauth2_scopes.clone_from(&api.oauth2_permission_scopes);
        app.requested_access_token_version = api.requested_access_token_version.map(i64::from);
        app.properties.insert("api".to_owned(), to_json(&api)?);
    }
    Ok(())
}

/// A part of an application with the members that a change names replaced; `None` when it names none.
fn merged<T: serde::Serialize + serde::de::DeserializeOwned>(
    before: &T,
    change: Option<&Json>,
) -> Result<Option<T>, ApiError> {
    let Some(Json::Object(change)) = change else {
        return Ok(None);
    };
    let mut whole = to_json(before)?;
    for (name, value) in change {
        whole[name] = value.clone();
    }
    serde_json::from_value(whole)
        .map(Some)
        .map_err(ApiError::internal)
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Json, ApiError> {
    serde_json::to_value(value).map_err(ApiError::internal)
}

/// The properties that are kept as they come and have no field in Graph's object here, null or empty where they were
/// never set.
pub(super) fn further(properties: &Map<String, Json>) -> Map<String, Json> {
    // These have fields of their own.
    const TOLD: &[&str] = &[
        "description",
        "groupMembershipClaims",
        "isFallbackPublicClient",
        "notes",
        "optionalClaims",
        "tags",
    ];
    let mut further = Map::new();
    for (name, holds) in KEPT.iter().filter(|(name, _)| !TOLD.contains(name)) {
        let value = properties.get(*name).cloned();
        let empty = match holds {
            Holds::List => Json::Array(Vec::new()),
            _ => Json::Null,
        };
        further.insert((*name).to_owned(), value.unwrap_or(empty));
    }
    further
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_property_is_kept_or_told() {
        for (name, value, fine) in [
            ("displayName", json!("x"), true),
            ("@odata.type", json!("x"), true),
            ("info", json!({ "supportUrl": "https://c.example" }), true),
            ("info", json!("x"), false),
            ("notes", Json::Null, true),
            ("notes", json!("x".repeat(LONGEST)), false),
            ("web", json!({ "redirectUris": [] }), true),
            ("web", json!({ "redirectUrls": [] }), false),
            ("web", json!({ "redirectUriSettings": null }), true),
            ("id", json!("x"), false),
            ("displayname", json!("x"), false),
            ("tokenEncryptionKeyId", Json::Null, true),
            ("tokenEncryptionKeyId", json!("x"), false),
            (
                "servicePrincipalLockConfiguration",
                json!({ "isEnabled": false, "allProperties": null }),
                true,
            ),
            (
                "servicePrincipalLockConfiguration",
                json!({ "isEnabled": true }),
                false,
            ),
        ] {
            assert_eq!(check(name, &value).is_ok(), fine, "{name}: {value}");
        }
    }

    #[test]
    fn settings_of_redirect_uris_say_the_uris() {
        let mut body = json!({
            "web": { "redirectUriSettings": [{ "uri": "https://a.example", "index": 1 }] },
            "spa": { "redirectUriSettings": [{ "uri": "https://b.example", "index": null }] },
            "publicClient": { "redirectUris": ["https://c.example"], "redirectUriSettings": null },
        });
        let Some(parts) = body.as_object_mut() else {
            panic!("an object");
        };
        uris_of_settings(parts);
        assert_eq!(body["web"]["redirectUris"], json!(["https://a.example"]));
        assert_eq!(body["web"]["redirectUriSettings"][0]["index"], 1);
        assert_eq!(
            body["spa"],
            json!({ "redirectUris": ["https://b.example"] })
        );
        assert_eq!(
            body["publicClient"],
            json!({ "redirectUris": ["https://c.example"] })
        );
    }
}
