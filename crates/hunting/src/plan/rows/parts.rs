//! Rows by the distinct values of some columns.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::row::{RowConverter, SortField};
use datafusion::error::{DataFusionError, Result};

/// The rows of a batch, part by part in the order in which parts first appear; within a part in their order.
pub(crate) struct Parts {
    order: Vec<u32>,
    ranges: Vec<Range<usize>>,
}

impl Parts {
    /// The parts by the named columns.
    pub(crate) fn of(batch: &RecordBatch, names: &[String]) -> Result<Self> {
        let columns = names
            .iter()
            .map(|name| {
                batch
                    .column_by_name(name)
                    .cloned()
                    .ok_or_else(|| DataFusionError::Internal(format!("no column {name}")))
            })
            .collect::<Result<Vec<_>>>()?;
        Self::by(&columns, batch.num_rows())
    }

    /// The parts by these columns; one part without any.
    pub(crate) fn by(columns: &[ArrayRef], rows: usize) -> Result<Self> {
        if columns.is_empty() {
            return Ok(Self {
                order: (0..rows as u32).collect(),
                ranges: (rows > 0).then_some(0..rows).into_iter().collect(),
            });
        }
        let (numbers, count) = numbered(columns)?;
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (row, number) in numbers.iter().enumerate() {
            members[*number as usize].push(row as u32);
        }
        let mut order = Vec::with_capacity(rows);
        let mut ranges = Vec::with_capacity(count);
        for member in members {
            let start = order.len();
            order.extend(member);
            ranges.push(start..order.len());
        }
        Ok(Self { order, ranges })
    }

    /// The rows of a batch part by part.
    pub(crate) fn ordered(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let order = UInt32Array::from(self.order.clone());
        Ok(arrow::compute::take_record_batch(batch, &order)?)
    }

    /// Where the parts are in the order of the parts.
    pub(crate) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// The rows of every part.
    pub(crate) fn members(&self) -> impl Iterator<Item = &[u32]> {
        self.ranges.iter().map(|range| &self.order[range.clone()])
    }

    /// For every row its place in the order of the parts.
    pub(crate) fn back(&self) -> UInt32Array {
        let mut back = vec![0u32; self.order.len()];
        for (place, row) in self.order.iter().enumerate() {
            back[*row as usize] = place as u32;
        }
        UInt32Array::from(back)
    }
}

/// A number for every row, the same for rows of the same values, and how many numbers there are. Null equals null.
pub(crate) fn numbered(columns: &[ArrayRef]) -> Result<(Vec<u32>, usize)> {
    let fields = columns
        .iter()
        .map(|c| SortField::new(c.data_type().clone()))
        .collect();
    let converter = RowConverter::new(fields)?;
    let rows = converter.convert_columns(columns)?;
    let mut seen: HashMap<&[u8], u32> = HashMap::new();
    let mut numbers = Vec::with_capacity(rows.num_rows());
    for row in &rows {
        let next = seen.len() as u32;
        numbers.push(*seen.entry(row.data()).or_insert(next));
    }
    let count = seen.len();
    Ok((numbers, count))
}
