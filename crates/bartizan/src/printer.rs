//! Results on standard output: a table for people, JSON for programs.

mod fit;

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};

use self::fit::{Layout, Width};
use crate::args::{Color, Format, Global};
use crate::exit::Outcome;

/// A column of a table: its heading and the value's way out of an item.
pub(crate) type Column = (&'static str, fn(&Value) -> String);

/// A table of a hunt's answer.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Its name, where there are several.
    pub(crate) name: String,
    /// The headings.
    pub(crate) columns: Vec<String>,
    /// The rows by column.
    pub(crate) rows: Vec<Map<String, Value>>,
}

/// A result that is written. A reader that has seen enough (`| head`) is no failure, and hides none that comes after.
fn written(result: io::Result<()>) -> Outcome {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints results in the format asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
    /// The format was named, not chosen by where the output goes.
    asked: bool,
    color: bool,
    quiet: bool,
}

impl Printer {
    /// The printer of these settings; a pipe gets JSON unless told otherwise.
    #[must_use]
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        let format = global.format.unwrap_or(if terminal {
            Format::Table
        } else {
            Format::Json
        });
        Self {
            format,
            asked: global.format.is_some(),
            color,
            quiet: global.quiet,
        }
    }

    /// Whether tables may be coloured.
    #[must_use]
    pub(crate) const fn color(&self) -> bool {
        self.color
    }

    /// The format in force.
    #[cfg(feature = "server")]
    #[must_use]
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether a table is asked for.
    #[must_use]
    pub(crate) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Whether JSON was asked for by name.
    #[must_use]
    pub(crate) fn json_was_asked(&self) -> bool {
        self.asked && matches!(self.format, Format::Json | Format::Jsonl)
    }

    /// A remark for people, on standard error.
    pub(crate) fn remark(&self, text: &str) {
        if !self.quiet {
            eprintln!("{}", lines(text));
        }
    }

    /// A bare text on standard output, in every format.
    pub(crate) fn text(&self, text: &str) -> Outcome {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let mut out = io::stdout().lock();
        written(write!(out, "{text}{end}").and_then(|()| out.flush()))
    }

    /// A list of items.
    pub(crate) fn list(&self, columns: &[Column], items: &[Value]) -> Outcome {
        self.list_sparing(columns, &[], items)
    }

    /// A list of items whose table leaves out columns of these headings, one after the other, as long as it does not fit.
    pub(crate) fn list_sparing(
        &self,
        columns: &[Column],
        spare: &[&str],
        items: &[Value],
    ) -> Outcome {
        let cells = |item: &Value| columns.iter().map(|(_, get)| get(item)).collect::<Vec<_>>();
        match self.format {
            Format::Json => self.json(&Value::Array(items.to_vec())),
            Format::Jsonl => self.lines(items),
            Format::Csv => {
                let heads = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
                self.csv(std::iter::once(heads).chain(items.iter().map(cells)))
            }
            Format::Table => {
                let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
                let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
                let kept = fit::kept(&heads, &widths(&heads, &rows), spare, available());
                let gone = (0..heads.len()).filter(|column| !kept.contains(column));
                let gone: Vec<&str> = gone.map(|column| heads[column]).collect();
                if !gone.is_empty() && !rows.is_empty() {
                    let gone = gone.join(", ");
                    self.remark(&format!("left out for want of room: {gone}"));
                }
                let heads: Vec<&str> = kept.iter().map(|column| heads[*column]).collect();
                let fewer = |row: &Vec<String>| kept.iter().map(|c| row[*c].clone()).collect();
                self.table(&heads, rows.iter().map(fewer))
            }
        }
    }

    /// One item, its fields below each other.
    pub(crate) fn item(&self, fields: &[Column], item: &Value) -> Outcome {
        match self.format {
            Format::Json => self.json(item),
            Format::Jsonl => self.lines(std::slice::from_ref(item)),
            Format::Csv => self.list(fields, std::slice::from_ref(item)),
            Format::Table => {
                let width = fields.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
                let lines = fields
                    .iter()
                    .map(|(head, get)| format!("{head:width$}  {}\n", get(item)));
                self.text(&lines.collect::<String>())
            }
        }
    }

    /// The tables of a hunt's answer, which is nearly always one. Of several, each stands under its name; in JSON it is
    /// an object with `name` and `rows`.
    pub(crate) fn tables(&self, tables: &[Rows]) -> Outcome {
        if let [only] = tables {
            return self.rows(&only.columns, &only.rows);
        }
        let objects = || {
            let each = tables.iter();
            each.map(|table| json!({ "name": table.name, "rows": table.rows }))
        };
        match self.format {
            Format::Json => self.json(&objects().collect()),
            Format::Jsonl => self.lines(&objects().collect::<Vec<_>>()),
            Format::Csv | Format::Table => {
                for (i, table) in tables.iter().enumerate() {
                    let gap = if i > 0 { "\n" } else { "" };
                    self.text(&format!("{gap}{}", line(&table.name)))?;
                    self.rows(&table.columns, &table.rows)?;
                }
                Ok(())
            }
        }
    }

    /// Rows under headings that are known only at run time.
    fn rows(&self, columns: &[String], rows: &[Map<String, Value>]) -> Outcome {
        let cells = |row: &Map<String, Value>| {
            columns
                .iter()
                .map(|name| row.get(name).map_or_else(String::new, plain))
                .collect()
        };
        match self.format {
            Format::Json => self.json(&Value::Array(
                rows.iter().cloned().map(Value::Object).collect(),
            )),
            Format::Jsonl => {
                let rows: Vec<Value> = rows.iter().cloned().map(Value::Object).collect();
                self.lines(&rows)
            }
            Format::Csv => {
                self.csv(std::iter::once(headings(columns)).chain(rows.iter().map(cells)))
            }
            Format::Table => {
                let heads = headings(columns);
                let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
                self.table(&heads, rows.iter().map(cells))
            }
        }
    }

    /// A JSON document.
    pub(crate) fn json(&self, value: &Value) -> Outcome {
        let mut out = io::stdout().lock();
        let json = serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from);
        written(
            json.and_then(|()| out.write_all(b"\n"))
                .and_then(|()| out.flush()),
        )
    }

    fn lines(&self, items: &[Value]) -> Outcome {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut all = items.iter().try_for_each(|item| {
            serde_json::to_writer(&mut out, item).map_err(io::Error::from)?;
            out.write_all(b"\n")
        });
        all = all.and_then(|()| out.flush());
        written(all)
    }

    fn csv(&self, mut rows: impl Iterator<Item = Vec<String>>) -> Outcome {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let all = rows.try_for_each(|row| {
            let fields: Vec<String> = row.iter().map(|field| quoted(field)).collect();
            write!(out, "{}\r\n", fields.join(","))
        });
        written(all.and_then(|()| out.flush()))
    }

    /// A table that fits the terminal: long values are cut, and rows of too many columns become records.
    fn table(&self, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Outcome {
        let rows: Vec<Vec<String>> = rows.collect();
        if rows.is_empty() {
            self.remark("nothing found");
            return Ok(());
        }
        let available = available();
        let layout = fit::layout(&widths(heads, &rows), available);
        if layout == Layout::Records {
            let records = rows.iter().enumerate();
            let records = records.map(|(i, row)| fit::record(i + 1, heads, row));
            self.text(&records.collect::<String>())?;
            self.remark(
                "too many columns for a table; empty values are left out here (--format json or csv has all)",
            );
            return Ok(());
        }
        let most = match layout {
            Layout::Cut(most) => most,
            _ => usize::MAX,
        };
        self.text(&drawn(heads, &rows, most))?;
        if let (Layout::Cut(_), Some(available)) = (layout, available) {
            self.remark(&format!(
                "long values are cut to fit {available} columns (--format json or csv has all)"
            ));
        }
        Ok(())
    }
}

/// The table itself, no value longer than `most`.
fn drawn(heads: &[&str], rows: &[Vec<String>], most: usize) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_header(heads.iter().map(|head| fit::cut(head, most)));
    table.set_content_arrangement(ContentArrangement::Disabled);
    let widths = widths(heads, rows);
    for row in rows {
        let cells = row.iter().zip(&widths);
        table.add_row(cells.map(|(cell, width)| match width.whole {
            true => cell.clone(),
            false => fit::cut(cell, most),
        }));
    }
    table.to_string()
}

/// How wide each column is.
fn widths(heads: &[&str], rows: &[Vec<String>]) -> Vec<Width> {
    let width = |(column, head): (usize, &&str)| {
        let cells = || rows.iter().filter_map(|row| row.get(column));
        let longest = cells().map(|cell| cell.chars().count()).max().unwrap_or(0);
        Width {
            longest: longest.max(head.chars().count()),
            whole: has_ids(head)
                || cells().any(|cell| is_id(cell)) && cells().all(|c| c.is_empty() || is_id(c)),
            empty: cells().all(String::is_empty),
        }
    };
    heads.iter().enumerate().map(width).collect()
}

/// Whether a value is one that people copy into the next command: a UUID, a device's id or SHA-1 in hexadecimal
/// digits, or a key's SHA-1 or SHA-256 in base64url.
fn is_id(value: &str) -> bool {
    let word = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    word && matches!(value.len(), 27 | 36 | 40 | 43)
}

/// Whether a column is one of ids, whatever they look like: of rules and alerts they are any words.
fn has_ids(head: &str) -> bool {
    matches!(head, "ID" | "Alert" | "Rule") || head.ends_with(" ID")
}

/// The width for tables: the terminal's, or what `COLUMNS` says of where the output ends up; none for a file.
fn available() -> Option<usize> {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = Table::new().width().map(usize::from);
    terminal.or_else(told).filter(|width| *width > 0)
}

/// A field of CSV (RFC 4180 section 2), with a quote before what a spreadsheet would run as a formula.
fn quoted(field: &str) -> String {
    let formula =
        field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
    let guarded = if formula {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

/// The names of columns, which come from queries and files, as people read them.
fn headings(columns: &[String]) -> Vec<String> {
    columns.iter().map(|name| line(name)).collect()
}

/// A text in one line, without characters that a terminal would take as commands.
#[must_use]
pub(crate) fn line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(shown).collect()
}

/// A text of several lines as it is kept, but for characters that a terminal would take as commands.
#[must_use]
pub(crate) fn lines(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => ' ',
        c => c,
    };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// A JSON value as people read it: text without quotes, null as nothing.
#[must_use]
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => line(text),
        other => other.to_string(),
    }
}

/// The text at a path of an item (`a/b/0`, RFC 6901 without the leading slash).
#[must_use]
pub(crate) fn at(item: &Value, path: &str) -> String {
    item.pointer(&format!("/{path}"))
        .map_or_else(String::new, plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_fields_are_quoted_and_cannot_be_formulas() {
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("=cmd()"), "'=cmd()");
        assert_eq!(quoted("-5"), "-5");
    }

    #[test]
    fn a_table_that_fits_is_as_wide_as_was_worked_out() {
        let heads = ["ID", "Last update", "Name"];
        let rows = [[
            "1".to_owned(),
            "2026-11-21 11:42".to_owned(),
            "x".repeat(99),
        ]
        .to_vec()];
        for available in [40, 80, 99] {
            let Layout::Cut(most) = fit::layout(&widths(&heads, &rows), Some(available)) else {
                panic!("it is cut");
            };
            let table = drawn(&heads, &rows, most);
            let widest = table.lines().map(|line| line.chars().count()).max();
            assert_eq!(widest, Some(available), "{table}");
        }
    }

    #[test]
    fn terminal_commands_in_data_are_not_passed_on() {
        assert_eq!(plain(&Value::from("a\u{1b}[31mb")), "a [31mb");
        assert_eq!(lines("a\r\n\tb\u{1b}[31m\n"), "a\n\tb [31m\n");
        let names = ["a\u{1b}[2J".to_owned(), "b\nc\u{9b}".to_owned()];
        assert_eq!(headings(&names), ["a [2J", "b c "]);
    }

    #[test]
    fn ids_are_never_cut() {
        let rows = vec![vec!["a-rule-of-a-long-name".to_owned(), "x".repeat(60)]];
        let table = drawn(&["ID", "Title"], &rows, 12);
        assert!(table.contains("a-rule-of-a-long-name"), "{table}");
        assert!(table.contains("xxxxxxxxxxx…"), "{table}");
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure() {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        assert!(written(gone()).is_ok());
        assert!(written(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
