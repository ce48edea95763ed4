//! `row_number`, `prev`, `next`, `row_cumsum`, ranks and sessions over all rows in their order.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal256Array, Float64Array, Int64Array, RecordBatch,
};
use arrow::datatypes::{Decimal256Type, Float64Type, Int32Type, Int64Type, SchemaRef, i256};
use arrow::row::{RowConverter, SortField};
use bartizan_kql::bound::WindowFn;
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};

use super::WindowSpec;
use super::parts::Parts;
use crate::functions::cast_array;
use crate::types::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// Adds the results of the calls to the columns.
pub(super) fn compute_windows(
    calls: &[WindowSpec],
    partition: &[String],
    batch: &RecordBatch,
    schema: SchemaRef,
) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    if !partition.is_empty() && batch.num_rows() > 0 {
        columns.extend(computed_in_parts(calls, partition, batch)?);
        return Ok(RecordBatch::try_new(schema, columns)?);
    }
    columns.extend(computed(calls, batch)?);
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The results of the calls, each part of the rows for itself.
fn computed_in_parts(
    calls: &[WindowSpec],
    partition: &[String],
    batch: &RecordBatch,
) -> Result<Vec<ArrayRef>> {
    let parts = Parts::of(batch, partition)?;
    let ordered = parts.ordered(batch)?;
    let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::new(); calls.len()];
    for range in parts.ranges() {
        let part = ordered.slice(range.start, range.len());
        for (piece, array) in pieces.iter_mut().zip(computed(calls, &part)?) {
            piece.push(array);
        }
    }
    let back = parts.back();
    pieces
        .into_iter()
        .map(|piece| {
            let piece: Vec<&dyn Array> = piece.iter().map(AsRef::as_ref).collect();
            let whole = arrow::compute::concat(&piece)?;
            Ok(arrow::compute::take(&whole, &back, None)?)
        })
        .collect()
}

/// The results of the calls.
fn computed(calls: &[WindowSpec], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let mut columns = Vec::with_capacity(calls.len());
    for call in calls {
        let args = call
            .args
            .iter()
            .map(|(name, _)| {
                batch
                    .column_by_name(name)
                    .cloned()
                    .ok_or_else(|| DataFusionError::Internal(format!("no column {name}")))
            })
            .collect::<Result<Vec<_>>>()?;
        let result = compute(call, &args, batch.num_rows())?;
        columns.push(match call.ty {
            // A text is never null: where there is no row before, it is an empty one.
            Type::String => cast_array(&result, call.ty, call.ty)?,
            _ => result,
        });
    }
    Ok(columns)
}

fn compute(call: &WindowSpec, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    match call.function {
        WindowFn::RowNumber => {
            let start = args.first().map_or(1, |a| long_at(a, 0).unwrap_or(1));
            Ok(row_number(start, restarts(args.get(1)), rows))
        }
        WindowFn::Prev => shifted(args, rows, -1),
        WindowFn::Next => shifted(args, rows, 1),
        WindowFn::RowCumsum => {
            let value = args
                .first()
                .ok_or_else(|| DataFusionError::Internal("row_cumsum of nothing".into()))?;
            cumulate(value, call.ty, restarts(args.get(1)))
        }
        WindowFn::RowRankDense => ranks(args, true),
        WindowFn::RowRankMin => ranks(args, false),
        WindowFn::RowWindowSession => sessions(args),
    }
}

/// Whether a row starts the count anew.
fn restarts(array: Option<&ArrayRef>) -> impl Fn(usize) -> bool + '_ {
    move |row| {
        array
            .and_then(|a| a.as_boolean_opt())
            .is_some_and(|a| a.is_valid(row) && a.value(row))
    }
}

fn long_at(array: &ArrayRef, row: usize) -> Option<i64> {
    if array.len() <= row || array.is_null(row) {
        return None;
    }
    array
        .as_primitive_opt::<Int64Type>()
        .map(|a| a.value(row))
        .or_else(|| {
            array
                .as_primitive_opt::<Int32Type>()
                .map(|a| i64::from(a.value(row)))
        })
}

fn argument(args: &[ArrayRef], index: usize) -> Result<&ArrayRef> {
    args.get(index)
        .ok_or_else(|| DataFusionError::Internal(format!("no argument {index}")))
}

/// `row_rank_dense`, which counts values, and `row_rank_min`, which counts rows: both change with the value.
fn ranks(args: &[ArrayRef], dense: bool) -> Result<ArrayRef> {
    let term = argument(args, 0)?;
    let restart = restarts(args.get(1));
    let converter = RowConverter::new(vec![SortField::new(term.data_type().clone())])?;
    let values = converter.convert_columns(std::slice::from_ref(term))?;
    let (mut count, mut rank) = (0i64, 0i64);
    let numbers = (0..term.len()).map(|row| {
        if restart(row) {
            (count, rank) = (0, 0);
        }
        count += 1;
        if rank == 0 || values.row(row) != values.row(row - 1) {
            rank = if dense { rank + 1 } else { count };
        }
        rank
    });
    Ok(Arc::new(Int64Array::from_iter_values(numbers)))
}

/// `row_window_session(time, longest, gap, restart)`: where each row's session began.
fn sessions(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (times, longest, gap) = (argument(args, 0)?, argument(args, 1)?, argument(args, 2)?);
    let restart = restarts(args.get(3));
    // The start of the session and the time before, in ticks.
    let mut session: Option<(i64, i64)> = None;
    let starts: Int64Array = (0..times.len())
        .map(|row| {
            let Some(time) = long_at(times, row) else {
                session = None;
                return None;
            };
            let past = |from: i64, distance: &ArrayRef| {
                long_at(distance, row).is_some_and(|d| time >= from.saturating_add(d))
            };
            let start = match session {
                Some((start, before))
                    if !restart(row) && !past(start, longest) && !past(before, gap) =>
                {
                    start
                }
                _ => time,
            };
            session = Some((start, time));
            Some(start)
        })
        .collect();
    Ok(Arc::new(starts))
}

fn row_number(start: i64, restart: impl Fn(usize) -> bool, rows: usize) -> ArrayRef {
    let mut next = start;
    let numbers: Int64Array = (0..rows)
        .map(|row| {
            if restart(row) {
                next = start;
            }
            let number = next;
            next = next.wrapping_add(1);
            Some(number)
        })
        .collect();
    Arc::new(numbers)
}

/// The value some rows before or after, or the default where there is no such row.
fn shifted(args: &[ArrayRef], rows: usize, direction: i64) -> Result<ArrayRef> {
    let value = args
        .first()
        .ok_or_else(|| DataFusionError::Internal("prev or next of nothing".into()))?;
    let offset = args.get(1).map_or(1, |a| long_at(a, 0).unwrap_or(1));
    let default = match args.get(2) {
        Some(default) => default.clone(),
        None => arrow::array::new_null_array(value.data_type(), rows),
    };
    let indices: Vec<(usize, usize)> = (0..rows as i64)
        .map(|row| {
            let from = row.saturating_add(offset.saturating_mul(direction));
            match usize::try_from(from).ok().filter(|f| *f < rows) {
                Some(from) => (0, from),
                None => (1, row as usize),
            }
        })
        .collect();
    Ok(arrow::compute::interleave(
        &[value.as_ref(), default.as_ref()],
        &indices,
    )?)
}

/// Running sums; null adds nothing.
fn cumulate(value: &ArrayRef, ty: Type, restart: impl Fn(usize) -> bool) -> Result<ArrayRef> {
    let rows = value.len();
    Ok(match ty {
        Type::Real => {
            let reals = value.as_primitive::<Float64Type>();
            let mut sum = 0.0;
            Arc::new(Float64Array::from_iter_values((0..rows).map(|row| {
                if restart(row) {
                    sum = 0.0;
                }
                if reals.is_valid(row) {
                    sum += reals.value(row);
                }
                sum
            })))
        }
        Type::Decimal => {
            let decimals = value.as_primitive::<Decimal256Type>();
            let mut sum = i256::ZERO;
            let sums = Decimal256Array::from_iter_values((0..rows).map(|row| {
                if restart(row) {
                    sum = i256::ZERO;
                }
                if decimals.is_valid(row) {
                    sum = sum.wrapping_add(decimals.value(row));
                }
                sum
            }));
            Arc::new(sums.with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE)?)
        }
        _ => {
            let mut sum = 0i64;
            let sums = Int64Array::from_iter_values((0..rows).map(|row| {
                if restart(row) {
                    sum = 0;
                }
                sum = sum.wrapping_add(long_at(value, row).unwrap_or(0));
                sum
            }));
            cast_array(&(Arc::new(sums) as ArrayRef), Type::Long, ty)?
        }
    })
}
