//! What can be wrong with a call itself, whatever the dialect that says it: what it would have taken, and what to do. And
//! which command lists the objects of a collection, for those who named one that is not there.

use serde::{Deserialize, Serialize};

use crate::operations::{self, Filter, Method, Operation};

/// What is wrong with a call that came with a good token and the permission, or would have: nothing that a grant mends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The request as a whole.
    Request,
    /// `$filter`, `$top` and their like.
    Query,
    /// A value that is not allowed.
    Value,
    /// The body is not the JSON that is wanted.
    Body,
    /// A field that must be there is not.
    Field,
    /// The body's content type.
    MediaType,
    /// The body's size.
    Size,
    /// The body arrived too slowly.
    SlowBody,
    /// Nothing by that id, as far as the caller sees.
    NotFound,
    /// No operation at that path.
    NoOperation,
    /// The path has other methods.
    Method,
    /// Something that is there stands in the way.
    Conflict,
    /// It took longer than allowed.
    TooLong,
    /// The server's own.
    Server,
    /// What a query reads from another place could not be read.
    Elsewhere,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRemedy {
    /// What is wrong.
    pub fault: Fault,
    /// What it would have taken.
    pub needed: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const fn row(fault: Fault, needed: &'static str, remedy: &'static str) -> CallRemedy {
    CallRemedy {
        fault,
        needed,
        remedy,
    }
}

/// One row for each fault, in their order.
pub const CALLS: &[CallRemedy] = &[
    row(
        Fault::Request,
        "a request as the operation's documentation has it",
        "Correct what the answer names; the same request will be refused again.",
    ),
    row(
        Fault::Query,
        "query options that the operation takes",
        "Use the properties and options below, with quotes around texts and without quotes around times.",
    ),
    row(
        Fault::Value,
        "values that the operation allows",
        "Use a value that the answer or the documentation lists; letter case counts.",
    ),
    row(
        Fault::Body,
        "a body of valid JSON with the operation's fields",
        "Correct the body where the answer points; names of fields have their documented letter case.",
    ),
    row(
        Fault::Field,
        "every field that must be there",
        "Add the field that the answer names, in its documented letter case.",
    ),
    row(
        Fault::MediaType,
        "the content type application/json, or none",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    row(
        Fault::Size,
        "a request, or an answer, within its limit",
        "Send less at a time: several requests in place of one.",
    ),
    row(
        Fault::SlowBody,
        "a body that keeps arriving",
        "Send it again: nothing was done. A connection that is slow by nature wants smaller pieces.",
    ),
    row(
        Fault::NotFound,
        "an object of the token's tenant that the caller may see",
        "Compare the id with those that are listed, and the token's tenant with the one that is meant; each tenant sees its own objects alone.",
    ),
    row(
        Fault::NoOperation,
        "the path of an operation",
        "Compare the path with docs/operations.md, which lists every operation; the host decides which API is asked.",
    ),
    row(
        Fault::Method,
        "a method that the path takes",
        "Use a method of the path.",
    ),
    row(
        Fault::Conflict,
        "nothing in the way of the change",
        "The answer names what stands in the way: use what is there, or change or remove it first.",
    ),
    row(
        Fault::TooLong,
        "a call that stays within its time, its memory and the size of an answer",
        "Ask for less at a time: a shorter period, fewer rows, the filter that leaves least first.",
    ),
    row(
        Fault::Server,
        "nothing of the caller",
        "This is a fault of the server, not of the call or the tenant. Repeat it later; when it stays, whoever runs the server finds the cause in its log under this trace id.",
    ),
    row(
        Fault::Elsewhere,
        "what the query reads from elsewhere, as the location gives it now",
        "Repeat it later when the location did not answer, or not well; otherwise correct the location or the format, or ask whoever runs the server to name the location in external-data.",
    ),
];

/// The row of a fault.
#[must_use]
pub fn of_call(fault: Fault) -> &'static CallRemedy {
    // A test holds the order of the rows.
    &CALLS[fault as usize]
}

/// The query options that an operation takes, in words.
#[must_use]
pub fn query_options(operation: &Operation) -> String {
    let mut told = Vec::new();
    match operation.filter {
        Filter::None => {}
        Filter::Any => told.push("$filter".to_owned()),
        Filter::Fields(fields) => told.push(format!("$filter by {}", fields.join(", "))),
    }
    match (operation.top, operation.max_top) {
        (true, Some(most)) => told.push(format!("$top up to {most}")),
        (true, None) => told.push("$top".to_owned()),
        (false, _) => {}
    }
    if operation.skip {
        told.push("$skip".to_owned());
    }
    if operation.count {
        told.push("$count".to_owned());
    }
    if !operation.expand.is_empty() {
        told.push(format!("$expand of {}", operation.expand.join(", ")));
    }
    told.extend(operation.query_params.iter().map(|p| p.name.to_owned()));
    if told.is_empty() {
        return "none but those of every operation, such as $select where it is documented"
            .to_owned();
    }
    told.join("; ")
}

/// The documented fields of an operation's body, in words; empty when none is documented.
#[must_use]
pub fn body_fields(operation: &Operation) -> String {
    let field = |field: &operations::RequestField| {
        let must = if field.required { ", required" } else { "" };
        let values = match field.values {
            [] => String::new(),
            values => format!(", one of {}", values.join(" | ")),
        };
        format!("{} ({}{must}{values})", field.name, field.ty)
    };
    let fields: Vec<String> = operation.request_fields.iter().map(field).collect();
    fields.join("; ")
}

/// The operation that lists what a path with a parameter names one of; `None` where none is served.
#[must_use]
pub fn listing(operation: &Operation) -> Option<&'static Operation> {
    let (head, _) = operation.path.split_once("/{")?;
    operations::all()
        .find(|o| o.api == operation.api && o.method == Method::Get && o.path == head && o.served())
}

/// The command that lists a collection, by the path of the operation that lists it.
#[must_use]
pub fn list_command(path: &str) -> Option<&'static str> {
    let row = LISTS.iter().find(|row| row.0 == path)?;
    Some(row.1)
}

/// Paths of collections with the command that lists them.
pub const LISTS: &[(&str, &str)] = &[
    ("/api/incidents", "bartizan incident list"),
    ("/api/alerts", "bartizan alert list"),
    ("/api/machines", "bartizan machine list"),
    ("/v1.0/applications", "bartizan app list"),
    ("/v1.0/servicePrincipals", "bartizan sp list"),
    ("/v1.0/users", "bartizan user list"),
    ("/v1.0/groups", "bartizan group list"),
    ("/v1.0/directoryRoles", "bartizan role list"),
    ("/v1.0/auditLogs/signIns", "bartizan audit sign-ins"),
    ("/bartizan/v1/tenants", "bartizan tenant list"),
    ("/bartizan/v1/rules", "bartizan rule list"),
    ("/bartizan/v1/functions", "bartizan function list"),
    ("/bartizan/v1/keys", "bartizan key list"),
    ("/bartizan/v1/deviceGroups", "bartizan device-group list"),
    ("/bartizan/v1/defenderRoles", "bartizan defender-role list"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OperationId;

    #[test]
    fn each_fault_has_its_row_in_order() {
        for (i, row) in CALLS.iter().enumerate() {
            assert_eq!(row.fault as usize, i);
            assert_eq!(of_call(row.fault), row);
            assert!(row.remedy.ends_with('.') && !row.needed.ends_with('.'));
        }
        assert_eq!(Fault::Elsewhere as usize + 1, CALLS.len());
    }

    #[test]
    fn collections_are_listed_by_operations_that_are_served() {
        for (path, command) in LISTS {
            let lists =
                operations::all().any(|o| o.path == *path && o.method == Method::Get && o.served());
            assert!(lists, "{path}: {command}");
        }
        let get = OperationId::XdrUpdateIncident.operation();
        let list = listing(get).expect("a list");
        assert_eq!(list.id, OperationId::XdrListIncidents);
        assert_eq!(listing(list), None);
    }

    #[test]
    fn what_an_operation_takes_in_words() {
        let list = OperationId::XdrListIncidents.operation();
        assert_eq!(
            query_options(list),
            "$filter by lastUpdateTime, createdTime, status, assignedTo; $top up to 100; $skip"
        );
        let update = OperationId::XdrUpdateIncident.operation();
        assert!(
            body_fields(update).contains("status (enum, one of "),
            "{}",
            body_fields(update)
        );
        assert_eq!(body_fields(list), "");
    }
}
