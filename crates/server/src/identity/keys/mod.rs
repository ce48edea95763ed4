//! Signing keys: made at the first start, kept sealed in the store, parsed once, rotated and revoked.
//!
//! The store holds a private key only as AES-256-GCM under a key-encryption key ([`seal`]), so that a copy of the
//! database signs nothing. When keys change is decided in `bartizan_identity::key_schedule`; [`change`] carries it out.

mod change;
mod seal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bartizan_identity::claims::AccessClaims;
use bartizan_identity::discovery::key_set;
use bartizan_identity::id_token::IdClaims;
use bartizan_identity::jwt::{KeyError, thumbprint};
use bartizan_identity::key_schedule::ScheduleError;
use bartizan_identity::{IssuerMode, Issuers, SigningKey, Verifier, Version};
use bartizan_store::keys::{self as stored, KeyState};
use bartizan_store::revision::{self, KeysRevision};
use bartizan_store::{Store, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};

use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::settings::{self, Settings};
use crate::site::Sites;

#[doc(inline)]
pub use change::keep;
pub(crate) use change::{Origin, Wish, carry_out, signs_from};
use seal::Seal;
pub use seal::SealSource;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store's word.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealing key's file.
    #[error("keys.secret: {0}")]
    Io(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A key does not parse.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key of the store was sealed under another sealing key.
    #[error(
        "the signing key {kid} was sealed with another key; restore {} from a backup of the data directory, or set {} to the key that it was sealed with",
        seal::FILE,
        seal::VARIABLE
    )]
    Sealed {
        /// The key's name.
        kid: String,
    },
    /// A sealing key is not one.
    #[error("{name}: it must hold 32 bytes (in the environment: their base64)")]
    SealShape {
        /// The file or the variable.
        name: String,
    },
    /// The keyring does not give the sealing key.
    #[error(
        "the keyring has no readable key {description:?} ({why}); put it there with: keyctl padd user {description} @u < FILE_OF_32_BYTES"
    )]
    Keyring {
        /// What the key is called.
        description: String,
        /// The system's word.
        why: String,
    },
    /// The sealing key is the environment's.
    #[error(
        "the key-encryption key comes from the environment: set {} to a new one and {} to the present one, and start the server anew",
        seal::VARIABLE,
        seal::PREVIOUS_VARIABLE
    )]
    SealElsewhere,
    /// No key signs: another hand was in the database.
    #[error("no signing key is active")]
    NoneSigns,
    /// A key does not move.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The cryptographic library failed.
    #[error("the system's cryptographic library failed")]
    Cryptography,
}

/// The keys in use: read anew whenever they change, here or on another server of the same database.
#[derive(Debug)]
pub struct Keys {
    issuers: Issuers,
    own_origins: Vec<String>,
    seal: Seal,
    ring: RwLock<Arc<Ring>>,
    /// Held while they are read, so that what was read first never takes the place of what was read later.
    reading: tokio::sync::Mutex<()>,
    /// The revision up to which they are known.
    revision: Mutex<Option<KeysRevision>>,
}

/// The keys of one moment, parsed once.
#[derive(Debug)]
struct Ring {
    /// Name and state of each published key: what changes when the ring must.
    stamp: Vec<(String, KeyState)>,
    signing: SigningKey,
    verifier: Arc<Verifier>,
    v1: Arc<Json>,
    v2: Arc<Json>,
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
        let seal = Seal::open(data.path())?;
        let mut tx = store.write().await?;
        let kept = stored::all(&mut tx).await?;
        if !kept.iter().any(|key| key.state == KeyState::Active) {
            let fresh = make(&seal, clock, KeyState::Active)?;
            stored::insert(&mut tx, &fresh).await?;
        }
        change::reseal(&mut tx, &seal).await?;
        let published = stored::published(&mut tx).await?;
        tx.commit().await?;
        let issuers = Issuers {
            mode: match settings.issuer {
                settings::IssuerMode::Canonical => IssuerMode::Canonical,
                settings::IssuerMode::Own => IssuerMode::Own,
            },
            public_origin: sites.public().origin().ascii_serialization(),
        };
        let own_origins: Vec<String> = sites.own_origins().collect();
        let ring = Ring::new(&seal, &published, &issuers, &own_origins)?;
        Ok(Self {
            issuers,
            own_origins,
            seal,
            ring: RwLock::new(Arc::new(ring)),
            reading: tokio::sync::Mutex::default(),
            revision: Mutex::default(),
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
        Ok(self.seal.open_sealed(name, sealed)?.0.to_vec())
    }

    /// Reads the keys anew when they are others than those in use.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn refresh(&self, store: &Store) -> Result<(), KeysError> {
        let _turn = self.reading.lock().await;
        self.read(store).await
    }

    async fn read(&self, store: &Store) -> Result<(), KeysError> {
        let mut tx = store.read().await?;
        let revision = revision::of(&mut tx).await?.signing_keys;
        let published = stored::published(&mut tx).await?;
        drop(tx);
        if self.ring().stamp != stamp(&published) {
            let ring = Ring::new(&self.seal, &published, &self.issuers, &self.own_origins)?;
            *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        }
        *self.known() = Some(revision);
        Ok(())
    }

    /// Makes sure that the keys in use are those of a revision, or later ones.
    ///
    /// # Errors
    /// [`KeysError`].
    pub(crate) async fn follow(
        &self,
        store: &Store,
        revision: KeysRevision,
    ) -> Result<(), KeysError> {
        if *self.known() >= Some(revision) {
            return Ok(());
        }
        let _turn = self.reading.lock().await;
        if *self.known() >= Some(revision) {
            return Ok(());
        }
        self.read(store).await
    }

    /// Makes sure that the keys in use are those of this moment, whichever server changed them.
    ///
    /// # Errors
    /// [`KeysError`].
    pub(crate) async fn catch_up(&self, store: &Store) -> Result<(), KeysError> {
        self.follow(store, store.revisions().await?.signing_keys)
            .await
    }

    fn known(&self) -> MutexGuard<'_, Option<KeysRevision>> {
        self.revision.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the key-encryption key comes from.
    #[must_use]
    pub const fn seal_source(&self) -> SealSource {
        self.seal.source
    }

    /// Signs a token.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(&self, claims: &AccessClaims) -> Result<String, KeyError> {
        self.ring().signing.sign(claims)
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub(crate) fn sign_id(&self, claims: &IdClaims) -> Result<String, KeyError> {
        self.ring().signing.sign_id(claims)
    }

    /// What tokens are checked against.
    #[must_use]
    pub fn verifier(&self) -> Arc<Verifier> {
        Arc::clone(&self.ring().verifier)
    }

    /// The issuer strings in force.
    #[must_use]
    pub const fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// The published key set.
    #[must_use]
    pub fn document(&self, version: Version) -> Arc<Json> {
        let ring = self.ring();
        Arc::clone(match version {
            Version::V1 => &ring.v1,
            Version::V2 => &ring.v2,
        })
    }
}

impl Ring {
    fn new(
        seal: &Seal,
        published: &[stored::SigningKey],
        issuers: &Issuers,
        own_origins: &[String],
    ) -> Result<Self, KeysError> {
        let active = published
            .iter()
            .position(|key| key.state == KeyState::Active)
            .ok_or(KeysError::NoneSigns)?;
        let mut parsed = published
            .iter()
            .map(|key| parse(seal, key))
            .collect::<Result<Vec<_>, _>>()?;
        let verifying = parsed
            .iter()
            .map(SigningKey::verifying)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            stamp: stamp(published),
            v1: Arc::new(key_set(Version::V1, &parsed, issuers)?),
            v2: Arc::new(key_set(Version::V2, &parsed, issuers)?),
            verifier: Arc::new(Verifier::new(
                verifying,
                issuers.clone(),
                own_origins.to_vec(),
            )),
            signing: parsed.swap_remove(active),
        })
    }
}

fn stamp(published: &[stored::SigningKey]) -> Vec<(String, KeyState)> {
    let one = |key: &stored::SigningKey| (key.kid.clone(), key.state);
    published.iter().map(one).collect()
}

/// A new signing key with its self-signed certificate, named as the cloud's are.
fn make(seal: &Seal, clock: &Clock, state: KeyState) -> Result<stored::SigningKey, KeysError> {
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
        state,
        created: clock.unix_micros(),
        changed: clock.unix_micros(),
    })
}

fn micros(time: OffsetDateTime) -> i64 {
    // Fits until the year 294 000.
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn parse(seal: &Seal, key: &stored::SigningKey) -> Result<SigningKey, KeysError> {
    let (private, _) = seal.open_sealed(&key.kid, &key.private_key)?;
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
