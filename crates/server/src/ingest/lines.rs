//! Cutting text into records: one per line, or one per JSON value where a file is pretty-printed or
//! is one array.

use std::io::{self, BufRead, Read as _};
use std::ops::ControlFlow;

/// How a text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// One record per line. A damaged line costs that line only.
    Lines,
    /// One record per object, across lines, inside an array or beside one another.
    Values,
}

/// What the end of a text was.
#[derive(Debug)]
pub enum End {
    /// The text was read to its end.
    Finished,
    /// The caller had enough.
    Stopped,
    /// Reading failed; what came before was handed out. The record that was being read is lost.
    Failed(io::Error),
}

/// A record and where it begins.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Line of the text, from 1.
    pub line: u64,
    /// The bytes, without the line's end. At most one more than the limit: enough for whoever
    /// checks lengths to see that it was longer.
    pub bytes: &'a [u8],
}

/// Hands out the records of a text. Blank lines are none.
pub fn cut(
    reader: &mut dyn BufRead,
    longest: usize,
    mut take: impl FnMut(Record<'_>) -> ControlFlow<()>,
) -> End {
    let result = match style(reader) {
        Ok(Style::Lines) => by_line(reader, longest, &mut take),
        Ok(Style::Values) => by_value(reader, longest, &mut take),
        Err(error) => Err(error),
    };
    match result {
        Ok(ControlFlow::Continue(())) => End::Finished,
        Ok(ControlFlow::Break(())) => End::Stopped,
        Err(error) => End::Failed(error),
    }
}

/// The style by the text's first bytes: an array, or an object whose first line is only its brace.
fn style(reader: &mut dyn BufRead) -> io::Result<Style> {
    let head = reader.fill_buf()?;
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let first = head.trim_ascii_start();
    Ok(match first.first() {
        Some(b'[') => Style::Values,
        Some(b'{') => {
            let rest = &first[1..];
            let blank = rest.iter().take_while(|b| b.is_ascii_whitespace());
            if blank.clone().any(|b| *b == b'\n') {
                Style::Values
            } else {
                Style::Lines
            }
        }
        _ => Style::Lines,
    })
}

type Take<'a> = &'a mut dyn FnMut(Record<'_>) -> ControlFlow<()>;

fn by_line(
    reader: &mut dyn BufRead,
    longest: usize,
    take: Take<'_>,
) -> io::Result<ControlFlow<()>> {
    let mut record = Vec::new();
    let mut line = 1;
    loop {
        // One byte more than the longest record, and its end.
        let most = longest as u64 + 2;
        let read = (&mut *reader).take(most).read_until(b'\n', &mut record)?;
        if read == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let whole = record.last() == Some(&b'\n');
        if !whole && read as u64 == most {
            reader.skip_until(b'\n')?;
        }
        record.truncate(longest + 1);
        if hand_out(&mut record, line, take).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        line += 1;
    }
}

/// Follows brackets and strings; text between top-level objects (commas, an array's brackets, white
/// space) is passed over.
fn by_value(
    reader: &mut dyn BufRead,
    longest: usize,
    take: Take<'_>,
) -> io::Result<ControlFlow<()>> {
    let mut record = Vec::new();
    let (mut line, mut begun) = (1, 1);
    let mut depth = 0usize;
    let (mut in_string, mut escaped) = (false, false);
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            // An object without its end is handed out, for the parser to say what is wrong.
            return Ok(hand_out(&mut record, begun, take));
        }
        let used = buffer.len();
        let bytes = buffer.to_vec();
        reader.consume(used);
        for byte in bytes {
            if byte == b'\n' {
                line += 1;
            }
            if depth == 0 && byte != b'{' {
                continue;
            }
            push(&mut record, &[byte], longest);
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
                b'{' => {
                    if depth == 0 {
                        begun = line;
                    }
                    depth += 1;
                }
                b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 && hand_out(&mut record, begun, take).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
}

/// Adds bytes up to one more than the longest record; the rest of a longer one is passed over.
fn push(record: &mut Vec<u8>, part: &[u8], longest: usize) {
    let room = (longest + 1).saturating_sub(record.len());
    record.extend_from_slice(&part[..part.len().min(room)]);
}

fn hand_out(record: &mut Vec<u8>, line: u64, take: Take<'_>) -> ControlFlow<()> {
    let bytes = record.trim_ascii();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let flow = if bytes.is_empty() {
        ControlFlow::Continue(())
    } else {
        take(Record { line, bytes })
    };
    record.clear();
    flow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8], longest: usize) -> Vec<(u64, String)> {
        let mut out = Vec::new();
        // A small buffer, so that records cross its edge.
        let mut reader = io::BufReader::with_capacity(7, text);
        let end = cut(&mut reader, longest, |r| {
            out.push((r.line, String::from_utf8_lossy(r.bytes).into_owned()));
            ControlFlow::Continue(())
        });
        assert!(matches!(end, End::Finished));
        out
    }

    #[test]
    fn lines() {
        let got = records(b"\xef\xbb\xbf{\"a\":1}\r\n\n{\"b\":\n{\"c\":3}", 100);
        let want = [(1, "{\"a\":1}"), (3, "{\"b\":"), (4, "{\"c\":3}")];
        assert_eq!(got, want.map(|(n, s)| (n, s.to_owned())));
    }

    #[test]
    fn values_of_an_array_and_pretty_printed() {
        let got = records(b"[{\"a\":\"}{\\\"\"},\n {\"b\":{\"c\":1}}]", 100);
        assert_eq!(
            got,
            [
                (1, r#"{"a":"}{\""}"#.to_owned()),
                (2, r#"{"b":{"c":1}}"#.to_owned())
            ]
        );
    }

    #[test]
    fn a_pretty_printed_object() {
        // The reader must see past the brace to know the style.
        let mut got = Vec::new();
        let mut reader = io::BufReader::new(&b"{\n  \"a\": 1\n}\n{\n}\n"[..]);
        cut(&mut reader, 100, |r| {
            got.push((r.line, r.bytes.len()));
            ControlFlow::Continue(())
        });
        assert_eq!(got, [(1, 12), (4, 3)]);
    }

    #[test]
    fn a_long_line_costs_its_limit() {
        let mut text = vec![b'x'; 1_000];
        text.extend_from_slice(b"\nshort\n");
        let got = records(&text, 10);
        assert_eq!(got[0].1.len(), 11);
        assert_eq!(got[1], (2, "short".to_owned()));
    }
}
