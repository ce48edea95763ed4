//! Rows to columns, and columns of the engine to columns of files.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal256Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringViewArray, TimestampNanosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use bartizan_contract::KqlType;
use bartizan_contract::hunting::Table;
use bartizan_contract::value::{Row, Value};

use super::error::EventsError;
use super::schema::{engine_schema, file_schema, nanos_from_ticks};

/// Rows of one table as columns of the engine's types.
pub(super) type TableBatch = (&'static Table, RecordBatch);

/// The rows of one batch in one table, where the rows of several batches are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Which of the tables.
    pub(super) table: usize,
    /// The first row.
    pub(super) offset: usize,
    /// How many rows.
    pub(super) rows: usize,
}

/// Batches as columns.
#[derive(Debug)]
pub(super) struct Converted {
    /// One batch per table, tables in the order of their first row.
    pub(super) tables: Vec<TableBatch>,
    /// Which rows of them are whose, in the order of the batches.
    pub(super) parts: Vec<Vec<Part>>,
    /// How many datetimes were outside what files hold (years 1678 to 2261) and became null.
    pub(super) dates_dropped: usize,
}

/// Rows of one table, each with its number in its batch.
struct TableRows<'r> {
    table: &'static Table,
    rows: Vec<(usize, &'r Row)>,
}

/// Brings the rows of several batches into columns together: a column of few rows is mostly the cost of the column.
/// An error tells the row's number in its batch.
pub(super) fn to_batches<'r>(
    batches: impl IntoIterator<Item = &'r [Row]>,
) -> Result<Converted, EventsError> {
    let mut groups: Vec<TableRows<'r>> = Vec::new();
    let mut parts = Vec::new();
    for batch in batches {
        let mut own: Vec<Part> = Vec::new();
        for (number, row) in batch.iter().enumerate() {
            let at = place(&mut groups, number, row)?;
            let group = &mut groups[at];
            match own.iter_mut().find(|part| part.table == at) {
                Some(part) => part.rows += 1,
                None => own.push(Part {
                    table: at,
                    offset: group.rows.len(),
                    rows: 1,
                }),
            }
            group.rows.push((number, row));
        }
        parts.push(own);
    }
    let mut dates_dropped = 0;
    let mut tables = Vec::with_capacity(groups.len());
    for TableRows { table, rows } in groups {
        let columns = (0..table.columns.len())
            .map(|index| column(table, index, &rows, &mut dates_dropped))
            .collect::<Result<Vec<_>, _>>()?;
        tables.push((table, RecordBatch::try_new(engine_schema(table), columns)?));
    }
    Ok(Converted {
        tables,
        parts,
        dates_dropped,
    })
}

/// The group of a row's table.
fn place(groups: &mut Vec<TableRows<'_>>, number: usize, row: &Row) -> Result<usize, EventsError> {
    let table = row.table;
    if row.values.len() != table.columns.len() {
        let reason = format!(
            "{} values for {} columns",
            row.values.len(),
            table.columns.len()
        );
        return Err(EventsError::Row {
            row: number,
            table: table.name,
            reason,
        });
    }
    let known = groups
        .iter()
        .position(|group| group.table.name == table.name);
    Ok(known.unwrap_or_else(|| {
        groups.push(TableRows {
            table,
            rows: Vec::new(),
        });
        groups.len() - 1
    }))
}

fn column(
    table: &'static Table,
    index: usize,
    rows: &[(usize, &Row)],
    dropped: &mut usize,
) -> Result<ArrayRef, EventsError> {
    let ty = table.columns[index].ty;
    if let Some((number, row)) = rows
        .iter()
        .find(|(_, row)| row.values[index].ty().is_some_and(|found| found != ty))
    {
        let reason = format!(
            "{} is {ty}, not {:?}",
            table.columns[index].name, row.values[index]
        );
        return Err(EventsError::Row {
            row: *number,
            table: table.name,
            reason,
        });
    }
    let values = rows.iter().map(|(_, row)| &row.values[index]);
    Ok(match ty {
        KqlType::Bool => Arc::new(BooleanArray::from_iter(values.map(|v| match v {
            Value::Bool(b) => Some(*b),
            _ => None,
        }))),
        KqlType::Int => Arc::new(Int32Array::from_iter(values.map(|v| match v {
            Value::Int(i) => Some(*i),
            _ => None,
        }))),
        KqlType::Long => Arc::new(Int64Array::from_iter(values.map(Value::as_i64))),
        KqlType::Real => Arc::new(Float64Array::from_iter(values.map(|v| match v {
            Value::Real(r) => Some(*r),
            _ => None,
        }))),
        KqlType::TimeSpan => Arc::new(Int64Array::from_iter(values.map(|v| match v {
            Value::TimeSpan(t) => Some(*t),
            _ => None,
        }))),
        KqlType::DateTime => Arc::new(Int64Array::from_iter(values.map(|v| match v {
            Value::DateTime(t) if nanos_from_ticks(*t).is_some() => Some(*t),
            Value::DateTime(_) => {
                *dropped += 1;
                None
            }
            _ => None,
        }))),
        KqlType::String => Arc::new(StringViewArray::from_iter_values(
            values.map(|v| v.as_str().unwrap_or_default()),
        )),
        KqlType::Guid | KqlType::Dynamic => {
            Arc::new(StringViewArray::from_iter(values.map(Value::as_str)))
        }
        // Rows cannot carry decimals yet, and no table has such a column.
        KqlType::Decimal => {
            Arc::new(Decimal256Array::new_null(rows.len()).with_precision_and_scale(76, 18)?)
        }
    })
}

/// Columns of the engine's types as a file holds them.
pub(super) fn to_file(table: &Table, batch: &RecordBatch) -> Result<RecordBatch, EventsError> {
    let columns = table
        .columns
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| -> ArrayRef {
            match (column.ty, array.as_any().downcast_ref::<Int64Array>()) {
                (KqlType::DateTime, Some(ticks)) => {
                    let nanos: TimestampNanosecondArray = ticks.unary_opt(nanos_from_ticks);
                    Arc::new(nanos.with_timezone("UTC"))
                }
                _ => array.clone(),
            }
        })
        .collect();
    Ok(RecordBatch::try_new(file_schema(table), columns)?)
}

/// A batch in another version's columns brought to a schema: columns are found by name; what is
/// missing or of another type reads as null, or as the empty text.
pub(super) fn adapt(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, EventsError> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let found = batch
                .column_by_name(field.name())
                .filter(|column| column.data_type() == field.data_type());
            match found {
                Some(column) if field.is_nullable() || column.null_count() == 0 => column.clone(),
                Some(column) => without_nulls(column),
                None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
                None => empty_texts(batch.num_rows()),
            }
        })
        .collect();
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

fn empty_texts(rows: usize) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(
        "", rows,
    )))
}

fn without_nulls(column: &ArrayRef) -> ArrayRef {
    match column.as_any().downcast_ref::<StringViewArray>() {
        Some(texts) if column.data_type() == &DataType::Utf8View => Arc::new(
            StringViewArray::from_iter_values(texts.iter().map(Option::unwrap_or_default)),
        ),
        _ => column.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::TimestampNanosecondType;
    use bartizan_contract::hunting::table;
    use bartizan_contract::time::{MAX_TICKS, UNIX_EPOCH_TICKS};

    #[test]
    fn rows_become_columns_and_what_a_file_cannot_hold_is_counted() {
        let table = table("DeviceProcessEvents").unwrap();
        let mut row = Row::empty(table);
        row.set("Timestamp", Value::DateTime(UNIX_EPOCH_TICKS + 7));
        row.set("FileName", Value::String("a.exe".into()));
        let mut late = Row::empty(table);
        late.set("Timestamp", Value::DateTime(MAX_TICKS));
        let converted = to_batches([&[row, late][..]]).unwrap();
        assert_eq!((converted.tables.len(), converted.dates_dropped), (1, 1));
        let batch = &converted.tables[0].1;
        let names = batch.column_by_name("FileName").unwrap().as_string_view();
        assert_eq!(
            (names.value(0), names.value(1), names.null_count()),
            ("a.exe", "", 0)
        );
        let file = to_file(table, batch).unwrap();
        let times = file.column(0).as_primitive::<TimestampNanosecondType>();
        assert_eq!((times.value(0), times.is_null(1)), (700, true));
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_its_place() {
        let table = table("AlertInfo").unwrap();
        let good = Row::empty(table);
        let mut bad = Row::empty(table);
        bad.values[0] = Value::Bool(true);
        let error = to_batches([&[good, bad][..]]).unwrap_err();
        assert!(
            matches!(
                error,
                EventsError::Row {
                    row: 1,
                    table: "AlertInfo",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn older_columns_are_brought_up_to_date() {
        let info = table("AlertInfo").unwrap();
        let converted = to_batches([&[Row::empty(info)][..]]).unwrap();
        let whole = &converted.tables[0].1;
        let narrow = whole.project(&[0]).unwrap();
        let adapted = adapt(&narrow, &engine_schema(info)).unwrap();
        assert_eq!(adapted, *whole);
    }

    #[test]
    fn rows_of_several_batches_lie_side_by_side() {
        let info = Row::empty(table("AlertInfo").unwrap());
        let evidence = Row::empty(table("AlertEvidence").unwrap());
        let first = [info.clone(), evidence.clone(), info.clone()];
        let second = [evidence.clone(), evidence, info];
        let converted = to_batches([&first[..], &[], &second[..]]).unwrap();
        let part = |table, offset, rows| Part {
            table,
            offset,
            rows,
        };
        assert_eq!(
            converted.parts,
            [
                vec![part(0, 0, 2), part(1, 0, 1)],
                vec![],
                vec![part(1, 1, 2), part(0, 2, 1)],
            ]
        );
        let rows: Vec<_> = converted.tables.iter().map(|(_, b)| b.num_rows()).collect();
        assert_eq!(rows, [3, 3]);
    }
}
