//! Bodies on their way in, as files below the data directory.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::data_dir::create_private_folder;

/// The folder inside the data directory.
const FOLDER: &str = "spool";

/// A folder of its own for one upload, removed with its guard.
#[derive(Debug)]
pub struct SpoolFolder(PathBuf);

impl SpoolFolder {
    /// Makes one.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn new(data: &Path) -> io::Result<Self> {
        let path = data.join(FOLDER).join(Uuid::new_v4().simple().to_string());
        create_private_folder(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SpoolFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "a spool folder could not be removed");
        }
    }
}

/// Removes what a killed server left: nobody waits for an answer about it any more, and what was acknowledged of it is
/// in the event store. Only for who holds the data directory's lock.
///
/// # Errors
/// What the disk reports.
pub fn clear(data: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(data.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_guard_and_the_rest_at_the_next_start() {
        let data = tempfile::tempdir().expect("a folder");
        clear(data.path()).expect("nothing to do");
        let folder = SpoolFolder::new(data.path()).expect("a folder");
        std::fs::write(folder.path().join("body"), b"x").expect("written");
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
        let left = SpoolFolder::new(data.path()).expect("a folder");
        std::mem::forget(left);
        clear(data.path()).expect("cleared");
        assert!(!data.path().join(FOLDER).exists());
    }
}
