//! `bartizan hunt`: a query to a server or to the cloud.

use std::path::Path;

use bartizan_sdk::hunting::{Table, Wire};

use super::kql::{is_file_name, query_of};
use crate::args::{Hunt, Wire as WireArg};
use crate::exit::{Failure, Outcome};
use crate::printer::{Printer, Rows};
use crate::target;

fn shown(table: Table) -> Rows {
    Rows {
        name: table.name,
        columns: table.schema.into_iter().map(|column| column.name).collect(),
        rows: table.results,
    }
}

/// Carries out the command.
pub(crate) async fn run(hunt: Hunt, printer: &Printer) -> Outcome {
    let query = match (&hunt.file, hunt.query.as_deref()) {
        (Some(path), _) => query_of(Some(path))?,
        (None, Some(query)) if query != "-" => {
            // No query is at once the name of a file, unless somebody meant the file.
            if Path::new(query).is_file() {
                return Err(Failure::usage(format!(
                    "{query} is a file; to run what is in it: bartizan hunt --file {query}"
                )));
            }
            if is_file_name(query) {
                return Err(Failure::usage(format!("{query}: no such file")));
            }
            query.to_owned()
        }
        (None, _) => query_of(None)?,
    };
    let wire = match hunt.api {
        WireArg::Xdr => Wire::Xdr,
        WireArg::Mde => Wire::Mde,
        WireArg::Graph => Wire::Graph,
    };
    let client = target::client(&hunt.connection)?;
    let answer = client
        .hunting()
        .run(wire, &query, hunt.timespan.as_deref())
        .await?;
    let cut_off = answer.cut_off;
    let first = Table {
        name: answer.name.unwrap_or_default(),
        schema: answer.schema,
        results: answer.results,
    };
    let tables = std::iter::once(first).chain(answer.tables);
    let tables: Vec<Rows> = tables.map(shown).collect();
    let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
    printer.tables(&tables)?;
    if cut_off {
        printer.remark(&format!(
            "{rows} rows: the result limit of advanced hunting (hunt-rows of a server of your own), so there may be more; narrow the query, or hunt in parts"
        ));
    } else if printer.is_table() {
        printer.remark(&format!("{rows} row{}", if rows == 1 { "" } else { "s" }));
    }
    Ok(())
}
