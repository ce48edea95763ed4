//! Certificates (X.509, RFC 5280) as applications register them: a public key with a time.
//!
//! Nobody's signature on them counts: that the application's owner registered a certificate is
//! what makes it the application's.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Why a certificate is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It does not parse.
    #[error("it is not an X.509 certificate (DER, or PEM)")]
    Shape,
    /// Its key is of another kind or too short.
    #[error("its key is not RSA of 2048 to 8192 bits")]
    Key,
}

/// A certificate taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The whole, DER.
    pub der: Vec<u8>,
    /// Its public key (SubjectPublicKeyInfo, DER).
    pub public_key: Vec<u8>,
    /// Whose it says it is.
    pub subject: String,
    /// Good from, seconds since 1970.
    pub not_before: i64,
    /// Good until, seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Takes a certificate apart.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| CertificateError::Shape)?;
        if !rest.is_empty() {
            return Err(CertificateError::Shape);
        }
        let public_key = parsed.public_key().raw.to_vec();
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public_key)
            .map_err(|_| CertificateError::Key)?;
        Ok(Self {
            der: der.to_vec(),
            public_key,
            subject: parsed.subject().to_string(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }

    /// Takes a certificate apart that is DER or PEM: of PEM the first certificate.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn read(bytes: &[u8]) -> Result<Self, CertificateError> {
        match std::str::from_utf8(bytes).ok().and_then(pem_certificate) {
            Some(der) => Self::parse(&der),
            None => Self::parse(bytes),
        }
    }

    /// The SHA-1 thumbprint (`x5t`, `customKeyIdentifier`).
    #[must_use]
    pub fn sha1(der: &[u8]) -> Vec<u8> {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec()
    }

    /// The SHA-256 thumbprint (`x5t#S256`).
    #[must_use]
    pub fn sha256(der: &[u8]) -> Vec<u8> {
        digest(&SHA256, der).as_ref().to_vec()
    }
}

/// The first certificate of a PEM text (RFC 7468), DER.
fn pem_certificate(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}
