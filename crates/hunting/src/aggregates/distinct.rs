//! `dcount` and `count_distinct`: exact.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::distinct_state;
use super::id_matrix::IdMatrix;
use super::ids::Ids;
use super::view_numbers::ViewNumbers;
use super::{mix, passes};
use crate::dictionaries::DictionaryNumbers;
use crate::functions::xxhash64;

/// Values of other stages that are put into sets at once.
const MERGED: usize = 8_192;
/// No number.
const NONE: u32 = u32::MAX;

/// Counts distinct values per group.
pub(super) struct Distinct {
    types: Vec<DataType>,
    converter: Option<RowConverter>,
    texts: ViewNumbers,
    dictionary: DictionaryNumbers,
    /// The numbers of a batch's rows.
    numbers: Vec<u32>,
    /// Rows of a batch: their groups and the numbers of their values.
    found: Vec<(u32, u32)>,
    ids: Ids,
    sets: IdMatrix,
}

impl Distinct {
    pub(super) fn new(types: Vec<DataType>) -> Result<Self> {
        Ok(Self {
            converter: None,
            texts: ViewNumbers::default(),
            dictionary: DictionaryNumbers::default(),
            numbers: Vec::new(),
            found: Vec::new(),
            types,
            ids: Ids::default(),
            sets: IdMatrix::default(),
        })
    }

    /// Puts what was found into the sets: in a loop of its own, in which the processor fetches many sets at once.
    fn add_found(&mut self, groups: usize) {
        self.sets.add(self.found.drain(..), groups, self.ids.len());
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
            (self.ids, self.sets) = (Ids::default(), IdMatrix::default());
            self.texts.forget();
            self.dictionary.forget();
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
}

impl GroupsAccumulator for Distinct {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let (ids, found) = (&mut self.ids, &mut self.found);
        if let [column] = values
            && let Some(texts) = column.as_string_view_opt()
        {
            let rows = (0..texts.len()).filter(|r| passes(opt_filter, *r) && texts.is_valid(*r));
            let number = |text: &str| ids.number(xxhash64(text.as_bytes())).0;
            let each = |row: usize, id| found.push((group_indices[row] as u32, id));
            self.texts.each(texts, rows, number, each);
        } else if let [column] = values
            && matches!(column.data_type(), DataType::Dictionary(..))
        {
            let number = |text: &str| ids.number(xxhash64(text.as_bytes())).0;
            (self.dictionary).of_rows(column, NONE, number, &mut self.numbers)?;
            let rows = group_indices.iter().zip(&self.numbers).enumerate();
            let taken = rows.filter(|(row, (_, id))| **id != NONE && passes(opt_filter, *row));
            let taken = taken.map(|(_, (group, id))| (*group as u32, *id));
            self.sets.add(taken, total_num_groups, ids.len());
            return Ok(());
        } else {
            Self::each_hash(
                &mut self.converter,
                &self.types,
                values,
                opt_filter,
                |row, hash| found.push((group_indices[row] as u32, ids.number(hash).0)),
            )?;
        }
        self.add_found(total_num_groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.emitted(emit_to);
        let counts = (0..groups).map(|group| self.sets.count(group) as i64);
        let counts = Int64Array::from_iter_values(counts);
        self.forget(groups);
        Ok(Arc::new(counts))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.emitted(emit_to);
        let state = distinct_state::of_sets(&self.sets, &self.ids, groups);
        self.forget(groups);
        state
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let Self {
            ids, sets, found, ..
        } = self;
        sets.add(found.drain(..), total_num_groups, ids.len());
        distinct_state::merge(values, group_indices, ids, |group, id, known| {
            found.push((group as u32, id));
            if found.len() == MERGED {
                sets.add(found.drain(..), total_num_groups, known);
            }
        })?;
        self.add_found(total_num_groups);
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut hashes = vec![None; rows];
        Self::each_hash(&mut None, &self.types, values, opt_filter, |row, hash| {
            hashes[row] = Some(hash);
        })?;
        distinct_state::of_rows(&hashes)
    }

    fn size(&self) -> usize {
        let found = self.found.capacity() * size_of::<(u32, u32)>() + self.numbers.capacity() * 4;
        let texts = self.texts.size() + self.dictionary.size();
        self.ids.size() + self.sets.size() + texts + found
    }
}
