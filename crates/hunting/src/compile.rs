//! From text to a bound query, or to the errors that keep it from running.

use bartizan_kql::{Diagnostic, Scope, bound};

use crate::error::HuntError;

/// Parses and binds. Warnings are left out.
///
/// # Errors
/// [`HuntError::Syntax`] or [`HuntError::Semantic`] with every error of that stage.
pub(crate) fn compile(text: &str, scope: &Scope) -> Result<bound::Query, HuntError> {
    let parsed = bartizan_kql::parse(text);
    if parsed.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(HuntError::Syntax(HuntError::problems(
            text,
            &parsed.diagnostics,
        )));
    }
    let bound = bartizan_kql::bind(&parsed.query, scope);
    if bound.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(HuntError::Semantic(HuntError::problems(
            text,
            &bound.diagnostics,
        )));
    }
    bound
        .query
        .ok_or_else(|| HuntError::Internal("a query without errors was not bound".into()))
}
