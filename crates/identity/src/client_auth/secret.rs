//! A client's secret, compared in constant time.

use crate::constant_time::same;
use crate::directory::secret_hash;
use crate::refusal::Refusal;

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

/// Finds the secret among those registered.
pub(super) fn check(
    client_id: &str,
    secret: &str,
    secrets: &[SecretFact],
    now: i64,
) -> Result<usize, Refusal> {
    let hash = secret_hash(secret);
    let mut expired = false;
    let mut found = None;
    // Every secret is compared, so that the time taken says nothing about which one matched.
    for (index, fact) in secrets.iter().enumerate() {
        if !same(fact.hash.as_bytes(), hash.as_bytes()) {
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
        Some(index) => Ok(index),
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
    use super::*;

    fn fact(secret: &str, start: i64, end: i64) -> SecretFact {
        SecretFact {
            hash: secret_hash(secret),
            start,
            end,
        }
    }

    fn tried(secret: &str, facts: &[SecretFact], now: i64) -> Result<usize, u32> {
        check("c", secret, facts, now).map_err(|r| r.code())
    }

    #[test]
    fn any_secret_in_its_time_will_do() {
        let facts = [fact("old", 0, 100), fact("new", 50, 200)];
        assert_eq!(tried("old", &facts, 99), Ok(0));
        assert_eq!(tried("new", &facts, 99), Ok(1));
        assert_eq!(tried("old", &facts, 100), Err(7_000_222));
        assert_eq!(tried("new", &facts, 49), Err(7_000_215));
        assert_eq!(tried("none", &facts, 99), Err(7_000_215));
        assert_eq!(tried("old", &[], 99), Err(7_000_215));
        // The hash itself is no secret that works.
        assert_eq!(tried(&facts[0].hash, &facts, 99), Err(7_000_215));
    }
}
