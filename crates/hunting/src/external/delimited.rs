//! Records of fields: CSV and its relatives, lines of text, and a file as a whole.

use std::io::Cursor;

use bartizan_kql::types::Type;
use bytes::Bytes;

use super::format::{Escape, Rules};
use super::texts::{Table, utf8};
use super::{BATCH_ROWS, Batches};

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
        .from_reader(Cursor::new(utf8(file)));
    let mut record = csv::StringRecord::new();
    let fault = |error: csv::Error| format!("it cannot be read as fields: {error}");
    if skip_first {
        reader.read_record(&mut record).map_err(fault)?;
    }
    let mut more = true;
    Ok(Box::new(std::iter::from_fn(move || {
        while more && table.rows() < BATCH_ROWS {
            match reader.read_record(&mut record) {
                Ok(true) => table.fields(|place| record.get(place)),
                Ok(false) => more = false,
                Err(error) => {
                    more = false;
                    return Some(Err(fault(error)));
                }
            }
        }
        rest(&mut table)
    })))
}

/// `txt`: lines are records; empty ones are skipped (documented).
pub(super) fn lines(mut table: Table, file: Bytes, skip_first: bool) -> Batches {
    let mut lines = Lines::new(file, skip_first);
    Box::new(std::iter::from_fn(move || {
        while table.rows() < BATCH_ROWS {
            let Some(line) = lines.next() else { break };
            table.fields(|place| (place == 0).then_some(line));
        }
        rest(&mut table)
    }))
}

/// `raw`: one record with one value.
pub(super) fn whole(mut table: Table, file: Bytes) -> Result<Batches, String> {
    let file = utf8(file);
    let text = std::str::from_utf8(&file).map_err(|error| error.to_string())?;
    table.fields(|place| (place == 0).then_some(text));
    Ok(Box::new(std::iter::once(table.batch(Type::String))))
}

/// `tsve`: a backslash takes a delimiter, or stands for a character with the letter that follows.
fn escaped(mut table: Table, file: Bytes, delimiter: u8, skip_first: bool) -> Batches {
    let mut lines = Lines::new(file, skip_first);
    let delimiter = char::from(delimiter);
    Box::new(std::iter::from_fn(move || {
        while table.rows() < BATCH_ROWS {
            let Some(line) = lines.next() else { break };
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
                        fields.push(String::new());
                        continue;
                    }
                    letter => letter,
                };
                if let Some(field) = fields.last_mut() {
                    field.push(letter);
                }
            }
            table.fields(|place| fields.get(place).map(String::as_str));
        }
        rest(&mut table)
    }))
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
