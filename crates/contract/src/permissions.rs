//! The resource applications that every tenant knows, and the permissions each offers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::generated::permissions::{DOC_ALIASES, RESOURCES};
use crate::ids::AppId;
use crate::operations::Api;

/// A resource application: what a token is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its application id, the same in every tenant.
    pub app_id: AppId,
    /// The name that the portal shows.
    pub display_name: &'static str,
    /// The API that it guards.
    pub api: Api,
    /// URIs by which a token request may name it.
    pub identifier_uris: &'static [&'static str],
    /// `aud` values that its API accepts (each URI, with or without a trailing slash, and the
    /// application id).
    pub audiences: &'static [&'static str],
    /// What it offers.
    pub permissions: &'static [Permission],
}

/// A permission of a resource application: an app role or a delegated scope.
#[derive(Debug, PartialEq, Eq)]
pub struct Permission {
    /// The claim value (`Incident.Read.All`).
    pub name: &'static str,
    /// Application (app role) or delegated (scope).
    pub kind: PermissionKind,
    /// The permission's id, by which consent refers to it.
    pub id: Uuid,
    /// Whether only an administrator may consent to it.
    pub admin_consent: bool,
    /// What it lets the caller do.
    pub text: &'static str,
}

/// Which kind of token carries a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PermissionKind {
    /// In `roles` of an application's token.
    Application,
    /// In `scp` of a token issued for a user.
    Delegated,
}

impl Resource {
    /// The permission of this kind with this name; misspelt names of the documentation are
    /// understood.
    #[must_use]
    pub fn permission(&self, kind: PermissionKind, name: &str) -> Option<&'static Permission> {
        let name = canonical(name);
        self.permissions
            .iter()
            .find(|p| p.kind == kind && p.name == name)
    }

    /// The permission with this id.
    #[must_use]
    pub fn permission_by_id(&self, id: Uuid) -> Option<&'static Permission> {
        self.permissions.iter().find(|p| p.id == id)
    }

    /// Whether a token request may name this resource so: an identifier URI or the application
    /// id, a trailing slash tolerated.
    #[must_use]
    pub fn answers_to(&self, identifier: &str) -> bool {
        let bare = identifier.strip_suffix('/').unwrap_or(identifier);
        self.identifier_uris
            .iter()
            .any(|uri| uri.eq_ignore_ascii_case(bare))
            || bare.parse::<AppId>().is_ok_and(|id| id == self.app_id)
    }

    /// Whether a token with this `aud` is meant for this resource.
    #[must_use]
    pub fn accepts_audience(&self, audience: &str) -> bool {
        let bare = audience.strip_suffix('/').unwrap_or(audience);
        self.audiences.iter().any(|a| a.eq_ignore_ascii_case(bare))
    }
}

/// The permission's real name, for names that the documentation misspells; any other name is
/// returned as it is.
#[must_use]
pub fn canonical(name: &str) -> &str {
    DOC_ALIASES
        .iter()
        .find(|(slip, _)| *slip == name)
        .map_or(name, |(_, real)| real)
}

/// The resource with this application id.
#[must_use]
pub fn resource_by_app_id(app_id: AppId) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.app_id == app_id)
}

/// The resource that a token request names by URI or application id.
#[must_use]
pub fn resource_by_identifier(identifier: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.answers_to(identifier))
}

/// The resource that guards an API; `None` for Bartizan's own.
#[must_use]
pub fn resource_of(api: Api) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.api == api)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_found_under_every_name() {
        for name in [
            "https://securitycenter.onmicrosoft.com/windowsatpservice",
            "https://securitycenter.onmicrosoft.com/windowsatpservice/",
            "https://api.securitycenter.microsoft.com",
            "https://api.securitycenter.windows.com",
            "FC780465-2017-40d4-a0c5-307022471b92",
        ] {
            assert_eq!(
                resource_by_identifier(name).unwrap().api,
                Api::Mde,
                "{name}"
            );
        }
        assert!(resource_by_identifier("https://api.security.microsoft.com//").is_none());
        assert!(resource_by_identifier("https://us.api.security.microsoft.com").is_none());
        let xdr = resource_of(Api::Xdr).unwrap();
        assert!(xdr.accepts_audience("https://api.security.microsoft.com/"));
        assert!(!xdr.accepts_audience("https://api.securitycenter.microsoft.com"));
    }

    #[test]
    fn names_that_the_pages_misspell_are_understood() {
        let mde = resource_of(Api::Mde).unwrap();
        let right = mde
            .permission(PermissionKind::Application, "Alert.ReadWrite.All")
            .unwrap();
        let slip = mde
            .permission(PermissionKind::Application, "Alerts.ReadWrite.All")
            .unwrap();
        assert_eq!(right.id, slip.id);
        assert_eq!(mde.permission_by_id(right.id), Some(right));
    }

    #[test]
    fn the_three_security_resources_keep_their_permissions() {
        let mut count = 0;
        for r in RESOURCES {
            for p in r.permissions {
                count += 1;
                assert_eq!(r.permission(p.kind, p.name), Some(p));
            }
        }
        assert!(count >= 87);
    }
}
