//! Terms of texts by blocks of rows, so that a search for rare ones reads little.
//!
//! A sketch ([`sketch`]) says for each block of a column which terms are not in it; what a hunt's filter needs
//! ([`condition`]) leaves the blocks that may hold rows. It may be wrong in one direction alone: a block that holds a
//! row that passes is always read.

mod condition;
mod kept;
mod load;
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

pub(crate) use condition::TermCondition;
pub(crate) use load::{KeptTerms, load};
pub(crate) use stored::{FILE_ID, SUFFIX, encode, fingerprint};

use sketch::{GroupSketch, SketchBuilder};

/// Rows below which a file is read as fast as its sketches.
pub(crate) const LEAST_ROWS: i64 = 65_536;

/// The sketches of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FileTerms {
    /// By column, of each row group.
    columns: BTreeMap<String, Vec<Arc<GroupSketch>>>,
}

impl FileTerms {
    /// The sketch of a column in a row group.
    fn group(&self, column: &str, group: usize) -> Option<&GroupSketch> {
        Some(self.columns.get(column)?.get(group)?)
    }

    /// Columns that have sketches.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Bytes in memory, and about as many in a file.
    pub(crate) fn size(&self) -> usize {
        let groups = self.columns.values().flatten();
        groups.map(|group| group.size()).sum()
    }
}

/// The part of a row group from which on it is read whole: leaving out a few rows here and there saves nothing.
const MOST_OF: (usize, usize) = (3, 4);

/// Rows of each row group of a file, in order, in ranges with gaps between them of which none is empty.
pub(crate) type WantedRows = Vec<Vec<Range<usize>>>;

/// The rows of a file that may meet a condition.
fn wanted_rows(
    condition: &TermCondition,
    terms: &FileTerms,
    metadata: &ParquetMetaData,
) -> WantedRows {
    let groups = metadata.row_groups().iter().enumerate();
    let wanted = groups.map(|(group, of_group)| {
        let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
        let wanted = condition.rows(terms, group, rows);
        let count: usize = wanted.iter().map(ExactSizeIterator::len).sum();
        match count * MOST_OF.1 > rows * MOST_OF.0 {
            true => std::iter::once(0..rows).collect(),
            false => wanted,
        }
    });
    wanted.collect()
}

/// What [`load`] says of a row group; all of its rows where it says nothing.
pub(crate) fn of_group(
    wanted: Option<&WantedRows>,
    group: usize,
    rows: usize,
) -> Vec<Range<usize>> {
    match wanted.and_then(|wanted| wanted.get(group)) {
        Some(wanted) => wanted.clone(),
        None => std::iter::once(0..rows).collect(),
    }
}

/// Rows after which it is decided whether a column is worth a sketch.
const TRIED_ROWS: usize = 4_096;
/// Bytes of a text, on average, below which a column is not worth it.
const LEAST_BYTES: usize = 12;

/// Makes the sketches of a file that is being written.
pub(crate) struct TermsWriter {
    columns: Vec<ColumnWriter>,
    /// Rows of each row group but the last.
    group_rows: usize,
    /// Rows of the row group under way.
    rows: usize,
}

struct ColumnWriter {
    name: String,
    builder: SketchBuilder,
    groups: Vec<Arc<GroupSketch>>,
    texts: usize,
    bytes: usize,
}

impl TermsWriter {
    /// For these columns of texts, as far as their texts are long.
    pub(crate) fn new(columns: impl IntoIterator<Item = String>, group_rows: usize) -> Self {
        let column = |name| ColumnWriter {
            name,
            builder: SketchBuilder::new(),
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

    /// The sketches of all rows.
    pub(crate) fn finish(mut self) -> FileTerms {
        if self.rows > 0 {
            self.end_group();
        }
        let columns = self.columns.into_iter().filter(ColumnWriter::is_worth_it);
        FileTerms {
            columns: columns.map(|c| (c.name, c.groups)).collect(),
        }
    }

    /// Ends the row group under way.
    pub(crate) fn end_group(&mut self) {
        for column in &mut self.columns {
            let sketch = column.builder.end_group();
            column.groups.push(Arc::new(sketch));
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
