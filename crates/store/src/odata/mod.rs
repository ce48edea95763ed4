//! OData query options of the Defender and Graph APIs: text to a typed tree, and the tree to a
//! SQL condition over the declared fields of one collection.
//!
//! Nothing a caller writes becomes SQL text: fields are looked up in a [`FieldMap`] and values
//! become parameters. Text is compared without regard to ASCII letter case, as the services do.
//! Comparisons with null follow OData (`null ne 'x'` is true), not SQL.

mod ast;
mod compile;
mod error;
mod fields;
mod lexer;
mod maps;
mod options;
mod parser;

pub use ast::{CompareOp, Filter, Literal, Path, Quantifier, TextFunction};
pub use compile::SqlFilter;
pub use error::ODataError;
pub use fields::{Element, Field, FieldKind, FieldMap, Words};
pub use maps::{
    ALERTS_GRAPH, ALERTS_MDE, APPLICATIONS_GRAPH, DIRECTORY_AUDITS_GRAPH, GROUPS_GRAPH,
    INCIDENTS_GRAPH, INCIDENTS_XDR, MACHINES_MDE, PERMISSION_GRANTS_GRAPH,
    SERVICE_PRINCIPALS_GRAPH, USERS_GRAPH,
};
pub use options::{Expand, OrderBy, QueryOptions};
pub use parser::{MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse_filter};

/// Parses a `$filter` text and makes it a condition over the fields of a collection.
///
/// # Errors
/// [`ODataError`] saying where and why, for the wire's code of the same name.
pub fn filter(text: &str, fields: &FieldMap) -> Result<SqlFilter, ODataError> {
    SqlFilter::compile(&parse_filter(text)?, fields)
}
