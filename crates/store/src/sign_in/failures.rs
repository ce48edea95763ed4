//! Wrong passwords by name, times in seconds since 1970.

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::WriteTx;

/// Microseconds of the store in a second.
const MICROS: i64 = 1_000_000;

/// The wrong passwords of one name; the identity crate gives them their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordFailures {
    /// How many in a row.
    pub count: u32,
    /// The last one, seconds.
    pub last: i64,
    /// Refused until then, seconds.
    pub locked_until: i64,
}

/// What is kept about a name (its SHA-256), which nobody else changes until the transaction ends: two that count at
/// once would both find the same number otherwise, and write the same next one.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of(tx: &mut WriteTx, name: &str) -> Result<Option<PasswordFailures>, StoreError> {
    // The upsert locks the row, and makes it where there is none to lock.
    let mut sql = Sql::new(
        "insert into password_failures (name, failures, last_failure, locked_until) values (",
    );
    sql.bind(name).push(
        ", 0, 0, 0) on conflict (name) do update set failures = password_failures.failures
         returning failures, last_failure, locked_until",
    );
    let row = sql.fetch_one(tx).await?;
    let count = u32::try_from(row.int("failures")?).unwrap_or(u32::MAX);
    if count == 0 {
        return Ok(None);
    }
    Ok(Some(PasswordFailures {
        count,
        last: row.int("last_failure")?.div_euclid(MICROS),
        locked_until: row.int("locked_until")?.div_euclid(MICROS),
    }))
}

/// Keeps the state of a name.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn put(
    tx: &mut WriteTx,
    name: &str,
    failures: PasswordFailures,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into password_failures (name, failures, last_failure, locked_until)
         values ($1, $2, $3, $4)
         on conflict (name) do update set failures = excluded.failures,
             last_failure = excluded.last_failure, locked_until = excluded.locked_until",
    )
    .bind(name)
    .bind(i64::from(failures.count))
    .bind(failures.last.saturating_mul(MICROS))
    .bind(failures.locked_until.saturating_mul(MICROS))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets a name.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn forget(tx: &mut WriteTx, name: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("delete from password_failures where name = ");
    sql.bind(name);
    sql.execute(tx).await?;
    Ok(())
}
