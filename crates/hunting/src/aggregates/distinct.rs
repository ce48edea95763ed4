//! `dcount` and `count_distinct`: exact.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int64Type, UInt64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::ids::{IdSets, Ids};
use super::view_numbers::ViewNumbers;
use super::{mix, passes};
use crate::functions::xxhash64;

/// Counts distinct values per group.
pub(super) struct Distinct {
    types: Vec<DataType>,
    converter: Option<RowConverter>,
    texts: ViewNumbers,
    /// Rows of a batch: their groups and the numbers of their values.
    found: Vec<(usize, u32)>,
    ids: Ids,
    sets: IdSets,
}

impl Distinct {
    pub(super) fn new(types: Vec<DataType>) -> Result<Self> {
        Ok(Self {
            converter: None,
            texts: ViewNumbers::default(),
            found: Vec::new(),
            types,
            ids: Ids::default(),
            sets: IdSets::default(),
        })
    }

    /// Puts what was found into the sets: in a loop of its own, in which the processor fetches many sets at once.
    fn add_found(&mut self) {
        let known = self.ids.len();
        for (group, id) in self.found.drain(..) {
            self.sets.insert(group, id, known);
        }
    }

    /// How many groups are given out.
    fn emitted(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.sets.len(),
            EmitTo::First(groups) => groups,
        }
    }

    fn forget(&mut self, groups: usize) {
        self.sets.drop_first(groups);
        if self.sets.len() == 0 {
            (self.ids, self.sets) = (Ids::default(), IdSets::default());
            self.texts.forget();
        }
    }

    /// Calls `each` with the rows that have a value, and its hash. Nulls are not counted; of several columns, a row
    /// counts unless all are null.
    fn each_hash(
        converter: &mut Option<RowConverter>,
        types: &[DataType],
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
        mut each: impl FnMut(usize, u64),
    ) -> Result<()> {
        let rows = values.first().map_or(0, |v| v.len());
        let taken = |row: usize| passes(filter, row) && values.iter().any(|v| v.is_valid(row));
        let taken = (0..rows).filter(|row| taken(*row));
        if let [column] = values {
            if let Some(texts) = column.as_string_view_opt() {
                taken.for_each(|row| each(row, xxhash64(texts.value(row).as_bytes())));
                return Ok(());
            }
            if let Some(longs) = column.as_primitive_opt::<Int64Type>() {
                taken.for_each(|row| each(row, mix(longs.value(row))));
                return Ok(());
            }
        }
        let converter = match converter {
            Some(converter) => converter,
            None => {
                let fields = types.iter().map(|t| SortField::new(t.clone())).collect();
                converter.insert(RowConverter::new(fields)?)
            }
        };
        let bytes = converter.convert_columns(values)?;
        taken.for_each(|row| each(row, xxhash64(bytes.row(row).as_ref())));
        Ok(())
    }

    /// Lists of hashes as the state that goes to another stage.
    fn lists(lengths: impl Iterator<Item = usize>, hashes: Vec<u64>) -> Result<Vec<ArrayRef>> {
        let field = Arc::new(Field::new_list_field(DataType::UInt64, true));
        Ok(vec![Arc::new(ListArray::try_new(
            field,
            OffsetBuffer::from_lengths(lengths),
            Arc::new(UInt64Array::from(hashes)),
            None,
        )?)])
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
        self.sets.grow(total_num_groups);
        let (ids, found) = (&mut self.ids, &mut self.found);
        if let [column] = values
            && let Some(texts) = column.as_string_view_opt()
        {
            let rows = (0..texts.len()).filter(|r| passes(opt_filter, *r) && texts.is_valid(*r));
            let number = |text: &str| ids.number(xxhash64(text.as_bytes())).0;
            let each = |row: usize, id| found.push((group_indices[row], id));
            self.texts.each(texts, rows, number, each);
        } else {
            Self::each_hash(
                &mut self.converter,
                &self.types,
                values,
                opt_filter,
                |row, hash| found.push((group_indices[row], ids.number(hash).0)),
            )?;
        }
        self.add_found();
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.emitted(emit_to);
        let counts: Int64Array = self.sets.counts(groups).map(|c| Some(c as i64)).collect();
        self.forget(groups);
        Ok(Arc::new(counts))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.emitted(emit_to);
        let mut hashes = Vec::with_capacity(self.sets.counts(groups).sum());
        for group in 0..groups {
            self.sets.each(group, |id| hashes.push(self.ids.hash(id)));
        }
        let state = Self::lists(self.sets.counts(groups), hashes);
        self.forget(groups);
        state
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.sets.grow(total_num_groups);
        let lists = values[0].as_list::<i32>();
        let hashes = lists.values().as_primitive::<UInt64Type>().values();
        let offsets = lists.value_offsets();
        for (row, group) in group_indices.iter().enumerate() {
            for hash in &hashes[offsets[row] as usize..offsets[row + 1] as usize] {
                self.found.push((*group, self.ids.number(*hash).0));
            }
            self.add_found();
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let (mut lengths, mut hashes) = (vec![0; rows], Vec::with_capacity(rows));
        Self::each_hash(&mut None, &self.types, values, opt_filter, |row, hash| {
            lengths[row] = 1;
            hashes.push(hash);
        })?;
        Self::lists(lengths.into_iter(), hashes)
    }

    fn size(&self) -> usize {
        let found = self.found.capacity() * size_of::<(usize, u32)>();
        self.ids.size() + self.sets.size() + self.texts.size() + found
    }
}
