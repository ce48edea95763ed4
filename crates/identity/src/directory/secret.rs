//! Client secrets: their form, their hash and how long they are good.

use aws_lc_rs::digest::{SHA256, digest};
use bartizan_contract::graph::NewPassword;

use super::DirectoryError;

/// How many random bytes a secret takes: 6 bits of each.
pub const SECRET_ENTROPY: usize = 37;

/// 64 of the characters that secrets are made of.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~_";
/// By these, at the fourth character, scanners of source code know a secret.
const MARK: &str = "8Q~";
/// Two years: until when a secret is good when nothing is said.
const DEFAULT_LIFETIME: i64 = 2 * 365 * 86_400 * 1_000_000;
/// The latest end: year 2299, as the cloud's.
const LATEST_END: i64 = 10_413_791_999_000_000;

/// A new client secret from random bytes: 40 characters.
#[must_use]
pub fn client_secret(entropy: &[u8; SECRET_ENTROPY]) -> String {
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte & 63)]);
    let (head, tail) = entropy.split_at(3);
    let mut secret: String = head.iter().map(letter).collect();
    secret.push_str(MARK);
    secret.extend(tail.iter().map(letter));
    secret
}

/// What the directory keeps of a secret: its SHA-256, lower-case hexadecimal.
#[must_use]
pub fn secret_hash(secret: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, secret.as_bytes()).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What is shown of a secret to recognise it.
#[must_use]
pub fn secret_hint(secret: &str) -> String {
    secret.chars().take(3).collect()
}

/// From when until when a new secret is good, microseconds since 1970. `now` is in the same unit.
///
/// # Errors
/// [`DirectoryError::Invalid`] when it ends before it starts or before now, or beyond the year
/// 2299; or when its name is too long.
pub fn password_validity(new: &NewPassword, now: i64) -> Result<(i64, i64), DirectoryError> {
    let invalid = |property, reason: &str| DirectoryError::Invalid {
        property,
        object: "PasswordCredential",
        reason: reason.to_owned(),
    };
    if new
        .display_name
        .as_ref()
        .is_some_and(|n| n.chars().count() > 120)
    {
        return Err(invalid("displayName", "at most 120 characters"));
    }
    let start = new.start_date_time.map_or(now, |t| t.unix_micros());
    let default = start.saturating_add(DEFAULT_LIFETIME);
    let end = new.end_date_time.map_or(default, |t| t.unix_micros());
    if end <= start || end <= now {
        return Err(invalid(
            "endDateTime",
            "it must be in the future and after startDateTime",
        ));
    }
    if end > LATEST_END {
        return Err(invalid("endDateTime", "it must be before the year 2300"));
    }
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use bartizan_contract::time::Timestamp;

    use super::*;

    #[test]
    fn secrets_have_the_form_that_scanners_know() {
        let mut entropy = [0; SECRET_ENTROPY];
        for (i, byte) in entropy.iter_mut().enumerate() {
            *byte = u8::try_from(i * 7).unwrap();
        }
        let secret = client_secret(&entropy);
        assert_eq!(secret.len(), 40);
        assert_eq!(&secret[3..6], "8Q~");
        assert!(
            secret
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"~._-".contains(&b))
        );
        entropy[36] ^= 1;
        assert_ne!(secret, client_secret(&entropy));
        assert_eq!(secret_hint(&secret), secret[..3]);
    }

    /// Also checks the alphabet: a repeated letter would cost chance.
    #[test]
    fn hashes_are_sha256() {
        assert_eq!(
            secret_hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let mut letters = ALPHABET.to_vec();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), 64);
    }

    #[test]
    fn validity() {
        let now = 1_700_000_000_000_000;
        let new = NewPassword::default();
        assert_eq!(
            password_validity(&new, now),
            Ok((now, now + DEFAULT_LIFETIME))
        );
        let ended = NewPassword {
            end_date_time: Some(Timestamp::from_unix_micros(now)),
            ..NewPassword::default()
        };
        assert!(password_validity(&ended, now).is_err());
        let forever = NewPassword {
            end_date_time: Some(Timestamp::from_unix_micros(LATEST_END + 1)),
            ..NewPassword::default()
        };
        assert!(password_validity(&forever, now).is_err());
    }
}
