//! Scalar expressions.

use super::{ColumnDeclaration, Name, Tabular};
use crate::diagnostic::Span;

/// A scalar expression, or a place where one is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, brackets of its own included.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Nothing usable stood here; a diagnostic says why.
    Error,
    /// A constant.
    Literal(Literal),
    /// A column, a `let` name, a table or a parameter: only the binder can tell.
    Name(Name),
    /// `*`, where a function or an operator takes all columns.
    Star,
    /// `$left` or `$right`, in the conditions of a join.
    Side(JoinSide),
    /// `object.name`, also `object.['name']`.
    Member {
        /// What is looked into.
        object: Box<Expr>,
        /// The property.
        name: Name,
    },
    /// `object.name(…)`, as in `database('d').T`'s first step on a cluster.
    MemberCall {
        /// What the function is taken from.
        object: Box<Expr>,
        /// The function and its arguments.
        call: Call,
    },
    /// `object[index]`.
    Index {
        /// What is looked into.
        object: Box<Expr>,
        /// Position or key.
        index: Box<Expr>,
    },
    /// `name(arguments)`.
    Call(Call),
    /// `typeof(long)` or `typeof(a:long, b:string)`.
    TypeOf(TypeSpec),
    /// A sign.
    Unary {
        /// Which sign.
        op: UnaryOp,
        /// What it applies to.
        operand: Box<Expr>,
    },
    /// Two operands and an operator that is neither `and` nor `or`.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Where the operator stands.
        at: Span,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a and b and c …` or `a or b or c …` as one flat list of at least two operands, however long the chain is.
    Logical {
        /// `and` or `or`.
        op: LogicalOp,
        /// The operands in order.
        operands: Vec<Expr>,
        /// Where the operators stand, one fewer than there are operands.
        places: Vec<Span>,
    },
    /// `value in (…)`, `value has_any (…)` and relatives.
    List {
        /// The operator.
        op: ListOp,
        /// What is looked for, or looked into.
        value: Box<Expr>,
        /// The list. One element may be a tabular expression ([`ExprKind::Tabular`]), or a name that is one.
        items: Vec<Expr>,
    },
    /// `value between (low .. high)`.
    Between {
        /// `!between`.
        negated: bool,
        /// Where the operator stands.
        at: Span,
        /// What is tested.
        value: Box<Expr>,
        /// Lower end, inclusive.
        low: Box<Expr>,
        /// Upper end, inclusive; a timespan when it is a length rather than an end.
        high: Box<Expr>,
    },
    /// `(inner)`. Brackets in brackets are one node: `((a))` is one `Paren` around `a`.
    Paren(Box<Expr>),
    /// A tabular expression where a scalar one may stand: an argument, an element of `in (…)`, in brackets.
    /// A bare name or call of a table is *not* wrapped; it stays [`ExprKind::Name`] or [`ExprKind::Call`].
    Tabular(Box<Tabular>),
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function as written.
    pub name: Name,
    /// The arguments in order.
    pub arguments: Vec<Argument>,
    /// From the name to the closing bracket.
    pub span: Span,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name in `name = value`.
    pub name: Option<Name>,
    /// The value; [`ExprKind::Star`] for `*`.
    pub value: Expr,
}

/// What `typeof` holds.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeSpec {
    /// A scalar type by its name as written.
    Scalar(Name),
    /// The columns of a table. `*` first means "and all others".
    Row {
        /// `*` was given.
        open: bool,
        /// The columns in order.
        columns: Vec<ColumnDeclaration>,
    },
}

/// A constant. `None` is the null of its type, as in `int(null)`.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true`, `bool(null)`.
    Bool(Option<bool>),
    /// `int(5)`.
    Int(Option<i32>),
    /// `5`, `0xff`, `long(5)`.
    Long(Option<i64>),
    /// `5.0`, `1e3`, `real(nan)`.
    Real(Option<f64>),
    /// `decimal(5.1)`: plain decimal digits with an optional sign and point, at most 34 significant digits.
    Decimal(Option<String>),
    /// A string with its escapes resolved and adjacent literals joined. Strings have no null.
    String {
        /// The text.
        value: String,
        /// Written `h'…'`: keep it out of logs.
        hidden: bool,
    },
    /// `datetime(2026-01-01)` in ticks of 100 ns since 0001-01-01T00:00:00Z.
    DateTime(Option<i64>),
    /// `datetime(09:00)`: a time of today, in ticks of 100 ns since midnight.
    TimeOfDay(i64),
    /// `1d`, `timespan(1.02:03:04)` in ticks of 100 ns.
    TimeSpan(Option<i64>),
    /// `guid(…)`, lower case with hyphens.
    Guid(Option<String>),
    /// `dynamic(…)`.
    Dynamic(Dynamic),
}

/// The value in `dynamic(…)`: JSON, and the scalar literals that Kusto also takes there.
#[derive(Clone, Debug, PartialEq)]
pub enum Dynamic {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A number with a fraction or an exponent.
    Real(f64),
    /// Text.
    String(String),
    /// `datetime(…)` in ticks.
    DateTime(i64),
    /// `timespan(…)`, `1d` in ticks.
    TimeSpan(i64),
    /// `guid(…)`.
    Guid(String),
    /// `[…]`.
    Array(Vec<Dynamic>),
    /// `{…}` in the order written; a repeated key stays repeated.
    Object(Vec<(String, Dynamic)>),
}

/// The two sides of a join, as its conditions name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinSide {
    /// `$left`.
    Left,
    /// `$right`.
    Right,
}

/// Signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`.
    Minus,
    /// `+`.
    Plus,
}

/// `and`, `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogicalOp {
    /// `and`.
    And,
    /// `or`.
    Or,
}

/// Operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`.
    Modulo,
    /// `==`.
    Equal,
    /// `!=` or `<>`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `=~`.
    EqualIgnoreCase,
    /// `!~`.
    NotEqualIgnoreCase,
    /// `matches regex`.
    MatchesRegex,
    /// `column : "term"`, in `search` and `find` only.
    SearchColumn,
    /// `has`, `!contains_cs`, …: one of the word operators.
    Text(TextOp),
}

/// A word operator such as `has`, `!startswith_cs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextOp {
    /// What is tested.
    pub test: TextTest,
    /// With `!` in front.
    pub negated: bool,
    /// With `_cs` behind: upper and lower case differ.
    pub case_sensitive: bool,
}

/// What a [`TextOp`] tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// `has`: the right side occurs with term boundaries at both of its ends.
    Has,
    /// `hasprefix`: … at its start.
    HasPrefix,
    /// `hassuffix`: … at its end.
    HasSuffix,
    /// `contains`: the right side occurs anywhere.
    Contains,
    /// `startswith`.
    StartsWith,
    /// `endswith`.
    EndsWith,
}

/// Operators with a list at their right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListOp {
    /// `in`.
    In,
    /// `!in`.
    NotIn,
    /// `in~`.
    InIgnoreCase,
    /// `!in~`.
    NotInIgnoreCase,
    /// `has_any`.
    HasAny,
    /// `has_all`.
    HasAll,
}
