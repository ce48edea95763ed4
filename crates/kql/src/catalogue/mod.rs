//! The catalogue of functions: one table for the binder, the documentation and completion.

mod aggregate_fn;
mod aggregates;
mod scalar_fn;
mod scalars_basic;
mod scalars_dynamic;
mod scalars_text;
mod scalars_time;
mod signature;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use aggregate_fn::AggregateFn;
pub use scalar_fn::{ScalarFn, WindowFn};
pub use signature::{Accepts, Becomes, Naming, Param, ResultType, Signature};

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
    /// One result per percentage, which is part of the name.
    Percentiles,
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

/// All scalar functions, grouped by theme.
pub fn scalar_functions() -> impl Iterator<Item = &'static ScalarFunction> {
    use scalars_basic::{CONVERSIONS, NUMBERS, TESTS};
    use scalars_dynamic::{DYNAMICS, OTHERS};
    use scalars_text::TEXTS;
    use scalars_time::TIME;
    [CONVERSIONS, TESTS, NUMBERS, TIME, TEXTS, DYNAMICS, OTHERS]
        .into_iter()
        .flatten()
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
    fn names_and_aliases_are_found_case_sensitively() {
        assert_eq!(scalar_function("iif").map(|f| f.name), Some("iff"));
        assert!(scalar_function("ToString").is_none());
        assert_eq!(
            aggregate_function("makeset").map(|f| f.name),
            Some("make_set")
        );
    }
}
