//! KQL: lexer, parser, syntax tree, binder, function catalogue and diagnostics. No I/O and no dependency.

pub mod ast;
pub mod bound;
pub mod catalogue;
pub mod diagnostic;
pub mod types;

pub use diagnostic::{Diagnostic, LineIndex, Severity, Span, line_column};
