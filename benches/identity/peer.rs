//! npm's `oidc-provider` on the same load: one client, RS256 JWT access tokens, the adapter in memory.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::load::{Load, Measured, Prepared};

/// Ends the peer, whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Installs it, unless that was done, and measures it.
pub(crate) async fn measure(span: Duration) -> Outcome<Measured> {
    let measured =
        tokio::task::spawn_blocking(move || blocking(span).map_err(|error| error.to_string()));
    Ok(measured.await??)
}

fn blocking(span: Duration) -> Outcome<Measured> {
    let here = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../benches/identity/peer"
    ));
    if !here.join("node_modules").exists() {
        let done = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--silent"])
            .current_dir(here)
            .status()?;
        if !done.success() {
            return Err("npm ci failed".into());
        }
    }
    let mut child = Running(
        Command::new("node")
            .arg("server.mjs")
            .current_dir(here)
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let output = child.0.stdout.take().ok_or("no output of the peer")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let base = line.trim().to_owned();
    let form = "grant_type=client_credentials&client_id=benchmark&client_secret=benchmark-secret-of-no-use&scope=read";
    let requests = [Prepared::form("/token".to_owned(), form.to_owned())];
    Load {
        base: &base,
        requests: &requests,
        pid: child.0.id(),
        warm_up: crate::WARM_UP,
    }
    .run(span, || {})
}
