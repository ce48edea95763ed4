//! When credentials of applications were used last: written beside the requests, many at a time.

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_store::StoreError;
use bartizan_store::directory::{certificates, federations, passwords};
use uuid::Uuid;

use crate::app::App;

/// What kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CredentialKind {
    /// A secret.
    Secret,
    /// A certificate.
    Certificate,
    /// A federated credential.
    Federation,
}

/// A credential was used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CredentialUse {
    /// What it is.
    pub(crate) kind: CredentialKind,
    /// The home of the application that it belongs to.
    pub(crate) home: TenantId,
    /// Its id.
    pub(crate) id: Uuid,
    /// When, microseconds.
    pub(crate) at: i64,
}

/// Writes uses in one transaction, the last of each credential.
pub(super) async fn write(app: &Arc<App>, uses: Vec<CredentialUse>) -> Result<(), StoreError> {
    let mut last: HashMap<(CredentialKind, Uuid), CredentialUse> = HashMap::new();
    for one in uses {
        let known = last.entry((one.kind, one.id)).or_insert(one);
        known.at = known.at.max(one.at);
    }
    let mut tx = app.store.write_aside().await?;
    for CredentialUse { kind, home, id, at } in last.into_values() {
        match kind {
            CredentialKind::Secret => passwords::touch(&mut tx, home, id, at).await?,
            CredentialKind::Certificate => certificates::touch(&mut tx, home, id, at).await?,
            CredentialKind::Federation => federations::touch(&mut tx, home, id, at).await?,
        }
    }
    tx.commit().await
}
