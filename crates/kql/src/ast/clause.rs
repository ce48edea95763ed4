//! Operators with clauses of their own: what they hold between their words.

use super::{
    ColumnDeclaration, Expr, Name, NamedExpr, Operator, Parameter, ParameterDeclaration,
    SortDirection, Tabular, UnionOperand,
};

/// `find`.
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    /// `withsource = name`; `source_` when left out.
    pub with_source: Option<Name>,
    /// `in (tables)`; empty for all tables.
    pub tables: Vec<UnionOperand>,
    /// What rows have to fulfil.
    pub predicate: Expr,
    /// `project …`; none for `project-smart`, which is also meant when nothing is said.
    pub project: Option<FindProject>,
}

/// The `project` clause of `find`.
#[derive(Clone, Debug, PartialEq)]
pub struct FindProject {
    /// The columns, with the type to give them.
    pub columns: Vec<(Name, Option<Name>)>,
    /// `pack(*)` or `pack_all()`: all columns in a bag.
    pub pack: bool,
}

/// `make-series`.
#[derive(Clone, Debug, PartialEq)]
pub struct MakeSeries {
    /// `kind = nonempty`.
    pub nonempty: bool,
    /// `hint.…`.
    pub parameters: Vec<Parameter>,
    /// The aggregates.
    pub aggregates: Vec<SeriesAggregate>,
    /// The axis.
    pub axis: NamedExpr,
    /// Where the axis begins and ends.
    pub bounds: SeriesBounds,
    /// The groups.
    pub by: Vec<NamedExpr>,
}

/// An aggregate of `make-series`.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAggregate {
    /// The aggregate.
    pub item: NamedExpr,
    /// `default = value`.
    pub default: Option<Expr>,
}

/// `from a to b step c` of `make-series`.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSteps {
    /// First value.
    pub from: Option<Expr>,
    /// End, exclusive.
    pub to: Option<Expr>,
    /// Distance; none only after a mistake.
    pub step: Option<Expr>,
}

/// The axis of `make-series`.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesBounds {
    /// `from a to b step c`; the end is exclusive.
    Steps(Box<SeriesSteps>),
    /// `in range(a, b, c)`; the end is inclusive.
    Range(Vec<Expr>),
}

/// One level of `top-nested`.
#[derive(Clone, Debug, PartialEq)]
pub struct TopNested {
    /// How many values; all when left out.
    pub count: Option<Expr>,
    /// The values.
    pub of: NamedExpr,
    /// `with others = value`.
    pub others: Option<Expr>,
    /// What values are ranked by.
    pub by: NamedExpr,
    /// `asc` or `desc`; `desc` when left out.
    pub direction: Option<SortDirection>,
}

/// `parse-kv`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseKv {
    /// The text.
    pub expr: Expr,
    /// The keys with the types of their columns.
    pub columns: Vec<ColumnDeclaration>,
    /// `with (pair_delimiter = ',', …)`.
    pub properties: Vec<Parameter>,
}

/// `partition`.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// `hint.…`.
    pub parameters: Vec<Parameter>,
    /// The column.
    pub by: Name,
    /// What is done with the rows of every value.
    pub body: PartitionBody,
}

/// The subquery of `partition`.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBody {
    /// `(operators)`.
    Operators(Vec<Operator>),
    /// `{ source | operators }`.
    Query(Box<Tabular>),
}

/// `scan`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// `with_match_id = name`.
    pub match_id: Option<Name>,
    /// `declare (name:type = default, …)`.
    pub declare: Vec<ParameterDeclaration>,
    /// The steps in order.
    pub steps: Vec<ScanStep>,
}

/// A step of `scan`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    /// Its name.
    pub name: Name,
    /// `output = …`.
    pub output: ScanOutput,
    /// The condition.
    pub condition: Expr,
    /// What is assigned after `=>`.
    pub assignments: Vec<NamedExpr>,
}

/// Which records of a step come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScanOutput {
    /// All: the default.
    All,
    /// The last one of a series.
    Last,
    /// None.
    None,
}

/// `facet`.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// The columns.
    pub by: Vec<Name>,
    /// `with (operators)`, or one operator without brackets.
    pub with: Option<Vec<Operator>>,
}

/// A branch of `fork`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The name in `name = (…)`.
    pub name: Option<Name>,
    /// The operators.
    pub operators: Vec<Operator>,
}

/// `reduce`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// `kind = source`: every row with the pattern that it belongs to.
    pub with_source: bool,
    /// The text.
    pub by: NamedExpr,
    /// `with threshold = …, characters = …`.
    pub properties: Vec<Parameter>,
}
