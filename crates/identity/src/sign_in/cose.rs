//! Public keys as authenticators write them (COSE_Key, RFC 9052 section 7), in the deterministic CBOR that CTAP2
//! demands. Maps of small integers, byte strings and nothing else occur, so that is all that is read.

use serde::{Deserialize, Serialize};

/// A passkey's public key. The form in which it is kept, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alg")]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256 (COSE -7).
    Es256 {
        /// The uncompressed point: 4, x, y.
        #[serde(with = "bytes")]
        point: Vec<u8>,
    },
    /// RSASSA-PKCS1-v1_5 with SHA-256 (COSE -257).
    Rs256 {
        /// The modulus, big-endian.
        #[serde(with = "bytes")]
        modulus: Vec<u8>,
        /// The exponent, big-endian.
        #[serde(with = "bytes")]
        exponent: Vec<u8>,
    },
}

/// Byte strings as base64url in JSON.
mod bytes {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| D::Error::custom("not base64url"))
    }
}

impl PublicKey {
    /// Reads a COSE_Key that stands at the beginning of `bytes`; what follows it (extensions) is not looked at. `None`
    /// for anything that is not a key of ours.
    #[must_use]
    pub fn from_cose(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (kind, pairs) = reader.head()?;
        // A key has at most eight members.
        if kind != MAP || pairs > 8 {
            return None;
        }
        let mut members = Vec::new();
        for _ in 0..pairs {
            let label = reader.integer()?;
            members.push((label, reader.value()?));
        }
        let get = |label: i64| members.iter().find(|(l, _)| *l == label).map(|(_, v)| v);
        let bytes = |label: i64| match get(label)? {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            Value::Integer(_) => None,
        };
        // 1 is the key type, 3 the algorithm (RFC 9052 section 7.1).
        match (get(1)?, get(3)?) {
            // 2: EC2; -1 is the curve (1: P-256), -2 and -3 the coordinates (RFC 9053 section 7.1.1).
            (Value::Integer(2), Value::Integer(-7)) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                if get(-1)? != &Value::Integer(1) || x.len() != 32 || y.len() != 32 {
                    return None;
                }
                let point = [vec![4], x, y].concat();
                Some(Self::Es256 { point })
            }
            // 3: RSA; -1 is the modulus, -2 the exponent (RFC 8230 section 4).
            (Value::Integer(3), Value::Integer(-257)) => {
                let (modulus, exponent) = (bytes(-1)?, bytes(-2)?);
                let bits = modulus.len() * 8;
                (2_048..=8_192)
                    .contains(&bits)
                    .then_some(Self::Rs256 { modulus, exponent })
            }
            _ => None,
        }
    }
}

const BYTES: u8 = 2;
const MAP: u8 = 5;

#[derive(Debug, PartialEq, Eq)]
enum Value<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Major type and argument of the next item (RFC 8949 section 3); indefinite lengths are not allowed here.
    fn head(&mut self) -> Option<(u8, u64)> {
        let first = self.take(1)?[0];
        let argument = match first & 0x1f {
            small @ 0..=23 => u64::from(small),
            size @ 24..=27 => {
                let bytes = self.take(1 << (size - 24))?;
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
            _ => return None,
        };
        Some((first >> 5, argument))
    }

    fn integer(&mut self) -> Option<i64> {
        match self.value()? {
            Value::Integer(number) => Some(number),
            Value::Bytes(_) => None,
        }
    }

    fn value(&mut self) -> Option<Value<'a>> {
        let (kind, argument) = self.head()?;
        let number = i64::try_from(argument).ok()?;
        match kind {
            0 => Some(Value::Integer(number)),
            1 => Some(Value::Integer(-1 - number)),
            BYTES => Some(Value::Bytes(self.take(usize::try_from(argument).ok()?)?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ec2(x: u8, y: u8) -> Vec<u8> {
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        let mut bytes = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        bytes.extend([x; 32]);
        bytes.extend([0x22, 0x58, 0x20]);
        bytes.extend([y; 32]);
        bytes
    }

    #[test]
    fn reads_both_kinds() {
        let key = PublicKey::from_cose(&ec2(7, 9)).unwrap();
        let PublicKey::Es256 { point } = &key else {
            panic!("{key:?}");
        };
        assert_eq!((point[0], point[1], point[64], point.len()), (4, 7, 9, 65));
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);

        // {1: 3, 3: -257, -1: n, -2: 65537}
        let mut bytes = vec![
            0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00,
        ];
        bytes.extend([0xc1; 256]);
        bytes.extend([0x21, 0x43, 1, 0, 1]);
        let key = PublicKey::from_cose(&bytes);
        let expected = PublicKey::Rs256 {
            modulus: vec![0xc1; 256],
            exponent: vec![1, 0, 1],
        };
        assert_eq!(key, Some(expected));
    }

    #[test]
    fn other_keys_are_none_of_ours() {
        let mut other_curve = ec2(1, 2);
        other_curve[6] = 2;
        assert_eq!(PublicKey::from_cose(&other_curve), None);
        let mut other_algorithm = ec2(1, 2);
        other_algorithm[4] = 0x27;
        assert_eq!(PublicKey::from_cose(&other_algorithm), None);
        assert_eq!(PublicKey::from_cose(&ec2(1, 2)[..60]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PublicKey::from_cose(&bytes);
        }
    }
}
