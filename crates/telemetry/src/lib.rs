//! Source events to rows of the hunting tables.
//!
//! Two kinds of line come in: events of Windows hosts as JSON in any of the shapes that
//! collectors write ([`event`]), mapped by [`Mapper`]; and rows of a hunting table, alone or in
//! the streaming export's envelope ([`ndjson`]). [`detect()`] tells them apart. A line that is
//! neither is refused with a [`RejectReason`] that says what and where; nothing is dropped without
//! being counted.
//!
//! The crate is pure: no input or output, no clock, no randomness. The same lines in the same order
//! give the same rows.

pub mod correlator;
pub mod detect;
pub mod event;
pub mod limits;
pub mod mapper;
pub mod ndjson;
pub mod parse;
pub mod reject;
pub mod row;

pub use detect::{Detected, detect};
pub use event::{Provider, SourceEvent};
pub use limits::Limits;
pub use mapper::{MapOutcome, Mapper, MapperSettings, device_id};
pub use reject::{RejectCode, RejectReason, SkipReason, Tally};
