//! `parse_command_line`: the arguments of a Windows command line.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::call::Call;
use crate::json::push_json_string;

pub(super) fn parse_command_line(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let arguments = arguments(texts.get(row));
        out.push('[');
        for (i, argument) in arguments.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_json_string(out, argument);
        }
        out.push(']');
        !arguments.is_empty()
    })
}

/// Splits as the Microsoft C runtime does: white space separates, quotes group, a backslash escapes a quote only,
/// and 2n backslashes before a quote stand for n.
fn arguments(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    let mut backslashes = 0;
    for c in line.chars() {
        match c {
            '\\' => {
                backslashes += 1;
                continue;
            }
            '"' => {
                let argument = current.get_or_insert_default();
                argument.extend(std::iter::repeat_n('\\', backslashes / 2));
                if backslashes % 2 == 1 {
                    argument.push('"');
                } else {
                    quoted = !quoted;
                }
            }
            c => {
                if backslashes > 0 {
                    current
                        .get_or_insert_default()
                        .extend(std::iter::repeat_n('\\', backslashes));
                }
                if !quoted && matches!(c, ' ' | '\t' | '\r' | '\n') {
                    all.extend(current.take());
                } else {
                    current.get_or_insert_default().push(c);
                }
            }
        }
        backslashes = 0;
    }
    if backslashes > 0 {
        current
            .get_or_insert_default()
            .extend(std::iter::repeat_n('\\', backslashes));
    }
    all.extend(current);
    all
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn quotes_and_backslashes() {
        assert_eq!(
            arguments(r#"echo "hello world" x"#),
            ["echo", "hello world", "x"]
        );
        assert_eq!(
            arguments(r#"a\\b "c:\dir\\" \"q"#),
            [r"a\\b", r"c:\dir\", "\"q"]
        );
        assert_eq!(arguments(r#"  "" z\ "#), ["", r"z\"]);
        assert!(arguments("  ").is_empty());
    }
}
