//! Private keys out of PEM texts (RFC 7468): PKCS #8 and PKCS #1, and PKCS #8 that a password encrypts (RFC 5958 section 3,
//! RFC 8018: PBES2 with PBKDF2 and AES-CBC).

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use aws_lc_rs::rsa::KeyPair;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The most rounds of PBKDF2 that a file may demand: more would be a way to stop the client.
const MOST_ROUNDS: u32 = 10_000_000;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// `hmacWith…`: the last byte says which hash (RFC 8018 appendix B.1).
const HMAC_WITH: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// `aes…-CBC-PAD`: the last byte says which length (RFC 8018 appendix B.2.5).
const AES_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;

/// Why a text gives no private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyError {
    /// There is none.
    Absent,
    /// It is encrypted, and no password came.
    PasswordMissing,
    /// The password does not open it.
    PasswordWrong,
    /// It is encrypted in a way that is not served.
    Encryption,
    /// It is of another kind or too short.
    Kind,
}

impl KeyError {
    /// What the file is or lacks, as the end of a sentence.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Absent => "has no private key",
            Self::PasswordMissing => {
                "has an encrypted private key, and there is no password for it: set BARTIZAN_CLIENT_CERTIFICATE_PASSWORD or AZURE_CLIENT_CERTIFICATE_PASSWORD"
            }
            Self::PasswordWrong => {
                "has an encrypted private key that the password in the environment does not open"
            }
            Self::Encryption => {
                "has a private key in an old or uncommon encryption: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW` writes one that is read, and keep the certificate beside it"
            }
            Self::Kind => "has a private key that is not RSA of 2048 bits or more",
        }
    }

    /// Whether the password is what is wrong.
    pub(super) const fn is_about_the_password(self) -> bool {
        matches!(
            self,
            Self::PasswordMissing | Self::PasswordWrong | Self::Encryption
        )
    }
}

/// The private key of a PEM text.
///
/// # Errors
/// [`KeyError`].
pub(super) fn read(pem: &str, password: Option<&str>) -> Result<KeyPair, KeyError> {
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(KeyError::Encryption);
    }
    if let Some(encrypted) = section(pem, "ENCRYPTED PRIVATE KEY") {
        let password = password.ok_or(KeyError::PasswordMissing)?;
        let mut sealed = Sealed::read(&encrypted).ok_or(KeyError::Encryption)?;
        let clear = sealed.open(password).ok_or(KeyError::PasswordWrong)?;
        return KeyPair::from_pkcs8(clear).map_err(|_| KeyError::Kind);
    }
    let key = match (section(pem, "PRIVATE KEY"), section(pem, "RSA PRIVATE KEY")) {
        (Some(pkcs8), _) => KeyPair::from_pkcs8(&pkcs8),
        (None, Some(pkcs1)) => KeyPair::from_der(&pkcs1),
        (None, None) => return Err(KeyError::Absent),
    };
    key.map_err(|_| KeyError::Kind)
}

/// The bytes of the first section with this label (RFC 7468).
pub(super) fn section(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

/// An `EncryptedPrivateKeyInfo` taken apart.
struct Sealed {
    salt: Vec<u8>,
    rounds: NonZeroU32,
    hash: pbkdf2::Algorithm,
    cipher: &'static Algorithm,
    key_length: usize,
    iv: [u8; 16],
    data: Vec<u8>,
}

impl Sealed {
    /// `None` for what is not PBES2 with PBKDF2 and AES-CBC.
    fn read(der: &[u8]) -> Option<Self> {
        let mut whole = der;
        let mut info = element(&mut whole, SEQUENCE)?;
        let mut scheme = element(&mut info, SEQUENCE)?;
        let data = element(&mut info, OCTETS)?.to_vec();
        if element(&mut scheme, OID)? != PBES2 {
            return None;
        }
        let mut parameters = element(&mut scheme, SEQUENCE)?;
        let mut derivation = element(&mut parameters, SEQUENCE)?;
        let mut encryption = element(&mut parameters, SEQUENCE)?;
        if element(&mut derivation, OID)? != PBKDF2 {
            return None;
        }
        let mut derivation = element(&mut derivation, SEQUENCE)?;
        let salt = element(&mut derivation, OCTETS)?.to_vec();
        let rounds = number(element(&mut derivation, INTEGER)?)?;
        if derivation.first() == Some(&INTEGER) {
            // The key's length, which the cipher says as well.
            element(&mut derivation, INTEGER)?;
        }
        let hash = match derivation.is_empty() {
            // The default of RFC 8018 appendix A.2.
            true => pbkdf2::PBKDF2_HMAC_SHA1,
            false => {
                let mut function = element(&mut derivation, SEQUENCE)?;
                match element(&mut function, OID)?.strip_prefix(HMAC_WITH)? {
                    [7] => pbkdf2::PBKDF2_HMAC_SHA1,
                    [9] => pbkdf2::PBKDF2_HMAC_SHA256,
                    [10] => pbkdf2::PBKDF2_HMAC_SHA384,
                    [11] => pbkdf2::PBKDF2_HMAC_SHA512,
                    _ => return None,
                }
            }
        };
        let (cipher, key_length) = match element(&mut encryption, OID)?.strip_prefix(AES_CBC)? {
            [2] => (&AES_128, 16),
            [42] => (&AES_256, 32),
            _ => return None,
        };
        Some(Self {
            salt,
            rounds: NonZeroU32::new(rounds).filter(|rounds| rounds.get() <= MOST_ROUNDS)?,
            hash,
            cipher,
            key_length,
            iv: element(&mut encryption, OCTETS)?.try_into().ok()?,
            data,
        })
    }

    /// The PKCS #8 inside.
    fn open(&mut self, password: &str) -> Option<&[u8]> {
        let mut key = vec![0; self.key_length];
        let secret = password.as_bytes();
        pbkdf2::derive(self.hash, self.rounds, &self.salt, secret, &mut key);
        let key = UnboundCipherKey::new(self.cipher, &key).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        let iv = DecryptionContext::Iv128(FixedLength::from(&self.iv));
        let clear: &[u8] = key.decrypt(&mut self.data, iv).ok()?;
        // A wrong password may still leave good padding; what it leaves does not begin as a key does.
        (clear.first() == Some(&SEQUENCE)).then_some(clear)
    }
}

/// Takes the next element off `input` when it has this tag (X.690): definite lengths of up to three bytes.
fn element<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&found, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let more = match first {
        0..=0x7f => 0,
        0x81..=0x83 => usize::from(first & 0x7f),
        _ => return None,
    };
    let (length, rest) = rest.split_at_checked(more)?;
    let length = match more {
        0 => usize::from(first),
        _ => length.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)),
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    (found == tag).then_some(content)
}

fn number(bytes: &[u8]) -> Option<u32> {
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    (bytes.len() <= 5 && significant.clone().count() <= 4)
        .then(|| significant.fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by OpenSSL 3; the key was made for this test and opens nothing.
    const AES_256_SHA_256: &str = include_str!("testdata/aes256.pem");
    const AES_128_SHA_1: &str = include_str!("testdata/aes128-sha1.pem");
    const TRIPLE_DES: &str = include_str!("testdata/des.pem");
    const PASSWORD: &str = "correct-horse";

    fn error(pem: &str, password: Option<&str>) -> KeyError {
        read(pem, password).expect_err("no key")
    }

    #[test]
    fn what_openssl_encrypts_is_opened() {
        for pem in [AES_256_SHA_256, AES_128_SHA_1] {
            let key = read(pem, Some(PASSWORD)).expect("a key");
            assert_eq!(key.public_modulus_len(), 256);
            assert_eq!(error(pem, None), KeyError::PasswordMissing);
            assert_eq!(error(pem, Some("wrong")), KeyError::PasswordWrong);
        }
        assert_eq!(error(TRIPLE_DES, Some(PASSWORD)), KeyError::Encryption);
    }

    #[test]
    fn broken_files_are_no_keys_and_no_panics() {
        let whole = section(AES_256_SHA_256, "ENCRYPTED PRIVATE KEY").expect("a section");
        for end in 0..whole.len().min(120) {
            assert!(Sealed::read(&whole[..end]).is_none(), "{end}");
        }
        for at in 0..120 {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            // Whatever it is now, it is judged without a panic.
            let _ = Sealed::read(&changed);
        }
        assert_eq!(number(&[1, 0, 0, 0, 0, 0]), None);
        assert_eq!(number(&[0, 0xff, 0xff, 0xff, 0xff]), Some(u32::MAX));
    }
}
