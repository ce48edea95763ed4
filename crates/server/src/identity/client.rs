//! By what a client may prove itself: read from the directory, completed with what its issuer publishes, and noted when
//! it was used. Every grant that authenticates a client comes through here.

use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_identity::client_auth::{
    CertificateFact, CredentialUsed, Credentials, FederationFact, SecretFact,
};
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::{certificates, federations, passwords};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Request;

/// Microseconds of the store in a second of tokens.
const MICROS: i64 = 1_000_000;
/// How exact the last use of a credential is kept, microseconds.
const LAST_USE_STEP: i64 = 60 * MICROS;

/// An application's credentials as the decision wants them, in the same order.
pub(super) fn credentials(known: &ApplicationCredentials) -> Credentials {
    let seconds = |micros: i64| micros.div_euclid(MICROS);
    Credentials {
        secrets: known
            .passwords
            .iter()
            .map(|password| SecretFact {
                hash: password.secret_hash.clone(),
                start: seconds(password.start),
                end: seconds(password.end),
            })
            .collect(),
        certificates: known.certificates.iter().map(certificate).collect(),
        federations: known
            .federations
            .iter()
            .map(|federation| FederationFact {
                issuer: federation.issuer.clone(),
                subject: federation.subject.clone(),
                audience: federation.audience.clone(),
                key_set: federation.key_set.clone().map(Arc::new),
            })
            .collect(),
        ..Credentials::default()
    }
}

/// A certificate as the decision wants it. One that is not base64 has no thumbprint and matches nothing.
pub(crate) fn certificate(known: &certificates::KeyCredential) -> CertificateFact {
    CertificateFact {
        der: BASE64_STANDARD
            .decode(&known.certificate)
            .unwrap_or_default(),
        start: known.start.div_euclid(MICROS),
        end: known.end.div_euclid(MICROS),
    }
}

/// Notes the last use of a credential, to the minute, so that operators see which ones are dead. A failure to note it
/// is no reason to withhold the token.
pub(super) async fn note_use(
    request: &Request<'_>,
    used: CredentialUsed,
    known: &ApplicationCredentials,
    home: Option<TenantId>,
) {
    let now = request.app.clock.unix_micros();
    let found = match used {
        CredentialUsed::Secret(at) => known.passwords.get(at).map(|c| (c.key_id, c.last_used)),
        CredentialUsed::Certificate(at) => {
            known.certificates.get(at).map(|c| (c.key_id, c.last_used))
        }
        CredentialUsed::Federation(at) => known.federations.get(at).map(|c| (c.id, c.last_used)),
    };
    let (Some((id, last)), Some(home)) = (found, home) else {
        return;
    };
    if last.is_some_and(|last| now - last < LAST_USE_STEP) {
        return;
    }
    let note = async {
        let mut tx = request.app.store.write().await?;
        match used {
            CredentialUsed::Secret(_) => passwords::touch(&mut tx, home, id, now).await?,
            CredentialUsed::Certificate(_) => certificates::touch(&mut tx, home, id, now).await?,
            CredentialUsed::Federation(_) => federations::touch(&mut tx, home, id, now).await?,
        }
        tx.commit().await
    };
    if let Err(error) = note.await {
        tracing::warn!(%error, "the use of a credential could not be noted");
    }
}
