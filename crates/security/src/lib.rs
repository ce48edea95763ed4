//! What Bartizan thinks about security data: detection rules, the alerts their hits make,
//! the incidents that alerts are correlated into, and the changes analysts may make to them.
//!
//! Pure decisions: no I/O, no clock and no randomness; times are parameters, in microseconds
//! since 1970-01-01T00:00:00Z unless a name says otherwise. The store keeps what is decided here.

pub mod access;
pub mod alert;
pub mod correlation;
pub mod detection;
pub mod evidence;
pub mod incident;
pub mod machine;
pub mod naming;
pub mod patch;
pub mod rule;
pub mod vocabulary;

pub use alert::{Alert, AlertPatch, Comment};
pub use evidence::{Entity, Evidence};
pub use incident::{Incident, IncidentPatch};
pub use machine::Machine;
pub use patch::PatchError;
pub use rule::{Rule, RuleError};
pub use vocabulary::{
    AlertStatus, Category, Classification, Determination, IncidentStatus, InvestigationState,
    Severity,
};
