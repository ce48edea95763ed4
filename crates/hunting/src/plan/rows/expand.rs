//! `mv-expand`: arrays and bags become rows.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use bartizan_kql::bound::MvExpandKind;
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;

use super::ExpandItem;
use crate::functions::cast_array;
use crate::json::{self, Kind};

/// A piece of an expanded batch ends with the row that makes it so long, so that a few thousand long arrays are not
/// expanded at once.
const PIECE_ROWS: usize = 16_384;

/// The same for the texts of the arrays.
const PIECE_BYTES: usize = 16 << 20;

/// Expands batches.
pub(super) struct Expander {
    items: Vec<ExpandItem>,
    index: bool,
    limit: usize,
    kind: MvExpandKind,
    schema: SchemaRef,
    memory: MemoryReservation,
}

impl Expander {
    pub(super) fn new(
        items: Vec<ExpandItem>,
        index: bool,
        limit: Option<i64>,
        kind: MvExpandKind,
        schema: SchemaRef,
        memory: MemoryReservation,
    ) -> Self {
        let limit = limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(0));
        Self {
            items,
            index,
            limit,
            kind,
            schema,
            memory,
        }
    }

    /// One output row per element. Arrays that are shorter than the longest of their row are padded with null; a
    /// null counts as one null element, an empty array or bag as none.
    /// The rows come in pieces.
    pub(super) fn expand(
        self: Arc<Self>,
        batch: RecordBatch,
    ) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let from = next?;
            let (piece, end) = match self.piece(&batch, from) {
                Ok(piece) => piece,
                Err(error) => {
                    next = None;
                    return Some(Err(error));
                }
            };
            next = (end < batch.num_rows()).then_some(end);
            Some(Ok(piece))
        })
    }

    /// The rows of a piece of a batch, from a row on, and the row after it.
    fn piece(&self, batch: &RecordBatch, from: usize) -> Result<(RecordBatch, usize)> {
        let arrays = self
            .items
            .iter()
            .map(|item| {
                batch
                    .column_by_name(&item.array)
                    .and_then(|a| a.as_string_view_opt())
                    .ok_or_else(|| {
                        DataFusionError::Internal(format!("{} is not dynamic", item.array))
                    })
            })
            .collect::<Result<Vec<_>>>()?;
        let mut builders: Vec<StringViewBuilder> =
            arrays.iter().map(|_| StringViewBuilder::new()).collect();
        let (mut sources, mut positions) = (Vec::<u32>::new(), Vec::<i64>::new());
        let mut elements: Vec<Vec<std::borrow::Cow<'_, str>>> = vec![Vec::new(); arrays.len()];
        let mut end = from;
        let mut bytes = 0;
        while end < batch.num_rows() && sources.len() < PIECE_ROWS && bytes < PIECE_BYTES {
            let row = end;
            end += 1;
            let mut longest = 0;
            for (array, list) in arrays.iter().zip(&mut elements) {
                list.clear();
                let text = array.is_valid(row).then(|| array.value(row));
                self.elements_of(text, list);
                bytes += text.map_or(0, str::len);
                longest = longest.max(list.len());
            }
            let longest = longest.min(self.limit);
            if longest > PIECE_ROWS {
                // One array that is longer than a piece: its elements, and a view for each column that goes with them.
                let each = 32 * arrays.len() + 16 * batch.num_columns() + 16;
                self.memory.try_resize(longest * each)?;
            }
            for i in 0..longest {
                sources.push(row as u32);
                positions.push(i as i64);
                let texts = elements.iter().zip(&mut builders).zip(&self.items);
                for ((list, builder), item) in texts {
                    let element = list.get(i).filter(|v| v.as_ref() != "null");
                    match item.ty {
                        // The text at once, instead of JSON that a text is made of.
                        Type::String => {
                            builder.append_value(element.map_or("".into(), |e| json::to_text(e)));
                        }
                        _ => builder.append_option(element),
                    }
                }
            }
        }
        let piece = self.assemble(batch, sources, positions, builders)?;
        self.memory.try_resize(0)?;
        Ok((piece, end))
    }

    /// The elements of a value as JSON texts; a null element is `null`.
    fn elements_of<'t>(&self, text: Option<&'t str>, out: &mut Vec<std::borrow::Cow<'t, str>>) {
        match text.and_then(|t| json::kind(t).map(|k| (t, k))) {
            Some((text, Kind::Array)) => out.extend(json::elements(text).map(Into::into)),
            Some((text, Kind::Object)) => {
                out.extend(json::members(text).map(|(key, value)| match self.kind {
                    MvExpandKind::Bag => format!("{{{key}:{value}}}").into(),
                    MvExpandKind::Array => format!("[{key},{value}]").into(),
                }))
            }
            // A scalar is expanded to itself.
            Some((text, _)) => out.push(text.into()),
            None => out.push("null".into()),
        }
    }

    fn assemble(
        &self,
        batch: &RecordBatch,
        sources: Vec<u32>,
        positions: Vec<i64>,
        builders: Vec<StringViewBuilder>,
    ) -> Result<RecordBatch> {
        let sources = UInt32Array::from(sources);
        let mut columns = batch
            .columns()
            .iter()
            .map(|c| Ok(take(c, &sources, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        for (item, mut builder) in self.items.iter().zip(builders) {
            let elements: ArrayRef = Arc::new(builder.finish());
            columns.push(match item.ty {
                Type::String => elements,
                ty => cast_array(&elements, Type::Dynamic, ty)?,
            });
        }
        if self.index {
            columns.push(Arc::new(Int64Array::from(positions)));
        }
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
