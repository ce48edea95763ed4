//! Proof Key for Code Exchange (RFC 7636).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::constant_time::same;
use crate::refusal::{Refusal, UserRefusal};

/// A code challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// How it was made.
    pub method: Method,
    /// `code_challenge`.
    pub value: String,
}

/// `code_challenge_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// The verifier itself.
    #[serde(rename = "plain")]
    Plain,
    /// Its SHA-256.
    S256,
}

/// 43 to 128 unreserved characters (RFC 7636 section 4.1).
fn well_formed(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

impl Challenge {
    /// Reads the two parameters of an authorization request; a method that is absent is `plain`.
    ///
    /// # Errors
    /// [`UserRefusal::ChallengeInvalid`] for another method, a challenge of another form, or a method
    /// without a challenge.
    pub fn parse(value: Option<&str>, method: Option<&str>) -> Result<Option<Self>, Refusal> {
        let Some(value) = value else {
            return match method {
                None => Ok(None),
                Some(_) => Err(UserRefusal::ChallengeInvalid.into()),
            };
        };
        let method = match method {
            None | Some("plain") => Method::Plain,
            Some("S256") => Method::S256,
            Some(_) => return Err(UserRefusal::ChallengeInvalid.into()),
        };
        let fits = match method {
            Method::Plain => well_formed(value),
            Method::S256 => well_formed(value) && value.len() == 43,
        };
        let challenge = Self {
            method,
            value: value.to_owned(),
        };
        fits.then_some(Some(challenge))
            .ok_or(UserRefusal::ChallengeInvalid.into())
    }

    fn meets(&self, verifier: &str) -> bool {
        let made = match self.method {
            Method::Plain => verifier.to_owned(),
            Method::S256 => URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())),
        };
        same(self.value.as_bytes(), made.as_bytes())
    }
}

/// Checks a token request's verifier against the challenge that its code was asked with. A
/// verifier without a challenge is refused too: somebody took the challenge out on the way
/// (RFC 9700 section 2.1.1).
///
/// # Errors
/// [`UserRefusal::VerifierInvalid`], [`UserRefusal::VerifierWrong`].
pub fn check(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refusal> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if well_formed(verifier) => challenge
            .meets(verifier)
            .then_some(())
            .ok_or(UserRefusal::VerifierWrong.into()),
        (Some(_), Some(_)) => Err(UserRefusal::VerifierInvalid.into()),
        (Some(_), None) | (None, Some(_)) => Err(UserRefusal::VerifierWrong.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn both_methods() {
        let s256 = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        assert_eq!(check(s256.as_ref(), Some(VERIFIER)), Ok(()));
        let plain = Challenge::parse(Some(VERIFIER), None).unwrap();
        assert_eq!(plain.as_ref().unwrap().method, Method::Plain);
        assert_eq!(check(plain.as_ref(), Some(VERIFIER)), Ok(()));
        assert_eq!(check(None, None), Ok(()));
    }

    #[test]
    fn whatever_does_not_fit_is_refused() {
        let s256 = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        let code = |verifier| check(s256.as_ref(), verifier).unwrap_err().code();
        // The challenge itself is public and proves nothing.
        assert_eq!(code(Some(CHALLENGE)), 501_481);
        assert_eq!(code(None), 501_481);
        assert_eq!(code(Some("short")), 50_147);
        // The challenge was stripped from the authorization request.
        assert_eq!(check(None, Some(VERIFIER)).unwrap_err().code(), 501_481);
        for (value, method) in [
            (Some(CHALLENGE), Some("S512")),
            (Some(CHALLENGE), Some("s256")),
            (Some("short"), Some("S256")),
            (
                Some("spaces are not fine at all, and so on, and so on"),
                None,
            ),
            (None, Some("S256")),
        ] {
            let refusal = Challenge::parse(value, method).unwrap_err();
            assert_eq!(refusal.code(), 501_491, "{value:?} {method:?}");
        }
        assert_eq!(Challenge::parse(None, None), Ok(None));
    }
}
