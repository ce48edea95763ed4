//! What clients hold in a user's name: authorization codes, refresh tokens, device codes.
//!
//! Each is found by the SHA-256 of what the client holds, in whatever tenant: the row says whose
//! it is, and whether that fits the request is for the identity crate to decide. `details` is the
//! identity crate's and opaque here.

pub mod authorization_codes;
pub mod device_codes;
pub mod refresh_tokens;

use crate::error::StoreError;
use crate::sql::Sql;
use crate::transaction::WriteTx;

/// Removes what expired before `before`, microseconds, and families that nothing is left of.
/// Gives how many rows went. What expired is kept for a while, so that a late request learns that
/// it is late rather than wrong.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn sweep(tx: &mut WriteTx, before: i64) -> Result<u64, StoreError> {
    let mut removed = 0;
    for table in [
        "delete from authorization_codes where expires < ",
        "delete from device_codes where expires < ",
        "delete from refresh_tokens where expires < ",
    ] {
        let mut sql = Sql::new(table);
        sql.bind(before);
        removed += sql.execute(tx).await?.rows_affected();
    }
    // A family is younger than its code and may be empty while that code can still be replayed.
    let mut sql = Sql::new("delete from refresh_token_families where created < ");
    sql.bind(before).push(
        " and not exists (select 1 from refresh_tokens t where t.family = refresh_token_families.id)
          and not exists (select 1 from authorization_codes c
                          where c.family = refresh_token_families.id)",
    );
    removed += sql.execute(tx).await?.rows_affected();
    Ok(removed)
}
