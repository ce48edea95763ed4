//! Sign-ins that are under way: what was asked and how far the person has come, bound to one browser.

use serde_json::Value as Json;

use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A sign-in under way.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// SHA-256 of its name in the page's address.
    pub hash: String,
    /// SHA-256 of the cookie of the browser that began it.
    pub browser: String,
    /// How far it is; the server's.
    pub state: Json,
    /// Good until, microseconds.
    pub expires: i64,
}

/// Keeps a new sign-in.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn begin(tx: &mut WriteTx, sign_in: &SignIn) -> Result<(), StoreError> {
    sqlx::query("insert into sign_ins (hash, browser, state, expires) values ($1, $2, $3, $4)")
        .bind(&sign_in.hash)
        .bind(&sign_in.browser)
        .bind(to_json("state", &sign_in.state)?)
        .bind(sign_in.expires)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Keeps how far a sign-in has come. False when it has ended meanwhile: nothing brings it back.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn advance(tx: &mut WriteTx, hash: &str, state: &Json) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update sign_ins set state = ");
    sql.bind(to_json("state", state)?)
        .push(" where hash = ")
        .bind(hash);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// The sign-in with this hash that was begun in this browser and has not ended at `now`, microseconds.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_browser(
    tx: &mut ReadTx,
    hash: &str,
    browser: &str,
    now: i64,
) -> Result<Option<SignIn>, StoreError> {
    let mut sql = Sql::new("select * from sign_ins where hash = ");
    sql.bind(hash)
        .push(" and browser = ")
        .bind(browser)
        .push(" and expires > ")
        .bind(now);
    let rows = sql.fetch_all(tx).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(SignIn {
        hash: row.text("hash")?,
        browser: row.text("browser")?,
        state: row.json("state")?,
        expires: row.int("expires")?,
    }))
}

/// Ends a sign-in. False when it had ended already, so that nothing is carried out twice.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn end(tx: &mut WriteTx, hash: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from sign_ins where hash = ");
    sql.bind(hash);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}
