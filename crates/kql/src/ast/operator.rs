//! Tabular operators: what may stand after a pipe.

use super::{
    Branch, Call, ColumnDeclaration, Expr, Facet, Find, GraphMarkComponents, GraphMatch,
    GraphTable, MakeGraph, MakeSeries, Name, NamePattern, NamedExpr, ParseKv, Partition, Reduce,
    Scan, Tabular, TopNested,
};
use crate::diagnostic::Span;

/// An operator of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// What it is.
    pub kind: OperatorKind,
    /// Without the pipe.
    pub span: Span,
}

/// The operators.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorKind {
    /// `where predicate`, also `filter`.
    Where(Expr),
    /// `project a, b = expr, …`.
    Project(Vec<NamedExpr>),
    /// `project-away a, b*`.
    ProjectAway(Vec<NamePattern>),
    /// `project-keep a, b*`.
    ProjectKeep(Vec<NamePattern>),
    /// `project-rename new = old, …`.
    ProjectRename(Vec<Rename>),
    /// `project-reorder a, b* asc, …`.
    ProjectReorder(Vec<ReorderColumn>),
    /// `extend a = expr, …`.
    Extend(Vec<NamedExpr>),
    /// `summarize aggregates by groups`.
    Summarize(Summarize),
    /// `top count by key`.
    Top {
        /// How many rows.
        count: Expr,
        /// The key.
        by: SortKey,
        /// `hint.…`.
        parameters: Vec<Parameter>,
    },
    /// `where name = predicate`: the name stands for nothing, and all that counts is what follows it.
    NamedWhere(Name, Expr),
    /// `take count`, also `limit`.
    Take(Expr),
    /// `sort by keys`, also `order by`.
    Sort {
        /// The keys, most significant first.
        keys: Vec<SortKey>,
        /// `hint.…`.
        parameters: Vec<Parameter>,
    },
    /// `count`, `count as name`.
    Count(Option<Name>),
    /// `distinct a, b`, `distinct *` (one [`super::ExprKind::Star`]).
    Distinct(Vec<NamedExpr>),
    /// `join`.
    Join(Join),
    /// `lookup`: the same shape as a join.
    Lookup(Join),
    /// `union`.
    Union(Union),
    /// `mv-expand`, also `mvexpand`.
    MvExpand(MvExpand),
    /// `mv-apply`, also `mvapply`.
    MvApply(MvApply),
    /// `parse` and `parse-where`.
    Parse(Parse),
    /// `evaluate plugin(…)`.
    Evaluate(Evaluate),
    /// `invoke function(…)`.
    Invoke(Call),
    /// `serialize a = expr, …`.
    Serialize(Vec<NamedExpr>),
    /// `search` and `find`-like text search.
    Search(Search),
    /// `getschema`.
    GetSchema,
    /// `render chart with (…)`.
    Render(Render),
    /// `sample count`.
    Sample(Expr),
    /// `sample-distinct count of expr`.
    SampleDistinct {
        /// How many values.
        count: Expr,
        /// Of which column.
        of: Expr,
    },
    /// `as name`.
    As {
        /// The name that the rows get.
        name: Name,
        /// `hint.materialized = …`.
        parameters: Vec<Parameter>,
    },
    /// `consume`.
    Consume,
    /// `find`.
    Find(Find),
    /// `make-series`.
    MakeSeries(MakeSeries),
    /// `top-nested`: its levels.
    TopNested(Vec<TopNested>),
    /// `top-hitters count of value by weight`.
    TopHitters {
        /// How many values.
        count: Expr,
        /// Of what.
        of: NamedExpr,
        /// What is summed; rows are counted when left out.
        by: Option<Expr>,
    },
    /// `parse-kv`.
    ParseKv(ParseKv),
    /// `partition`.
    Partition(Partition),
    /// `scan`.
    Scan(Scan),
    /// `facet`.
    Facet(Facet),
    /// `fork`.
    Fork(Vec<Branch>),
    /// `reduce`.
    Reduce(Reduce),
    /// `project-by-names 'a', dynamic(['b*'])`.
    ProjectByNames(Vec<Expr>),
    /// `assert-schema (a:long)`; true when more columns are allowed.
    AssertSchema(bool, Vec<ColumnDeclaration>),
    /// `make-graph`.
    MakeGraph(Box<MakeGraph>),
    /// `graph-match` and `graph-shortest-paths`.
    GraphMatch(Box<GraphMatch>),
    /// `graph-mark-components`.
    GraphMarkComponents(GraphMarkComponents),
    /// `graph-to-table`.
    GraphToTable(Vec<GraphTable>),
    /// An operator that we cannot run yet or do not know; a diagnostic says which.
    Unsupported {
        /// As written; empty when nothing like an operator stood there.
        name: String,
    },
}

/// `name = value` between an operator's name and its operands, as in `hint.strategy = shuffle`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name with its dots, such as `hint.shufflekey`.
    pub name: Name,
    /// The value; words such as `shuffle` are names.
    pub value: Expr,
}

/// `new = old`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    /// The name that the column gets.
    pub new: Name,
    /// The column.
    pub old: Name,
}

/// A column of `project-reorder`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReorderColumn {
    /// The columns.
    pub pattern: NamePattern,
    /// How the columns that a wildcard finds are ordered among themselves; `None` keeps their order.
    pub direction: Option<ReorderDirection>,
}

/// Orders of column names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReorderDirection {
    /// `asc`.
    Asc,
    /// `desc`.
    Desc,
    /// `granny-asc`: numbers in names compare as numbers.
    GrannyAsc,
    /// `granny-desc`.
    GrannyDesc,
}

/// `summarize`.
#[derive(Clone, Debug, PartialEq)]
pub struct Summarize {
    /// The aggregates; may be empty when there are groups.
    pub aggregates: Vec<NamedExpr>,
    /// The groups; `None` without `by`.
    pub by: Option<Vec<NamedExpr>>,
    /// `hint.…`.
    pub parameters: Vec<Parameter>,
}

/// A key of `sort` or `top`.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What is compared; `name = expr` is allowed as in `extend`.
    pub expr: Expr,
    /// `asc` or `desc`; `desc` when left out.
    pub direction: Option<SortDirection>,
    /// `nulls first` or `nulls last`; first for `asc` and last for `desc` when left out.
    pub nulls: Option<NullsOrder>,
}

/// Directions of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortDirection {
    /// `asc`.
    Asc,
    /// `desc`.
    Desc,
}

/// Where nulls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullsOrder {
    /// `nulls first`.
    First,
    /// `nulls last`.
    Last,
}

/// `join` and `lookup`.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// `kind = …`; innerunique for a join and leftouter for a lookup when left out.
    pub kind: Option<JoinKind>,
    /// `hint.…`.
    pub parameters: Vec<Parameter>,
    /// The right side.
    pub right: Tabular,
    /// The conditions: column names, or `$left.a == $right.b`, also several of them joined by `and`.
    pub on: Vec<Expr>,
}

/// Kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// `innerunique`.
    InnerUnique,
    /// `inner`.
    Inner,
    /// `leftouter`.
    LeftOuter,
    /// `rightouter`.
    RightOuter,
    /// `fullouter`.
    FullOuter,
    /// `leftsemi`.
    LeftSemi,
    /// `rightsemi`.
    RightSemi,
    /// `leftanti`, also `anti` and `leftantisemi`.
    LeftAnti,
    /// `rightanti`, also `rightantisemi`.
    RightAnti,
}

/// `union`.
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// `kind = inner | outer`; outer when left out.
    pub kind: Option<UnionKind>,
    /// `withsource = name`.
    pub with_source: Option<Name>,
    /// `isfuzzy = true`: operands that do not resolve are skipped.
    pub is_fuzzy: bool,
    /// `hint.…`.
    pub parameters: Vec<Parameter>,
    /// The operands. When the union stands after a pipe, its input comes before them.
    pub operands: Vec<UnionOperand>,
}

/// Which columns a union keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnionKind {
    /// Those of every operand.
    Inner,
    /// Those of any operand.
    Outer,
}

/// An operand of `union`, or a table of `search in (…)`.
#[derive(Clone, Debug, PartialEq)]
pub enum UnionOperand {
    /// Every table and view whose name fits, such as `Device*`.
    Pattern(NamePattern),
    /// One table: a name, a call, or a tabular expression in brackets.
    Table(Expr),
}

/// `mv-expand`.
#[derive(Clone, Debug, PartialEq)]
pub struct MvExpand {
    /// Spelled `mvexpand`, whose default limit is 128 rows.
    pub legacy: bool,
    /// `kind = …` or `bagexpansion = …`.
    pub kind: Option<MvKind>,
    /// `with_itemindex = name`.
    pub item_index: Option<Name>,
    /// The columns, expanded in parallel.
    pub columns: Vec<MvColumn>,
    /// `limit n`.
    pub limit: Option<Expr>,
}

/// How bags are expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MvKind {
    /// `bag`: to bags of one property.
    Bag,
    /// `array`: to arrays of key and value.
    Array,
}

/// A column of `mv-expand` or `mv-apply`.
#[derive(Clone, Debug, PartialEq)]
pub struct MvColumn {
    /// The name in `name = expr`.
    pub name: Option<Name>,
    /// What is expanded.
    pub expr: Expr,
    /// The type in `to typeof(type)`, as written.
    pub to: Option<Name>,
}

/// `mv-apply`.
#[derive(Clone, Debug, PartialEq)]
pub struct MvApply {
    /// `with_itemindex = name`.
    pub item_index: Option<Name>,
    /// The columns, expanded in parallel.
    pub columns: Vec<MvColumn>,
    /// `limit n`.
    pub limit: Option<Expr>,
    /// The operators in `on (…)`, applied to the rows of each input row.
    pub operators: Vec<Operator>,
}

/// `parse` and `parse-where`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    /// `parse-where`: rows that do not fit are dropped.
    pub drop_unmatched: bool,
    /// `kind = …`; simple when left out.
    pub kind: Option<ParseKind>,
    /// `flags = …` of `kind = regex`, such as `Ui`.
    pub flags: Option<Name>,
    /// What is parsed.
    pub expr: Expr,
    /// The pattern.
    pub items: Vec<ParseItem>,
}

/// How strict `parse` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseKind {
    /// The text must fit, and every typed column too.
    Simple,
    /// The texts of the pattern are regular expressions.
    Regex,
    /// A typed column that does not fit is null.
    Relaxed,
}

/// A piece of a pattern of `parse`.
#[derive(Clone, Debug, PartialEq)]
pub enum ParseItem {
    /// `*`: skip.
    Star(Span),
    /// Text, or a regular expression: a string literal or the name of a constant.
    Text(Expr),
    /// `column` or `column : type`.
    Column {
        /// The new column.
        name: Name,
        /// The type as written; string when left out.
        ty: Option<Name>,
    },
}

/// `evaluate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    /// `hint.…`.
    pub parameters: Vec<Parameter>,
    /// The plugin.
    pub call: Call,
    /// `: (a:long, …)`, the schema that the author promises; open when it begins with `*`.
    pub schema: Option<(bool, Vec<ColumnDeclaration>)>,
}

/// `search`.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// `kind = case_sensitive`.
    pub case_sensitive: bool,
    /// `in (tables)`; empty for the input, or for all tables.
    pub tables: Vec<UnionOperand>,
    /// A string, or tests joined by `and`, `or`, `not`.
    pub predicate: Expr,
}

/// `render`.
#[derive(Clone, Debug, PartialEq)]
pub struct Render {
    /// The visualisation, such as `timechart`.
    pub chart: Name,
    /// `with (name = value, …)`.
    pub properties: Vec<Parameter>,
}

/// `externaldata`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalData {
    /// The columns.
    pub columns: Vec<ColumnDeclaration>,
    /// The locations.
    pub uris: Vec<Expr>,
    /// `with (name = value, …)`.
    pub properties: Vec<Parameter>,
}
