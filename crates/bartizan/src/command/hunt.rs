//! `bartizan hunt`: a query to a server or to the cloud.

use std::io::Read as _;

use bartizan_sdk::hunting::Wire;

use crate::args::{Hunt, Wire as WireArg};
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;
use crate::target;

/// Carries out the command.
pub(crate) async fn run(hunt: Hunt, printer: &Printer) -> Outcome {
    let query = match (&hunt.file, hunt.query.as_deref()) {
        (Some(path), _) => std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?,
        (None, Some(query)) if query != "-" => query.to_owned(),
        (None, _) => {
            let mut query = String::new();
            std::io::stdin().read_to_string(&mut query)?;
            query
        }
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
    let columns: Vec<String> = answer
        .schema
        .iter()
        .map(|column| column.name.clone())
        .collect();
    printer.rows(&columns, &answer.results)?;
    if printer.is_table() {
        let rows = answer.results.len();
        printer.remark(&format!("{rows} row{}", if rows == 1 { "" } else { "s" }));
    }
    Ok(())
}
