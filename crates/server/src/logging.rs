//! The log: structured lines on standard error or in a file, without secrets.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// Starts logging for the process. `RUST_LOG` decides what is logged; without it, warnings, and with `verbose` more.
/// To a file, requests are logged as well, as there is nobody whom they could disturb.
///
/// # Errors
/// The file cannot be opened, or the process logs already.
pub fn start(file: Option<&Path>, json: bool, verbose: u8) -> std::io::Result<()> {
    let level = match (verbose, file) {
        (0, None) => "warn",
        (0, Some(_)) | (1, _) => "warn,bartizan=info,bartizan_server=info,bartizan_hunting=info",
        (2, _) => "info,bartizan=debug,bartizan_server=debug,bartizan_hunting=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match (file, json) {
        (None, false) => builder.with_writer(std::io::stderr).try_init(),
        (None, true) => builder.json().with_writer(std::io::stderr).try_init(),
        (Some(path), json) => {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let writer = Mutex::new(options.open(path)?);
            let builder = builder.with_ansi(false).with_writer(writer);
            if json {
                builder.json().try_init()
            } else {
                builder.try_init()
            }
        }
    };
    started.map_err(std::io::Error::other)
}
