//! From text to a bound query, or to the errors that keep it from running.

use bartizan_kql::bound::ProbeAnswer;
use bartizan_kql::{Diagnostic, Scope, bound};

use crate::error::HuntError;

/// A query that is bound, or what has to be asked of the data first.
pub(crate) enum Compiled {
    /// Ready to run.
    Query(bound::Query),
    /// Its rows are the next answer.
    Probe(bound::Query),
}

/// Parses and binds, with the data's answers to the probes so far. Warnings are left out.
///
/// # Errors
/// [`HuntError::Syntax`] or [`HuntError::Semantic`] with every error of that stage.
pub(crate) fn compile(
    text: &str,
    scope: &Scope,
    answers: &[ProbeAnswer],
) -> Result<Compiled, HuntError> {
    let parsed = bartizan_kql::parse(text);
    if parsed.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(HuntError::Syntax(HuntError::problems(
            text,
            &parsed.diagnostics,
        )));
    }
    let bound = bartizan_kql::bind_with(&parsed.query, scope, answers);
    if bound.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(HuntError::Semantic(HuntError::problems(
            text,
            &bound.diagnostics,
        )));
    }
    if let Some(probe) = bound.probe {
        return Ok(Compiled::Probe(probe));
    }
    bound
        .query
        .map(Compiled::Query)
        .ok_or_else(|| HuntError::Internal("a query without errors was not bound".into()))
}
