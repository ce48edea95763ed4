//! Opening the store, and its two kinds of transaction.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bartizan_security::access::DeviceScope;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;
use crate::migrations;
use crate::revision::{self, Watch};

/// Which database is behind a [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file, one writer at a time.
    Sqlite,
    /// A server.
    Postgres,
}

impl Backend {
    fn of(url: &str) -> Result<Self, StoreError> {
        match url.split(':').next() {
            // Every connection to an in-memory database has its own, so a pool cannot use one.
            Some("sqlite") if !url.contains(":memory:") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::UnsupportedUrl(without_password(url))),
        }
    }

    const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    const fn begin_write(self) -> &'static str {
        match self {
            // Takes the write lock at once: a deferred transaction that turns into a writer fails
            // with SQLITE_BUSY where waiting would have done.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

/// A database URL for messages: nothing between `//` and `@`.
fn without_password(url: &str) -> String {
    match (url.find("//"), url.rfind('@')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}//…{}", &url[..start], &url[end..])
        }
        _ => url.to_owned(),
    }
}

/// An open database with its schema up to date. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    // Apart, so that readers that wait to write cannot hold every connection a writer needs.
    readers: AnyPool,
    writers: AnyPool,
    backend: Backend,
    // SQLite has one writer: queueing fairly here is better than polling for its lock there.
    write_turn: Option<Arc<Semaphore>>,
    /// The directory's revision, read for many at once.
    pub(crate) watch: Watch,
}

/// Connections for reading.
const READERS: u32 = 10;
/// Connections for writing to PostgreSQL; SQLite has one.
const WRITERS: u32 = 10;
/// Whoever changes the directory reads rows, decides, and writes them whole: with others between, their changes would be
/// lost (a disabled account would come back). PostgreSQL keeps changes of the directory apart from each other, and from what
/// is decided by it, as SQLite's one writer does; what is written aside goes on beside its like. The number is the
/// database's own, and any. Whoever waits longer than [`PATIENCE`] gets an error: another server may have stopped in the
/// middle of a transaction.
const ALONE: &str = "select pg_advisory_xact_lock(7305804402)";
const ASIDE: &str = "select pg_advisory_xact_lock_shared(7305804402)";
/// How long to wait for a connection, and for SQLite's lock when another process holds it.
const PATIENCE: Duration = Duration::from_secs(15);

impl Store {
    /// Opens a database by URL (`sqlite:///path/to/file`, `postgres://user@host/database`),
    /// creates a SQLite file that is not there with permissions 0600, and brings the schema up to
    /// date.
    ///
    /// # Errors
    /// [`StoreError`] for an unknown kind of URL, a file that cannot be made, a database that
    /// cannot be reached, or a schema that a newer version wrote.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let backend = Backend::of(url)?;
        if backend == Backend::Sqlite {
            create_private_file(&sqlite_path(url))?;
        }
        install_default_drivers();
        let writers = if backend == Backend::Sqlite {
            1
        } else {
            WRITERS
        };
        let writers = connect(url, backend, writers).await?;
        migrations::migrator()
            .run(&writers)
            .await
            .map_err(StoreError::Migration)?;
        let readers = connect(url, backend, READERS).await?;
        let write_turn = (backend == Backend::Sqlite).then(|| Arc::new(Semaphore::new(1)));
        Ok(Self {
            readers,
            writers,
            backend,
            write_turn,
            watch: Watch::start(url, backend),
        })
    }

    /// Opens a SQLite database by its path; see [`Store::open`].
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_file(path: &Path) -> Result<Self, StoreError> {
        // What a URL would read as its own punctuation.
        const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');
        let text = path.to_string_lossy();
        Self::open(&format!(
            "sqlite://{}",
            utf8_percent_encode(&text, RESERVED)
        ))
        .await
    }

    /// Which database this is.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// A transaction that reads one consistent state. Dropping it ends it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when no connection can be had.
    pub async fn read(&self) -> Result<ReadTx, StoreError> {
        let tx = self.readers.begin_with(self.backend.begin_read()).await?;
        Ok(ReadTx {
            tx,
            backend: self.backend,
            devices: DeviceScope::All,
        })
    }

    /// A transaction that writes. Nothing of it stays unless it is committed; the commit counts as a change of the
    /// directory ([`revision`]).
    ///
    /// # Errors
    /// [`StoreError::Database`] when no connection or lock can be had.
    pub async fn write(&self) -> Result<WriteTx, StoreError> {
        self.begin_write(true).await
    }

    /// A transaction that writes nothing that tokens are decided by: no tenant, application, credential, service
    /// principal, assignment or signing key. For what is written often, since [`Store::write`] makes every server read
    /// the directory anew.
    ///
    /// # Errors
    /// [`StoreError::Database`] when no connection or lock can be had.
    pub async fn write_aside(&self) -> Result<WriteTx, StoreError> {
        self.begin_write(false).await
    }

    async fn begin_write(&self, directory: bool) -> Result<WriteTx, StoreError> {
        let turn = match &self.write_turn {
            Some(turn) => turn.clone().acquire_owned().await.ok(),
            None => None,
        };
        let mut tx = self.writers.begin_with(self.backend.begin_write()).await?;
        if self.backend == Backend::Postgres {
            let lock = if directory { ALONE } else { ASIDE };
            sqlx::query("select set_config('lock_timeout', $1, true)")
                .bind(PATIENCE.as_millis().to_string())
                .execute(&mut *tx)
                .await?;
            (&mut *tx).execute(lock).await?;
        }
        Ok(WriteTx {
            read: ReadTx {
                tx,
                backend: self.backend,
                devices: DeviceScope::All,
            },
            directory,
            signing_keys: false,
            _turn: turn,
        })
    }

    /// Asks the database for an answer: the readiness check.
    ///
    /// # Errors
    /// [`StoreError::Database`] when there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Closes all connections after the transactions under way; SQLite's log is folded into its
    /// file.
    pub async fn close(&self) {
        self.watch.close().await;
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// A transaction for reading.
#[derive(Debug)]
pub struct ReadTx {
    tx: Transaction<'static, Any>,
    backend: Backend,
    devices: DeviceScope,
}

impl ReadTx {
    /// Which database this is.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// Narrows everything that is read from here on to the devices of `scope`, and to alerts and incidents about them.
    /// What the server does by itself sees all.
    pub fn see_only(&mut self, scope: DeviceScope) {
        self.devices = scope;
    }

    /// The devices in sight.
    pub(crate) fn devices(&self) -> DeviceScope {
        self.devices.clone()
    }

    /// The connection that statements run on.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}

/// A transaction for writing; also good for every reading function.
#[derive(Debug)]
pub struct WriteTx {
    read: ReadTx,
    /// Whether the commit counts as a change of the directory.
    directory: bool,
    /// Whether it counts as a change of the signing keys.
    signing_keys: bool,
    _turn: Option<OwnedSemaphorePermit>,
}

impl WriteTx {
    /// Makes everything done in this transaction last.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of it lasts.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        if self.signing_keys {
            revision::raise(&mut self, "signing-keys").await?;
        }
        if self.directory {
            revision::raise(&mut self, "directory").await?;
        }
        self.read.tx.commit().await?;
        Ok(())
    }

    /// Says that this transaction changes signing keys.
    pub(crate) const fn changes_signing_keys(&mut self) {
        self.signing_keys = true;
    }

    /// Undoes everything done in this transaction. Dropping it does the same, later.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the connection broke; then it is undone too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.read.tx.rollback().await?;
        Ok(())
    }
}

impl Deref for WriteTx {
    type Target = ReadTx;

    fn deref(&self) -> &ReadTx {
        &self.read
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut ReadTx {
        &mut self.read
    }
}

async fn connect(url: &str, backend: Backend, connections: u32) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // A server's connection may be dead; a file's cannot, and asking costs as much as a statement.
        .test_before_acquire(backend == Backend::Postgres)
        .after_connect(move |connection, _| Box::pin(prepare(connection, backend)));
    Ok(options.connect(url).await?)
}

/// Sets a new connection up.
pub(crate) async fn prepare(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<(), sqlx::Error> {
    if backend == Backend::Postgres {
        return Ok(());
    }
    let patience = PATIENCE.as_millis();
    // busy_timeout first: switching to WAL itself needs the lock.
    connection
        .execute(sqlx::AssertSqlSafe(format!(
            "pragma busy_timeout = {patience}"
        )))
        .await?;
    connection.execute("pragma journal_mode = wal").await?;
    // FULL: a commit that was acknowledged survives a loss of power, not only a kill.
    connection.execute("pragma synchronous = full").await?;
    connection.execute("pragma foreign_keys = on").await?;
    Ok(())
}

/// The file that a `sqlite:` URL names.
fn sqlite_path(url: &str) -> PathBuf {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or(rest);
    PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned())
}

/// Makes the file before SQLite does, so that nobody else can ever read it; the log and index
/// files beside it take over its permissions.
fn create_private_file(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_apart_and_printed_without_password() {
        assert_eq!(Backend::of("sqlite:///a/b.db").unwrap(), Backend::Sqlite);
        assert_eq!(Backend::of("postgresql://h/d").unwrap(), Backend::Postgres);
        assert!(Backend::of("sqlite::memory:").is_err());
        let error = Backend::of("mysql://root:secret@h/d")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(
            sqlite_path("sqlite:///a%20b/c.db?mode=rwc"),
            PathBuf::from("/a b/c.db")
        );
    }
}
