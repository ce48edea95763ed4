//! An application with a certificate: a client assertion (RFC 7523 section 2.2) signed PS256, with `x5t#S256`.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use serde_json::json;

use super::private_key::{self, section};
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
        Self::from_encrypted_pem(client_id, pem, None)
    }

    /// The same, with a private key that may be encrypted by a password (RFC 8018: PBES2 with PBKDF2 and AES-CBC, which
    /// OpenSSL writes).
    ///
    /// # Errors
    /// [`Error::Configuration`] that says what the text lacks, or that the password does not open it.
    pub fn from_encrypted_pem(
        client_id: impl Into<String>,
        pem: &str,
        password: Option<&str>,
    ) -> Result<Self, Error> {
        let lacks = |what: &str| Error::Configuration(format!("the PEM file {what}"));
        let key = private_key::read(pem, password);
        let certificate = section(pem, "CERTIFICATE").ok_or_else(|| lacks("has no certificate"));
        // A password that is missing is said before a certificate that is.
        let key = match key {
            Err(what) if what.is_about_the_password() => return Err(lacks(what.text())),
            key => key,
        };
        let certificate = certificate?;
        Ok(Self {
            client_id: client_id.into(),
            thumbprint: BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)),
            key: key.map_err(|what| lacks(what.text()))?,
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
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n-----END RSA PRIVATE KEY-----\n",
                "openssl pkcs8 -topk8",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "no password",
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
