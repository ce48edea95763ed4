//! `bartizan ca`: where the local certificate authority is, and how tools are told to trust it.

use std::path::Path;

use serde_json::json;

use crate::args::Connection;
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;
use crate::target;

/// A kind of tool, and what to do; `{ca}` is our certificate alone, `{bundle}` the system's roots and ours.
const TRUST: &[(&str, &str)] = &[
    ("this command only", "bartizan run -- COMMAND"),
    (
        "curl",
        "curl --cacert {ca} …   or   CURL_CA_BUNDLE={bundle}",
    ),
    (
        "Python requests (MSAL, azure-identity)",
        "REQUESTS_CA_BUNDLE={bundle}",
    ),
    (
        "Python ssl (urllib, httpx, aiohttp)",
        "SSL_CERT_FILE={bundle}",
    ),
    ("Node.js", "NODE_EXTRA_CA_CERTS={ca}"),
    (
        "Rust (rustls-native-certs), Go on Linux",
        "SSL_CERT_FILE={bundle}",
    ),
    (".NET and PowerShell on Linux", "SSL_CERT_FILE={bundle}"),
    (
        "Java",
        "keytool -importcert -file {ca} -keystore bartizan.p12 …, then -Djavax.net.ssl.trustStore=bartizan.p12",
    ),
    (
        "Browsers",
        "import {ca} as an authority in the settings of a profile kept for this",
    ),
    ("git", "git -c http.sslCAInfo={bundle} …"),
];

/// Prints the paths and the table.
pub(crate) fn print(connection: &Connection, printer: &Printer) -> Outcome {
    let profile = target::profile(connection)?;
    let ca = profile.ca.ok_or_else(|| {
        Failure::usage("this profile names no certificate authority; it is for a server with a public certificate")
    })?;
    let bundle = profile.ca_bundle.unwrap_or_else(|| ca.clone());
    if !printer.is_table() {
        return printer.json(&json!({ "ca": ca, "bundle": bundle }));
    }
    printer.text(&text(&ca, &bundle))
}

fn text(ca: &Path, bundle: &Path) -> String {
    let width = TRUST
        .iter()
        .map(|(tool, _)| tool.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = format!(
        "{}\n\nSigns for the hosts that this server answers for and for loopback, and for nothing else (name constraints).\n\
         Its key is in the same folder, readable by you alone. Nothing has been installed; prefer the variables below,\n\
         set for one command, to trusting it system-wide.\n\n",
        ca.display()
    );
    for (tool, how) in TRUST {
        let how = how
            .replace("{ca}", &ca.display().to_string())
            .replace("{bundle}", &bundle.display().to_string());
        text.push_str(&format!("{tool:width$}  {how}\n"));
    }
    text
}
