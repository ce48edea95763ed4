//! User realm: whether a user signs in here or with somebody else. Here it is always here.

use serde_json::{Value as Json, json};

/// The answer about a user whose domain is known or not. Federation is never answered: nothing of
/// WS-Trust is served.
#[must_use]
pub fn user_realm(user: &str, domain_is_known: bool) -> Json {
    let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
    if !domain_is_known {
        return json!({"ver": "1.0", "account_type": "Unknown", "cloud_instance_name": "microsoftonline.com"});
    }
    json!({
        "ver": "1.0",
        "account_type": "Managed",
        "domain_name": domain,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_audience_urn": "urn:federation:MicrosoftOnline",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_domains_are_managed() {
        let realm = user_realm("a@contoso.com", true);
        assert_eq!(realm["account_type"], "Managed");
        assert_eq!(realm["domain_name"], "contoso.com");
        assert_eq!(user_realm("nobody", false)["account_type"], "Unknown");
    }
}
