//! Keys: RSA with SHA-256, parsed once.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::claims::AccessClaims;
use crate::id_token::IdClaims;

/// Why a key is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The private key is not RSA of 2048 to 8192 bits in PKCS #8.
    #[error("the private key is not an RSA key of 2048 bits or more in PKCS #8")]
    Private,
    /// The public key does not parse.
    #[error("the public key is not an RSA key of 2048 bits or more")]
    Public,
    /// The cryptographic library failed.
    #[error("the token could not be signed")]
    Signing,
}

/// `kid` and `x5t` of a key: the SHA-1 of its certificate (DER), base64url.
#[must_use]
pub fn thumbprint(certificate: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate))
}

/// A key that signs, with the certificate that publishes it.
pub struct SigningKey {
    kid: String,
    certificate: Vec<u8>,
    pair: KeyPair,
    /// The headers of tokens of version 1 and of the others, in base64url: the same for all of them.
    headers: [String; 2],
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Parses a private key (PKCS #8, DER) and keeps its certificate (DER).
    ///
    /// # Errors
    /// [`KeyError::Private`].
    pub fn new(private: &[u8], certificate: Vec<u8>) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(private).map_err(|_| KeyError::Private)?;
        let kid = thumbprint(&certificate);
        let headers = [
            json!({"typ": "JWT", "alg": "RS256", "x5t": kid, "kid": kid}),
            json!({"typ": "JWT", "alg": "RS256", "kid": kid}),
        ];
        Ok(Self {
            headers: headers.map(|header| URL_SAFE_NO_PAD.encode(header.to_string())),
            kid,
            certificate,
            pair,
        })
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Signs claims. Tokens of version 1 carry `x5t` beside `kid`.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(&self, claims: &AccessClaims) -> Result<String, KeyError> {
        self.sign_claims(&claims.ver, claims)
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign_id(&self, claims: &IdClaims) -> Result<String, KeyError> {
        self.sign_claims(&claims.ver, claims)
    }

    fn sign_claims(&self, version: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = match version {
            "1.0" => &self.headers[0],
            _ => &self.headers[1],
        };
        let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Signing)?;
        self.sign_parts(header, &claims)
    }

    /// `header` is encoded already.
    fn sign_parts(&self, header: &str, payload: &[u8]) -> Result<String, KeyError> {
        let mut token = String::with_capacity(header.len() + 2 * payload.len() + 400);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // PKCS #1 v1.5 signatures are deterministic: no randomness is drawn.
        let digest = digest(&SHA256, token.as_bytes());
        self.pair
            .sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature)
            .map_err(|_| KeyError::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }

    /// The key for those who verify.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn verifying(&self) -> Result<VerifyingKey, KeyError> {
        VerifyingKey::parse(self.kid.clone(), self.pair.public_key().as_ref())
    }

    /// The key as a member of a key set (RFC 7517); `issuer` as of the v2 key set, absent on v1.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn jwk(&self, issuer: Option<&str>) -> Result<Json, KeyError> {
        let (n, e) = rsa_parts(self.pair.public_key().as_ref()).ok_or(KeyError::Public)?;
        let mut jwk = json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": URL_SAFE_NO_PAD.encode(n),
            "e": URL_SAFE_NO_PAD.encode(e),
            "x5c": [STANDARD.encode(&self.certificate)],
        });
        if let Some(issuer) = issuer {
            jwk["cloud_instance_name"] = Json::from("microsoftonline.com");
            jwk["issuer"] = Json::from(issuer);
        }
        Ok(jwk)
    }
}

/// A public key, parsed once.
pub struct VerifyingKey {
    kid: String,
    key: ParsedPublicKey,
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// Parses an RSA public key (PKCS #1 or SubjectPublicKeyInfo, DER).
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn parse(kid: String, der: &[u8]) -> Result<Self, KeyError> {
        let key =
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| KeyError::Public)?;
        Ok(Self { kid, key })
    }

    /// Takes a member of a key set: `kid`, `n` and `e`, the latter two base64url.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn from_jwk(kid: &str, n: &str, e: &str) -> Result<Self, KeyError> {
        use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Public);
        let components = RsaPublicKeyComponents {
            n: decoded(n)?,
            e: decoded(e)?,
        };
        let der: PublicKeyX509Der<'_> = components.as_der().map_err(|_| KeyError::Public)?;
        Self::parse(kid.to_owned(), der.as_ref())
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether the signature (RS256) is this key's.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
fn rsa_parts(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = element(der, 0x30)?;
    let (n, sequence) = element(sequence, 0x02)?;
    let (e, sequence) = element(sequence, 0x02)?;
    (rest.is_empty() && sequence.is_empty()).then(|| (unsigned(n), unsigned(e)))
}

/// One DER element with this tag: its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, der) = der.split_first()?;
    let (&first, der) = der.split_first()?;
    let (length, der) = match usize::from(first) {
        short @ 0..=0x7f => (short, der),
        long @ 0x81..=0x82 => {
            let (bytes, der) = der.split_at_checked(long - 0x80)?;
            let length = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
            (length, der)
        }
        _ => return None,
    };
    (found == tag).then(|| der.split_at_checked(length))?
}

fn unsigned(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|b| **b == 0).count();
    &integer[zeros..]
}

#[cfg(test)]
impl SigningKey {
    /// Signs whatever a test makes up.
    pub(super) fn forge(&self, header: &str, payload: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(header);
        self.sign_parts(&header, payload.as_bytes()).unwrap()
    }

    /// The public key, which attackers know too.
    pub(super) fn public_der(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }
}
