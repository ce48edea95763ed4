//! The syntax tree: what was written, before any name is looked up.
//!
//! Everything has a [`Span`]. The tree is as deep as the query is nested, never as deep as it is long: chains of
//! `and`/`or` and pipelines are flat lists, and the parser bounds the rest ([`crate::parser::MAX_DEPTH`],
//! [`crate::parser::MAX_SUBQUERY_DEPTH`]), so stages that recurse over a tree (and its drop) need a bounded stack.

mod clause;
mod expression;
mod graph;
mod operator;

pub use clause::{
    Branch, Facet, Find, FindProject, MakeSeries, ParseKv, Partition, PartitionBody, Reduce, Scan,
    ScanOutput, ScanStep, SeriesAggregate, SeriesBounds, SeriesSteps, TopNested,
};
pub use expression::{
    Argument, BinaryOp, Call, Dynamic, Expr, ExprKind, JoinSide, ListOp, Literal, LogicalOp,
    TextOp, TextTest, TypeSpec, UnaryOp,
};
pub use graph::{
    GraphCycles, GraphDirection, GraphEdge, GraphMarkComponents, GraphMatch, GraphMatchKind,
    GraphNodes, GraphPartition, GraphPattern, GraphTable, GraphTableId, MakeGraph,
};
pub use operator::{
    Evaluate, ExternalData, Join, JoinKind, MvApply, MvColumn, MvExpand, MvKind, NullsOrder,
    Operator, OperatorKind, Parameter, Parse, ParseItem, ParseKind, Rename, Render, ReorderColumn,
    ReorderDirection, Search, SortDirection, SortKey, Summarize, Union, UnionKind, UnionOperand,
};

use crate::diagnostic::Span;

/// A whole query text: statements separated by `;`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The statements in order. The result is the last tabular one.
    pub statements: Vec<Statement>,
    /// The whole text.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Without the `;`.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `let name = value`.
    Let(Let),
    /// `set option = value`, or `set option`.
    Set {
        /// The option.
        name: Name,
        /// Its value.
        value: Option<Expr>,
    },
    /// `declare query_parameters(name:type = default, …)`.
    DeclareQueryParameters(Vec<ParameterDeclaration>),
    /// A tabular expression.
    Expression(Tabular),
    /// Not a statement that we know; a diagnostic says why.
    Error,
}

/// `let name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The new name.
    pub name: Name,
    /// What it stands for.
    pub value: LetValue,
}

/// The right side of a `let`.
#[expect(
    clippy::large_enum_variant,
    reason = "a query has a handful of let statements; boxes would only make them harder to match"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum LetValue {
    /// A scalar expression. A bare name or a call stays here even when it names a table: the binder decides.
    Scalar(Expr),
    /// Surely tabular: there is a pipe, or a source such as `datatable` or `union`.
    Tabular(Tabular),
    /// `(parameters) { body }`.
    Function(Function),
}

/// A function made by `let`.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// `view () { … }`: also found by wildcards of `union` and by `search *`.
    pub view: bool,
    /// The parameters in order; tabular ones come first.
    pub parameters: Vec<ParameterDeclaration>,
    /// The statements in the braces; the last one is the result.
    pub body: FunctionBody,
    /// From the opening bracket to the closing brace.
    pub span: Span,
}

/// A parameter of a function or of the query.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterDeclaration {
    /// Its name.
    pub name: Name,
    /// What it takes.
    pub kind: ParameterKind,
    /// Name, type and default.
    pub span: Span,
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterKind {
    /// `name : type = default`.
    Scalar {
        /// The type as written.
        ty: Name,
        /// The default.
        default: Option<Expr>,
    },
    /// `name : (a:long, *)`.
    Tabular {
        /// `*` was given: more columns are allowed.
        open: bool,
        /// The columns that must be there.
        columns: Vec<ColumnDeclaration>,
    },
}

/// What stands in the braces of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionBody {
    /// `let` and other statements before the result.
    pub statements: Vec<Statement>,
    /// The result. `LetValue::Function` never occurs here.
    pub result: Option<Box<LetValue>>,
    /// The braces included.
    pub span: Span,
}

/// A source and the operators that its rows are piped through.
#[derive(Clone, Debug, PartialEq)]
pub struct Tabular {
    /// Where the rows come from.
    pub source: Source,
    /// The operators after each `|`, in order.
    pub operators: Vec<Operator>,
    /// From the source to the last operator.
    pub span: Span,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// A name, a call, a path such as `database('d').T`, or a tabular expression in brackets
    /// ([`ExprKind::Paren`] around [`ExprKind::Tabular`]). The binder refuses the other forms.
    Expr(Expr),
    /// `print a = 1, …`.
    Print(Vec<NamedExpr>),
    /// `range x from a to b step c`.
    Range {
        /// The column.
        column: Name,
        /// First value.
        from: Expr,
        /// Last value, inclusive.
        to: Expr,
        /// Difference between two values; `None` when left out.
        step: Option<Expr>,
    },
    /// `datatable(a:long, b:string) [1, 'x', …]`.
    DataTable {
        /// The columns.
        columns: Vec<ColumnDeclaration>,
        /// The cells, row by row.
        values: Vec<Expr>,
    },
    /// `externaldata(a:long) [ 'https://…' ] with (format='csv')`.
    ExternalData(ExternalData),
    /// An operator that also begins a query: `union`, `search`, `find`, `evaluate`.
    Operator(Box<OperatorKind>),
    /// Nothing usable stood here; a diagnostic says why.
    Error,
}

/// `name : type` in a row schema.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDeclaration {
    /// The column.
    pub name: Name,
    /// The type as written.
    pub ty: Name,
}

/// An expression with the column name that it is given, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedExpr {
    /// None for `expr`, one for `name = expr`, several for `(a, b) = expr`.
    pub names: Vec<Name>,
    /// The value.
    pub expr: Expr,
    /// Both.
    pub span: Span,
}

/// An identifier as written, without the brackets and quotes of `['a name']`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Brackets and quotes included.
    pub span: Span,
}

/// A name in which `*` stands for any characters, such as `Device*`; also a plain name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern {
    /// The text. Every `*` is a wildcard when `wildcard` is set.
    pub text: String,
    /// Whether `*` occurs outside brackets and quotes.
    pub wildcard: bool,
    /// Where it stands.
    pub span: Span,
}
