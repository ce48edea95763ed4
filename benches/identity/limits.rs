//! What one core can do without any server.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
};
use bartizan_contract::{Api, AppId, ObjectId, TenantId};
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::{IssuerMode, Issuers, SigningKey, Verifier, Version};

use crate::Outcome;
use crate::processor::rate_per_core;

/// Operations per second of one core's time, every core being busy with the same.
pub(crate) struct Limits {
    /// RSA-2048 signatures over SHA-256 of a message as long as a token.
    pub(crate) signatures: f64,
    /// Claims to signed tokens.
    pub(crate) tokens: f64,
    /// Checks of such signatures.
    pub(crate) verifications: f64,
    /// Tokens through every check of a resource.
    pub(crate) validations: f64,
}

/// A key to measure with.
static PAIR: LazyLock<Option<KeyPair>> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).ok());

/// A message as long as a token.
const MESSAGE: [u8; 1200] = [7; 1200];

fn pair() -> Outcome<&'static KeyPair> {
    Ok(PAIR.as_ref().ok_or("no key could be made")?)
}

/// Signatures per second of one core's time at this moment. What else runs on the machine changes it (caches, clock,
/// other guests of the host), so that it is measured around each load.
pub(crate) fn signatures() -> Outcome<f64> {
    let (pair, random) = (pair()?, SystemRandom::new());
    let sign = || {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature)
            .is_ok()
    };
    rate_per_core(sign)
}

/// Measures them.
pub(crate) fn measure() -> Outcome<Limits> {
    let pair = pair()?;
    let private = pair.as_der()?;
    let signatures = signatures()?;
    let length = pair.public_modulus_len();
    let mut signature = vec![0; length];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        &MESSAGE,
        &mut signature,
    )?;
    let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())?;
    let verifications = rate_per_core(|| public.verify_sig(&MESSAGE, &signature).is_ok())?;

    let key = SigningKey::new(private.as_ref(), vec![1, 2, 3])?;
    let issuers = Issuers {
        mode: IssuerMode::Canonical,
        public_origin: "https://localhost:8443".to_owned(),
    };
    let claims = claims(&issuers)?;
    let tokens = rate_per_core(|| key.sign(&claims).is_ok())?;

    let token = key.sign(&claims)?;
    let verifier = Verifier::new([key.verifying()?], issuers, Vec::new());
    let validations = rate_per_core(|| verifier.verify(&token, Api::Xdr, claims.iat + 1).is_ok())?;
    Ok(Limits {
        signatures,
        tokens,
        verifications,
        validations,
    })
}

fn claims(issuers: &Issuers) -> Outcome<AccessClaims> {
    let tenant = TenantId::from_u128(1);
    let now = 1_768_478_400_i64;
    let text = serde_json::json!({
        "aud": "https://api.security.microsoft.com",
        "iss": issuers.of(Version::V1, tenant),
        "idp": issuers.of(Version::V1, tenant),
        "iat": now, "nbf": now, "exp": now + 3600,
        "aio": "k2RgYPDg0Zuz0fQZ1ZTzAAAA", "app_displayname": "Benchmark", "appid": AppId::from_u128(2), "appidacr": "1",
        "idtyp": "app", "oid": ObjectId::from_u128(3), "sub": ObjectId::from_u128(3).to_string(), "rh": "1.AAAAAAAAAAAAAAAAAAA.",
        "roles": ["AdvancedHunting.Read.All", "Incident.Read.All"], "tenant_region_scope": "WW", "tid": tenant,
        "uti": "AAAAAAAAAAAAAAAAAAAAAA", "ver": "1.0", "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"], "xms_tcdt": now,
    });
    Ok(serde_json::from_value(text)?)
}
