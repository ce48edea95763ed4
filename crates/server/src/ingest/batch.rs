//! Cutting rows into batches: by number and by size, so that memory stays bounded whatever the rows are and the event
//! store, which refuses batches above 64 MiB, never has to.

use std::collections::BTreeSet;

use bartizan_contract::KqlType;
use bartizan_contract::value::Row;

/// Rows of one batch.
pub const ROWS: usize = 5_000;
/// Bytes of one batch as the event store will hold it, about; also the most that one row may have.
pub const BYTES: usize = 16 << 20;

/// A text in a column costs so much beside its bytes.
const TEXT: usize = 16;
/// What a column of texts takes at least, however few the rows.
const COLUMN: usize = 8 << 10;

/// What a row costs in columns: fixed widths, and texts with their length.
#[must_use]
pub fn row_bytes(row: &Row) -> usize {
    let texts = row.values.iter().filter_map(|value| value.as_str());
    row.values.len() * TEXT + texts.map(str::len).sum::<usize>()
}

/// What a table costs once per batch.
fn table_bytes(row: &Row) -> usize {
    let is_text = |ty| matches!(ty, KqlType::String | KqlType::Guid | KqlType::Dynamic);
    COLUMN * row.table.columns.iter().filter(|c| is_text(c.ty)).count()
}

/// A batch that fills up.
#[derive(Debug)]
pub struct Batch {
    rows: Vec<Row>,
    bytes: usize,
    tables: BTreeSet<&'static str>,
    max_rows: usize,
    max_bytes: usize,
}

impl Batch {
    /// An empty batch with these bounds.
    #[must_use]
    pub const fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self {
            rows: Vec::new(),
            bytes: 0,
            tables: BTreeSet::new(),
            max_rows,
            max_bytes,
        }
    }

    /// Adds a row. Gives the rows before it when the batch was full; that depends on the rows alone, so that the
    /// same rows sent again make the same batches.
    #[must_use]
    pub fn push(&mut self, row: Row) -> Option<Vec<Row>> {
        let mut cost = row_bytes(&row);
        if !self.tables.contains(row.table.name) {
            cost += table_bytes(&row);
        }
        let full = self.rows.len() >= self.max_rows || self.bytes + cost > self.max_bytes;
        let before = (full && !self.rows.is_empty()).then(|| self.take());
        if self.tables.insert(row.table.name) {
            self.bytes += table_bytes(&row);
        }
        self.bytes += row_bytes(&row);
        self.rows.push(row);
        before
    }

    /// The rows so far.
    #[must_use]
    pub fn take(&mut self) -> Vec<Row> {
        self.bytes = 0;
        self.tables.clear();
        std::mem::take(&mut self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_contract::hunting::table;
    use bartizan_contract::value::Value;

    fn row(bytes: usize) -> Row {
        let mut row = Row::empty(table("DeviceProcessEvents").expect("a table"));
        row.set("ProcessCommandLine", Value::String("x".repeat(bytes)));
        row
    }

    #[test]
    fn batches_end_by_number_and_by_size() {
        let mut batch = Batch::new(3, 4 << 20);
        let cuts = (0..7).filter_map(|_| batch.push(row(10))).map(|b| b.len());
        assert_eq!(cuts.collect::<Vec<_>>(), [3, 3]);
        assert_eq!(batch.take().len(), 1);
        let cuts = (0..4)
            .filter_map(|_| batch.push(row(2 << 20)))
            .map(|b| b.len());
        assert_eq!(
            cuts.collect::<Vec<_>>(),
            [1, 1, 1],
            "two of them and the columns are too much"
        );
    }

    #[test]
    fn a_row_larger_than_a_batch_stands_alone() {
        let mut batch = Batch::new(3, 1 << 20);
        assert!(batch.push(row(10)).is_none());
        assert_eq!(batch.push(row(2 << 20)).map(|b| b.len()), Some(1));
        assert_eq!(batch.push(row(10)).map(|b| b.len()), Some(1));
    }
}
