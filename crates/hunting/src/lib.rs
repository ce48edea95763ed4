//! Hunting: bound KQL becomes DataFusion plans, with functions, limits and an event store of our own.
//!
//! * [`engine`] runs a query within limits over a [`source::TableSource`].
//! * [`local`] is such a source over files.
//!
//! Nothing outside this crate names DataFusion.

pub mod engine;
pub mod error;
pub mod events;
pub mod external;
pub mod local;
pub mod result;
pub mod source;
pub mod tenant_tables;
pub mod types;

mod aggregates;
mod compile;
mod cooperative;
mod decimal;
mod dictionaries;
mod functions;
mod given_up;
mod json;
mod late_tests;
mod late_values;
mod meter;
mod places;
mod plan;
mod plugins;
mod read_in_place;
mod row_groups;
mod row_order;
mod session;
mod settled;
mod shredded;
mod sketch;
mod stored_times;
mod terms;
mod text;

pub use engine::{Engine, EngineSettings, HuntRequest, Limits, TimeWindow};
pub use error::{HuntError, Problem};
pub use external::{ExternalError, ExternalReader};
pub use functions::expression_problem;
pub use local::{LocalError, LocalTables};
pub use places::{Places, PlacesError};
pub use result::{HuntResult, HuntStats, NamedTable, ResultColumn, ResultTable};
pub use source::{NoTables, TableSource};
pub use tenant_tables::{FunctionText, Reach, TenantTables, VisibleDevices, with_functions};
