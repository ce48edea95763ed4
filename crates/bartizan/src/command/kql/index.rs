//! `bartizan kql index`: terms beside local Parquet files.

use bartizan_hunting::local::{IndexableFile, LocalError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::args::KqlIndex;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};

const COLUMNS: &[Column] = &[
    ("File", |f| at(f, "file")),
    ("Rows", |f| at(f, "rows")),
    ("Columns", |f| at(f, "columns")),
    ("Index bytes", |f| at(f, "indexBytes")),
];

/// Indexes the files one after the other; the first that fails ends the command, and what was written before it stays.
pub(crate) fn write(index: &KqlIndex, printer: &Printer) -> Outcome {
    let mut files = Vec::new();
    for path in &index.paths {
        files.extend(IndexableFile::at(path).map_err(Failure::usage)?);
    }
    let bar = progress(files.iter().map(IndexableFile::rows).sum());
    let mut done = Vec::with_capacity(files.len());
    let mut small = 0;
    for file in &files {
        let name = file.path().file_name().unwrap_or_default();
        bar.set_message(name.to_string_lossy().into_owned());
        let made = file.index(|rows| bar.inc(rows)).map_err(failed)?;
        small += usize::from(made.bytes == 0);
        done.push(json!({
            "file": file.path().display().to_string(),
            "rows": file.rows(),
            "columns": made.columns,
            "indexBytes": made.bytes,
        }));
    }
    bar.finish_and_clear();
    if small > 0 {
        printer.remark(&format!(
            "{small} of {} files are so small that they are read as fast without an index",
            files.len()
        ));
    }
    printer.list(COLUMNS, &done)
}

fn failed(error: LocalError) -> Failure {
    match error {
        LocalError::Io { .. } => Failure::general(error),
        LocalError::Content { .. } | LocalError::Format(_) => Failure::usage(error),
    }
}

fn progress(rows: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:30} {human_pos}/{human_len} rows {eta:>4} left {wide_msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr()).with_style(style)
}
