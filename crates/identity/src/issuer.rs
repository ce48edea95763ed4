//! Whose name is on the tokens: the issuer strings, one place for what signs and what verifies.

use bartizan_contract::TenantId;

/// A version of the protocol's endpoints, and independently of them a version of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `/{tenant}/oauth2/…`, `ver` 1.0
    V1,
    /// `/{tenant}/oauth2/v2.0/…`, `ver` 2.0
    V2,
}

/// Which issuer strings are published and signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IssuerMode {
    /// Microsoft's: tokens look like those of the cloud.
    #[default]
    Canonical,
    /// Those of the server's public origin.
    Own,
}

/// The issuer strings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuers {
    /// Which ones.
    pub mode: IssuerMode,
    /// Scheme, host and port of the public origin, without a trailing slash.
    pub public_origin: String,
}

/// Stands in a discovery document for the tenant of whoever signs in.
pub const TENANT_TEMPLATE: &str = "{tenantid}";

impl Issuers {
    /// `iss` of a tenant's tokens of this version.
    #[must_use]
    pub fn of(&self, version: Version, tenant: TenantId) -> String {
        self.with(version, &tenant.to_string())
    }

    /// The issuer of `common` and of signing keys: a tenant in braces.
    #[must_use]
    pub fn template(&self, version: Version) -> String {
        self.with(version, TENANT_TEMPLATE)
    }

    fn with(&self, version: Version, tenant: &str) -> String {
        let own = &self.public_origin;
        match (self.mode, version) {
            (IssuerMode::Canonical, Version::V1) => format!("https://sts.windows.net/{tenant}/"),
            (IssuerMode::Canonical, Version::V2) => {
                format!("https://login.microsoftonline.com/{tenant}/v2.0")
            }
            (IssuerMode::Own, Version::V1) => format!("{own}/{tenant}/"),
            (IssuerMode::Own, Version::V2) => format!("{own}/{tenant}/v2.0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_modes() {
        let tenant = TenantId::from_u128(0xab);
        let mut issuers = Issuers {
            mode: IssuerMode::Canonical,
            public_origin: "https://localhost:8443".to_owned(),
        };
        assert_eq!(
            issuers.of(Version::V1, tenant),
            "https://sts.windows.net/00000000-0000-0000-0000-0000000000ab/"
        );
        issuers.mode = IssuerMode::Own;
        assert_eq!(
            issuers.template(Version::V2),
            "https://localhost:8443/{tenantid}/v2.0"
        );
    }
}
