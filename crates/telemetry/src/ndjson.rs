//! Rows of hunting tables as JSON: one object per line, or the streaming export's envelope.
//!
//! The envelope is `{"records":[{"time","tenantId","category":"AdvancedHunting-<Table>",
//! "properties":{…}}]}`; a single record on a line is taken too, as storage accounts keep it. A
//! plain row names its table in a `$table` member, or the caller names it.

use bartizan_contract::hunting::{TABLES, Table, nearest, nearest_table, table};
use bartizan_contract::kql_type::KqlType;
use bartizan_contract::time::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND, UNIX_EPOCH_TICKS,
    parse_iso8601, ticks_from_unix_micros,
};
use bartizan_contract::value::{Row, Value as Cell};
use serde_json::{Map, Value};

use crate::limits::Limits;
use crate::parse::{json, number};
use crate::reject::{RejectCode, RejectReason};

/// The member by which a row names its table.
pub const TABLE_MEMBER: &str = "$table";

/// The times that files can hold, as nanoseconds since 1970 in 64 bits, in whole days.
const STORABLE: &str = "1677-09-22 to 2262-04-10";

/// Whether a time can be kept: files hold nanoseconds since 1970 in 64 bits.
#[must_use]
pub fn is_storable(ticks: i64) -> bool {
    /// Whole days on either side of 1970.
    const DAYS: i64 = 106_750;
    (ticks - UNIX_EPOCH_TICKS).abs() <= DAYS * TICKS_PER_DAY
}

const CATEGORY_PREFIX: &str = "AdvancedHunting-";

/// Converts one line to a row of a named table. A `$table` member, if there is one, must agree.
///
/// # Errors
/// Unknown table, unknown column (with the nearest known one), or a value that the column's type
/// cannot hold; and everything that [`json::object`] refuses.
pub fn row(table_name: &str, line: &[u8], limits: &Limits) -> Result<Row, RejectReason> {
    let table = table_named(table_name)?;
    let object = json::object(line, limits)?;
    match object.get(TABLE_MEMBER).and_then(Value::as_str) {
        Some(name) if name != table.name => Err(RejectReason::new(
            RejectCode::UnknownTable,
            format!(
                "the line says it is of table {name:?}, the caller says {:?}",
                table.name
            ),
        )),
        _ => timed(from_object(table, &object)?),
    }
}

/// A row of a table with a `Timestamp` must have one: no hunt and no detection rule would ever see it.
fn timed(row: Row) -> Result<Row, RejectReason> {
    let missing = |text: String| RejectReason::new(RejectCode::MissingTime, text);
    match row.get("Timestamp") {
        Some(Cell::DateTime(ticks)) if !is_storable(*ticks) => Err(missing(format!(
            "Timestamp lies outside {STORABLE}, the years that can be kept"
        ))),
        Some(Cell::Null) => Err(missing(format!(
            "the row has no Timestamp, and rows of {} are found by it",
            row.table.name
        ))),
        _ => Ok(row),
    }
}

/// Converts one line of any accepted kind to its rows.
///
/// # Errors
/// As [`row`]; of an envelope the first faulty record decides and none of its rows is kept, so that
/// a batch is whole or absent.
pub fn rows(line: &[u8], limits: &Limits) -> Result<Vec<Row>, RejectReason> {
    rows_of(&json::object(line, limits)?, limits)
}

/// As [`rows`], of a parsed line.
///
/// # Errors
/// As [`rows`].
pub fn rows_of(object: &Map<String, Value>, limits: &Limits) -> Result<Vec<Row>, RejectReason> {
    if is_envelope(object) {
        return envelope(object, limits);
    }
    if let Some(name) = object.get(TABLE_MEMBER).and_then(Value::as_str) {
        return Ok(vec![timed(from_object(table_named(name)?, object)?)?]);
    }
    match tables_with(object).as_slice() {
        [table] => Ok(vec![timed(from_object(table, object)?)?]),
        [] => Err(RejectReason::new(
            RejectCode::UnknownFormat,
            "neither an event of a known shape nor a row that names its table",
        )),
        several => Err(RejectReason::new(
            RejectCode::UnknownTable,
            format!(
                "the row fits {} tables ({}): say which with --table NAME, with table=NAME in the call's query, or \
                 with a member {TABLE_MEMBER} of the row",
                several.len(),
                listed(several)
            ),
        )),
    }
}

/// The tables' names; of many, the first.
fn listed(tables: &[&Table]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<_> = tables.iter().take(SHOWN).map(|t| t.name).collect();
    let names = names.join(", ");
    match tables.len().saturating_sub(SHOWN) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// Whether an object is an envelope or one record of it.
#[must_use]
pub fn is_envelope(object: &Map<String, Value>) -> bool {
    object.get("records").is_some_and(Value::is_array)
        || (object.contains_key("category")
            && object.get("properties").is_some_and(Value::is_object))
}

/// The table that a row names itself.
#[must_use]
pub fn named_table(object: &Map<String, Value>) -> Option<&'static Table> {
    object
        .get(TABLE_MEMBER)
        .and_then(Value::as_str)
        .and_then(table)
}

/// The tables that have every member of an object as a column; none for an object without members.
#[must_use]
pub fn tables_with(object: &Map<String, Value>) -> Vec<&'static Table> {
    if object.is_empty() {
        return Vec::new();
    }
    TABLES
        .iter()
        .filter(|t| object.keys().all(|name| t.column_index(name).is_some()))
        .collect()
}

/// Converts an object to a row. Columns that it lacks are null; the null JSON value is null.
///
/// # Errors
/// Unknown column, or a value that the column's type cannot hold.
pub fn from_object(
    table: &'static Table,
    object: &Map<String, Value>,
) -> Result<Row, RejectReason> {
    let mut row = Row::empty(table);
    for (name, value) in object {
        if name == TABLE_MEMBER {
            continue;
        }
        let Some(index) = table.column_index(name) else {
            return Err(unknown_column(table, name));
        };
        row.values[index] = cell(table.columns[index].ty, value).ok_or_else(|| {
            RejectReason::new(
                RejectCode::WrongType,
                format!(
                    "column {name} of {} is {}, {} does not convert to it",
                    table.name,
                    table.columns[index].ty.name(),
                    json::kind(value)
                ),
            )
        })?;
    }
    Ok(row)
}

fn envelope(object: &Map<String, Value>, limits: &Limits) -> Result<Vec<Row>, RejectReason> {
    let Some(records) = object.get("records").and_then(Value::as_array) else {
        return Ok(vec![record(object)?]);
    };
    if records.len() > limits.records {
        let text = format!(
            "{} records, at most {} are taken",
            records.len(),
            limits.records
        );
        return Err(RejectReason::new(RejectCode::TooManyRecords, text));
    }
    records
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let fault = |mut reason: RejectReason| {
                reason.text = format!("record {index}: {}", reason.text);
                reason
            };
            let item = item.as_object().ok_or_else(|| {
                RejectReason::new(
                    RejectCode::BadEnvelope,
                    format!("record {index} is not an object"),
                )
            })?;
            record(item).map_err(fault)
        })
        .collect()
}

fn record(item: &Map<String, Value>) -> Result<Row, RejectReason> {
    let category = item.get("category").and_then(Value::as_str);
    let Some(name) = category.and_then(|c| c.strip_prefix(CATEGORY_PREFIX)) else {
        return Err(RejectReason::new(
            RejectCode::BadEnvelope,
            format!("category must be {CATEGORY_PREFIX}<table>, found {category:?}"),
        ));
    };
    let table = table_named(name)?;
    let Some(properties) = item.get("properties").and_then(Value::as_object) else {
        return Err(RejectReason::new(
            RejectCode::BadEnvelope,
            "properties is not an object",
        ));
    };
    let mut row = from_object(table, properties)?;
    // The record's own time stands in for a row without one.
    if row.get("Timestamp").is_some_and(Cell::is_null)
        && let Some(time) = item.get("time").and_then(|t| cell(KqlType::DateTime, t))
    {
        row.set("Timestamp", time);
    }
    timed(row)
}

fn table_named(name: &str) -> Result<&'static Table, RejectReason> {
    table(name).ok_or_else(|| {
        let hint = hint(nearest_table(name));
        RejectReason::new(RejectCode::UnknownTable, format!("no table {name:?}{hint}"))
    })
}

fn unknown_column(table: &'static Table, name: &str) -> RejectReason {
    let shown: String = name.chars().take(100).collect();
    let hint = hint(nearest(name, table.column_names()));
    RejectReason::new(
        RejectCode::UnknownColumn,
        format!("{} has no column {shown:?}{hint}", table.name),
    )
}

/// `; did you mean X?`, or nothing.
fn hint(known: Option<&str>) -> String {
    known.map_or_else(String::new, |known| format!("; did you mean {known}?"))
}

/// One JSON value as a cell of a type; `None` when it does not convert.
#[must_use]
pub fn cell(ty: KqlType, value: &Value) -> Option<Cell> {
    if value.is_null() {
        return Some(Cell::Null);
    }
    // Exports write missing numbers and times as empty text.
    if value.as_str() == Some("") && !matches!(ty, KqlType::String | KqlType::Dynamic) {
        return Some(Cell::Null);
    }
    Some(match ty {
        KqlType::Bool => Cell::Bool(match value {
            Value::Bool(b) => *b,
            Value::Number(n) => match n.as_i64()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            Value::String(text) => number::boolean(text)?,
            _ => return None,
        }),
        KqlType::Int => Cell::Int(i32::try_from(whole(value)?).ok()?),
        KqlType::Long => Cell::Long(whole(value)?),
        KqlType::Real | KqlType::Decimal => Cell::Real(match value {
            Value::Number(n) => n.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        }),
        KqlType::String => Cell::String(match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                value.to_string()
            }
            Value::Null => return None,
        }),
        KqlType::DateTime => Cell::DateTime(match value {
            Value::String(text) => parse_iso8601(text)?,
            Value::Number(n) => epoch(n.as_i64()?)?,
            _ => return None,
        }),
        KqlType::TimeSpan => Cell::TimeSpan(match value {
            Value::String(text) => timespan(text)?,
            Value::Number(n) => n.as_i64()?,
            _ => return None,
        }),
        KqlType::Guid => Cell::Guid(guid(value.as_str()?)?),
        KqlType::Dynamic => Cell::Dynamic(match value {
            // Text that is JSON is the value it spells; any other text is a string value.
            Value::String(text) if text.is_empty() => return Some(Cell::Null),
            Value::String(text) if is_json(text) => text.clone(),
            _ => value.to_string(),
        }),
    })
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| {
            let real = n.as_f64()?;
            // Exactly representable whole numbers only: 3.0 converts, 3.5 and 1e300 do not.
            (real.fract() == 0.0 && real.abs() < 9e15).then_some(real as i64)
        }),
        Value::String(text) => number::integer(text),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Seconds, milliseconds or microseconds since 1970, told apart by size: each covers 1973 to 5138.
fn epoch(n: i64) -> Option<i64> {
    let micros = match n {
        100_000_000..100_000_000_000 => n.checked_mul(1_000_000)?,
        100_000_000_000..100_000_000_000_000 => n.checked_mul(1_000)?,
        100_000_000_000_000..100_000_000_000_000_000 => n,
        _ => return None,
    };
    Some(ticks_from_unix_micros(micros))
}

/// `[-][d.]hh:mm:ss[.fffffff]`, .NET's constant format.
fn timespan(text: &str) -> Option<i64> {
    let (sign, text) = text
        .trim()
        .strip_prefix('-')
        .map_or((1, text.trim()), |rest| (-1, rest));
    let mut parts = text.split(':');
    let (first, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (days, hours) = first.split_once('.').map_or(("0", first), |(d, h)| (d, h));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if parts.next().is_some() || fraction.len() > 7 || text.contains(['+', ' ']) {
        return None;
    }
    let field =
        |text: &str, below: i64| text.parse::<i64>().ok().filter(|n| (0..below).contains(n));
    let fraction: i64 = format!("{fraction:0<7}").parse().ok()?;
    let ticks = field(days, 10_000_000)? * TICKS_PER_DAY
        + field(hours, 24)? * TICKS_PER_HOUR
        + field(minutes, 60)? * TICKS_PER_MINUTE
        + field(seconds, 60)? * TICKS_PER_SECOND
        + fraction;
    Some(sign * ticks)
}

/// 32 hexadecimal digits with hyphens or without, braces allowed; lower case with hyphens.
fn guid(text: &str) -> Option<String> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let digits: String = inner
        .chars()
        .filter(|c| *c != '-')
        .collect::<String>()
        .to_ascii_lowercase();
    let shaped = digits.len() == 32
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && matches!(inner.len(), 32 | 36);
    shaped.then(|| {
        let d = &digits;
        format!(
            "{}-{}-{}-{}-{}",
            &d[..8],
            &d[8..12],
            &d[12..16],
            &d[16..20],
            &d[20..]
        )
    })
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
