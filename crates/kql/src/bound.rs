//! The bound tree: what a query means once every name, type and default is settled.
//!
//! A planner needs nothing else: it never looks at names, only at [`ColumnId`]s. Rules that hold everywhere:
//!
//! * Every [`Plan`] knows its output in [`Plan::columns`], in result order. An id is unique among the columns of
//!   a node, and the inputs of one node never share an id: a table that is read twice has fresh ids each time.
//! * An id stands for one stream of values. A node that passes a column through keeps its id, even when it
//!   renames it (names live in the node's `columns` alone); a computed column has a fresh id.
//! * Implicit conversions are explicit here: the operands of an operator have the types that its documentation
//!   below demands, with [`ExprKind::Cast`] put in where the query left it out.
//! * `let` is gone. What must be computed once (`materialize`, `toscalar`) is an entry of [`Query::shared`].
//! * `count`, `top`'s siblings, `print`, `getschema`, `extend`, `project-*`, `lookup`, `ago`, `between`, `iff`, the
//!   `…if` aggregates and the negated operators have no node of their own: they are written with the others.

pub use crate::catalogue::{
    AggregateFn, CodecFn, EachFn, GeoFn, MathFn, PairwiseFn, Quantity, ScalarFn, SeriesFn, ShapeFn,
    SketchFn, WindowFn,
};
pub use crate::graph::{
    Collected, Fold, GraphColumn, GraphOperation, GraphPattern, GraphPlan, GraphSearch,
    PatternEdge, PatternNode,
};
pub use crate::plugin::{Plugin, ProbeAnswer, ScanPlan, ScanStep};
pub use crate::query::{NamedPlan, Query, Render};
use crate::types::Type;

/// Identifies one column (one stream of values) within a bound query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// Identifies one entry of [`Query::shared`]; it is the entry's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SharedId(pub u32);

/// A column of a node's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What expressions refer to.
    pub id: ColumnId,
    /// The name at this node; result names are those of the root.
    pub name: String,
    /// The type of the values.
    pub ty: Type,
}

/// A tabular expression: a node and what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is done.
    pub node: Node,
    /// The output columns in result order.
    pub columns: Vec<Column>,
}

impl Plan {
    /// The plans that its node reads, in order.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Self> {
        match &self.node {
            Node::Table { .. }
            | Node::Unit
            | Node::DataTable { .. }
            | Node::Range { .. }
            | Node::External { .. }
            | Node::Shared(_) => Vec::new(),
            Node::Filter { input, .. }
            | Node::Project { input, .. }
            | Node::Window { input, .. }
            | Node::Summarize { input, .. }
            | Node::Distinct { input }
            | Node::Sort { input, .. }
            | Node::Top { input, .. }
            | Node::Take { input, .. }
            | Node::Sample { input, .. }
            | Node::Serialize { input }
            | Node::MvExpand { input, .. }
            | Node::Plugin { input, .. }
            | Node::Parse { input, .. } => vec![input],
            Node::Join { left, right, .. } => vec![left, right],
            Node::Union { inputs } => inputs.iter().map(|i| &i.plan).collect(),
        }
    }
}

/// The relational operators.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// All rows of a table. `columns[i]` reads the table's column named `sources[i]`.
    Table {
        /// The table's name in the scope.
        name: String,
        /// The name in the table of each output column.
        sources: Vec<String>,
    },
    /// Exactly one row without columns: the input of `print`.
    Unit,
    /// Literal rows; each row is aligned with the output columns.
    DataTable {
        /// The rows.
        rows: Vec<Vec<Value>>,
    },
    /// The values from `from` to `to` (inclusive) by `step`, in the only output column. The three expressions are
    /// constant (no columns) and have the column's type, except that the step of a datetime is a timespan.
    Range {
        /// First value.
        from: Expr,
        /// Last value, included when it is hit.
        to: Expr,
        /// The distance; negative counts down.
        step: Expr,
    },
    /// The rows of a shared result; `columns[i]` is column i of that result.
    Shared(SharedId),
    /// Keeps the rows for which the predicate (bool) is true. Columns pass through.
    Filter {
        /// The input.
        input: Box<Plan>,
        /// The condition.
        predicate: Expr,
    },
    /// Computes `columns[i]` by `exprs[i]`, all from the same input row. When an expression is a plain reference
    /// to a column, the output may have that same id.
    Project {
        /// The input.
        input: Box<Plan>,
        /// One expression per output column.
        exprs: Vec<Expr>,
    },
    /// Adds the values of window functions (rows in input order) after the input's columns, one per call, in
    /// order.
    Window {
        /// The input, in a settled order.
        input: Box<Plan>,
        /// The calls; call i gives output column `input.columns.len() + i`.
        calls: Vec<WindowCall>,
        /// Columns whose distinct values each have a sequence of their own; usually none.
        partition: Vec<ColumnId>,
    },
    /// Groups by `by` (null is a group) and aggregates. Output columns: one per `by`, then the outputs of each
    /// aggregate in order. Without `by` there is exactly one row, even for empty input; with `by`, none.
    Summarize {
        /// The input.
        input: Box<Plan>,
        /// The grouping expressions.
        by: Vec<Expr>,
        /// The aggregates.
        aggregates: Vec<Aggregate>,
    },
    /// Distinct rows over all columns (null equals null). Columns pass through.
    Distinct {
        /// The input.
        input: Box<Plan>,
    },
    /// Sorts. Columns pass through.
    Sort {
        /// The input.
        input: Box<Plan>,
        /// The keys, most significant first.
        keys: Vec<SortKey>,
    },
    /// The first `count` rows by `keys`, in that order. Columns pass through.
    Top {
        /// The input.
        input: Box<Plan>,
        /// How many; constant, long.
        count: Expr,
        /// The keys, most significant first.
        keys: Vec<SortKey>,
    },
    /// Any `count` rows, the first ones when the input has an order. Columns pass through.
    Take {
        /// The input.
        input: Box<Plan>,
        /// How many; constant, long.
        count: Expr,
    },
    /// `count` random rows. Columns pass through.
    Sample {
        /// The input.
        input: Box<Plan>,
        /// How many; constant, long.
        count: Expr,
    },
    /// Marks the input's order as settled for window functions. Columns pass through.
    Serialize {
        /// The input.
        input: Box<Plan>,
    },
    /// Joins on the equality of all key pairs. The output columns are a choice of left and right ids (renamed
    /// where names clash): both sides for inner and outer kinds, one side for semi and anti kinds, and both
    /// without the right keys for `lookup`. `""` matches `""`; null keys match nothing.
    Join {
        /// Which rows are kept.
        kind: JoinKind,
        /// The left side.
        left: Box<Plan>,
        /// The right side.
        right: Box<Plan>,
        /// Pairs of key expressions, over the left and over the right columns, each pair of one type.
        on: Vec<(Expr, Expr)>,
    },
    /// All rows of all inputs. All output ids are fresh.
    Union {
        /// The inputs, in order.
        inputs: Vec<UnionInput>,
    },
    /// One row per element of the arrays (or per property of the bags, as a bag with one property), the arrays
    /// expanded in step and padded with null. A null value gives one null row, an empty array or bag none. The
    /// output columns are those of the input, of the items and of the index, in any order; an input column that
    /// is not listed is not in the output.
    MvExpand {
        /// The input.
        input: Box<Plan>,
        /// What is expanded.
        items: Vec<MvItem>,
        /// `with_itemindex`: the position of the element, a long from 0.
        index: Option<ColumnId>,
        /// At most this many rows per input row.
        limit: Option<i64>,
        /// How bags are expanded.
        kind: MvExpandKind,
    },
    /// Takes values out of a text by a pattern. The output columns are those of the input that are not replaced,
    /// and the captures.
    Parse {
        /// The input.
        input: Box<Plan>,
        /// The text (string).
        source: Expr,
        /// How literal parts and types are matched.
        kind: ParseKind,
        /// Flags of the regular expression (`kind=regex flags=…`), as written.
        flags: String,
        /// The pattern.
        parts: Vec<ParsePart>,
        /// True for `parse-where`: rows that do not match are dropped, otherwise their captures are null.
        only_matching: bool,
    },
    /// A step without relational counterpart over all rows in their order. The output columns are the outputs in
    /// order; before them stand the partition's columns, or those of the input when the plugin adds.
    Plugin {
        /// The input.
        input: Box<Plan>,
        /// What is done; its variants document arguments, constants and outputs.
        plugin: Plugin,
        /// The arguments, over the input's columns.
        args: Vec<Expr>,
        /// Values without columns.
        constants: Vec<Expr>,
        /// Another table, which is small.
        lookup: Option<SharedId>,
        /// The columns that are made.
        outputs: Vec<Column>,
        /// Columns whose distinct values are worked on apart; usually none.
        partition: Vec<ColumnId>,
    },
    /// The rows of files elsewhere: `externaldata`. Which may be read is the engine's matter.
    External {
        /// The locations, as written.
        uris: Vec<String>,
        /// Name and value of the properties, such as `format`.
        properties: Vec<(String, String)>,
    },
}

/// One key of a sort.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// The value sorted by; never dynamic.
    pub expr: Expr,
    /// True for descending, KQL's default.
    pub descending: bool,
    /// Where nulls (and NaN) go; by default first when ascending and last when descending.
    pub nulls_first: bool,
}

/// The kinds of `join`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Inner join after the left side was reduced to one row (the first) per key. The default.
    InnerUnique,
    /// All matching pairs.
    Inner,
    /// All left rows.
    LeftOuter,
    /// All right rows.
    RightOuter,
    /// All rows of both.
    FullOuter,
    /// Left rows with a match, each once.
    LeftSemi,
    /// Right rows with a match, each once.
    RightSemi,
    /// Left rows without a match.
    LeftAnti,
    /// Right rows without a match.
    RightAnti,
}

/// An input of a union.
#[derive(Clone, Debug, PartialEq)]
pub struct UnionInput {
    /// The rows.
    pub plan: Plan,
    /// For each output column of the union the input's column with the same type, or none for null (or "").
    pub mapping: Vec<Option<ColumnId>>,
}

/// A column that `mv-expand` expands.
#[derive(Clone, Debug, PartialEq)]
pub struct MvItem {
    /// The dynamic array or bag; over the input's columns.
    pub array: Expr,
    /// The element's column; its type is that of `to typeof(…)`, converted without parsing, or dynamic.
    pub output: Column,
}

/// How `mv-expand` and `mv-apply` take bags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MvExpandKind {
    /// Each property becomes a bag with that one property.
    Bag,
    /// Each property becomes the array `[key, value]`.
    Array,
}

/// The kinds of `parse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseKind {
    /// Literals match as they are; all captures must convert to their types.
    Simple,
    /// As simple, but a capture that does not convert is null.
    Relaxed,
    /// Literals are regular expressions.
    Regex,
}

/// A part of a `parse` pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsePart {
    /// Text (or a regular expression) that must be there.
    Text(String),
    /// `*`: anything.
    Any,
    /// A column that takes what is between its neighbours, converted to its type.
    Capture(Column),
}

/// An aggregate of `summarize`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The function; its variants document arguments and outputs.
    pub function: AggregateFn,
    /// The arguments, over the input's columns.
    pub args: Vec<Expr>,
    /// Only rows for which this is true are aggregated: `countif`, `sumif`, `make_set_if`…
    pub filter: Option<Expr>,
    /// The output columns; one, except for `arg_max`, `arg_min`, `take_any` and `percentiles`.
    pub outputs: Vec<Column>,
}

/// A call of a window function.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    /// The function; its variants document the arguments.
    pub function: WindowFn,
    /// The arguments, over the input's columns.
    pub args: Vec<Expr>,
    /// The output column.
    pub output: Column,
}

/// A typed scalar expression over the columns of a node's input (for joins: of the side it belongs to).
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What is computed.
    pub kind: ExprKind,
    /// The type of the value.
    pub ty: Type,
}

/// The scalar operators.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant; `Value::Null` has the expression's type.
    Literal(Value),
    /// A column of the input.
    Column(ColumnId),
    /// Converts to the expression's type, as `toint()`, `tostring()`, `todatetime()`… do: what does not convert is
    /// null (for string: ""). To dynamic it wraps the value as it is (a string becomes a JSON string; parsing is
    /// [`ScalarFn::ParseJson`]). From dynamic it takes the JSON value.
    Cast(Box<Expr>),
    /// A function call; the variants of [`ScalarFn`] document the arguments.
    Call {
        /// The function.
        function: ScalarFn,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// Negation of a number or timespan.
    Negate(Box<Expr>),
    /// Arithmetic and comparison; see [`BinaryOp`] for operand types.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// A test between two strings.
    StringTest {
        /// The test.
        op: StringOp,
        /// False for the operators that ignore case.
        case_sensitive: bool,
        /// The text (string).
        left: Box<Expr>,
        /// What is looked for (string).
        right: Box<Expr>,
    },
    /// `in`, `has_any`, `has_all` and the like.
    SetTest {
        /// The test.
        op: SetOp,
        /// False for the operators that ignore case.
        case_sensitive: bool,
        /// The value that is tested.
        input: Box<Expr>,
        /// What it is tested against.
        set: Set,
    },
    /// All are true; flat, at least two terms. Three-valued.
    And(Vec<Expr>),
    /// One is true; flat, at least two terms. Three-valued.
    Or(Vec<Expr>),
    /// Not; null stays null.
    Not(Box<Expr>),
    /// The value of the first branch whose condition is true (null counts as false), otherwise the last one.
    Case {
        /// Condition and value; values have the expression's type.
        branches: Vec<(Expr, Expr)>,
        /// The value when no condition holds.
        otherwise: Box<Expr>,
    },
    /// `d.x`, `d["x"]`, `d[0]`: walks into a dynamic value; what is missing is null. The result is dynamic.
    Path {
        /// The value walked into; dynamic. (Access to a string column has a `ParseJson` call here.)
        input: Box<Expr>,
        /// The steps, at least one.
        steps: Vec<PathStep>,
    },
    /// `toscalar(…)`: the first column of the first row of a shared result, null when it is empty.
    SharedScalar(SharedId),
}

/// A step of a path into a dynamic value.
#[derive(Clone, Debug, PartialEq)]
pub enum PathStep {
    /// A property of a bag.
    Member(String),
    /// An element of an array; negative counts from the end.
    Index(i64),
    /// A property (string) or an element (long) by an expression.
    Computed(Box<Expr>),
}

/// Operators between two values.
///
/// Comparison: both operands have one type. Beside a dynamic value the binder casts: two dynamic operands stay dynamic
/// (`==` and `!=` compare JSON values, the others numbers), beside an int or long both become real, beside anything
/// else the dynamic side takes the other side's type; so does a string beside another type. `==` and `!=` with one
/// null side are false and true, with two null sides null; the others are null when a side is. Strings compare by
/// code point, case-sensitively, and have no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// number + number (same type), timespan + timespan, datetime + timespan.
    Add,
    /// number - number (same type), timespan - timespan, datetime - timespan, datetime - datetime (timespan).
    Sub,
    /// number * number (same type), timespan * real.
    Mul,
    /// number / number (same type; integers truncate, by zero null), timespan / real, timespan / timespan (real).
    Div,
    /// number % number (same type), timespan % timespan; the result is never negative.
    Mod,
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
}

/// Tests between two strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StringOp {
    /// `=~` (never case-sensitive: that is [`BinaryOp::Eq`]).
    Equals,
    /// `has`: the right side stands in the left with no letter or digit beside it.
    Has,
    /// `hasprefix`: the right side starts a term of the left.
    HasPrefix,
    /// `hassuffix`: the right side ends a term of the left.
    HasSuffix,
    /// `contains`.
    Contains,
    /// `startswith`.
    StartsWith,
    /// `endswith`.
    EndsWith,
    /// `matches regex`: a search; the right side is usually a literal. Always case-sensitive.
    MatchesRegex,
}

/// Tests between a value and a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// `in`: equal to one of them; a chain of `==`.
    In,
    /// `has_any`: has one of them as a term; the input is a string.
    HasAny,
    /// `has_all`: has all of them as terms; the input is a string.
    HasAll,
}

/// The right side of a [`SetOp`].
#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    /// Values, of the input's type; nearly always literals, and possibly thousands.
    Items(Vec<Expr>),
    /// The elements of a dynamic array that is known only when the query runs.
    Array(Box<Expr>),
    /// The values of the only column of a shared result. Its type is the input's, or it is dynamic: then arrays in
    /// it count by their elements.
    Shared(SharedId),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null of any type but string.
    Null,
    /// bool.
    Bool(bool),
    /// int.
    Int(i32),
    /// long.
    Long(i64),
    /// real.
    Real(f64),
    /// decimal, as written.
    Decimal(String),
    /// string.
    String(String),
    /// datetime: ticks since 0001-01-01T00:00:00Z.
    DateTime(i64),
    /// timespan: ticks.
    TimeSpan(i64),
    /// guid: lower case with hyphens.
    Guid(String),
    /// dynamic: JSON text.
    Dynamic(String),
}
