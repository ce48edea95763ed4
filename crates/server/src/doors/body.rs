//! The body of a request, as it arrives from a client.
//!
//! Many refusals leave before the body was read: without a token nobody may send anything, and a body over its limit
//! is not read to its end. To close the connection then would lose the answer, since the system discards what was
//! sent once data arrives that nobody reads (a reset, RFC 9112 section 9.6). So whatever a handler leaves of a body is read here and
//! thrown away, within bounds, while the answer is on its way.
//!
//! A body that trickles in is given up: it would hold a connection, and what its handler holds, for ever.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

/// The most bytes that are read only to be thrown away; a client that sends more may lose its answer.
const LINGER_BYTES: usize = 64 << 20;
/// How long that may take.
const LINGER_TIME: Duration = Duration::from_secs(30);
/// How long the client may be silent meanwhile.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// A body must bring this many bytes, or its end, within the time that a client has.
const PROGRESS: usize = 16 << 10;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The client left, or what it sent is no body.
    #[error(transparent)]
    Client(#[from] hyper::Error),
    /// It brought too little for too long.
    #[error("the body arrived too slowly")]
    Slow,
}

/// How long is still waited for [`PROGRESS`]. Only waiting counts: a handler may take its time between two reads.
struct Pace {
    patience: Duration,
    left: Duration,
    received: usize,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pace {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            left: patience,
            received: 0,
            waiting: None,
        }
    }

    /// Something arrived.
    fn advance(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        self.received += bytes;
        if self.received >= PROGRESS {
            self.received = 0;
            self.left = self.patience;
        }
    }

    /// Nothing is there yet; ready when it took too long.
    fn poll_spent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let (_, sleep) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
        sleep.as_mut().poll(context)
    }
}

/// A request's body. What is left of it when it is dropped is read and thrown away, until `stop`.
pub(crate) struct RequestBody {
    // None once it has ended or failed.
    incoming: Option<Incoming>,
    // The client sends the body only when it is asked to (RFC 9110 section 10.1.1), which reading does.
    awaited: bool,
    pace: Pace,
    stop: CancellationToken,
}

impl RequestBody {
    /// Takes the body out of `request` and puts this in its place; `patience` is the time for each bit of progress.
    pub(crate) fn wrap(
        request: hyper::Request<Incoming>,
        patience: Duration,
        stop: &CancellationToken,
    ) -> hyper::Request<Self> {
        let expect = request.headers().get(header::EXPECT);
        let awaited = expect.is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        request.map(|incoming| Self {
            incoming: Some(incoming),
            awaited,
            pace: Pace::new(patience),
            stop: stop.clone(),
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        this.awaited = false;
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.pace
                    .advance(frame.data_ref().map_or(0, Bytes::remaining));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => {
                this.incoming = None;
                Poll::Ready(ended.map(|ended| ended.map_err(BodyError::Client)))
            }
            Poll::Pending if this.pace.poll_spent(context).is_ready() => {
                // Not read further: who sends so slowly would not be heard out in time either.
                this.incoming = None;
                Poll::Ready(Some(Err(BodyError::Slow)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let empty = || SizeHint::with_exact(0);
        self.incoming.as_ref().map_or_else(empty, Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else {
            return;
        };
        if self.awaited || incoming.is_end_stream() || self.stop.is_cancelled() {
            return;
        }
        // Outside a runtime there is no connection left to keep alive.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let stop = self.stop.clone();
            runtime.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = tokio::time::timeout(LINGER_TIME, linger(incoming)) => {}
                }
            });
        }
    }
}

/// Reads to the end of the body, or to a bound.
async fn linger(mut body: Incoming) {
    let mut thrown_away = 0;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(LINGER_SILENCE, body.frame()).await {
        thrown_away += frame.data_ref().map_or(0, Bytes::remaining);
        if thrown_away > LINGER_BYTES {
            tracing::debug!(
                thrown_away,
                "a refused body is too long to be read to its end"
            );
            return;
        }
    }
}
