//! Links by which an administrator consents for everybody.

use bartizan_contract::AppId;
use bartizan_contract::graph::ResourceAccessType;
use bartizan_contract::permissions::resource_by_app_id;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ConsentApi, ConsentItem, ConsentPrompt};
use crate::facts::{ClientFact, UserFacts};

/// What a scope is written with in a link that people read.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b':')
    .remove(b'/');

/// The link by which an administrator of a tenant consents to an application: to what its registration asks for, or, where
/// scopes are named, to these, which the registration need not ask for. `login` is the origin of the sign-in pages;
/// without a redirect URI the answer goes to the first that is registered.
#[must_use]
pub fn admin_consent_link<S: AsRef<str>>(
    login: &str,
    tenant: &str,
    client: AppId,
    scopes: &[S],
    redirect_uri: Option<&str>,
) -> String {
    let version = if scopes.is_empty() { "" } else { "/v2.0" };
    let mut link = format!("{login}/{tenant}{version}/adminconsent?client_id={client}");
    if !scopes.is_empty() {
        let scopes = scopes.iter();
        let named: Vec<String> = scopes
            .map(|scope| utf8_percent_encode(scope.as_ref(), PLAIN).to_string())
            .collect();
        link = format!("{link}&scope={}", named.join("%20"));
    }
    if let Some(uri) = redirect_uri {
        let uri = utf8_percent_encode(uri, NON_ALPHANUMERIC);
        link = format!("{link}&redirect_uri={uri}");
    }
    link
}

/// The name by which scopes call a resource: of the contract's table its first URI; of others what the request called it,
/// or its application id.
pub(super) fn uri(api: AppId, called: &[(AppId, String)]) -> String {
    let known = resource_by_app_id(api).and_then(|resource| resource.identifier_uris.first());
    if let Some(uri) = known {
        return (*uri).to_owned();
    }
    let called = called.iter().find(|(id, _)| *id == api);
    called.map_or_else(|| api.to_string(), |(_, name)| name.clone())
}

/// The scopes that a link must name so that it brings what the prompt lists: none where the registration asks for all of
/// it, for then it brings that and the app roles too.
pub(super) fn by_name(
    prompt: &ConsentPrompt,
    facts: &UserFacts,
    client: &ClientFact,
) -> Vec<String> {
    let registered = |api: &ConsentApi, item: &ConsentItem| {
        let of_it = client
            .required
            .iter()
            .filter(|r| r.resource_app_id == api.app_id);
        of_it
            .flat_map(|r| &r.resource_access)
            .any(|access| access.kind == ResourceAccessType::Scope && access.id == item.id)
    };
    let all = prompt
        .apis
        .iter()
        .all(|api| api.scopes.iter().all(|item| registered(api, item)));
    // Consent to what is registered brings no address.
    let address = prompt.sign_in.email && !facts.openid_granted().email;
    if all && !address {
        return Vec::new();
    }
    let apis = prompt.apis.iter();
    let named =
        apis.flat_map(|api| (api.scopes.iter()).map(|item| format!("{}/{}", api.uri, item.value)));
    let words = prompt.sign_in.words().into_iter().map(str::to_owned);
    named.chain(words).collect()
}
