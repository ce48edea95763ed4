//! The ten scalar types of KQL and the rules that relate them (docs page "scalar-data-types").

use std::fmt;

/// A KQL scalar type. Every bound expression and column has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `bool`: true, false or null.
    Bool,
    /// `int`: 32-bit signed integer.
    Int,
    /// `long`: 64-bit signed integer; the type of integer literals.
    Long,
    /// `real`: 64-bit floating point.
    Real,
    /// `decimal`: 128-bit decimal.
    Decimal,
    /// `string`: text, never null (a missing value is the empty string).
    String,
    /// `datetime`: ticks of 100 ns since 0001-01-01T00:00:00Z.
    DateTime,
    /// `timespan`: signed ticks of 100 ns.
    TimeSpan,
    /// `guid`: a 128-bit identifier.
    Guid,
    /// `dynamic`: any JSON value.
    Dynamic,
}

impl Type {
    /// All ten types, in the order of the declaration.
    pub const ALL: [Type; 10] = [
        Type::Bool,
        Type::Int,
        Type::Long,
        Type::Real,
        Type::Decimal,
        Type::String,
        Type::DateTime,
        Type::TimeSpan,
        Type::Guid,
        Type::Dynamic,
    ];

    /// The name as KQL writes it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Long => "long",
            Type::Real => "real",
            Type::Decimal => "decimal",
            Type::String => "string",
            Type::DateTime => "datetime",
            Type::TimeSpan => "timespan",
            Type::Guid => "guid",
            Type::Dynamic => "dynamic",
        }
    }

    /// The type that a name or one of its documented synonyms stands for, or none.
    pub fn from_name(name: &str) -> Option<Type> {
        Some(match name {
            "bool" | "boolean" => Type::Bool,
            "int" | "int32" => Type::Int,
            "long" | "int64" => Type::Long,
            "real" | "double" => Type::Real,
            "decimal" => Type::Decimal,
            "string" => Type::String,
            "datetime" | "date" => Type::DateTime,
            "timespan" | "time" => Type::TimeSpan,
            "guid" | "uniqueid" | "uuid" => Type::Guid,
            "dynamic" => Type::Dynamic,
            _ => return None,
        })
    }

    /// The .NET type name that `getschema` prints in its `DataType` column.
    pub fn clr_name(self) -> &'static str {
        match self {
            Type::Bool => "System.SByte",
            Type::Int => "System.Int32",
            Type::Long => "System.Int64",
            Type::Real => "System.Double",
            Type::Decimal => "System.Data.SqlTypes.SqlDecimal",
            Type::String => "System.String",
            Type::DateTime => "System.DateTime",
            Type::TimeSpan => "System.TimeSpan",
            Type::Guid => "System.Guid",
            Type::Dynamic => "System.Object",
        }
    }

    /// True for `int` and `long`.
    pub fn is_integer(self) -> bool {
        matches!(self, Type::Int | Type::Long)
    }

    /// True for `int`, `long`, `real` and `decimal`.
    pub fn is_numeric(self) -> bool {
        matches!(self, Type::Int | Type::Long | Type::Real | Type::Decimal)
    }

    /// True for the types that `sum` and `avg` take: numbers and time spans (and, leniently, dates for `avg`).
    pub fn is_summable(self) -> bool {
        self.is_numeric() || matches!(self, Type::DateTime | Type::TimeSpan)
    }

    /// The wider of two numeric types: int < long < real < decimal; none when one is not a number.
    pub fn widest(self, other: Type) -> Option<Type> {
        let rank = |ty| match ty {
            Type::Int => Some(0),
            Type::Long => Some(1),
            Type::Real => Some(2),
            Type::Decimal => Some(3),
            _ => None,
        };
        Some(if rank(self)? >= rank(other)? {
            self
        } else {
            other
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
