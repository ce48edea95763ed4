//! Everything by which an application may prove itself: secrets, certificates, federated credentials.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;

use super::applications::{self, Application};
use super::certificates::KeyCredential;
use super::federations::FederatedCredential;
use super::passwords::PasswordCredential;
use super::search::Search;
use crate::error::StoreError;
use crate::listing::Page;
use crate::row::Columns as _;
use crate::sql::Sql;
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

/// The credentials of a tenant's application, each kind in the order of its own list.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of(
    tx: &mut ReadTx,
    tenant: TenantId,
    application: ObjectId,
) -> Result<ApplicationCredentials, StoreError> {
    // One statement, because every token request may need it.
    let kinds = [
        "select 'secret' as kind, key_id as id, display_name as name, secret_hash as a, hint as b,
         null as c, null as d, null as e, start_time, end_time, last_used from application_passwords",
        " union all select 'certificate', key_id, display_name, certificate, usage,
         null, null, null, start_time, end_time, last_used from application_certificates",
        " union all select 'federation', id, name, issuer, subject, audience, key_set, description,
         created, 0, last_used from application_federations",
    ];
    let mut sql = Sql::default();
    for kind in kinds {
        sql.push(kind)
            .push(" where tenant = ")
            .bind(tenant)
            .push(" and application = ")
            .bind(application.to_string());
    }
    sql.push(" order by start_time, id");
    let mut found = ApplicationCredentials::default();
    for row in sql.fetch_all(tx).await? {
        match row.text("kind")?.as_str() {
            "secret" => found.passwords.push(password(&row)?),
            "certificate" => found.certificates.push(certificate(&row)?),
            _ => found.federations.push(federation(&row)?),
        }
    }
    Ok(found)
}

fn password(row: &AnyRow) -> Result<PasswordCredential, StoreError> {
    Ok(PasswordCredential {
        key_id: row.parsed("id")?,
        secret_hash: row.text("a")?,
        hint: row.text("b")?,
        display_name: row.maybe_text("name")?,
        start: row.int("start_time")?,
        end: row.int("end_time")?,
        last_used: row.maybe_int("last_used")?,
    })
}

fn certificate(row: &AnyRow) -> Result<KeyCredential, StoreError> {
    Ok(KeyCredential {
        key_id: row.parsed("id")?,
        certificate: row.text("a")?,
        usage: row.text("b")?,
        display_name: row.maybe_text("name")?,
        start: row.int("start_time")?,
        end: row.int("end_time")?,
        last_used: row.maybe_int("last_used")?,
    })
}

fn federation(row: &AnyRow) -> Result<FederatedCredential, StoreError> {
    let key_set = match row.maybe_text("d")? {
        Some(_) => Some(row.json("d")?),
        None => None,
    };
    Ok(FederatedCredential {
        id: row.parsed("id")?,
        name: row.text("name")?,
        issuer: row.text("a")?,
        subject: row.text("b")?,
        audience: row.text("c")?,
        description: row.maybe_text("e")?,
        key_set,
        created: row.int("start_time")?,
        last_used: row.maybe_int("last_used")?,
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
