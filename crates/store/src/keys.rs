//! Token signing keys. They sign for every tenant of the installation.

use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A signing key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// `kid` of tokens and of the key set.
    pub kid: String,
    /// Certificate, PEM.
    pub certificate_pem: String,
    /// Opaque to the store: the key sealed by its owner, or where the key is.
    pub private_key: String,
    /// Signs from here on, microseconds.
    pub not_before: i64,
    /// Signs until here, microseconds.
    pub not_after: i64,
    /// What it is used for.
    pub state: KeyState,
    /// When it was made, microseconds.
    pub created: i64,
    /// Since when it is in its state, microseconds.
    pub changed: i64,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the private key: keys must not get into logs.
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a signing key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, does not sign yet.
    Next,
    /// Published and signs.
    Active,
    /// Published for the tokens that it signed.
    Retiring,
    /// Not published any more.
    Retired,
    /// Not to be trusted.
    Revoked,
}

impl KeyState {
    const ALL: [Self; 5] = [
        Self::Next,
        Self::Active,
        Self::Retiring,
        Self::Retired,
        Self::Revoked,
    ];

    /// The word that is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// Adds a key.
///
/// # Errors
/// [`StoreError::Exists`] when the `kid` is taken.
pub async fn insert(tx: &mut WriteTx, key: &SigningKey) -> Result<(), StoreError> {
    tx.changes_signing_keys();
    sqlx::query(
        "insert into signing_keys
         (kid, certificate_pem, private_key, not_before, not_after, state, created, changed)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&key.kid)
    .bind(&key.certificate_pem)
    .bind(&key.private_key)
    .bind(key.not_before)
    .bind(key.not_after)
    .bind(key.state.as_str())
    .bind(key.created)
    .bind(key.changed)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "signing key"))?;
    Ok(())
}

/// Moves a key to another state; `now` in microseconds.
///
/// # Errors
/// [`StoreError::Missing`] without the key.
pub async fn set_state(
    tx: &mut WriteTx,
    kid: &str,
    state: KeyState,
    now: i64,
) -> Result<(), StoreError> {
    tx.changes_signing_keys();
    let mut sql = Sql::new("update signing_keys set state = ");
    sql.bind(state.as_str())
        .push(", changed = ")
        .bind(now)
        .push(" where kid = ")
        .bind(kid);
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("signing key")),
        _ => Ok(()),
    }
}

/// Replaces what is kept of a private key: sealed anew, or destroyed.
///
/// # Errors
/// [`StoreError::Missing`] without the key.
pub async fn set_private(tx: &mut WriteTx, kid: &str, private: &str) -> Result<(), StoreError> {
    tx.changes_signing_keys();
    let mut sql = Sql::new("update signing_keys set private_key = ");
    sql.bind(private).push(" where kid = ").bind(kid);
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("signing key")),
        _ => Ok(()),
    }
}

/// All keys but the retired and revoked ones, newest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn published(tx: &mut ReadTx) -> Result<Vec<SigningKey>, StoreError> {
    let mut keys = all(tx).await?;
    keys.retain(|key| !matches!(key.state, KeyState::Retired | KeyState::Revoked));
    Ok(keys)
}

/// All keys that ever were, newest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn all(tx: &mut ReadTx) -> Result<Vec<SigningKey>, StoreError> {
    let sql = Sql::new(
        "select kid, certificate_pem, private_key, not_before, not_after, state, created, changed
         from signing_keys order by created desc, kid",
    );
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<SigningKey, StoreError> {
    Ok(SigningKey {
        kid: row.text("kid")?,
        certificate_pem: row.text("certificate_pem")?,
        private_key: row.text("private_key")?,
        not_before: row.int("not_before")?,
        not_after: row.int("not_after")?,
        state: row.word("state", KeyState::parse)?,
        created: row.int("created")?,
        changed: row.int("changed")?,
    })
}
