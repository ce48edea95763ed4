//! One-time codes of an authenticator app (TOTP, RFC 6238): HMAC-SHA-1, six digits, thirty seconds.
//!
//! These parameters are the only ones that every app understands; SHA-1 is sound inside HMAC.

use aws_lc_rs::hmac;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::constant_time;

/// Bytes of a secret (RFC 4226 section 4 recommends 160 bits).
pub const SECRET: usize = 20;
/// Seconds of one step.
pub const STEP: i64 = 30;
/// Steps by which a device's clock may be off, to either side (RFC 6238 section 5.2).
const SLACK: i64 = 1;

/// The code of a step (RFC 4226 section 5.3), six digits.
#[must_use]
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0x0f);
    let word = [
        tag[offset] & 0x7f,
        tag[offset + 1],
        tag[offset + 2],
        tag[offset + 3],
    ];
    format!("{:06}", u32::from_be_bytes(word) % 1_000_000)
}

/// The step whose code was typed, when it is within the slack and later than the last one that was used: a code works
/// once (RFC 6238 section 5.2), also for somebody who looked over a shoulder. Blanks are ignored.
#[must_use]
pub fn accepted_step(secret: &[u8], typed: &str, now: i64, last: Option<i64>) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now.div_euclid(STEP);
    let mut found = None;
    for step in current - SLACK..=current + SLACK {
        let same = constant_time::same(code(secret, step).as_bytes(), typed.as_bytes());
        if same && last.is_none_or(|last| step > last) {
            found = Some(step);
        }
    }
    found
}

/// A secret as people type it: base32 without padding (RFC 4648 section 6).
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut word = [0; 8];
        word[3..3 + chunk.len()].copy_from_slice(chunk);
        let word = u64::from_be_bytes(word);
        for i in 0..(chunk.len() * 8).div_ceil(5) {
            let index = (word >> (35 - 5 * i)) & 31;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

/// The address that an authenticator app reads from a QR code (the key URI format that all of them follow).
#[must_use]
pub fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let issuer = utf8_percent_encode(issuer, NON_ALPHANUMERIC);
    let account = utf8_percent_encode(account, NON_ALPHANUMERIC);
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}",
        base32(secret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_of_the_rfc() {
        // RFC 6238 appendix B, the last six of its eight digits.
        for (time, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(RFC, time / STEP), expected, "{time}");
        }
    }

    #[test]
    fn a_code_works_once_and_near_its_time() {
        let typed = code(RFC, 100);
        assert_eq!(accepted_step(RFC, &typed, 100 * STEP, None), Some(100));
        assert_eq!(
            accepted_step(
                RFC,
                &format!(" {} {}", &typed[..3], &typed[3..]),
                99 * STEP,
                None
            ),
            Some(100)
        );
        assert_eq!(accepted_step(RFC, &typed, 101 * STEP, Some(99)), Some(100));
        assert_eq!(accepted_step(RFC, &typed, 101 * STEP, Some(100)), None);
        assert_eq!(accepted_step(RFC, &typed, 102 * STEP, None), None);
        assert_eq!(accepted_step(RFC, "", 100 * STEP, None), None);
    }

    #[test]
    fn base32_of_the_rfc() {
        // RFC 4648 section 10, without padding.
        for (bytes, text) in [
            (&b"f"[..], "MY"),
            (b"fo", "MZXQ"),
            (b"foo", "MZXW6"),
            (b"foob", "MZXW6YQ"),
            (b"fooba", "MZXW6YTB"),
            (b"foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes), text);
        }
    }

    #[test]
    fn the_uri_escapes_names() {
        let uri = uri("A & B", "a@b.example", b"foobar");
        assert_eq!(
            uri,
            "otpauth://totp/A%20%26%20B:a%40b%2Eexample?secret=MZXW6YTBOI&issuer=A%20%26%20B"
        );
    }
}
