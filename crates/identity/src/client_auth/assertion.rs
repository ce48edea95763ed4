//! A client assertion (RFC 7521 section 4.2, RFC 7523 section 3), read as leniently as the clients
//! in the field need, and no more.
//!
//! Some pad the segments with `=`, write NumericDates as decimals, or spell thumbprints in the
//! other base64 alphabet. The signature is over the bytes as received.

use bartizan_contract::TenantId;
use bartizan_contract::hosts::{HOSTS, Host, Service};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value as Json};
use url::Url;

use crate::jwt::Strict;
use crate::refusal::Refusal;
use crate::resource::is_own_origin;
use crate::tenant::TenantPath;

/// The one `client_assertion_type` (RFC 7523 section 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest assertion that is looked at, in bytes: a chain of certificates may stand in it.
pub const ASSERTION_LIMIT: usize = 32 * 1024;
/// By how many seconds clocks may differ.
const SKEW: i64 = 300;

/// base64url with or without padding.
const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A signature algorithm that assertions may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    Ps256,
}

/// Where assertions must be meant for: the tenant that the request names, under any of the
/// server's names.
#[derive(Debug, Clone, Copy)]
pub struct Realm<'a> {
    /// The path's tenant segment.
    pub path: &'a TenantPath,
    /// The tenant that it came to, where it came to one.
    pub tenant: Option<TenantId>,
    /// That tenant's domains, lower case.
    pub domains: &'a [String],
    /// Origins of the server itself.
    pub own_origins: &'a [String],
}

impl Realm<'_> {
    /// Whether `aud` is a token endpoint, an issuer or the authority of this tenant, on any host
    /// that the authorization server answers to.
    pub(super) fn is_meant(&self, audience: &str) -> bool {
        let Ok(url) = Url::parse(audience) else {
            return false;
        };
        let origin = url.origin().ascii_serialization();
        let alias = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| {
                let login = |h: &&Host| h.service == Service::Login;
                HOSTS.iter().filter(login).any(|h| h.name == host)
            });
        if !alias && !is_own_origin(&origin, self.own_origins)
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return false;
        }
        let path = url.path().to_ascii_lowercase();
        let path = path.trim_matches('/');
        let (tenant, rest) = path.split_once('/').unwrap_or((path, ""));
        matches!(rest, "" | "v2.0" | "oauth2/token" | "oauth2/v2.0/token") && self.is_tenant(tenant)
    }

    fn is_tenant(&self, segment: &str) -> bool {
        !segment.is_empty()
            && (self.path.word() == segment
                || self.tenant.is_some_and(|id| id.to_string() == segment)
                || self.domains.iter().any(|domain| domain == segment))
    }
}

/// An assertion taken apart and not verified.
pub(super) struct Assertion<'a> {
    header: Map<String, Json>,
    claims: Map<String, Json>,
    /// What was signed.
    pub(super) message: &'a [u8],
    /// The signature's bytes.
    pub(super) signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    /// Takes a compact serialization apart.
    pub(super) fn parse(kind: &str, text: &'a str) -> Result<Self, Refusal> {
        if kind != JWT_BEARER {
            return Err(unusable(&format!(
                "client_assertion_type must be {JWT_BEARER}"
            )));
        }
        if text.len() > ASSERTION_LIMIT {
            return Err(unusable("the client assertion is too long"));
        }
        let shape = || unusable("the client assertion is not three base64url parts");
        let (message, signature) = text.rsplit_once('.').ok_or_else(shape)?;
        let (header, claims) = message.split_once('.').ok_or_else(shape)?;
        let decoded = |part: &str| LENIENT_URL.decode(part).map_err(|_| shape());
        let object = |part: &str| {
            serde_json::from_slice::<Strict>(&decoded(part)?)
                .map(|strict| strict.0)
                .map_err(|_| unusable("a part is not a JSON object with unique names"))
        };
        Ok(Self {
            header: object(header)?,
            claims: object(claims)?,
            message: message.as_bytes(),
            signature: decoded(signature)?,
        })
    }

    /// A text of the header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Json::as_str)
    }

    /// A text among the claims.
    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Json::as_str)
    }

    /// The one audience: a text, or a list of one (RFC 7519 section 4.1.3).
    pub(super) fn audience(&self) -> Option<&str> {
        match self.claims.get("aud")? {
            Json::String(audience) => Some(audience),
            Json::Array(list) => match list.as_slice() {
                [one] => one.as_str(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether somebody else vouches for the client: an issuer with keys of its own is named by a
    /// URL, a client by its id.
    pub(super) fn is_of_another_issuer(&self) -> bool {
        self.claim("iss").is_some_and(|iss| iss.contains("://"))
    }

    /// The algorithm, when it is one that is allowed at all.
    pub(super) fn algorithm(&self) -> Result<Algorithm, Refusal> {
        if self.header.contains_key("crit") {
            return Err(unusable("the header has crit, which is not supported"));
        }
        match self.header("alg") {
            Some("RS256") => Ok(Algorithm::Rs256),
            Some("PS256") => Ok(Algorithm::Ps256),
            _ => Err(unusable("alg must be RS256 or PS256")),
        }
    }

    /// A NumericDate among the claims.
    pub(super) fn seconds(&self, name: &str) -> Option<i64> {
        self.claims.get(name).and_then(numeric_date)
    }

    /// `exp` must be there, `nbf` and `iat` may be; all of them numbers, decimals too.
    pub(super) fn check_time(&self, now: i64) -> Result<(), Refusal> {
        let outside = |reason: String| Refusal::AssertionTime { reason };
        let wrong = |name: &str| unusable(&format!("{name} is not a NumericDate"));
        let number = |name: &str| match self.claims.get(name) {
            None => Ok(None),
            Some(value) => numeric_date(value).ok_or_else(|| wrong(name)).map(Some),
        };
        let end = number("exp")?.ok_or_else(|| unusable("exp is missing"))?;
        if end <= now.saturating_sub(SKEW) {
            return Err(outside(format!("exp is {end}, and now is {now}")));
        }
        for name in ["nbf", "iat"] {
            if let Some(start) = number(name)?
                && start > now.saturating_add(SKEW)
            {
                return Err(outside(format!("{name} is {start}, and now is {now}")));
            }
        }
        Ok(())
    }
}

/// Seconds since 1970, without their decimals.
fn numeric_date(value: &Json) -> Option<i64> {
    let number = value.as_number()?;
    // The year 9999: what lies beyond is no time, and would not survive the conversion.
    const LATEST: f64 = 253_402_300_799.0;
    number.as_i64().or_else(|| {
        let seconds = number.as_f64()?.floor();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded by the line before"
        )]
        (0.0..=LATEST).contains(&seconds).then_some(seconds as i64)
    })
}

/// AADSTS50027 with a reason.
pub(super) fn unusable(reason: &str) -> Refusal {
    Refusal::AssertionUnusable {
        reason: reason.to_owned(),
    }
}

/// A thumbprint of a header in either base64 alphabet, padded or not.
pub(super) fn thumbprint(text: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    LENIENT_URL.decode(plain).ok()
}
