//! What seals private keys at rest: AES-256-GCM under a key-encryption key of a file, of the environment, or of the
//! kernel's keyring that the environment names.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::KeysError;
use crate::data_dir::write_private;

/// The file with the key that seals signing keys.
pub(super) const FILE: &str = "keys.secret";
/// The file with the one that is about to take its place.
const NEXT_FILE: &str = "keys.secret.next";
/// The variable that holds the key instead of a file, base64, or names a key of the kernel's keyring.
pub(super) const VARIABLE: &str = "BARTIZAN_KEYS_SECRET";
/// The variable that holds the one before, while it is changed.
pub(super) const PREVIOUS_VARIABLE: &str = "BARTIZAN_KEYS_PREVIOUS_SECRET";
/// What stands before the description of a key of the keyring.
const KEYRING: &str = "keyring:";
/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;

/// Where the key-encryption key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealSource {
    /// A file of the data directory.
    File,
    /// The environment, or the keyring that it names.
    Environment,
}

/// What seals private keys. Servers that share a database share it.
pub(super) struct Seal {
    /// The key in force first, then those that sealed before and may still have to open.
    keys: RwLock<Vec<RandomizedNonceKey>>,
    /// Where it comes from.
    pub(super) source: SealSource,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Seal {
    /// Takes the key of the environment, or of the file, which is made when it is not there.
    pub(super) fn open(data: &Path) -> Result<Self, KeysError> {
        let of_variable = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
        if let Some(text) = of_variable(VARIABLE) {
            let mut keys = vec![decoded(VARIABLE, &text)?];
            if let Some(text) = of_variable(PREVIOUS_VARIABLE) {
                keys.push(decoded(PREVIOUS_VARIABLE, &text)?);
            }
            // The file may have sealed before the variable was set.
            keys.extend(of_file(data, FILE)?);
            return Ok(Self::of(keys, SealSource::Environment));
        }
        let mut keys: Vec<_> = of_file(data, FILE)?.into_iter().collect();
        if keys.is_empty() {
            keys.push(fresh(data, FILE)?);
        }
        // A change that was cut short: what it sealed opens with the key that was about to take over.
        keys.extend(of_file(data, NEXT_FILE)?);
        Ok(Self::of(keys, SealSource::File))
    }

    fn of(keys: Vec<RandomizedNonceKey>, source: SealSource) -> Self {
        Self {
            keys: RwLock::new(keys),
            source,
        }
    }

    /// Makes another key that seals from now on; the one before still opens. [`Self::settle`] makes it last.
    pub(super) fn renew(&self, data: &Path) -> Result<(), KeysError> {
        let key = fresh(data, NEXT_FILE)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(0, key);
        Ok(())
    }

    /// After everything was sealed with the new key: its file takes the place of the old one.
    pub(super) fn settle(data: &Path) -> Result<(), KeysError> {
        Ok(std::fs::rename(data.join(NEXT_FILE), data.join(FILE))?)
    }

    /// Base64 of nonce, ciphertext and tag; bound to the key's name.
    pub(super) fn close(&self, kid: &str, private: &[u8]) -> Result<String, KeysError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut sealed = private.to_vec();
        let nonce = keys[0]
            .seal_in_place_append_tag(Aad::from(kid), &mut sealed)
            .map_err(|_| KeysError::Cryptography)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(BASE64_STANDARD.encode(whole))
    }

    /// The private key, and whether it is sealed with the key in force.
    pub(super) fn open_sealed(
        &self,
        kid: &str,
        text: &str,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), KeysError> {
        let refused = || KeysError::Sealed {
            kid: kid.to_owned(),
        };
        let whole = BASE64_STANDARD.decode(text).map_err(|_| refused())?;
        let (nonce, sealed) = whole.split_at_checked(NONCE).ok_or_else(refused)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        for (index, key) in keys.iter().enumerate() {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
            let mut sealed = Zeroizing::new(sealed.to_vec());
            if let Ok(private) = key.open_in_place(nonce, Aad::from(kid), &mut sealed) {
                return Ok((Zeroizing::new(private.to_vec()), index == 0));
            }
        }
        Err(refused())
    }
}

fn of_file(data: &Path, name: &str) -> Result<Option<RandomizedNonceKey>, KeysError> {
    match std::fs::read(data.join(name)) {
        Ok(secret) => parse(&Zeroizing::new(secret), name).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn fresh(data: &Path, name: &str) -> Result<RandomizedNonceKey, KeysError> {
    let mut secret = Zeroizing::new(vec![0; 32]);
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| KeysError::Cryptography)?;
    write_private(&data.join(name), &secret)?;
    parse(&secret, name)
}

fn decoded(name: &str, text: &str) -> Result<RandomizedNonceKey, KeysError> {
    if let Some(description) = text.trim().strip_prefix(KEYRING) {
        return of_keyring(description);
    }
    let bytes = BASE64_STANDARD.decode(text.trim()).unwrap_or_default();
    parse(&Zeroizing::new(bytes), name)
}

/// A key of the kernel's keyring (keyrings(7)) with a description: 32 bytes as they are, or their base64.
fn of_keyring(description: &str) -> Result<RandomizedNonceKey, KeysError> {
    let payload = read_keyring(description)?;
    let name = format!("{KEYRING}{description}");
    if payload.len() == AES_256_GCM.key_len() {
        return parse(&payload, &name);
    }
    let text = std::str::from_utf8(&payload).unwrap_or_default();
    let bytes = BASE64_STANDARD.decode(text.trim()).unwrap_or_default();
    parse(&Zeroizing::new(bytes), &name)
}

/// What a `user` key holds, of the session's keyring or of the user's.
///
/// Only what a process possesses is readable, and a service's session does not lead to its user's keyring. So that is linked
/// to the keyring of the process, as `keyctl link @u @s` does for a session.
#[cfg(target_os = "linux")]
fn read_keyring(description: &str) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};

    let of_session = || -> Result<_, KeyError> {
        let ring = KeyRing::from_special_id(KeyRingIdentifier::Session, false)?;
        ring.search(description)?.read_to_vec()
    };
    let of_user = || -> Result<_, KeyError> {
        let ring = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
        ring.link_keyring_id(KeyRingIdentifier::User)?;
        ring.search(description)?.read_to_vec()
    };
    of_session()
        .or_else(|_| of_user())
        .map(Zeroizing::new)
        .map_err(|why| KeysError::Keyring {
            description: description.to_owned(),
            why: why.to_string(),
        })
}

#[cfg(not(target_os = "linux"))]
fn read_keyring(description: &str) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    Err(KeysError::Keyring {
        description: description.to_owned(),
        why: "only Linux has it".to_owned(),
    })
}

fn parse(secret: &[u8], name: &str) -> Result<RandomizedNonceKey, KeysError> {
    RandomizedNonceKey::new(&AES_256_GCM, secret).map_err(|_| KeysError::SealShape {
        name: name.to_owned(),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use linux_keyutils::{KeyRing, KeyRingIdentifier};

    use super::*;

    #[test]
    fn a_key_of_the_keyring_seals() {
        let name = format!("bartizan:test:{}", std::process::id());
        assert!(matches!(of_keyring(&name), Err(KeysError::Keyring { .. })));
        let added = KeyRing::from_special_id(KeyRingIdentifier::User, false)
            .and_then(|user| user.add_key(&name, &[7; 32]));
        // A container may be without keyrings: then there is no more to see than the refusal.
        let Ok(key) = added else { return };
        let sealing = Seal::of(
            vec![decoded(VARIABLE, &format!("{KEYRING}{name}")).expect("found")],
            SealSource::Environment,
        );
        let closed = sealing.close("kid", b"private").expect("sealed");
        let again = Seal::of(
            vec![parse(&[7; 32], "again").expect("32 bytes")],
            SealSource::File,
        );
        let (opened, current) = again.open_sealed("kid", &closed).expect("the same key");
        assert_eq!((&opened[..], current), (&b"private"[..], true));
        key.invalidate().expect("gone");
        assert!(matches!(of_keyring(&name), Err(KeysError::Keyring { .. })));
    }
}
