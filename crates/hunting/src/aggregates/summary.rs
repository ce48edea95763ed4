//! `hll`, `tdigest`, their merges, and `buildschema`: a summary per group, handed over between stages as JSON text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewBuilder};
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::passes;
use crate::functions::{json_column, number_column, xxhash64};
use crate::sketch::{Digest, Distinct, Schema, Summary, push_value};

/// How a kind of summary takes the rows of a batch, and gives its result.
pub(super) trait Intake: Summary {
    /// Calls `add` for the rows that have a value. `types` are those of the arguments.
    fn take(
        groups: &mut [Self],
        values: &[ArrayRef],
        types: &[Type],
        rows: impl Iterator<Item = (usize, usize)>,
    ) -> Result<()>;

    /// The result as JSON text.
    fn result(&self, _ty: Type) -> Option<String> {
        self.json()
    }
}

impl Intake for Distinct {
    fn take(
        groups: &mut [Self],
        values: &[ArrayRef],
        types: &[Type],
        rows: impl Iterator<Item = (usize, usize)>,
    ) -> Result<()> {
        let column = &values[0];
        let mut text = json_column(column, types[0]);
        for (row, group) in rows {
            if column.is_valid(row) {
                groups[group].add(xxhash64(text(row)?.as_bytes()));
            }
        }
        Ok(())
    }
}

impl Intake for Digest {
    fn take(
        groups: &mut [Self],
        values: &[ArrayRef],
        types: &[Type],
        rows: impl Iterator<Item = (usize, usize)>,
    ) -> Result<()> {
        let numbers = number_column(&values[0], types[0])?;
        let weights = match values.get(1) {
            Some(weights) => Some(number_column(weights, types[1])?),
            None => None,
        };
        for (row, group) in rows {
            let weight = weights.as_ref().map_or(Some(1.0), |w| w.real(row));
            if let (Some(value), Some(weight)) = (numbers.real(row), weight) {
                groups[group].add(value, weight);
            }
        }
        Ok(())
    }

    fn result(&self, ty: Type) -> Option<String> {
        let mut settled = self.clone();
        settled.settle();
        let ty = settled.values(ty);
        settled.write(|value, out| push_value(value, ty, out))
    }
}

impl Intake for Schema {
    fn take(
        groups: &mut [Self],
        values: &[ArrayRef],
        _types: &[Type],
        rows: impl Iterator<Item = (usize, usize)>,
    ) -> Result<()> {
        let texts = values[0].as_string_view();
        for (row, group) in rows {
            if texts.is_valid(row) {
                groups[group].add(texts.value(row));
            }
        }
        Ok(())
    }
}

/// One summary per group.
pub(super) struct Summaries<S> {
    empty: S,
    types: Vec<Type>,
    /// The rows hold summaries already: `hll_merge`, `tdigest_merge`.
    merges: bool,
    groups: Vec<S>,
}

impl<S: Intake> Summaries<S> {
    pub(super) fn new(empty: S, types: Vec<Type>, merges: bool) -> Self {
        Self {
            empty,
            types,
            merges,
            groups: Vec::new(),
        }
    }

    fn grow(&mut self, groups: usize) {
        self.groups
            .resize(groups.max(self.groups.len()), self.empty.clone());
    }

    fn merge_texts(&mut self, texts: &ArrayRef, rows: impl Iterator<Item = (usize, usize)>) {
        let texts = texts.as_string_view();
        for (row, group) in rows {
            if texts.is_valid(row) {
                self.groups[group].merge(texts.value(row));
            }
        }
    }

    fn texts(groups: &[S], text: impl Fn(&S) -> Option<String>) -> ArrayRef {
        let mut builder = StringViewBuilder::with_capacity(groups.len());
        groups.iter().for_each(|g| builder.append_option(text(g)));
        Arc::new(builder.finish())
    }
}

impl<S: Intake + 'static> GroupsAccumulator for Summaries<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let rows = group_indices
            .iter()
            .copied()
            .enumerate()
            .filter(|(row, _)| passes(opt_filter, *row));
        if self.merges {
            self.merge_texts(&values[0], rows);
            return Ok(());
        }
        S::take(&mut self.groups, values, &self.types, rows)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let ty = self.types.first().copied().unwrap_or(Type::Dynamic);
        Ok(Self::texts(&groups, |g| g.result(ty)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        Ok(vec![Self::texts(&groups, S::json)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        self.merge_texts(&values[0], group_indices.iter().copied().enumerate());
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut fresh = Self::new(self.empty.clone(), self.types.clone(), self.merges);
        let each: Vec<usize> = (0..rows).collect();
        fresh.update_batch(values, &each, opt_filter, rows)?;
        fresh.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.groups.iter().map(S::size).sum()
    }
}
