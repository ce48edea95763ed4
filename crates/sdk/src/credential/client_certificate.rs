//! An application with a certificate: a client assertion (RFC 7523 section 2.2) signed PS256, with `x5t#S256`.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use serde_json::json;

use super::{AccessToken, Credential, TokenRequest, ask_with_assertion};
use crate::error::Error;

/// Seconds that an assertion is good: it is used at once, and clocks differ.
const LIFETIME: u64 = 600;

/// An application's id, certificate and private key.
pub struct ClientCertificate {
    client_id: String,
    thumbprint: String,
    key: KeyPair,
}

impl ClientCertificate {
    /// Reads certificate and private key (PKCS #8, or PKCS #1) from one PEM text, as `bartizan app certificate add
    /// --generate`, OpenSSL and the portal's users write it.
    ///
    /// # Errors
    /// [`Error::Configuration`] that says what the text lacks.
    pub fn from_pem(client_id: impl Into<String>, pem: &str) -> Result<Self, Error> {
        let lacks = |what: &str| Error::Configuration(format!("the PEM file {what}"));
        if pem.contains("ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(lacks(
                "has an encrypted private key; write it without a password, readable by its owner alone",
            ));
        }
        let certificate = section(pem, "CERTIFICATE").ok_or_else(|| lacks("has no certificate"))?;
        let key = match (section(pem, "PRIVATE KEY"), section(pem, "RSA PRIVATE KEY")) {
            (Some(pkcs8), _) => KeyPair::from_pkcs8(&pkcs8),
            (None, Some(pkcs1)) => KeyPair::from_der(&pkcs1),
            (None, None) => return Err(lacks("has no private key")),
        };
        Ok(Self {
            client_id: client_id.into(),
            thumbprint: BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)),
            key: key
                .map_err(|_| lacks("has a private key that is not RSA of 2048 bits or more"))?,
        })
    }

    fn assertion(&self, audience: &str, now: u64, id: &[u8]) -> Result<String, Error> {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": BASE64_URL_SAFE_NO_PAD.encode(id),
            "nbf": now,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let encoded = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Error::Configuration("the assertion could not be signed".to_owned()))?;
        Ok(format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("client_id", &self.client_id)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

impl Credential for ClientCertificate {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Box::pin(async move {
            let unusable = |what: &str| Error::Configuration(format!("the system's {what}"));
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_err(|_| unusable("clock is before 1970"))?;
            let mut id = [0; 16];
            aws_lc_rs::rand::fill(&mut id).map_err(|_| unusable("random source failed"))?;
            let audience = request.endpoint()?;
            let assertion = self.assertion(audience.as_str(), now.as_secs(), &id)?;
            ask_with_assertion(http, request, &self.client_id, &assertion).await
        })
    }
}

/// The bytes of the first section with this label (RFC 7468).
fn section(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_lacks_is_told() {
        for (pem, told) in [
            ("", "no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "no private key",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----",
                "without a password",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
                "not RSA",
            ),
        ] {
            let error = ClientCertificate::from_pem("c", pem).expect_err("incomplete");
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
