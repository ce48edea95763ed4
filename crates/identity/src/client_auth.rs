//! Whether a client is who it says: its secret, compared in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::directory::secret_hash;
use crate::refusal::Refusal;
use crate::request::ClientProof;

/// A secret of an application as the directory keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFact {
    /// SHA-256, lower-case hexadecimal (see [`secret_hash`]).
    pub hash: String,
    /// Good from, seconds since 1970.
    pub start: i64,
    /// Good until, seconds since 1970.
    pub end: i64,
}

impl std::fmt::Debug for SecretFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretFact")
            .field("start", &self.start)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// How a client was recognised: the claim `appidacr` of v1 tokens, `azpacr` of v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientStrength {
    /// A public client.
    Public,
    /// By a secret.
    Secret,
    /// By a certificate or a federated assertion.
    Certificate,
}

impl ClientStrength {
    /// The claim's value.
    #[must_use]
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Public => "0",
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

/// Authenticates a confidential client. With it comes the position of the secret that matched, so
/// that its last use can be noted.
///
/// # Errors
/// [`Refusal::CredentialMissing`], [`Refusal::SecretWrong`], [`Refusal::SecretExpired`],
/// [`Refusal::AssertionUnusable`].
pub fn confidential(
    client_id: &str,
    proof: &ClientProof,
    secrets: &[SecretFact],
    now: i64,
) -> Result<(ClientStrength, usize), Refusal> {
    let secret = match proof {
        ClientProof::SecretPost(secret) | ClientProof::SecretBasic(secret) => secret,
        ClientProof::Assertion { .. } => {
            // No application can have a certificate yet: whatever it was signed with is not known.
            return Err(Refusal::AssertionUnusable {
                reason: "the application has no certificate or federated credential".to_owned(),
            });
        }
        ClientProof::None => return Err(Refusal::CredentialMissing),
    };
    let hash = secret_hash(secret);
    let mut expired = false;
    let mut found = None;
    // Every secret is compared, so that the time taken says nothing about which one matched.
    for (index, fact) in secrets.iter().enumerate() {
        if verify_slices_are_equal(fact.hash.as_bytes(), hash.as_bytes()).is_err() {
            continue;
        }
        if now >= fact.end {
            expired = true;
        } else if now >= fact.start {
            found = Some(index);
        }
    }
    let client_id = || client_id.to_owned();
    match found {
        Some(index) => Ok((ClientStrength::Secret, index)),
        None if expired => Err(Refusal::SecretExpired {
            client_id: client_id(),
        }),
        None => Err(Refusal::SecretWrong {
            client_id: client_id(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn fact(secret: &str, start: i64, end: i64) -> SecretFact {
        SecretFact {
            hash: secret_hash(secret),
            start,
            end,
        }
    }

    fn check(secret: &str, facts: &[SecretFact], now: i64) -> Result<usize, u32> {
        let proof = ClientProof::SecretPost(Zeroizing::new(secret.to_owned()));
        confidential("c", &proof, facts, now)
            .map(|(_, index)| index)
            .map_err(|r| r.code())
    }

    #[test]
    fn any_secret_in_its_time_will_do() {
        let facts = [fact("old", 0, 100), fact("new", 50, 200)];
        assert_eq!(check("old", &facts, 99), Ok(0));
        assert_eq!(check("new", &facts, 99), Ok(1));
        assert_eq!(check("old", &facts, 100), Err(7_000_222));
        assert_eq!(check("new", &facts, 49), Err(7_000_215));
        assert_eq!(check("none", &facts, 99), Err(7_000_215));
        assert_eq!(check("old", &[], 99), Err(7_000_215));
        // The hash itself is no secret that works.
        assert_eq!(check(&facts[0].hash, &facts, 99), Err(7_000_215));
    }

    #[test]
    fn other_proofs() {
        let missing = confidential("c", &ClientProof::None, &[], 0).unwrap_err();
        assert_eq!(missing.code(), 7_000_216);
        let assertion = ClientProof::Assertion {
            kind: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
            assertion: Zeroizing::new("a.b.c".to_owned()),
        };
        let refused = confidential("c", &assertion, &[], 0).unwrap_err();
        assert_eq!(refused.code(), 50_027);
    }
}
