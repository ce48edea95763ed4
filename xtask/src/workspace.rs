//! The repository on disk: its root, and files that a task makes.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The repository's root directory.
#[must_use]
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A file that a task makes, with the text it should have.
#[derive(Debug)]
pub struct Output {
    /// Where it belongs.
    pub path: PathBuf,
    /// What it should hold.
    pub text: String,
}

impl Output {
    /// Whether the file on disk differs.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        fs::read_to_string(&self.path).ok().as_deref() != Some(&self.text)
    }

    /// Writes the file, making its directory.
    ///
    /// # Errors
    /// When the directory or file cannot be written.
    pub fn write(&self) -> io::Result<()> {
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&self.path, &self.text)
    }
}
