//! `bartizan env`: where the server is, as lines that a shell evaluates. No secret is among them.

use serde_json::{Map, Value};

use crate::args::Connection;
use crate::exit::{Failure, Outcome};
use crate::place;
use crate::printer::Printer;
use crate::profile::{ADMINISTRATOR, Profile, default_data_dir};
use crate::target;

/// Prints the lines; as one object when JSON is asked for by name.
pub(crate) fn print(connection: &Connection, printer: &Printer) -> Outcome {
    // A shell may hold the variables of an earlier start, or of another tenant.
    let was_cloud = connection.cloud.is_some();
    let connection = &place::own_server(connection);
    let profile = target::profile(connection)?;
    let variables = variables(connection, &profile)?;
    if printer.json_was_asked() {
        let object: Map<String, Value> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect();
        return printer.json(&Value::Object(object));
    }
    let mut lines: String = variables
        .iter()
        .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''")))
        .collect();
    if was_cloud && profile.cloud.is_none() {
        lines.push_str("unset BARTIZAN_CLOUD\n");
    }
    printer.text(&lines)
}

fn variables(
    connection: &Connection,
    profile: &Profile,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let absolute =
        |path: &std::path::Path| std::path::absolute(path).map(|path| path.display().to_string());
    let mut variables = Vec::new();
    // Whose administrator the commands of this shell are: without it they would not look for one, since the server is named.
    match (&connection.profile, &connection.data) {
        _ if !place::profile_is_in_force(connection) => {}
        (Some(file), _) => variables.push(("BARTIZAN_PROFILE", absolute(file)?)),
        (None, Some(data)) => variables.push(("BARTIZAN_DATA", absolute(data)?)),
        (None, None) => {
            let data = default_data_dir();
            if data.join(ADMINISTRATOR).exists() {
                variables.push(("BARTIZAN_DATA", absolute(&data)?));
            }
        }
    }
    match (&profile.url, &profile.cloud) {
        (_, Some(cloud)) => variables.push(("BARTIZAN_CLOUD", cloud.clone())),
        (Some(url), None) => {
            variables.push(("BARTIZAN_URL", url.origin().ascii_serialization()));
        }
        (None, None) => {
            // The error of every other command, with its ways out.
            target::cloud(profile)?;
        }
    }
    if let Some(ca) = &profile.ca {
        variables.push(("BARTIZAN_CA", absolute(ca)?));
    }
    if let Some(proxy) = &profile.proxy {
        let proxy = proxy.as_str().trim_end_matches('/').to_owned();
        variables.push(("BARTIZAN_PROXY", proxy));
    }
    if let Some(tenant) = &profile.tenant {
        variables.push(("BARTIZAN_TENANT_ID", tenant.clone()));
    }
    Ok(variables)
}
