//! The one place where a secret is compared with what somebody sent.
//!
//! An ordinary comparison ends at the first byte that differs, and the time that it takes tells how far a guess was
//! right. Codes, refresh tokens, sessions and the like are not compared at all: they are looked up by their SHA-256,
//! of which a guess controls no byte.

use aws_lc_rs::constant_time::verify_slices_are_equal;

/// Whether two texts are the same, in a time that depends on their lengths alone.
#[must_use]
pub fn same(known: &[u8], sent: &[u8]) -> bool {
    verify_slices_are_equal(known, sent).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_is_the_same() {
        assert!(same(b"secret", b"secret") && same(b"", b""));
        for other in ["", "secre", "secrets", "Secret", "secreT"] {
            assert!(!same(b"secret", other.as_bytes()), "{other}");
        }
    }
}
