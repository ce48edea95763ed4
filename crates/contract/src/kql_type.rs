//! The ten scalar types of the hunting language, and how each wire names them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A scalar type of KQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KqlType {
    /// True or false.
    Bool,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    /// 64-bit floating point.
    Real,
    /// 128-bit decimal.
    Decimal,
    /// Text; never null, a missing value reads as the empty text.
    String,
    /// A moment in UTC, in ticks of 100 ns.
    DateTime,
    /// A length of time, in ticks of 100 ns.
    TimeSpan,
    /// A UUID.
    Guid,
    /// Any JSON value.
    Dynamic,
}

impl KqlType {
    /// All types, in the order of the enum.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::Int,
        Self::Long,
        Self::Real,
        Self::Decimal,
        Self::String,
        Self::DateTime,
        Self::TimeSpan,
        Self::Guid,
        Self::Dynamic,
    ];

    /// The name in KQL (`long`, `datetime`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::DateTime => "datetime",
            Self::TimeSpan => "timespan",
            Self::Guid => "guid",
            Self::Dynamic => "dynamic",
        }
    }

    /// The .NET type name that the hunting APIs put into `Schema[].Type`. `DateTime` and `String`
    /// are documented, the others follow Kusto's first REST version.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Bool => "SByte",
            Self::Int => "Int32",
            Self::Long => "Int64",
            Self::Real => "Double",
            Self::Decimal => "SqlDecimal",
            Self::String => "String",
            Self::DateTime => "DateTime",
            Self::TimeSpan => "TimeSpan",
            Self::Guid => "Guid",
            Self::Dynamic => "Object",
        }
    }

    /// The type with this KQL name, aliases included (`double`, `date`, `time`, `boolean`, `uuid`).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "int" => Self::Int,
            "long" => Self::Long,
            "real" | "double" => Self::Real,
            "decimal" => Self::Decimal,
            "string" => Self::String,
            "datetime" | "date" => Self::DateTime,
            "timespan" | "time" => Self::TimeSpan,
            "guid" | "uuid" | "uniqueid" => Self::Guid,
            "dynamic" => Self::Dynamic,
            _ => return None,
        })
    }
}

impl fmt::Display for KqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for ty in KqlType::ALL {
            assert_eq!(KqlType::parse(ty.name()), Some(ty));
            assert_eq!(serde_json::to_value(ty).unwrap(), ty.name());
        }
        assert_eq!(KqlType::parse("double"), Some(KqlType::Real));
        assert_eq!(
            KqlType::parse("String"),
            None,
            "type names are case-sensitive"
        );
    }
}
