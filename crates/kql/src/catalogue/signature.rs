//! How a function is called: what each parameter takes, what the result is, and what a result column is called.

use crate::types::Type;

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Any scalar.
    Any,
    /// Any scalar but dynamic.
    NotDynamic,
    /// One type. A `string` also takes dynamic, a `long` also int, a `real` any number.
    Only(Type),
    /// string or dynamic.
    StringOrDynamic,
    /// int, long, real or decimal.
    Number,
    /// int or long.
    Integer,
    /// A number or bool.
    NumberOrBool,
    /// A number, timespan or datetime.
    Summable,
    /// A number, timespan, datetime, string or bool.
    Orderable,
    /// dynamic that should hold an array.
    Array,
    /// dynamic that should hold an array, or bool.
    ArrayOrBool,
    /// dynamic that should hold a bag.
    Bag,
    /// int, long or dynamic.
    IntegerOrArray,
    /// `typeof(…)`: gives the result's type and reaches no planner.
    TypeLiteral,
}

/// What an argument becomes before it reaches the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// It stays as it is.
    Same,
    /// It is cast to a type.
    This(Type),
    /// It is cast to the result's type.
    Result,
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// What it takes.
    pub accepts: Accepts,
    /// What it is cast to.
    pub becomes: Becomes,
}

/// The type of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// Always this one.
    Is(Type),
    /// That of the argument at a position.
    Argument(usize),
    /// As [`ResultType::Argument`], but int becomes long.
    Promoted(usize),
    /// The widest of the numeric arguments, at least long.
    Widest,
    /// The type that all arguments have in common.
    Common,
    /// The type that the `typeof` at a position names.
    TypeLiteral(usize),
}

/// One way to call a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The parameters in order.
    pub params: &'static [Param],
    /// How many of them must be given.
    pub required: usize,
    /// How many of the last ones may be repeated, as a group; 0 for none.
    pub repeated: usize,
    /// The type of the call.
    pub result: ResultType,
}

impl Signature {
    /// The parameter for the argument at `index`.
    pub fn param(&self, index: usize) -> Option<&'static Param> {
        if self.repeated == 0 || index < self.params.len() {
            return self.params.get(index);
        }
        let fixed = self.params.len() - self.repeated;
        self.params.get(fixed + (index - fixed) % self.repeated)
    }

    /// Whether the signature takes this many arguments.
    pub fn takes(&self, count: usize) -> bool {
        if self.repeated == 0 || count <= self.params.len() {
            return (self.required..=self.params.len()).contains(&count);
        }
        (count - self.params.len()).is_multiple_of(self.repeated)
    }

    /// The greatest number of arguments, or none when there is no bound.
    pub fn most(&self) -> Option<usize> {
        (self.repeated == 0).then_some(self.params.len())
    }
}

/// How an unnamed result column is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `Column1`, `Column2`, …
    Numbered,
    /// The first argument's own name, when it has one.
    First,
    /// The only argument's own name, when there is just one and it has one.
    Only,
    /// The function's name, `_`, and the first argument's name: `strlen_a`.
    NameAndFirst,
    /// A prefix, `_`, and the first argument's name or nothing: `dcount_a`, `count_`.
    Prefix(&'static str),
    /// Always the same.
    Fixed(&'static str),
    /// The name that the first argument, a string literal, gives when it is a column's.
    NamedColumn,
    /// The first argument's name and a suffix: `d_sorted`.
    Suffix(&'static str),
}

const fn param(accepts: Accepts, becomes: Becomes) -> Param {
    Param { accepts, becomes }
}

/// Any value, as it is.
pub(super) const ANY: Param = param(Accepts::Any, Becomes::Same);
/// Any value, as text.
pub(super) const TEXT: Param = param(Accepts::Any, Becomes::This(Type::String));
/// Any value, as JSON.
pub(super) const JSON: Param = param(Accepts::Any, Becomes::This(Type::Dynamic));
/// Any value of the type that the result has.
pub(super) const COMMON: Param = param(Accepts::Any, Becomes::Result);
/// A value with an order, of the type that the result has.
pub(super) const COMMON_ORDERED: Param = param(Accepts::Orderable, Becomes::Result);
/// A string.
pub(super) const STRING: Param = param(Accepts::Only(Type::String), Becomes::This(Type::String));
/// A string, or a dynamic value as text.
pub(super) const STRING_DYN: Param = param(Accepts::StringOrDynamic, Becomes::This(Type::String));
/// A string or a dynamic value, as it is.
pub(super) const STRING_OR_DYNAMIC: Param = param(Accepts::StringOrDynamic, Becomes::Same);
/// What can be hashed, as text.
pub(super) const HASHED: Param = param(Accepts::NotDynamic, Becomes::This(Type::String));
/// What can be compared, as it is.
pub(super) const NOT_DYNAMIC: Param = param(Accepts::NotDynamic, Becomes::Same);
/// A condition.
pub(super) const BOOL: Param = param(Accepts::Only(Type::Bool), Becomes::This(Type::Bool));
/// A long.
pub(super) const LONG: Param = param(Accepts::Only(Type::Long), Becomes::This(Type::Long));
/// An int or long, as long.
pub(super) const INTEGER: Param = param(Accepts::Integer, Becomes::This(Type::Long));
/// An int or long, as it is.
pub(super) const SAME_INTEGER: Param = param(Accepts::Integer, Becomes::Same);
/// Any number, as real.
pub(super) const REAL: Param = param(Accepts::Number, Becomes::This(Type::Real));
/// A real (for the tests of special values, which are strict).
pub(super) const STRICT_REAL: Param = param(Accepts::Only(Type::Real), Becomes::This(Type::Real));
/// Any number, as long.
pub(super) const NUMBER_AS_LONG: Param = param(Accepts::Number, Becomes::This(Type::Long));
/// Any number, as it is.
pub(super) const NUMBER: Param = param(Accepts::Number, Becomes::Same);
/// Any number, cast to the result's type.
pub(super) const NUMBER_AS_RESULT: Param = param(Accepts::Number, Becomes::Result);
/// A number, timespan or datetime, as it is.
pub(super) const SUMMABLE: Param = param(Accepts::Summable, Becomes::Same);
/// A number, timespan or datetime, cast to the result's type.
pub(super) const SUMMABLE_AS_RESULT: Param = param(Accepts::Summable, Becomes::Result);
/// A number, timespan or datetime, as real.
pub(super) const SUMMABLE_AS_REAL: Param = param(Accepts::Summable, Becomes::This(Type::Real));
/// A value with an order, as it is.
pub(super) const ORDERED: Param = param(Accepts::Orderable, Becomes::Same);
/// A datetime.
pub(super) const DATETIME: Param =
    param(Accepts::Only(Type::DateTime), Becomes::This(Type::DateTime));
/// A timespan.
pub(super) const TIMESPAN: Param =
    param(Accepts::Only(Type::TimeSpan), Becomes::This(Type::TimeSpan));
/// A number or a condition, as it is.
pub(super) const NUMBER_OR_BOOL: Param = param(Accepts::NumberOrBool, Becomes::Same);
/// A guid.
pub(super) const GUID: Param = param(Accepts::Only(Type::Guid), Becomes::This(Type::Guid));
/// A dynamic array.
pub(super) const ARRAY: Param = param(Accepts::Array, Becomes::This(Type::Dynamic));
/// A dynamic array or a condition, as it is.
pub(super) const ARRAY_OR_BOOL: Param = param(Accepts::ArrayOrBool, Becomes::Same);
/// A dynamic bag.
pub(super) const BAG: Param = param(Accepts::Bag, Becomes::This(Type::Dynamic));
/// Code points: integers or arrays of them.
pub(super) const CODE_POINTS: Param = param(Accepts::IntegerOrArray, Becomes::Same);
/// `typeof(…)`.
pub(super) const TYPE_LITERAL: Param = param(Accepts::TypeLiteral, Becomes::Same);

/// All parameters are required.
pub(super) const fn all(params: &'static [Param], result: ResultType) -> Signature {
    Signature {
        params,
        required: params.len(),
        repeated: 0,
        result,
    }
}

/// The first `required` parameters are required.
pub(super) const fn some(
    params: &'static [Param],
    required: usize,
    result: ResultType,
) -> Signature {
    Signature {
        params,
        required,
        repeated: 0,
        result,
    }
}

/// The last `repeated` parameters may be repeated; all are required once.
pub(super) const fn many(
    params: &'static [Param],
    repeated: usize,
    result: ResultType,
) -> Signature {
    Signature {
        params,
        required: params.len(),
        repeated,
        result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_groups_count_and_map_their_arguments() {
        static PAIRS: Signature = many(&[STRING, JSON], 2, ResultType::Is(Type::Dynamic));
        assert!(PAIRS.takes(2) && PAIRS.takes(4) && !PAIRS.takes(3) && !PAIRS.takes(0));
        assert_eq!(PAIRS.param(4), Some(&STRING));
        assert_eq!(PAIRS.param(5), Some(&JSON));
        static AFTER: Signature = many(&[STRING, ANY], 1, ResultType::Is(Type::String));
        assert!(AFTER.takes(2) && AFTER.takes(7) && !AFTER.takes(1));
        assert_eq!(AFTER.param(6), Some(&ANY));
    }
}
