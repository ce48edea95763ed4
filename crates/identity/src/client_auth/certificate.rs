//! A client assertion signed with the key of a registered certificate.
//!
//! The header's thumbprint finds the certificate among those registered; what else the header
//! carries (`x5c`, `jku`, `x5u`, `jwk`) comes from the sender and is never looked at.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256};

use super::assertion::{self, Algorithm, Assertion, Realm, unusable};
use crate::certificate::Certificate;
use crate::constant_time::same;
use crate::refusal::Refusal;

/// The audience of a proof of possession (Graph `addKey`, `removeKey`): the directory itself.
const DIRECTORY: &str = "00000002-0000-0000-c000-000000000000";
/// The longest life of a proof of possession, seconds.
const PROOF_LIFETIME: i64 = 600;

/// A certificate of an application as the directory keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFact {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Good from, seconds since 1970.
    pub start: i64,
    /// Good until, seconds since 1970.
    pub end: i64,
}

/// Checks an assertion of the client itself: who, by which certificate, for whom, when.
pub(super) fn check(
    assertion: &Assertion<'_>,
    client_id: &str,
    certificates: &[CertificateFact],
    realm: &Realm<'_>,
    now: i64,
) -> Result<usize, Refusal> {
    let algorithm = assertion.algorithm()?;
    // Ids are GUIDs, which letter case does not tell apart.
    let is_client = |claim: Option<&str>| claim.is_some_and(|c| c.eq_ignore_ascii_case(client_id));
    if !is_client(assertion.claim("iss")) || !is_client(assertion.claim("sub")) {
        return Err(Refusal::AssertionForeign);
    }
    let found = signed(assertion, algorithm, certificates, now)?;
    let audience = assertion.audience().unwrap_or_default();
    if !realm.is_meant(audience) {
        return Err(Refusal::AssertionAudience {
            audience: audience.chars().take(200).collect(),
        });
    }
    assertion.check_time(now)?;
    Ok(found)
}

/// Finds the certificate by its thumbprint and verifies the signature.
fn signed(
    assertion: &Assertion<'_>,
    algorithm: Algorithm,
    certificates: &[CertificateFact],
    now: i64,
) -> Result<usize, Refusal> {
    let (sha1, sha256) = (assertion.header("x5t"), assertion.header("x5t#S256"));
    let Some(named) = sha256.or(sha1) else {
        return Err(unusable("the header has neither x5t nor x5t#S256"));
    };
    let refuse = |reason: &'static str| Refusal::AssertionSignature {
        thumbprint: named.chars().take(100).collect(),
        reason,
    };
    // Where both thumbprints are given, both must fit.
    let fits = |text: Option<&str>, of: &[u8]| {
        text.is_none_or(|text| assertion::thumbprint(text).is_some_and(|t| same(of, &t)))
    };
    let mut expired = false;
    for (index, fact) in certificates.iter().enumerate() {
        if !fits(sha1, &Certificate::sha1(&fact.der))
            || !fits(sha256, &Certificate::sha256(&fact.der))
        {
            continue;
        }
        if now < fact.start || now >= fact.end {
            expired = true;
            continue;
        }
        let certificate = Certificate::parse(&fact.der)
            .map_err(|_| refuse("the registered certificate cannot be read"))?;
        if verify(&certificate, algorithm, assertion) {
            return Ok(index);
        }
        return Err(refuse("the signature does not verify"));
    }
    if expired {
        return Err(refuse("the certificate is out of date"));
    }
    Err(refuse("no certificate of the application has it"))
}

fn verify(certificate: &Certificate, algorithm: Algorithm, assertion: &Assertion<'_>) -> bool {
    let parameters = match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        // Verifies salts of exactly the hash's length (RFC 7518 section 3.5).
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
    };
    ParsedPublicKey::new(parameters, &certificate.public_key).is_ok_and(|key| {
        key.verify_sig(assertion.message, &assertion.signature)
            .is_ok()
    })
}

/// Checks a proof that the caller holds the key of one of an application's certificates: a JWT by
/// the application's object id for the directory, of ten minutes at most (Graph
/// `application-rollkey`).
///
/// # Errors
/// The reason, for the caller.
pub fn check_key_proof(
    proof: &str,
    object_id: &str,
    certificates: &[CertificateFact],
    now: i64,
) -> Result<(), String> {
    let assertion =
        Assertion::parse(assertion::JWT_BEARER, proof).map_err(|refusal| refusal.message())?;
    let algorithm = assertion.algorithm().map_err(|r| r.message())?;
    if assertion.claim("iss") != Some(object_id) {
        return Err("iss must be the application's object id".to_owned());
    }
    let audience = assertion.audience().unwrap_or_default();
    if audience != DIRECTORY && audience != format!("https://graph.windows.net/{DIRECTORY}") {
        return Err(format!("aud must be {DIRECTORY}"));
    }
    let lifetime = assertion.seconds("exp").zip(assertion.seconds("nbf"));
    if lifetime.is_none_or(|(exp, nbf)| exp.saturating_sub(nbf) > PROOF_LIFETIME) {
        return Err("exp and nbf must be given, at most ten minutes apart".to_owned());
    }
    signed(&assertion, algorithm, certificates, now).map_err(|r| r.message())?;
    assertion.check_time(now).map_err(|r| r.message())
}
