//! The catalogue of functions: one table for the binder, the documentation and completion.

mod aggregate_fn;
mod aggregates;
mod codecs;
mod describe;
mod geo;
mod math;
mod missing;
mod scalar_fn;
mod scalars_basic;
mod scalars_dynamic;
mod scalars_text;
mod scalars_time;
mod series;
mod shapes;
mod signature;
mod sketches;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use aggregate_fn::AggregateFn;
pub use codecs::CodecFn;
pub use geo::GeoFn;
pub use math::{MathFn, Quantity};
pub use missing::{MISSING, missing};
pub use scalar_fn::{ScalarFn, WindowFn};
pub use series::{EachFn, PairwiseFn, SeriesFn};
pub use shapes::ShapeFn;
pub use signature::{Accepts, Becomes, Naming, Param, ResultType, Signature};
pub use sketches::SketchFn;

use crate::types::Type;

/// What a call of a scalar function is written as in the bound tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A call.
    Function(ScalarFn),
    /// A cast to a type.
    Cast(Type),
    /// A column that a window node computes.
    Window(WindowFn),
    /// A call with several results, given as one array; what is added to their names, and their types.
    Several(ScalarFn, &'static [(&'static str, Type)]),
    /// Other nodes; the binder knows how.
    Special(Special),
}

/// The scalar functions that the binder writes with other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `not`.
    Not,
    /// `isnotempty`.
    IsNotEmpty,
    /// `isnotnull`.
    IsNotNull,
    /// `iff`.
    Iff,
    /// `case`.
    Case,
    /// `column_ifexists`.
    ColumnIfExists,
    /// `now` with its offset.
    Now,
    /// `ago`.
    Ago,
    /// `ingestion_time()`, with a warning.
    IngestionTime,
    /// `make_datetime`, which converts when it has one argument.
    MakeDatetime,
    /// `make_timespan`, which converts when it has one argument.
    MakeTimespan,
    /// `replace`, whose arguments are in another order.
    LegacyReplace,
    /// A function whose last argument may name the result's type.
    WithTypeLiteral(ScalarFn),
    /// `pack_array`, which also takes `*`.
    PackArray,
    /// `pack_all`.
    PackAll,
    /// `bag_pack_columns`, whose arguments are columns, with their names.
    BagPackColumns,
    /// `estimate_data_size`, which also takes `*`.
    EstimateDataSize,
    /// `around`, which is a comparison.
    Around,
    /// `bin_auto`, whose size stands in a `set` statement.
    BinAuto,
}

/// A scalar function.
#[derive(Clone, Copy, Debug)]
pub struct ScalarFunction {
    /// The name.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What a call becomes.
    pub target: Target,
    /// The ways to call it, tried in order.
    pub signatures: &'static [Signature],
    /// How a result column is called.
    pub naming: Naming,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// What an aggregate function does with its arguments and results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One result.
    Plain,
    /// One result; the argument at this position is the condition, and not in the signature.
    Filtered(usize),
    /// `arg_max` and relatives: one result per argument; `*` stands for all columns.
    Best {
        /// How results are called.
        names: BestNames,
        /// Stands for the name of an argument without one.
        unnamed: &'static str,
    },
    /// `take_any` and relatives: one result per argument; `*` stands for all columns.
    Any {
        /// Stands before the names.
        prefix: &'static str,
    },
    /// One result per percentage, which is part of the name; the percentages begin with this argument.
    Percentiles(usize),
}

/// How the results of `arg_max` and relatives are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BestNames {
    /// By their own names.
    Plain,
    /// `max_t`, `max_t_a`.
    Prefixed,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug)]
pub struct AggregateFunction {
    /// The name.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What a planner sees.
    pub function: AggregateFn,
    /// The ways to call it, without the condition of a `…if` form.
    pub signatures: &'static [Signature],
    /// How a result column is called.
    pub naming: Naming,
    /// Arguments and results.
    pub shape: Shape,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// An entry.
const fn function(
    name: &'static str,
    aliases: &'static [&'static str],
    target: Target,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    ScalarFunction {
        name,
        aliases,
        target,
        signatures,
        naming,
        doc,
    }
}

/// An entry without other spellings.
const fn entry(
    name: &'static str,
    target: Target,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    function(name, &[], target, signatures, naming, doc)
}

/// The themes of scalar functions, as the documentation of the language lists them.
pub fn families() -> [(&'static str, Vec<&'static ScalarFunction>); 12] {
    use scalars_basic::{CONVERSIONS, NUMBERS, TESTS};
    use scalars_dynamic::{ADDRESSES, DYNAMICS, NEIGHBOURS, OTHERS};
    let of = |tables: &[&'static [ScalarFunction]]| tables.iter().copied().flatten().collect();
    [
        ("Conversion", of(&[CONVERSIONS])),
        ("Tests and choices", of(&[TESTS])),
        ("Numbers", of(&[NUMBERS, math::MATH])),
        ("Time", of(&[scalars_time::TIME])),
        ("Text", of(&[scalars_text::TEXTS])),
        ("Encodings, formats and time zones", of(&[codecs::CODECS])),
        ("Arrays and bags", of(&[DYNAMICS, shapes::SHAPES])),
        ("Series", of(&[series::SERIES])),
        ("Geography", of(&[geo::GEO])),
        ("Sketches", of(&[sketches::SKETCHES])),
        (
            "Hashes, identifiers and addresses",
            of(&[OTHERS, ADDRESSES]),
        ),
        ("Neighbouring rows", of(&[NEIGHBOURS])),
    ]
}

/// All scalar functions, grouped by theme.
pub fn scalar_functions() -> impl Iterator<Item = &'static ScalarFunction> {
    families().into_iter().flat_map(|(_, functions)| functions)
}

/// All aggregate functions.
pub fn aggregate_functions() -> impl Iterator<Item = &'static AggregateFunction> {
    aggregates::AGGREGATES.iter()
}

/// The scalar function of a name or alias. Names are case-sensitive.
pub fn scalar_function(name: &str) -> Option<&'static ScalarFunction> {
    static BY_NAME: LazyLock<HashMap<&str, &ScalarFunction>> = LazyLock::new(|| {
        scalar_functions()
            .flat_map(|f| {
                std::iter::once(&f.name)
                    .chain(f.aliases)
                    .map(move |name| (*name, f))
            })
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// The aggregate function of a name or alias. Names are case-sensitive.
pub fn aggregate_function(name: &str) -> Option<&'static AggregateFunction> {
    static BY_NAME: LazyLock<HashMap<&str, &AggregateFunction>> = LazyLock::new(|| {
        aggregate_functions()
            .flat_map(|f| {
                std::iter::once(&f.name)
                    .chain(f.aliases)
                    .map(move |name| (*name, f))
            })
            .collect()
    });
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_given_twice_and_every_signature_is_sound() {
        let mut names = HashSet::new();
        for f in scalar_functions() {
            for name in std::iter::once(&f.name).chain(f.aliases) {
                assert!(names.insert(*name), "{name} occurs twice");
            }
            assert!(
                !f.signatures.is_empty() && f.doc.ends_with('.'),
                "{}",
                f.name
            );
            for s in f.signatures {
                assert!(
                    s.required <= s.params.len() && s.repeated <= s.params.len(),
                    "{}",
                    f.name
                );
            }
        }
        let mut aggregates = HashSet::new();
        for f in aggregate_functions() {
            for name in std::iter::once(&f.name).chain(f.aliases) {
                assert!(aggregates.insert(*name), "{name} occurs twice");
            }
        }
    }

    #[test]
    fn what_is_said_to_be_missing_is_missing() {
        for name in MISSING.iter().flat_map(|(names, _)| *names) {
            assert!(
                scalar_function(name).is_none() && aggregate_function(name).is_none(),
                "{name}"
            );
        }
    }

    #[test]
    fn names_and_aliases_are_found_case_sensitively() {
        assert_eq!(scalar_function("iif").map(|f| f.name), Some("iff"));
        assert!(scalar_function("ToString").is_none());
        assert_eq!(
            aggregate_function("makeset").map(|f| f.name),
            Some("make_set")
        );
    }
}
