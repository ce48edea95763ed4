//! Steps over rows that have no relational counterpart: what `evaluate` calls, and operators such as `scan`.

use crate::bound::{Column, ColumnId, Expr};
use crate::graph::GraphPlan;
use crate::types::Type;

/// What a [`crate::bound::Node::Plugin`] does. The documentation of a variant gives its arguments (one value per
/// row), its constants, and its outputs in order. Unless it says "adds" its output replaces the input's columns.
#[derive(Clone, Debug, PartialEq)]
pub enum Plugin {
    /// `make-series`. Arguments: the groups, the bin of the axis, the aggregates, already summarized. Constants:
    /// from, to (null when left out), step, then a default for every aggregate. Outputs: the groups, an array for
    /// every aggregate, and the array of the axis.
    Series {
        /// How many groups there are.
        groups: usize,
        /// The end belongs to the axis.
        inclusive: bool,
        /// Without rows there is one series of defaults.
        nonempty: bool,
    },
    /// `narrow`. Arguments: all columns. Outputs: row (long), name and text of a column.
    Narrow {
        /// The names of the columns.
        names: Vec<String>,
    },
    /// `ipv4_lookup`, `ipv6_lookup`. Arguments: the address, further keys. The lookup's columns: those of the other
    /// table, then the network and its further keys. Adds the columns of the other table.
    IpLookup {
        /// IPv6.
        v6: bool,
        /// Rows that match nothing stay, with nulls.
        unmatched: bool,
        /// How many columns of the other table are added.
        width: usize,
    },
    /// `geo_line_lookup`, `geo_polygon_lookup`. Arguments: longitude, latitude (real). Constants: the distance in metres
    /// (real), none when a point has to be inside. The lookup's columns: those that are added, then the shape (dynamic).
    /// Adds the columns of the other table.
    GeoLookup {
        /// The shapes are polygons.
        polygons: bool,
        /// Rows that match nothing stay, with nulls.
        unmatched: bool,
    },
    /// `rolling_percentile`. Arguments: value, index, groups. Constants: percentage (real), bin size, bins (long).
    /// Outputs: index, groups, percentile.
    RollingPercentile,
    /// `sliding_window_counts`. Arguments: id, time, groups. Constants: start, end, lookback window, bin. Outputs:
    /// time, groups, count, distinct count.
    SlidingWindowCounts,
    /// `session_count`. Arguments: id, time, groups. Constants: start, end, bin, lookback window. Outputs: time,
    /// groups, count.
    SessionCount,
    /// `active_users_count`. Arguments: id, time, groups. Constants: start, end, lookback window, period, number of
    /// active periods (long), bin. Outputs: time, groups, count.
    ActiveUsersCount,
    /// `activity_counts_metrics`. Arguments: id, time, groups. Constants: start, end, window. Outputs: time, groups,
    /// count, distinct count, new ones, distinct count so far.
    ActivityCountsMetrics,
    /// `activity_engagement`. Arguments: id, time, groups. Constants: start, end (null when left out), inner window, outer
    /// window. Outputs: time, groups, inner and outer distinct count, their ratio.
    ActivityEngagement,
    /// `activity_metrics`. Arguments: id, time, groups. Constants: start, end (null when left out), window. Outputs:
    /// time, groups, distinct values, new ones, retention rate, churn rate.
    ActivityMetrics,
    /// `new_activity_metrics`. Arguments: id, time, groups. Constants: start, end, window, cohort (null for all).
    /// Outputs: from, to, groups, new, retained and churned values, retention and churn rate.
    NewActivityMetrics,
    /// `funnel_sequence`. Arguments: id, time, state. Constants: start, end, maximal step, step, sequence (dynamic).
    /// Outputs: time, previous and next state, distinct count, samples.
    FunnelSequence,
    /// `funnel_sequence_completion`. Arguments: id, time, state. Constants: start, end, step, sequence (dynamic),
    /// periods (dynamic). Outputs: time, state, period, distinct count.
    FunnelSequenceCompletion,
    /// `sequence_detect`. Arguments: time, the conditions (bool), dimensions. Constants: maximal step, maximal span.
    /// Outputs: dimensions, the time of each step, duration.
    SequenceDetect {
        /// How many conditions there are.
        steps: usize,
    },
    /// `dcount_intersect`. Arguments: sketches of `hll` (dynamic). Outputs: the number of distinct values (long) in the
    /// first sketch, in the first two, and so on.
    DcountIntersect,
    /// `rows_near`. Arguments: the condition (bool). Constants: rows before, rows after. Adds nothing, drops rows.
    RowsNear,
    /// `autocluster`. Arguments: the columns, then the weight (or 1). Constants: size weight (real). Outputs: segment,
    /// count, percent, the columns.
    AutoCluster,
    /// `basket`. Arguments: the columns, then the weight (or 1). Constants: threshold (real), maximal dimensions
    /// (long). Outputs as of autocluster.
    Basket,
    /// `diffpatterns`. Arguments: the split value (string), the columns, then the weight (or 1). Constants: the two values
    /// (string), threshold (real). Outputs: segment, counts and percents of both sides, their difference, the columns.
    DiffPatterns,
    /// `reduce`. Arguments: the text. Constants: threshold (real), further characters of words (string). Outputs: pattern,
    /// count, representative; with the source it adds them to every row.
    Reduce {
        /// `kind = source`.
        with_source: bool,
    },
    /// `scan`. Arguments: the input's columns. Adds the declared columns and, last, the match's number.
    Scan(Box<ScanPlan>),
    /// A graph and what is asked of it; [`GraphPlan`] documents arguments, lookup and outputs.
    Graph(Box<GraphPlan>),
}

/// The steps of a `scan`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanPlan {
    /// The input's columns, as the arguments of the node give them.
    pub input: Vec<Column>,
    /// The declared columns with their defaults (constant).
    pub declared: Vec<(Column, Expr)>,
    /// The steps in order.
    pub steps: Vec<ScanStep>,
}

/// A step of a `scan`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    /// The ids under which expressions see this step's state: the input's columns, then the declared ones.
    pub state: Vec<ColumnId>,
    /// The condition (bool), over the input's columns and the states.
    pub condition: Expr,
    /// Position among the declared columns, and value.
    pub assignments: Vec<(usize, Expr)>,
    /// Records come out: all, the last of a series, none.
    pub output: crate::ast::ScanOutput,
}

impl Plugin {
    /// Whether the output has the input's columns, too.
    #[must_use]
    pub fn adds(&self) -> bool {
        matches!(
            self,
            Self::IpLookup { .. }
                | Self::GeoLookup { .. }
                | Self::RowsNear
                | Self::Reduce { with_source: true }
                | Self::Scan(_)
        )
    }

    /// The name, as plans show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Series { .. } => "make-series",
            Self::Narrow { .. } => "narrow",
            Self::IpLookup { v6: false, .. } => "ipv4_lookup",
            Self::IpLookup { v6: true, .. } => "ipv6_lookup",
            Self::GeoLookup {
                polygons: false, ..
            } => "geo_line_lookup",
            Self::GeoLookup { polygons: true, .. } => "geo_polygon_lookup",
            Self::RollingPercentile => "rolling_percentile",
            Self::SlidingWindowCounts => "sliding_window_counts",
            Self::SessionCount => "session_count",
            Self::ActiveUsersCount => "active_users_count",
            Self::ActivityCountsMetrics => "activity_counts_metrics",
            Self::ActivityEngagement => "activity_engagement",
            Self::ActivityMetrics => "activity_metrics",
            Self::NewActivityMetrics => "new_activity_metrics",
            Self::FunnelSequence => "funnel_sequence",
            Self::FunnelSequenceCompletion => "funnel_sequence_completion",
            Self::SequenceDetect { .. } => "sequence_detect",
            Self::DcountIntersect => "dcount_intersect",
            Self::RowsNear => "rows_near",
            Self::AutoCluster => "autocluster",
            Self::Basket => "basket",
            Self::DiffPatterns => "diffpatterns",
            Self::Reduce { .. } => "reduce",
            Self::Scan(_) => "scan",
            Self::Graph(graph) => graph.name(),
        }
    }
}

/// What the data said when a query's columns depend on it ([`crate::Bound::probe`]): rows of two texts. For
/// `bag_unpack` name and type (as `gettype()` has it) of every property, for `pivot` the values, and "".
pub type ProbeAnswer = Vec<(String, String)>;

/// The type of a column of property values that `gettype()` says these names of.
#[must_use]
pub(crate) fn unpacked_type<'t>(mut names: impl Iterator<Item = &'t str>) -> Type {
    let of = |name: &str| match name {
        "bool" => Type::Bool,
        "int" | "long" => Type::Long,
        "real" | "double" => Type::Real,
        "datetime" => Type::DateTime,
        "timespan" => Type::TimeSpan,
        "guid" => Type::Guid,
        "string" => Type::String,
        _ => Type::Dynamic,
    };
    let Some(first) = names.next().map(of) else {
        return Type::Dynamic;
    };
    if names.all(|name| of(name) == first) {
        first
    } else {
        Type::Dynamic
    }
}
