//! Directory objects as Graph prints them.

use bartizan_contract::graph;
use bartizan_contract::time::Timestamp;
use bartizan_identity::certificate::Certificate;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::certificates::KeyCredential;
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::passwords::PasswordCredential;
use bartizan_store::directory::service_principals::ServicePrincipal;
use bartizan_store::tenants::Tenant;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::application_body;

/// A property that was kept as it was given; its default when it is absent or of another type.
pub(super) fn kept<T: DeserializeOwned + Default>(properties: &Map<String, Json>, name: &str) -> T {
    let value = properties.get(name).cloned().unwrap_or(Json::Null);
    serde_json::from_value(value).unwrap_or_default()
}

/// An application with its secrets, their text excepted, and its certificates, with the keys when they are asked for.
pub(super) fn application(
    app: &Application,
    credentials: &ApplicationCredentials,
    with_keys: bool,
) -> graph::Application {
    let properties = &app.properties;
    let mut api: graph::ApiApplication = kept(properties, "api");
    api.oauth2_permission_scopes.clone_from(&app.oauth2_scopes);
    api.requested_access_token_version = app
        .requested_access_token_version
        .and_then(|version| i32::try_from(version).ok());
    let mut web: graph::WebApplication = kept(properties, "web");
    let index = |uri: &String| {
        let mut kept = web.redirect_uri_settings.iter();
        kept.find(|kept| kept.uri == *uri)
            .and_then(|kept| kept.index)
    };
    web.redirect_uri_settings = app
        .redirect_uris
        .web
        .iter()
        .map(|uri| graph::RedirectUriSettings {
            uri: uri.clone(),
            index: index(uri),
        })
        .collect();
    web.redirect_uris.clone_from(&app.redirect_uris.web);
    graph::Application {
        id: app.id,
        deleted_date_time: None,
        app_id: app.app_id,
        created_date_time: Some(Timestamp::from_unix_micros(app.created)),
        display_name: Some(app.display_name.clone()),
        description: kept(properties, "description"),
        group_membership_claims: kept(properties, "groupMembershipClaims"),
        identifier_uris: app.identifier_uris.clone(),
        is_fallback_public_client: kept(properties, "isFallbackPublicClient"),
        notes: kept(properties, "notes"),
        publisher_domain: None,
        sign_in_audience: Some(app.sign_in_audience.clone()),
        tags: kept(properties, "tags"),
        api,
        app_roles: app.app_roles.clone(),
        required_resource_access: app.required_resource_access.clone(),
        password_credentials: credentials
            .passwords
            .iter()
            .map(|p| password(p, None))
            .collect(),
        key_credentials: credentials
            .certificates
            .iter()
            .map(|c| key(c, with_keys))
            .collect(),
        public_client: graph::PublicClientApplication {
            redirect_uris: app.redirect_uris.public_client.clone(),
        },
        spa: graph::SpaApplication {
            redirect_uris: app.redirect_uris.spa.clone(),
        },
        web,
        optional_claims: kept(properties, "optionalClaims"),
        further: application_body::further(properties),
    }
}

/// A secret; its text only in the answer that makes it.
pub(super) fn password(
    password: &PasswordCredential,
    text: Option<String>,
) -> graph::PasswordCredential {
    graph::PasswordCredential {
        custom_key_identifier: None,
        display_name: password.display_name.clone(),
        end_date_time: Some(Timestamp::from_unix_micros(password.end)),
        hint: Some(password.hint.clone()),
        key_id: password.key_id,
        secret_text: text,
        start_date_time: Some(Timestamp::from_unix_micros(password.start)),
    }
}

/// A certificate.
pub(super) fn key(key: &KeyCredential, with_key: bool) -> graph::KeyCredential {
    graph::KeyCredential {
        custom_key_identifier: Some(thumbprint(key)),
        display_name: key.display_name.clone(),
        end_date_time: Some(Timestamp::from_unix_micros(key.end)),
        key: with_key.then(|| key.certificate.clone()),
        key_id: Some(key.key_id),
        start_date_time: Some(Timestamp::from_unix_micros(key.start)),
        kind: Some("AsymmetricX509Cert".to_owned()),
        usage: Some(key.usage.clone()),
    }
}

/// The SHA-1 thumbprint of a certificate, base64.
pub(super) fn thumbprint(key: &KeyCredential) -> String {
    let der = BASE64_STANDARD.decode(&key.certificate).unwrap_or_default();
    BASE64_STANDARD.encode(Certificate::sha1(&der))
}

/// A service principal; `app` is its application where it is registered here.
pub(super) fn service_principal(
    sp: &ServicePrincipal,
    app: Option<&Application>,
) -> graph::ServicePrincipal {
    let redirects = app.map(|app| &app.redirect_uris);
    let reply_urls = redirects.map(|uris| [&uris.web[..], &uris.spa, &uris.public_client].concat());
    // Microsoft's own resources serve every tenant.
    let audience = app.map_or("AzureADMultipleOrgs", |app| app.sign_in_audience.as_str());
    graph::ServicePrincipal {
        id: sp.id,
        deleted_date_time: None,
        account_enabled: Some(sp.enabled),
        alternative_names: Vec::new(),
        app_display_name: Some(
            app.map_or(&sp.display_name, |app| &app.display_name)
                .clone(),
        ),
        app_id: sp.app_id,
        app_owner_organization_id: Some(sp.owner_tenant),
        app_role_assignment_required: sp.assignment_required,
        created_date_time: Some(Timestamp::from_unix_micros(sp.created)),
        description: kept(&sp.properties, "description"),
        display_name: Some(sp.display_name.clone()),
        homepage: None,
        logout_url: None,
        notes: kept(&sp.properties, "notes"),
        reply_urls: reply_urls.unwrap_or_default(),
        service_principal_names: sp.names.clone(),
        service_principal_type: Some(sp.kind.clone()),
        sign_in_audience: Some(audience.to_owned()),
        tags: kept(&sp.properties, "tags"),
        app_roles: sp.app_roles.clone(),
        oauth2_permission_scopes: sp.oauth2_scopes.clone(),
        password_credentials: Vec::new(),
        key_credentials: Vec::new(),
    }
}

/// A tenant.
pub(super) fn organization(tenant: &Tenant) -> graph::Organization {
    graph::Organization {
        id: tenant.id,
        deleted_date_time: None,
        created_date_time: Some(Timestamp::from_unix_micros(tenant.created)),
        display_name: Some(tenant.display_name.clone()),
        tenant_type: Some("AAD".to_owned()),
        verified_domains: tenant
            .domains
            .iter()
            .map(|domain| graph::VerifiedDomain {
                capabilities: Some("Email, OfficeCommunicationsOnline".to_owned()),
                is_default: Some(domain.is_default),
                is_initial: Some(domain.is_initial),
                name: Some(domain.name.clone()),
                kind: Some("Managed".to_owned()),
            })
            .collect(),
    }
}
