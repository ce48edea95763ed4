//! The tree of a `$filter`. Chains of `and` and `or` are flat, so depth is what was written.

use std::fmt;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of these. At least two.
    And(Vec<Self>),
    /// Any of these. At least two.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// `path op literal`
    Compare {
        /// The property.
        path: Path,
        /// How.
        op: CompareOp,
        /// With what.
        value: Literal,
    },
    /// `path in (literal, …)`. At least one.
    In {
        /// The property.
        path: Path,
        /// The values.
        values: Vec<Literal>,
    },
    /// `startswith(path, 'text')` and its sisters.
    Call {
        /// Which.
        function: TextFunction,
        /// The property.
        path: Path,
        /// The text.
        text: String,
    },
    /// `path/any(v: condition)`, `path/any()`, `path/all(v: condition)`
    Lambda {
        /// The collection.
        path: Path,
        /// Any or all.
        quantifier: Quantifier,
        /// Name of the element in the condition, and the condition. None for `any()`.
        body: Option<(String, Box<Self>)>,
    },
    /// A property that is itself a condition.
    Flag(Path),
    /// `true` or `false`.
    Constant(bool),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOp {
    /// `eq`
    Eq,
    /// `ne`
    Ne,
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
}

impl CompareOp {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The operator with this word, in any letter case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le]
            .into_iter()
            .find(|op| op.as_str().eq_ignore_ascii_case(word))
    }

    /// The operator when both sides are exchanged.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::Eq => Self::Eq,
            Self::Ne => Self::Ne,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
        }
    }
}

/// A test of a part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFunction {
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `contains`
    Contains,
}

impl TextFunction {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartsWith => "startswith",
            Self::EndsWith => "endswith",
            Self::Contains => "contains",
        }
    }

    /// The function with this name, in any letter case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::StartsWith, Self::EndsWith, Self::Contains]
            .into_iter()
            .find(|f| f.as_str().eq_ignore_ascii_case(word))
    }
}

/// Whether one element must fulfil a condition, or each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// `any`
    Any,
    /// `all`
    All,
}

/// A property's name with where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Segments joined by `/`.
    pub name: String,
    /// In characters from 0.
    pub position: usize,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Real(f64),
    /// `'text'`
    Text(String),
    /// A date with or without time, in .NET ticks.
    DateTime(i64),
    /// A UUID, lower case.
    Guid(String),
}

impl Literal {
    /// What kind of value it is, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Real(_) => "a number",
            Self::Text(_) => "a quoted text",
            Self::DateTime(_) => "a date",
            Self::Guid(_) => "a GUID",
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Real(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "'{}'", value.replace('\'', "''")),
            Self::DateTime(ticks) => f.write_str(&bartizan_contract::time::format_iso8601(*ticks)),
            Self::Guid(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for Filter {
    /// A text that parses to the same tree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Self::And(_) | Self::Or(_) => write!(f, "({part})")?,
                    _ => part.fmt(f)?,
                }
            }
            Ok(())
        };
        match self {
            Self::And(parts) => chain(f, parts, "and"),
            Self::Or(parts) => chain(f, parts, "or"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare { path, op, value } => {
                write!(f, "{} {} {value}", path.name, op.as_str())
            }
            Self::In { path, values } => {
                write!(f, "{} in (", path.name)?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Self::Call {
                function,
                path,
                text,
            } => {
                write!(
                    f,
                    "{}({}, {})",
                    function.as_str(),
                    path.name,
                    Literal::Text(text.clone())
                )
            }
            Self::Lambda {
                path,
                quantifier,
                body,
            } => {
                let word = match quantifier {
                    Quantifier::Any => "any",
                    Quantifier::All => "all",
                };
                match body {
                    Some((variable, body)) => {
                        write!(f, "{}/{word}({variable}: {body})", path.name)
                    }
                    None => write!(f, "{}/{word}()", path.name),
                }
            }
            Self::Flag(path) => f.write_str(&path.name),
            Self::Constant(value) => value.fmt(f),
        }
    }
}
