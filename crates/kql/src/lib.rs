//! KQL: lexer, parser, syntax tree, binder, function catalogue and diagnostics. No I/O and no dependency.

pub mod bound;
pub mod catalogue;
pub mod types;
