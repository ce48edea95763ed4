//! `mv-expand`: arrays and bags become rows.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, StringViewBuilder,
    UInt32Array,
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

/// The rows of a piece.
struct Expanded {
    /// The row that each was made of, and which of its elements it has.
    sources: Vec<u32>,
    positions: Vec<i64>,
    /// The elements, by column.
    builders: Vec<StringViewBuilder>,
}

fn text_at(array: &StringViewArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// Adds an element as JSON text, or null.
fn append(builder: &mut StringViewBuilder, ty: Type, element: Option<&str>) {
    let element = element.filter(|element| *element != "null");
    match ty {
        // The text at once, instead of JSON that a text is made of.
        Type::String => builder.append_value(element.map_or("".into(), json::to_text)),
        _ => builder.append_option(element),
    }
}

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
        let mut rows = Expanded {
            sources: Vec::new(),
            positions: Vec::new(),
            builders: arrays.iter().map(|_| StringViewBuilder::new()).collect(),
        };
        // Each element of an array that is longer than a piece, and a view for each column that goes with it.
        let each = 32 * arrays.len() + 16 * batch.num_columns() + 16;
        let mut elements: Vec<Vec<Cow<'_, str>>> = vec![Vec::new(); arrays.len()];
        let mut end = from;
        let mut bytes = 0;
        while end < batch.num_rows() && rows.sources.len() < PIECE_ROWS && bytes < PIECE_BYTES {
            let row = end;
            end += 1;
            if let [array] = arrays[..] {
                let text = text_at(array, row);
                bytes += text.map_or(0, str::len);
                self.only(row, text, each, &mut rows)?;
                continue;
            }
            for (array, list) in arrays.iter().zip(&mut elements) {
                let text = text_at(array, row);
                bytes += text.map_or(0, str::len);
                list.clear();
                self.each_element(text, |element| {
                    list.push(element);
                    Ok(())
                })?;
            }
            let longest = elements.iter().map(Vec::len).max().unwrap_or_default();
            if longest > PIECE_ROWS {
                self.memory.try_resize(longest * each)?;
            }
            for i in 0..longest {
                rows.sources.push(row as u32);
                rows.positions.push(i as i64);
                let texts = elements.iter().zip(&mut rows.builders).zip(&self.items);
                for ((list, builder), item) in texts {
                    append(builder, item.ty, list.get(i).map(AsRef::as_ref));
                }
            }
        }
        let piece = self.assemble(batch, rows)?;
        self.memory.try_resize(0)?;
        Ok((piece, end))
    }

    /// The elements of the one array of a row, none of which is kept before it is written.
    fn only(&self, row: usize, text: Option<&str>, each: usize, rows: &mut Expanded) -> Result<()> {
        let ty = self.items[0].ty;
        let mut position = 0;
        if let Some(array) = text.filter(|t| json::kind(t) == Some(Kind::Array))
            && ty == Type::String
        {
            return json::element_texts(array)
                .take(self.limit)
                .try_for_each(|text| {
                    self.start(row, &mut position, each, rows)?;
                    rows.builders[0].append_value(text);
                    Ok(())
                });
        }
        self.each_element(text, |element| {
            self.start(row, &mut position, each, rows)?;
            append(&mut rows.builders[0], ty, Some(element.as_ref()));
            Ok(())
        })
    }

    /// Starts the row of an element. Of long arrays what a piece of them takes is asked for before it is taken.
    fn start(
        &self,
        row: usize,
        position: &mut usize,
        each: usize,
        rows: &mut Expanded,
    ) -> Result<()> {
        if *position > 0 && position.is_multiple_of(PIECE_ROWS) {
            self.memory.try_resize((*position + PIECE_ROWS) * each)?;
        }
        rows.sources.push(row as u32);
        rows.positions.push(*position as i64);
        *position += 1;
        Ok(())
    }

    /// Gives the elements of a value, as many as are wanted, as JSON texts; a null element is `null`.
    fn each_element<'t>(
        &self,
        text: Option<&'t str>,
        mut give: impl FnMut(Cow<'t, str>) -> Result<()>,
    ) -> Result<()> {
        match text.and_then(|t| json::kind(t).map(|k| (t, k))) {
            Some((text, Kind::Array)) => {
                let mut elements = json::elements(text).take(self.limit);
                elements.try_for_each(|element| give(element.into()))
            }
            Some((text, Kind::Object)) => {
                let mut members = json::members(text).take(self.limit);
                members.try_for_each(|(key, value)| match self.kind {
                    MvExpandKind::Bag => give(format!("{{{key}:{value}}}").into()),
                    MvExpandKind::Array => give(format!("[{key},{value}]").into()),
                })
            }
            _ if self.limit == 0 => Ok(()),
            // A scalar is expanded to itself.
            Some((text, _)) => give(text.into()),
            None => give("null".into()),
        }
    }

    fn assemble(&self, batch: &RecordBatch, rows: Expanded) -> Result<RecordBatch> {
        let sources = UInt32Array::from(rows.sources);
        let mut columns = batch
            .columns()
            .iter()
            .map(|c| Ok(take(c, &sources, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        for (item, mut builder) in self.items.iter().zip(rows.builders) {
            let elements: ArrayRef = Arc::new(builder.finish());
            columns.push(match item.ty {
                Type::String => elements,
                ty => cast_array(&elements, Type::Dynamic, ty)?,
            });
        }
        if self.index {
            columns.push(Arc::new(Int64Array::from(rows.positions)));
        }
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
