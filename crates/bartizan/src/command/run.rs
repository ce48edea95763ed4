//! `bartizan run -- COMMAND`: the command's calls to Microsoft's hosts are answered by the server.
//!
//! Proxy and trust variables are set in that child alone: no root, no hosts file, nothing to undo.

mod child;
mod relay;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use url::Url;

use crate::args::{Connection, Origin};
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;
use crate::profile::Profile;
use crate::target;

/// Variables by which runtimes find a proxy. Both spellings: curl reads only the lower-case one for http.
const PROXY: &[&str] = &["HTTPS_PROXY", "https_proxy"];
/// Variables that replace a runtime's roots; shells may have set some of them, so all are set.
const BUNDLE: &[&str] = &[
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "HTTPLIB2_CA_CERTS",
    "PIP_CERT",
    "NIX_SSL_CERT_FILE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];
/// Variables that add to a runtime's roots.
const EXTRA: &[&str] = &["NODE_EXTRA_CA_CERTS"];

/// Variables that prove the application which the caller exported.
const PROOFS: &[&str] = &[
    "BARTIZAN_CLIENT_SECRET",
    "BARTIZAN_CLIENT_CERTIFICATE",
    "BARTIZAN_FEDERATED_TOKEN_FILE",
];

/// Runs `command` and ends as it ends.
pub(crate) fn run(
    connection: &Connection,
    proxy: Option<Url>,
    command: &[OsString],
    printer: &Printer,
) -> Outcome {
    let (profile, _) = target::speaking(connection)?;
    target::note(connection, &profile);
    let proxy = proxy.or_else(|| profile.proxy.clone()).ok_or_else(|| {
        Failure::usage("this profile names no proxy; give --via or --data of a running server")
    })?;
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Failure::usage("which command?"))?;
    let mut child = Command::new(program);
    child.args(arguments);
    let relay = relay::start(&proxy, *printer)
        .map_err(|error| Failure::usage(format!("the proxy {proxy}: {error}")))?;
    if connection.explicit || connection.proof.is_some() || names_application(connection) {
        // What was typed replaces what was exported: no exported proof is left beside another application's id.
        for name in PROOFS {
            child.env_remove(name);
        }
    }
    for (name, value) in environment(&profile, &proxy, &format!("http://{relay}")) {
        child.env(name, value);
    }
    // A folder of roots would be read beside the file, or instead of it.
    child.env_remove("SSL_CERT_DIR");
    match child::run(child, program)? {
        0 => Ok(()),
        code => Err(Failure::reported(code)),
    }
}

/// The variables of the child, the connection's own among them so that scripts can read them.
fn environment(profile: &Profile, proxy: &Url, relay: &str) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&'static str, OsString)> = Vec::new();
    // Loopback stays direct: the own origin is not one of the proxied hosts.
    variables.extend(["NO_PROXY", "no_proxy"].map(|name| (name, "localhost,127.0.0.1,::1".into())));
    for name in PROXY {
        variables.push((name, OsString::from(relay)));
    }
    // Node 24 and later reads the proxy variables of its own fetch only when told to.
    variables.push(("NODE_USE_ENV_PROXY", OsString::from("1")));
    let existing = |path: &Path| path.as_os_str().to_owned();
    if let Some(ca) = &profile.ca {
        let bundle = profile.ca_bundle.as_ref().unwrap_or(ca);
        variables.extend(BUNDLE.iter().map(|name| (*name, existing(bundle))));
        variables.extend(EXTRA.iter().map(|name| (*name, existing(ca))));
        variables.push(("BARTIZAN_CA", existing(ca)));
    }
    variables.push((
        "BARTIZAN_PROXY",
        OsString::from(proxy.as_str().trim_end_matches('/')),
    ));
    if let Some(url) = &profile.url {
        let url = url.origin().ascii_serialization();
        variables.push(("BARTIZAN_URL", OsString::from(url)));
    }
    let files = [
        ("BARTIZAN_CLIENT_CERTIFICATE", &profile.certificate),
        (
            "BARTIZAN_FEDERATED_TOKEN_FILE",
            &profile.federated_token_file,
        ),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            // The child may work in another folder.
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            variables.push((name, existing(&file)));
        }
    }
    let texts = [
        ("BARTIZAN_TENANT_ID", &profile.tenant),
        ("BARTIZAN_CLIENT_ID", &profile.client_id),
        ("BARTIZAN_CLIENT_SECRET", &profile.client_secret),
    ];
    // Flags stand above what the caller exported, and that above the profile, as it is resolved for every command: the
    // child speaks as whom this command would.
    for (name, value) in texts {
        if let Some(value) = value {
            variables.push((name, OsString::from(value)));
        }
    }
    variables
}

/// Whether the command line says which application it is.
fn names_application(connection: &Connection) -> bool {
    connection.client_id.is_some() && connection.client_id_from == Origin::Flag
}
