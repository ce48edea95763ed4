//! Opening files, archives and folders.
//!
//! What a file is, its first bytes decide, never its name; which members of an archive or folder
//! hold telemetry, their names do. Limits hold over everything that one call reads: bytes that come
//! out, how many come out for one that goes in, and the number of members. An archive that breaks
//! off, or whose member does not check, is a [`Problem`] in the report; what was read before it was
//! handed out and counts.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::guards::{Budget, Counted, Inflated, LimitError, Metered, Plain, Ratio, Stored};
use super::lines::{self, End};

/// Bounds on one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of a record; longer ones are handed out cut to one byte more.
    pub record_bytes: usize,
    /// Bytes that may come out of all sources together.
    pub total_bytes: u64,
    /// Bytes that may come out for one that is stored, judged after [`Self::ratio_grace`] bytes.
    /// Deflate cannot do more than 1,032; event logs reach about 60.
    pub ratio: u64,
    /// Bytes of a source for which the ratio is not judged.
    pub ratio_grace: u64,
    /// Members over all archives and folders.
    pub members: usize,
    /// Folders inside folders.
    pub folders: usize,
}

impl Default for ReadLimits {
    /// 4 MiB, 64 GiB, 300 to 1 after 64 MiB, 100,000 members, 16 folders deep.
    fn default() -> Self {
        Self {
            record_bytes: 4 << 20,
            total_bytes: 64 << 30,
            ratio: 300,
            ratio_grace: 64 << 20,
            members: 100_000,
            folders: 16,
        }
    }
}

/// What the reader hands out.
#[derive(Debug)]
pub enum Step<'a> {
    /// A source begins. Named like `recordings/a.zip!a.json`.
    Source(&'a Arc<str>),
    /// A record of the current source.
    Record {
        /// The source's name.
        source: &'a Arc<str>,
        /// Line of the source, from 1.
        line: u64,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// The current source is over: all of its records were handed out that could be read.
    End(&'a Arc<str>),
}

/// What kind of trouble a source had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It ends before its end.
    Truncated,
    /// Its bytes are not what the format or a checksum says.
    Corrupt,
    /// A limit stopped the reading. Nothing after it was read.
    Limit,
    /// The system could not read it.
    Unreadable,
    /// A compression or encryption that is not supported.
    Unsupported,
}

/// Trouble with one source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The source.
    pub source: String,
    /// The kind of trouble.
    pub kind: ProblemKind,
    /// What happened, for a person.
    pub text: String,
    /// Records of this source that were handed out before.
    pub records_read: u64,
}

/// What a call read.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ReadReport {
    /// Sources read, wholly or in part.
    pub sources: u64,
    /// Records handed out.
    pub records: u64,
    /// Bytes that came out of the sources.
    pub bytes: u64,
    /// Members whose names say that they are no telemetry; the first 100.
    pub passed_over: Vec<String>,
    /// Troubles, in order; the first 1,000.
    pub problems: Vec<Problem>,
    /// Whether the caller or a limit ended the call early.
    pub stopped: bool,
}

/// Reads a file, an archive or a folder. Call it twice with the same path for two passes.
pub fn read_path(
    path: &Path,
    limits: &ReadLimits,
    sink: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
) -> ReadReport {
    let mut reading = Reading {
        limits,
        sink,
        report: ReadReport::default(),
        members: 0,
    };
    let name = path
        .file_name()
        .map_or_else(|| path.to_string_lossy(), |n| n.to_string_lossy());
    let flow = if path.is_dir() {
        reading.folder(path, &name, 0)
    } else {
        reading.file(path, &name)
    };
    reading.report.stopped = flow.is_break();
    reading.report
}

/// Reads a stream that cannot go back: plain text, `.gz` or `.tar.gz`. A zip archive has its table
/// of contents at its end and belongs into a file first.
pub fn read_stream(
    name: &str,
    stream: &mut dyn Read,
    limits: &ReadLimits,
    sink: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
) -> ReadReport {
    let mut reading = Reading {
        limits,
        sink,
        report: ReadReport::default(),
        members: 0,
    };
    let mut stream = BufReader::with_capacity(
        64 << 10,
        Counted {
            inner: stream,
            bytes: 0,
        },
    );
    let flow = match sniff(&mut stream) {
        Ok(Format::Zip) => reading.problem(
            name,
            ProblemKind::Unsupported,
            "a zip archive cannot be read from a stream",
            0,
        ),
        Ok(format) => {
            // What went in so far is the stream's own count, asked again at every judgement.
            reading.any(name, format, &mut stream)
        }
        Err(error) => reading.failure(name, &error, 0),
    };
    reading.report.stopped = flow.is_break();
    reading.report
}

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Gzip,
    Zip,
    Tar,
}

fn sniff(reader: &mut dyn BufRead) -> io::Result<Format> {
    let head = reader.fill_buf()?;
    Ok(if head.starts_with(b"\x1f\x8b") {
        Format::Gzip
    } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Format::Zip
    } else if head.get(257..262) == Some(b"ustar") {
        Format::Tar
    } else {
        Format::Plain
    })
}

/// One call's state.
struct Reading<'a> {
    limits: &'a ReadLimits,
    sink: &'a mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    report: ReadReport,
    members: usize,
}

impl Reading<'_> {
    fn folder(&mut self, path: &Path, name: &str, depth: usize) -> ControlFlow<()> {
        if depth > self.limits.folders {
            return self.problem(name, ProblemKind::Limit, "folders are nested too deep", 0);
        }
        let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.failure(name, &error, 0),
        };
        let mut paths: Vec<_> = entries.into_iter().map(|e| e.path()).collect();
        paths.sort();
        for path in paths {
            let member = path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            let full = format!("{name}/{member}");
            // Links are not followed: a folder must not lead out of itself.
            let Ok(kind) = path.symlink_metadata().map(|m| m.file_type()) else {
                continue;
            };
            if kind.is_dir() {
                self.folder(&path, &full, depth + 1)?;
            } else if kind.is_file() && is_telemetry(&member) {
                self.member(&full)?;
                self.file(&path, &full)?;
            } else {
                self.pass_over(full);
            }
        }
        ControlFlow::Continue(())
    }

    fn file(&mut self, path: &Path, name: &str) -> ControlFlow<()> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.failure(name, &error, 0),
        };
        let format = {
            let mut head = BufReader::with_capacity(1 << 10, &file);
            match sniff(&mut head) {
                Ok(format) => format,
                Err(error) => return self.failure(name, &error, 0),
            }
        };
        if let Err(error) = file.seek(SeekFrom::Start(0)) {
            return self.failure(name, &error, 0);
        }
        if format == Format::Zip {
            return self.zip(file, name);
        }
        let stored = Counted {
            inner: &mut file,
            bytes: 0,
        };
        let mut reader = BufReader::with_capacity(256 << 10, stored);
        self.any(name, format, &mut reader)
    }

    /// Plain text, gzip or tar.
    fn any(&mut self, name: &str, format: Format, reader: &mut dyn Stored) -> ControlFlow<()> {
        let source = Metered::new(reader);
        match format {
            Format::Plain => self.text(
                name,
                &mut BufReader::with_capacity(256 << 10, Plain(source)),
            ),
            Format::Tar => self.tar(name, Plain(source)),
            Format::Gzip => {
                let inner = Inflated::new(source, self.limits);
                let mut inner = BufReader::with_capacity(256 << 10, inner);
                match sniff(&mut inner) {
                    Ok(Format::Tar) => self.tar(name, inner),
                    Ok(Format::Plain) => self.text(name, &mut inner),
                    Ok(_) => {
                        self.problem(name, ProblemKind::Unsupported, "an archive inside gzip", 0)
                    }
                    Err(error) => self.failure(name, &error, 0),
                }
            }
            Format::Zip => self.problem(
                name,
                ProblemKind::Unsupported,
                "a zip archive inside another",
                0,
            ),
        }
    }

    fn tar(&mut self, name: &str, reader: impl Read) -> ControlFlow<()> {
        let mut archive = tar::Archive::new(reader);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.failure(name, &error, 0),
        };
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                // Without its header the rest of the archive has no beginning.
                Err(error) => return self.failure(name, &error, 0),
            };
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let member = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            self.archived(name, &member, &mut entry)?;
        }
        ControlFlow::Continue(())
    }

    fn zip(&mut self, file: File, name: &str) -> ControlFlow<()> {
        let mut archive = match zip::ZipArchive::new(&file) {
            Ok(archive) => archive,
            Err(error) => {
                self.problem(
                    name,
                    zip_kind(&error),
                    &format!("no table of contents: {error}"),
                    0,
                )?;
                return self.zip_without_contents(file, name);
            }
        };
        for index in 0..archive.len() {
            let mut member = match archive.by_index(index) {
                Ok(member) => member,
                Err(error) => {
                    let member = format!("{name}!#{index}");
                    self.problem(&member, zip_kind(&error), &error.to_string(), 0)?;
                    continue;
                }
            };
            if !member.is_file() {
                continue;
            }
            let (path, stored) = (member_name(&member), member.compressed_size());
            let mut reader = Ratio::new(&mut member, stored, self.limits);
            self.archived(name, &path, &mut reader)?;
        }
        ControlFlow::Continue(())
    }

    /// A zip archive whose end is missing: its members one after the other, as far as they go.
    fn zip_without_contents(&mut self, mut file: File, name: &str) -> ControlFlow<()> {
        if let Err(error) = file.seek(SeekFrom::Start(0)) {
            return self.failure(name, &error, 0);
        }
        let mut stream = BufReader::with_capacity(256 << 10, file);
        loop {
            let mut member = match zip::read::read_zipfile_from_stream(&mut stream) {
                Ok(Some(member)) => member,
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => return self.problem(name, zip_kind(&error), &error.to_string(), 0),
            };
            let (path, stored) = (member_name(&member), member.compressed_size());
            let before = self.report.problems.len();
            let mut reader = Ratio::new(&mut member, stored, self.limits);
            self.archived(name, &path, &mut reader)?;
            if self.report.problems.len() > before {
                return ControlFlow::Continue(());
            }
        }
    }

    /// A member of an archive, which may itself be gzip.
    fn archived(&mut self, archive: &str, member: &str, reader: &mut dyn Read) -> ControlFlow<()> {
        let full = format!("{archive}!{member}");
        if !is_telemetry(member) {
            self.pass_over(full);
            return ControlFlow::Continue(());
        }
        self.member(&full)?;
        let mut reader = BufReader::with_capacity(
            256 << 10,
            Counted {
                inner: reader,
                bytes: 0,
            },
        );
        match sniff(&mut reader) {
            Ok(Format::Plain) => self.text(&full, &mut reader),
            Ok(Format::Gzip) => {
                let inner = Inflated::new(Metered::new(&mut reader), self.limits);
                self.text(&full, &mut BufReader::with_capacity(256 << 10, inner))
            }
            Ok(_) => self.problem(
                &full,
                ProblemKind::Unsupported,
                "an archive inside an archive",
                0,
            ),
            Err(error) => self.failure(&full, &error, 0),
        }
    }

    /// The records of one text.
    fn text(&mut self, name: &str, reader: &mut dyn BufRead) -> ControlFlow<()> {
        let source: Arc<str> = Arc::from(name);
        self.report.sources += 1;
        (self.sink)(Step::Source(&source))?;
        let left = self.limits.total_bytes.saturating_sub(self.report.bytes);
        let mut reader = Budget {
            inner: reader,
            left,
            spent: 0,
        };
        let mut records = 0;
        let sink = &mut *self.sink;
        let end = lines::cut(&mut reader, self.limits.record_bytes, |record| {
            records += 1;
            sink(Step::Record {
                source: &source,
                line: record.line,
                bytes: record.bytes,
            })
        });
        self.report.records += records;
        self.report.bytes += reader.spent;
        match end {
            End::Stopped => return ControlFlow::Break(()),
            End::Failed(error) => self.failure(name, &error, records)?,
            End::Finished => {}
        }
        (self.sink)(Step::End(&source))
    }

    fn member(&mut self, name: &str) -> ControlFlow<()> {
        self.members += 1;
        if self.members > self.limits.members {
            return self.problem(name, ProblemKind::Limit, "too many members", 0);
        }
        ControlFlow::Continue(())
    }

    fn pass_over(&mut self, name: String) {
        if self.report.passed_over.len() < 100 {
            self.report.passed_over.push(name);
        }
    }

    fn failure(&mut self, name: &str, error: &io::Error, records: u64) -> ControlFlow<()> {
        self.problem(name, io_kind(error), &error.to_string(), records)
    }

    /// Notes trouble. Only a limit ends the call.
    fn problem(
        &mut self,
        name: &str,
        kind: ProblemKind,
        text: &str,
        records: u64,
    ) -> ControlFlow<()> {
        if self.report.problems.len() < 1_000 {
            self.report.problems.push(Problem {
                source: name.to_owned(),
                kind,
                text: text.to_owned(),
                records_read: records,
            });
        }
        if kind == ProblemKind::Limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Whether a member's name says that it holds events: JSON of any kind, also compressed, or a log.
fn is_telemetry(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let base = lower.rsplit(['/', '\\']).next().unwrap_or(&lower);
    // macOS puts shadows of files beside them.
    if base.starts_with("._") || lower.contains("__macosx/") {
        return false;
    }
    let stem = base.strip_suffix(".gz").unwrap_or(base);
    let packed = [".zip", ".tgz", ".tar"]
        .iter()
        .any(|end| base.ends_with(end))
        || base.ends_with(".tar.gz");
    packed
        || [".json", ".jsonl", ".ndjson", ".log"]
            .iter()
            .any(|end| stem.ends_with(end))
}

/// A member's path, as it is written: nothing is created under it.
fn member_name<R: Read>(member: &zip::read::ZipFile<'_, R>) -> String {
    String::from_utf8_lossy(member.name_raw()).into_owned()
}

fn io_kind(error: &io::Error) -> ProblemKind {
    if error
        .get_ref()
        .is_some_and(|inner| inner.is::<LimitError>())
    {
        return ProblemKind::Limit;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ProblemKind::Truncated,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            ProblemKind::Corrupt
        }
        io::ErrorKind::Unsupported => ProblemKind::Unsupported,
        _ => ProblemKind::Unreadable,
    }
}

fn zip_kind(error: &zip::result::ZipError) -> ProblemKind {
    match error {
        zip::result::ZipError::Io(error) => io_kind(error),
        zip::result::ZipError::UnsupportedArchive(_) => ProblemKind::Unsupported,
        _ => ProblemKind::Truncated,
    }
}
