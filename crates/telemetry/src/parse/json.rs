//! One line of JSON under the limits.

use serde_json::{Map, Value};

use crate::limits::Limits;
use crate::reject::{RejectCode, RejectReason};

/// Parses one line into an object. A byte-order mark and surrounding white space are ignored.
///
/// # Errors
/// The first limit broken or fault found, with its byte offset where the parser knows it.
pub fn object(line: &[u8], limits: &Limits) -> Result<Map<String, Value>, RejectReason> {
    match value(line, limits)? {
        Value::Object(object) => Ok(object),
        other => Err(RejectReason::at(
            RejectCode::NotAnObject,
            format!("a line must be one JSON object, this is {}", kind(&other)),
            0,
        )),
    }
}

/// Parses one line into any JSON value; see [`object`].
///
/// # Errors
/// As [`object`], except that any kind of value is taken.
pub fn value(line: &[u8], limits: &Limits) -> Result<Value, RejectReason> {
    if line.len() > limits.line_bytes {
        let text = format!(
            "line of {} bytes, at most {} are taken",
            line.len(),
            limits.line_bytes
        );
        return Err(RejectReason::at(
            RejectCode::LineTooLong,
            text,
            limits.line_bytes,
        ));
    }
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|e| {
        RejectReason::at(
            RejectCode::InvalidUtf8,
            "the line is not UTF-8",
            e.valid_up_to(),
        )
    })?;
    shape(text.as_bytes(), limits)?;
    serde_json::from_str(text).map_err(|e| {
        // serde_json counts columns from 1 and lines from 1; a line of input has line 1 only,
        // unless the caller's line holds bare carriage returns.
        RejectReason::at(
            RejectCode::InvalidJson,
            e.to_string(),
            e.column().saturating_sub(1),
        )
    })
}

/// Counts depth and members before anything is built, so that refusing costs one pass.
fn shape(bytes: &[u8], limits: &Limits) -> Result<(), RejectReason> {
    let (mut depth, mut fields) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > limits.depth {
                    let text = format!("nested deeper than {} levels", limits.depth);
                    return Err(RejectReason::at(RejectCode::TooDeep, text, at));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => {
                fields += 1;
                if fields > limits.fields {
                    let text = format!("more than {} members", limits.fields);
                    return Err(RejectReason::at(RejectCode::TooManyFields, text, at));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The kind of a JSON value, for messages.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &[u8]) -> (RejectCode, Option<usize>) {
        let reason = object(line, &Limits::default()).unwrap_err();
        (reason.code, reason.position)
    }

    #[test]
    fn refusals() {
        assert_eq!(code(b"{\"a\": \xff}"), (RejectCode::InvalidUtf8, Some(6)));
        assert_eq!(code(b"{\"a\": }"), (RejectCode::InvalidJson, Some(6)));
        assert_eq!(code(b"[1]"), (RejectCode::NotAnObject, Some(0)));
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(code(deep.as_bytes()), (RejectCode::TooDeep, Some(64)));
        let wide: String = (0..20_001).map(|i| format!("\"{i}\":1,")).collect();
        assert_eq!(
            code(format!("{{{wide}\"z\":1}}").as_bytes()).0,
            RejectCode::TooManyFields
        );
        let long = vec![b' '; (4 << 20) + 1];
        assert_eq!(code(&long).0, RejectCode::LineTooLong);
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let line = format!("{{\"a\":\"{}\\\"{{\"}}", "[:".repeat(30_000));
        assert!(object(line.as_bytes(), &Limits::default()).is_ok());
    }

    #[test]
    fn byte_order_mark() {
        assert!(object(b"\xef\xbb\xbf{}", &Limits::default()).is_ok());
    }
}
