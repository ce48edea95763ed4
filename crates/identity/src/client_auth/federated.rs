//! A client assertion by another issuer: a workload's own token instead of a secret.
//!
//! The registration names issuer, subject and audience, and all three must be the token's, letter
//! by letter. Keys come from a static set of the credential, or from the issuer's discovery
//! document, which the server reads: nothing in the token says where to look.

use std::sync::Arc;

use serde_json::Value as Json;

use super::Credentials;
use super::assertion::{Algorithm, Assertion, unusable};
use crate::jwt::VerifyingKey;
use crate::refusal::Refusal;

/// A federated credential of an application as the directory keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederationFact {
    /// `iss` of the tokens.
    pub issuer: String,
    /// Their `sub`.
    pub subject: String,
    /// Their `aud`.
    pub audience: String,
    /// The issuer's keys (RFC 7517), when they are kept instead of fetched.
    pub key_set: Option<Arc<Json>>,
}

/// The published keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IssuerKeys {
    /// Nobody asked for them.
    #[default]
    NotAsked,
    /// They could not be had.
    Unavailable {
        /// Why, for the caller.
        reason: String,
    },
    /// The issuer's key set (RFC 7517).
    Known(Arc<Json>),
}

/// Whose keys are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerWanted {
    /// The issuer of a registered credential: a URL.
    pub issuer: String,
    /// The key that the assertion names: unknown ones are a reason to read the set anew.
    pub kid: Option<String>,
}

/// The credential that an assertion fits.
fn find(assertion: &Assertion<'_>, federations: &[FederationFact]) -> Result<usize, Refusal> {
    let cut = |text: &str| text.chars().take(200).collect::<String>();
    let issuer = assertion.claim("iss").unwrap_or_default();
    let subject = assertion.claim("sub").unwrap_or_default();
    let audience = assertion.audience().unwrap_or_default();
    let of_issuer = || federations.iter().filter(|f| f.issuer == issuer);
    if of_issuer().next().is_none() {
        return Err(Refusal::FederationIssuer {
            issuer: cut(issuer),
        });
    }
    if !of_issuer().any(|f| f.subject == subject) {
        if of_issuer().any(|f| f.subject.eq_ignore_ascii_case(subject)) {
            return Err(Refusal::FederationCase);
        }
        return Err(Refusal::FederationSubject {
            subject: cut(subject),
        });
    }
    let all =
        |f: &FederationFact| f.issuer == issuer && f.subject == subject && f.audience == audience;
    federations
        .iter()
        .position(all)
        .ok_or_else(|| Refusal::FederationAudience {
            audience: cut(audience),
        })
}

/// The issuer to ask, when the credential that fits keeps no keys itself.
pub(super) fn wanted(
    assertion: &Assertion<'_>,
    federations: &[FederationFact],
) -> Option<IssuerWanted> {
    let fact = &federations[find(assertion, federations).ok()?];
    if fact.key_set.is_some() || assertion.algorithm() != Ok(Algorithm::Rs256) {
        return None;
    }
    Some(IssuerWanted {
        issuer: fact.issuer.clone(),
        kid: assertion.header("kid").map(str::to_owned),
    })
}

/// Checks an assertion of another issuer: which credential, by which key, when.
pub(super) fn check(
    assertion: &Assertion<'_>,
    credentials: &Credentials,
    now: i64,
) -> Result<usize, Refusal> {
    if assertion.algorithm()? != Algorithm::Rs256 {
        return Err(unusable("alg of a federated token must be RS256"));
    }
    let index = find(assertion, &credentials.federations)?;
    let fact = &credentials.federations[index];
    let unavailable = |reason: &str| Refusal::IssuerUnreachable {
        issuer: fact.issuer.clone(),
        reason: reason.to_owned(),
    };
    let keys = match (&fact.key_set, &credentials.issuer_keys) {
        (Some(keys), _) | (None, IssuerKeys::Known(keys)) => keys,
        (None, IssuerKeys::Unavailable { reason }) => return Err(unavailable(reason)),
        (None, IssuerKeys::NotAsked) => return Err(unavailable("its keys were not asked for")),
    };
    let kid = assertion.header("kid");
    let refuse = |reason| Refusal::AssertionSignature {
        thumbprint: kid.unwrap_or_default().chars().take(100).collect(),
        reason,
    };
    let key = key(keys, kid).ok_or_else(|| Refusal::IssuerKeyUnknown {
        issuer: fact.issuer.clone(),
        kid: kid.unwrap_or_default().chars().take(100).collect(),
    })?;
    if !key.verify(assertion.message, &assertion.signature) {
        return Err(refuse("the signature does not verify"));
    }
    assertion.check_time(now)?;
    Ok(index)
}

/// The RSA key of that name for signatures; without a name, the only one there is.
fn key(set: &Json, kid: Option<&str>) -> Option<VerifyingKey> {
    let usable = |key: &&Json| {
        let is = |name: &str, value: &str| key[name].is_null() || key[name] == value;
        key["kty"] == "RSA" && is("use", "sig") && is("alg", "RS256")
    };
    let named = |key: &&Json| kid.is_none_or(|kid| key["kid"] == kid);
    let mut found = set["keys"].as_array()?.iter().filter(usable).filter(named);
    let key = found.next()?;
    if kid.is_none() && found.next().is_some() {
        return None;
    }
    VerifyingKey::from_jwk(
        kid.unwrap_or_default(),
        key["n"].as_str()?,
        key["e"].as_str()?,
    )
    .ok()
}
