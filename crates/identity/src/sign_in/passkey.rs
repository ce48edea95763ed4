//! Passkeys: what a browser must prove when one is registered and when it is used (WebAuthn Level 3, sections 7.1 and
//! 7.2), with attestation `none`.
//!
//! The relying-party crates bring either OpenSSL or a second stack of cryptography and a store of their own idea of
//! state. What is needed here is one signature, three comparisons and a counter.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::cose::PublicKey;

/// Longest credential id (WebAuthn section 7.1, step 25).
const LONGEST_ID: usize = 1_023;
/// The person touched the authenticator.
const USER_PRESENT: u8 = 1;
/// The authenticator checked who it was: a PIN or a fingerprint.
const USER_VERIFIED: u8 = 1 << 2;
/// Credential data follows.
const ATTESTED: u8 = 1 << 6;

/// Why a passkey is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// Something does not parse.
    #[error("the browser's answer is not one of a passkey")]
    Malformed,
    /// The answer is to another question.
    #[error("the answer belongs to another challenge; load the page again")]
    Challenge,
    /// The page that asked was not ours.
    #[error("the passkey was used on a page of another address")]
    Origin,
    /// The credential belongs to another server.
    #[error("the passkey belongs to another address")]
    RelyingParty,
    /// Nobody touched it, or it did not check who did.
    #[error("the passkey did not confirm that a person was there")]
    Unattended,
    /// The key is of a kind that was not asked for.
    #[error("the passkey's kind of key is not supported")]
    Algorithm,
    /// The signature is not one of the key.
    #[error("the passkey's signature is wrong")]
    Signature,
    /// The counter went back: there may be a copy of the authenticator.
    #[error("the passkey's counter went back, as a copied key's would")]
    Counter,
}

/// What the server knows about the question that it asked.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The challenge, as random bytes.
    pub challenge: &'a [u8],
    /// Scheme, host and port of the page.
    pub origin: &'a str,
    /// The host: the relying party's id.
    pub host: &'a str,
    /// Whether the authenticator must have checked who the person is.
    pub user_verified: bool,
}

/// A passkey that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: Vec<u8>,
    /// Its public key.
    pub key: PublicKey,
    /// Its counter; 0 for the many that have none.
    pub counter: u32,
}

/// The parts of `clientDataJSON` that matter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// `authenticatorData` (WebAuthn section 6.1).
struct AuthenticatorData<'a> {
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

/// Checks a registration (`navigator.credentials.create`).
///
/// # Errors
/// [`PasskeyError`].
pub fn register(
    expected: Expected<'_>,
    client_data: &[u8],
    authenticator_data: &[u8],
) -> Result<Registered, PasskeyError> {
    check_client_data(expected, "webauthn.create", client_data)?;
    let data = parse(expected, authenticator_data)?;
    if data.flags & ATTESTED == 0 {
        return Err(PasskeyError::Malformed);
    }
    // AAGUID, length of the id, id, key (section 6.5.1).
    let (_aaguid, rest) = data
        .rest
        .split_at_checked(16)
        .ok_or(PasskeyError::Malformed)?;
    let (length, rest) = rest
        .split_first_chunk::<2>()
        .ok_or(PasskeyError::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > LONGEST_ID {
        return Err(PasskeyError::Malformed);
    }
    let (id, key) = rest
        .split_at_checked(length)
        .ok_or(PasskeyError::Malformed)?;
    Ok(Registered {
        id: id.to_vec(),
        key: PublicKey::from_cose(key).ok_or(PasskeyError::Algorithm)?,
        counter: data.counter,
    })
}

/// Checks a use (`navigator.credentials.get`) of the passkey with this key and counter; gives the new counter.
///
/// # Errors
/// [`PasskeyError`].
pub fn verify(
    expected: Expected<'_>,
    key: &PublicKey,
    counter: u32,
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
) -> Result<u32, PasskeyError> {
    check_client_data(expected, "webauthn.get", client_data)?;
    let data = parse(expected, authenticator_data)?;
    let hash = digest(&SHA256, client_data);
    let signed = [authenticator_data, hash.as_ref()].concat();
    let good = match key {
        PublicKey::Es256 { point } => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&signed, signature)
        }
        PublicKey::Rs256 { modulus, exponent } => PublicKeyComponents {
            n: modulus,
            e: exponent,
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, &signed, signature),
    };
    good.map_err(|_| PasskeyError::Signature)?;
    // Section 7.2, step 22: equal counts only when there is none.
    if (data.counter != 0 || counter != 0) && data.counter <= counter {
        return Err(PasskeyError::Counter);
    }
    Ok(data.counter)
}

fn check_client_data(expected: Expected<'_>, kind: &str, json: &[u8]) -> Result<(), PasskeyError> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| PasskeyError::Malformed)?;
    if data.kind != kind {
        return Err(PasskeyError::Malformed);
    }
    if data.challenge != BASE64_URL_SAFE_NO_PAD.encode(expected.challenge) {
        return Err(PasskeyError::Challenge);
    }
    if data.origin != expected.origin || data.cross_origin {
        return Err(PasskeyError::Origin);
    }
    Ok(())
}

fn parse<'a>(
    expected: Expected<'_>,
    bytes: &'a [u8],
) -> Result<AuthenticatorData<'a>, PasskeyError> {
    let (host, rest) = bytes.split_at_checked(32).ok_or(PasskeyError::Malformed)?;
    let ([flags], rest) = rest
        .split_first_chunk::<1>()
        .ok_or(PasskeyError::Malformed)?;
    let (counter, rest) = rest
        .split_first_chunk::<4>()
        .ok_or(PasskeyError::Malformed)?;
    if host != digest(&SHA256, expected.host.as_bytes()).as_ref() {
        return Err(PasskeyError::RelyingParty);
    }
    let needed = if expected.user_verified {
        USER_PRESENT | USER_VERIFIED
    } else {
        USER_PRESENT
    };
    if flags & needed != needed {
        return Err(PasskeyError::Unattended);
    }
    Ok(AuthenticatorData {
        flags: *flags,
        counter: u32::from_be_bytes(*counter),
        rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use proptest::prelude::*;

    const EXPECTED: Expected<'static> = Expected {
        challenge: b"a challenge of some length",
        origin: "https://localhost:8443",
        host: "localhost",
        user_verified: false,
    };

    fn client_data(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(challenge);
        serde_json::json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn authenticator_data(host: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data.extend(rest);
        data
    }

    struct Device(EcdsaKeyPair);

    impl Device {
        #[expect(
            clippy::disallowed_types,
            reason = "the test plays the authenticator, which has randomness of its own"
        )]
        fn sign(&self, message: &[u8]) -> Vec<u8> {
            let signature = self
                .0
                .sign(&aws_lc_rs::rand::SystemRandom::new(), message)
                .unwrap();
            signature.as_ref().to_vec()
        }

        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
        }

        fn registration(&self) -> Vec<u8> {
            let point = self.0.public_key().as_ref();
            let mut rest = vec![0; 16];
            rest.extend([0, 3, b'k', b'e', b'y']);
            rest.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
            rest.extend(&point[1..33]);
            rest.extend([0x22, 0x58, 0x20]);
            rest.extend(&point[33..]);
            rest
        }

        fn assertion(&self, expected: Expected<'_>, flags: u8, counter: u32) -> [Vec<u8>; 3] {
            let client = client_data("webauthn.get", expected.challenge, expected.origin);
            let data = authenticator_data(expected.host, flags, counter, &[]);
            let signed = [&data[..], digest(&SHA256, &client).as_ref()].concat();
            let signature = self.sign(&signed);
            [client, data, signature]
        }
    }

    fn registered(device: &Device) -> Registered {
        let client = client_data("webauthn.create", EXPECTED.challenge, EXPECTED.origin);
        let data = authenticator_data("localhost", 0x45, 0, &device.registration());
        register(EXPECTED, &client, &data).unwrap()
    }

    fn used(
        expected: Expected<'_>,
        passkey: &Registered,
        parts: &[Vec<u8>; 3],
    ) -> Result<u32, PasskeyError> {
        let [client, data, signature] = parts;
        verify(expected, &passkey.key, 5, client, data, signature)
    }

    #[test]
    fn a_registered_passkey_signs_in() {
        let device = Device::new();
        let passkey = registered(&device);
        assert_eq!(passkey.id, b"key");
        assert_eq!(
            used(EXPECTED, &passkey, &device.assertion(EXPECTED, 1, 6)),
            Ok(6)
        );
        let verified = Expected {
            user_verified: true,
            ..EXPECTED
        };
        assert_eq!(
            used(verified, &passkey, &device.assertion(EXPECTED, 5, 6)),
            Ok(6)
        );
    }

    #[test]
    fn everything_else_is_refused() {
        let device = Device::new();
        let passkey = registered(&device);
        let other = Expected {
            challenge: b"another challenge",
            ..EXPECTED
        };
        let try_it = |expected, flags, counter| {
            used(
                EXPECTED,
                &passkey,
                &device.assertion(expected, flags, counter),
            )
        };
        assert_eq!(try_it(other, 1, 6), Err(PasskeyError::Challenge));
        let other = Expected {
            origin: "https://localhost",
            ..EXPECTED
        };
        assert_eq!(try_it(other, 1, 6), Err(PasskeyError::Origin));
        let other = Expected {
            host: "evil.example",
            ..EXPECTED
        };
        assert_eq!(try_it(other, 1, 6), Err(PasskeyError::RelyingParty));
        assert_eq!(try_it(EXPECTED, 0, 6), Err(PasskeyError::Unattended));
        assert_eq!(try_it(EXPECTED, 1, 5), Err(PasskeyError::Counter));
        let verified = Expected {
            user_verified: true,
            ..EXPECTED
        };
        let answer = device.assertion(EXPECTED, 1, 6);
        assert_eq!(
            used(verified, &passkey, &answer),
            Err(PasskeyError::Unattended)
        );
        let stranger = Device::new().assertion(EXPECTED, 1, 6);
        assert_eq!(
            used(EXPECTED, &passkey, &stranger),
            Err(PasskeyError::Signature)
        );
        let [client, mut data, signature] = device.assertion(EXPECTED, 1, 6);
        data[36] ^= 0x80;
        let tampered = [client, data, signature];
        assert_eq!(
            used(EXPECTED, &passkey, &tampered),
            Err(PasskeyError::Signature)
        );
        let registration = client_data("webauthn.create", EXPECTED.challenge, EXPECTED.origin);
        let [_, data, signature] = device.assertion(EXPECTED, 1, 6);
        let swapped = [registration, data, signature];
        assert_eq!(
            used(EXPECTED, &passkey, &swapped),
            Err(PasskeyError::Malformed)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(
            client in proptest::collection::vec(any::<u8>(), 0..100),
            data in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(register(EXPECTED, &client, &data).is_err());
            let good = client_data("webauthn.create", EXPECTED.challenge, EXPECTED.origin);
            let whole = authenticator_data("localhost", 0x41, 0, &data);
            let _ = register(EXPECTED, &good, &whole);
        }
    }
}
