//! Records of fields: CSV and its relatives, lines of text, and a file as a whole.

use std::io::{self, Read};

use bartizan_kql::types::Type;
use bytes::Bytes;

use super::Batches;
use super::format::{Escape, Rules};
use super::texts::{Table, utf8};

/// Bytes that a record with fields may have; what tells where they end is several times as long as they are.
const MOST_RECORD: usize = 16 << 20;

/// Fields between delimiters. Records may be shorter than the table and longer.
pub(super) fn batches(
    mut table: Table,
    file: Bytes,
    rules: Rules,
    skip_first: bool,
) -> Result<Batches, String> {
    if rules.escape == Escape::Backslash {
        return Ok(escaped(table, file, rules.delimiter, skip_first));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(rules.delimiter)
        .quoting(rules.escape == Escape::Quotes)
        .from_reader(Rationed::new(utf8(file)));
    let mut record = csv::StringRecord::new();
    let fault = |error: csv::Error| format!("it cannot be read as fields: {error}");
    if skip_first {
        reader.read_record(&mut record).map_err(fault)?;
    }
    let mut more = true;
    Ok(Box::new(std::iter::from_fn(move || {
        while more && !table.is_full() {
            reader.get_mut().left = MOST_RECORD;
            let kept = match reader.read_record(&mut record) {
                Ok(true) => table.fields(|place| record.get(place)),
                Ok(false) => {
                    more = false;
                    Ok(())
                }
                Err(error) => Err(fault(error)),
            };
            if let Err(why) = kept {
                more = false;
                return Some(Err(why));
            }
        }
        rest(&mut table)
    })))
}

/// `txt`: lines are records; empty ones are skipped (documented).
pub(super) fn lines(mut table: Table, file: Bytes, skip_first: bool) -> Batches {
    let mut lines = Lines::new(file, skip_first);
    Box::new(std::iter::from_fn(move || {
        while !table.is_full() {
            let Some(line) = lines.next() else { break };
            if let Err(why) = table.fields(|place| (place == 0).then_some(line)) {
                return Some(Err(why));
            }
        }
        rest(&mut table)
    }))
}

/// `raw`: one record with one value.
pub(super) fn whole(mut table: Table, file: Bytes) -> Result<Batches, String> {
    let file = utf8(file);
    let text = std::str::from_utf8(&file).map_err(|error| error.to_string())?;
    table.fields(|place| (place == 0).then_some(text))?;
    Ok(Box::new(std::iter::once(table.batch(Type::String))))
}

/// `tsve`: a backslash takes a delimiter, or stands for a character with the letter that follows.
fn escaped(mut table: Table, file: Bytes, delimiter: u8, skip_first: bool) -> Batches {
    let mut lines = Lines::new(file, skip_first);
    let delimiter = char::from(delimiter);
    let width = table.width();
    Box::new(std::iter::from_fn(move || {
        while !table.is_full() {
            let Some(line) = lines.next() else { break };
            if line.len() > MOST_RECORD {
                return Some(Err(too_long()));
            }
            let fields = unescaped(line, delimiter, width);
            if let Err(why) = table.fields(|place| fields.get(place).map(String::as_str)) {
                return Some(Err(why));
            }
        }
        rest(&mut table)
    }))
}

/// The fields of a line of `tsve`, so many of them as are read.
fn unescaped(line: &str, delimiter: char, width: usize) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\\' => match letters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            letter if letter == delimiter => {
                if fields.len() >= width {
                    break;
                }
                fields.push(String::new());
                continue;
            }
            letter => letter,
        };
        if let Some(field) = fields.last_mut() {
            field.push(letter);
        }
    }
    fields
}

fn too_long() -> String {
    format!("a record has more than {MOST_RECORD} bytes")
}

/// A file of which a reader has so much at once and no more, until it is given more.
struct Rationed {
    file: Bytes,
    left: usize,
}

impl Rationed {
    fn new(file: Bytes) -> Self {
        Self {
            file,
            left: MOST_RECORD,
        }
    }
}

impl Read for Rationed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.file.is_empty() {
            return Err(io::Error::other(too_long()));
        }
        let size = out.len().min(self.left).min(self.file.len());
        out[..size].copy_from_slice(&self.file.split_to(size));
        self.left -= size;
        Ok(size)
    }
}

/// What waits as a batch, if anything does.
fn rest(table: &mut Table) -> Option<Result<arrow::array::RecordBatch, String>> {
    (table.rows() > 0).then(|| table.batch(Type::String))
}

/// Lines that are not empty.
struct Lines {
    text: Bytes,
    at: usize,
}

impl Lines {
    fn new(file: Bytes, skip_first: bool) -> Self {
        let mut lines = Self {
            text: utf8(file),
            at: 0,
        };
        if skip_first {
            lines.next();
        }
        lines
    }

    fn next(&mut self) -> Option<&str> {
        let range = loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let start = self.at;
            self.at += end + 1;
            let line = &rest[..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                break start..start + line.len();
            }
        };
        // The text is UTF-8, and lines end between characters.
        std::str::from_utf8(&self.text[range]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_no_column_reads_are_not_made() {
        assert_eq!(unescaped("a\\\tb\tc\td", '\t', 2), ["a\tb", "c"]);
        assert_eq!(unescaped("a\tb", '\t', 5), ["a", "b"]);
        assert_eq!(unescaped("a\tb", '\t', 0), ["a"]);
    }
}
