//! `arg_max`, `arg_min` and `take_any`: one whole row per group.
//!
//! Rows stay in the batches that they came in; a group remembers which row is its best. When too many rows are held
//! for the groups there are, the best ones are copied together.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::function::row_fields;
use super::passes;

/// Rows that may be held besides the best ones before they are put together.
const SLACK: usize = 131_072;

/// What a group's best row is ranked by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Rank {
    /// No row yet.
    #[default]
    Nothing,
    /// A row without a value.
    Null,
    /// Whole numbers and times.
    Long(i64),
    /// Anything else, as bytes that compare in order.
    Bytes(Box<[u8]>),
}

/// The best row of every group.
pub(super) struct BestRow {
    /// Greatest or least first column; none for any row.
    greatest: Option<bool>,
    types: Vec<DataType>,
    converter: Option<RowConverter>,
    ranks: Vec<Rank>,
    /// Batch and row; batch 0 is a row of nulls.
    places: Vec<(u32, u32)>,
    batches: Vec<Vec<ArrayRef>>,
    held: usize,
}

impl BestRow {
    pub(super) fn new(greatest: Option<bool>, types: Vec<DataType>) -> Result<Self> {
        let converter = match (greatest, types.first()) {
            (Some(_), Some(ty)) if *ty != DataType::Int64 => {
                Some(RowConverter::new(vec![SortField::new(ty.clone())])?)
            }
            _ => None,
        };
        let nulls = types.iter().map(|t| new_null_array(t, 1)).collect();
        Ok(Self {
            greatest,
            types,
            converter,
            ranks: Vec::new(),
            places: Vec::new(),
            batches: vec![nulls],
            held: 0,
        })
    }

    /// Offers the rows of a batch to their groups.
    fn offer(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.ranks
            .resize(groups.max(self.ranks.len()), Rank::Nothing);
        self.places.resize(groups.max(self.places.len()), (0, 0));
        if group_indices.is_empty() {
            return Ok(());
        }
        let batch = self.batches.len() as u32;
        let mut kept = false;
        let rows = match &self.converter {
            Some(converter) => Some(converter.convert_columns(&values[..1])?),
            None => None,
        };
        let longs = values[0].as_primitive_opt::<Int64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if !passes(filter, row) {
                continue;
            }
            let current = &self.ranks[*group];
            let rank = match self.greatest {
                None if values.iter().all(|v| v.is_null(row)) => Rank::Null,
                None => Rank::Long(0),
                Some(_) if values[0].is_null(row) => Rank::Null,
                Some(_) => match (&rows, longs) {
                    (Some(rows), _) => {
                        let bytes = rows.row(row);
                        if !self.beats_bytes(bytes.as_ref(), current) {
                            continue;
                        }
                        Rank::Bytes(bytes.as_ref().into())
                    }
                    (None, Some(longs)) => Rank::Long(longs.value(row)),
                    (None, None) => Rank::Null,
                },
            };
            if self.beats(&rank, current) {
                self.ranks[*group] = rank;
                self.places[*group] = (batch, row as u32);
                kept = true;
            }
        }
        if kept {
            self.batches.push(values.to_vec());
            self.held += group_indices.len();
            if self.held > self.places.len() * 4 + SLACK {
                self.put_together()?;
            }
        }
        Ok(())
    }

    fn wanted(&self) -> Ordering {
        if self.greatest == Some(false) {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }

    fn beats_bytes(&self, bytes: &[u8], current: &Rank) -> bool {
        match current {
            Rank::Bytes(best) => bytes.cmp(best) == self.wanted(),
            _ => true,
        }
    }

    fn beats(&self, rank: &Rank, current: &Rank) -> bool {
        match (rank, current) {
            (Rank::Nothing, _) => false,
            (_, Rank::Nothing) => true,
            (Rank::Null, _) => false,
            (_, Rank::Null) => true,
            (Rank::Long(a), Rank::Long(b)) => self.greatest.is_some() && a.cmp(b) == self.wanted(),
            (Rank::Bytes(a), Rank::Bytes(b)) => a.cmp(b) == self.wanted(),
            _ => false,
        }
    }

    fn gather(&self, places: &[(u32, u32)]) -> Result<Vec<ArrayRef>> {
        let indices: Vec<(usize, usize)> = places
            .iter()
            .map(|(b, r)| (*b as usize, *r as usize))
            .collect();
        (0..self.types.len())
            .map(|column| {
                let arrays: Vec<&dyn Array> =
                    self.batches.iter().map(|b| b[column].as_ref()).collect();
                let picked = interleave(&arrays, &indices)?;
                // Views would keep the buffers of all batches alive.
                Ok(match picked.as_string_view_opt() {
                    Some(views) => Arc::new(views.gc()),
                    None => picked,
                })
            })
            .collect()
    }

    fn put_together(&mut self) -> Result<()> {
        let columns = self.gather(&self.places)?;
        self.batches.truncate(1);
        self.batches.push(columns);
        for (row, place) in self.places.iter_mut().enumerate() {
            *place = (1, row as u32);
        }
        self.held = self.places.len();
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let places = emit_to.take_needed(&mut self.places);
        let _ = emit_to.take_needed(&mut self.ranks);
        let columns = self.gather(&places)?;
        if self.places.is_empty() {
            self.batches.truncate(1);
            self.held = 0;
        }
        Ok(columns)
    }
}

impl GroupsAccumulator for BestRow {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.offer(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let columns = self.take(emit_to)?;
        Ok(Arc::new(StructArray::try_new(
            row_fields(&self.types),
            columns,
            None,
        )?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.take(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.offer(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(filter) = opt_filter else {
            return Ok(values.to_vec());
        };
        let out: BooleanArray = (0..filter.len())
            .map(|row| Some(!passes(Some(filter), row)))
            .collect();
        values
            .iter()
            .map(|v| Ok(arrow::compute::nullif(v, &out)?))
            .collect()
    }

    fn size(&self) -> usize {
        let held: usize = self
            .batches
            .iter()
            .flatten()
            .map(|a| a.get_array_memory_size())
            .sum();
        held + self.places.capacity() * 8 + self.ranks.capacity() * size_of::<Rank>()
    }
}
