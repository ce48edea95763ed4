//! Rust tables from the JSON files of `crates/contract/spec`.

mod access;
mod hunting;
mod identity_errors;
mod operations;
mod permissions;
pub mod spec;
mod text;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use serde::de::DeserializeOwned;

use crate::workspace::Output;

/// Why tables cannot be generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A spec file cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file's name.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A spec file has another shape than expected.
    #[error("{file}: {source}")]
    Parse {
        /// The file's name.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// rustfmt is missing or refused the text.
    #[error("rustfmt: {0}")]
    Format(String),
}

/// All of the spec files, read.
#[derive(Debug)]
pub struct Spec {
    /// `endpoints.json`
    pub endpoints: Vec<spec::Operation>,
    /// `permissions.json`
    pub permissions: spec::Permissions,
    /// `support.json`
    pub support: spec::Support,
    /// `hunting-schema.json`
    pub hunting: spec::Hunting,
    /// `identity-errors.json`
    pub identity_errors: spec::IdentityErrors,
    /// `entities.json`
    pub entities: spec::Entities,
}

impl Spec {
    /// Reads the spec files of the repository at `root`.
    ///
    /// # Errors
    /// When a file is missing or has another shape.
    pub fn read(root: &Path) -> Result<Self, GenerateError> {
        let dir = root.join("crates/contract/spec");
        Ok(Self {
            endpoints: read(&dir, "endpoints.json")?,
            permissions: read(&dir, "permissions.json")?,
            support: read(&dir, "support.json")?,
            hunting: read(&dir, "hunting-schema.json")?,
            identity_errors: read(&dir, "identity-errors.json")?,
            entities: read(&dir, "entities.json")?,
        })
    }
}

fn read<T: DeserializeOwned>(dir: &Path, file: &str) -> Result<T, GenerateError> {
    let text = fs::read_to_string(dir.join(file)).map_err(|source| GenerateError::Read {
        file: file.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| GenerateError::Parse {
        file: file.to_owned(),
        source,
    })
}

/// The generated Rust files of the repository at `root`.
///
/// # Errors
/// When a spec file or rustfmt is not usable.
pub fn outputs(root: &Path) -> Result<Vec<Output>, GenerateError> {
    let spec = Spec::read(root)?;
    let dir = root.join("crates/contract/src/generated");
    let files = [
        ("operations.rs", operations::render(&spec)),
        ("permissions.rs", permissions::render(&spec)),
        ("hunting.rs", hunting::render(&spec)),
        ("identity_errors.rs", identity_errors::render(&spec)),
    ];
    files
        .into_iter()
        .map(|(name, text)| {
            Ok(Output {
                path: dir.join(name),
                text: rustfmt(root, &text)?,
            })
        })
        .collect()
}

fn rustfmt(root: &Path, text: &str) -> Result<String, GenerateError> {
    let fail = |e: io::Error| GenerateError::Format(e.to_string());
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(fail)?;
    // rustfmt reads all of its input before it writes, so writing first cannot deadlock.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(fail)?;
    }
    let output = child.wait_with_output().map_err(fail)?;
    if !output.status.success() {
        return Err(GenerateError::Format(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    String::from_utf8(output.stdout).map_err(|e| GenerateError::Format(e.to_string()))
}
