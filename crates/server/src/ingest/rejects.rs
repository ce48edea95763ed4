//! The reject file: every refused record with its reason, one JSON object per line, so that a
//! person can see what was wrong and load the repaired lines again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bartizan_telemetry::{RejectCode, RejectReason};
use serde::Serialize;

/// Bytes of a record that are kept in the file.
const SAMPLE: usize = 2_048;

/// One line of the file.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    source: &'a str,
    line: u64,
    code: RejectCode,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// The record, bytes that are not UTF-8 replaced, cut after 2 KiB.
    data: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// Writes the file, which is made with its first entry. When it is full or cannot be written,
/// refusals are still counted.
#[derive(Debug)]
pub struct RejectWriter {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    room: u64,
    counts: BTreeMap<RejectCode, u64>,
    failure: Option<io::Error>,
}

impl RejectWriter {
    /// A writer to a path, of at most so many bytes. An older file there is replaced.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            path: path.into(),
            file: None,
            room: max_bytes,
            counts: BTreeMap::new(),
            failure: None,
        }
    }

    /// Notes a refused record.
    pub fn write(&mut self, source: &str, line: u64, bytes: &[u8], reason: &RejectReason) {
        *self.counts.entry(reason.code).or_default() += 1;
        if self.failure.is_some() {
            return;
        }
        let sample = &bytes[..bytes.len().min(SAMPLE)];
        let data = String::from_utf8_lossy(sample);
        let entry = Entry {
            source,
            line,
            code: reason.code,
            text: &reason.text,
            position: reason.position,
            data: &data,
            cut: sample.len() < bytes.len(),
        };
        if let Err(error) = self.append(&entry) {
            self.failure = Some(error);
        }
    }

    fn append(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(entry)?;
        text.push(b'\n');
        let Some(room) = self.room.checked_sub(text.len() as u64) else {
            self.room = 0;
            return Ok(());
        };
        self.room = room;
        if self.file.is_none() {
            self.file = Some(BufWriter::new(create(&self.path)?));
        }
        self.file
            .as_mut()
            .map_or(Ok(()), |file| file.write_all(&text))
    }

    /// Refusals by code so far.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<RejectCode, u64> {
        &self.counts
    }

    /// Closes the file. Its path, if there is a file.
    ///
    /// # Errors
    /// The first failure to write.
    pub fn finish(mut self) -> io::Result<Option<PathBuf>> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        match self.file.take() {
            Some(mut file) => file.flush().map(|()| Some(self.path)),
            None => Ok(None),
        }
    }
}

/// Telemetry is confidential: only its owner may read what was refused.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
