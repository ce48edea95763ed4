//! Signing keys: made at the first start, kept sealed in the store, parsed once.
//!
//! The store holds a private key only as AES-256-GCM under a key of the data directory (`keys.secret`, mode 0600), so
//! that a copy of the database signs nothing. Servers that share a database share that file.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::discovery::key_set;
use bartizan_identity::id_token::IdClaims;
use bartizan_identity::jwt::{KeyError, thumbprint};
use bartizan_identity::{IssuerMode, Issuers, SigningKey, Verifier, Version};
use bartizan_store::keys::{self as stored, KeyState};
use bartizan_store::{Store, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};

use crate::clock::Clock;
use crate::data_dir::{DataDir, write_private};
use crate::settings::{self, Settings};
use crate::site::Sites;

/// The file with the key that seals signing keys.
const SEAL: &str = "keys.secret";
/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store's word.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealing key's file.
    #[error("{SEAL}: {0}")]
    Io(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A key does not parse.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key of the store was sealed under another sealing key.
    #[error(
        "the signing key {kid} was sealed with another {SEAL}; restore that file from a backup of the data directory"
    )]
    Sealed {
        /// The key's name.
        kid: String,
    },
    /// The cryptographic library failed.
    #[error("the system's cryptographic library failed")]
    Cryptography,
}

/// The keys in use.
#[derive(Debug)]
pub struct Keys {
    seal: Seal,
    signing: SigningKey,
    verifier: Verifier,
    issuers: Issuers,
    v1: Json,
    v2: Json,
}

impl Keys {
    /// Reads the published keys; makes the first one where there is none.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn open(
        store: &Store,
        data: &DataDir,
        clock: &Clock,
        settings: &Settings,
        sites: &Sites,
    ) -> Result<Self, KeysError> {
        let seal = Seal::open(data)?;
        let mut tx = store.write().await?;
        let mut kept = stored::published(&mut tx).await?;
        if !kept.iter().any(|key| key.state == KeyState::Active) {
            let fresh = make(&seal, clock)?;
            stored::insert(&mut tx, &fresh).await?;
            kept.insert(0, fresh);
        }
        tx.commit().await?;
        let active = kept
            .iter()
            .position(|key| key.state == KeyState::Active)
            .unwrap_or(0);
        let mut parsed = kept
            .iter()
            .map(|key| parse(&seal, key))
            .collect::<Result<Vec<_>, _>>()?;
        let issuers = Issuers {
            mode: match settings.issuer {
                settings::IssuerMode::Canonical => IssuerMode::Canonical,
                settings::IssuerMode::Own => IssuerMode::Own,
            },
            public_origin: sites.public().origin().ascii_serialization(),
        };
        let verifying = parsed
            .iter()
            .map(SigningKey::verifying)
            .collect::<Result<Vec<_>, _>>()?;
        let own_origins = sites.own_origins().collect();
        Ok(Self {
            v1: key_set(Version::V1, &parsed, &issuers)?,
            v2: key_set(Version::V2, &parsed, &issuers)?,
            verifier: Verifier::new(verifying, issuers.clone(), own_origins),
            signing: parsed.swap_remove(active),
            issuers,
            seal,
        })
    }

    /// Seals a secret under a name, as private keys are sealed.
    ///
    /// # Errors
    /// [`KeysError::Cryptography`].
    pub(crate) fn seal(&self, name: &str, secret: &[u8]) -> Result<String, KeysError> {
        self.seal.close(name, secret)
    }

    /// Opens a secret that was sealed under a name.
    ///
    /// # Errors
    /// [`KeysError::Sealed`].
    pub(crate) fn open_sealed(&self, name: &str, sealed: &str) -> Result<Vec<u8>, KeysError> {
        self.seal.open_sealed(name, sealed)
    }

    /// Signs a token.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(&self, claims: &AccessClaims) -> Result<String, KeyError> {
        self.signing.sign(claims)
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub(crate) fn sign_id(&self, claims: &IdClaims) -> Result<String, KeyError> {
        self.signing.sign_id(claims)
    }

    /// What tokens are checked against.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The issuer strings in force.
    #[must_use]
    pub const fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// The published key set.
    #[must_use]
    pub const fn document(&self, version: Version) -> &Json {
        match version {
            Version::V1 => &self.v1,
            Version::V2 => &self.v2,
        }
    }
}

/// A new signing key with its self-signed certificate, named as the cloud's are.
fn make(seal: &Seal, clock: &Clock) -> Result<stored::SigningKey, KeysError> {
    let now = clock.now();
    let (from, until) = (now - Duration::hours(1), now + Duration::days(5 * 365));
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "accounts.accesscontrol.windows.net");
    params.not_before = from;
    params.not_after = until;
    let certificate = params.self_signed(&key)?;
    let kid = thumbprint(certificate.der());
    Ok(stored::SigningKey {
        private_key: seal.close(&kid, key.serialized_der())?,
        kid,
        certificate_pem: certificate.pem(),
        not_before: micros(from),
        not_after: micros(until),
        state: KeyState::Active,
        created: clock.unix_micros(),
    })
}

fn micros(time: OffsetDateTime) -> i64 {
    // Fits until the year 294 000.
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn parse(seal: &Seal, key: &stored::SigningKey) -> Result<SigningKey, KeysError> {
    let private = seal.open_sealed(&key.kid, &key.private_key)?;
    let corrupt = || StoreError::Corrupt {
        column: "signing_keys.certificate_pem".to_owned(),
        reason: "not a certificate".to_owned(),
    };
    let body: String = key
        .certificate_pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let certificate = BASE64_STANDARD.decode(body).map_err(|_| corrupt())?;
    Ok(SigningKey::new(&private, certificate)?)
}

/// What seals private keys.
struct Seal(RandomizedNonceKey);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    fn open(data: &DataDir) -> Result<Self, KeysError> {
        let path = data.file(SEAL);
        let secret = match std::fs::read(&path) {
            Ok(secret) => secret,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut secret = vec![0; 32];
                aws_lc_rs::rand::fill(&mut secret).map_err(|_| KeysError::Cryptography)?;
                write_private(&path, &secret)?;
                secret
            }
            Err(error) => return Err(error.into()),
        };
        let key = RandomizedNonceKey::new(&AES_256_GCM, &secret);
        key.map(Self).map_err(|_| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, "it must hold 32 bytes").into()
        })
    }

    /// Base64 of nonce, ciphertext and tag; bound to the key's name.
    fn close(&self, kid: &str, private: &[u8]) -> Result<String, KeysError> {
        let mut sealed = private.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(kid), &mut sealed)
            .map_err(|_| KeysError::Cryptography)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(BASE64_STANDARD.encode(whole))
    }

    fn open_sealed(&self, kid: &str, text: &str) -> Result<Vec<u8>, KeysError> {
        let refused = || KeysError::Sealed {
            kid: kid.to_owned(),
        };
        let mut whole = BASE64_STANDARD.decode(text).map_err(|_| refused())?;
        let (nonce, sealed) = whole.split_at_mut_checked(NONCE).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let private = self
            .0
            .open_in_place(nonce, Aad::from(kid), sealed)
            .map_err(|_| refused())?;
        Ok(private.to_vec())
    }
}
