//! Whether the directory changed: a number that every transaction raises which may have written what tokens are decided
//! by, in the same commit.
//!
//! Whoever keeps something that was read from the directory keeps the revision of the same state with it ([`of`]), and
//! uses it only while [`Store::directory_revision`] still gives that number. So a change takes effect at once, on every
//! server of the database.
//!
//! Raising it is the default ([`Store::write`]): only transactions that are known to write nothing of the kind leave it
//! alone ([`Store::write_aside`]). Forgetting to think about it costs speed and nothing else. The counter's row is the
//! last that a transaction locks, so two of them never wait for each other in a circle.

use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{Backend, ReadTx, Store, WriteTx, prepare};

/// The counter's name. Its row is made by the first transaction that raises it.
const READ: &str = "select value from counters where name = 'directory'";

/// How many are answered by one reading.
const ASKS: usize = 1024;
/// How long a reading may take before everybody reads for themselves.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of the directory. Equal revisions of one database are equal states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(i64);

/// The revision of the state that a transaction reads.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of(tx: &mut ReadTx) -> Result<Revision, StoreError> {
    let rows = Sql::new(READ).fetch_all(tx).await?;
    let value = rows.first().map(|row| row.int("value")).transpose()?;
    Ok(Revision(value.unwrap_or(0)))
}

/// Raises it, as the last statement of a transaction.
pub(crate) async fn raise(tx: &mut WriteTx) -> Result<(), StoreError> {
    let sql = Sql::new(
        "insert into counters (name, value) values ('directory', 1)
         on conflict (name) do update set value = counters.value + 1",
    );
    sql.execute(tx).await?;
    Ok(())
}

impl Store {
    /// The directory's revision now: of a state that was read after this was called. Calls that come while another one is
    /// being answered share the next reading, so that many requests at once cost one statement.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn directory_revision(&self) -> Result<Revision, StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.watch.asks.send(Ask::Revision(reply)).is_ok()
            && let Ok(revision) = answer.await
        {
            return Ok(revision);
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
    Revision(oneshot::Sender<Revision>),
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
                Ask::Revision(reply) => waiting.push(reply),
                Ask::Close(reply) => closing.push(reply),
            }
        }
        if !waiting.is_empty() {
            let read = tokio::time::timeout(PATIENCE, read(&mut connection, &url, backend)).await;
            match read {
                Ok(Ok(revision)) => {
                    for reply in waiting {
                        // Who asked may have gone.
                        let _ = reply.send(revision);
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
) -> Result<Revision, sqlx::Error> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => {
            let mut fresh = AnyConnection::connect(url).await?;
            prepare(&mut fresh, backend).await?;
            fresh
        }
    };
    // On its own, hence of the last committed state.
    let value: Option<i64> = sqlx::query_scalar(READ)
        .fetch_optional(&mut connection)
        .await?;
    *kept = Some(connection);
    Ok(Revision(value.unwrap_or(0)))
}
