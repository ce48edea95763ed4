//! How a server was started, so that `bartizan stop` can say how it is started again.

use std::path::Path;

use bartizan_server::data_dir::write_private;

use crate::args::Serve;
use crate::profile::{START_FILE, started_by};
use crate::shell::{quoted, quoted_path};

/// The command that starts a server of these arguments again. A database's address may hold a password: of it only is
/// said that there was one.
pub(super) fn command(args: &Serve, data: &Path, with_demo: bool, detached: bool) -> String {
    let mut words = format!(
        "bartizan {} --data {}",
        if with_demo { "demo" } else { "serve" },
        quoted_path(data)
    );
    let values = [
        ("--ports", args.ports.map(|first| first.to_string())),
        ("--https", args.https.map(|at| at.to_string())),
        ("--http", args.http.map(|at| at.to_string())),
        ("--proxy", args.proxy.map(|at| at.to_string())),
        (
            "--public-url",
            args.public_url.as_ref().map(url::Url::to_string),
        ),
        ("--config", args.config.as_deref().map(absolute)),
        (
            "--database",
            args.database.as_ref().map(|_| "URL".to_owned()),
        ),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            words.push_str(&format!(" {name} {}", quoted(&value)));
        }
    }
    let flags = [
        ("--expose", args.expose),
        ("--proxy-pass-through", args.proxy_pass_through),
        ("--log-json", args.log_json),
        ("--detach", detached),
    ];
    for (name, _) in flags.iter().filter(|(_, given)| *given) {
        words.push(' ');
        words.push_str(name);
    }
    words
}

fn absolute(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    full.display().to_string()
}

/// Keeps the command beside the data.
pub(super) fn note(data: &Path, command: &str) -> std::io::Result<()> {
    write_private(&data.join(START_FILE), command.as_bytes())
}

/// What to add to a remark about a server that does not run: the command that starts it, where one is known.
pub(super) fn remark(data: &Path) -> String {
    match started_by(data) {
        Some(command) => format!("; to start it again: {command}"),
        // Of a server that never ran here, or an older one.
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_says_all_but_secrets() {
        let args = Serve {
            ports: Some(9000),
            expose: true,
            database: Some("postgres://me:secret@db/x".to_owned()),
            ..Serve::default()
        };
        assert_eq!(
            command(&args, Path::new("/my data"), true, true),
            "bartizan demo --data '/my data' --ports 9000 --database URL --expose --detach"
        );
        assert_eq!(
            command(&Serve::default(), Path::new("/d"), false, false),
            "bartizan serve --data /d"
        );
    }
}
