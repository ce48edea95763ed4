//! A token request as it came, taken apart: which grant, with which proof of the client.
//!
//! Parameters are read from the form alone (`application/x-www-form-urlencoded`, RFC 6749 section
//! 3.2); a secret in a query string would end in logs. The correlation id may come in the query,
//! the form or a header, because clients differ.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::grant::Grant;
use crate::issuer::Version;
use crate::refusal::Refusal;

/// The longest parameter that is read; longer ones are refused.
pub const PARAMETER_LIMIT: usize = 32 * 1024;

/// What a request to the token endpoint asks.
#[derive(Debug)]
pub struct TokenRequest {
    /// Which endpoint it came to.
    pub version: Version,
    /// Who asks: `client_id`, as sent.
    pub client_id: String,
    /// How it proves that.
    pub proof: ClientProof,
    /// What it asks for.
    pub grant: Grant,
    /// Whether `client_info=1` was sent: who the user is, beside the tokens.
    pub client_info: bool,
}

/// How a client proves who it is.
#[derive(PartialEq, Eq)]
pub enum ClientProof {
    /// `client_secret` in the form.
    SecretPost(Zeroizing<String>),
    /// A secret in `Authorization: Basic`.
    SecretBasic(Zeroizing<String>),
    /// `client_assertion` with its type.
    Assertion {
        /// `client_assertion_type`.
        kind: String,
        /// `client_assertion`: a JWT.
        assertion: Zeroizing<String>,
    },
    /// Not at all.
    None,
}

impl std::fmt::Debug for ClientProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The kind alone: secrets must not get into logs.
        f.write_str(match self {
            Self::SecretPost(_) => "SecretPost",
            Self::SecretBasic(_) => "SecretBasic",
            Self::Assertion { .. } => "Assertion",
            Self::None => "None",
        })
    }
}

/// The parameters that this server reads; others are ignored, be they given twice.
const KNOWN: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "device_code",
    "username",
    "password",
    "assertion",
    "requested_token_use",
];

/// Whether each of these parameters has one value only, however often it comes, and none is longer than
/// [`PARAMETER_LIMIT`] or has a NUL, which not every database takes. One pass for each name: a body full of one parameter costs no more than another.
pub(crate) fn are_sound(pairs: &[(String, String)], names: &[&str]) -> bool {
    names.iter().all(|name| {
        let mut values = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v);
        let Some(first) = values.next() else {
            return true;
        };
        let fits = first.len() <= PARAMETER_LIMIT && !first.contains('\0');
        fits && values.all(|value| value == first)
    })
}

/// A form's parameters, in the order in which they came.
#[derive(Clone, Copy)]
pub struct Form<'a>(&'a [(String, String)]);

impl<'a> Form<'a> {
    /// Takes the decoded pairs of a body.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when a parameter that is read comes twice with different values, or
    /// is longer than [`PARAMETER_LIMIT`].
    pub fn new(pairs: &'a [(String, String)]) -> Result<Self, Refusal> {
        if !are_sound(pairs, KNOWN) {
            return Err(Refusal::Malformed);
        }
        Ok(Self(pairs))
    }

    /// A parameter; one without a value counts as absent (RFC 6749 section 3.1).
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`] naming it.
    pub fn require(self, name: &'static str) -> Result<&'a str, Refusal> {
        self.get(name).ok_or(Refusal::MissingParameter { name })
    }
}

impl TokenRequest {
    /// Reads a request. `form` holds the body's decoded pairs (none when the content type was
    /// another one), `authorization` the header's value.
    ///
    /// # Errors
    /// The first of: [`Refusal::Malformed`], a missing `grant_type` or `client_id`,
    /// [`Refusal::UnsupportedGrant`], what the grant's own parameters lack.
    pub fn parse(
        version: Version,
        form: &[(String, String)],
        authorization: Option<&str>,
    ) -> Result<Self, Refusal> {
        let form = Form::new(form)?;
        let grant_type = form.require("grant_type")?;
        let (client_id, proof) = client(form, authorization)?;
        let grant = Grant::parse(grant_type, version, form)?;
        Ok(Self {
            version,
            client_id,
            proof,
            grant,
            client_info: form.get("client_info") == Some("1"),
        })
    }
}

fn client(form: Form<'_>, authorization: Option<&str>) -> Result<(String, ClientProof), Refusal> {
    let basic = authorization.and_then(basic).transpose()?;
    let id = match (form.get("client_id"), &basic) {
        (Some(id), Some((other, _))) if id != other => return Err(Refusal::Malformed),
        (Some(id), _) => id.to_owned(),
        (None, Some((id, _))) => id.clone(),
        (None, None) => return Err(Refusal::MissingParameter { name: "client_id" }),
    };
    let posted = form.get("client_secret");
    let assertion = form.get("client_assertion");
    let proof = match (posted, basic, assertion) {
        // The same secret twice is odd and harmless; two different proofs are neither (RFC 6749
        // section 2.3).
        (Some(posted), Some((_, secret)), _) if posted != secret.as_str() => {
            return Err(Refusal::Malformed);
        }
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => return Err(Refusal::Malformed),
        (Some(posted), _, _) => ClientProof::SecretPost(Zeroizing::new(posted.to_owned())),
        (None, Some((_, secret)), _) => ClientProof::SecretBasic(secret),
        (None, None, Some(assertion)) => ClientProof::Assertion {
            kind: form.require("client_assertion_type")?.to_owned(),
            assertion: Zeroizing::new(assertion.to_owned()),
        },
        (None, None, None) => ClientProof::None,
    };
    Ok((id, proof))
}

type Basic = Result<(String, Zeroizing<String>), Refusal>;

/// Reads `Basic base64(urlencode(id):urlencode(secret))` (RFC 6749 section 2.3.1); `None` for
/// another scheme.
fn basic(header: &str) -> Option<Basic> {
    let (scheme, credentials) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let read = || {
        let bytes = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
        let text = std::str::from_utf8(&bytes).ok()?;
        let (id, secret) = text.split_once(':')?;
        (!id.is_empty() && !secret.is_empty())
            .then(|| (form_decoded(id), Zeroizing::new(form_decoded(secret))))
    };
    Some(read().ok_or(Refusal::Malformed))
}

fn form_decoded(text: &str) -> String {
    // As a form's only value; a `&` that was not encoded must not cut it.
    let one = text.replace('&', "%26");
    let mut pairs = url::form_urlencoded::parse(one.as_bytes());
    match pairs.next() {
        // Without `=` the text is the name; with one, the rest is the value.
        Some((name, value)) if one.contains('=') => format!("{name}={value}"),
        Some((name, _)) => name.into_owned(),
        None => String::new(),
    }
}

/// The request's correlation id: the first GUID among the header `client-request-id`, the query's
/// and the form's parameter of that name.
#[must_use]
pub fn correlation_id(
    header: Option<&str>,
    query: &[(String, String)],
    form: &[(String, String)],
) -> Option<Uuid> {
    let named = |pairs: &[(String, String)]| {
        let found = pairs
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("client-request-id"));
        found.and_then(|(_, id)| Uuid::try_parse(id).ok())
    };
    header
        .and_then(|id| Uuid::try_parse(id.trim()).ok())
        .or_else(|| named(query))
        .or_else(|| named(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect()
    }

    fn parse(version: Version, text: &str, header: Option<&str>) -> Result<TokenRequest, Refusal> {
        TokenRequest::parse(version, &pairs(text), header)
    }

    const V2: &str = "grant_type=client_credentials&client_id=c&scope=https://x/.default";

    #[test]
    fn a_secret_may_come_in_the_form_or_the_header() {
        let request = parse(
            Version::V2,
            &format!("{V2}&client_secret=a%7Eb.c_d-e&client_info=1"),
            None,
        )
        .unwrap();
        assert!(
            request.proof == ClientProof::SecretPost(Zeroizing::new("a~b.c_d-e".to_owned())),
            "{request:?}"
        );
        let header = format!("Basic {}", STANDARD.encode("c:a%7Eb=%26&c"));
        let request = parse(Version::V2, V2, Some(&header)).unwrap();
        assert!(
            request.proof == ClientProof::SecretBasic(Zeroizing::new("a~b=&&c".to_owned())),
            "{request:?}"
        );
        let without_id = V2.replace("&client_id=c", "");
        assert_eq!(
            parse(Version::V2, &without_id, Some(&header))
                .unwrap()
                .client_id,
            "c"
        );
        assert!(!format!("{request:?}").contains("a~b"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, name) in [
            ("", "grant_type"),
            ("grant_type=", "grant_type"),
            ("grant_type=client_credentials", "client_id"),
            ("grant_type=client_credentials&client_id=c", "scope"),
            (&format!("{V2}&client_assertion=x"), "client_assertion_type"),
        ] {
            let refusal = parse(Version::V2, text, None).unwrap_err();
            assert_eq!(refusal, Refusal::MissingParameter { name }, "{text}");
        }
    }

    #[test]
    fn without_a_resource_v1_means_microsoft_graph() {
        let request = parse(Version::V1, V2, None).unwrap();
        let graph = "00000003-0000-0000-c000-000000000000";
        assert!(format!("{:?}", request.grant).contains(graph));
    }

    #[test]
    fn contradictions_and_excess_are_malformed() {
        let basic = format!("Basic {}", STANDARD.encode("other:s"));
        let large = format!("{V2}&client_secret={}", "x".repeat(PARAMETER_LIMIT + 1));
        for (text, header) in [
            (format!("{V2}&client_id=d"), None),
            (V2.to_owned(), Some(basic.as_str())),
            (V2.to_owned(), Some("Basic !")),
            (
                format!("{V2}&client_secret=s&client_assertion=a&client_assertion_type=t"),
                None,
            ),
            (large, None),
            (V2.replace("scope=", "scope=%00"), None),
        ] {
            assert_eq!(
                parse(Version::V2, &text, header).unwrap_err(),
                Refusal::Malformed
            );
        }
        // What is not read may come as it likes.
        assert!(
            parse(
                Version::V2,
                &format!("{V2}&x-client-OS=a&x-client-OS=b"),
                Some("Bearer x")
            )
            .is_ok()
        );
    }

    #[test]
    fn other_grants_are_not_supported() {
        for grant in ["saml2-bearer", "Client_Credentials", "implicit"] {
            let refusal = parse(
                Version::V2,
                &format!("grant_type={grant}&client_id=c"),
                None,
            )
            .unwrap_err();
            assert_eq!(refusal.code(), 70_003, "{grant}");
        }
    }

    #[test]
    fn the_correlation_id_is_looked_for_everywhere() {
        let id = "6dd2bb3b-a8b9-4df7-8b4c-d6e0c9e8ae08";
        let query = pairs(&format!("client-request-id={id}"));
        assert_eq!(correlation_id(None, &query, &[]), id.parse().ok());
        assert_eq!(correlation_id(Some("junk"), &[], &query), id.parse().ok());
        assert_eq!(correlation_id(None, &[], &[]), None);
    }
}
