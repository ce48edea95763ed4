//! The write-ahead log: a folder of segments, each named by its first sequence number.
//!
//! A segment begins with 16 bytes (magic and first sequence number), records follow. Only the last
//! segment can have a torn tail: an earlier one was complete on disk before the next was begun.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::error::EventsError;
use super::record::{self, Damage, Record};

const MAGIC: &[u8; 8] = b"BZWAL\0\0\x01";
const HEADER: u64 = 16;
const EXTENSION: &str = "wal";

/// The log, open for writing. Its owner is the writer's thread.
#[derive(Debug)]
pub(super) struct Log {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    length: u64,
    next_seq: i64,
    closed: Vec<Closed>,
    /// Why it takes nothing more.
    failed: Option<String>,
}

/// A segment that is written no more.
#[derive(Debug)]
struct Closed {
    path: PathBuf,
    last_seq: i64,
}

impl Log {
    /// Opens the log, cuts off a torn tail, and returns the records above a watermark.
    pub(super) fn open(dir: &Path, watermark: i64) -> Result<(Self, Vec<Record>), EventsError> {
        fs::create_dir_all(dir).map_err(EventsError::file(dir))?;
        let mut records = Vec::new();
        let mut closed = Vec::new();
        let mut last_seq = watermark;
        let paths = segments(dir)?;
        for (number, path) in paths.iter().enumerate() {
            let is_last = number + 1 == paths.len();
            for record in read_segment(path, is_last)? {
                last_seq = last_seq.max(record.seq);
                if record.seq > watermark {
                    records.push(record);
                }
            }
            closed.push(Closed {
                path: path.clone(),
                last_seq,
            });
        }
        let next_seq = last_seq + 1;
        // A segment of this name holds no whole record, else its first one had this number.
        closed.retain(|segment| segment.path != segment_path(dir, next_seq));
        let (path, file) = create_segment(dir, next_seq)?;
        let mut log = Self {
            dir: dir.to_owned(),
            path,
            file,
            length: HEADER,
            next_seq,
            closed,
            failed: None,
        };
        log.release(watermark);
        Ok((log, records))
    }

    /// The number that the next record gets.
    pub(super) const fn next_seq(&self) -> i64 {
        self.next_seq
    }

    /// Writes records, whose batches are numbered from [`Log::next_seq`], and makes them durable.
    /// After an error nothing of them counts.
    pub(super) fn commit(&mut self, bytes: &[u8], batches: i64) -> Result<(), String> {
        if let Some(reason) = &self.failed {
            return Err(reason.clone());
        }
        if let Err(error) = self.file.write_all(bytes) {
            // A disk that is full may have room later: take back what was written of it.
            let undone = self
                .file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            if let Err(undo) = undone {
                self.failed = Some(format!("{error}, then {undo}"));
            }
            return Err(error.to_string());
        }
        if let Err(error) = self.file.sync_data() {
            // What the kernel kept of failed pages is unknown; syncing again would report success.
            self.failed = Some(error.to_string());
            return Err(error.to_string());
        }
        self.length += bytes.len() as u64;
        self.next_seq += batches;
        Ok(())
    }

    /// Ends the segment and begins the next.
    pub(super) fn rotate(&mut self) -> Result<(), EventsError> {
        if let Some(reason) = &self.failed {
            return Err(EventsError::Log(reason.clone()));
        }
        if self.length == HEADER {
            return Ok(());
        }
        let (path, file) = create_segment(&self.dir, self.next_seq)?;
        let old = std::mem::replace(&mut self.path, path);
        self.file = file;
        self.length = HEADER;
        self.closed.push(Closed {
            path: old,
            last_seq: self.next_seq - 1,
        });
        Ok(())
    }

    /// Deletes the ended segments whose every record is at or below a watermark. What cannot be
    /// deleted is tried again next time; replay skips it.
    pub(super) fn release(&mut self, watermark: i64) {
        self.closed.retain(|segment| {
            if segment.last_seq > watermark {
                return true;
            }
            match fs::remove_file(&segment.path) {
                Ok(()) => false,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(error) => {
                    tracing::warn!(path = %segment.path.display(), %error, "log segment stays");
                    true
                }
            }
        });
    }
}

/// Makes a folder's entries durable.
pub(super) fn sync_folder(dir: &Path) -> Result<(), EventsError> {
    // Other systems than Unix cannot open a folder as a file, and need not.
    #[cfg(unix)]
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(EventsError::file(dir))?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

fn segment_path(dir: &Path, first_seq: i64) -> PathBuf {
    dir.join(format!("{first_seq:020}.{EXTENSION}"))
}

fn create_segment(dir: &Path, first_seq: i64) -> Result<(PathBuf, File), EventsError> {
    let path = segment_path(dir, first_seq);
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&first_seq.to_le_bytes());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(&path)
        .and_then(|mut file| file.write_all(&header).map(|()| file))
        .and_then(|file| file.sync_all().map(|()| file))
        .map_err(EventsError::file(&path))?;
    sync_folder(dir)?;
    Ok((path, file))
}

/// The segments in order: their names have a fixed width.
fn segments(dir: &Path) -> Result<Vec<PathBuf>, EventsError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(EventsError::file(dir))? {
        let path = entry.map_err(EventsError::file(dir))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The records of a segment; a torn tail of the last one is cut off on disk.
fn read_segment(path: &Path, is_last: bool) -> Result<Vec<Record>, EventsError> {
    let bytes = fs::read(path).map_err(EventsError::file(path))?;
    let (records, at, damage) = parse(&bytes);
    let Some(damage) = damage else {
        return Ok(records);
    };
    // A payload with a right checksum is what some program meant to write, not a torn tail.
    if !is_last || damage == Damage::Payload {
        let (path, offset) = (path.to_owned(), at as u64);
        return Err(EventsError::Corrupt {
            path,
            offset,
            reason: damage.reason(),
        });
    }
    tracing::warn!(
        path = %path.display(), offset = at, cut = bytes.len() - at,
        "the log's last record was not complete and never acknowledged; cut off"
    );
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(EventsError::file(path))?;
    file.set_len(at as u64)
        .and_then(|()| file.sync_all())
        .map_err(EventsError::file(path))?;
    Ok(records)
}

/// The batches of a segment's whole records, where the last of them ends, and what is wrong with the rest.
fn parse(bytes: &[u8]) -> (Vec<Record>, usize, Option<Damage>) {
    let mut records = Vec::new();
    let mut at = HEADER as usize;
    if bytes.len() < at || !bytes.starts_with(MAGIC) {
        return (records, 0, Some(Damage::Short));
    }
    while at < bytes.len() {
        match record::decode(&bytes[at..]) {
            Ok((batches, length)) => {
                at += length;
                records.extend(batches);
            }
            Err(damage) => return (records, at, Some(damage)),
        }
    }
    (records, at, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::convert::to_batches;
    use bartizan_contract::TenantId;
    use bartizan_contract::hunting::table;
    use bartizan_contract::value::Row;
    use uuid::Uuid;

    fn write(log: &mut Log, id: u128) {
        let rows = [Row::empty(table("AlertInfo").unwrap())];
        let converted = to_batches([&rows[..]]).unwrap();
        let member = record::Member {
            tenant: TenantId::from_u128(1),
            batch_id: Some(Uuid::from_u128(id)),
            parts: &converted.parts[0],
        };
        let mut bytes = Vec::new();
        let encoded = record::encode(0, &converted.tables).unwrap();
        encoded.write(&mut bytes, log.next_seq(), &[member]);
        log.commit(&bytes, 1).unwrap();
    }

    fn ids(records: &[Record]) -> Vec<(i64, u128)> {
        records
            .iter()
            .map(|record| (record.seq, record.batch_id.unwrap().as_u128()))
            .collect()
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut_and_writing_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path(), 0).unwrap();
        write(&mut log, 1);
        let first = fs::metadata(&log.path).unwrap().len() as usize;
        write(&mut log, 2);
        let path = log.path.clone();
        drop(log);
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            let (records, at, damage) = parse(&whole[..cut]);
            let kept = usize::from(cut >= first) + usize::from(cut == whole.len());
            assert_eq!(ids(&records), [(1, 1), (2, 2)][..kept], "cut at {cut}");
            assert_eq!(damage.is_none(), cut > 0 && at == cut, "cut at {cut}");
        }
        // The same through the disk, at fewer places: each costs several waits for it.
        let beyond = whole.len() + 1;
        for cut in (0..beyond)
            .step_by(97)
            .chain([first - 1, first, first + 1, whole.len()])
        {
            fs::remove_dir_all(dir.path()).unwrap();
            fs::create_dir_all(dir.path()).unwrap();
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut log, records) = Log::open(dir.path(), 0).unwrap();
            let kept = usize::from(cut >= first) + usize::from(cut == whole.len());
            assert_eq!(ids(&records).len(), kept, "cut at {cut}");
            write(&mut log, 9);
            drop(log);
            let (_, records) = Log::open(dir.path(), 0).unwrap();
            assert_eq!(
                ids(&records).last(),
                Some(&(kept as i64 + 1, 9)),
                "cut at {cut}"
            );
            assert_eq!(records.len(), kept + 1, "cut at {cut}");
        }
    }

    #[test]
    fn segments_are_released_by_watermark_and_replay_skips_what_is_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path(), 0).unwrap();
        for id in 1..=3 {
            write(&mut log, id);
            log.rotate().unwrap();
        }
        log.rotate().unwrap();
        assert_eq!(
            segments(dir.path()).unwrap().len(),
            4,
            "an empty segment is not rotated"
        );
        log.release(2);
        assert_eq!(segments(dir.path()).unwrap().len(), 2);
        drop(log);
        let (log, records) = Log::open(dir.path(), 2).unwrap();
        assert_eq!(ids(&records), [(3, 3)]);
        assert_eq!(log.next_seq(), 4);
        drop(log);
        let (log, records) = Log::open(dir.path(), 7).unwrap();
        assert!(records.is_empty());
        assert_eq!(
            log.next_seq(),
            8,
            "numbers never go back below the watermark"
        );
    }

    #[test]
    fn damage_before_the_last_segment_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path(), 0).unwrap();
        write(&mut log, 1);
        let path = log.path.clone();
        log.rotate().unwrap();
        write(&mut log, 2);
        drop(log);
        let mut bytes = fs::read(&path).unwrap();
        bytes.pop();
        fs::write(&path, bytes).unwrap();
        let error = Log::open(dir.path(), 0).unwrap_err();
        assert!(
            matches!(error, EventsError::Corrupt { offset: HEADER, .. }),
            "{error}"
        );
    }
}
