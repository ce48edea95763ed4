//! `bartizan ingest`: files to the server, which reads, maps and keeps them.

mod kind;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bartizan_contract::hunting;
use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use bartizan_sdk::pipeline::Call;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::Ingest;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

/// One file to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upload<'a> {
    /// Its name, which tells the format and appears in remarks.
    pub(crate) name: &'a str,
    /// The lines are rows of this table.
    pub(crate) table: Option<&'a str>,
    /// Shift the events in time so that the last one happens then: `now` or an ISO 8601 time.
    pub(crate) end: Option<&'a str>,
}

/// What the server made of a file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Lines read.
    #[serde(default)]
    pub(crate) events: u64,
    /// Rows made of them, by table; those that were there already are among them.
    #[serde(default)]
    pub(crate) rows: BTreeMap<String, u64>,
    /// Rows that are new.
    #[serde(default)]
    pub(crate) accepted_rows: u64,
    /// Rows that were there already.
    #[serde(default)]
    pub(crate) duplicate_rows: u64,
    /// New rows that are older than what hunts look back.
    #[serde(default)]
    pub(crate) outside_look_back_rows: u64,
    /// Whether the whole file could be read.
    #[serde(default = "yes")]
    pub(crate) complete: bool,
    /// Events that fill no table, by reason.
    #[serde(default)]
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Lines that could not be read, by reason.
    #[serde(default)]
    pub(crate) rejected: BTreeMap<String, u64>,
    /// The rejected lines themselves, as many as the server returns.
    #[serde(default)]
    pub(crate) rejects: Vec<Value>,
    /// What was wrong with the file as a whole, when something was.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

const fn yes() -> bool {
    true
}

impl Report {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.accepted_rows += other.accepted_rows;
        self.duplicate_rows += other.duplicate_rows;
        self.outside_look_back_rows += other.outside_look_back_rows;
        self.complete &= other.complete;
        for (sum, part) in [
            (&mut self.rows, other.rows),
            (&mut self.skipped, other.skipped),
            (&mut self.rejected, other.rejected),
        ] {
            for (name, count) in part {
                *sum.entry(name).or_default() += count;
            }
        }
        self.rejects.extend(other.rejects);
        self.warnings.extend(other.warnings);
    }
}

/// Sends one file and waits until the server has it on disk.
pub(crate) async fn upload(
    client: &Client,
    bytes: Vec<u8>,
    options: &Upload<'_>,
) -> Result<Report, Failure> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("name", options.name);
    if let Some(table) = options.table {
        query.append_pair("table", table);
    }
    if let Some(end) = options.end {
        query.append_pair("end", end);
    }
    let path = format!("/bartizan/v1/ingest?{}", query.finish());
    let url = client
        .cloud()
        .base(Service::Own)
        .join(&path)
        .map_err(Failure::usage)?;
    let media_type = HeaderValue::from_static("application/octet-stream");
    let call = Call {
        service: Service::Own,
        method: Method::POST,
        url,
        body: Some((media_type, bytes.into())),
        headers: HeaderMap::new(),
    };
    Ok(client.send(call).await?.json()?)
}

const COLUMNS: &[Column] = &[
    ("What", |r| at(r, "what")),
    ("Name", |r| at(r, "name")),
    ("Count", |r| at(r, "count")),
];

/// Carries out the command.
pub(crate) async fn run(command: Ingest, printer: &Printer) -> Outcome {
    if let Some(name) = &command.table {
        known_table(name)?;
    }
    let files = files(&command.paths)?;
    let client = target::client(&command.connection)?;
    let bar = progress(&files);
    let mut total = Report {
        complete: true,
        ..Report::default()
    };
    let mut failures: Vec<Failure> = Vec::new();
    for (path, size) in &files {
        bar.set_message(path.display().to_string());
        match send(&client, path, command.table.as_deref(), command.end_now).await {
            Ok(mut report) => {
                let about = |warning: String| format!("{}: {warning}", path.display());
                report.warnings = report.warnings.into_iter().map(about).collect();
                total.add(report);
            }
            Err(failure) => {
                let failure = failure.about(path.display());
                // The last one may be how the command ends: it is said then.
                if let Some(before) = failures.last() {
                    bar.suspend(|| eprintln!("{before}"));
                }
                let hopeless = failure.is_about_the_caller();
                failures.push(failure);
                // No other file would fare better.
                if hopeless {
                    break;
                }
            }
        }
        bar.inc(*size);
    }
    bar.finish_and_clear();
    if let Some(last) = failures.last()
        && !is_the_end(&failures, files.len())
    {
        eprintln!("{last}");
    }
    if !total.rejects.is_empty() {
        let path = command
            .rejects
            .unwrap_or_else(|| PathBuf::from("rejected.ndjson"));
        let path = write_rejects(&path, &total.rejects)?;
        printer.remark(&format!("rejected lines are in {}", path.display()));
    }
    for warning in &total.warnings {
        printer.remark(warning);
    }
    if failures.len() < files.len() {
        print(&total, printer)?;
    }
    verdict(&total, failures, files.len())
}

/// A name that no table has is refused before anything is sent.
fn known_table(name: &str) -> Outcome {
    if hunting::table(name).is_some() {
        return Ok(());
    }
    let hint = hunting::nearest_table(name)
        .map_or_else(String::new, |known| format!("; did you mean {known}?"));
    Err(Failure::usage(format!(
        "there is no hunting table '{name}' (names are case-sensitive){hint}"
    )))
}

/// Whether a failure of these is how the command ends: nothing was taken in, or nothing more can be.
fn is_the_end(failures: &[Failure], files: usize) -> bool {
    let failed = failures.len();
    failed > 0 && (failed == files || failures.iter().any(Failure::is_about_the_caller))
}

/// How the command ends: with the failure's own code when nothing was taken in, as partly done when something was.
fn verdict(total: &Report, mut failures: Vec<Failure>, files: usize) -> Outcome {
    let failed = failures.len();
    if is_the_end(&failures, files) {
        return Err(failures.swap_remove(failed - 1));
    }
    if failed > 0 {
        return Err(Failure::partial(format!("{failed} files failed")));
    }
    match total.rejected.values().sum::<u64>() {
        0 if total.complete => Ok(()),
        0 => Err(Failure::partial("not everything could be read")),
        rejected => Err(Failure::partial(format!("{rejected} lines were rejected"))),
    }
}

async fn send(
    client: &Client,
    path: &Path,
    table: Option<&str>,
    end_now: bool,
) -> Result<Report, Failure> {
    let bytes = std::fs::read(path)?;
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    if let Some(wrong) = kind::wrong(&name, &bytes) {
        return Err(Failure::usage(wrong));
    }
    upload(
        client,
        bytes,
        &Upload {
            name: &name,
            table,
            end: end_now.then_some("now"),
        },
    )
    .await
}

fn print(total: &Report, printer: &Printer) -> Outcome {
    if !printer.is_table() {
        return printer.json(&json!({
            "events": total.events,
            "rows": total.rows,
            "acceptedRows": total.accepted_rows,
            "duplicateRows": total.duplicate_rows,
            "outsideLookBackRows": total.outside_look_back_rows,
            "complete": total.complete,
            "skipped": total.skipped,
            "rejected": total.rejected,
        }));
    }
    let parts = [
        ("rows", &total.rows),
        ("skipped", &total.skipped),
        ("rejected", &total.rejected),
    ];
    let sums = [
        ("new", total.accepted_rows),
        ("there already", total.duplicate_rows),
        ("older than 30 days", total.outside_look_back_rows),
    ];
    let sums = sums
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| json!({ "what": "in all", "name": name, "count": count }));
    let lines: Vec<Value> = parts
        .into_iter()
        .flat_map(|(what, counts)| {
            counts
                .iter()
                .map(move |(name, count)| json!({ "what": what, "name": name, "count": count }))
        })
        .chain(sums)
        .collect();
    printer.list(COLUMNS, &lines)
}

/// Writes rejected lines, which are as private as what was sent, for the owner alone; where they are is returned.
fn write_rejects(path: &Path, rejects: &[Value]) -> Result<PathBuf, Failure> {
    let (path, file) = fresh(path).map_err(|error| {
        Failure::from(error).about(format!("rejected lines: {}", path.display()))
    })?;
    let mut file = std::io::BufWriter::new(file);
    for reject in rejects {
        writeln!(file, "{reject}")?;
    }
    file.flush()?;
    Ok(path)
}

/// A new file of that name, with a number in it when there is one already: those of an earlier run are kept.
fn fresh(path: &Path) -> std::io::Result<(PathBuf, std::fs::File)> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (part(path.file_stem()), part(path.extension()));
    let mut candidate = path.to_owned();
    for number in 1.. {
        match options.open(&candidate) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (candidate, file)),
        }
        candidate = path.with_file_name(match extension.is_empty() {
            true => format!("{stem}-{number}"),
            false => format!("{stem}-{number}.{extension}"),
        });
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// The files that the paths name, folders walked, in order, with their sizes.
fn files(paths: &[PathBuf]) -> Result<Vec<(PathBuf, u64)>, Failure> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = pending.pop() {
        let metadata = std::fs::metadata(&path)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        if metadata.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(&path)?
                .map(|entry| entry.map(|e| e.path()))
                .collect::<Result<_, _>>()?;
            inside.sort();
            // Links inside a folder could lead round in circles.
            inside.retain(|path| !path.is_symlink() && !kind::is_beside(path));
            pending.extend(inside.into_iter().rev());
        } else {
            found.push((path, metadata.len()));
        }
    }
    Ok(found)
}

fn progress(files: &[(PathBuf, u64)]) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:30} {bytes:>9}/{total_bytes} {bytes_per_sec} {eta:>4} left {wide_msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let total = files.iter().map(|(_, size)| size).sum();
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(outcome: Outcome) -> Option<u8> {
        outcome.err().map(|failure| failure.code())
    }

    #[test]
    fn a_mistyped_table_is_refused_with_its_neighbour() {
        assert!(known_table("DeviceProcessEvents").is_ok());
        let failure = known_table("DeviceProcesEvents").expect_err("refused");
        assert_eq!(failure.code(), 2);
        assert!(
            failure.to_string().contains("DeviceProcessEvents?"),
            "{failure}"
        );
    }

    #[test]
    fn rejected_lines_are_private_and_replace_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rejected.ndjson");
        let line = [json!({ "line": 1 })];
        let written = || write_rejects(&path, &line).expect("written");
        assert_eq!(written(), path);
        assert_eq!(written(), folder.path().join("rejected-1.ndjson"));
        assert_eq!(written(), folder.path().join("rejected-2.ndjson"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("a file").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_verdict_follows_what_became_of_all_files() {
        let whole = || Report {
            complete: true,
            ..Report::default()
        };
        assert_eq!(code(verdict(&whole(), Vec::new(), 2)), None);
        let cut = Report::default();
        assert_eq!(code(verdict(&cut, Vec::new(), 1)), Some(8), "broken off");
        let rejected = Report {
            rejected: [("invalid_json".to_owned(), 1)].into(),
            ..whole()
        };
        assert_eq!(code(verdict(&rejected, Vec::new(), 1)), Some(8));
        let wrong = || vec![Failure::usage("x")];
        assert_eq!(code(verdict(&whole(), wrong(), 1)), Some(2), "all of them");
        assert_eq!(code(verdict(&whole(), wrong(), 2)), Some(8), "one of two");
        let refused = vec![Failure::unauthenticated("x")];
        assert_eq!(code(verdict(&whole(), refused, 2)), Some(3));
    }
}
