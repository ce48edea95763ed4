//! `--io jsonl`: `{"id","query"}` lines come in, and every one is answered by a line, in order: the columns (and rows),
//! or `{"error":{"code","line","column","message"}}`.

use std::io::{BufRead as _, Write as _};

use bartizan_kql::{Diagnostic, Scope, bound};
use serde_json::{Value, json};

use super::problems::Problem;
use crate::exit::{Failure, Outcome};

/// `bartizan kql check --io jsonl`: the columns of every query over the hunting schema.
pub(super) fn check() -> Outcome {
    let scope = super::schema();
    answer(|text| {
        let query = accepted(text, &scope)?;
        Ok(super::schema_of(&query).to_string())
    })
}

/// A query that binds, or its first error.
pub(super) fn accepted(text: &str, scope: &Scope) -> Result<bound::Query, Problem> {
    let first = |diagnostics: &[Diagnostic]| {
        let error = diagnostics.iter().find(|d| d.is_error());
        error.map_or(Ok(()), |error| Err(Problem::of(text, error)))
    };
    let parsed = bartizan_kql::parse(text);
    first(&parsed.diagnostics)?;
    let bound = bartizan_kql::bind(&parsed.query, scope);
    first(&bound.diagnostics)?;
    bound
        .query
        .ok_or_else(|| Problem::nowhere("BZ104", "the query has no tabular result"))
}

/// Answers line by line. What `query` gives is a JSON object; the line's id is put before its members.
pub(super) fn answer(query: impl Fn(&str) -> Result<String, Problem>) -> Outcome {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let request: Value = serde_json::from_str(&line)
            .map_err(|error| Failure::usage(format!("a line is not JSON: {error}")))?;
        let text = request["query"]
            .as_str()
            .ok_or_else(|| Failure::usage("a line has no query"))?;
        let answer = match query(text) {
            Ok(answer) => answer,
            Err(problem) => json!({ "error": problem }).to_string(),
        };
        let members = answer.strip_prefix('{').unwrap_or(&answer);
        writeln!(out, "{{\"id\":{},{members}", request["id"])?;
        out.flush()?;
    }
    Ok(())
}
