//! `make_list`, `make_list_with_nulls` and `make_bag`: JSON text per group, written as rows come.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewBuilder};
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::function::CollectKind;
use super::{HashKeys, Salts, passes};
use crate::functions::{json_column, xxhash64};
use crate::json;

/// What the groups have collected.
pub(super) struct Collect {
    kind: CollectKind,
    limit: usize,
    ty: Type,
    salts: Salts,
    seen: HashKeys,
    /// Elements or members, separated by commas.
    texts: Vec<String>,
    counts: Vec<usize>,
    bytes: usize,
}

impl Collect {
    pub(super) fn new(kind: CollectKind, limit: usize, ty: Type) -> Self {
        Self {
            kind,
            limit,
            ty,
            salts: Salts::default(),
            seen: HashKeys::default(),
            texts: Vec::new(),
            counts: Vec::new(),
            bytes: 0,
        }
    }

    fn grow(&mut self, groups: usize) {
        self.salts.grow(groups);
        self.texts
            .resize(groups.max(self.texts.len()), String::new());
        self.counts.resize(groups.max(self.counts.len()), 0);
    }

    /// Adds an element, the elements of an array to a list, or the members of a bag.
    fn add(&mut self, group: usize, json: &str) {
        if self.kind == CollectKind::List && json::kind(json) == Some(json::Kind::Array) {
            for element in json::elements(json) {
                self.add_part(group, element, element);
            }
            return;
        }
        if self.kind != CollectKind::Bag {
            self.add_part(group, json, json);
            return;
        }
        for (key, value) in json::members(json) {
            let mut member = String::with_capacity(key.len() + value.len() + 1);
            member.push_str(key);
            member.push(':');
            json::push_compact(&mut member, value);
            self.add_part(group, key, &member);
        }
    }

    fn add_part(&mut self, group: usize, key: &str, part: &str) {
        if self.counts[group] >= self.limit {
            return;
        }
        if self.kind == CollectKind::Bag
            && !self
                .seen
                .insert(self.salts.mix(group, xxhash64(key.as_bytes())))
        {
            return;
        }
        let text = &mut self.texts[group];
        let before = text.capacity();
        if self.counts[group] > 0 {
            text.push(',');
        }
        text.push_str(part);
        self.bytes += text.capacity() - before;
        self.counts[group] += 1;
    }

    fn take(&mut self, emit_to: EmitTo) -> ArrayRef {
        let texts = emit_to.take_needed(&mut self.texts);
        let _ = emit_to.take_needed(&mut self.counts);
        self.salts.salts.drain(..texts.len());
        if self.texts.is_empty() {
            self.seen = HashKeys::default();
            self.bytes = 0;
        }
        let (open, close) = match self.kind {
            CollectKind::Bag => ('{', '}'),
            _ => ('[', ']'),
        };
        let mut builder = StringViewBuilder::with_capacity(texts.len());
        for text in texts {
            builder.append_value(format!("{open}{text}{close}"));
        }
        Arc::new(builder.finish())
    }
}

impl GroupsAccumulator for Collect {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let column = &values[0];
        let mut json = json_column(column, self.ty);
        for (row, group) in group_indices.iter().enumerate() {
            if !passes(opt_filter, row)
                || (column.is_null(row) && self.kind != CollectKind::ListWithNulls)
            {
                continue;
            }
            if self.counts[*group] < self.limit {
                let text = json(row)?;
                self.add(*group, &text);
            }
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
        self.grow(total_num_groups);
        let states = values[0].as_string_view();
        for (row, group) in group_indices.iter().enumerate() {
            let state = states.value(row);
            if self.kind == CollectKind::Bag {
                self.add(*group, state);
            } else {
                // Arrays were taken apart when they came; what is an array now was one inside of an array.
                for element in json::elements(state) {
                    self.add_part(*group, element, element);
                }
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
        let mut fresh = Self::new(self.kind, self.limit, self.ty);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes
            + self.texts.capacity() * 24
            + self.counts.capacity() * 16
            + self.seen.capacity() * 9
    }
}
