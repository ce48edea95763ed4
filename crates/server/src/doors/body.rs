//! The body of a request, as it arrives from a client.
//!
//! Many refusals leave before the body was read: without a token nobody may send anything, and a body over its limit
//! is not read to its end. To close the connection then would lose the answer, since the system discards what was
//! sent once data arrives that nobody reads (a reset, RFC 9112 section 9.6). So whatever a handler leaves of a body is read here and
//! thrown away, within bounds, while the answer is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio_util::sync::CancellationToken;

/// The most bytes that are read only to be thrown away; a client that sends more may lose its answer.
const LINGER_BYTES: usize = 64 << 20;
/// How long that may take.
const LINGER_TIME: Duration = Duration::from_secs(30);
/// How long the client may be silent meanwhile.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// A request's body. What is left of it when it is dropped is read and thrown away, until `stop`.
pub(crate) struct RequestBody {
    // None once it has ended or failed.
    incoming: Option<Incoming>,
    // The client sends the body only when it is asked to (RFC 9110 section 10.1.1), which reading does.
    awaited: bool,
    stop: CancellationToken,
}

impl RequestBody {
    /// Takes the body out of `request` and puts this in its place.
    pub(crate) fn wrap(
        request: hyper::Request<Incoming>,
        stop: &CancellationToken,
    ) -> hyper::Request<Self> {
        let expect = request.headers().get(header::EXPECT);
        let awaited = expect.is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        request.map(|incoming| Self {
            incoming: Some(incoming),
            awaited,
            stop: stop.clone(),
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.awaited = false;
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(incoming).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.incoming = None;
        }
        polled
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
