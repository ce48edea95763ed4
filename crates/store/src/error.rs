//! What can go wrong in the store.

use std::path::PathBuf;

/// A failed store operation. Absence is not an error: look-ups return `Option`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is of neither supported kind.
    #[error("'{0}' is not a database URL; use sqlite:///path/to/file or postgres://host/database")]
    UnsupportedUrl(String),
    /// The database file could not be made or its permissions set.
    #[error("cannot create the database file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database schema up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The database refused or failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// Something with this name or id is there already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// Somebody else changed the row since it was read, or it is gone; read again and retry.
    #[error("{0} was changed by somebody else")]
    Changed(&'static str),
    /// A reference to something that is not there (in this tenant).
    #[error("{0} does not exist")]
    Missing(&'static str),
    /// A stored value cannot be read back: another program wrote it, or a newer version did.
    #[error("column {column} holds what cannot be read: {reason}")]
    Corrupt {
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A filter made for one collection was used on another.
    #[error("a filter over {made_for} was used on {used_on}")]
    WrongFilter {
        /// The table it was made for.
        made_for: &'static str,
        /// The table it was used on.
        used_on: &'static str,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl StoreError {
    /// Turns a violated uniqueness into [`StoreError::Exists`] and a violated reference into
    /// [`StoreError::Missing`].
    pub(crate) fn on_insert(error: sqlx::Error, what: &'static str) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Exists(what),
            sqlx::Error::Database(e) if e.is_foreign_key_violation() => Self::Missing(what),
            _ => Self::Database(error),
        }
    }

    /// Whether trying again later may help: the database was busy, out of connections, or gone.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Changed(_) => true,
            Self::Database(error) => match error {
                sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
                // SQLite: 5 busy, 6 locked. PostgreSQL: serialisation failure and deadlock.
                sqlx::Error::Database(e) => {
                    matches!(e.code().as_deref(), Some("5" | "6" | "40001" | "40P01"))
                }
                _ => false,
            },
            _ => false,
        }
    }
}
