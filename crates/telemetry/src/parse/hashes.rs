//! Sysmon's `Hashes` text.

/// The digests of a file that the hunting tables have columns for, lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes {
    /// 40 hexadecimal digits.
    pub sha1: Option<String>,
    /// 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// 32 hexadecimal digits.
    pub md5: Option<String>,
}

/// Splits `SHA1=…,MD5=…,SHA256=…,IMPHASH=…`. Import hashes have no column. A digest of zeros (an
/// unreadable file) or of the wrong length is left out.
#[must_use]
pub fn parse(text: &str) -> Hashes {
    let mut hashes = Hashes::default();
    for part in text.split(',') {
        let Some((name, digest)) = part.split_once('=') else {
            continue;
        };
        let digest = digest.trim();
        let (slot, length) = match name.trim().to_ascii_uppercase().as_str() {
            "SHA1" => (&mut hashes.sha1, 40),
            "SHA256" => (&mut hashes.sha256, 64),
            "MD5" => (&mut hashes.md5, 32),
            _ => continue,
        };
        let real = digest.len() == length
            && digest.bytes().all(|b| b.is_ascii_hexdigit())
            && digest.bytes().any(|b| b != b'0');
        if real {
            *slot = Some(digest.to_ascii_lowercase());
        }
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_lowers() {
        let h = parse(
            "SHA1=565505D129A019780E351E615A29722AEF479380,MD5=F3F3D2B0196B9A00E91838888E76B5F6,\
             SHA256=00,IMPHASH=8C3BE1286CDAD6AC1136D0BB6C83FF41",
        );
        assert_eq!(
            h.sha1.as_deref(),
            Some("565505d129a019780e351e615a29722aef479380")
        );
        assert_eq!(h.md5.as_deref(), Some("f3f3d2b0196b9a00e91838888e76b5f6"));
        assert_eq!(h.sha256, None);
    }

    #[test]
    fn zeros_are_no_digest() {
        assert_eq!(
            parse("MD5=00000000000000000000000000000000"),
            Hashes::default()
        );
    }
}
