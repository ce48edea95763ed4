//! The answer of a hunt, and its JSON forms.

use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Decimal256Type, Float64Type, Int32Type, Int64Type};
use bartizan_kql::bound::{Plan, Render};
use bartizan_kql::types::Type;

use crate::decimal::push_decimal;
use crate::json::{push_json_string, push_real};
use crate::text::{push_datetime, push_timespan};

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// What a hunt cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HuntStats {
    /// Wall-clock time from the first byte of the query to the last row.
    pub execution_time: Duration,
    /// The part of it that planning took.
    pub planning: Duration,
    /// Time spent computing, summed over threads.
    pub cpu: Duration,
    /// The most working memory in use at one time, in bytes.
    pub peak_memory: usize,
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of the answer's values in memory.
    pub bytes: usize,
}

/// A table of an answer.
#[derive(Clone, Debug)]
pub struct ResultTable {
    /// The columns in projection order.
    pub columns: Vec<ResultColumn>,
    /// The rows; array i of a batch is column i, in engine types ([`crate::types`]).
    pub batches: Vec<RecordBatch>,
}

/// A table of an answer that has several.
#[derive(Clone, Debug)]
pub struct NamedTable {
    /// Its name; another may have the same.
    pub name: String,
    /// Its columns and rows.
    pub table: ResultTable,
}

/// The answer of a hunt.
#[derive(Clone, Debug)]
pub struct HuntResult {
    /// The table that the query gives; of several the first.
    pub table: ResultTable,
    /// The name of the first of several tables; none when there is one.
    pub name: Option<String>,
    /// The other tables of `fork` and `facet`, in order.
    pub further: Vec<NamedTable>,
    /// What it cost, all tables together.
    pub stats: HuntStats,
    /// Whether rows were cut off at the limit.
    pub truncated: bool,
    /// What `render` asked for.
    pub render: Option<Render>,
}

impl HuntResult {
    /// `{"columns":[{"name","type"}…],"rows":[[…]…]}` with KQL's type names: the format of `bartizan kql run`. Of several
    /// tables these are the first's; behind them stand its `name` and the further ones, each with its name, in `tables`.
    #[must_use]
    pub fn to_columns_rows_json(&self) -> String {
        let mut out = String::from("{");
        self.table.push_columns_rows(&mut out);
        if let Some(name) = &self.name {
            out.push_str(",\"name\":");
            push_json_string(&mut out, name);
            out.push_str(",\"tables\":[");
            for (i, further) in self.further.iter().enumerate() {
                out.push_str(if i > 0 { ",{\"name\":" } else { "{\"name\":" });
                push_json_string(&mut out, &further.name);
                out.push(',');
                further.table.push_columns_rows(&mut out);
                out.push('}');
            }
            out.push(']');
        }
        out.push('}');
        out
    }
}

impl ResultTable {
    /// The rows of a plan.
    pub(crate) fn new(plan: &Plan, batches: Vec<RecordBatch>) -> Self {
        let columns = plan.columns.iter().map(|column| ResultColumn {
            name: column.name.clone(),
            ty: column.ty,
        });
        Self {
            columns: columns.collect(),
            batches,
        }
    }

    /// Appends the rows as a JSON array of objects, members in projection order.
    ///
    /// Datetimes are ISO 8601 with seven fraction digits and `Z`, timespans `[-][d.]hh:mm:ss[.fffffff]`, dynamics
    /// the JSON value itself, decimals text, NaN and infinities text; null is `null`.
    pub fn write_rows(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        let mut first = true;
        self.for_each_row(|row| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(row);
        });
        out.push(b']');
    }

    /// Calls `each` with every row as a JSON object in UTF-8; for JSON lines and for streaming.
    pub fn for_each_row(&self, mut each: impl FnMut(&[u8])) {
        let keys: Vec<String> = self
            .columns
            .iter()
            .map(|c| {
                let mut key = String::new();
                push_json_string(&mut key, &c.name);
                key.push(':');
                key
            })
            .collect();
        let mut row = String::new();
        for batch in &self.batches {
            for i in 0..batch.num_rows() {
                row.clear();
                row.push('{');
                for (c, (column, key)) in self.columns.iter().zip(&keys).enumerate() {
                    if c > 0 {
                        row.push(',');
                    }
                    row.push_str(key);
                    push_value(&mut row, column.ty, batch.column(c), i);
                }
                row.push('}');
                each(row.as_bytes());
            }
        }
    }

    /// The first two columns, which are texts; null is "".
    pub(crate) fn pairs_of_texts(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for batch in &self.batches {
            let text = |column: usize, row: usize| match batch.column(column).as_string_view_opt() {
                Some(texts) if texts.is_valid(row) => texts.value(row).to_owned(),
                _ => String::new(),
            };
            pairs.extend((0..batch.num_rows()).map(|row| (text(0, row), text(1, row))));
        }
        pairs
    }

    /// Appends `"columns":[…],"rows":[…]`.
    fn push_columns_rows(&self, out: &mut String) {
        out.push_str("\"columns\":[");
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str("{\"name\":");
            push_json_string(out, &column.name);
            out.push_str(",\"type\":\"");
            out.push_str(column.ty.name());
            out.push_str("\"}");
        }
        out.push_str("],\"rows\":[");
        let mut first = true;
        for batch in &self.batches {
            for i in 0..batch.num_rows() {
                out.push_str(if std::mem::take(&mut first) {
                    "["
                } else {
                    ",["
                });
                for (c, column) in self.columns.iter().enumerate() {
                    if c > 0 {
                        out.push(',');
                    }
                    push_value(out, column.ty, batch.column(c), i);
                }
                out.push(']');
            }
        }
        out.push(']');
    }
}

/// Appends one value as JSON.
pub(crate) fn push_value(out: &mut String, ty: Type, array: &ArrayRef, row: usize) {
    if array.is_null(row) {
        out.push_str(if ty == Type::String { "\"\"" } else { "null" });
        return;
    }
    let ticks = |array: &ArrayRef| array.as_primitive::<Int64Type>().value(row);
    match ty {
        Type::Bool => out.push_str(if array.as_boolean().value(row) {
            "true"
        } else {
            "false"
        }),
        Type::Int => out.push_str(&array.as_primitive::<Int32Type>().value(row).to_string()),
        Type::Long => out.push_str(&ticks(array).to_string()),
        Type::Real => push_real(out, array.as_primitive::<Float64Type>().value(row)),
        Type::Decimal => quoted(out, |out| {
            push_decimal(out, array.as_primitive::<Decimal256Type>().value(row));
        }),
        Type::DateTime => quoted(out, |out| push_datetime(out, ticks(array))),
        Type::TimeSpan => quoted(out, |out| push_timespan(out, ticks(array))),
        Type::String | Type::Guid => push_json_string(out, array.as_string_view().value(row)),
        Type::Dynamic => {
            let text = array.as_string_view().value(row);
            if crate::json::is_valid(text) {
                crate::json::push_compact(out, text);
            } else {
                push_json_string(out, text);
            }
        }
    }
}

fn quoted(out: &mut String, write: impl FnOnce(&mut String)) {
    out.push('"');
    write(out);
    out.push('"');
}

/// Bytes of the values of a batch, without what its buffers hold for other rows.
pub(crate) fn value_bytes(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|array| match array.as_string_view_opt() {
            Some(strings) => strings
                .lengths()
                .map(|length| length as usize)
                .sum::<usize>(),
            None => array.len() * array.data_type().primitive_width().unwrap_or(1),
        })
        .sum()
}
