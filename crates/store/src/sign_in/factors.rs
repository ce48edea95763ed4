//! Second factors: authenticator apps and passkeys.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct Factor {
    /// Its id.
    pub id: Uuid,
    /// Which kind.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// The secret of one-time codes, sealed by the server; or a passkey's public key.
    pub secret: String,
    /// The last step whose code was used, or a passkey's counter.
    pub counter: i64,
    /// When it was set up, microseconds.
    pub created: i64,
    /// When it was last used, microseconds.
    pub last_used: Option<i64>,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Factor")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The kinds of second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactorKind {
    /// An app that shows one-time codes.
    Totp,
    /// A passkey.
    Passkey {
        /// Its credential id, base64url.
        credential: String,
        /// The host that it works at.
        host: String,
    },
}

/// Keeps a second factor of a tenant's user.
///
/// # Errors
/// [`StoreError::Exists`] when the credential is registered already, [`StoreError::Missing`] without the user.
pub async fn add(
    tx: &mut WriteTx,
    tenant: TenantId,
    user: ObjectId,
    factor: &Factor,
) -> Result<(), StoreError> {
    let (kind, credential, host) = match &factor.kind {
        FactorKind::Totp => ("totp", None, None),
        FactorKind::Passkey { credential, host } => {
            ("passkey", Some(credential.clone()), Some(host.clone()))
        }
    };
    let done = sqlx::query(
        "insert into second_factors
         (id, tenant, principal, kind, name, credential, host, secret, counter, created, last_used)
         select $1, tenant, id, $4, $5, $6, $7, $8, $9, $10, $11 from users
         where tenant = $2 and id = $3",
    )
    .bind(factor.id.to_string())
    .bind(tenant.to_string())
    .bind(user.to_string())
    .bind(kind)
    .bind(&factor.name)
    .bind(credential)
    .bind(host)
    .bind(&factor.secret)
    .bind(factor.counter)
    .bind(factor.created)
    .bind(factor.last_used)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "second factor"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("user")),
        _ => Ok(()),
    }
}

/// A user's second factors, oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_user(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
) -> Result<Vec<Factor>, StoreError> {
    let mut sql = Sql::new("select * from second_factors where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string())
        .push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Notes a use: the counter moves from `from` to `to`. False when somebody else moved it first, so that nothing works
/// twice.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn advance(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: Uuid,
    (from, to): (i64, i64),
    now: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update second_factors set counter = ");
    sql.bind(to)
        .push(", last_used = ")
        .bind(now)
        .push(" where counter = ")
        .bind(from)
        .push(" and tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Removes one of a user's second factors. False when there is no such one.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn remove(
    tx: &mut WriteTx,
    tenant: TenantId,
    user: ObjectId,
    id: Uuid,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from second_factors where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string())
        .push(" and id = ")
        .bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Removes all of a user's second factors. Gives how many that were.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn reset(tx: &mut WriteTx, tenant: TenantId, user: ObjectId) -> Result<u64, StoreError> {
    let mut sql = Sql::new("delete from second_factors where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string());
    Ok(sql.execute(tx).await?.rows_affected())
}

/// The sealed secrets of every tenant's authenticator apps, each with its owner: for sealing them anew with another key.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn sealed(tx: &mut ReadTx) -> Result<Vec<(ObjectId, Factor)>, StoreError> {
    let sql = Sql::new("select * from second_factors where kind = 'totp' order by created, id");
    let rows = sql.fetch_all(tx).await?;
    rows.iter()
        .map(|row| Ok((row.parsed("principal")?, read(row)?)))
        .collect()
}

/// Replaces the sealed secret of an authenticator app, whoever it belongs to.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn set_sealed(tx: &mut WriteTx, id: Uuid, sealed: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("update second_factors set secret = ");
    sql.bind(sealed)
        .push(" where kind = 'totp' and id = ")
        .bind(id.to_string());
    sql.execute(tx).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Factor, StoreError> {
    let kind = match row.text("kind")?.as_str() {
        "totp" => FactorKind::Totp,
        "passkey" => FactorKind::Passkey {
            credential: row.text("credential")?,
            host: row.text("host")?,
        },
        other => {
            return Err(StoreError::Corrupt {
                column: "kind".to_owned(),
                reason: format!("unknown word '{other}'"),
            });
        }
    };
    Ok(Factor {
        id: row.parsed("id")?,
        kind,
        name: row.text("name")?,
        secret: row.text("secret")?,
        counter: row.int("counter")?,
        created: row.int("created")?,
        last_used: row.maybe_int("last_used")?,
    })
}
