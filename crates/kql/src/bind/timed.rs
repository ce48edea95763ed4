//! How the analyses over identities and times are called.

use crate::bound::Plugin;
use crate::types::Type;

/// What stands after start and end.
#[derive(Clone, Copy)]
pub(super) enum Constant {
    /// A length of time.
    Length,
    /// A number.
    Count,
    /// An array.
    Array,
    /// The column of states: an argument, not a constant.
    State,
    /// A time that may be left out.
    Cohort,
}

/// How an analysis over times is called and what it gives.
pub(super) struct TimedShape {
    /// What is done.
    pub(super) plugin: Plugin,
    /// Arguments at least.
    pub(super) least: usize,
    /// Start and end may be left out.
    pub(super) bounds_optional: bool,
    /// What stands after start and end.
    pub(super) constants: &'static [Constant],
    /// The columns after time and groups.
    pub(super) results: &'static [(&'static str, Type)],
}

/// The shape of an analysis by its name.
pub(super) fn timed_shape(name: &str) -> Option<TimedShape> {
    use Constant::{Array, Cohort, Count, Length, State};
    let shape = |plugin, least, constants, results| TimedShape {
        plugin,
        least,
        bounds_optional: false,
        constants,
        results,
    };
    let optional = |shape: TimedShape| TimedShape {
        bounds_optional: true,
        ..shape
    };
    const WHOLE: Type = Type::Long;
    const PART: Type = Type::Real;
    Some(match name {
        "sliding_window_counts" => shape(
            Plugin::SlidingWindowCounts,
            6,
            &[Length, Length],
            &[("Count", WHOLE), ("Dcount", WHOLE)],
        ),
        "session_count" => shape(
            Plugin::SessionCount,
            6,
            &[Length, Length],
            &[("count_sessions", WHOLE)],
        ),
        "active_users_count" => shape(
            Plugin::ActiveUsersCount,
            8,
            &[Length, Length, Count, Length],
            &[("dcount", WHOLE)],
        ),
        "activity_counts_metrics" => shape(
            Plugin::ActivityCountsMetrics,
            5,
            &[Length],
            &[
                ("count", WHOLE),
                ("dcount", WHOLE),
                ("new_dcount", WHOLE),
                ("aggregated_dcount", WHOLE),
            ],
        ),
        "activity_engagement" => optional(shape(
            Plugin::ActivityEngagement,
            4,
            &[Length, Length],
            &[
                ("dcount_activities_inner", WHOLE),
                ("dcount_activities_outer", WHOLE),
                ("activity_ratio", PART),
            ],
        )),
        "activity_metrics" => optional(shape(
            Plugin::ActivityMetrics,
            3,
            &[Length],
            &[
                ("dcount_values", WHOLE),
                ("dcount_newvalues", WHOLE),
                ("retention_rate", PART),
                ("churn_rate", PART),
            ],
        )),
        "new_activity_metrics" => shape(
            Plugin::NewActivityMetrics,
            5,
            &[Length, Cohort],
            &[
                ("dcount_new_values", WHOLE),
                ("dcount_retained_values", WHOLE),
                ("dcount_churn_values", WHOLE),
                ("retention_rate", PART),
                ("churn_rate", PART),
            ],
        ),
        "funnel_sequence" => shape(
            Plugin::FunnelSequence,
            8,
            &[Length, Length, State, Array],
            &[("dcount", WHOLE), ("samples", Type::Dynamic)],
        ),
        "funnel_sequence_completion" => shape(
            Plugin::FunnelSequenceCompletion,
            8,
            &[Length, State, Array, Array],
            &[("dcount", WHOLE)],
        ),
        _ => return None,
    })
}
