//! Recordings as rows: reads a path twice, once to learn who is who and once to map.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;

use bartizan_contract::value::Row;
use bartizan_telemetry::{Mapper, MapperSettings, Tally};
use serde::Serialize;

use super::archive::{ReadLimits, ReadReport, Step, read_path};
use super::rejects::RejectWriter;

/// How a path is fed.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// How events are mapped.
    pub mapper: MapperSettings,
    /// What reading may cost.
    pub limits: ReadLimits,
    /// Rows handed over at a time.
    pub batch: usize,
    /// Records between two progress reports.
    pub progress_every: u64,
    /// Moves each source in time so that its latest event happens then, in ticks: recordings of
    /// long ago come into the look-back of hunts. Inside a source, distances stay.
    pub end_at: Option<i64>,
}

impl FeedSettings {
    /// The defaults: 5,000 rows a batch, progress every 10,000 records.
    #[must_use]
    pub fn new(mapper: MapperSettings) -> Self {
        Self {
            mapper,
            limits: ReadLimits::default(),
            batch: 5_000,
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
/// Reading twice costs the time of unpacking again; a stream that must be mapped as it comes goes
/// through a [`Mapper`] directly.
pub fn feed_path(
    path: &Path,
    settings: &FeedSettings,
    mut rejects: Option<&mut RejectWriter>,
    sink: &mut dyn FnMut(Fed) -> ControlFlow<()>,
) -> FeedReport {
    let mut learned = learn(path, settings).into_iter();
    let mut mapper = Mapper::new(settings.mapper.clone());
    let mut tally = Tally::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut shift = 0;
    let mut open = false;
    let enough = Cell::new(false);
    let mut sink = |fed| {
        let flow = sink(fed);
        enough.set(enough.get() | flow.is_break());
        flow
    };
    let read = read_path(path, &settings.limits, &mut |step| match step {
        Step::Source(_) => {
            open = true;
            mapper = learned
                .next()
                .unwrap_or_else(|| Mapper::new(settings.mapper.clone()));
            shift = settings
                .end_at
                .zip(mapper.latest())
                .map_or(0, |(end, latest)| end - latest);
            ControlFlow::Continue(())
        }
        Step::Record {
            source,
            line,
            bytes,
        } => {
            let outcome = mapper.map(bytes);
            tally.add(&outcome);
            if let (Some(rejects), Some(reason)) = (rejects.as_deref_mut(), &outcome.rejected) {
                rejects.write(source, line, bytes, reason);
            }
            rows.extend(moved(outcome.rows, shift));
            if rows.len() >= settings.batch {
                sink(Fed::Rows(std::mem::take(&mut rows)))?;
            }
            if tally.lines.is_multiple_of(settings.progress_every.max(1)) {
                sink(Fed::Progress {
                    source: source.clone(),
                    records: tally.lines,
                })?;
            }
            ControlFlow::Continue(())
        }
        Step::End(_) => {
            open = false;
            let last = mapper.finish();
            tally.add_rows(&last);
            rows.extend(moved(last, shift));
            if rows.is_empty() {
                ControlFlow::Continue(())
            } else {
                sink(Fed::Rows(std::mem::take(&mut rows)))
            }
        }
    });
    // A limit ended the reading inside a source: what was read of it is kept.
    if open && !enough.get() {
        let last = mapper.finish();
        tally.add_rows(&last);
        rows.extend(moved(last, shift));
        // Nothing follows that the flow could stop.
        let _ = sink(Fed::Rows(rows));
    }
    FeedReport { read, tally }
}

fn moved(rows: Vec<Row>, shift: i64) -> impl Iterator<Item = Row> {
    rows.into_iter().map(move |mut row| {
        if shift != 0 {
            row.shift(shift);
        }
        row
    })
}

/// Sources that are learned before mapping; later ones are mapped as they come, at their own time.
/// Each keeps its facts in memory until it is mapped.
const LEARNED: usize = 16;

/// The first pass: one mapper per source, in order, that has seen all of it.
fn learn(path: &Path, settings: &FeedSettings) -> Vec<Mapper> {
    let mut mappers: Vec<Mapper> = Vec::new();
    read_path(path, &settings.limits, &mut |step| {
        match step {
            Step::Source(_) if mappers.len() == LEARNED => return ControlFlow::Break(()),
            Step::Source(_) => mappers.push(Mapper::new(settings.mapper.clone())),
            Step::Record { bytes, .. } => {
                if let Some(mapper) = mappers.last_mut() {
                    mapper.learn(bytes);
                }
            }
            Step::End(_) => {}
        }
        ControlFlow::Continue(())
    });
    mappers
}
