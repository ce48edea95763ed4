//! Why a hunt failed, in terms that every surface can map to its wire format.

use bartizan_kql::{Diagnostic, LineIndex};
use datafusion::error::DataFusionError;

/// A message about one place of the query, with its line and column resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, such as `KS142`.
    pub code: &'static str,
    /// Line of the query, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, with the advice that belongs to it.
    pub message: String,
}

/// Why a hunt gave no result.
#[derive(Debug, thiserror::Error)]
pub enum HuntError {
    /// The text is no query (portal text: "A recognition error occurred.").
    #[error("{}", first(.0))]
    Syntax(Vec<Problem>),
    /// The query names or combines things that do not fit.
    #[error("{}", first(.0))]
    Semantic(Vec<Problem>),
    /// The time limit was reached.
    #[error("Query exceeded the timeout period.")]
    Timeout,
    /// The answer is larger than the limit on bytes.
    #[error(
        "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again"
    )]
    ResultTooLarge,
    /// The query needed more memory than it may have.
    #[error("Query stopped due to excessive resource consumption.")]
    MemoryExhausted,
    /// The query is right but met a value, at run time, that makes it meaningless (a bad regular expression, say).
    #[error("{0}")]
    Evaluation(String),
    /// A fault of ours or of the storage below; the text is private.
    #[error("internal error: {0}")]
    Internal(String),
}

fn first(problems: &[Problem]) -> String {
    problems.first().map_or_else(
        || "A recognition error occurred.".to_owned(),
        |p| format!("{} ({}:{}, {})", p.message, p.line, p.column, p.code),
    )
}

/// Marks errors of evaluation on their way through DataFusion.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct EvaluationError(pub String);

/// An error of evaluation as DataFusion carries it.
pub(crate) fn evaluation(message: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(EvaluationError(message.into())))
}

impl HuntError {
    /// Resolves the errors among `diagnostics` against the query's text.
    pub(crate) fn problems(text: &str, diagnostics: &[Diagnostic]) -> Vec<Problem> {
        let lines = LineIndex::new(text);
        diagnostics
            .iter()
            .filter(|d| d.is_error())
            .map(|d| {
                let at = lines.line_column(d.span.start);
                Problem {
                    code: d.code,
                    line: at.0 as usize,
                    column: at.1 as usize,
                    message: d.text(),
                }
            })
            .collect()
    }
}

impl From<DataFusionError> for HuntError {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        match root {
            DataFusionError::ResourcesExhausted(_) => Self::MemoryExhausted,
            DataFusionError::External(inner) => match inner.downcast_ref::<EvaluationError>() {
                Some(e) => Self::Evaluation(e.0.clone()),
                None => Self::Internal(root.to_string()),
            },
            _ => Self::Internal(error.strip_backtrace()),
        }
    }
}
