//! Refusals by their trace id, with the facts that explain them; bounded in number and age.

use bartizan_contract::TenantId;
use serde_json::Value as Json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A refusal of a token endpoint or an API.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Its trace id, as the caller was told it.
    pub trace: Uuid,
    /// The tenant that it happened in; `None` when the request proved none.
    pub tenant: Option<TenantId>,
    /// When, microseconds.
    pub occurred: i64,
    /// The caller's own id of the request, or one of the server's.
    pub correlation: String,
    /// `AADSTS700016`, or status and code of an API.
    pub code: String,
    /// What was seen and needed. Never a secret, never a token.
    pub facts: Json,
    /// With which others it shares the room.
    pub share: Share,
}

/// Kinds of refusals that do not push out each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// For want of a permission or of a token that is good now; and of the token endpoint and its pages.
    Grants = 0,
    /// What programs are told that ask without a page, for as long as nobody is signed in.
    Silent = 1,
    /// What no grant mends, which a program may repeat for ever: calls that are wrong themselves, that come too often, or that
    /// ask for what is not served.
    Calls = 2,
    /// What belongs to no tenant, which anybody can make.
    Nobody = 3,
}

/// Keeps a refusal. A trace id that is there already stays as it is.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn append(tx: &mut WriteTx, refusal: &Refusal) -> Result<(), StoreError> {
    let tenant = refusal.tenant.map(|tenant| tenant.to_string());
    sqlx::query(
        "insert into refusals (trace, tenant, occurred, correlation, code, facts, share)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (trace) do nothing",
    )
    .bind(refusal.trace.to_string())
    .bind(tenant)
    .bind(refusal.occurred)
    .bind(&refusal.correlation)
    .bind(&refusal.code)
    .bind(to_json("facts", &refusal.facts)?)
    .bind(refusal.share as i64)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The refusal with a trace id among those of a tenant; with `None`, among those that belong to no tenant.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn find(
    tx: &mut ReadTx,
    tenant: Option<TenantId>,
    trace: Uuid,
) -> Result<Option<Refusal>, StoreError> {
    let mut sql = Sql::new("select * from refusals where trace = ");
    sql.bind(trace.to_string());
    match tenant {
        Some(tenant) => sql.push(" and tenant = ").bind(tenant),
        None => sql.push(" and tenant is null"),
    };
    let rows = sql.fetch_all(tx).await?;
    rows.first().map(read).transpose()
}

/// The latest refusal of a request with this correlation id among those of a tenant; with `None`, among those that belong
/// to no tenant.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_correlation(
    tx: &mut ReadTx,
    tenant: Option<TenantId>,
    correlation: &str,
) -> Result<Option<Refusal>, StoreError> {
    let mut sql = Sql::new("select * from refusals where correlation in (");
    // Kept in lower case, but for what older versions kept as it was sent.
    sql.bind_list([correlation.to_owned(), correlation.to_ascii_lowercase()])
        .push(")");
    match tenant {
        Some(tenant) => sql.push(" and tenant = ").bind(tenant),
        None => sql.push(" and tenant is null"),
    };
    sql.push(" order by occurred desc, trace limit 1");
    let rows = sql.fetch_all(tx).await?;
    rows.first().map(read).transpose()
}

/// Removes what is older than `before` (microseconds) and, of the rest, all but about the newest of each share: `keep` says
/// how many. Gives how many went.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn forget(
    tx: &mut WriteTx,
    before: i64,
    keep: &[(Share, u32)],
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("delete from refusals where occurred < ");
    sql.bind(before);
    let mut gone = sql.execute(tx).await?.rows_affected();
    for (share, number) in keep {
        // The time of the first one too many; without one the comparison is with null and removes nothing.
        let mut sql = Sql::new("delete from refusals where share = ");
        sql.bind(*share as i64)
            .push(" and occurred <= (select occurred from refusals where share = ")
            .bind(*share as i64)
            .push(" order by occurred desc limit 1 offset ")
            .bind(i64::from(*number))
            .push(")");
        gone += sql.execute(tx).await?.rows_affected();
    }
    Ok(gone)
}

fn read(row: &AnyRow) -> Result<Refusal, StoreError> {
    let tenant = row.maybe_text("tenant")?;
    Ok(Refusal {
        trace: row.parsed("trace")?,
        tenant: tenant.and_then(|id| id.parse().ok()),
        occurred: row.int("occurred")?,
        correlation: row.text("correlation")?,
        code: row.text("code")?,
        facts: row.json("facts")?,
        share: match row.int("share")? {
            1 => Share::Silent,
            2 => Share::Calls,
            3 => Share::Nobody,
            _ => Share::Grants,
        },
    })
}
