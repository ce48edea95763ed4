//! `dcount` and `count_distinct`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, UInt64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::{HashKeys, Salts, passes};
use crate::functions::xxhash64;

/// Counts distinct values per group.
pub(super) struct Distinct {
    types: Vec<DataType>,
    converter: RowConverter,
    salts: Salts,
    seen: HashKeys,
    /// Every new value's group and hash, for handing over to another stage.
    found: Vec<(u32, u64)>,
    counts: Vec<i64>,
}

impl Distinct {
    pub(super) fn new(types: Vec<DataType>) -> Result<Self> {
        let fields = types.iter().map(|t| SortField::new(t.clone())).collect();
        Ok(Self {
            converter: RowConverter::new(fields)?,
            types,
            salts: Salts::default(),
            seen: HashKeys::default(),
            found: Vec::new(),
            counts: Vec::new(),
        })
    }

    fn grow(&mut self, groups: usize) {
        self.salts.grow(groups);
        self.counts.resize(groups.max(self.counts.len()), 0);
    }

    fn add(&mut self, group: usize, hash: u64) {
        if self.seen.insert(self.salts.mix(group, hash)) {
            self.found.push((group as u32, hash));
            self.counts[group] += 1;
        }
    }

    /// Takes the hashes of the first groups out, ordered by group, with their counts.
    fn take(&mut self, emit_to: EmitTo) -> (Vec<u64>, Vec<i64>) {
        let counts = emit_to.take_needed(&mut self.counts);
        self.salts.salts.drain(..counts.len());
        let cut = counts.len() as u32;
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for (group, hash) in std::mem::take(&mut self.found) {
            if group < cut {
                taken.push((group, hash));
            } else {
                left.push((group - cut, hash));
            }
        }
        self.found = left;
        if self.counts.is_empty() {
            self.seen = HashKeys::default();
        }
        taken.sort_by_key(|(group, _)| *group);
        (taken.into_iter().map(|(_, hash)| hash).collect(), counts)
    }
}

impl GroupsAccumulator for Distinct {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        // Nulls are not counted; of several columns, a row counts unless all are null.
        let missing = |row: usize| values.iter().all(|v| v.is_null(row));
        if let [strings] = values
            && let Some(strings) = strings.as_string_view_opt()
        {
            for (row, group) in group_indices.iter().enumerate() {
                if strings.is_valid(row) && passes(opt_filter, row) {
                    self.add(*group, xxhash64(strings.value(row).as_bytes()));
                }
            }
            return Ok(());
        }
        let rows = self.converter.convert_columns(values)?;
        for (row, group) in group_indices.iter().enumerate() {
            if !missing(row) && passes(opt_filter, row) {
                self.add(*group, xxhash64(rows.row(row).as_ref()));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (_, counts) = self.take(emit_to);
        Ok(Arc::new(Int64Array::from(counts)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (hashes, counts) = self.take(emit_to);
        let offsets = OffsetBuffer::from_lengths(counts.iter().map(|c| *c as usize));
        let field = Arc::new(Field::new_list_field(DataType::UInt64, true));
        Ok(vec![Arc::new(ListArray::try_new(
            field,
            offsets,
            Arc::new(UInt64Array::from(hashes)),
            None,
        )?)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let lists = values[0].as_list::<i32>();
        let hashes = lists.values().as_primitive::<UInt64Type>();
        let offsets = lists.value_offsets();
        for (row, group) in group_indices.iter().enumerate() {
            for i in offsets[row]..offsets[row + 1] {
                self.add(*group, hashes.value(i as usize));
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut fresh = Self::new(self.types.clone())?;
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.seen.capacity() * 9 + self.found.capacity() * 16 + self.counts.capacity() * 16
    }
}
