//! Whether a confidential client is who it says: by a secret, by a certificate, or by a token of
//! another issuer that its registration trusts.
//!
//! One decision for every grant that authenticates a client: [`confidential`] over the
//! registration's [`Credentials`]. The keys of a trusted issuer are facts too: [`issuer_wanted`]
//! says whose are needed, and whoever calls fetches them.

mod assertion;
mod certificate;
mod federated;
mod secret;

#[cfg(test)]
mod tests;

pub use assertion::{ASSERTION_LIMIT, JWT_BEARER, Realm};
pub use certificate::{CertificateFact, check_key_proof};
pub use federated::{FederationFact, IssuerKeys, IssuerWanted};
pub use secret::SecretFact;

use assertion::Assertion;

use crate::refusal::Refusal;
use crate::request::ClientProof;

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

/// Everything by which an application may prove who it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// Its secrets, expired ones too.
    pub secrets: Vec<SecretFact>,
    /// Its certificates, expired ones too.
    pub certificates: Vec<CertificateFact>,
    /// The tokens of others that stand for it.
    pub federations: Vec<FederationFact>,
    /// The keys of the issuer that [`issuer_wanted`] named, once they were asked for.
    pub issuer_keys: IssuerKeys,
}

impl Credentials {
    /// Whether there is anything by which the application could prove itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.certificates.is_empty() && self.federations.is_empty()
    }
}

/// Which credential a client used: its position in the facts, for the note of its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialUsed {
    /// One of [`Credentials::secrets`].
    Secret(usize),
    /// One of [`Credentials::certificates`].
    Certificate(usize),
    /// One of [`Credentials::federations`].
    Federation(usize),
}

impl CredentialUsed {
    /// What tokens say of it.
    #[must_use]
    pub const fn strength(self) -> ClientStrength {
        match self {
            Self::Secret(_) => ClientStrength::Secret,
            Self::Certificate(_) | Self::Federation(_) => ClientStrength::Certificate,
        }
    }
}

/// Authenticates a confidential client; `now` in seconds since 1970.
///
/// # Errors
/// [`Refusal::CredentialMissing`], and what the kind of proof is refused for.
pub fn confidential(
    client_id: &str,
    proof: &ClientProof,
    credentials: &Credentials,
    realm: &Realm<'_>,
    now: i64,
) -> Result<CredentialUsed, Refusal> {
    match proof {
        ClientProof::SecretPost(text) | ClientProof::SecretBasic(text) => {
            secret::check(client_id, text, &credentials.secrets, now).map(CredentialUsed::Secret)
        }
        ClientProof::Assertion { kind, assertion } => {
            let assertion = Assertion::parse(kind, assertion)?;
            if assertion.is_of_another_issuer() {
                federated::check(&assertion, credentials, now).map(CredentialUsed::Federation)
            } else {
                certificate::check(&assertion, client_id, &credentials.certificates, realm, now)
                    .map(CredentialUsed::Certificate)
            }
        }
        ClientProof::None => Err(Refusal::CredentialMissing),
    }
}

/// The issuer whose published keys the decision over this proof needs; `None` when it needs none,
/// be it that the proof is refused anyway.
#[must_use]
pub fn issuer_wanted(proof: &ClientProof, credentials: &Credentials) -> Option<IssuerWanted> {
    let ClientProof::Assertion { kind, assertion } = proof else {
        return None;
    };
    let assertion = Assertion::parse(kind, assertion).ok()?;
    if !assertion.is_of_another_issuer() {
        return None;
    }
    federated::wanted(&assertion, &credentials.federations)
}
