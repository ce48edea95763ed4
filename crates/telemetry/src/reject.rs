//! Why a line gave no row: refused because it is wrong, or skipped because no table has room for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// The stable code of a refusal. Its text form is part of the reject file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// The line is longer than [`crate::Limits::line_bytes`].
    LineTooLong,
    /// The line is not UTF-8.
    InvalidUtf8,
    /// The line is not JSON.
    InvalidJson,
    /// The JSON is nested deeper than [`crate::Limits::depth`].
    TooDeep,
    /// The JSON has more members than [`crate::Limits::fields`].
    TooManyFields,
    /// An envelope holds more than [`crate::Limits::records`] records.
    TooManyRecords,
    /// The JSON is not an object.
    NotAnObject,
    /// The object is neither a known kind of event nor a row.
    UnknownFormat,
    /// An event without an event id.
    MissingEventId,
    /// An event without the name of its computer.
    MissingComputer,
    /// An event or row without a time.
    MissingTime,
    /// No hunting table has this name.
    UnknownTable,
    /// The table has no such column.
    UnknownColumn,
    /// A value cannot become the column's type.
    WrongType,
    /// The envelope is not shaped as documented.
    BadEnvelope,
    /// A field that the mapping cannot do without is missing or unreadable.
    MissingField,
    /// A row is larger than a batch of the event store may be.
    RowTooLarge,
}

impl RejectCode {
    /// The code as the reject file and the counters spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LineTooLong => "line_too_long",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidJson => "invalid_json",
            Self::TooDeep => "too_deep",
            Self::TooManyFields => "too_many_fields",
            Self::TooManyRecords => "too_many_records",
            Self::NotAnObject => "not_an_object",
            Self::UnknownFormat => "unknown_format",
            Self::MissingEventId => "missing_event_id",
            Self::MissingComputer => "missing_computer",
            Self::MissingTime => "missing_time",
            Self::UnknownTable => "unknown_table",
            Self::UnknownColumn => "unknown_column",
            Self::WrongType => "wrong_type",
            Self::BadEnvelope => "bad_envelope",
            Self::MissingField => "missing_field",
            Self::RowTooLarge => "row_too_large",
        }
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a line was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code}: {text}")]
pub struct RejectReason {
    /// The stable code.
    pub code: RejectCode,
    /// What is wrong, for a person; never the line itself.
    pub text: String,
    /// Byte offset inside the line, where it is known.
    pub position: Option<usize>,
}

impl RejectReason {
    /// A refusal without a position.
    #[must_use]
    pub fn new(code: RejectCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            position: None,
        }
    }

    /// A refusal at a byte offset of the line.
    #[must_use]
    pub fn at(code: RejectCode, text: impl Into<String>, position: usize) -> Self {
        Self {
            code,
            text: text.into(),
            position: Some(position),
        }
    }
}

/// Why a well-formed event gave no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// No hunting table records this event (a process end, a logoff, a service state change).
    NoTable,
    /// The event is known and left out by the settings (a handle to a process that is not lsass.exe).
    Filtered,
    /// A better record of the same thing exists (Sysmon's, when Windows Security also wrote one).
    Duplicate,
    /// The event is kept for a later row (a WMI filter waits for its binding).
    Held,
}

impl SkipReason {
    /// The reason as counters spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTable => "no_table",
            Self::Filtered => "filtered",
            Self::Duplicate => "duplicate",
            Self::Held => "held",
        }
    }
}

/// Counts by outcome, for progress lines and the answer to an ingest call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Lines seen.
    pub lines: u64,
    /// Rows made.
    pub rows: u64,
    /// Rows by table.
    pub tables: BTreeMap<&'static str, u64>,
    /// Lines skipped, by reason.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Lines refused, by code.
    pub rejected: BTreeMap<RejectCode, u64>,
}

impl Tally {
    /// Counts one line's outcome.
    pub fn add(&mut self, outcome: &crate::MapOutcome) {
        self.lines += 1;
        self.add_rows(&outcome.rows);
        if let Some(reason) = outcome.skipped {
            *self.skipped.entry(reason).or_default() += 1;
        }
        if let Some(reason) = &outcome.rejected {
            *self.rejected.entry(reason.code).or_default() += 1;
        }
    }

    /// Counts rows that belong to no single line, such as those of [`crate::Mapper::finish`].
    pub fn add_rows(&mut self, rows: &[bartizan_contract::value::Row]) {
        for row in rows {
            self.rows += 1;
            *self.tables.entry(row.table.name).or_default() += 1;
        }
    }
}
