//! Certificates and federated credentials as applications register them.

use bartizan_contract::graph::{FederatedIdentityCredential, KeyCredential};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::DirectoryError;
use crate::certificate::Certificate;

/// How many federated credentials an application may have.
pub const MOST_FEDERATIONS: usize = 20;
/// The longest issuer, subject, audience and description, in characters.
const TEXT_LIMIT: usize = 600;
/// The largest key set that is kept, in bytes of JSON.
const KEY_SET_LIMIT: usize = 64 * 1024;

/// A certificate that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// Its name: as given, or its subject.
    pub display_name: String,
    /// Good from, microseconds since 1970.
    pub start: i64,
    /// Good until, microseconds since 1970.
    pub end: i64,
}

/// Checks a new certificate of an application; `now` in microseconds.
///
/// # Errors
/// [`DirectoryError::Required`], [`DirectoryError::Invalid`].
pub fn check_key(key: &KeyCredential, now: i64) -> Result<NewCertificate, DirectoryError> {
    const OBJECT: &str = "KeyCredential";
    let invalid = |property, reason: &str| DirectoryError::Invalid {
        property,
        object: OBJECT,
        reason: reason.to_owned(),
    };
    let encoded = key.key.as_deref().ok_or(DirectoryError::Required {
        property: "key",
        object: OBJECT,
    })?;
    if !matches!(key.kind.as_deref(), None | Some("AsymmetricX509Cert")) {
        return Err(invalid("type", "only AsymmetricX509Cert is served"));
    }
    if !matches!(key.usage.as_deref(), None | Some("Verify")) {
        return Err(invalid("usage", "only Verify is served"));
    }
    let encoded: String = encoded.split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| invalid("key", "base64 of a certificate"))?;
    if String::from_utf8_lossy(&bytes).contains("PRIVATE KEY") {
        return Err(invalid(
            "key",
            "a certificate alone: the private key stays with the client, and this one should be replaced now that it has travelled",
        ));
    }
    let certificate =
        Certificate::read(&bytes).map_err(|error| invalid("key", &error.to_string()))?;
    let micros = |seconds: i64| seconds.saturating_mul(1_000_000);
    let (first, last) = (
        micros(certificate.not_before),
        micros(certificate.not_after),
    );
    let start = key.start_date_time.map_or(first, |t| t.unix_micros());
    let end = key.end_date_time.map_or(last, |t| t.unix_micros());
    if end > last || start < first || end <= start {
        return Err(invalid(
            "endDateTime",
            "the validity must lie within the certificate's own",
        ));
    }
    if end <= now {
        return Err(invalid("endDateTime", "the certificate is out of date"));
    }
    let subject = || certificate.subject.chars().take(120).collect();
    let display_name = key.display_name.clone().unwrap_or_else(subject);
    if display_name.chars().count() > 120 {
        return Err(invalid("displayName", "at most 120 characters"));
    }
    Ok(NewCertificate {
        display_name,
        start,
        end,
        certificate,
    })
}

/// Checks a federated credential as it would be kept.
///
/// # Errors
/// [`DirectoryError::Invalid`].
pub fn check_federation(credential: &FederatedIdentityCredential) -> Result<(), DirectoryError> {
    let invalid = |property, reason: &str| DirectoryError::Invalid {
        property,
        object: "FederatedIdentityCredential",
        reason: reason.to_owned(),
    };
    let name = credential.name.as_bytes();
    let fits = (3..=120).contains(&name.len())
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !fits {
        return Err(invalid(
            "name",
            "3 to 120 letters, digits, hyphens and underscores, a letter or digit first",
        ));
    }
    let text = |text: &str| !text.is_empty() && text.chars().count() <= TEXT_LIMIT;
    if !text(&credential.subject) {
        return Err(invalid("subject", "1 to 600 characters"));
    }
    if !matches!(credential.audiences.as_slice(), [one] if text(one)) {
        return Err(invalid("audiences", "exactly one, of 1 to 600 characters"));
    }
    if credential
        .description
        .as_ref()
        .is_some_and(|d| d.chars().count() > TEXT_LIMIT)
    {
        return Err(invalid("description", "at most 600 characters"));
    }
    let url = Url::parse(&credential.issuer).ok();
    let fits = text(&credential.issuer)
        && url.is_some_and(|url| {
            url.scheme() == "https"
                && url.host_str().is_some()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
    if !fits {
        return Err(invalid(
            "issuer",
            "an https URL of at most 600 characters, without query and fragment",
        ));
    }
    match &credential.bartizan_key_set {
        Some(keys) if !keys["keys"].is_array() || keys.to_string().len() > KEY_SET_LIMIT => Err(
            invalid("bartizanKeySet", "a JSON Web Key Set of at most 64 KiB"),
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const PEM: &[u8] = include_bytes!("../client_auth/pss/certificate.pem");

    fn key(bytes: &[u8]) -> KeyCredential {
        KeyCredential {
            custom_key_identifier: None,
            display_name: None,
            end_date_time: None,
            key: Some(STANDARD.encode(bytes)),
            key_id: None,
            start_date_time: None,
            kind: Some("AsymmetricX509Cert".to_owned()),
            usage: Some("Verify".to_owned()),
        }
    }

    #[test]
    fn a_certificate_comes_as_der_or_pem_and_alone() {
        let now = 1_700_000_000_000_000;
        let from_pem = check_key(&key(PEM), now).unwrap();
        assert_eq!(from_pem.display_name, "CN=pss");
        assert_eq!(
            check_key(&key(&from_pem.certificate.der), now),
            Ok(from_pem.clone())
        );
        let with_key = [PEM, b"-----BEGIN PRIVATE KEY-----"].concat();
        let refused = check_key(&key(&with_key), now).unwrap_err();
        assert!(refused.to_string().contains("replaced"), "{refused}");
        assert!(check_key(&key(b"x"), now).is_err());
        assert!(check_key(&key(PEM), from_pem.end).is_err());
        let signing = KeyCredential {
            usage: Some("Sign".to_owned()),
            ..key(PEM)
        };
        assert!(check_key(&signing, now).is_err());
    }

    #[test]
    fn a_federation_names_one_issuer_subject_and_audience() {
        let fine = FederatedIdentityCredential {
            id: Uuid::nil(),
            name: "main-branch".to_owned(),
            issuer: "https://token.actions.example.com".to_owned(),
            subject: "repo:contoso/hunts:ref:refs/heads/main".to_owned(),
            audiences: vec!["api://AzureADTokenExchange".to_owned()],
            description: None,
            bartizan_key_set: None,
        };
        assert_eq!(check_federation(&fine), Ok(()));
        let with = |change: fn(&mut FederatedIdentityCredential)| {
            let mut changed = fine.clone();
            change(&mut changed);
            check_federation(&changed)
        };
        assert!(with(|c| c.name = "-x-".to_owned()).is_err());
        assert!(with(|c| c.name = "ab".to_owned()).is_err());
        assert!(with(|c| c.issuer = "http://token.example.com".to_owned()).is_err());
        assert!(with(|c| c.issuer = "https://token.example.com?x".to_owned()).is_err());
        assert!(with(|c| c.subject = String::new()).is_err());
        assert!(with(|c| c.audiences.push("api://second".to_owned())).is_err());
        assert!(with(|c| c.audiences.clear()).is_err());
        assert!(with(|c| c.bartizan_key_set = Some(serde_json::json!({}))).is_err());
    }
}
