//! The mapping as its users see it: lines in, rows out.

mod arbitrary;
mod correlation;
mod excerpts;
mod fuzz;
mod recordings;

use bartizan_contract::ids::TenantId;
use bartizan_contract::time::format_iso8601;
use bartizan_contract::value::{Row, Value};
use bartizan_telemetry::{Mapper, MapperSettings};

/// A mapper of a fixed tenant.
fn mapper() -> Mapper {
    Mapper::new(MapperSettings::new(TenantId::from_u128(
        0x0123_4567_89ab_cdef,
    )))
}

/// A row as text: its table and every column that has a value.
fn show(row: &Row) -> String {
    let mut text = format!("{}\n", row.table.name);
    for (column, value) in row.table.columns.iter().zip(&row.values) {
        let value = match value {
            Value::Null => continue,
            Value::DateTime(ticks) => format_iso8601(*ticks),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Long(n) => n.to_string(),
            other => format!("{:?}", other.as_str().unwrap_or_default()),
        };
        text.push_str(&format!("  {} = {value}\n", column.name));
    }
    text
}

/// The text of a column, empty when it is null.
fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}
