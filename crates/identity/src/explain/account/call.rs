//! Accounts of calls that are wrong themselves, and of faults of the server: what the operation takes, from its row, and
//! what the table of faults says. Nothing here depends on what other tenants have.

use bartizan_contract::OperationId;
use bartizan_contract::operations::{self, Operation};
use bartizan_contract::remedies::calls::{self, Fault};
use bartizan_contract::remedies::of_api;

use super::{Draft, Now, Remedy, in_tenant};
use crate::explain::refused::ApiRefused;

/// How many paths are named to one who called none.
const NEAR: usize = 3;

/// Accounts for a call with a fault of its own.
pub(super) fn of_call(
    draft: &mut Draft,
    refused: &ApiRefused,
    fault: Fault,
    operation: Option<&'static Operation>,
    now: &Now,
) {
    let fault = exactly(refused, fault);
    let row = calls::of_call(fault);
    draft.needed("call", row.needed);
    // That code says less than the fault does.
    let exact = refused.code.as_deref().filter(|code| *code != "BadRequest");
    let exact = exact.and_then(of_api);
    draft.remedy(Remedy::text(exact.map_or(row.remedy, |(_, text)| text)));
    match (fault, operation) {
        (Fault::Method, _) => methods(draft, refused),
        (Fault::NoOperation, _) => nearest(draft, refused),
        (Fault::NotFound, Some(operation)) => absent(draft, operation, now),
        (Fault::Query, Some(operation)) => {
            draft.needed("query options", calls::query_options(operation));
        }
        (Fault::Value | Fault::Request, Some(operation)) => {
            parameters(draft, operation);
            body(draft, operation);
            query(draft, operation);
        }
        (Fault::Body | Fault::Field, Some(operation)) => body(draft, operation),
        _ => {}
    }
    let documented = !matches!(fault, Fault::Server | Fault::SlowBody | Fault::NotFound);
    if let Some(operation) = operation.filter(|_| documented) {
        draft.remedy(match operation.documentation() {
            Some(page) => Remedy::link("The operation's documentation.", page),
            None => Remedy::text("docs/operations.md lists the operation with what it takes."),
        });
    }
}

/// Hunts have one code for whatever is wrong. Where a location of `externaldata` could not be read, the query may be right;
/// where none is named, the query asks for what is not there, or for too much.
fn exactly(refused: &ApiRefused, fault: Fault) -> Fault {
    if fault == Fault::Request && refused.message.starts_with("externaldata: '") {
        return Fault::Elsewhere;
    }
    fault
}

/// The methods of the path, each with what it does.
fn methods(draft: &mut Draft, refused: &ApiRefused) {
    let rows = operations::all().filter(|o| o.api.name() == refused.api && o.path == refused.path);
    let rows = rows.map(|o| {
        let served = if o.served() { "" } else { ", not served" };
        format!("{} ({}{served})", o.method, o.name)
    });
    let told = rows.collect::<Vec<_>>().join("; ");
    if !told.is_empty() {
        draft.needed("method", told);
    }
}

/// Paths that begin as the one that was called, those with most in common first.
fn nearest(draft: &mut Draft, refused: &ApiRefused) {
    let common = |path: &str| {
        let pairs = path.chars().zip(refused.path.chars());
        pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    let mut near: Vec<&Operation> = operations::all().filter(|o| o.served()).collect();
    // Among those with as much in common, the shortest is the likeliest.
    near.sort_by_key(|o| (std::cmp::Reverse(common(o.path)), o.path.len()));
    let mut told: Vec<String> = Vec::new();
    for operation in near {
        let one = format!("{} {}", operation.method, operation.path);
        if told.len() < NEAR && common(operation.path) > "/v1.0/".len() {
            told.push(one);
        }
    }
    if !told.is_empty() {
        draft.needed("such as", told.join("; "));
    }
}

/// What is not there. Whether it is elsewhere, or hidden from the caller, is nobody's to know.
fn absent(draft: &mut Draft, operation: &Operation, now: &Now) {
    draft.missing(
        now,
        "the object that the request names, as far as the caller sees",
    );
    let Some(list) = calls::listing(operation) else {
        return;
    };
    let text = format!("List what there is: {} {}.", list.method, list.path);
    draft.remedy(match calls::list_command(list.path) {
        Some(command) => Remedy::command(text, format!("{command}{}", in_tenant(now))),
        None => Remedy::text(text),
    });
}

fn parameters(draft: &mut Draft, operation: &Operation) {
    if operation.query_params.is_empty() {
        return;
    }
    let parameters = operation.query_params.iter().map(|p| {
        let most = p.max.map(|max| format!(" up to {max}")).unwrap_or_default();
        let must = if p.required { ", required" } else { "" };
        format!("{} ({}{most}{must})", p.name, p.ty)
    });
    draft.needed("parameters", parameters.collect::<Vec<_>>().join("; "));
}

fn body(draft: &mut Draft, operation: &Operation) {
    let fields = calls::body_fields(operation);
    if !fields.is_empty() {
        draft.needed("body", fields);
    }
}

/// How a query of the hunting language is checked, where the operation takes one.
fn query(draft: &mut Draft, operation: &Operation) {
    let text = match operation.id {
        OperationId::XdrRunAdvancedHuntingQuery
        | OperationId::MdeRunAdvancedQuery
        | OperationId::GraphRunHuntingQuery => {
            "Check the query before it is sent; docs/kql.md says what the language has."
        }
        OperationId::BartizanCreateOrReplaceDetectionRule
        | OperationId::BartizanCreateOrReplaceHuntingFunction => {
            "Where the query is wrong, check it before it is sent."
        }
        _ => return,
    };
    let check = "bartizan kql check 'QUERY'".to_owned();
    draft.remedy(Remedy::command(text, check));
}
