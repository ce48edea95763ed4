//! The OpenID configuration (OpenID Connect Discovery 1.0 section 4) in both versions.

use bartizan_contract::TenantId;
use bartizan_contract::first_party::CONSUMERS_TENANT;
use serde_json::{Value as Json, json};

use crate::issuer::{Issuers, Version};

/// Whose document it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentTenant {
    /// A tenant's, with its `tenant_region_scope`.
    Tenant(TenantId, String),
    /// `common`
    Common,
    /// `organizations`
    Organizations,
    /// `consumers`
    Consumers,
}

impl DocumentTenant {
    /// The first segment of every URL of the document. A domain has become its tenant's id by now.
    fn segment(&self) -> String {
        match self {
            Self::Tenant(id, _) => id.to_string(),
            Self::Common => "common".to_owned(),
            Self::Organizations => "organizations".to_owned(),
            Self::Consumers => CONSUMERS_TENANT.to_string(),
        }
    }

    fn issuer(&self, issuers: &Issuers, version: Version) -> String {
        match self {
            Self::Tenant(id, _) => issuers.of(version, *id),
            Self::Common | Self::Organizations => issuers.template(version),
            Self::Consumers => issuers.of(version, CONSUMERS_TENANT),
        }
    }

    fn region(&self) -> Json {
        match self {
            Self::Tenant(_, region) => Json::from(region.as_str()),
            _ => Json::Null,
        }
    }
}

/// A configuration document. `base` is the scheme, host and port by which the request came;
/// `userinfo_base` where Microsoft Graph answers for that request (`https://graph.microsoft.com`,
/// or `base` itself on an own origin, so that no token is sent to the cloud).
#[must_use]
pub fn openid_configuration(
    version: Version,
    base: &str,
    userinfo_base: &str,
    tenant: &DocumentTenant,
    issuers: &Issuers,
) -> Json {
    let root = format!("{base}/{}", tenant.segment());
    let issuer = tenant.issuer(issuers, version);
    let region = tenant.region();
    match version {
        Version::V1 => v1(&root, &issuer, region),
        Version::V2 => v2(&root, userinfo_base, &issuer, region),
    }
}

fn v2(root: &str, userinfo_base: &str, issuer: &str, region: Json) -> Json {
    json!({
        "token_endpoint": format!("{root}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{root}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{userinfo_base}/oidc/userinfo"),
        "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{root}/oauth2/v2.0/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
            "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
            "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"
        ],
        "kerberos_endpoint": format!("{root}/kerberos"),
        "tenant_region_scope": region,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    })
}

fn v1(root: &str, issuer: &str, region: Json) -> Json {
    json!({
        "token_endpoint": format!("{root}/oauth2/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{root}/discovery/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
        "scopes_supported": ["openid"],
        "issuer": issuer,
        "microsoft_multi_refresh_token": true,
        "authorization_endpoint": format!("{root}/oauth2/authorize"),
        "device_authorization_endpoint": format!("{root}/oauth2/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{root}/oauth2/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
            "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
            "amr", "nonce", "email", "given_name", "family_name", "nickname"
        ],
        "userinfo_endpoint": format!("{root}/openid/userinfo"),
        "kerberos_endpoint": format!("{root}/kerberos"),
        "tenant_region_scope": region,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::IssuerMode;

    const BASE: &str = "https://localhost:8443";

    fn document(version: Version, tenant: &DocumentTenant) -> Json {
        let issuers = Issuers {
            mode: IssuerMode::Canonical,
            public_origin: BASE.to_owned(),
        };
        openid_configuration(version, BASE, BASE, tenant, &issuers)
    }

    #[test]
    fn a_tenants_document_names_the_tenant_everywhere() {
        let tenant = DocumentTenant::Tenant(TenantId::from_u128(0xab), "EU".to_owned());
        let id = "00000000-0000-0000-0000-0000000000ab";
        let document = document(Version::V2, &tenant);
        assert_eq!(
            document["token_endpoint"],
            format!("{BASE}/{id}/oauth2/v2.0/token")
        );
        assert_eq!(
            document["issuer"],
            format!("https://login.microsoftonline.com/{id}/v2.0")
        );
        assert_eq!(document["tenant_region_scope"], "EU");
        assert_eq!(document.as_object().unwrap().len(), 23);
        assert!(document.get("code_challenge_methods_supported").is_none());
    }

    #[test]
    fn common_keeps_the_braces() {
        for (version, issuer) in [
            (Version::V1, "https://sts.windows.net/{tenantid}/"),
            (
                Version::V2,
                "https://login.microsoftonline.com/{tenantid}/v2.0",
            ),
        ] {
            let document = document(version, &DocumentTenant::Common);
            assert_eq!(document["issuer"], issuer);
            assert_eq!(document["tenant_region_scope"], Json::Null);
        }
        let v1 = document(Version::V1, &DocumentTenant::Common);
        assert_eq!(
            v1["userinfo_endpoint"],
            format!("{BASE}/common/openid/userinfo")
        );
        assert!(v1.get("request_uri_parameter_supported").is_none());
    }

    /// A client finds the device endpoint by replacing the first `/token`.
    #[test]
    fn the_device_endpoint_is_a_sibling_of_the_token_endpoint() {
        for version in [Version::V1, Version::V2] {
            let document = document(version, &DocumentTenant::Organizations);
            let token = document["token_endpoint"].as_str().unwrap();
            assert_eq!(
                document["device_authorization_endpoint"],
                token.replacen("/token", "/devicecode", 1)
            );
        }
    }
}
