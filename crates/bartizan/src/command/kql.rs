//! `bartizan kql …`: the hunting language without a server, one stage at a time.

#[cfg(feature = "server")]
mod index;
mod lines;
mod places;
mod problems;
#[cfg(feature = "server")]
mod run;

use std::io::Read as _;
use std::path::Path;

use bartizan_contract::hunting::TABLES;
use bartizan_kql::types::Type;
use bartizan_kql::{Diagnostic, Scope, ast, bound, hunting_functions};
use serde_json::{Value, json};

use self::problems::Problem;
use crate::args::{Kql, KqlCheck, KqlInput};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at, line};

const COLUMNS: &[Column] = &[("Column", |c| at(c, "name")), ("Type", |c| at(c, "type"))];

/// Carries out the command.
pub(crate) fn run(command: Kql, printer: &Printer) -> Outcome {
    match command {
        #[cfg(feature = "server")]
        Kql::Run(run) => run::evaluate(&run, printer),
        #[cfg(feature = "server")]
        Kql::Plan(plan) => run::plan(&plan, printer),
        #[cfg(feature = "server")]
        Kql::Index(index) => index::write(&index, printer),
        Kql::Check(check) => self::check(&check, printer),
        Kql::Fmt(input) => {
            let text = read(&input)?;
            let query = syntax(&text, printer)?;
            printer.text(&bartizan_kql::print::format_with_comments(&text, &query))
        }
        Kql::Complete(place) => places::complete(&read(&place.input)?, &place.at, printer),
        Kql::Hover(place) => places::hover(&read(&place.input)?, &place.at, printer),
        Kql::Ast(input) => {
            let text = read(&input)?;
            printer.text(&bartizan_kql::print::dump_ast(&syntax(&text, printer)?))
        }
        Kql::Tokens(input) => tokens(&read(&input)?, printer),
        Kql::Bound(input) => {
            let text = read(&input)?;
            printer.text(&format!("{:#?}", semantics(&text, printer)?))
        }
    }
}

fn read(input: &KqlInput) -> Result<String, Failure> {
    read_over(input, &[])
}

/// The query, which may be the bare name of one of these tables.
fn read_over(input: &KqlInput, tables: &[&str]) -> Result<String, Failure> {
    match (&input.file, input.query.as_deref()) {
        (Some(path), _) => query_of(Some(path)),
        (None, None | Some("-")) => query_of(None),
        (None, Some(text)) => {
            let path = Path::new(text);
            if path.exists() {
                return query_of(Some(path));
            }
            // A table's name alone is a query, too, but a mistyped file's name is likelier.
            if is_bare(text) && !tables.contains(&text) {
                if text.is_empty() {
                    return Err(Failure::usage("the query is empty"));
                }
                return Err(Failure::usage(format!(
                    "{text}: no such file; the query that is only this name is given by standard input: echo '{text}' | bartizan kql …"
                )));
            }
            Ok(text.to_owned())
        }
    }
}

/// Whether a text has only what names of files have.
fn is_bare(text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_-./\\".contains(c);
    text.chars().all(part)
}

/// Whether a text reads as the name of a file, and as no table's.
pub(crate) fn is_file_name(text: &str) -> bool {
    is_bare(text) && text.contains(['.', '/', '\\'])
}

/// The query in a file; `-` and none are standard input.
pub(crate) fn query_of(file: Option<&Path>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    match file.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            bytes = std::fs::read(path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        }
        None => {
            std::io::stdin().read_to_end(&mut bytes)?;
        }
    }
    // Bytes that are no text become marks which the lexer then points at.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn tokens(text: &str, printer: &Printer) -> Outcome {
    let (tokens, diagnostics) = bartizan_kql::lex(text);
    printer.text(&bartizan_kql::print::dump_tokens(text, &tokens))?;
    accept(text, &diagnostics, printer)
}

/// The tree of a query, or its errors reported.
fn syntax(text: &str, printer: &Printer) -> Result<ast::Query, Failure> {
    let parsed = bartizan_kql::parse(text);
    accept(text, &parsed.diagnostics, printer)?;
    Ok(parsed.query)
}

/// The meaning of a query over the hunting schema, or its errors reported.
fn semantics(text: &str, printer: &Printer) -> Result<bound::Query, Failure> {
    semantics_over(text, &schema(), printer)
}

fn semantics_over(text: &str, scope: &Scope, printer: &Printer) -> Result<bound::Query, Failure> {
    let query = syntax(text, printer)?;
    let bound = bartizan_kql::bind(&query, scope);
    accept(text, &bound.diagnostics, printer)?;
    bound
        .query
        .ok_or_else(|| Failure::usage("the query has no tabular result"))
}

fn check(check: &KqlCheck, printer: &Printer) -> Outcome {
    #[cfg_attr(not(feature = "server"), expect(unused_mut))]
    let mut scope = schema();
    #[cfg(feature = "server")]
    run::add_tables(&mut scope, &check.tables, printer)?;
    if check.io.is_some() {
        return lines::check(&scope);
    }
    let known: Vec<&str> = scope.table_names().collect();
    let query = semantics_over(&read_over(&check.input, &known)?, &scope, printer)?;
    if !printer.is_table() {
        return printer.json(&schema_of(&query));
    }
    let further = query.further.iter().map(|table| &table.name);
    let names = query.name.iter().chain(further).map(Some);
    for (plan, name) in query.tables().zip(names.chain(std::iter::repeat(None))) {
        if let Some(name) = name {
            printer.text(&line(name))?;
        }
        printer.list(COLUMNS, &columns_of(plan))?;
    }
    Ok(())
}

/// The columns of a query's table; of several those of the first, and behind them the others with theirs.
fn schema_of(query: &bound::Query) -> Value {
    let mut schema = json!({ "columns": columns_of(&query.plan) });
    if let Some(name) = &query.name {
        let further = query.further.iter();
        let further = further.map(|t| json!({ "name": t.name, "columns": columns_of(&t.plan) }));
        schema["name"] = json!(name);
        schema["tables"] = further.collect();
    }
    schema
}

fn columns_of(plan: &bound::Plan) -> Vec<Value> {
    let columns = plan.columns.iter();
    columns
        .map(|column| json!({ "name": column.name, "type": column.ty.name() }))
        .collect()
}

/// The tables and the functions of the hunting schema: what the engine's `Reach::All` has, for a client that is built without
/// the engine.
fn schema() -> Scope {
    let mut scope = Scope::new();
    for table in TABLES {
        let columns = table.columns.iter().map(|column| {
            // Both enums name the ten types of the language; a test holds that they agree.
            let ty = Type::from_name(column.ty.name()).unwrap_or(Type::Dynamic);
            (column.name.to_owned(), ty)
        });
        scope.add_table(table.name, columns.collect());
    }
    hunting_functions::declare(&mut scope);
    // Which regular expressions are valid is the engine's word.
    #[cfg(feature = "server")]
    scope.check_expressions(bartizan_hunting::expression_problem);
    scope
}

/// Reports what a stage says; its errors end the command.
fn accept(text: &str, diagnostics: &[Diagnostic], printer: &Printer) -> Outcome {
    let (errors, remarks): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| d.is_error());
    if printer.is_table() {
        problems::draw(text, diagnostics, printer);
    } else {
        for remark in &remarks {
            printer.remark(&format!(
                "{}: {}: {}",
                remark.severity,
                remark.code,
                remark.text()
            ));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    if !printer.is_table() {
        let errors: Vec<Problem> = errors
            .iter()
            .map(|error| Problem::of(text, error))
            .collect();
        problems::report(&errors);
    }
    Err(Failure::reported(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_has_the_types_of_the_schema() {
        for ty in bartizan_contract::KqlType::ALL {
            assert!(Type::from_name(ty.name()).is_some(), "{ty}");
        }
        assert_eq!(schema().table_names().count(), TABLES.len());
    }

    #[cfg(feature = "server")]
    #[test]
    fn queries_are_checked_against_what_hunts_know() {
        let (own, of_hunts) = (schema(), bartizan_hunting::Reach::All.scope());
        let tables = |scope: &Scope| {
            let names = scope.table_names();
            let tables = names.map(|name| (name.to_owned(), scope.table(name).map(<[_]>::to_vec)));
            tables.collect::<Vec<_>>()
        };
        let functions = |scope: &Scope| {
            let names = scope.functions().map(|(name, _)| name.to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(tables(&own), tables(&of_hunts));
        assert!(!functions(&own).is_empty());
        assert_eq!(functions(&own), functions(&of_hunts));
    }

    #[test]
    fn a_query_over_the_schema_has_named_and_typed_columns() {
        let parsed =
            bartizan_kql::parse("DeviceProcessEvents | summarize n = count() by DeviceName");
        let bound = bartizan_kql::bind(&parsed.query, &schema());
        let plan = bound.query.expect("a query that binds").plan;
        let columns: Vec<_> = plan
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c.ty.name()))
            .collect();
        assert_eq!(columns, [("DeviceName", "string"), ("n", "long")]);
    }
}
