//! Application registrations.

use std::collections::HashSet;

use bartizan_contract::graph::{ApiApplication, AppRole, ApplicationUpdate};
use bartizan_contract::permissions::{RESOURCES, resource_by_identifier};
use bartizan_contract::{AppId, TenantId};
use url::Url;

use super::DirectoryError;
use crate::resource::{accepts_audience, id_in_api_uri};

const OBJECT: &str = "Application";
const AUDIENCES: &[&str] = &[
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
];

/// Checks a new application, or a change to one; what is absent is not looked at, but for the
/// name of a new one. `own` is its application id and its tenant: no other id may stand in `api://{id}`.
///
/// # Errors
/// [`DirectoryError::Required`], [`DirectoryError::Invalid`].
pub fn check_application(
    update: &ApplicationUpdate,
    is_new: bool,
    own: (AppId, TenantId),
) -> Result<(), DirectoryError> {
    match &update.display_name {
        None if is_new => {
            return Err(DirectoryError::Required {
                property: "displayName",
                object: OBJECT,
            });
        }
        Some(name) if name.trim().is_empty() || name.chars().count() > 256 => {
            return Err(invalid("displayName", "1 to 256 characters"));
        }
        _ => {}
    }
    if let Some(audience) = &update.sign_in_audience
        && !AUDIENCES.contains(&audience.as_str())
    {
        return Err(invalid(
            "signInAudience",
            &format!("one of {}", AUDIENCES.join(", ")),
        ));
    }
    identifier_uris(update.identifier_uris.as_deref().unwrap_or_default(), own)?;
    app_roles(update.app_roles.as_deref().unwrap_or_default())?;
    redirect_uris(update)?;
    if let Some(claims) = &update.group_membership_claims {
        group_claims(claims)?;
    }
    if let Some(api) = &update.api
        && !matches!(api.requested_access_token_version, None | Some(1 | 2))
    {
        return Err(invalid("api.requestedAccessTokenVersion", "null, 1 or 2"));
    }
    Ok(())
}

/// Checks what an application offers as an API, as it stands after a change.
///
/// # Errors
/// [`DirectoryError::Invalid`] for two permissions of one id or value, a value that cannot stand in a scope, and a
/// client that is authorized beforehand for what is not there.
pub fn check_api(api: &ApiApplication) -> Result<(), DirectoryError> {
    let refuse = |reason: &str| Err(invalid("api.oauth2PermissionScopes", reason));
    let (mut ids, mut values) = (HashSet::new(), HashSet::new());
    for scope in &api.oauth2_permission_scopes {
        if !ids.insert(scope.id) {
            return refuse("each id once");
        }
        if !matches!(scope.consent.as_deref(), None | Some("User" | "Admin")) {
            return refuse("type is User or Admin");
        }
        let value = scope.value.as_deref().unwrap_or_default();
        if value.is_empty() && scope.is_enabled {
            return refuse("an enabled permission has a value");
        }
        if value.len() > 120 || value.starts_with('.') || !value.bytes().all(in_scope) {
            return refuse(
                "a value is of at most 120 ASCII letters, digits and punctuation but for quotes, spaces and slashes",
            );
        }
        if !value.is_empty() && !values.insert(value) {
            return refuse("each value once");
        }
    }
    let refuse = |reason: &str| Err(invalid("api.preAuthorizedApplications", reason));
    let mut clients = HashSet::new();
    for client in &api.pre_authorized_applications {
        if !clients.insert(client.app_id) {
            return refuse("each appId once");
        }
        if !client
            .delegated_permission_ids
            .iter()
            .all(|id| ids.contains(id))
        {
            return refuse(
                "delegatedPermissionIds are ids of the application's own oauth2PermissionScopes",
            );
        }
    }
    Ok(())
}

/// Whether a byte may stand in the value of a delegated permission (RFC 6749 section 3.3, without what separates a
/// resource from it).
const fn in_scope(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'\'' | b'/')
}

fn group_claims(text: &str) -> Result<(), DirectoryError> {
    const KNOWN: &[&str] = &[
        "None",
        "SecurityGroup",
        "DirectoryRole",
        "ApplicationGroup",
        "All",
    ];
    if text.split(',').all(|word| KNOWN.contains(&word.trim())) {
        return Ok(());
    }
    Err(invalid(
        "groupMembershipClaims",
        &format!("one or more of {}, separated by commas", KNOWN.join(", ")),
    ))
}

fn invalid(property: &'static str, reason: &str) -> DirectoryError {
    DirectoryError::Invalid {
        property,
        object: OBJECT,
        reason: reason.to_owned(),
    }
}

fn identifier_uris(uris: &[String], own: (AppId, TenantId)) -> Result<(), DirectoryError> {
    let refuse = |reason: &str| Err(invalid("identifierUris", reason));
    let mut seen = HashSet::new();
    for uri in uris {
        let parsed = Url::parse(uri);
        if uri.chars().count() > 255 || parsed.is_err() {
            return refuse("absolute URIs of at most 255 characters");
        }
        if parsed.is_ok_and(|u| u.fragment().is_some() || u.query().is_some()) {
            return refuse("no query and no fragment");
        }
        // Whatever an API takes as its own audience, `api://{id}` among it: a token for an impostor of that name
        // would carry the impostor's roles to the real one.
        let taken = RESOURCES
            .iter()
            .any(|resource| accepts_audience(resource, uri));
        if taken || resource_by_identifier(uri).is_some() {
            return refuse("a URI of one of the known resources");
        }
        // `api://{id}` calls the application of that id, whether or not it registered that name.
        let named = id_in_api_uri(uri);
        if named.is_some_and(|id| id != own.0.uuid() && id != own.1.uuid()) {
            return refuse(
                "api://{id} with the application's own client id or its tenant's id, no other's",
            );
        }
        if !seen.insert(uri.trim_end_matches('/').to_ascii_lowercase()) {
            return refuse("each URI once");
        }
    }
    Ok(())
}

fn app_roles(roles: &[AppRole]) -> Result<(), DirectoryError> {
    let refuse = |reason: &str| Err(invalid("appRoles", reason));
    let (mut ids, mut values) = (HashSet::new(), HashSet::new());
    for role in roles {
        if !ids.insert(role.id) {
            return refuse("each id once");
        }
        if role.allowed_member_types.is_empty()
            || !role
                .allowed_member_types
                .iter()
                .all(|t| matches!(t.as_str(), "Application" | "User"))
        {
            return refuse("allowedMemberTypes holds Application, User or both");
        }
        let Some(value) = role.value.as_deref().filter(|v| !v.is_empty()) else {
            continue;
        };
        let fits = value.len() <= 120
            && !value.starts_with('.')
            && value
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if !fits {
            return refuse(
                "a value is of at most 120 visible ASCII characters and does not start with a dot",
            );
        }
        if !values.insert(value) {
            return refuse("each value once");
        }
    }
    Ok(())
}

fn redirect_uris(update: &ApplicationUpdate) -> Result<(), DirectoryError> {
    let web = update.web.as_ref().map(|w| &w.redirect_uris);
    let spa = update.spa.as_ref().map(|s| &s.redirect_uris);
    let native = update.public_client.as_ref().map(|p| &p.redirect_uris);
    for (property, uris, is_native) in [
        ("web.redirectUris", web, false),
        ("spa.redirectUris", spa, false),
        ("publicClient.redirectUris", native, true),
    ] {
        let uris = uris.map(Vec::as_slice).unwrap_or_default();
        if uris.len() > 256 || !uris.iter().all(|uri| redirect_uri(uri, is_native)) {
            return Err(invalid(
                property,
                "at most 256 URIs of at most 256 characters, https (http for localhost and 127.0.0.1, other schemes for native clients), without fragment and wildcard",
            ));
        }
    }
    Ok(())
}

fn redirect_uri(uri: &str, is_native: bool) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    let scheme = match url.scheme() {
        "https" => true,
        "http" => loopback,
        // What a browser would run or read instead of calling an application.
        "javascript" | "data" | "vbscript" | "file" | "blob" | "about" => false,
        _ => is_native,
    };
    scheme
        && uri.chars().count() <= 256
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && !uri.contains(['*', '!', '$', '\'', '(', ')', ',', ';'])
}

#[cfg(test)]
mod tests {
    use bartizan_contract::graph::{
        PermissionScope, PreAuthorizedApplication, PublicClientApplication, WebApplication,
    };
    use uuid::Uuid;

    use super::*;

    const OWN: (AppId, TenantId) = (
        AppId::from_u128(0xaaaa_0001),
        TenantId::from_u128(0xbbbb_0001),
    );

    fn named(name: &str) -> ApplicationUpdate {
        ApplicationUpdate {
            display_name: Some(name.to_owned()),
            ..ApplicationUpdate::default()
        }
    }

    #[test]
    fn names_and_audiences() {
        assert_eq!(check_application(&named("x"), true, OWN), Ok(()));
        assert!(check_application(&named(" "), false, OWN).is_err());
        assert!(check_application(&ApplicationUpdate::default(), true, OWN).is_err());
        assert_eq!(
            check_application(&ApplicationUpdate::default(), false, OWN),
            Ok(())
        );
        let odd = ApplicationUpdate {
            sign_in_audience: Some("Everybody".to_owned()),
            ..named("x")
        };
        assert!(check_application(&odd, true, OWN).is_err());
    }

    #[test]
    fn an_api_is_consistent_in_itself() {
        let scope = |id: u128, value: &str| PermissionScope {
            id: Uuid::from_u128(id),
            admin_consent_description: None,
            admin_consent_display_name: None,
            is_enabled: true,
            consent: Some("User".to_owned()),
            user_consent_description: None,
            user_consent_display_name: None,
            value: Some(value.to_owned()),
        };
        let api = |scopes: &[PermissionScope], authorized: &[u128]| ApiApplication {
            oauth2_permission_scopes: scopes.to_vec(),
            pre_authorized_applications: vec![PreAuthorizedApplication {
                app_id: AppId::from_u128(7),
                delegated_permission_ids: authorized.iter().copied().map(Uuid::from_u128).collect(),
            }],
            ..ApiApplication::default()
        };
        for (api, fine) in [
            (api(&[scope(1, "Files.Read")], &[1]), true),
            (api(&[scope(1, "Files.Read")], &[2]), false),
            (api(&[scope(1, "a"), scope(1, "b")], &[]), false),
            (api(&[scope(1, "a"), scope(2, "a")], &[]), false),
            (api(&[scope(1, "a b")], &[]), false),
            (api(&[scope(1, "a/b")], &[]), false),
            (api(&[scope(1, "")], &[]), false),
        ] {
            assert_eq!(check_api(&api).is_ok(), fine, "{api:?}");
        }
        for (claims, fine) in [
            ("All", true),
            ("SecurityGroup, DirectoryRole", true),
            ("Some", false),
        ] {
            let update = ApplicationUpdate {
                group_membership_claims: Some(claims.to_owned()),
                ..named("x")
            };
            assert_eq!(
                check_application(&update, true, OWN).is_ok(),
                fine,
                "{claims}"
            );
        }
    }

    #[test]
    fn nobody_may_pose_as_a_known_resource() {
        for (uri, fine) in [
            ("api://a1b2", true),
            ("https://contoso.com/app", true),
            ("https://graph.microsoft.com/", false),
            ("https://API.security.microsoft.com", false),
            ("api://bartizan", false),
            ("api://00000000-0000-0000-0000-0000aaaa0001", true),
            ("api://00000000-0000-0000-0000-0000bbbb0001/app", true),
            ("api://00000000-0000-0000-0000-0000aaaa0002", false),
            ("API://00000000-0000-0000-0000-0000AAAA0002/", false),
            ("api://00000000-0000-0000-0000-0000aaaa0002/x", false),
            ("relative", false),
            ("https://contoso.com/#x", false),
        ] {
            let update = ApplicationUpdate {
                identifier_uris: Some(vec![uri.to_owned()]),
                ..named("x")
            };
            assert_eq!(check_application(&update, true, OWN).is_ok(), fine, "{uri}");
        }
    }

    #[test]
    fn redirects_go_where_only_the_application_listens() {
        for (uri, web, native) in [
            ("https://contoso.com/cb", true, true),
            ("http://localhost:8400", true, true),
            ("http://contoso.com/cb", false, false),
            ("msal123://auth", false, true),
            ("javascript:alert", false, false),
            ("https://user@contoso.com/", false, false),
            ("https://*.contoso.com/", false, false),
            ("https://contoso.com/#x", false, false),
        ] {
            let as_web = ApplicationUpdate {
                web: Some(WebApplication {
                    redirect_uris: vec![uri.to_owned()],
                    ..WebApplication::default()
                }),
                ..named("x")
            };
            assert_eq!(check_application(&as_web, true, OWN).is_ok(), web, "{uri}");
            let as_native = ApplicationUpdate {
                public_client: Some(PublicClientApplication {
                    redirect_uris: vec![uri.to_owned()],
                }),
                ..named("x")
            };
            assert_eq!(
                check_application(&as_native, true, OWN).is_ok(),
                native,
                "{uri}"
            );
        }
    }
}
