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

/// Rows as one batch per table, tables in the order of their first row, and how many datetimes
/// were outside what files hold (years 1678 to 2261) and became null.
pub(super) fn to_batches(rows: &[Row]) -> Result<(Vec<TableBatch>, usize), EventsError> {
    let mut groups: Vec<(&'static Table, Vec<(usize, &Row)>)> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        if row.values.len() != row.table.columns.len() {
            let reason = format!(
                "{} values for {} columns",
                row.values.len(),
                row.table.columns.len()
            );
            return Err(EventsError::Row {
                row: number,
                table: row.table.name,
                reason,
            });
        }
        match groups
            .iter_mut()
            .find(|(table, _)| table.name == row.table.name)
        {
            Some((_, group)) => group.push((number, row)),
            None => groups.push((row.table, vec![(number, row)])),
        }
    }
    let mut dropped = 0;
    let mut batches = Vec::with_capacity(groups.len());
    for (table, rows) in groups {
        let columns = (0..table.columns.len())
            .map(|index| column(table, index, &rows, &mut dropped))
            .collect::<Result<Vec<_>, _>>()?;
        batches.push((table, RecordBatch::try_new(engine_schema(table), columns)?));
    }
    Ok((batches, dropped))
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
        let (batches, dropped) = to_batches(&[row, late]).unwrap();
        assert_eq!((batches.len(), dropped), (1, 1));
        let batch = &batches[0].1;
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
        let error = to_batches(&[good, bad]).unwrap_err();
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
        let (batches, _) = to_batches(&[Row::empty(info)]).unwrap();
        let narrow = batches[0].1.project(&[0]).unwrap();
        let adapted = adapt(&narrow, &engine_schema(info)).unwrap();
        assert_eq!(adapted, batches[0].1);
    }
}
