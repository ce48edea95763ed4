//! `make_set`: distinct values per group, each written as JSON once for all groups.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewBuilder};
use arrow::datatypes::{DataType, Int64Type};
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::ids::{IdSets, Ids};
use super::{Identity, mix, passes};
use crate::dictionaries::DictionaryNumbers;
use crate::functions::{json_column, xxhash64};
use crate::json::{self, push_json_string};

/// The sets of all groups.
pub(super) struct CollectSet {
    limit: usize,
    ty: Type,
    /// Values by their JSON text.
    ids: Ids,
    /// The same by hashes of what they are in the column, which need no JSON.
    by_value: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    /// The same by the texts of a dictionary.
    dictionary: DictionaryNumbers,
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    sets: IdSets,
    /// Group and value of every new element, in the order in which they came.
    found: Vec<(u32, u32)>,
}

impl CollectSet {
    pub(super) fn new(limit: usize, ty: Type) -> Self {
        Self {
            limit,
            ty,
            ids: Ids::default(),
            by_value: HashMap::default(),
            dictionary: DictionaryNumbers::default(),
            texts: String::new(),
            ends: Vec::new(),
            sets: IdSets::default(),
            found: Vec::new(),
        }
    }

    /// The number of a JSON text.
    fn number(&mut self, text: &str) -> u32 {
        let (id, new) = self.ids.number(xxhash64(text.as_bytes()));
        if new {
            self.texts.push_str(text);
            self.ends.push(self.texts.len());
        }
        id
    }

    /// The JSON text of a numbered value.
    fn text(&self, id: u32) -> &str {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[id]]
    }

    /// Whether a group takes nothing more: what it would not take is not even numbered.
    fn is_full(&self, group: usize) -> bool {
        self.sets.count(group) >= self.limit
    }

    fn insert(&mut self, group: usize, id: u32) {
        if !self.is_full(group) && self.sets.insert(group, id, self.ids.len()) {
            self.found.push((group as u32, id));
        }
    }

    /// Adds a dynamic value, or the elements of an array.
    fn add(&mut self, group: usize, text: &str) {
        if self.is_full(group) {
            return;
        }
        if json::kind(text) != Some(json::Kind::Array) {
            let id = self.number(text);
            return self.insert(group, id);
        }
        for element in json::elements(text).filter(|e| *e != "null") {
            if self.is_full(group) {
                return;
            }
            let id = self.number(element);
            self.insert(group, id);
        }
    }

    /// Adds values whose hashes tell them apart.
    fn add_hashed(
        &mut self,
        rows: impl Iterator<Item = (usize, usize)>,
        hash: impl Fn(usize) -> u64,
        mut text: impl FnMut(usize) -> Result<String>,
    ) -> Result<()> {
        for (row, group) in rows {
            if self.is_full(group) {
                continue;
            }
            let hash = hash(row);
            let id = match self.by_value.get(&hash) {
                Some(id) => *id,
                None => {
                    let id = self.number(&text(row)?);
                    self.by_value.insert(hash, id);
                    id
                }
            };
            self.insert(group, id);
        }
        Ok(())
    }

    /// Adds texts of a dictionary.
    fn add_places(
        &mut self,
        rows: impl Iterator<Item = (usize, usize)>,
        column: &ArrayRef,
    ) -> Result<()> {
        let mut numbers = std::mem::take(&mut self.dictionary);
        let (dictionary, texts) = numbers.turn_to(column)?;
        let mut json = String::new();
        for (row, group) in rows {
            if self.is_full(group) {
                continue;
            }
            let id = numbers.of_place(dictionary.keys().value(row), texts, |text| {
                json.clear();
                push_json_string(&mut json, text);
                self.number(&json)
            })?;
            self.insert(group, id);
        }
        self.dictionary = numbers;
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> ArrayRef {
        let groups = match emit_to {
            EmitTo::All => self.sets.len(),
            EmitTo::First(groups) => groups,
        };
        // The elements of each group side by side, in order.
        let mut at: Vec<usize> = Vec::with_capacity(groups);
        let mut total = 0;
        for count in self.sets.counts(groups) {
            at.push(total);
            total += count;
        }
        let mut elements = vec![0u32; total];
        let mut left = Vec::new();
        for (group, id) in std::mem::take(&mut self.found) {
            match at.get_mut(group as usize) {
                Some(at) => {
                    elements[*at] = id;
                    *at += 1;
                }
                None => left.push((group - groups as u32, id)),
            }
        }
        self.found = left;
        let mut builder = StringViewBuilder::with_capacity(groups);
        let (mut out, mut start) = (String::new(), 0);
        for end in at {
            out.clear();
            out.push('[');
            for (i, id) in elements[start..end].iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(self.text(*id));
            }
            out.push(']');
            builder.append_value(&out);
            start = end;
        }
        self.sets.drop_first(groups);
        if self.sets.len() == 0 {
            *self = Self::new(self.limit, self.ty);
        }
        Arc::new(builder.finish())
    }
}

impl GroupsAccumulator for CollectSet {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sets.grow(total_num_groups);
        let column = &values[0];
        let mut json = json_column(column, self.ty);
        let rows = group_indices
            .iter()
            .copied()
            .enumerate()
            .filter(|(row, _)| passes(opt_filter, *row) && column.is_valid(*row));
        if self.ty == Type::Dynamic {
            for (row, group) in rows {
                let text = json(row)?;
                self.add(group, &text);
            }
            return Ok(());
        }
        if matches!(column.data_type(), DataType::Dictionary(..)) {
            return self.add_places(rows, column);
        }
        if let Some(texts) = column.as_string_view_opt() {
            return self.add_hashed(rows, |row| xxhash64(texts.value(row).as_bytes()), json);
        }
        if let Some(longs) = column.as_primitive_opt::<Int64Type>() {
            return self.add_hashed(rows, |row| mix(longs.value(row)), json);
        }
        for (row, group) in rows {
            if self.is_full(group) {
                continue;
            }
            let id = self.number(&json(row)?);
            self.insert(group, id);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.take(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take(emit_to)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.sets.grow(total_num_groups);
        let states = values[0].as_string_view();
        for (row, group) in group_indices.iter().enumerate() {
            for element in json::elements(states.value(row)) {
                if self.is_full(*group) {
                    break;
                }
                let id = self.number(element);
                self.insert(*group, id);
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
        let mut fresh = Self::new(self.limit, self.ty);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.ids.size()
            + self.by_value.capacity() * 17
            + self.dictionary.size()
            + self.texts.capacity()
            + self.ends.capacity() * 8
            + self.sets.size()
            + self.found.capacity() * 8
    }
}
