//! `--io jsonl`: `{"id","query"}` lines come in, and every one is answered by a line, in order: the columns (and rows),
//! or `{"error":{"code","line","column","message"}}`. A line that is no request is answered, too, and makes the exit code 2.

use std::io::{BufRead as _, Write as _};

use bartizan_kql::{Diagnostic, Scope, bound};
use serde_json::{Value, json};

use super::problems::Problem;
use crate::exit::{Failure, Outcome};

/// `bartizan kql check --io jsonl`: the columns of every query over these tables.
pub(super) fn check(scope: &Scope) -> Outcome {
    answer(|text| {
        let query = accepted(text, scope)?;
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
    let mut refused = 0;
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (id, text) = request(&line);
        refused += usize::from(text.is_err());
        let answer = match text.and_then(|text| query(&text)) {
            Ok(answer) => answer,
            Err(problem) => json!({ "error": problem }).to_string(),
        };
        let members = answer.strip_prefix('{').unwrap_or(&answer);
        writeln!(out, "{{\"id\":{id},{members}")?;
        out.flush()?;
    }
    match refused {
        0 => Ok(()),
        1 => Err(Failure::usage("a line was no request")),
        more => Err(Failure::usage(format!("{more} lines were no requests"))),
    }
}

/// The id and the query of a line.
fn request(line: &[u8]) -> (Value, Result<String, Problem>) {
    let refused = |message: &str| Err(Problem::nowhere("BZ311", message));
    match serde_json::from_slice::<Value>(line) {
        Err(error) => {
            let message = format!("the line is not JSON: {error}");
            (Value::Null, refused(&message))
        }
        Ok(mut request) => {
            let text = match request.get("query").and_then(Value::as_str) {
                Some(text) => Ok(text.to_owned()),
                None => refused("the line has no query"),
            };
            let id = request.get_mut("id").map_or(Value::Null, Value::take);
            (id, text)
        }
    }
}
