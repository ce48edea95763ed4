//! Recordings as rows: reads a path twice, once to learn who is who and once to map.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bartizan_contract::hunting::Table;
use bartizan_contract::value::Row;
use bartizan_telemetry::{
    Limits, MapOutcome, Mapper, MapperSettings, RejectCode, RejectReason, Tally, ndjson,
};
use serde::Serialize;

use super::archive::{ReadLimits, ReadReport, Step, read_path};
use super::batch::{self, Batch};
use super::rejects::RejectWriter;

/// How a path is fed.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// How events are mapped.
    pub mapper: MapperSettings,
    /// The lines are rows of this table, not events.
    pub table: Option<&'static Table>,
    /// What reading may cost.
    pub limits: ReadLimits,
    /// Rows handed over at a time.
    pub batch_rows: usize,
    /// Bytes handed over at a time, and the most that one row may have: a larger one is refused.
    pub batch_bytes: usize,
    /// Records between two progress reports.
    pub progress_every: u64,
    /// Moves each source in time so that its latest event happens then, in ticks: recordings of
    /// long ago come into the look-back of hunts. Inside a source, distances stay.
    pub end_at: Option<i64>,
}

impl FeedSettings {
    /// The defaults: 5,000 rows or 16 MiB a batch, progress every 10,000 records.
    #[must_use]
    pub fn new(mapper: MapperSettings) -> Self {
        Self {
            mapper,
            table: None,
            limits: ReadLimits::default(),
            batch_rows: batch::ROWS,
            batch_bytes: batch::BYTES,
            progress_every: 10_000,
            end_at: None,
        }
    }
}

/// What a feed hands over.
#[derive(Debug)]
pub enum Fed {
    /// Rows of any tables, in the records' order.
    Rows(Vec<Row>),
    /// How far it is.
    Progress {
        /// The current source.
        source: std::sync::Arc<str>,
        /// Records mapped so far, over all sources.
        records: u64,
    },
}

/// What a feed did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedReport {
    /// What was read, with its troubles.
    pub read: ReadReport,
    /// What became of it.
    pub tally: Tally,
}

/// Feeds a file, an archive or a folder. Every source has a mapper of its own: sources are
/// recordings of different days. Rows follow the order of records inside a source, and the
/// inventory rows end it.
///
/// Learning reads one source ahead of mapping, on a thread of its own: every source is learned, and
/// the facts of two at a time are in memory. A stream that must be mapped as it comes goes through a
/// [`Mapper`] directly.
pub fn feed_path(
    path: &Path,
    settings: &FeedSettings,
    rejects: Option<&mut RejectWriter>,
    sink: &mut dyn FnMut(Fed) -> ControlFlow<()>,
) -> FeedReport {
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (teach, learned) = sync_channel(0);
        // Rows of a table need only be read before when they are to be moved in time.
        if settings.table.is_none() || settings.end_at.is_some() {
            let work = || learn(path, settings, teach, &enough);
            let spawned = std::thread::Builder::new()
                .name("ingest-learn".to_owned())
                .spawn_scoped(scope, work);
            if let Err(error) = spawned {
                tracing::warn!(%error, "recordings are mapped without having been learned");
            }
        } else {
            drop(teach);
        }
        let feed = Feed {
            settings,
            learned,
            reader: Reader::new(settings),
            shift: 0,
            batch: Batch::new(settings.batch_rows, settings.batch_bytes),
            tally: Tally::default(),
            rejects,
            sink,
            done: false,
        };
        let report = feed.run(path);
        enough.store(true, Ordering::Relaxed);
        report
    })
}

/// The first pass: hands over one reader per source, in order, that has seen all of it.
fn learn(path: &Path, settings: &FeedSettings, teach: SyncSender<Reader>, enough: &AtomicBool) {
    let mut reader = Reader::new(settings);
    read_path(path, &settings.limits, &mut |step| {
        if enough.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        match step {
            Step::Source(_) => reader = Reader::new(settings),
            Step::Record { bytes, .. } => reader.learn(bytes),
            Step::End(_) => {
                let learned = std::mem::replace(&mut reader, Reader::new(settings));
                // Waits until the second pass comes to this source; fails when there is none any more.
                if teach.send(learned).is_err() {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    });
    // A limit that ends the reading inside a source ends the second pass at the same place.
    let _ = teach.send(reader);
}

/// What makes rows of a source's records.
enum Reader {
    Events(Box<Mapper>),
    Rows {
        table: &'static Table,
        limits: Limits,
        latest: Option<i64>,
    },
}

impl Reader {
    fn new(settings: &FeedSettings) -> Self {
        match settings.table {
            None => Self::Events(Box::new(Mapper::new(settings.mapper.clone()))),
            Some(table) => Self::Rows {
                table,
                limits: settings.mapper.limits,
                latest: None,
            },
        }
    }

    fn learn(&mut self, line: &[u8]) {
        match self {
            Self::Events(mapper) => mapper.learn(line),
            Self::Rows {
                table,
                limits,
                latest,
            } => {
                let row = ndjson::row(table.name, line, limits);
                *latest = (*latest).max(row.ok().and_then(|row| row.timestamp()));
            }
        }
    }

    /// The time of the latest record that was learned, in ticks.
    fn latest(&self) -> Option<i64> {
        match self {
            Self::Events(mapper) => mapper.latest(),
            Self::Rows { latest, .. } => *latest,
        }
    }

    fn map(&mut self, line: &[u8]) -> MapOutcome {
        match self {
            Self::Events(mapper) => mapper.map(line),
            Self::Rows { table, limits, .. } => {
                let mut outcome = MapOutcome::default();
                match ndjson::row(table.name, line, limits) {
                    Ok(row) => outcome.rows.push(row),
                    Err(reason) => outcome.rejected = Some(reason),
                }
                outcome
            }
        }
    }

    fn finish(&mut self) -> Vec<Row> {
        match self {
            Self::Events(mapper) => mapper.finish(),
            Self::Rows { .. } => Vec::new(),
        }
    }
}

/// The second pass.
struct Feed<'a> {
    settings: &'a FeedSettings,
    learned: Receiver<Reader>,
    reader: Reader,
    shift: i64,
    batch: Batch,
    tally: Tally,
    rejects: Option<&'a mut RejectWriter>,
    sink: &'a mut dyn FnMut(Fed) -> ControlFlow<()>,
    /// The sink has had enough.
    done: bool,
}

impl Feed<'_> {
    fn run(mut self, path: &Path) -> FeedReport {
        let mut open = false;
        let limits = self.settings.limits;
        let read = read_path(path, &limits, &mut |step| match step {
            Step::Source(_) => {
                open = true;
                self.begin();
                ControlFlow::Continue(())
            }
            Step::Record {
                source,
                line,
                bytes,
            } => self.record(source, line, bytes),
            Step::End(_) => {
                open = false;
                self.end()
            }
        });
        // A limit ended the reading inside a source: what was read of it is kept.
        if open && !self.done {
            // Nothing follows that the flow could stop.
            let _ = self.end();
        }
        let rest = self.batch.take();
        if !rest.is_empty() && !self.done {
            let _ = self.hand_over(Fed::Rows(rest));
        }
        FeedReport {
            read,
            tally: self.tally,
        }
    }

    fn begin(&mut self) {
        let settings = self.settings;
        let learned = self.learned.recv();
        self.reader = learned.unwrap_or_else(|_| Reader::new(settings));
        let moved = settings.end_at.zip(self.reader.latest());
        self.shift = moved.map_or(0, |(end, latest)| end - latest);
    }

    fn record(&mut self, source: &std::sync::Arc<str>, line: u64, bytes: &[u8]) -> ControlFlow<()> {
        let mut outcome = self.reader.map(bytes);
        let most = self.settings.batch_bytes;
        let before = outcome.rows.len();
        outcome.rows.retain(|row| batch::row_bytes(row) <= most);
        if outcome.rows.len() < before {
            let text = format!("the row has more than {most} bytes, more than can be kept at once");
            let reason = RejectReason::new(RejectCode::RowTooLarge, text);
            outcome.rejected.get_or_insert(reason);
        }
        self.tally.add(&outcome);
        if let (Some(rejects), Some(reason)) = (self.rejects.as_deref_mut(), &outcome.rejected) {
            rejects.write(source, line, bytes, reason);
        }
        self.push(outcome.rows)?;
        let every = self.settings.progress_every.max(1);
        if self.tally.lines.is_multiple_of(every) {
            let (source, records) = (source.clone(), self.tally.lines);
            return self.hand_over(Fed::Progress { source, records });
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self) -> ControlFlow<()> {
        let last = self.reader.finish();
        self.tally.add_rows(&last);
        self.push(last)
    }

    fn push(&mut self, rows: Vec<Row>) -> ControlFlow<()> {
        for mut row in rows {
            if self.shift != 0 {
                row.shift(self.shift);
            }
            if let Some(full) = self.batch.push(row) {
                self.hand_over(Fed::Rows(full))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn hand_over(&mut self, fed: Fed) -> ControlFlow<()> {
        let flow = (self.sink)(fed);
        self.done |= flow.is_break();
        flow
    }
}
