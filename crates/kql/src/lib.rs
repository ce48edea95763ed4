//! KQL: lexer, parser, syntax tree, binder, function catalogue and diagnostics. No I/O and no dependency.

pub mod ast;
pub mod bind;
pub mod bound;
pub mod catalogue;
pub mod complete;
pub mod diagnostic;
mod graph;
mod habit;
pub mod hunting_functions;
mod keyword;
pub mod lexer;
mod literal;
pub mod parser;
mod plugin;
pub mod print;
mod query;
pub mod saved;
pub mod time;
pub mod token;
pub mod types;

pub use bind::{Bound, ExpressionCheck, Scope, bind, bind_with};
pub use complete::{Completion, CompletionKind, Hover, complete, hover};
pub use diagnostic::{Diagnostic, LineIndex, Severity, Span, line_column};
pub use lexer::lex;
pub use parser::{Parsed, parse};
pub use saved::SavedFunction;
pub use token::{Token, TokenKind};
