//! Everything by which an application may prove itself: secrets, certificates, federated credentials.

use bartizan_contract::{ObjectId, TenantId};

use super::applications::{self, Application};
use super::certificates::{self, KeyCredential};
use super::federations::{self, FederatedCredential};
use super::passwords::{self, PasswordCredential};
use super::search::Search;
use crate::error::StoreError;
use crate::listing::Page;
use crate::transaction::ReadTx;

/// An application's credentials, expired ones too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplicationCredentials {
    /// Its secrets.
    pub passwords: Vec<PasswordCredential>,
    /// Its certificates.
    pub certificates: Vec<KeyCredential>,
    /// Its federated credentials.
    pub federations: Vec<FederatedCredential>,
}

/// The credentials of a tenant's application.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of(
    tx: &mut ReadTx,
    tenant: TenantId,
    application: ObjectId,
) -> Result<ApplicationCredentials, StoreError> {
    Ok(ApplicationCredentials {
        passwords: passwords::list(tx, tenant, application).await?,
        certificates: certificates::list(tx, tenant, application).await?,
        federations: federations::list(tx, tenant, application).await?,
    })
}

/// How many applications are read at a time.
const STEP: u32 = 500;

/// The applications of a tenant that have credentials, with them.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of_tenant(
    tx: &mut ReadTx,
    tenant: TenantId,
) -> Result<Vec<(Application, ApplicationCredentials)>, StoreError> {
    let mut found = Vec::new();
    let mut page = Page::first(STEP);
    loop {
        let listing = applications::list(tx, tenant, &Search::all(&page)).await?;
        for application in listing.items {
            let credentials = of(tx, tenant, application.id).await?;
            if credentials != ApplicationCredentials::default() {
                found.push((application, credentials));
            }
        }
        match listing.next {
            Some(next) => page = Page::after(next, STEP),
            None => return Ok(found),
        }
    }
}
