//! What the words of the language mean, in a sentence each.

/// Operators that follow a pipe.
pub(super) const OPERATORS: &[(&str, &str)] = &[
    (
        "as",
        "Gives the rows a name that the rest of the query can use.",
    ),
    ("consume", "Computes the rows and gives none of them back."),
    ("count", "Gives the number of rows."),
    (
        "distinct",
        "Keeps one row of each combination of the columns' values.",
    ),
    ("evaluate", "Passes the rows to a plugin."),
    (
        "extend",
        "Adds columns, or replaces those of the same name.",
    ),
    ("getschema", "Gives the names and types of the columns."),
    (
        "invoke",
        "Passes the rows to a function as its first argument.",
    ),
    (
        "join",
        "Puts rows of two tables together where their keys are equal.",
    ),
    (
        "lookup",
        "Adds the columns of a small table by key, without its keys.",
    ),
    (
        "make-series",
        "Makes arrays of aggregates along an axis, with defaults for what is missing.",
    ),
    (
        "mv-apply",
        "Runs a subquery over the elements of each row's array.",
    ),
    (
        "mv-expand",
        "Makes a row of every element of an array or property of a bag.",
    ),
    (
        "order",
        "Sorts the rows, the greatest first unless told otherwise.",
    ),
    ("parse", "Takes a text apart by a pattern into columns."),
    ("parse-kv", "Takes keys and their values out of a text."),
    (
        "parse-where",
        "As parse, and drops the rows that the pattern does not fit.",
    ),
    ("partition", "Runs a subquery over the rows of each key."),
    ("project", "Chooses, renames and computes columns."),
    ("project-away", "Drops columns; * stands for any letters."),
    (
        "project-keep",
        "Keeps the named columns in their order; * stands for any letters.",
    ),
    ("project-rename", "Renames columns."),
    (
        "project-reorder",
        "Puts columns first, the others behind them.",
    ),
    ("reduce", "Groups texts that are alike."),
    ("render", "Says how the result is to be drawn."),
    ("sample", "Takes rows at random."),
    (
        "sample-distinct",
        "Takes different values of a column at random.",
    ),
    (
        "scan",
        "Follows steps through the rows in their order, with a state.",
    ),
    ("search", "Keeps rows with a term in any column."),
    (
        "serialize",
        "Fixes the order of the rows for functions such as prev() and row_number().",
    ),
    (
        "sort",
        "Sorts the rows, the greatest first unless told otherwise.",
    ),
    ("summarize", "Computes aggregates for each group of rows."),
    ("take", "Keeps so many rows, whichever come first."),
    ("top", "Keeps the rows with the greatest or least values."),
    ("top-hitters", "Gives the most frequent values, about."),
    (
        "top-nested",
        "Gives the greatest groups, and the greatest within each.",
    ),
    ("union", "Puts the rows of several tables below each other."),
    ("where", "Keeps the rows for which a condition holds."),
];

/// What may stand where rows begin, beside tables and names of the query.
pub(super) const SOURCES: &[(&str, &str)] = &[
    ("datatable", "A table that is written in the query."),
    (
        "externaldata",
        "A table from a file at an address that the server allows.",
    ),
    (
        "find",
        "Rows of several tables for which a condition holds.",
    ),
    (
        "materialize",
        "Rows that are computed once, however often they are used.",
    ),
    ("print", "One row of computed values."),
    ("range", "Rows of numbers or times with equal steps."),
    ("search", "Rows of all tables that hold a term."),
    ("union", "The rows of several tables below each other."),
];

/// What may begin a statement.
pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("let", "Names a value, a table or a function."),
    ("declare", "Declares parameters of the query."),
    ("set", "Sets an option of the query."),
];

/// Operators between two values.
pub(super) const TESTS: &[(&str, &str)] = &[
    ("!=", "Not equal."),
    ("!contains", "Does not contain a text, case ignored."),
    ("!endswith", "Does not end with a text, case ignored."),
    ("!has", "Has no such whole term, case ignored."),
    ("!in", "Equals none of a list."),
    ("!in~", "Equals none of a list, case ignored."),
    ("!startswith", "Does not begin with a text, case ignored."),
    ("!~", "Not equal, case ignored."),
    ("<", "Less."),
    ("<=", "Less or equal."),
    ("==", "Equal."),
    ("=~", "Equal, case ignored."),
    (">", "Greater."),
    (">=", "Greater or equal."),
    ("and", "Both hold."),
    ("between", "Within two ends, both included."),
    ("contains", "Contains a text anywhere, case ignored."),
    ("contains_cs", "Contains a text anywhere, with case."),
    ("endswith", "Ends with a text, case ignored."),
    ("endswith_cs", "Ends with a text, with case."),
    (
        "has",
        "Has a whole term, case ignored: faster than contains.",
    ),
    ("has_all", "Has all terms of a list, case ignored."),
    ("has_any", "Has some term of a list, case ignored."),
    ("has_cs", "Has a whole term, with case."),
    ("hasprefix", "Has a term with this beginning, case ignored."),
    ("hassuffix", "Has a term with this end, case ignored."),
    ("in", "Equals one of a list."),
    ("in~", "Equals one of a list, case ignored."),
    ("matches regex", "Fits a regular expression."),
    ("or", "One of the two holds."),
    ("startswith", "Begins with a text, case ignored."),
    ("startswith_cs", "Begins with a text, with case."),
];

/// Words of operators.
pub(super) const KEYWORDS: &[(&str, &str)] = &[
    ("asc", "The least first."),
    ("by", "The groups, or the order."),
    ("default", "What stands where there are no rows."),
    ("desc", "The greatest first."),
    ("from", "Where the range or axis begins."),
    ("kind", "Which variant of the operator."),
    ("limit", "How many elements at most."),
    ("nulls", "Where rows without a value come."),
    ("of", "The values that are counted."),
    ("on", "The keys, or the axis."),
    ("step", "The distance between two values."),
    ("to", "Where the range ends, or a type."),
    ("typeof", "Names a type."),
    ("with", "Properties, or the pattern."),
    (
        "withsource",
        "Names a column with the table that each row is from.",
    ),
    ("isfuzzy", "Leaves out tables that do not exist."),
    ("first", "Before all others."),
    ("last", "After all others."),
];

/// The kinds of `join`.
pub(super) const JOIN_KINDS: &[(&str, &str)] = &[
    ("fullouter", "All rows of both sides."),
    ("inner", "Every pair of rows with equal keys."),
    (
        "innerunique",
        "As inner, with one row of the left side for each key.",
    ),
    ("leftanti", "Rows of the left side without a partner."),
    ("leftouter", "All rows of the left side."),
    ("leftsemi", "Rows of the left side with a partner."),
    ("rightanti", "Rows of the right side without a partner."),
    ("rightouter", "All rows of the right side."),
    ("rightsemi", "Rows of the right side with a partner."),
];

/// The plugins of `evaluate`.
pub(super) const PLUGINS: &[(&str, &str)] = &[
    (
        "active_users_count",
        "Counts those who were active in several periods.",
    ),
    (
        "activity_counts_metrics",
        "Counts activities and identities of each period.",
    ),
    (
        "activity_engagement",
        "The share of an outer window's identities in an inner one.",
    ),
    (
        "activity_metrics",
        "New, retained and lost identities of each period.",
    ),
    ("autocluster", "Finds frequent patterns of values."),
    ("bag_unpack", "Makes a column of every property of a bag."),
    ("basket", "Finds all patterns of values above a frequency."),
    (
        "diffpatterns",
        "Finds patterns that tell two sets of rows apart.",
    ),
    (
        "funnel_sequence",
        "What comes before and after a sequence of states.",
    ),
    (
        "funnel_sequence_completion",
        "How many finish a sequence of states in time.",
    ),
    (
        "ipv4_lookup",
        "Finds the network of an IPv4 address in a table.",
    ),
    (
        "ipv6_lookup",
        "Finds the network of an IP address in a table.",
    ),
    ("narrow", "Makes a row of every cell."),
    (
        "new_activity_metrics",
        "Retention of identities by the period that they came in.",
    ),
    ("pivot", "Makes a column of every value of a column."),
    (
        "rolling_percentile",
        "A percentile over a window that moves with the rows.",
    ),
    ("rows_near", "Rows near those for which a condition holds."),
    (
        "sequence_detect",
        "Finds sequences of events by conditions.",
    ),
    ("session_count", "Counts sessions of each period."),
    (
        "sliding_window_counts",
        "Counts over a window that moves with time.",
    ),
];

/// What `render` draws.
pub(super) const CHARTS: &[(&str, &str)] = &[
    ("anomalychart", "Lines over time with marked anomalies."),
    ("areachart", "Areas."),
    ("barchart", "Horizontal bars."),
    ("card", "The first values as a card."),
    ("columnchart", "Vertical bars."),
    ("linechart", "Lines."),
    ("piechart", "Shares of a whole."),
    ("scatterchart", "Points."),
    ("stackedareachart", "Areas on top of each other."),
    ("table", "The rows."),
    ("timechart", "Lines over time."),
    ("treemap", "Nested rectangles."),
];

/// The scalar types.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("bool", "true or false."),
    ("datetime", "A moment, in ticks of 100 ns."),
    ("decimal", "A decimal number of 34 digits."),
    ("dynamic", "An array, a bag, or any other value."),
    ("guid", "An identifier of 128 bits."),
    ("int", "A whole number of 32 bits."),
    ("long", "A whole number of 64 bits."),
    ("real", "A floating-point number of 64 bits."),
    ("string", "A text."),
    ("timespan", "A length of time, in ticks of 100 ns."),
];

/// The sentence of a word.
pub(super) fn meaning(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, doc)| *doc)
}
