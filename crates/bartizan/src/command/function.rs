//! `bartizan function …`

use std::io::Read as _;
use std::path::Path;

use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::Function;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at, lines};
use crate::target;

const PATH: &str = "/bartizan/v1/functions";

const COLUMNS: &[Column] = &[
    ("Name", |f| at(f, "name")),
    ("Parameters", |f| at(f, "parameters")),
    ("Description", |f| at(f, "description")),
    ("Changed", |f| at(f, "lastModifiedDateTime")),
];

/// Carries out the command.
pub(crate) async fn run(command: Function, printer: &Printer) -> Outcome {
    match command {
        Function::List { connection } => {
            let client = target::client(&connection)?;
            let functions: Vec<Value> = client.collection(Service::Own, PATH).try_collect().await?;
            printer.list(COLUMNS, &functions)
        }
        Function::Show { connection, name } => {
            let function = find(&target::client(&connection)?, &name).await?;
            match printer.is_table() {
                true => printer.text(&lines(&declaration(&function))),
                false => printer.item(COLUMNS, &function),
            }
        }
        Function::Create {
            connection,
            name,
            file,
            parameters,
            description,
        } => {
            let path = path(&name)?;
            let body = body(file.as_deref())?;
            let body =
                json!({ "parameters": parameters, "body": body, "description": description });
            let client = target::client(&connection)?;
            let answer = client
                .raw(Service::Own, Method::PUT, &path, Some(&body))
                .await?;
            printer.list(COLUMNS, &[answer.json()?])
        }
        Function::Delete { connection, name } => {
            let path = path(&name)?;
            let client = target::client(&connection)?;
            client
                .raw_empty(Service::Own, Method::DELETE, &path)
                .await?;
            printer.remark(&format!("{name} is deleted; what calls it fails now"));
            Ok(())
        }
    }
}

/// The address of a function. What is no name must not become another address.
fn path(name: &str) -> Result<String, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure::usage(format!(
            "'{name}' is no name of a function: letters, digits, underscores"
        )));
    }
    Ok(format!("{PATH}/{name}"))
}

fn body(file: Option<&Path>) -> Result<String, Failure> {
    match file.filter(|file| *file != Path::new("-")) {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display()))),
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            Ok(text)
        }
    }
}

async fn find(client: &Client, name: &str) -> Result<Value, Failure> {
    let functions: Vec<Value> = client.collection(Service::Own, PATH).try_collect().await?;
    let found = functions.into_iter().find(|f| at(f, "name") == name);
    found.ok_or_else(|| {
        Failure::not_found(format!("no function {name}; see `bartizan function list`"))
    })
}

fn declaration(function: &Value) -> String {
    // Their lines count: a comment ends with one.
    let text = |name: &str| function[name].as_str().unwrap_or_default().trim_end();
    let (parameters, body) = (text("parameters"), text("body"));
    format!("let {} = ({parameters}) {{\n{body}\n}};\n", text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_address() {
        assert!(path("Mine_2").is_ok());
        for wrong in ["", "../rules", "a b", "a/b", "é"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_function_is_shown_as_a_query_would_declare_it() {
        let function = json!({ "name": "F", "parameters": "n:long", "body": "T\n| take n\n" });
        assert_eq!(
            declaration(&function),
            "let F = (n:long) {\nT\n| take n\n};\n"
        );
    }
}
