//! What one core can do without any server.

use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use bartizan_contract::{Api, AppId, ObjectId, TenantId};
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::{IssuerMode, Issuers, SigningKey, Verifier, Version};

use crate::Outcome;

/// Operations per second on one core.
pub(crate) struct Limits {
    /// RSA-2048 signatures over SHA-256 of a message as long as a token.
    pub(crate) signatures: f64,
    /// Claims to signed tokens.
    pub(crate) tokens: f64,
    /// Tokens through every check of a resource.
    pub(crate) validations: f64,
}

/// Measures them, two seconds each.
pub(crate) fn measure() -> Outcome<Limits> {
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let private = pair.as_der()?;
    let random = SystemRandom::new();
    let message = [7_u8; 1200];
    let mut signature = vec![0; pair.public_modulus_len()];
    let signatures = rate(|| {
        pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature)
            .is_ok()
    });

    let key = SigningKey::new(private.as_ref(), vec![1, 2, 3])?;
    let issuers = Issuers {
        mode: IssuerMode::Canonical,
        public_origin: "https://localhost:8443".to_owned(),
    };
    let claims = claims(&issuers)?;
    let tokens = rate(|| key.sign(&claims).is_ok());

    let token = key.sign(&claims)?;
    let verifier = Verifier::new([key.verifying()?], issuers, Vec::new());
    let validations = rate(|| verifier.verify(&token, Api::Xdr, claims.iat + 1).is_ok());
    Ok(Limits {
        signatures,
        tokens,
        validations,
    })
}

fn rate(mut once: impl FnMut() -> bool) -> f64 {
    let span = Duration::from_secs(2);
    let started = Instant::now();
    let mut done = 0_u32;
    while started.elapsed() < span {
        for _ in 0..50 {
            assert!(once(), "an operation that is measured failed");
        }
        done += 50;
    }
    f64::from(done) / started.elapsed().as_secs_f64()
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
