//! Whether the directory changed: a number that every transaction raises which may have written what tokens are decided
//! by, in the same commit.
//!
//! Whoever keeps something that was read from the directory keeps the revision of the same state with it ([`of`]), and
//! uses it only while [`Store::revisions`] still gives that number. So a change takes effect at once, on every
//! server of the database.
//!
//! Raising it is the default ([`Store::write`]): only transactions that are known to write nothing of the kind leave it
//! alone ([`Store::write_aside`]). The keys that tokens are signed with have a number of their own ([`KeysRevision`]), which
//! only changes of them raise: whoever checks a token need not care for the rest. Forgetting to think about it costs speed and nothing else. The counters' rows
//! are the last that a transaction locks, in one order, so two of them never wait for each other in a circle.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{Backend, ReadTx, Store, WriteTx, prepare};

/// The counters' names. Their rows are made by the first transaction that raises them.
const READ: &str = "select name, value from counters where name in ('directory', 'signing-keys')";

/// How many are answered by one reading.
const ASKS: usize = 1024;
/// How long a reading may take before everybody reads for themselves.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of the directory. Equal revisions of one database are equal states, and a greater one is of a later state.
/// The default is that of a directory without a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision(i64);

/// The state of the signing keys, ordered as [`Revision`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct KeysRevision(i64);

/// The revisions of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revisions {
    /// The directory's, signing keys included.
    pub directory: Revision,
    /// The signing keys'.
    pub signing_keys: KeysRevision,
}

impl Revisions {
    /// From the counters' rows; what has no row was never raised.
    fn read(rows: &[AnyRow]) -> Result<Self, StoreError> {
        let mut read = Self::default();
        for row in rows {
            let value = row.int("value")?;
            match row.text("name")?.as_str() {
                "directory" => read.directory = Revision(value),
                _ => read.signing_keys = KeysRevision(value),
            }
        }
        Ok(read)
    }
}

/// The revisions of the state that a transaction reads.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of(tx: &mut ReadTx) -> Result<Revisions, StoreError> {
    Revisions::read(&Sql::new(READ).fetch_all(tx).await?)
}

/// Raises a counter, as one of the last statements of a transaction.
pub(crate) async fn raise(tx: &mut WriteTx, counter: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("insert into counters (name, value) values (");
    sql.bind(counter)
        .push(", 1) on conflict (name) do update set value = counters.value + 1");
    sql.execute(tx).await?;
    Ok(())
}

impl Store {
    /// The revisions now: of a state that was read after this was called. Calls that come while another one is being
    /// answered share the next reading, so that many requests at once cost one statement.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn revisions(&self) -> Result<Revisions, StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.watch.asks.send(Ask::Revisions(reply)).is_ok()
            && let Ok(revisions) = answer.await
        {
            return Ok(revisions);
        }
        // The shared connection failed or is closed; whatever is wrong is told here.
        of(&mut self.read().await?).await
    }
}

/// The way to the task that reads for everybody.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    asks: mpsc::UnboundedSender<Ask>,
}

#[derive(Debug)]
enum Ask {
    Revisions(oneshot::Sender<Revisions>),
    Close(oneshot::Sender<()>),
}

impl Watch {
    /// Starts the task. It ends with the last of the stores that have the way to it.
    pub(crate) fn start(url: &str, backend: Backend) -> Self {
        let (asks, queue) = mpsc::unbounded_channel();
        tokio::spawn(serve(url.to_owned(), backend, queue));
        Self { asks }
    }

    /// Ends the task and its connection.
    pub(crate) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.asks.send(Ask::Close(reply)).is_ok() {
            // An error means that it has ended already.
            let _ = done.await;
        }
    }
}

async fn serve(url: String, backend: Backend, mut queue: mpsc::UnboundedReceiver<Ask>) {
    let mut connection = None;
    let mut asks = Vec::new();
    while queue.recv_many(&mut asks, ASKS).await > 0 {
        // All of these were asked before the reading begins.
        let mut waiting = Vec::new();
        let mut closing = Vec::new();
        for ask in asks.drain(..) {
            match ask {
                Ask::Revisions(reply) => waiting.push(reply),
                Ask::Close(reply) => closing.push(reply),
            }
        }
        if !waiting.is_empty() {
            let read = tokio::time::timeout(PATIENCE, read(&mut connection, &url, backend)).await;
            match read {
                Ok(Ok(revisions)) => {
                    for reply in waiting {
                        // Who asked may have gone.
                        let _ = reply.send(revisions);
                    }
                }
                // Without an answer they read for themselves.
                Ok(Err(error)) => tracing::debug!(%error, "the directory's revision was not read"),
                Err(_) => tracing::debug!("the directory's revision was not read in time"),
            }
        }
        if !closing.is_empty() {
            if let Some(connection) = connection.take()
                && let Err(error) = connection.close().await
            {
                tracing::debug!(%error, "a connection did not close");
            }
            for reply in closing {
                let _ = reply.send(());
            }
            return;
        }
    }
}

/// Reads over the kept connection, or over a new one where there is none. A failure or an interruption leaves none.
async fn read(
    kept: &mut Option<AnyConnection>,
    url: &str,
    backend: Backend,
) -> Result<Revisions, StoreError> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => {
            let mut fresh = AnyConnection::connect(url).await?;
            prepare(&mut fresh, backend).await?;
            fresh
        }
    };
    // On its own, hence of the last committed state.
    let rows = sqlx::query(READ).fetch_all(&mut connection).await?;
    *kept = Some(connection);
    Revisions::read(&rows)
}
