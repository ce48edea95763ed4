//! Terms of texts by blocks of rows, so that a search for rare ones reads little.
//!
//! A sketch ([`sketch`]) says for each block of a column which terms are not in it; of terms that are in more rows than a
//! few, the rows are known ([`postings`]). What a hunt's filter needs ([`condition`]) leaves the rows that may pass. It may
//! be wrong in one direction alone: a row that passes is always read. Where a row is known to pass, the filter is settled:
//! nobody has to test it.

mod condition;
mod kept;
mod load;
mod postings;
mod ranges;
mod sketch;
mod split;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::file::metadata::ParquetMetaData;

pub(crate) use condition::{TermFilter, settles};
pub(crate) use load::{KeptTerms, load};
pub(crate) use stored::{FILE_ID, SUFFIX, encode, fingerprint};

use ranges::any_of;
use sketch::{GroupTerms, GroupTermsBuilder};

/// Rows below which a file is read as fast as its sketches.
pub(crate) const LEAST_ROWS: i64 = 65_536;

/// What is known of the terms of a file, of some columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FileTerms {
    columns: BTreeMap<String, Arc<ColumnTerms>>,
}

/// What is known of the terms of a column of a file.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct ColumnTerms {
    /// Of each row group.
    groups: Vec<GroupTerms>,
}

impl ColumnTerms {
    /// Bytes in memory, and about as many in a file.
    fn size(&self) -> usize {
        self.groups.iter().map(GroupTerms::size).sum()
    }
}

impl FileTerms {
    /// What is known of a column in a row group.
    fn group(&self, column: &str, group: usize) -> Option<&GroupTerms> {
        self.columns.get(column)?.groups.get(group)
    }

    /// Columns of which something is known.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }
}

/// The part of a row group from which on it is read whole: leaving out a few rows here and there saves nothing.
const MOST_OF: (usize, usize) = (3, 4);
/// Rows of a row group for each range that is left of it, at least: with more ranges, as of three terms each of which is in
/// as many rows as are kept, it is read whole, too.
const ROWS_OF_RANGE: usize = 128;

/// Rows of a row group in order, in ranges with gaps between them of which none is empty.
pub(crate) type Rows = Vec<Range<usize>>;

/// What is left of a row group; no row is left twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LeftRows {
    /// Rows that pass the filters that terms can settle, so that nobody has to test these.
    pub(crate) settled: Rows,
    /// Rows that may pass.
    pub(crate) open: Rows,
}

impl LeftRows {
    /// All of so many rows, of which nothing is known.
    pub(crate) fn all(rows: usize) -> Self {
        Self {
            settled: Rows::new(),
            open: std::iter::once(0..rows)
                .filter(|all| !all.is_empty())
                .collect(),
        }
    }

    /// All that are left.
    fn every(&self) -> Rows {
        any_of([self.settled.clone(), self.open.clone()])
    }
}

/// Of each row group of a file what is left of it.
pub(crate) type WantedRows = Vec<LeftRows>;

/// The rows of a file that may pass a filter.
fn wanted_rows(filter: &TermFilter, terms: &FileTerms, metadata: &ParquetMetaData) -> WantedRows {
    let groups = metadata.row_groups().iter().enumerate();
    let wanted = groups.map(|(group, of_group)| {
        let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
        let left = filter.left(terms, group, rows);
        let open: usize = left.open.iter().map(ExactSizeIterator::len).sum();
        let ranges = left.settled.len() + left.open.len();
        match open * MOST_OF.1 > rows * MOST_OF.0 || ranges * ROWS_OF_RANGE > rows {
            true => LeftRows::all(rows),
            false => left,
        }
    });
    wanted.collect()
}

/// What [`load`] says of a row group; all of its rows where it says nothing.
pub(crate) fn of_group(wanted: Option<&WantedRows>, group: usize, rows: usize) -> LeftRows {
    match wanted.and_then(|wanted| wanted.get(group)) {
        Some(wanted) => wanted.clone(),
        None => LeftRows::all(rows),
    }
}

/// Rows after which it is decided whether a column is worth it.
const TRIED_ROWS: usize = 4_096;
/// Bytes of a text, on average, below which a column is not worth it.
const LEAST_BYTES: usize = 12;

/// Follows the terms of a file that is being written.
pub(crate) struct TermsWriter {
    columns: Vec<ColumnWriter>,
    /// Rows of each row group but the last.
    group_rows: usize,
    /// Rows of the row group under way.
    rows: usize,
}

struct ColumnWriter {
    name: String,
    builder: GroupTermsBuilder,
    groups: Vec<GroupTerms>,
    texts: usize,
    bytes: usize,
}

impl TermsWriter {
    /// For these columns of texts, as far as their texts are long.
    pub(crate) fn new(columns: impl IntoIterator<Item = String>, group_rows: usize) -> Self {
        let column = |name| ColumnWriter {
            name,
            builder: GroupTermsBuilder::new(),
            groups: Vec::new(),
            texts: 0,
            bytes: 0,
        };
        Self {
            columns: columns.into_iter().map(column).collect(),
            group_rows,
            rows: 0,
        }
    }

    /// The same for row groups of any size, each of which is ended ([`Self::end_group`]).
    pub(crate) fn of_given_groups(columns: impl IntoIterator<Item = String>) -> Self {
        Self::new(columns, usize::MAX)
    }

    /// Adds rows, in the order in which the file has them.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.columns
            .retain(|c| batch.column_by_name(&c.name).is_some() && c.is_worth_it());
        let mut from = 0;
        while from < batch.num_rows() {
            let count = (self.group_rows - self.rows).min(batch.num_rows() - from);
            for column in &mut self.columns {
                if let Some(texts) = batch.column_by_name(&column.name) {
                    column.push(&texts.slice(from, count))?;
                }
            }
            (self.rows, from) = (self.rows + count, from + count);
            if self.rows == self.group_rows {
                self.end_group();
            }
        }
        Ok(())
    }

    /// What is known of all rows.
    pub(crate) fn finish(mut self) -> FileTerms {
        if self.rows > 0 {
            self.end_group();
        }
        let columns = self.columns.into_iter().filter(ColumnWriter::is_worth_it);
        FileTerms {
            columns: columns
                .map(|c| (c.name, Arc::new(ColumnTerms { groups: c.groups })))
                .collect(),
        }
    }

    /// Ends the row group under way.
    pub(crate) fn end_group(&mut self) {
        for column in &mut self.columns {
            column.groups.push(column.builder.end_group());
        }
        self.rows = 0;
    }
}

impl ColumnWriter {
    fn push(&mut self, texts: &ArrayRef) -> Result<(), ArrowError> {
        let texts = cast(texts, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        if self.texts < TRIED_ROWS {
            for text in texts.iter().flatten().filter(|text| !text.is_empty()) {
                self.texts += 1;
                self.bytes += text.len();
            }
        }
        self.builder.push(texts);
        Ok(())
    }

    fn is_worth_it(&self) -> bool {
        self.texts < TRIED_ROWS || self.bytes >= self.texts * LEAST_BYTES
    }
}
