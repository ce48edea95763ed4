//! Tokens: the words of a query and their places.

use crate::diagnostic::Span;

/// A token. Its text is its span of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of token. Keywords are not among them: in KQL they are contextual, so they are [`TokenKind::Word`]s
/// and the parser decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A name or a keyword, also `$left`, and `3day_total`.
    Word,
    /// An operator word with an exclamation mark, such as `!has` or `!in~`.
    BangWord,
    /// `in~`.
    InTilde,
    /// A whole number, decimal or hexadecimal.
    Long,
    /// A number with a point or an exponent.
    Real,
    /// A number with a unit, such as `1d` or `2.5h`.
    TimeSpan,
    /// A string literal of any form, `h` and `@` included. Unterminated ones too; the lexer has said so.
    String,
    /// A type with its literal in brackets, such as `datetime(2026-01-01)` or `int(null)`, as one token.
    Typed(TypedLiteral),
    /// `(`.
    OpenParen,
    /// `)`.
    CloseParen,
    /// `[`.
    OpenBracket,
    /// `]`.
    CloseBracket,
    /// `{`.
    OpenBrace,
    /// `}`.
    CloseBrace,
    /// `|`.
    Pipe,
    /// `,`.
    Comma,
    /// `;`.
    Semicolon,
    /// `:`.
    Colon,
    /// `.`.
    Dot,
    /// `..`.
    DotDot,
    /// `=`.
    Assign,
    /// `=>`.
    FatArrow,
    /// `==`.
    EqualEqual,
    /// `!=`.
    BangEqual,
    /// `<>`.
    LessGreater,
    /// `=~`.
    EqualTilde,
    /// `!~`.
    BangTilde,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `+`.
    Plus,
    /// `-`.
    Minus,
    /// `*`.
    Star,
    /// `/`.
    Slash,
    /// `%`.
    Percent,
    /// `@` that begins no string.
    At,
    /// `?`.
    Question,
    /// Something that the language has no use for; the lexer has said so.
    Bad,
    /// After the last token. Exactly one, always there.
    End,
}

/// Which type a [`TokenKind::Typed`] literal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypedLiteral {
    /// `bool(…)`, `boolean(…)`.
    Bool,
    /// `int(…)`, `int32(…)`.
    Int,
    /// `long(…)`, `int64(…)`.
    Long,
    /// `real(…)`, `double(…)`.
    Real,
    /// `decimal(…)`.
    Decimal,
    /// `datetime(…)`, `date(…)`.
    DateTime,
    /// `timespan(…)`, `time(…)`.
    TimeSpan,
    /// `guid(…)`.
    Guid,
}

impl TypedLiteral {
    /// The type whose literals `word(…)` are, if any.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "bool" | "boolean" => Self::Bool,
            "int" | "int32" => Self::Int,
            "long" | "int64" => Self::Long,
            "real" | "double" => Self::Real,
            "decimal" => Self::Decimal,
            "datetime" | "date" => Self::DateTime,
            "timespan" | "time" => Self::TimeSpan,
            "guid" => Self::Guid,
            _ => return None,
        })
    }

    /// The name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::Decimal => "decimal",
            Self::DateTime => "datetime",
            Self::TimeSpan => "timespan",
            Self::Guid => "guid",
        }
    }
}
