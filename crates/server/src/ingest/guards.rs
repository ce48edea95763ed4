//! Readers that keep count: of the bytes that come out, of those that were stored, and of what the
//! call may still read. A broken limit is an error of the reader, so no decoder can run past it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::archive::ReadLimits;

/// A reader that knows how many stored bytes it has used.
pub(super) trait Stored: BufRead {
    fn stored(&self) -> u64;
}

pub(super) struct Counted<'a> {
    pub(super) inner: &'a mut dyn Read,
    pub(super) bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

impl Stored for BufReader<Counted<'_>> {
    fn stored(&self) -> u64 {
        self.get_ref().bytes
    }
}

/// A limit that was reached, inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub(super) enum LimitError {
    #[error("more than {0} bytes come out for one that is stored")]
    Ratio(u64),
    #[error("more bytes come out than the limit for one call")]
    Total,
}

fn limit(error: LimitError) -> io::Error {
    io::Error::other(error)
}

/// Stored bytes on their way to a decoder.
pub(super) struct Metered<'a> {
    inner: &'a mut dyn Stored,
}

impl<'a> Metered<'a> {
    pub(super) fn new(inner: &'a mut dyn Stored) -> Self {
        Self { inner }
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl BufRead for Metered<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
    }
}

/// Stored bytes that are the text itself.
pub(super) struct Plain<'a>(pub(super) Metered<'a>);

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Gzip, with the ratio judged as it goes.
pub(super) struct Inflated<'a> {
    decoder: MultiGzDecoder<Metered<'a>>,
    out: u64,
    ratio: u64,
    grace: u64,
}

impl<'a> Inflated<'a> {
    pub(super) fn new(source: Metered<'a>, limits: &ReadLimits) -> Self {
        let (ratio, grace) = (limits.ratio, limits.ratio_grace);
        Self {
            decoder: MultiGzDecoder::new(source),
            out: 0,
            ratio,
            grace,
        }
    }
}

impl Read for Inflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        self.out += n as u64;
        let stored = self.decoder.get_ref().inner.stored();
        judge(self.out, stored, self.ratio, self.grace)?;
        Ok(n)
    }
}

/// A member whose stored size is known beforehand.
pub(super) struct Ratio<'a> {
    inner: &'a mut dyn Read,
    stored: u64,
    out: u64,
    ratio: u64,
    grace: u64,
}

impl<'a> Ratio<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, stored: u64, limits: &ReadLimits) -> Self {
        Self {
            inner,
            stored,
            out: 0,
            ratio: limits.ratio,
            grace: limits.ratio_grace,
        }
    }
}

impl Read for Ratio<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.out += n as u64;
        judge(self.out, self.stored, self.ratio, self.grace)?;
        Ok(n)
    }
}

fn judge(out: u64, stored: u64, ratio: u64, grace: u64) -> io::Result<()> {
    if out > grace && out / stored.max(1) > ratio {
        Err(limit(LimitError::Ratio(ratio)))
    } else {
        Ok(())
    }
}

/// The call's remaining bytes.
pub(super) struct Budget<'a> {
    pub(super) inner: &'a mut dyn BufRead,
    pub(super) left: u64,
    pub(super) spent: u64,
}

impl Read for Budget<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buffer.len());
        buffer[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Budget<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let (left, spent) = (self.left, self.spent);
        let buffer = self.inner.fill_buf()?;
        if !buffer.is_empty() && spent >= left {
            return Err(limit(LimitError::Total));
        }
        Ok(buffer)
    }

    fn consume(&mut self, amount: usize) {
        self.spent += amount as u64;
        self.inner.consume(amount);
    }
}
