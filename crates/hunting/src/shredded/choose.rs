//! Which paths a file keeps: those that many of its rows have, with short values.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringViewArray};
use bartizan_contract::KqlType;
use bartizan_contract::hunting::Table;

use super::{KeyPath, MOST_KEYS};
use crate::json::{self, Kind};

/// Rows that are looked at.
pub(crate) const SAMPLE_ROWS: usize = 32_768;
/// Bytes in memory after which no more rows are looked at; what rows share counts for each batch of them.
pub(crate) const SAMPLE_BYTES: usize = 32 << 20;
/// A path is kept when one of so many rows has it.
const ONE_OF: usize = 20;
/// Bytes of a value, on average, up to which it is worth being kept twice.
const MOST_BYTES: usize = 256;
/// Bytes of a key.
const LONGEST_KEY: usize = 64;
/// Columns that a file gets for paths.
const MOST_PATHS: usize = 32;
/// Different keys that are counted in a column: some bags have values for keys.
const MOST_COUNTED: usize = 2_048;

/// The paths to keep in a file of a table that begins with these rows, in order.
pub(crate) fn choose(table: &Table, rows: &[RecordBatch]) -> Vec<KeyPath> {
    let mut found = Vec::new();
    let all: usize = rows.iter().map(RecordBatch::num_rows).sum();
    for column in table.columns {
        let in_text = match column.ty {
            KqlType::Dynamic => false,
            KqlType::String => true,
            _ => continue,
        };
        let mut counted = Counted::default();
        for batch in rows {
            let texts = batch.column_by_name(column.name);
            if let Some(texts) = texts.and_then(|texts| texts.as_string_view_opt()) {
                counted.add(texts, in_text);
            }
        }
        counted
            .root
            .frequent(all, &mut Vec::new(), &mut |seen, keys| {
                let (column, keys) = (column.name.to_owned(), keys.to_vec());
                found.push((seen, KeyPath { column, keys }));
            });
    }
    found.sort_by(|(seen, path), (other_seen, other)| {
        other_seen.cmp(seen).then_with(|| path.cmp(other))
    });
    // Readers that do not tell columns apart by case could not read the file.
    let mut names = HashSet::new();
    found.retain(|(_, path)| names.insert(path.stored().to_lowercase()));
    found.truncate(MOST_PATHS);
    let mut paths: Vec<KeyPath> = found.into_iter().map(|(_, path)| path).collect();
    paths.sort();
    paths
}

/// What is in a column.
#[derive(Default)]
struct Counted {
    root: Values,
    different: usize,
}

/// What stands at the end of a path.
#[derive(Default)]
struct Values {
    /// How many, without nulls.
    seen: usize,
    /// How many of them are bags.
    bags: usize,
    /// How long they are together.
    bytes: usize,
    members: BTreeMap<String, Self>,
}

impl Counted {
    fn add(&mut self, texts: &StringViewArray, in_text: bool) {
        for row in 0..texts.len() {
            if texts.is_null(row) {
                continue;
            }
            let text = json::trim(texts.value(row));
            if text.starts_with('{') && (!in_text || json::is_valid(text)) {
                self.root.add(text, MOST_KEYS, &mut self.different);
            }
        }
    }
}

impl Values {
    fn add(&mut self, bag: &str, depth: usize, different: &mut usize) {
        for (key, value) in json::members(bag) {
            let key = json::string_value(key);
            let kind = json::kind(value);
            if key.len() > LONGEST_KEY || matches!(kind, None | Some(Kind::Null)) {
                continue;
            }
            if !self.members.contains_key(&*key) {
                if *different == MOST_COUNTED {
                    continue;
                }
                *different += 1;
                self.members.insert(key.to_string(), Self::default());
            }
            let Some(values) = self.members.get_mut(&*key) else {
                continue;
            };
            values.seen += 1;
            values.bytes += value.len();
            if kind == Some(Kind::Object) {
                values.bags += 1;
                if depth > 1 {
                    values.add(value, depth - 1, different);
                }
            }
        }
    }

    /// Tells of each path below that is worth a column how many of `rows` have it.
    fn frequent(
        &self,
        rows: usize,
        keys: &mut Vec<String>,
        tell: &mut impl FnMut(usize, &[String]),
    ) {
        for (key, values) in &self.members {
            if values.seen * ONE_OF < rows {
                continue;
            }
            keys.push(key.clone());
            // A bag is followed further, while it can be: its members have columns, not the bag.
            let is_end = keys.len() == MOST_KEYS || values.bags * 2 < values.seen;
            if is_end && values.bytes <= MOST_BYTES * values.seen {
                tell(values.seen, keys);
            }
            values.frequent(rows, keys, tell);
            keys.pop();
        }
    }
}
