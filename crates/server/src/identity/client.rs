//! By what a client may prove itself: read from the directory, completed with what its issuer publishes, and noted when
//! it was used. Every grant that authenticates a client comes through here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bartizan_contract::TenantId;
use bartizan_identity::client_auth::{
    CertificateFact, CredentialUsed, Credentials, FederationFact, SecretFact,
};
use bartizan_store::directory::certificates;
use bartizan_store::directory::credentials::ApplicationCredentials;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

use super::Request;
use crate::trail::{CredentialKind, CredentialUse};

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

/// When each credential of an application was used last, as far as it is known here; in the order of the decision's.
#[derive(Debug)]
pub(super) struct LastUses {
    home: TenantId,
    secrets: Vec<LastUse>,
    certificates: Vec<LastUse>,
    federations: Vec<LastUse>,
}

/// A credential's id, and its last use in microseconds; [`NEVER`] when there was none.
type LastUse = (Uuid, AtomicI64);

/// So long ago that every use is worth a note.
const NEVER: i64 = i64::MIN / 2;

impl LastUses {
    /// As the store has them.
    pub(super) fn of(home: TenantId, known: &ApplicationCredentials) -> Self {
        let at = |id, last: Option<i64>| (id, AtomicI64::new(last.unwrap_or(NEVER)));
        let (secrets, certificates) = (&known.passwords, &known.certificates);
        Self {
            home,
            secrets: secrets.iter().map(|c| at(c.key_id, c.last_used)).collect(),
            certificates: certificates
                .iter()
                .map(|c| at(c.key_id, c.last_used))
                .collect(),
            federations: known
                .federations
                .iter()
                .map(|c| at(c.id, c.last_used))
                .collect(),
        }
    }
}

/// Notes the last use of a credential, to the minute, so that operators see which ones are dead. It is written beside the
/// request, and a note that is lost is no reason to withhold the token.
pub(super) fn note_use(request: &Request<'_>, used: CredentialUsed, known: &LastUses) {
    let now = request.app.clock.unix_micros();
    let (kind, found) = match used {
        CredentialUsed::Secret(at) => (CredentialKind::Secret, known.secrets.get(at)),
        CredentialUsed::Certificate(at) => {
            (CredentialKind::Certificate, known.certificates.get(at))
        }
        CredentialUsed::Federation(at) => (CredentialKind::Federation, known.federations.get(at)),
    };
    let Some((id, last)) = found else { return };
    if now - last.load(Ordering::Relaxed) < LAST_USE_STEP {
        return;
    }
    last.store(now, Ordering::Relaxed);
    request.app.trail.used(CredentialUse {
        kind,
        home: known.home,
        id: *id,
        at: now,
    });
}
