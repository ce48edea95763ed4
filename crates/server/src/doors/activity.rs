//! Whether a connection is in use: its requests under way, and the bytes that move.
//!
//! HTTP/1.1 has a time limit for a request's head in hyper; neither version has one for a client that says nothing at
//! all, that takes no byte of its answer, or that keeps an HTTP/2 connection open by answering pings.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Fewer bytes between two looks are no progress: an HTTP/2 ping and its answer are 34.
const PROGRESS: u64 = 1024;

/// What one connection did so far.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    requests: AtomicUsize,
    served: AtomicU64,
    bytes: AtomicU64,
}

/// What had been done when it was last looked.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    served: u64,
    bytes: u64,
}

impl Activity {
    /// Counts a request until the guard is dropped.
    pub(crate) fn request(self: &Arc<Self>) -> Request {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Request(Arc::clone(self))
    }

    /// Whether nothing is under way and something was answered already: such a connection may be closed with no loss.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0 && self.served.load(Ordering::Relaxed) > 0
    }

    /// Whether the connection was of use since `seen`, which becomes now.
    pub(crate) fn used_since(&self, seen: &mut Seen) -> bool {
        let now = Seen {
            served: self.served.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        };
        let before = std::mem::replace(seen, now);
        self.requests.load(Ordering::Relaxed) > 0
            || now.served > before.served
            || now.bytes - before.bytes >= PROGRESS
    }
}

/// A request that a handler works on.
#[derive(Debug)]
pub(crate) struct Request(Arc<Activity>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.served.fetch_add(1, Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream whose bytes are counted, both ways.
pub(crate) struct Counted<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Counted<S> {
    /// Counts into `activity`.
    pub(crate) const fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn add(&self, bytes: usize) {
        self.activity
            .bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.add(buffer.filled().len() - before);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.add(written);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        if let Poll::Ready(Ok(written)) = polled {
            self.add(written);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
